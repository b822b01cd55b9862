// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the fault to the supervisor: by the record, and by waitpid().
 */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "bench.h"

#define FAULTS 200

static int64_t *fault_time;

static void note_and_fault(void *with)
{
	*fault_time = now_ns();
	signal_self(SIGSEGV);
}

struct waiter {
	pid_t pid;
	int64_t at;
};

static void *wait_for(void *with)
{
	struct waiter *waiter = with;

	waitpid(waiter->pid, NULL, 0);
	waiter->at = now_ns();
	return NULL;
}

static bool is_fatal(const struct event *event, uint64_t cookie)
{
	return event->record.cookie == cookie && event->record.type == FAULTLINE_RECORD_FATAL;
}

void latency_bench(void)
{
	static int64_t waited[FAULTS], told[FAULTS];
	struct figures by_record = { told, FAULTS }, by_wait = { waited, FAULTS };
	struct client client;
	int err = module_load("") ?: client_open(&client) ?: client_join(&client);

	if (err)
		die("loading the module", err);
	fault_time = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < FAULTS; i++) {
		struct victim victim;
		struct waiter waiter;
		pthread_t thread;

		err = victim_start(&client, &victim, note_and_fault, NULL);
		if (err)
			die("setting a watch", err);
		waiter.pid = victim.pid;
		pthread_create(&thread, NULL, wait_for, &waiter);
		err = client_wait(&client, 5000, is_fatal, victim.cookie);
		if (err)
			die("waiting for a record", err);
		told[i] = now_ns() - *fault_time;
		pthread_join(thread, NULL);
		waited[i] = waiter.at - *fault_time;
		client_wait_last(&client, victim.cookie);
		client_forget(&client);
	}
	client_close(&client);
	module_unload();
	row_print("fault to record", "ns", &by_record, NULL);
	row_print("fault to waitpid", "ns", &by_wait, NULL);
}
