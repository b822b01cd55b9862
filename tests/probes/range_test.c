// SPDX-License-Identifier: GPL-2.0-only
/*
 * The range of operation: what an application does is learnt, done again without
 * a word, and what is beyond is reported or fails. Needs root, and a kernel with
 * the security module "bpf"; RANGE_REQUIRED says that this one has it, and
 * RANGE_ABSENT that it has not. With the argument "module" the programs stand
 * beside the module, and hand it what they find.
 */
#include "tests/probes/stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/range.h"
#include "lib/range.h"

#define SET 77
#define OUTSIDE FAULTLINE_RECORD_RANGE

static char folder[] = "/tmp/range-test-XXXXXX";
static char owner[32];
static uint32_t watch;
static bool able;
static struct error unable;

/* What the process does: each a letter; its result in errors[], 0 where it went well. */
struct job {
	char steps[16];
	int errors[16];
	char path[128];
};

static struct job *job;

static int opened(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int executed(const char *path)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl(path, "true", NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static int connected(int family, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return errno;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	close(fd);
	/* Nobody listens there: what matters is that it was asked. */
	return ret == ECONNREFUSED ? 0 : ret;
}

static const char *below(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int step(char letter)
{
	char path[256];

	switch (letter) {
	case 'r':
		return opened(below("data"), O_RDONLY);
	case 'w':
		return opened(below("state/journal"), O_WRONLY | O_CREAT);
	case 'W':
		return opened(below("data"), O_WRONLY);
	case 'o':
		return opened(below("other"), O_RDONLY);
	case 'p':
		return opened("/proc/self/stat", O_RDONLY);
	case 'P':
		return opened("/proc/1/stat", O_RDONLY);
	case 'g':
		return opened(job->path, O_RDONLY);
	case 'x':
		return executed(below("program"));
	case 'X':
		return executed(below("program2"));
	case 'n':
		return connected(AF_INET, 9);
	case 'N':
		return connected(AF_INET, 10);
	case 'u':
		return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
	case 'c':
		return chown(below("given"), 1, 1) ? errno : 0;
	case 'h':
		return sethostname("range", 5) ? errno : 0;
	case 's':
		snprintf(path, sizeof(path), "%s", below("state/soft"));
		return symlink(below("other"), path) ? errno : opened(path, O_RDONLY);
	case 'm':
		snprintf(path, sizeof(path), "%s", below("state/moved"));
		return rename(below("state/journal"), path) ? errno : opened(path, O_RDONLY);
	}
	return ENOSYS;
}

static int act(void *argument)
{
	for (int i = 0; job->steps[i]; i++)
		job->errors[i] = step(job->steps[i]);
	return 0;
}

static void file_make(const char *name, mode_t mode)
{
	int fd = open(below(name), O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	close(fd);
}

static void program_make(const char *name)
{
	char command[512];

	snprintf(command, sizeof(command), "cp %s %s", access("/bin/busybox", X_OK) ? "/bin/true" : "/bin/busybox",
		 below(name));
	assert_int_equal(system(command), 0);
}

static pid_t begin(const struct source_range *range, const char *steps, uint64_t cookie)
{
	struct error err = {};
	pid_t pid = stage_fork(act, NULL);

	memset(job->errors, 0xff, sizeof(job->errors));
	snprintf(job->steps, sizeof(job->steps), "%s", steps);
	assert_int_equal(stage.ops->watch(stage.source, pid, cookie, NULL, &watch, &err), 0);
	if (stage.ops->range(stage.source, watch, range, &err))
		fail_msg("range: %s", err.text);
	return pid;
}

static void run(const struct source_range *range, const char *steps)
{
	pid_t pid;

	stage_begin();
	pid = begin(range, steps, ++stage.cookie);
	stage_release();
	stage_until_last();
	waitpid(pid, NULL, 0);
	stage_ledger();
}

static void assert_errors(const int *errors)
{
	for (int i = 0; job->steps[i]; i++)
		if (job->errors[i] != errors[i])
			fail_msg("step '%c': %s, not %s", job->steps[i], strerror(job->errors[i]),
				 strerror(errors[i]));
}

static const struct faultline_record *whole(size_t i)
{
	return (const void *)stage.seen[i].whole;
}

/* The path of the only record of this kind. */
static const char *told_path(int code)
{
	const struct faultline_path *found = NULL;

	for (size_t i = 0; i < stage.count; i++) {
		if (whole(i)->type != OUTSIDE || whole(i)->code != code)
			continue;
		assert_null(found);
		found = source_block_find(whole(i), FAULTLINE_BLOCK_PATH, sizeof(*found) + 8);
		assert_non_null(found);
	}
	assert_non_null(found);
	return found->path;
}

/* What is done well again and again: the steps that are learnt. */
#define USUAL "rwpxnuc"

static struct range *learnt;

static const struct range_places places = { .state = NULL };
static struct range_places real_places;

static struct source_range mode_of(int mode)
{
	return (struct source_range){ .mode = mode, .set = SET, .rules = mode == RANGE_LEARN ? NULL : learnt,
				      .places = mode == RANGE_LEARN ? &places : &real_places };
}

static void begin_or_skip(void)
{
	stage_begin();
	if (!able) {
		print_message("# %s\n", unable.text);
		assert_null(getenv("RANGE_REQUIRED"));
		skip();
	}
}

static const struct range_entry *entry_find(enum range_type type, const char *name, int number)
{
	for (size_t i = 0; i < learnt->count; i++)
		if (learnt->entries[i].type == type &&
		    (name ? !strcmp(learnt->entries[i].name, name) : learnt->entries[i].number == number))
			return &learnt->entries[i];
	fail_msg("not learnt: %d %s %d", type, name ? name : "", number);
	return NULL;
}

static void test_learn(void **state)
{
	static const int good[16];
	struct source_range range = mode_of(RANGE_LEARN);
	const struct range_entry *address;
	struct range *again;

	begin_or_skip();
	run(&range, USUAL);
	assert_errors(good);
	assert_int_equal(stage_count(OUTSIDE), 0);
	learnt = range_new("test", "1");
	stage.ops->learnt(stage.source, SET, true, learnt);
	assert_int_equal(entry_find(RANGE_FILE, below("data"), 0)->access, RANGE_ACCESS_READ);
	assert_true(entry_find(RANGE_FILE, below("state/journal"), 0)->access & RANGE_ACCESS_WRITE);
	assert_int_equal(entry_find(RANGE_FILE, below("program"), 0)->access, RANGE_ACCESS_EXECUTE);
	entry_find(RANGE_FILE, "/proc/self", 0);
	entry_find(RANGE_FAMILY, NULL, AF_INET);
	entry_find(RANGE_FAMILY, NULL, AF_UNIX);
	entry_find(RANGE_CAPABILITY, NULL, 0 /* CAP_CHOWN */);
	address = entry_find(RANGE_ADDRESS, NULL, 0);
	assert_int_equal(address->port, 9);
	assert_memory_equal(address->address, "\x7f\0\0\1", 4);
	again = range_new("test", "1");
	stage.ops->learnt(stage.source, SET, false, again);
	assert_int_equal(again->count, 0);
	range_free(again);
	range_generalise(learnt, &real_places);
	assert_int_equal(entry_find(RANGE_FOLDER, "{state}", 0)->access,
			 RANGE_ACCESS_READ | RANGE_ACCESS_WRITE);
}

static void test_replay(void **state)
{
	static const int good[16];

	begin_or_skip();
	for (int mode = RANGE_REPORT; mode <= RANGE_REFUSE; mode++) {
		struct source_range range = mode_of(mode);

		run(&range, USUAL);
		assert_errors(good);
		assert_int_equal(stage_count(OUTSIDE), 0);
	}
}

static void test_report(void **state)
{
	static const int good[16];
	struct source_range range = mode_of(RANGE_REPORT);

	begin_or_skip();
	run(&range, "rooow");
	assert_errors(good);
	assert_int_equal(stage_count(OUTSIDE), 1);
	assert_string_equal(told_path(FAULTLINE_RANGE_FILE), below("other"));
	assert_int_equal(stage.seen[0].record.errno_, 0);
	assert_int_equal(stage.seen[0].record.cookie, stage.cookie);

	run(&range, "X");
	assert_errors(good);
	assert_string_equal(told_path(FAULTLINE_RANGE_EXEC), below("program2"));
}

static void test_refuse(void **state)
{
	static const int errors[] = { 0, EACCES, EACCES, EACCES, EACCES, EACCES, EPERM, 0 };
	struct source_range range = mode_of(RANGE_REFUSE);
	int by_code[5] = {};

	begin_or_skip();
	run(&range, "roWPXNhw");
	assert_errors(errors);
	for (size_t i = 0; i < stage.count; i++)
		if (whole(i)->type == OUTSIDE) {
			by_code[whole(i)->code]++;
			assert_int_equal(whole(i)->errno_,
					 whole(i)->code == FAULTLINE_RANGE_CAPABILITY ? EPERM : EACCES);
		}
	assert_int_equal(by_code[FAULTLINE_RANGE_FILE], 3);
	assert_int_equal(by_code[FAULTLINE_RANGE_EXEC], 1);
	assert_int_equal(by_code[FAULTLINE_RANGE_NET], 1);
	assert_int_equal(by_code[FAULTLINE_RANGE_CAPABILITY], 1);
}

static void test_off(void **state)
{
	static const int good[16];
	struct source_range range = mode_of(RANGE_REFUSE), off = { .mode = RANGE_OFF, .set = SET };
	pid_t pid;

	begin_or_skip();
	pid = begin(&range, "oXN", ++stage.cookie);
	assert_int_equal(stage.ops->range(stage.source, watch, &off, NULL), 0);
	stage_release();
	stage_until_last();
	waitpid(pid, NULL, 0);
	assert_errors(good);
}

/* A link is followed before it is asked; what was moved is asked by its new name. */
static void test_other_names(void **state)
{
	static const int soft[] = { EACCES }, moved[] = { 0, 0 };
	struct source_range range = mode_of(RANGE_REFUSE);

	begin_or_skip();
	run(&range, "s");
	assert_errors(soft);
	assert_string_equal(told_path(FAULTLINE_RANGE_FILE), below("other"));
	/* Within a folder of the range names do not matter. */
	run(&range, "wm");
	assert_errors(moved);
	/* The same file by a name beyond it. */
	assert_int_equal(link(below("data"), strcpy(job->path, below("data-too"))), 0);
	run(&range, "g");
	assert_errors(soft);
	/* Who may make a hard link within a folder of the range has made it part of it. */
	unlink(job->path);
	assert_int_equal(link(below("other"), strcpy(job->path, below("state/hard"))), 0);
	run(&range, "g");
	assert_errors(moved);
	unlink(job->path);
}

/* A path that nobody can compare is outside. */
static void test_long_path(void **state)
{
	static const int refused[] = { EACCES };
	struct source_range range = mode_of(RANGE_REFUSE);
	char name[256] = "state/";

	begin_or_skip();
	memset(name + 6, 'x', 240);
	file_make(name, 0600);
	/* Reached by another way, as it does not fit in the job. */
	assert_int_equal(symlink(below(name), strcpy(job->path, below("state/short"))), 0);
	run(&range, "g");
	assert_errors(refused);
	assert_string_equal(told_path(FAULTLINE_RANGE_FILE), "");
}

/* The kernel goes on refusing, and what it refused is known to the next supervisor. */
static void test_no_supervisor(void **state)
{
	static const int refused[] = { EACCES, 0 };
	struct source_range range = mode_of(RANGE_REFUSE);
	int status, ready[2];
	char byte;
	pid_t supervisor, pid;

	begin_or_skip();
	/* One supervisor at a time. */
	stage.ops->close(stage.source);
	assert_int_equal(pipe(ready), 0);
	pid = stage_fork(act, NULL);
	snprintf(job->steps, sizeof(job->steps), "or");
	supervisor = fork();
	if (!supervisor) {
		stage.owner = owner;
		stage_open();
		if (!stage.source || stage.ops->watch(stage.source, pid, 4711, NULL, &watch, NULL) ||
		    stage.ops->range(stage.source, watch, &range, NULL))
			_exit(1);
		_exit(write(ready[1], "", 1) == 1 ? 0 : 2);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	waitpid(supervisor, &status, 0);
	assert_int_equal(status, 0);
	stage_release();
	waitpid(pid, NULL, 0);
	assert_errors(refused);
	stage.owner = owner;
	stage_open();
	assert_non_null(stage.source);
	stage.cookie = 4711;
	stage_until_last();
	assert_string_equal(told_path(FAULTLINE_RANGE_FILE), below("other"));
	stage.ops->close(stage.source);
	stage.owner = NULL;
	stage_open();
	assert_non_null(stage.source);
}

/* A kernel that cannot do it says so, and what it lacks. */
static void test_absent(void **state)
{
	struct source_range range = mode_of(RANGE_LEARN);
	struct error err = {};
	pid_t pid;

	if (!getenv("RANGE_ABSENT")) {
		print_message("# for a kernel that is known to run without the security module \"bpf\"\n");
		skip();
	}
	stage_begin();
	pid = stage_fork(act, NULL);
	job->steps[0] = '\0';
	assert_int_equal(stage.ops->watch(stage.source, pid, ++stage.cookie, NULL, &watch, &err), 0);
	assert_int_equal(stage.ops->range(stage.source, watch, &range, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "lsm="));
	stage_release();
	stage_until_last();
	waitpid(pid, NULL, 0);
}

static int group_setup(void **state)
{
	static char state_folder[64];
	struct source_range range = { .mode = RANGE_LEARN, .set = SET + 1 };

	if (!mkdtemp(folder) || stage_setup(state))
		return -1;
	snprintf(state_folder, sizeof(state_folder), "%s/state", folder);
	mkdir(state_folder, 0755);
	real_places.state = state_folder;
	file_make("data", 0644);
	file_make("other", 0644);
	file_make("given", 0644);
	program_make("program");
	program_make("program2");
	if (!stage.source)
		return 0;
	/* No watch has this number; whether the programs load is asked. */
	able = !stage.ops->range(stage.source, 1u << 30, &range, &unable);
	range.mode = RANGE_OFF;
	stage.ops->range(stage.source, 1u << 30, &range, NULL);
	return 0;
}

static int group_teardown(void **state)
{
	char command[128];

	range_free(learnt);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) | stage_teardown(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_learn),	     cmocka_unit_test(test_replay),
		cmocka_unit_test(test_report),	     cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_off),	     cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_long_path),    cmocka_unit_test(test_no_supervisor),
		cmocka_unit_test(test_absent),
	};

	job = mmap(NULL, sizeof(*job), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(owner, sizeof(owner), "range-test-%d", getpid());
	stage.ops = argc > 1 && !strcmp(argv[1], "module") ? &source_module : &source_probes;
	return cmocka_run_group_tests_name("range", tests, group_setup, group_teardown);
}
