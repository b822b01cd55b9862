// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures: what one takes, of a process that has little, and of processes that
 * have one thing in plenty each. What is beyond the first is what that costs.
 */
#include <alloca.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define CAPTURES 60
#define STACK (20 << 10)	/* more than is taken */
#define THREADS 70		/* likewise */
#define FILE_MAPPINGS 400	/* likewise */
#define ANONYMOUS_MAPPINGS 30000

static void touch_null(void *with)
{
	asm volatile("mov (%0), %%al" :: "r"(24L) : "al");
}

static void *sleep_in_thread(void *with)
{
	pthread_barrier_wait(with);
	sleep_for_ever(NULL);
	return NULL;
}

static void threads_start(void)
{
	static pthread_barrier_t all;
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32 << 10);
	pthread_barrier_init(&all, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, &attr, sleep_in_thread, &all))
			_exit(1);
	pthread_barrier_wait(&all);
}

/* Of two files in turn, as each that is another than the one before it has its name looked up. */
static void files_map(void)
{
	static const char *const names[] = { "./victim", "./kmod_bench" };

	for (int i = 0; i < FILE_MAPPINGS; i++) {
		int fd = open(names[i % 2], O_RDONLY);
		volatile char *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

		if (at == MAP_FAILED)
			_exit(1);
		(void)at[0];
		close(fd);
	}
}

/* Every second page has other rights, so that none can be joined with the next. */
static void memory_map(void)
{
	char *all = mmap(NULL, ANONYMOUS_MAPPINGS * 4096L, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		_exit(1);
	for (long i = 0; i < ANONYMOUS_MAPPINGS; i += 2)
		if (mprotect(all + i * 4096, 4096, PROT_READ))
			_exit(1);
}

static void with_stack(void *with)
{
	char *room = alloca(STACK);

	memset(room, 1, STACK);
	asm volatile("" :: "r"(room) : "memory");
	touch_null(NULL);
}

static void with_threads(void *with)
{
	threads_start();
	touch_null(NULL);
}

static void with_files(void *with)
{
	files_map();
	touch_null(NULL);
}

static void with_memory(void *with)
{
	memory_map();
	touch_null(NULL);
}

static void with_all(void *with)
{
	threads_start();
	files_map();
	memory_map();
	with_stack(NULL);
}

static bool is_fatal(const struct event *event, uint64_t cookie)
{
	return event->record.cookie == cookie && event->record.type == FAULTLINE_RECORD_FATAL;
}

static void measure(struct client *client, const char *what, void (*function)(void *with), int count)
{
	static int64_t costs[CAPTURES], sizes[CAPTURES];
	struct figures cost = { costs, count }, size = { sizes, count };
	char text[96];

	for (int i = 0; i < count; i++) {
		const struct event *event = &client->events[0];
		struct victim victim;
		int err = victim_start(client, &victim, function, NULL) ?:
			  client_wait(client, 20000, is_fatal, victim.cookie);

		if (err)
			die(what, err);
		waitpid(victim.pid, NULL, 0);
		client_wait_last(client, victim.cookie);
		if (!event->capture)
			die("a record without a capture", -1);
		costs[i] = event->capture->cost_ns;
		sizes[i] = event->record.len;
		client_ack(client, client->events[client->count - 1].record.seq);
		client_forget(client);
	}
	snprintf(text, sizeof(text), "capture, %s", what);
	row_print(text, "ns", &cost, NULL);
	snprintf(text, sizeof(text), "its record, %s", what);
	row_print(text, "bytes", &size, NULL);
}

void capture_bench(void)
{
	struct client client;
	int err = module_load("") ?: client_open(&client) ?: client_join(&client);

	if (err)
		die("loading the module", err);
	measure(&client, "a small program", touch_null, CAPTURES);
	measure(&client, "16 KiB of stack", with_stack, CAPTURES);
	measure(&client, "64 threads", with_threads, CAPTURES);
	measure(&client, "400 mappings of files", with_files, CAPTURES);
	/* They take long to make, not to capture. */
	measure(&client, "30,000 mappings", with_memory, CAPTURES / 6);
	measure(&client, "all of these", with_all, CAPTURES / 6);
	client_close(&client);
	module_unload();
}
