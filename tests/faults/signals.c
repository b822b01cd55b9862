// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that a program brings upon itself, or waits for.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "acts.h"

void call_abort(long with)
{
	abort();
}

void signal_thread(long signo)
{
	syscall(SYS_tgkill, getpid(), own_tid(), (int)signo);
}

void signal_process(long signo)
{
	kill(getpid(), signo);
	sleep_for_ever(NULL);
}

void queue_self(long signo)
{
	sigqueue(getpid(), signo, (union sigval) { .sival_int = 7 });
	sleep_for_ever(NULL);
}

void broken_pipe(long with)
{
	int ends[2];

	if (pipe(ends))
		_exit(90);
	close(ends[0]);
	(void)!write(ends[1], "", 1);
}

void alarm_clock(long with)
{
	ualarm(1000, 0);
	sleep_for_ever(NULL);
}

void interval(long which)
{
	struct itimerval soon = { .it_value.tv_usec = 1000 };

	setitimer(which, &soon, NULL);
	spin_for_ever(NULL);
}

void posix_timer(long signo)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo };
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &soon, NULL))
		_exit(90);
	sleep_for_ever(NULL);
}

/* From now on @action answers getppid(). */
static void filter(long action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, (unsigned int)action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0))
		_exit(90);
}

void trap_by_seccomp(long action)
{
	filter(action);
	syscall(SYS_getppid);
}

void strict_seccomp(long with)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	syscall(SYS_getpid);
}

static void *call_what_kills(void *with)
{
	filter((int)SECCOMP_RET_KILL_THREAD);
	syscall(SYS_getppid);
	return NULL;
}

/* The thread ends without a word to the others, for whom joining it would never end. */
void seccomp_kills_a_thread(long with)
{
	spawn_thread(call_what_kills, NULL);
	while (count_threads() > 1)
		usleep(1000);
	_exit(4);
}

void signals_that_are_no_end(long with)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	raise(SIGHUP);
	raise(SIGCHLD);
	raise(SIGURG);
	raise(SIGWINCH);
	raise(SIGCONT);
	sigdelset(&set, SIGUSR1);
	raise(SIGTERM);
	sigwait(&set, &signo);
	_exit(6);
}

void unblocked(long with)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(91);
}

void pending_at_exit(long with)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGTERM);
	raise(SIGABRT);
	_exit(8);
}

void stops(long signo)
{
	say_ready();
	raise(signo);
	_exit(7);
}

void waits(long with)
{
	say_ready();
	sleep_for_ever(NULL);
}

void waits_as_nobody(long with)
{
	if (setresuid(65534, 65534, 65534))
		_exit(90);
	waits(0);
}

void spins(long with)
{
	say_ready();
	spin_for_ever(NULL);
}

void aborts_when_told(long with)
{
	say_ready();
	raise(SIGABRT);
	_exit(12);
}

void kills_its_group(long signo)
{
	if (setpgid(0, 0))
		_exit(90);
	for (int i = 0; i < 2; i++)
		if (!fork())
			sleep_for_ever(NULL);
	kill(0, signo);
	sleep_for_ever(NULL);
}

void kills_its_child(long signo)
{
	pid_t pid = fork();

	if (!pid)
		sleep_for_ever(NULL);
	kill(pid, signo);
	waitpid(pid, NULL, 0);
}

void dies_with_its_parent(long signo)
{
	int ends[2];
	char byte;

	if (pipe(ends))
		_exit(90);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, signo);
		(void)!write(ends[1], "", 1);
		sleep_for_ever(NULL);
	}
	(void)!read(ends[0], &byte, 1);
	_exit(3);
}
