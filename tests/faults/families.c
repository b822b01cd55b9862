// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ends without a signal, and ends of one among several.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acts.h"

extern char **environ;

void ends_with(long status)
{
	_exit(status);
}

static void *exit_group_of_all(void *with)
{
	syscall(SYS_exit_group, (int)(long)with);
	return NULL;
}

void thread_ends_all(long status)
{
	for (int i = 0; i < 3; i++)
		spawn_thread(spin_for_ever, NULL);
	spawn_thread(exit_group_of_all, (void *)status);
	sleep_for_ever(NULL);
}

static void *end_alone(void *with)
{
	syscall(SYS_exit, 77);
	return NULL;
}

void thread_ends_alone(long with)
{
	spawn_thread(end_alone, NULL);
	while (count_threads() > 1)
		usleep(1000);
	_exit(2);
}

/* A leader that has ended stays as a zombie while there are others. */
static void wait_for_zombie(void)
{
	while (!leader_is_zombie())
		usleep(1000);
}

static void *fault_late(void *with)
{
	wait_for_zombie();
	null_read(0);
	return NULL;
}

static void *exit_late(void *with)
{
	wait_for_zombie();
	syscall(SYS_exit_group, 9);
	return NULL;
}

static void *wait_late(void *with)
{
	wait_for_zombie();
	waits(0);
	return NULL;
}

void leader_ends_thread_faults(long with)
{
	spawn_thread(fault_late, NULL);
	syscall(SYS_exit, 0);
}

void leader_ends_thread_exits(long with)
{
	spawn_thread(exit_late, NULL);
	syscall(SYS_exit, 0);
}

void leader_ends_thread_waits(long with)
{
	spawn_thread(wait_late, NULL);
	syscall(SYS_exit, 0);
}

static pthread_barrier_t together;

static void *fault_at_once(void *with)
{
	pthread_barrier_wait(&together);
	null_read(0);
	return NULL;
}

void threads_fault_together(long with)
{
	pthread_barrier_init(&together, NULL, 4);
	for (int i = 0; i < 3; i++)
		spawn_thread(fault_at_once, NULL);
	fault_at_once(NULL);
}

void exec_missing(long with)
{
	execl("/does/not/exist", "none", NULL);
	_exit(errno == ENOENT ? 127 : 90);
}

/* Neither a program nor a script. */
void exec_unreadable(long with)
{
	char path[] = "/tmp/faulter-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, "nothing\n", 8) != 8 || fchmod(fd, 0700))
		_exit(90);
	close(fd);
	execl(path, path, NULL);
	unlink(path);
	_exit(errno == ENOEXEC ? 126 : 91);
}

/*
 * A program that the kernel finds out to be none when the old one is gone: its
 * segment is to lie where no user has memory.
 */
void exec_too_late(long with)
{
	static const struct {
		Elf64_Ehdr elf;
		Elf64_Phdr segment;
	} program = {
		.elf = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			.e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
		},
		.segment = {
			.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0xffff800000000000,
			.p_filesz = 4096, .p_memsz = 4096, .p_align = 4096,
		},
	};
	int fd = memfd_create("none", 0);

	if (fd < 0 || write(fd, &program, sizeof(program)) != sizeof(program))
		_exit(90);
	fexecve(fd, (char *[]) { "none", NULL }, environ);
	_exit(91);
}

void exec_row(long row)
{
	execl("/proc/self/exe", "faulter", (char *)row, NULL);
	_exit(90);
}

static void *exec_row_of(void *with)
{
	exec_row((long)with);
	return NULL;
}

/* The others are swept away, and the thread becomes the leader. */
void exec_row_by_thread(long row)
{
	for (int i = 0; i < 3; i++)
		spawn_thread(i ? sleep_for_ever : spin_for_ever, NULL);
	spawn_thread(exec_row_of, (void *)row);
	sleep_for_ever(NULL);
}

static void do_nothing(int signo)
{
}

void exec_resets_handlers(long with)
{
	signal(SIGSEGV, do_nothing);
	exec_row((long)"null-read/main");
}

void spawns_row(long row)
{
	char *argv[] = { "faulter", (char *)row, NULL };
	pid_t pid;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ))
		_exit(90);
	waitpid(pid, NULL, 0);
}

/* The last of them faults when the main process is long gone. */
void daemon_faults(long with)
{
	int alive[2];
	pid_t pid;
	char byte;

	if (pipe(alive))
		_exit(90);
	pid = fork();
	if (!pid) {
		if (!fork()) {
			close(alive[1]);
			(void)!read(alive[0], &byte, 1);
			null_read(0);
		}
		close(alive[1]);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	_exit(1);
}

static void outlive(int of, int by, int status)
{
	char byte;

	close(by);
	(void)!read(of, &byte, 1);
	_exit(status);
}

/* Each waits for the one before it to be gone. */
void children_outlive(long with)
{
	int first[2], second[2];

	if (pipe(first) || pipe(second))
		_exit(90);
	if (!fork()) {
		close(second[0]);
		outlive(first[0], first[1], 20);
	}
	if (!fork()) {
		close(first[0]);
		close(first[1]);
		outlive(second[0], second[1], 21);
	}
	_exit(19);
}

void clone_without_signal(long with)
{
	pid_t pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);

	if (!pid)
		null_read(0);
	waitpid(pid, NULL, __WALL);
}

/* Return: 0 in the init, which does as @act does; the caller exits with 0 after it. */
static void run_as_init(void (*act)(void))
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		_exit(90);
	pid = fork();
	if (!pid) {
		if (getpid() != 1)
			_exit(91);
		act();
		_exit(7);
	}
	waitpid(pid, NULL, 0);
}

static void fault_with_child(void)
{
	if (!fork())
		sleep_for_ever(NULL);
	null_read(0);
}

/* The kernel takes the rest of the namespace with it. */
void init_faults(long with)
{
	run_as_init(fault_with_child);
}

static void raise_what_is_not_taken(void)
{
	raise(SIGTERM);
	raise(SIGABRT);
	kill(1, SIGKILL);
}

void init_signals_itself(long with)
{
	run_as_init(raise_what_is_not_taken);
}
