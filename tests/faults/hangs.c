// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that do not get on. Each says whose end ends it; what can go on then
 * waits until it is let go.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acts.h"
#include "stuckfs.h"

static _Noreturn void go_on_and_end(pid_t stuck)
{
	waitpid(stuck, NULL, 0);
	await_go();
	_exit(7);
}

/* The parent sleeps as nothing but SIGKILL can interrupt until its child ends. */
void hang_in_vfork(long with)
{
	pid_t pid = vfork();

	if (!pid) {
		say_who(getpid());
		sleep_for_ever(NULL);
	}
	go_on_and_end(pid);
}

void hang_in_file_system(long with)
{
	int fs = stuckfs_mount(), fd;
	pid_t server;
	char byte;

	if (fs < 0)
		_exit(90);
	server = fork();
	if (!server)
		stuckfs_serve(fs);
	close(fs);
	fd = open(STUCKFS_FILE, O_RDONLY);
	say_who(server);
	if (fd < 0 || read(fd, &byte, 1) >= 0)
		_exit(91);
	close(fd);
	umount(STUCKFS_DIR);
	go_on_and_end(server);
}

static pthread_mutex_t locks[2] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER };
static pthread_barrier_t both;

static void *lock_crosswise(void *with)
{
	long first = (long)with;

	pthread_mutex_lock(&locks[first]);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&locks[!first]);
	return NULL;
}

void hang_in_locks(long with)
{
	pthread_barrier_init(&both, NULL, 2);
	spawn_thread(lock_crosswise, (void *)1);
	say_who(getpid());
	lock_crosswise(NULL);
}

/* A process waits for another one, which waits for itself. */
void hang_in_child(long with)
{
	pid_t pid = fork();

	if (!pid) {
		say_who(getpid());
		pthread_mutex_lock(&locks[0]);
		pthread_mutex_lock(&locks[0]);
	}
	go_on_and_end(pid);
}

void hang_in_loop(long with)
{
	say_who(getpid());
	spin_for_ever(NULL);
}

/* There never is anything to read. */
void hang_in_calls(long with)
{
	int ends[2];
	char byte;

	if (pipe2(ends, O_NONBLOCK))
		_exit(90);
	say_who(getpid());
	while (read(ends[0], &byte, 1) < 0)
		;
}

static void bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(90);
}

/*
 * Its child never lets it have the CPU: a real-time thread, above those that the
 * kernel has for timers and grace periods on PREEMPT_RT.
 */
void hang_beside_rival(long with)
{
	pid_t pid;

	/* Whatever becomes of the test the child ends, by a timer of the other CPU. */
	bind_to(0);
	pid = fork();
	if (!pid) {
		alarm(60);
		bind_to(1);
		say_who(getpid());
		if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) { 20 }))
			_exit(91);
		spin_for_ever(NULL);
	}
	bind_to(1);
	while (!waitpid(pid, NULL, WNOHANG))
		;
	await_go();
	_exit(7);
}

void hang_without_heartbeat(long with)
{
	say_who(getpid());
	sleep_for_ever(NULL);
}
