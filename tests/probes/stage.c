// SPDX-License-Identifier: GPL-2.0-only
#include "tests/probes/stage.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct stage stage;

static int gate[2] = { -1, -1 }, there[2] = { -1, -1 };

static void record_seen(void *user, const struct faultline_record *record,
			const struct faultline_capture *capture)
{
	const struct faultline_memory *memory;
	const struct faultline_usage *usage;
	struct seen *seen;

	if (stage.count == stage.room) {
		stage.room = stage.room ? stage.room * 2 : 64;
		stage.seen = reallocarray(stage.seen, stage.room, sizeof(*stage.seen));
		assert_non_null(stage.seen);
	}
	seen = &stage.seen[stage.count++];
	memset(seen, 0, sizeof(*seen));
	seen->record = *record;
	seen->captured = capture;
	usage = source_block_find(record, FAULTLINE_BLOCK_LIMIT, sizeof(*usage));
	if (usage)
		seen->usage = *usage;
	memory = source_block_find(record, FAULTLINE_BLOCK_MEMORY, sizeof(*memory));
	if (memory)
		seen->memory = *memory;
	if (!capture && record->len <= sizeof(seen->whole))
		memcpy(seen->whole, record, record->len);
	if (!capture)
		return;
	seen->capture = *capture;
	memcpy(seen->stack, capture->stack, capture->stack_len);
}

void stage_open(void)
{
	if (stage.ops->open(&stage.source, stage.loop, record_seen, NULL, stage.owner,
			    &stage.reason))
		stage.source = NULL;
}

int stage_setup(void **state)
{
	stage.loop = ev_loop_new(EVFLAG_AUTO);
	if (!stage.loop)
		return -1;
	stage_open();
	return 0;
}

int stage_teardown(void **state)
{
	if (stage.source)
		stage.ops->close(stage.source);
	ev_loop_destroy(stage.loop);
	free(stage.seen);
	return 0;
}

void stage_skip(const char *why)
{
	print_message("# %s\n", why);
	skip();
}

void stage_begin(void)
{
	if (!stage.source) {
		print_message("# %s\n", stage.reason.text);
		/* Where the kernel is known to have it. */
		assert_null(getenv("SOURCE_REQUIRED"));
		skip();
	}
	stage_drain();
	if (stage.count)
		assert_int_equal(stage.ops->ack(stage.source,
						stage.seen[stage.count - 1].record.seq), 0);
	stage.count = 0;
}

pid_t stage_fork(int (*act)(void *argument), void *argument)
{
	struct rlimit core;
	sigset_t all;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(gate), 0);
	close(there[0]);
	assert_int_equal(pipe(there), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid) {
		close(gate[0]);
		close(there[1]);
		return pid;
	}
	close(gate[1]);
	close(there[0]);
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &core);
	while (read(gate[0], &byte, 1) < 0 && errno == EINTR)
		;
	_exit(act(argument));
}

void stage_release(void)
{
	close(gate[1]);
}

void stage_tell(void)
{
	if (write(there[1], "", 1) != 1)
		_exit(99);
}

void stage_hear(void)
{
	struct pollfd fd = { .fd = there[0], .events = POLLIN };
	char byte;

	assert_int_equal(poll(&fd, 1, STAGE_PATIENCE_S * 1000), 1);
	assert_int_equal(read(there[0], &byte, 1), 1);
}

pid_t stage_spawn(int (*act)(void *argument), void *argument)
{
	struct error err = {};
	uint32_t watch;
	pid_t pid = stage_fork(act, argument);

	if (stage.ops->watch(stage.source, pid, ++stage.cookie, NULL, &watch, &err))
		fail_msg("watch: %s", err.text);
	stage_release();
	return pid;
}

static bool last_seen(void)
{
	for (size_t i = 0; i < stage.count; i++)
		if (stage.seen[i].record.cookie == stage.cookie &&
		    stage.seen[i].record.flags & FAULTLINE_F_LAST)
			return true;
	return false;
}

static void patience_ended(struct ev_loop *loop, ev_timer *timer, int events)
{
	*(bool *)timer->data = true;
}

void stage_until_last(void)
{
	bool late = false;
	ev_timer timer;

	/* What a source that was just opened has to hand on needs no event from outside. */
	stage_drain();
	ev_timer_init(&timer, patience_ended, 0, STAGE_PATIENCE_S);
	timer.data = &late;
	ev_now_update(stage.loop);
	ev_timer_again(stage.loop, &timer);
	while (!last_seen() && !late) {
		size_t before = stage.count;

		ev_run(stage.loop, EVRUN_ONCE);
		if (stage.count != before)
			ev_timer_again(stage.loop, &timer);
	}
	ev_timer_stop(stage.loop, &timer);
	assert_false(late);
}

void stage_drain(void)
{
	size_t before;

	do {
		before = stage.count;
		ev_run(stage.loop, EVRUN_NOWAIT);
	} while (stage.count != before);
}

int stage_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

const struct seen *stage_find(pid_t tgid, int type)
{
	const struct seen *found = NULL;

	for (size_t i = 0; i < stage.count; i++) {
		if (stage.seen[i].record.tgid != tgid || stage.seen[i].record.type != type)
			continue;
		assert_null(found);
		found = &stage.seen[i];
	}
	return found;
}

size_t stage_count(int type)
{
	size_t count = 0;

	for (size_t i = 0; i < stage.count; i++)
		count += stage.seen[i].record.type == type;
	return count;
}

struct source_ledger stage_ledger(void)
{
	struct source_ledger ledger = {};

	assert_int_equal(stage.ops->ledger(stage.source, &ledger), 0);
	assert_int_equal(ledger.emitted, ledger.delivered + ledger.pending + ledger.lost);
	return ledger;
}
