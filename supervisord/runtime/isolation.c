// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/isolation.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "supervisord/runtime/process.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		    CLONE_NEWPID | CLONE_NEWNET)

#define MISSING_MAX 3

/* What is not there and what that means, one line each. */
static int missing_list(const struct isolation *isolation, char lines[MISSING_MAX][384])
{
	const struct cgroups *cgroups = &isolation->cgroups;
	int n = 0;

	if (!isolation->landlock)
		snprintf(lines[n++], 384,
			 "this kernel has no Landlock: an application's files are guarded by their modes alone");
	if (!isolation->seccomp)
		snprintf(lines[n++], 384,
			 "this kernel has no seccomp: an application can make every system call");
	if (!cgroups->base)
		snprintf(lines[n++], 384,
			 "%s: memory and processes are limited for each process alone, and what leaves an application's session may outlive it",
			 cgroups->why);
	else if (cgroups->why[0])
		snprintf(lines[n++], 384,
			 "%s: memory and processes are limited for each process and user alone",
			 cgroups->why);
	return n;
}

struct isolation *isolation_open(const char *gateway)
{
	struct isolation *isolation = alloc_zero(1, sizeof(*isolation));

	isolation->landlock = sandbox_landlock();
	isolation->seccomp = sandbox_seccomp();
	cgroups_open(&isolation->cgroups, gateway);
	return isolation;
}

void isolation_log(const struct isolation *isolation)
{
	char missing[MISSING_MAX][384];
	int n = missing_list(isolation, missing);

	for (int i = 0; i < n; i++)
		log_notice("isolation: %s", missing[i]);
}

void isolation_close(struct isolation *isolation)
{
	if (!isolation)
		return;
	cgroups_close(&isolation->cgroups);
	free(isolation);
}

json_t *isolation_describe(const struct isolation *isolation)
{
	const struct cgroups *cgroups = &isolation->cgroups;
	char lines[MISSING_MAX][384];
	json_t *missing = json_array();
	int n = missing_list(isolation, lines);

	for (int i = 0; i < n; i++)
		json_array_append_new(missing, json_string(lines[i]));
	return json_pack("{s:i, s:b, s:s, s:s, s:s, s:o}", "landlock", isolation->landlock,
			 "seccomp", isolation->seccomp,
			 "memory", cgroups->memory ? "cgroup" : "rlimit",
			 "processes", cgroups->processes ? "cgroup" : "rlimit",
			 "kill", cgroups->base ? "cgroup" : "session", "missing", missing);
}

static int limit(int resource, rlim_t value)
{
	struct rlimit r = { .rlim_cur = value, .rlim_max = value };

	return setrlimit(resource, &r);
}

/*
 * The system is there to read and execute, the bundle too; the state folder is
 * the only place to write. /proc and /sys are what programs look at themselves by.
 */
static int paths_enter(const struct process_setup *setup, struct error *err)
{
	const struct sandbox_path paths[] = {
		{ .path = "/usr", .access = SANDBOX_EXECUTE },
		{ .path = "/bin", .access = SANDBOX_EXECUTE },
		{ .path = "/sbin", .access = SANDBOX_EXECUTE },
		{ .path = "/lib", .access = SANDBOX_EXECUTE },
		{ .path = "/lib32", .access = SANDBOX_EXECUTE },
		{ .path = "/lib64", .access = SANDBOX_EXECUTE },
		{ .path = "/opt", .access = SANDBOX_EXECUTE },
		{ .path = "/etc" },
		{ .path = "/proc" },
		{ .path = "/sys" },
		/* Where the resolver's files are that /etc points to. */
		{ .path = "/run/systemd/resolve" },
		{ .path = "/run/resolvconf" },
		{ .path = "/run/NetworkManager" },
		{ .path = "/dev/null", .access = SANDBOX_OWN },
		{ .path = "/dev/zero", .access = SANDBOX_OWN },
		{ .path = "/dev/full", .access = SANDBOX_OWN },
		/* Its own heartbeat, where the module is: it refuses those that are not watched. */
		{ .path = "/dev/faultline", .access = SANDBOX_DEVICE },
		{ .path = "/dev/random" },
		{ .path = "/dev/urandom" },
		/* A runtime may be somewhere else altogether. */
		{ .path = setup->command[0], .access = SANDBOX_EXECUTE },
		{ .path = setup->folder, .access = SANDBOX_EXECUTE },
		{ .path = setup->prepared ? setup->prepared : setup->folder },
		{ .path = setup->gate ? setup->gate : setup->folder, .access = SANDBOX_EXECUTE },
		{ .path = setup->state_folder, .access = SANDBOX_OWN },
	};

	return sandbox_paths(paths, sizeof(paths) / sizeof(*paths), SANDBOX_NETWORK_ALL, err);
}

/*
 * What no program of an application needs, and what holes in kernels are reached
 * by. Sockets of the families that equipment speaks stay.
 */
static int calls_enter(struct error *err)
{
	static const struct sandbox_call rules[] = {
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_UNIX },
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_INET },
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_INET6 },
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_NETLINK },
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_CAN },
		{ __NR_socket, .error = EAFNOSUPPORT },
		/* Its flags cannot be seen here: the C library goes back to clone(). */
		{ __NR_clone3, .error = ENOSYS },
		{ __NR_clone, SANDBOX_SOME, 0, NAMESPACES, EPERM },
		{ __NR_ioctl, SANDBOX_EQUAL, 1, TIOCSTI, EPERM },
		{ __NR_io_uring_setup, .error = ENOSYS },
		{ __NR_io_uring_enter, .error = ENOSYS },
		{ __NR_io_uring_register, .error = ENOSYS },
#define NO(call) { __NR_##call, .error = EPERM }
		NO(unshare), NO(setns), NO(mount), NO(umount2), NO(pivot_root), NO(chroot),
		NO(move_mount), NO(open_tree), NO(fsopen), NO(fsconfig), NO(fsmount), NO(fspick),
		NO(mount_setattr), NO(init_module), NO(finit_module), NO(delete_module),
		NO(kexec_load), NO(bpf), NO(perf_event_open), NO(userfaultfd), NO(ptrace),
		NO(process_vm_readv), NO(process_vm_writev), NO(process_madvise),
		NO(pidfd_getfd), NO(kcmp), NO(add_key), NO(request_key), NO(keyctl), NO(reboot),
		NO(swapon), NO(swapoff), NO(settimeofday), NO(clock_settime), NO(adjtimex),
		NO(clock_adjtime), NO(sethostname), NO(setdomainname), NO(acct), NO(quotactl),
		NO(syslog), NO(open_by_handle_at), NO(fanotify_init), NO(vhangup),
		NO(lookup_dcookie), NO(nfsservctl),
#ifdef __NR_kexec_file_load
		NO(kexec_file_load),
#endif
#ifdef __x86_64__
		NO(iopl), NO(ioperm), NO(modify_ldt), NO(uselib), NO(ustat), NO(sysfs),
#endif
#undef NO
	};

	return sandbox_calls_except(rules, sizeof(rules) / sizeof(*rules), err);
}

/*
 * A limit of each process, or user, is what is left where there is none of the
 * group. The supervisor's descriptors are open until the child executes, so
 * their number is limited last.
 */
static int limits_enter(const struct isolation *isolation, const struct application *app,
			struct error *err)
{
	if (!isolation->cgroups.memory && limit(RLIMIT_DATA, (rlim_t)app->memory_mib << 20))
		return error_set(err, -errno, "limit of memory: %m");
	if (!isolation->cgroups.processes && limit(RLIMIT_NPROC, app->processes))
		return error_set(err, -errno, "limit of processes: %m");
	if (limit(RLIMIT_NOFILE, app->files))
		return error_set(err, -errno, "limit of open files: %m");
	return 0;
}

int isolation_enter(const struct isolation *isolation, const struct process_setup *setup,
		    struct error *err)
{
	int ret = sandbox_become(setup->uid, setup->uid, err);

	if (!ret && isolation->landlock)
		ret = paths_enter(setup, err);
	if (!ret && isolation->seccomp)
		ret = calls_enter(err);
	/* Processes are counted for the user id, so only once it is its own. */
	return ret ? ret : limits_enter(isolation, setup->application, err);
}
