/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process gives up before it reads its first hostile byte: its user, its
 * capabilities, the files that it does not need (Landlock) and the system calls
 * that it does not need (seccomp). The gateway's own helpers name the few calls
 * that stay; an application, which may be any program, loses those that none
 * needs. Made with plain system calls: libseccomp and libcap would cost more
 * memory than all of this.
 *
 * The order is user, paths, calls; all of it before a thread is started.
 */
#ifndef LIB_SANDBOX_H
#define LIB_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

/**
 * sandbox_user - find a user
 * @name: name, or a number
 *
 * Return: 0, or -ENOENT with @err set.
 */
int sandbox_user(const char *name, uid_t *uid, gid_t *gid, struct error *err);

/**
 * sandbox_become - change to a user, give up every capability and every way to get one back
 * @uid: (uid_t)-1 stays the user that it is, though without capabilities
 *
 * Return: 0, or a negative errno with @err set; the process must end then.
 */
int sandbox_become(uid_t uid, gid_t gid, struct error *err);

/**
 * enum sandbox_access - what may be done with a path
 * @SANDBOX_READ: read files and list folders
 * @SANDBOX_EXECUTE: and execute programs
 * @SANDBOX_CREATE: read, and create and write files and folders
 * @SANDBOX_OWN: everything that an owner can do, but execute and make devices
 * @SANDBOX_DEVICE: read and write a device, and give it commands (ioctl)
 */
enum sandbox_access {
	SANDBOX_READ,
	SANDBOX_EXECUTE,
	SANDBOX_CREATE,
	SANDBOX_OWN,
	SANDBOX_DEVICE,
};

/**
 * struct sandbox_path - a file or folder that stays reachable, with all below it
 * @path: NULL when @fd is used; a path that does not exist is passed over
 */
struct sandbox_path {
	const char *path;
	int fd;
	enum sandbox_access access;
};

/** enum sandbox_network - which TCP stays possible, where the kernel can tell (ABI 4) */
enum sandbox_network {
	SANDBOX_NETWORK_NONE,
	SANDBOX_NETWORK_CONNECT,
	SANDBOX_NETWORK_ALL,
};

/** sandbox_landlock - the kernel's Landlock ABI, from 1; 0 where it has none */
int sandbox_landlock(void);

/**
 * sandbox_paths - reach nothing but these from now on (Landlock)
 *
 * What an ABI of the kernel does not know is not restricted; a kernel without
 * Landlock is logged in one line and is no error.
 *
 * Return: 0, or a negative errno with @err set.
 */
int sandbox_paths(const struct sandbox_path *paths, size_t n, enum sandbox_network network,
		  struct error *err);

enum sandbox_match {
	SANDBOX_ANY,	/* whatever the arguments are */
	SANDBOX_EQUAL,	/* the argument is the value */
	SANDBOX_MASK,	/* all bits of the value are set in the argument */
	SANDBOX_SOME,	/* some bit of the value is */
};

/**
 * struct sandbox_call - a rule for a system call; the first that matches counts
 * @error: errno that the call fails with; 0: it stays possible
 */
struct sandbox_call {
	int nr;
	uint8_t match;
	uint8_t argument;
	uint32_t value;
	uint16_t error;
};

/**
 * sandbox_calls - no system calls but these from now on (seccomp)
 *
 * What starts a program, traces another or loads code into the kernel ends the
 * process; everything else that is not allowed fails with ENOSYS, so that a
 * newer C library falls back to what it did before.
 * A build with sanitizers allows what they need in addition.
 *
 * Return: 0, or a negative errno with @err set.
 */
int sandbox_calls(const struct sandbox_call *allow, size_t n, struct error *err);

/** sandbox_seccomp - can this kernel filter system calls? */
bool sandbox_seccomp(void);

/**
 * sandbox_calls_except - every system call but those that @rules give an error
 *
 * Calls of another architecture (i386 or x32 on x86-64) end the process.
 *
 * Return: 0, or a negative errno with @err set.
 */
int sandbox_calls_except(const struct sandbox_call *rules, size_t n, struct error *err);

/* What any program of the C library needs: memory, signals, time, its end. */
#define SANDBOX_CALLS_BASE						\
	{ __NR_read }, { __NR_write }, { __NR_readv }, { __NR_writev },	\
	{ __NR_pread64 }, { __NR_close }, { __NR_fstat },		\
	{ __NR_newfstatat }, { __NR_lseek }, { __NR_fcntl },		\
	{ __NR_mmap }, { __NR_munmap }, { __NR_mprotect },		\
	{ __NR_mremap }, { __NR_madvise }, { __NR_brk },		\
	{ __NR_rt_sigaction }, { __NR_rt_sigprocmask },			\
	{ __NR_rt_sigreturn }, { __NR_restart_syscall },		\
	{ __NR_futex }, { __NR_getpid }, { __NR_gettid }, { __NR_tgkill }, \
	{ __NR_clock_gettime }, { __NR_clock_getres },			\
	{ __NR_clock_nanosleep }, { __NR_nanosleep },			\
	{ __NR_gettimeofday }, { __NR_getrandom },			\
	{ __NR_exit }, { __NR_exit_group }

#endif /* LIB_SANDBOX_H */
