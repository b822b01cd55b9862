// SPDX-License-Identifier: GPL-2.0-only
/* lib/sandbox: what a confined process can do still, and what ends it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/sandbox.h"

static char folder[] = "/tmp/faultline-sandbox-XXXXXX";

static const struct sandbox_call calls[] = {
	SANDBOX_CALLS_BASE,
	{ __NR_openat }, { __NR_mkdirat }, { __NR_renameat2 }, { __NR_capget }, { __NR_bind },
	{ __NR_socket, SANDBOX_EQUAL, 0, AF_INET },
	{ __NR_socket, SANDBOX_EQUAL, 0, AF_UNIX },
	{ __NR_umask, SANDBOX_MASK, 0, 022 },
};

/* Runs @act in a confined child; how that ended, as waitpid() has it. */
static int confined(int (*act)(void))
{
	const struct sandbox_path paths[] = { { .path = folder, .access = SANDBOX_CREATE },
					      { .path = "/etc" },
					      { .path = "/does/not/exist" } };
	struct error err = { };
	int status;
	pid_t pid = fork();

	if (!pid) {
		int r;

		/* cmocka's own handler would go on with the next test here. */
		signal(SIGSEGV, SIG_DFL);
		r = sandbox_become(-1, -1, &err);

		r = r ? r : sandbox_paths(paths, 3, SANDBOX_NETWORK_NONE, &err);
		r = r ? r : sandbox_calls(calls, sizeof(calls) / sizeof(*calls), &err);
		_exit(r ? 99 : act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int code(int (*act)(void))
{
	int status = confined(act);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool landlocked(void)
{
	return syscall(__NR_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static int write_inside(void)
{
	int root = open(folder, O_RDONLY | O_DIRECTORY);
	int fd = openat(root, "file", O_WRONLY | O_CREAT, 0600);

	return root < 0 || fd < 0 || write(fd, "x", 1) != 1 || mkdirat(root, "sub", 0700) ? errno : 0;
}

static int read_allowed(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int write_read_only(void)
{
	return open("/etc/faultline-sandbox-test", O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0;
}

static int read_outside(void)
{
	return open("/usr/bin/env", O_RDONLY) < 0 ? errno : 0;
}

static int list_outside(void)
{
	return open("/", O_RDONLY | O_DIRECTORY) < 0 ? errno : 0;
}

static void test_paths(void **state)
{
	assert_int_equal(code(write_inside), 0);
	assert_int_equal(code(read_allowed), 0);
	if (!landlocked())
		skip();
	assert_int_equal(code(write_read_only), EACCES);
	assert_int_equal(code(read_outside), EACCES);
	assert_int_equal(code(list_outside), EACCES);
}

static int socket_other(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int socket_listed(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 || socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int umask_with_bits(void)
{
	return syscall(__NR_umask, 0177) < 0 ? errno : syscall(__NR_umask, 027) < 0 ? errno : 0;
}

static int umask_without(void)
{
	return syscall(__NR_umask, 020) < 0 ? errno : 0;
}

static int unlisted(void)
{
	return syscall(__NR_getpgid, 0) < 0 ? errno : 0;
}

static int unknown(void)
{
	return syscall(5000) < 0 ? errno : 0;
}

static void test_calls(void **state)
{
	assert_int_equal(code(socket_listed), 0);
	assert_int_equal(code(socket_other), ENOSYS);
	assert_int_equal(code(umask_with_bits), 0);
	assert_int_equal(code(umask_without), ENOSYS);
	assert_int_equal(code(unlisted), ENOSYS);
	assert_int_equal(code(unknown), ENOSYS);
}

static int bind_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
}

static void test_bind(void **state)
{
	if (syscall(__NR_landlock_create_ruleset, NULL, 0, 1) < 4)
		skip();
	assert_int_equal(code(bind_port), EACCES);
}

static int run_program(void)
{
	char *const arguments[] = { "true", NULL };

	execv("/bin/true", arguments);
	return 0;
}

static int leave_namespace(void)
{
	unshare(0);
	return 0;
}

static void test_deadly(void **state)
{
	int status = confined(run_program);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = confined(leave_namespace);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

#ifdef __x86_64__
/* A call by i386's numbers, where 11 is execve. */
static int call_of_i386(void)
{
	long r = 20;

	asm volatile("int $0x80" : "+a"(r) : : "memory");
	return 0;
}

static int call_of_x32(void)
{
	syscall(0x40000000 | __NR_getpid);
	return 0;
}

static void test_other_architectures(void **state)
{
	int status = confined(call_of_x32);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = confined(call_of_i386);
	/* A kernel without the 32-bit entry raises SIGSEGV itself. */
	assert_true(WIFSIGNALED(status));
}
#endif

static int capabilities_left(void)
{
	struct { uint32_t version; int pid; } header = { 0x20080522, 0 };
	uint32_t sets[6] = { };

	if (syscall(__NR_capget, &header, sets))
		return 1;
	for (int i = 0; i < 6; i++)
		if (sets[i])
			return 2;
	return 0;
}

static void test_capabilities(void **state)
{
	assert_int_equal(code(capabilities_left), 0);
}

static void test_user(void **state)
{
	struct error err = { };
	uid_t uid;
	gid_t gid;

	assert_int_equal(sandbox_user("root", &uid, &gid, &err), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(sandbox_user("54321", &uid, &gid, &err), 0);
	assert_int_equal(uid, 54321);
	assert_int_equal(gid, 54321);
	for (const char *const *bad = (const char *const[]){ "no-such-user", "", "-1", "12x",
							     "4294967295", "99999999999", NULL };
	     *bad; bad++)
		assert_int_equal(sandbox_user(*bad, &uid, &gid, NULL), -ENOENT);
}

/* Rules of the other kind: everything is possible but what they name. */
static int except(void)
{
	static const struct sandbox_call rules[] = {
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_UNIX },
		{ __NR_socket, .error = EAFNOSUPPORT },
		{ __NR_umask, SANDBOX_SOME, 0, 022, EPERM },
		{ __NR_getpriority, .error = ENOSYS },
	};
	struct error err = { };

	if (sandbox_calls_except(rules, sizeof(rules) / sizeof(*rules), &err))
		return 99;
	if (socket(AF_UNIX, SOCK_STREAM, 0) < 0 || socket(AF_INET, SOCK_STREAM, 0) >= 0 ||
	    errno != EAFNOSUPPORT)
		return 1;
	/* Some of the bits, all of them, none of them. */
	if (syscall(__NR_umask, 020) != -1 || errno != EPERM || syscall(__NR_umask, 077) != -1 ||
	    syscall(__NR_umask, 01) < 0)
		return 2;
	if (syscall(__NR_getpriority, 0, 0) != -1 || errno != ENOSYS)
		return 3;
	return syscall(__NR_getppid) > 0 && !access("/", R_OK) ? 0 : 4;
}

static void test_except(void **state)
{
	struct error err = { };
	int status;
	pid_t pid = fork();

	assert_true(sandbox_seccomp());
	if (!pid)
		_exit(sandbox_become(-1, -1, &err) ? 98 : except());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What an owner can do with files, and a reader who executes them cannot. */
static int own(void)
{
	const struct sandbox_path paths[] = { { .path = folder, .access = SANDBOX_OWN },
					      { .path = "/usr", .access = SANDBOX_EXECUTE },
					      { .path = "/bin", .access = SANDBOX_EXECUTE },
					      { .path = "/lib", .access = SANDBOX_EXECUTE },
					      { .path = "/lib64", .access = SANDBOX_EXECUTE } };
	struct error err = { };
	int root = open(folder, O_RDONLY | O_DIRECTORY);

	if (sandbox_become(-1, -1, &err) ||
	    sandbox_paths(paths, sizeof(paths) / sizeof(*paths), SANDBOX_NETWORK_ALL, &err))
		return 99;
	if (mkdirat(root, "own", 0700) || symlinkat("x", root, "own/link") ||
	    unlinkat(root, "own/link", 0) || unlinkat(root, "own", AT_REMOVEDIR))
		return 1;
	if (open("/usr/faultline-sandbox-test", O_WRONLY | O_CREAT, 0600) >= 0)
		return 2;
	execl("/bin/true", "true", NULL);
	return 3;
}

static void test_own(void **state)
{
	int status;
	pid_t pid;

	if (!landlocked())
		skip();
	pid = fork();
	if (!pid)
		_exit(own());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int folder_make_one(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove_one(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/file", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/sub", folder);
	rmdir(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_except),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_deadly),
#ifdef __x86_64__
		cmocka_unit_test(test_other_architectures),
#endif
		cmocka_unit_test(test_capabilities),
	};

	return cmocka_run_group_tests_name("sandbox", tests, folder_make_one, folder_remove_one);
}
