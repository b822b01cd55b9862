// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module goes whenever it is told to: with works pending on tasks that do
 * not move, in the middle of a storm of faults, with watches in force.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

#define LOG_SIZE (1 << 20)
#define TARGETS 8

FIXTURE(unload) {
	struct client client;
	char *log;
};

FIXTURE_SETUP(unload)
{
	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
	/* "created" and "destroyed" go to the kernel's log. */
	ASSERT_EQ(module_load("dyndbg=+p"), 0);
	ASSERT_EQ(client_open(&self->client), 0);
	self->log = malloc(LOG_SIZE);
	klogctl(5, NULL, 0);	/* clear */
}

FIXTURE_TEARDOWN(unload)
{
	client_close(&self->client);
	if (module_loaded())
		EXPECT_EQ(module_unload(), 0);
	/* And it can be used again. */
	ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(module_unload(), 0);
}

static int log_count(char *log, const char *format, int number)
{
	int len = klogctl(3, log, LOG_SIZE - 1), count = 0;
	char text[64];

	snprintf(text, sizeof(text), format, number);
	log[len > 0 ? len : 0] = 0;
	for (char *at = log; (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Unload with @works pending on tasks that cannot run them. */
#define UNLOAD_WITH(works) do {							\
	int64_t begin = now_ms();						\
	ASSERT_EQ(module_unload(), 0);						\
	EXPECT_LT(now_ms() - begin, 5000);					\
	EXPECT_EQ(log_count(self->log, "%d works left to their tasks", works), 1); \
} while (0)

static void stop(void *with)
{
	raise(SIGSTOP);
	for (;;)
		pause();
}

TEST_F(unload, with_stopped_targets)
{
	struct victim victims[TARGETS];
	int status;

	for (int i = 0; i < TARGETS; i++) {
		ASSERT_EQ(victim_start(&self->client, &victims[i], stop, NULL), 0);
		ASSERT_EQ(waitpid(victims[i].pid, &status, WUNTRACED), victims[i].pid);
		ASSERT_TRUE(WIFSTOPPED(status));
		kill(victims[i].pid, SIGABRT);
	}
	UNLOAD_WITH(TARGETS);
	for (int i = 0; i < TARGETS; i++) {
		kill(victims[i].pid, SIGCONT);
		ASSERT_EQ(waitpid(victims[i].pid, &status, 0), victims[i].pid);
		EXPECT_EQ(WTERMSIG(status), SIGABRT);
	}
}

/* Stopped by one load, faulting under the next. */
TEST_F(unload, and_load_again_with_stopped_targets)
{
	struct victim victim;
	int status;

	ASSERT_EQ(victim_start(&self->client, &victim, stop, NULL), 0);
	ASSERT_EQ(waitpid(victim.pid, &status, WUNTRACED), victim.pid);
	kill(victim.pid, SIGABRT);
	UNLOAD_WITH(1);
	client_close(&self->client);
	ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_join(&self->client), 0);
	ASSERT_EQ(client_watch(&self->client, victim.pid, 77, NULL), 0);
	kill(victim.pid, SIGCONT);
	ASSERT_EQ(client_wait_last(&self->client, 77), 0);
	ASSERT_EQ(waitpid(victim.pid, &status, 0), victim.pid);
	ASSERT_EQ(self->client.count, 2);
	EXPECT_EQ(self->client.events[0].record.signo, SIGABRT);
	EXPECT_NE(self->client.events[0].capture, NULL);
}

static void wait_for_end(void *with)
{
	for (;;)
		pause();
}

TEST_F(unload, with_a_traced_target)
{
	struct victim victim;
	int status;

	ASSERT_EQ(victim_start(&self->client, &victim, wait_for_end, NULL), 0);
	ASSERT_EQ(ptrace(PTRACE_SEIZE, victim.pid, 0, 0), 0);
	ASSERT_EQ(ptrace(PTRACE_INTERRUPT, victim.pid, 0, 0), 0);
	ASSERT_EQ(waitpid(victim.pid, &status, 0), victim.pid);
	kill(victim.pid, SIGTERM);
	kill(victim.pid, SIGABRT);
	UNLOAD_WITH(2);
	ptrace(PTRACE_DETACH, victim.pid, 0, 0);
	ASSERT_EQ(waitpid(victim.pid, &status, 0), victim.pid);
	EXPECT_TRUE(WIFSIGNALED(status));
}

/* The parent of a vfork child sleeps as nothing but SIGKILL can interrupt. */
static void wait_for_vfork_child(void *with)
{
	volatile int *go = with;

	if (!vfork()) {
		while (!*go)
			usleep(1000);
		_exit(0);
	}
	for (;;)
		pause();
}

TEST_F(unload, with_a_target_in_uninterruptible_sleep)
{
	volatile int *go = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct victim victim;
	int status;

	ASSERT_EQ(victim_start(&self->client, &victim, wait_for_vfork_child, (void *)go), 0);
	usleep(50000);
	kill(victim.pid, SIGABRT);
	UNLOAD_WITH(1);
	EXPECT_EQ(waitpid(victim.pid, &status, WNOHANG), 0);
	*go = 1;
	ASSERT_EQ(waitpid(victim.pid, &status, 0), victim.pid);
	EXPECT_EQ(WTERMSIG(status), SIGABRT);
}

/* Killed while the work is pending: it is run by the exit. */
TEST_F(unload, with_targets_that_are_killed)
{
	struct victim victim;
	int status;

	ASSERT_EQ(victim_start(&self->client, &victim, stop, NULL), 0);
	ASSERT_EQ(waitpid(victim.pid, &status, WUNTRACED), victim.pid);
	kill(victim.pid, SIGABRT);
	UNLOAD_WITH(1);
	kill(victim.pid, SIGKILL);
	ASSERT_EQ(waitpid(victim.pid, &status, 0), victim.pid);
}

static void *fault_in_thread(void *with)
{
	signal_self(SIGABRT);
	return NULL;
}

static void fault_in_some_way(int way)
{
	pthread_t threads[3];

	switch (way % 4) {
	case 0:
		signal_self(SIGSEGV);
		break;
	case 1:
		__builtin_trap();
		break;
	case 2:
		for (int i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, fault_in_thread, NULL);
		pause();
		break;
	case 3:
		kill(getpid(), SIGTERM);
		break;
	}
}

static void storm(void *with)
{
	for (int way = 0;; way++) {
		/* Threads cannot be made in a borrowed address space. */
		if (!(way % 4 == 2 ? fork() : vfork())) {
			fault_in_some_way(way);
			_exit(0);
		}
		/* A few at a time. */
		if (way > 3)
			wait(NULL);
	}
}

/* In this test's own time: at least so many rounds, and more as long as a minute lasts. */
#define ROUNDS_MIN 30
#define STORM_MS 20000

/* What the module says of its own, and what nobody may have to say. */
static void log_judge(struct __test_metadata *_metadata, char *log, int round)
{
	static const char *const complaints[] = {
		"WARNING:", "BUG:", "possible ", "suspicious RCU", "inconsistent lock", "refcount_t",
	};
	int created = log_count(log, "created", 0);

	ASSERT_EQ(created, 1) {
		TH_LOG("round %d", round);
	}
	ASSERT_EQ(log_count(log, "destroyed", 0), created) {
		TH_LOG("round %d", round);
	}
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
		ASSERT_EQ(log_count(log, complaints[i], 0), 0) {
			TH_LOG("round %d: %s", round, complaints[i]);
		}
	}
	klogctl(5, NULL, 0);
}

/* UNLOAD_ROUNDS in the environment: exactly so many. */
TEST_F_TIMEOUT(unload, and_load_in_a_storm, 3600)
{
	const char *wanted = getenv("UNLOAD_ROUNDS");
	int rounds = wanted ? atoi(wanted) : ROUNDS_MIN, i;
	int64_t end = wanted ? 0 : now_ms() + STORM_MS;
	uint64_t emitted = 0;
	struct stats stats;
	pid_t pid;

	client_close(&self->client);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		storm(NULL);
	}
	for (i = 0; i < rounds || now_ms() < end; i++) {
		if (i)
			ASSERT_EQ(module_load("dyndbg=+p"), 0);
		ASSERT_EQ(client_open(&self->client), 0);
		ASSERT_EQ(client_watch(&self->client, pid, i, NULL), 0);
		if (i % 3)
			ASSERT_EQ(client_join(&self->client), 0);
		usleep(i % 2 ? 80000 : 1000);
		ASSERT_EQ(client_stats(&self->client, &stats), 0);
		EXPECT_TRUE(stats_balance(&stats));
		emitted += stats.value[FAULTLINE_STATS_A_EMITTED];
		client_close(&self->client);
		ASSERT_EQ(module_unload(), 0);
		log_judge(_metadata, self->log, i);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_GT(emitted, ROUNDS_MIN);
	TH_LOG("%llu records in %d rounds", (unsigned long long)emitted, i);
}

TEST_HARNESS_MAIN
