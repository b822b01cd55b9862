// SPDX-License-Identifier: GPL-2.0-only
/*
 * A supervisor that runs on the probes is killed: what it watched stays watched,
 * what it had not read is read by the next one, and the ledger stays exact.
 * Needs root and the BPF file system, which is mounted where it is not.
 */
#include "tests/probes/stage.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisord/reliability/pins.h"

#define COOKIE 7

#define FATAL FAULTLINE_RECORD_FATAL
#define EXIT FAULTLINE_RECORD_EXIT

/* Of this run alone: others may run at the same time. */
static char owner[32];

static int abort_myself(void *argument)
{
	raise(SIGABRT);
	return 1;
}

/* Waits for a signal; then it has a child that ends by itself, and ends well. */
static int act_when_told(void *argument)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stage_tell();
	sigwait(&set, &signo);
	if (!fork())
		abort_myself(NULL);
	wait(NULL);
	return 3;
}

static int abort_many(void *argument)
{
	for (int i = 0; i < *(int *)argument; i++) {
		pid_t pid = fork();

		if (!pid)
			abort_myself(NULL);
		waitpid(pid, NULL, 0);
	}
	return 0;
}

static void pin_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/faultline/%016llx%s%s", PINS_ROOT,
		 (unsigned long long)pins_hash(owner, strlen(owner)), *name ? "/" : "", name);
}

static bool pinned(void)
{
	char path[128];

	pin_path(path, sizeof(path), "lifecycle-bss");
	return !access(path, F_OK);
}

/* ---- the supervisor that is killed ---- */

/* What it does before it is ready to be killed. */
enum keeper { WATCHES, READS, DIES_OVER_A_RECORD };

static int keeper_records;

static void keeper_record(void *user, const struct faultline_record *record,
			  const struct faultline_capture *capture)
{
	if (*(enum keeper *)user == DIES_OVER_A_RECORD)
		raise(SIGKILL);
	keeper_records++;
}

static void keeper_run(enum keeper how, pid_t watched, int ready, int go)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct source *source;
	struct error err = {};
	uint32_t watch;
	char byte;

	if (source_probes.open(&source, loop, keeper_record, &how, owner, &err) ||
	    source_probes.watch(source, watched, COOKIE, NULL, &watch, &err)) {
		print_message("# %s\n", err.text);
		_exit(1);
	}
	if (write(ready, "", 1) != 1 || (how != WATCHES && read(go, &byte, 1) != 1))
		_exit(1);
	while (how != WATCHES && keeper_records < 2)
		ev_run(loop, EVRUN_ONCE);
	raise(SIGKILL);
}

/* A supervisor that watches a process of this act; it has been killed when this returns. */
static pid_t keeper_leave(enum keeper how, int (*act)(void *), void *argument)
{
	pid_t watched = stage_fork(act, argument), keeper;
	int ready[2], go[2], status;
	char byte;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	keeper = fork();
	if (!keeper) {
		close(ready[0]);
		close(go[1]);
		/* Nothing of the gate may stay open here. */
		stage_release();
		keeper_run(how, watched, ready[1], go[0]);
	}
	close(ready[1]);
	close(go[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	if (how == WATCHES) {
		assert_int_equal(waitpid(keeper, &status, 0), keeper);
		stage_release();
	} else {
		stage_release();
		assert_int_equal(write(go[1], "", 1), 1);
		assert_int_equal(waitpid(keeper, &status, 0), keeper);
	}
	assert_true(WIFSIGNALED(status));
	close(ready[0]);
	close(go[1]);
	return watched;
}

static void assert_aborted(pid_t pid)
{
	int status = stage_status(pid);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---- the next one ---- */

static void next_open(void)
{
	stage.count = 0;
	stage.cookie = COOKIE;
	stage_open();
	assert_non_null(stage.source);
	assert_null(strstr(source_probes.blind(stage.source), "not kept"));
}

static int next_close(void **state)
{
	if (stage.source)
		source_probes.close(stage.source);
	stage.source = NULL;
	/* Nothing stays in the kernel after an end that was wanted. */
	return pinned() ? -1 : 0;
}

/* Whether the machine can do it at all. */
static int first_open(void)
{
	stage_open();
	if (stage.source)
		return next_close(NULL);
	print_message("# %s\n", stage.reason.text);
	return 0;
}

static void stage_ask(void)
{
	if (!stage.reason.text[0])
		return;
	assert_null(getenv("SOURCE_REQUIRED"));
	skip();
}

static void assert_ledger(uint64_t emitted, uint64_t delivered, uint64_t pending, uint64_t lost)
{
	struct source_ledger ledger = stage_ledger();

	assert_int_equal(ledger.emitted, emitted);
	assert_int_equal(ledger.delivered, delivered);
	assert_int_equal(ledger.pending, pending);
	assert_int_equal(ledger.lost, lost);
}

static void test_unread_records_are_kept(void **state)
{
	pid_t pid;

	stage_ask();
	pid = keeper_leave(WATCHES, abort_myself, NULL);
	assert_aborted(pid);
	assert_true(pinned());
	next_open();
	assert_ledger(2, 0, 2, 0);
	stage_until_last();
	assert_int_equal(stage.count, 2);
	assert_int_equal(stage.seen[0].record.type, FATAL);
	assert_int_equal(stage.seen[0].record.tgid, pid);
	assert_int_equal(stage.seen[0].record.cookie, COOKIE);
	assert_int_equal(stage.seen[0].record.seq, 1);
	assert_true(stage.seen[0].captured);
	assert_int_equal(stage.seen[1].record.seq, 2);
	assert_int_equal(source_probes.ack(stage.source, 2), 0);
	assert_ledger(2, 2, 0, 0);
}

static void test_watches_are_found(void **state)
{
	uint32_t watch;
	pid_t pid;

	stage_ask();
	pid = keeper_leave(WATCHES, act_when_told, NULL);
	next_open();
	assert_int_equal(source_probes.watch(stage.source, pid, 8, NULL, &watch, NULL), -EEXIST);
	/* Records come as they do to the one who set the watch. */
	stage_hear();
	kill(pid, SIGUSR1);
	stage_until_last();
	assert_int_equal(WEXITSTATUS(stage_status(pid)), 3);
	assert_int_equal(stage_count(FATAL), 1);
	assert_int_equal(stage_count(EXIT), 2);
	watch = stage.seen[0].record.watch;

	stage_begin();
	pid = stage_spawn(abort_myself, NULL);
	stage_until_last();
	assert_aborted(pid);
	assert_true(stage.seen[0].record.watch > watch);
	assert_int_equal(stage.seen[0].record.seq, 4);
	assert_ledger(5, 3, 2, 0);
}

static void test_unacknowledged_records_are_counted(void **state)
{
	pid_t pid;

	stage_ask();
	pid = keeper_leave(READS, abort_myself, NULL);
	assert_aborted(pid);
	next_open();
	assert_ledger(2, 0, 0, 2);
	stage_drain();
	assert_int_equal(stage.count, 0);
	pid = stage_spawn(abort_myself, NULL);
	stage_until_last();
	assert_aborted(pid);
	assert_int_equal(stage.seen[0].record.seq, 3);
	assert_int_equal(source_probes.ack(stage.source, 3), 0);
	assert_ledger(4, 1, 1, 2);
}

static void test_record_that_killed_comes_again(void **state)
{
	pid_t pid;

	stage_ask();
	pid = keeper_leave(DIES_OVER_A_RECORD, abort_myself, NULL);
	assert_aborted(pid);
	next_open();
	assert_ledger(2, 0, 2, 0);
	stage_until_last();
	assert_int_equal(stage.count, 2);
	assert_int_equal(stage.seen[0].record.seq, 1);
	assert_int_equal(stage.seen[1].record.seq, 2);
}

static void test_full_while_nobody_is_there(void **state)
{
	struct source_ledger ledger;
	int many = 1000;
	pid_t pid;

	stage_ask();
	pid = keeper_leave(WATCHES, abort_many, &many);
	assert_int_equal(stage_status(pid), 0);
	next_open();
	ledger = stage_ledger();
	assert_int_equal(ledger.emitted, 2 * many + 1);
	assert_true(ledger.lost > 0);
	stage_drain();
	assert_int_equal(stage.count, ledger.pending);
	assert_int_equal(source_probes.ack(stage.source, stage.count), 0);
	assert_ledger(2 * many + 1, ledger.pending, 0, ledger.lost);
}

static void test_one_at_a_time(void **state)
{
	struct source *second;
	struct error err = {};

	stage_ask();
	next_open();
	assert_int_equal(source_probes.open(&second, stage.loop, keeper_record, NULL, owner, &err), 0);
	assert_non_null(strstr(source_probes.blind(second), "another supervisor"));
	source_probes.close(second);
	assert_true(pinned());
}

/* The name that stands last is that of another object. */
static void version_change(void)
{
	char path[512], other[128];
	struct dirent *entry;
	DIR *folder;

	pin_path(path, sizeof(path), "");
	folder = opendir(path);
	assert_non_null(folder);
	while ((entry = readdir(folder)))
		if (!strncmp(entry->d_name, "lifecycle-whole-", strlen("lifecycle-whole-")))
			break;
	assert_non_null(entry);
	pin_path(path, sizeof(path), entry->d_name);
	pin_path(other, sizeof(other), "lifecycle-whole-0-8");
	assert_int_equal(rename(path, other), 0);
	closedir(folder);
}

static void ring_remove(void)
{
	char path[128];

	pin_path(path, sizeof(path), "lifecycle-ring");
	assert_int_equal(unlink(path), 0);
}

/* What another version left, or one that died while it made it, gives way to what is new. */
static void check_replaced(void (*spoil)(void))
{
	uint32_t watch;
	pid_t pid;

	stage_ask();
	pid = keeper_leave(WATCHES, act_when_told, NULL);
	spoil();
	next_open();
	assert_ledger(0, 0, 0, 0);
	assert_int_equal(source_probes.watch(stage.source, pid, COOKIE, NULL, &watch, NULL), 0);
	stage_hear();
	kill(pid, SIGUSR1);
	stage_until_last();
	stage_status(pid);
	assert_int_equal(stage.count, 3);
	assert_int_equal(stage.seen[0].record.seq, 1);
}

static void test_other_version(void **state)
{
	check_replaced(version_change);
}

static void test_incomplete(void **state)
{
	check_replaced(ring_remove);
}

static void test_folder_of_somebody_else(void **state)
{
	struct stat st;
	char path[128];

	stage_ask();
	next_open();
	pin_path(path, sizeof(path), "");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(next_close(NULL), 0);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, 65534, 65534), 0);
	stage_open();
	assert_non_null(stage.source);
	assert_non_null(strstr(source_probes.blind(stage.source), "belongs to another user"));
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_unread_records_are_kept, next_close),
		cmocka_unit_test_teardown(test_watches_are_found, next_close),
		cmocka_unit_test_teardown(test_unacknowledged_records_are_counted, next_close),
		cmocka_unit_test_teardown(test_record_that_killed_comes_again, next_close),
		cmocka_unit_test_teardown(test_full_while_nobody_is_there, next_close),
		cmocka_unit_test_teardown(test_one_at_a_time, next_close),
		cmocka_unit_test_teardown(test_other_version, next_close),
		cmocka_unit_test_teardown(test_incomplete, next_close),
		cmocka_unit_test_teardown(test_folder_of_somebody_else, next_close),
	};

	snprintf(owner, sizeof(owner), "restart test %d", getpid());
	stage.ops = &source_probes;
	stage.owner = owner;
	stage.loop = ev_loop_new(EVFLAG_AUTO);
	return !stage.loop || first_open() ||
	       cmocka_run_group_tests_name("restart", tests, NULL, stage_teardown);
}
