// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hangs: real ones, each with its verdict and its evidence, and what looks like
 * one and is none.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "hangs.h"

/* ---- stuck in the kernel ---- */

static int *gate;

static void vfork_parent(void *with)
{
	if (!vfork()) {
		while (!__atomic_load_n(gate, __ATOMIC_SEQ_CST))
			syscall(SYS_sched_yield);
		_exit(0);
	}
	idle(NULL);
}

static void gate_make(void)
{
	gate = mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void gate_open(void)
{
	__atomic_store_n(gate, 1, __ATOMIC_SEQ_CST);
}

HANG_TEST(dstate)
{
	const struct faultline_hang_block *block;
	const struct event *event;

	gate_make();
	START(setting(FAULTLINE_WATCH_A_DSTATE_MS, THRESHOLD_MS), vfork_parent, NULL);
	WAIT_HANG(FAULTLINE_HANG_DSTATE);
	event = HANG(FAULTLINE_HANG_DSTATE);
	EXPECT_EQ(event->record.tid, self->victim.pid);
	EXPECT_EQ(event->record.tgid, self->victim.pid);
	EXPECT_EQ(event->record.ptgid, getpid());
	EXPECT_EQ(event->record.flags, FAULTLINE_F_MAIN | FAULTLINE_F_BLOCKS);
	EXPECT_STREQ(event->record.comm, "hang_test");
	block = evidence(event);
	ASSERT_NE(block, NULL);
	EXPECT_EQ(block->state, 'D');
	EXPECT_EQ(block->threshold_ns, THRESHOLD_MS * 1000000ULL);
	EXPECT_GE(block->duration_ns, block->threshold_ns);
	EXPECT_EQ(block->slept, 0);
	EXPECT_EQ(block->cpu_ns, 0);
#ifdef __x86_64__
	EXPECT_TRUE(block->syscall == SYS_vfork || block->syscall == SYS_clone);
	EXPECT_STRNE(block->wchan, "");
	EXPECT_TRUE(in_kstack(event, "kernel_clone"));
#endif
	TH_LOG("waits in %s, system call %d", block->wchan, block->syscall);
	/* It is said once. */
	watch_on(&self->client, 2 * THRESHOLD_MS);
	EXPECT_EQ(HANGS(), 1);
	EXPECT_EQ(OVERS(), 0);
	gate_open();
	WAIT_OVER(FAULTLINE_HANG_DSTATE);
	EXPECT_EQ(HANGS(), 1);
	END();
}

/* The process ends in its hang: its EXIT record says enough. */
HANG_TEST(ends_by_a_kill)
{
	gate_make();
	START(setting(FAULTLINE_WATCH_A_DSTATE_MS, THRESHOLD_MS), vfork_parent, NULL);
	WAIT_HANG(FAULTLINE_HANG_DSTATE);
	gate_open();
	END();
	EXPECT_EQ(HANGS(), 1);
}

/* ---- threads that wait for each other ---- */

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

static void deadlock(void *with)
{
	pthread_t threads[2];

	pthread_barrier_init(&both, NULL, 2);
	for (long i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, lock_crosswise, (void *)i);
	pthread_join(threads[0], NULL);
}

HANG_TEST(deadlock)
{
	const struct faultline_hang_block *block;

	START(setting(FAULTLINE_WATCH_A_DEADLOCK_MS, THRESHOLD_MS), deadlock, NULL);
	/* Nobody has asked for anything, and so may all wait. */
	watch_on(&self->client, 3 * THRESHOLD_MS);
	EXPECT_EQ(HANGS(), 0);
	ASSERT_EQ(client_set(&self->client, self->victim.watch, FAULTLINE_WATCH_A_WORK, 1), 0);
	WAIT_HANG(FAULTLINE_HANG_DEADLOCK);
	block = evidence(HANG(FAULTLINE_HANG_DEADLOCK));
	ASSERT_NE(block, NULL);
	EXPECT_EQ(block->threads, 3);
	EXPECT_EQ(block->state, 'S');
#ifdef __x86_64__
	EXPECT_EQ(block->syscall, SYS_futex);
	EXPECT_TRUE(in_kstack(HANG(FAULTLINE_HANG_DEADLOCK), "futex"));
#endif
	watch_on(&self->client, 2 * THRESHOLD_MS);
	EXPECT_EQ(HANGS(), 1);
	EXPECT_EQ(OVERS(), 0);
	END();
}

static void *await(void *with)
{
	pthread_mutex_lock(&locks[0]);
	return NULL;
}

/* One thread waits for the world: that is no deadlock. */
static void one_listens(void *with)
{
	pthread_t thread;

	pthread_mutex_lock(&locks[0]);
	pthread_create(&thread, NULL, await, NULL);
	idle(NULL);
}

HANG_TEST(work_is_done_elsewhere)
{
	struct settings settings = setting(FAULTLINE_WATCH_A_DEADLOCK_MS, THRESHOLD_MS);

	settings_give(&settings, FAULTLINE_WATCH_A_WORK, 1);
	START(settings, one_listens, NULL);
	watch_on(&self->client, 4 * THRESHOLD_MS);
	EXPECT_EQ(HANGS(), 0);
	END();
}

/* ---- no end of it ---- */

HANG_TEST(spin_in_user_space)
{
	const struct faultline_hang_block *block;

	/* Judged when it has come to its loop, of which the evidence tells. */
	START(setting(FAULTLINE_WATCH_A_SPIN_MS, 0), spin, NULL);
	watch_on(&self->client, 2 * THRESHOLD_MS);
	ASSERT_EQ(client_set(&self->client, self->victim.watch, FAULTLINE_WATCH_A_SPIN_MS,
			     THRESHOLD_MS), 0);
	WAIT_HANG(FAULTLINE_HANG_SPIN);
	block = evidence(HANG(FAULTLINE_HANG_SPIN));
	ASSERT_NE(block, NULL);
	EXPECT_EQ(block->slept, 0);
	EXPECT_EQ(block->bytes, 0);
	EXPECT_EQ(block->state, 'R');
	EXPECT_GE(block->cpu_ns, THRESHOLD_MS * 1000000ULL);
	EXPECT_EQ(block->duration_ns, block->cpu_ns);
	EXPECT_GE(block->user_ns, block->system_ns);
	EXPECT_GE(block->samples, 2);
	/* It is a loop of one instruction. */
	EXPECT_LT(block->ip_high - block->ip_low, 64);
	TH_LOG("%u samples, %u the same, user %llu ms, system %llu ms", block->samples,
	       block->same, block->user_ns / 1000000, block->system_ns / 1000000);
	END();
}

static void spin_in_calls(void *with)
{
	char byte;
	int fds[2];

	if (pipe2(fds, O_NONBLOCK))
		_exit(1);
	for (;;)
		if (read(fds[0], &byte, 1) == 1)
			_exit(2);
}

HANG_TEST(spin_in_system_calls)
{
	const struct faultline_hang_block *block;

	START(setting(FAULTLINE_WATCH_A_SPIN_MS, THRESHOLD_MS), spin_in_calls, NULL);
	WAIT_HANG(FAULTLINE_HANG_SPIN);
	block = evidence(HANG(FAULTLINE_HANG_SPIN));
	ASSERT_NE(block, NULL);
	EXPECT_EQ(block->slept, 0);
	EXPECT_EQ(block->bytes, 0);
	EXPECT_GT(block->system_ns, 0);
	END();
}

/* Much work, and now and then a result: with each the count begins anew. */
static void compute(void *with)
{
	int fd = open("/dev/null", O_WRONLY);

	for (;;) {
		for (volatile int i = 0; i < 200000; i++)
			;
		if (write(fd, "", 1) != 1)
			_exit(1);
	}
}

HANG_TEST(honest_work)
{
	START(all_verdicts(), compute, NULL);
	ASSERT_EQ(client_set(&self->client, self->victim.watch,
			     FAULTLINE_WATCH_A_HEARTBEAT_MS, 0), 0);
	/* An emulated machine may need this for one round. */
	ASSERT_EQ(client_set(&self->client, self->victim.watch, FAULTLINE_WATCH_A_SPIN_MS,
			     2000), 0);
	watch_on(&self->client, 6000);
	EXPECT_EQ(HANGS(), 0);
	END();
}

/* A threshold that comes later. */
HANG_TEST(threshold_changes)
{
	START(setting(FAULTLINE_WATCH_A_SPIN_MS, 0), spin, NULL);
	watch_on(&self->client, 2 * THRESHOLD_MS);
	EXPECT_EQ(HANGS(), 0);
	ASSERT_EQ(client_set(&self->client, self->victim.watch, FAULTLINE_WATCH_A_SPIN_MS,
			     THRESHOLD_MS), 0);
	WAIT_HANG(FAULTLINE_HANG_SPIN);
	END();
}

/* ---- no CPU to be had ---- */

#define ANY_CPU -1

static int pin_task(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (i == cpu || cpu == ANY_CPU)
			CPU_SET(i, &set);
	return sched_setaffinity(tid, sizeof(set), &set);
}

static void pin(int cpu)
{
	pin_task(0, cpu);
}

/* The module's own thread; 0: there is none. */
static pid_t scan_find(void)
{
	DIR *proc = opendir("/proc");
	char path[64], name[32];
	struct dirent *entry;
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		file = pid ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strcmp(name, "faultline/scan\n"))
			found = pid;
		fclose(file);
	}
	if (proc)
		closedir(proc);
	return found;
}

static void spin_pinned(void *with)
{
	pin(1);
	spin(NULL);
}

static pid_t rival_start(int policy, int priority)
{
	struct sched_param param = { .sched_priority = priority };
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/*
	 * Whatever becomes of the test: the machine is not starved for ever. The timer is the other CPU's,
	 * as it expires in a thread of its CPU on PREEMPT_RT.
	 */
	pin(0);
	alarm(60);
	pin(1);
	if (sched_setscheduler(0, policy, &param))
		_exit(1);
	spin(NULL);
	_exit(1);
}

static void rival_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

HANG_TEST(starved)
{
	const struct faultline_hang_block *block;
	pid_t rival;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	/* Where its own timers expire. */
	pin(0);
	START(setting(FAULTLINE_WATCH_A_STARVED_MS, THRESHOLD_MS), spin_pinned, NULL);
	watch_on(&self->client, 2 * THRESHOLD_MS);
	EXPECT_EQ(HANGS(), 0);
	/* It is above the rival and has to find its way there by itself: what drives timers is below. */
	ASSERT_GT(scan_find(), 0);
	ASSERT_EQ(pin_task(scan_find(), 1), 0);
	rival = rival_start(SCHED_FIFO, 20);
	WAIT_HANG(FAULTLINE_HANG_STARVED);
	block = evidence(HANG(FAULTLINE_HANG_STARVED));
	ASSERT_NE(block, NULL);
	EXPECT_EQ(block->state, 'R');
	EXPECT_EQ(block->cpu, 1);
	EXPECT_GE(block->rivals, 1);
	EXPECT_LE(block->cpu_ns * 10, block->duration_ns);
	TH_LOG("%llu ms of CPU in %llu ms, waited %llu ms", block->cpu_ns / 1000000,
	       block->duration_ns / 1000000, block->waited_ns / 1000000);
	rival_end(rival);
	WAIT_OVER(FAULTLINE_HANG_STARVED);
	ASSERT_EQ(pin_task(scan_find(), ANY_CPU), 0);
	END();
}

/* Ten that are equal: each gets its tenth. */
HANG_TEST(load_of_equals)
{
	pid_t rivals[9];

	START(setting(FAULTLINE_WATCH_A_STARVED_MS, THRESHOLD_MS), spin_pinned, NULL);
	for (int i = 0; i < 9; i++)
		rivals[i] = rival_start(SCHED_OTHER, 0);
	watch_on(&self->client, 8 * THRESHOLD_MS);
	EXPECT_EQ(HANGS(), 0);
	for (int i = 0; i < 9; i++)
		rival_end(rivals[i]);
	END();
}

/* ---- what is no hang ---- */

/* Long enough for each of the verdicts, as another process shows. */
static void expect_quiet(struct __test_metadata *_metadata, struct client *client,
			 struct victim *quiet)
{
	struct settings settings = all_verdicts();
	struct victim control;

	ASSERT_EQ(victim_start_with(client, &control, &settings, spin, NULL), 0);
	ASSERT_EQ(wait_for(client, &control, FAULTLINE_RECORD_HANG, FAULTLINE_HANG_SPIN), 0);
	ASSERT_EQ(wait_for(client, &control, FAULTLINE_RECORD_HANG, FAULTLINE_HANG_HEARTBEAT), 0);
	watch_on(client, 2 * THRESHOLD_MS);
	EXPECT_EQ(count_of(client, quiet->cookie, FAULTLINE_RECORD_HANG), 0);
	victim_end(client, &control);
}

/* A victim that spins, whatever is done to it before it may be judged. */
static void victim_judge(struct client *client, struct victim *victim)
{
	struct settings settings = all_verdicts();

	client_change(client, victim->watch, &settings);
}

HANG_TEST(stopped)
{
	int status;

	START(setting(FAULTLINE_WATCH_A_WORK, 0), deadlock, NULL);
	kill(self->victim.pid, SIGSTOP);
	ASSERT_EQ(waitpid(self->victim.pid, &status, WUNTRACED), self->victim.pid);
	victim_judge(&self->client, &self->victim);
	expect_quiet(_metadata, &self->client, &self->victim);
	/* It goes on, and then it is one. */
	kill(self->victim.pid, SIGCONT);
	WAIT_HANG(FAULTLINE_HANG_DEADLOCK);
	WAIT_HANG(FAULTLINE_HANG_HEARTBEAT);
	END();
}

HANG_TEST(traced)
{
	int status;

	START(setting(FAULTLINE_WATCH_A_WORK, 0), spin, NULL);
	ASSERT_EQ(ptrace(PTRACE_ATTACH, self->victim.pid, NULL, NULL), 0);
	ASSERT_EQ(waitpid(self->victim.pid, &status, 0), self->victim.pid);
	victim_judge(&self->client, &self->victim);
	expect_quiet(_metadata, &self->client, &self->victim);
	ASSERT_EQ(ptrace(PTRACE_DETACH, self->victim.pid, NULL, NULL), 0);
	WAIT_HANG(FAULTLINE_HANG_SPIN);
	END();
}

static int group_write(const char *group, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group, name);
	return file_write(path, text);
}

static void frozen_is_no_hang(struct __test_metadata *_metadata, struct client *client,
			      struct victim *victim, const char *group, const char *file,
			      const char *freeze, const char *thaw)
{
	struct settings none = setting(FAULTLINE_WATCH_A_WORK, 0);
	char pid[16];

	ASSERT_EQ(victim_start_with(client, victim, &none, spin, NULL), 0);
	snprintf(pid, sizeof(pid), "%d", victim->pid);
	ASSERT_EQ(group_write(group, "cgroup.procs", pid), 0);
	ASSERT_EQ(group_write(group, file, freeze), 0);
	sleep_ms(500);
	victim_judge(client, victim);
	expect_quiet(_metadata, client, victim);
	ASSERT_EQ(group_write(group, file, thaw), 0);
	ASSERT_EQ(wait_for(client, victim, FAULTLINE_RECORD_HANG, FAULTLINE_HANG_SPIN), 0);
	victim_end(client, victim);
	rmdir(group);
}

HANG_TEST(frozen)
{
	const char *group = "/sys/fs/cgroup/frozen";

	if (mkdir(group, 0755))
		SKIP(return, "no cgroup2");
	frozen_is_no_hang(_metadata, &self->client, &self->victim, group, "cgroup.freeze", "1", "0");
}

HANG_TEST(frozen_by_the_old_freezer)
{
	mkdir("/tmp/freezer", 0755);
	if (mount("none", "/tmp/freezer", "cgroup", 0, "freezer"))
		SKIP(return, "no freezer of cgroup v1");
	mkdir("/tmp/freezer/frozen", 0755);
	frozen_is_no_hang(_metadata, &self->client, &self->victim, "/tmp/freezer/frozen",
			  "freezer.state", "FROZEN", "THAWED");
	umount("/tmp/freezer");
}

TEST_HARNESS_MAIN
