// SPDX-License-Identifier: GPL-2.0-only
#include "tests/probes/hangs.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint32_t hang_watch;
volatile int *hang_go_on;

pid_t hang_spawn(int (*act)(void *), void *argument, const struct source_settings *settings)
{
	struct error err = {};
	pid_t pid = stage_fork(act, argument);

	if (stage.ops->watch(stage.source, pid, ++stage.cookie, settings, &hang_watch, &err))
		fail_msg("watch: %s", err.text);
	stage_release();
	return pid;
}

struct source_settings hang_one(enum faultline_watch_attr attr, uint64_t ms)
{
	struct source_settings settings = {};

	source_settings_give(&settings, attr, ms);
	return settings;
}

struct source_settings hang_all(uint64_t ms)
{
	struct source_settings settings = {};

	for (int attr = FAULTLINE_WATCH_A_DSTATE_MS; attr <= FAULTLINE_WATCH_A_DEADLOCK_MS; attr++)
		source_settings_give(&settings, attr, ms);
	source_settings_give(&settings, FAULTLINE_WATCH_A_WORK, 1);
	return settings;
}

const struct faultline_record *hang_find(pid_t tgid, int type, int code)
{
	for (size_t i = 0; i < stage.count; i++) {
		const struct faultline_record *record = &stage.seen[i].record;

		if (record->tgid == tgid && record->type == type && record->code == code)
			return record;
	}
	return NULL;
}

static void over(struct ev_loop *loop, ev_timer *timer, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

void hang_run(double seconds)
{
	ev_timer timer;

	ev_timer_init(&timer, over, seconds, 0.);
	ev_now_update(stage.loop);
	ev_timer_start(stage.loop, &timer);
	ev_run(stage.loop, 0);
	ev_timer_stop(stage.loop, &timer);
}

const struct faultline_record *hang_until(pid_t tgid, int type, int code)
{
	for (int i = 0; i < PATIENCE_S * 20; i++) {
		const struct faultline_record *found = hang_find(tgid, type, code);

		if (found)
			return found;
		hang_run(0.05);
	}
	fail_msg("no record of type %d, code %d", type, code);
	return NULL;
}

void hang_end(pid_t pid)
{
	kill(pid, SIGKILL);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, 0);
	stage_until_last();
	stage_ledger();
}

void assert_no_hang(void)
{
	for (size_t i = 0; i < stage.count; i++)
		if (stage.seen[i].record.type == HANG)
			fail_msg("a hang of code %d", stage.seen[i].record.code);
}

void assert_quiet(pid_t pid)
{
	hang_run(QUIET_S);
	assert_no_hang();
	hang_end(pid);
	assert_no_hang();
}

int spin(void *argument)
{
	volatile unsigned long turns = 0;

	while (*hang_go_on)
		turns++;
	for (;;)
		pause();
	return 0;
}

int work_and_rest(void *argument)
{
	volatile unsigned long turns = 0;

	for (;;) {
		/* Short even on a machine that is emulated and has half a CPU. */
		for (int i = 0; i < 50000; i++)
			turns++;
		usleep(1000);
	}
	return 0;
}

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *lock_second_first(void *argument)
{
	pthread_mutex_lock(&second);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&first);
	return NULL;
}

/* As programs of two threads do it. With an argument, a third one waits with a time limit. */
static void *wait_again_and_again(void *argument)
{
	struct timespec until;

	for (;;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 3600;
		pthread_mutex_timedlock(&first, &until);
	}
	return NULL;
}

int deadlock(void *argument)
{
	pthread_t other;

	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&other, NULL, lock_second_first, NULL);
	if (argument)
		pthread_create(&other, NULL, wait_again_and_again, NULL);
	pthread_mutex_lock(&first);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&second);
	return 0;
}
