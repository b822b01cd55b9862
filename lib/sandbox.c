// SPDX-License-Identifier: GPL-2.0-only
#include "lib/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"

int sandbox_user(const char *name, uid_t *uid, gid_t *gid, struct error *err)
{
	const struct passwd *user = getpwnam(name);
	char *end;
	unsigned long number;

	if (user) {
		*uid = user->pw_uid;
		*gid = user->pw_gid;
		return 0;
	}
	errno = 0;
	number = strtoul(name, &end, 10);
	if (name[0] < '0' || name[0] > '9' || *end || errno || number >= UINT32_MAX)
		return error_set(err, -ENOENT,
				 "user %s does not exist: create it, or name another", name);
	*uid = number;
	*gid = number;
	return 0;
}

static int sandbox_drop_capabilities(struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { };

	if (syscall(__NR_capset, &header, none))
		return error_set(err, -errno, "cannot give up the capabilities: %s",
				 strerror(errno));
	return 0;
}

int sandbox_become(uid_t uid, gid_t gid, struct error *err)
{
	bool change = uid != (uid_t)-1 && (uid != geteuid() || gid != getegid());

	/* The bounding set, while CAP_SETPCAP is there; without it, no_new_privs has to do. */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (change && (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
		       setresuid(uid, uid, uid)))
		return error_set(err, -errno, "cannot become user %u: %s; start it as root",
				 (unsigned int)uid, strerror(errno));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_set(err, -errno, "cannot set no_new_privs: %s", strerror(errno));
#ifdef __SANITIZE_ADDRESS__
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
	return sandbox_drop_capabilities(err);
}

/* Newer than Debian 12's headers; see landlock(7) for the ABI that brought each. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_CREATE                                                             \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_TRUNCATE)
/* What a file can have; the rest is a folder's. */
#define FS_FILE                                                                  \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |            \
	 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | FS_IOCTL_DEV)

static const uint64_t sandbox_rights[] = {
	[SANDBOX_READ] = FS_READ,
	[SANDBOX_EXECUTE] = FS_READ | LANDLOCK_ACCESS_FS_EXECUTE,
	[SANDBOX_CREATE] = FS_CREATE,
	[SANDBOX_OWN] = ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
				    LANDLOCK_ACCESS_FS_MAKE_BLOCK | FS_IOCTL_DEV),
	[SANDBOX_DEVICE] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_IOCTL_DEV,
};

struct sandbox_ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

/* What a kernel of this ABI can restrict, and the size of the structure that it knows. */
static size_t sandbox_ruleset_fill(struct sandbox_ruleset *set, long abi,
				   enum sandbox_network network)
{
	*set = (struct sandbox_ruleset){ .fs = LANDLOCK_ACCESS_FS_REFER - 1 };
	if (abi >= 2)
		set->fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		set->fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		set->fs |= FS_IOCTL_DEV;
	if (abi >= 4 && network != SANDBOX_NETWORK_ALL)
		set->net = NET_BIND_TCP | (network ? 0 : NET_CONNECT_TCP);
	if (abi >= 6)
		set->scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	return abi >= 6 ? sizeof(*set) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static int sandbox_path_add(int ruleset, uint64_t handled, const struct sandbox_path *path,
			    struct error *err)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = sandbox_rights[path->access] & handled,
	};
	__cleanup_close int opened = -1;
	struct stat st;

	rule.parent_fd = path->fd;
	if (path->path) {
		rule.parent_fd = opened = open(path->path, O_PATH | O_CLOEXEC);
		if (opened < 0)
			return 0;
	}
	/* Rights that only a folder has are an error on a file. */
	if (!fstat(rule.parent_fd, &st) && !S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_FILE;
	if (syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		return error_set(err, -errno, "cannot keep %s reachable: %s",
				 path->path ? path->path : "a folder", strerror(errno));
	return 0;
}

int sandbox_landlock(void)
{
	long abi = syscall(__NR_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : abi;
}

int sandbox_paths(const struct sandbox_path *paths, size_t n, enum sandbox_network network,
		  struct error *err)
{
	__cleanup_close int ruleset = -1;
	struct sandbox_ruleset set;
	int abi = sandbox_landlock();
	size_t size;

	if (!abi) {
		log_notice("this kernel has no Landlock: files are guarded by their modes alone");
		return 0;
	}
	size = sandbox_ruleset_fill(&set, abi, network);
	ruleset = syscall(__NR_landlock_create_ruleset, &set, size, 0);
	if (ruleset < 0)
		return error_set(err, -errno, "cannot set up Landlock: %s", strerror(errno));
	for (size_t i = 0; i < n; i++) {
		int r = sandbox_path_add(ruleset, set.fs, &paths[i], err);

		if (r)
			return r;
	}
#ifdef __SANITIZE_ADDRESS__
	const struct sandbox_path proc = { .path = "/proc" };

	sandbox_path_add(ruleset, set.fs, &proc, err);
#endif
	if (syscall(__NR_landlock_restrict_self, ruleset, 0))
		return error_set(err, -errno, "cannot enter Landlock: %s", strerror(errno));
	return 0;
}

#if defined(__x86_64__)
#define SANDBOX_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define SANDBOX_ARCH AUDIT_ARCH_RISCV64
#else
#error "name this machine's AUDIT_ARCH here"
#endif

/* Nobody who is still in control of the program calls these. */
static const int sandbox_deadly[] = {
	__NR_execve, __NR_execveat, __NR_unshare, __NR_setns, __NR_mount, __NR_bpf,
	__NR_init_module, __NR_finit_module, __NR_kexec_load, __NR_perf_event_open,
	__NR_userfaultfd, __NR_keyctl, __NR_add_key,
#ifndef __SANITIZE_ADDRESS__
	__NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev,
#endif
};

#ifdef __SANITIZE_ADDRESS__
/* The leak check stops the process from a clone of it; the rest is reports. */
static const struct sandbox_call sandbox_sanitizers[] = {
	{ __NR_clone }, { __NR_ptrace }, { __NR_wait4 }, { __NR_prctl }, { __NR_kill },
	{ __NR_openat }, { __NR_getdents64 }, { __NR_readlinkat }, { __NR_sigaltstack },
	{ __NR_mincore }, { __NR_sched_yield }, { __NR_getppid }, { __NR_prlimit64 },
	{ __NR_process_vm_readv }, { __NR_uname }, { __NR_ioctl }, { __NR_set_robust_list },
#ifdef __x86_64__
	{ __NR_open }, { __NR_stat }, { __NR_lstat }, { __NR_readlink }, { __NR_arch_prctl },
	{ __NR_fork }, { __NR_vfork }, { __NR_getdents }, { __NR_pipe }, { __NR_dup2 }, { __NR_access },
#endif
};
#endif

#define LOAD_NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define GIVE(verdict) BPF_STMT(BPF_RET | BPF_K, verdict)

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument comes first");

/* What a rule gives for a call that it matches. */
static struct sock_filter sandbox_verdict(const struct sandbox_call *call)
{
	return (struct sock_filter)GIVE(call->error ? SECCOMP_RET_ERRNO | call->error :
					SECCOMP_RET_ALLOW);
}

/* Adds the steps of one rule; the call's number is in the accumulator before and after. */
static size_t sandbox_call_add(struct sock_filter *f, const struct sandbox_call *call)
{
	size_t n = 0;

	if (call->match == SANDBOX_ANY) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->nr, 0, 1);
		f[n++] = sandbox_verdict(call);
		return n;
	}
	bool mask = call->match == SANDBOX_MASK;

	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->nr, 0,
					      mask ? 5 : 4);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		offsetof(struct seccomp_data, args) + call->argument * sizeof(uint64_t));
	if (mask)
		f[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, call->value);
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | (call->match == SANDBOX_SOME ? BPF_JSET :
								BPF_JEQ) | BPF_K,
					      call->value, 0, 1);
	f[n++] = sandbox_verdict(call);
	f[n++] = (struct sock_filter)LOAD_NR;
	return n;
}

static size_t sandbox_deadly_add(struct sock_filter *f)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(sandbox_deadly) / sizeof(*sandbox_deadly); i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						      sandbox_deadly[i], 0, 1);
		f[n++] = (struct sock_filter)GIVE(SECCOMP_RET_KILL_PROCESS);
	}
	return n;
}

/* Calls of another architecture, such as i386 or x32 on x86-64, have other numbers. */
static size_t sandbox_prologue_add(struct sock_filter *f)
{
	size_t n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SANDBOX_ARCH, 1, 0);
	f[n++] = (struct sock_filter)GIVE(SECCOMP_RET_KILL_PROCESS);
	f[n++] = (struct sock_filter)LOAD_NR;
#ifdef __x86_64__
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
	f[n++] = (struct sock_filter)GIVE(SECCOMP_RET_KILL_PROCESS);
#endif
	return n;
}

static int sandbox_filter_set(const struct sock_filter *f, size_t n, struct error *err)
{
	const struct sock_fprog program = { .len = n, .filter = (struct sock_filter *)f };

	if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return error_set(err, -errno, "cannot set the system call filter: %s",
				 strerror(errno));
	return 0;
}

int sandbox_calls(const struct sandbox_call *allow, size_t count, struct error *err)
{
	struct sock_filter *f __cleanup_free = calloc(BPF_MAXINSNS, sizeof(*f));
	size_t n = 0;

	if (!f)
		return error_set(err, -ENOMEM, "no memory for the system call filter");
	n += sandbox_prologue_add(f + n);
	n += sandbox_deadly_add(f + n);
	for (size_t i = 0; i < count; i++)
		n += sandbox_call_add(f + n, &allow[i]);
#ifdef __SANITIZE_ADDRESS__
	for (size_t i = 0; i < sizeof(sandbox_sanitizers) / sizeof(*sandbox_sanitizers); i++)
		n += sandbox_call_add(f + n, &sandbox_sanitizers[i]);
#endif
	f[n++] = (struct sock_filter)GIVE(SECCOMP_RET_ERRNO | ENOSYS);
	return sandbox_filter_set(f, n, err);
}

bool sandbox_seccomp(void)
{
	const uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return !syscall(__NR_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

int sandbox_calls_except(const struct sandbox_call *rules, size_t count, struct error *err)
{
	struct sock_filter *f __cleanup_free = calloc(BPF_MAXINSNS, sizeof(*f));
	size_t n = 0;

	if (!f)
		return error_set(err, -ENOMEM, "no memory for the system call filter");
	n += sandbox_prologue_add(f + n);
	for (size_t i = 0; i < count; i++)
		n += sandbox_call_add(f + n, &rules[i]);
	f[n++] = (struct sock_filter)GIVE(SECCOMP_RET_ALLOW);
	return sandbox_filter_set(f, n, err);
}
