// SPDX-License-Identifier: GPL-2.0-only
/* Watches, and the ledger: what is refused, acknowledged, read late and taken over. */
#include "tests/probes/ends.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int crash_in_namespace(void *argument)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return 93;
	pid = fork();
	if (!pid) {
		/* Process 1 in there; its own signals would not end it, a fault does. */
		if (getpid() != 1)
			_exit(92);
		if (!fork())
			kill(getpid(), SIGTERM);
		wait(NULL);
		crash(NULL);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

void test_pid_namespace(void **state)
{
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash_in_namespace, NULL);
	stage_until_last();
	assert_exited(pid, 0);
	assert_int_equal(stage_count(FATAL), 2);
	for (size_t i = 0; i < stage.count; i++) {
		assert_true(stage.seen[i].record.tgid >= pid);
		if (stage.seen[i].record.type == FATAL)
			assert_false(stage.seen[i].record.flags & FAULTLINE_F_SENT);
	}
}

void test_unwatched(void **state)
{
	struct source_ledger before;
	pid_t pid;

	stage_begin();
	before = stage_ledger();
	pid = stage_fork(crash_in_grandchild, NULL);
	stage_release();
	assert_exited(pid, 3);
	stage_drain();
	assert_int_equal(stage.count, 0);
	assert_int_equal(stage_ledger().emitted, before.emitted);
}

static int watch(pid_t pid, uint64_t cookie, struct error *err)
{
	uint32_t id;

	return stage.ops->watch(stage.source, pid, cookie, NULL, &id, err);
}

void test_watch_refused(void **state)
{
	struct error err = {};
	pid_t pid;

	stage_begin();
	pid = stage_fork(exit_seven, NULL);
	assert_int_equal(watch(pid, ++stage.cookie, &err), 0);
	assert_int_equal(watch(pid, 1, &err), -EEXIST);
	stage_release();
	stage_until_last();
	/* It is a zombie now. */
	assert_int_equal(watch(pid, 1, NULL), -ESRCH);
	assert_exited(pid, 7);
	assert_int_equal(watch(pid, 1, NULL), -ESRCH);
	assert_int_equal(watch(0, 1, NULL), -ESRCH);
}

void test_settings(void **state)
{
	struct source_settings settings = {};
	struct error err = {};
	uint32_t id;
	pid_t pid;

	source_settings_give(&settings, FAULTLINE_WATCH_A_DSTATE_MS, 1000);
	source_settings_give(&settings, FAULTLINE_WATCH_A_SOFT_MEMORY, 1ULL << 40);
	stage_begin();
	pid = stage_fork(exit_seven, NULL);
	assert_int_equal(stage.ops->watch(stage.source, pid, ++stage.cookie, &settings, &id, &err), 0);
	source_settings_give(&settings, FAULTLINE_WATCH_A_CAPTURE, 0);
	assert_int_equal(stage.ops->change(stage.source, id, &settings), 0);
	assert_int_equal(stage.ops->change(stage.source, id + 1, &settings), -ENOENT);
	if (stage.ops == &source_probes) {
		assert_int_equal(stage.ops->heartbeat(stage.source, id), 0);
		assert_int_equal(stage.ops->heartbeat(stage.source, id + 1), -ENOENT);
		assert_int_equal(stage.ops->release(stage.source, id), -EOPNOTSUPP);
	}
	stage_release();
	stage_until_last();
	assert_exited(pid, 7);
	assert_int_equal(stage.ops->change(stage.source, id, &settings), -ENOENT);
}

void test_ack(void **state)
{
	struct source_ledger ledger;
	uint64_t seq;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	seq = stage.seen[stage.count - 1].record.seq;
	assert_int_equal(stage.ops->ack(stage.source, seq + 1), -ERANGE);
	assert_int_equal(stage.ops->ack(stage.source, seq - 1), 0);
	ledger = stage_ledger();
	assert_int_equal(ledger.delivered, seq - 1);
	assert_int_equal(ledger.pending, 1);
	assert_int_equal(stage.ops->ack(stage.source, seq), 0);
	assert_int_equal(stage.ops->ack(stage.source, seq - 1), 0);
	ledger = stage_ledger();
	assert_int_equal(ledger.delivered, seq);
	assert_int_equal(ledger.pending, 0);
}

static int crash_many(void *argument)
{
	for (int i = 0; i < *(int *)argument; i++) {
		pid_t pid = fork();

		if (!pid)
			crash(NULL);
		waitpid(pid, NULL, 0);
	}
	return 0;
}

static void assert_without_gaps(void)
{
	for (size_t i = 1; i < stage.count; i++)
		assert_int_equal(stage.seen[i].record.seq, stage.seen[i - 1].record.seq + 1);
}

void test_thousand(void **state)
{
	struct source_ledger before, after;
	int many = 1000;
	pid_t pid;

	stage_begin();
	before = stage_ledger();
	pid = stage_spawn(crash_many, &many);
	stage_until_last();
	assert_exited(pid, 0);
	after = stage_ledger();
	assert_int_equal(stage_count(FATAL), many);
	assert_int_equal(stage_count(EXIT), many + 1);
	assert_int_equal(after.lost, before.lost);
	assert_int_equal(after.emitted - before.emitted, 2 * many + 1);
	assert_without_gaps();
}

/* What each cause lost, and what there was of each kind, is all that the ledger has. */
static void assert_counted(const struct source_ledger *ledger)
{
	struct source_statistics statistics;
	uint64_t records = 0;

	assert_int_equal(stage.ops->statistics(stage.source, &statistics), 0);
	for (int i = 0; i < statistics.n_counts; i++)
		records += statistics.counts[i].records;
	assert_int_equal(records, ledger->emitted);
	assert_int_equal(statistics.value[FAULTLINE_STATS_A_LOST_NO_SLOT] + statistics.lost_full +
			 statistics.lost_died, ledger->lost);
	if (stage.ops == &source_probes && ledger->lost)
		assert_true(statistics.value[FAULTLINE_STATS_A_CAPTURES_MISSED] > 0);
}

void test_nobody_reads(void **state)
{
	struct source_ledger before, after;
	uint64_t lost;
	int many = 1000;
	pid_t pid;

	stage_begin();
	before = stage_ledger();
	pid = stage_spawn(crash_many, &many);
	assert_exited(pid, 0);
	after = stage_ledger();
	lost = after.lost - before.lost;
	assert_int_equal(after.emitted - before.emitted, 2 * many + 1);
	assert_counted(&after);

	stage_drain();
	assert_int_equal(stage.count, after.emitted - before.emitted - lost);
	assert_without_gaps();
	assert_true(stage.seen[0].captured);
	if (stage.ops == &source_probes) {
		/* The ring was full, after captures had made room for bare records. */
		assert_true(lost > 0);
		assert_false(stage.seen[stage.count - 1].captured);
	} else {
		assert_int_equal(lost, 0);
	}
	test_segv(state);
}

void test_close_and_open(void **state)
{
	uint64_t newest;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	newest = stage.seen[1].record.seq;
	assert_int_equal(stage.ops->ack(stage.source, newest - 1), 0);
	stage.count = 0;
	stage.ops->close(stage.source);
	stage_open();
	assert_non_null(stage.source);
	if (stage.ops == &source_probes) {
		assert_int_equal(stage_ledger().emitted, 0);
	} else {
		/* What was not acknowledged is still there, and comes once the loop runs. */
		stage_drain();
		assert_int_equal(stage.count, 1);
		assert_int_equal(stage.seen[0].record.seq, newest);
		assert_int_equal(stage.seen[0].record.type, EXIT);
	}
	test_segv(state);
}

void test_no_rights(void **state)
{
	pid_t pid;

	stage_begin();
	pid = fork();
	if (!pid) {
		struct source *source;
		struct error err = {};
		int ret;

		if (setresuid(65534, 65534, 65534))
			_exit(2);
		ret = stage.ops->open(&source, stage.loop, NULL, NULL, NULL, &err);
		print_message("# %s\n", err.text);
		_exit(ret == -EPERM && strstr(err.text, "CAP_") ? 0 : 1);
	}
	assert_exited(pid, 0);
}
