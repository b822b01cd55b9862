// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a fault's record tells beside registers, stack and mappings: the address,
 * the other threads, the system call, floating point registers.
 */
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

FIXTURE(capture) {
	struct client client;
	struct victim victim;
};

FIXTURE_SETUP(capture)
{
	if (!module_loaded())
		ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_join(&self->client), 0);
}

FIXTURE_TEARDOWN(capture)
{
	struct stats after;

	ASSERT_EQ(client_stats(&self->client, &after), 0);
	EXPECT_TRUE(stats_balance(&after));
	EXPECT_EQ(after.value[FAULTLINE_STATS_A_CAPTURES_MISSED], 0);
	EXPECT_EQ(client_ack(&self->client, after.value[FAULTLINE_STATS_A_SEQ]), 0);
	client_close(&self->client);
}

/* Let @function fault in a watched process; its FATAL record. */
static struct event *fault(struct client *client, struct victim *victim,
			   void (*function)(void *with), void *with)
{
	client_forget(client);
	if (victim_start(client, victim, function, with) ||
	    client_wait_last(client, victim->cookie))
		return NULL;
	waitpid(victim->pid, NULL, 0);
	for (size_t i = 0; i < client->count; i++)
		if (client->events[i].record.cookie == victim->cookie &&
		    client->events[i].record.type == FAULTLINE_RECORD_FATAL)
			return &client->events[i];
	return NULL;
}

#define FAULT(function, with) fault(&self->client, &self->victim, function, with)

/* ---- addresses ---- */

#define PAGE 4096UL

static char *area;	/* three pages, the middle one alone is mapped */

static void touch_null(void *with)
{
	asm volatile("mov (%0), %%al" :: "r"(16L) : "al");
}

static void touch_unmapped(void *with)
{
	asm volatile("mov (%0), %%al" :: "r"(area) : "al");
}

static void write_read_only(void *with)
{
	mprotect(area + PAGE, PAGE, PROT_READ);
	asm volatile("movb $1, (%0)" :: "r"(area + PAGE + 8) : "memory");
}

static void read_none(void *with)
{
	mprotect(area + PAGE, PAGE, PROT_NONE);
	asm volatile("mov (%0), %%al" :: "r"(area + PAGE + 8) : "al");
}

static void execute_data(void *with)
{
	((void (*)(void))(area + PAGE))();
}

static void touch_kernel(void *with)
{
	asm volatile("mov (%0), %%al" :: "r"(0xffff888000000000UL) : "al");
}

static void touch_non_canonical(void *with)
{
	asm volatile("mov (%0), %%al" :: "r"(0x8000000000000000UL) : "al");
}

static void touch_beyond(void *with)
{
	int fd = memfd_create("short", 0);

	asm volatile("mov (%0), %%al"
		     :: "r"(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0)) : "al");
}

/* A wild pointer, although it is far below a stack. */
static void touch_below_stack(void *with)
{
	struct rlimit limit = { 256 << 10, 256 << 10 };

	setrlimit(RLIMIT_STACK, &limit);
	asm volatile("mov -0x100000(%%rsp), %%al" ::: "al");
}

static int __attribute__((noinline, noipa)) recurse(int depth)
{
	volatile char room[512];

	room[0] = depth;
	return depth < 0 ? 0 : recurse(depth + 1) + room[0];
}

static void overflow(void *with)
{
	struct rlimit limit = { 256 << 10, 256 << 10 };

	setrlimit(RLIMIT_STACK, &limit);
	recurse(0);
}

/* One frame that is larger than what is left. */
static void overflow_at_once(void *with)
{
	struct rlimit limit = { 256 << 10, 256 << 10 };

	setrlimit(RLIMIT_STACK, &limit);
	asm volatile("sub $0x80000, %%rsp\n\tpush %%rax" ::: "memory");
}

static void *recurse_thread(void *with)
{
	recurse(0);
	return NULL;
}

static void overflow_thread(void *with)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	pthread_create(&thread, &attr, recurse_thread, NULL);
	pthread_join(thread, NULL);
}

static const struct {
	const char *name;
	void (*function)(void *with);
	int what;
	int access;
} addresses[] = {
	{ "null", touch_null, FAULTLINE_ADDRESS_NULL, FAULTLINE_MAP_READ },
	{ "unmapped", touch_unmapped, FAULTLINE_ADDRESS_UNMAPPED, FAULTLINE_MAP_READ },
	{ "write", write_read_only, FAULTLINE_ADDRESS_PROTECTION, FAULTLINE_MAP_WRITE },
	{ "read", read_none, FAULTLINE_ADDRESS_PROTECTION, FAULTLINE_MAP_READ },
	{ "execute", execute_data, FAULTLINE_ADDRESS_PROTECTION, FAULTLINE_MAP_EXEC },
	{ "kernel", touch_kernel, FAULTLINE_ADDRESS_KERNEL, FAULTLINE_MAP_READ },
	{ "non-canonical", touch_non_canonical, FAULTLINE_ADDRESS_NONE, 0 },
	{ "beyond the file", touch_beyond, FAULTLINE_ADDRESS_BEYOND, FAULTLINE_MAP_READ },
	{ "below the stack", touch_below_stack, FAULTLINE_ADDRESS_UNMAPPED, FAULTLINE_MAP_READ },
	{ "overflow", overflow, FAULTLINE_ADDRESS_STACK, FAULTLINE_MAP_WRITE },
	{ "large frame", overflow_at_once, FAULTLINE_ADDRESS_STACK, FAULTLINE_MAP_WRITE },
	{ "thread's overflow", overflow_thread, FAULTLINE_ADDRESS_STACK, FAULTLINE_MAP_WRITE },
};

TEST_F(capture, address)
{
	area = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(area, PAGE);
	munmap(area + 2 * PAGE, PAGE);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		const struct event *event = FAULT(addresses[i].function, NULL);
		const struct faultline_address *at;

		TH_LOG("%s", addresses[i].name);
		ASSERT_NE(event, NULL);
		at = event_block(event, FAULTLINE_BLOCK_ADDRESS);
		ASSERT_NE(at, NULL);
		EXPECT_EQ(at->what, addresses[i].what);
		EXPECT_EQ(at->access, addresses[i].access);
		EXPECT_EQ(at->address, event->record.fault_addr);
		if (at->what == FAULTLINE_ADDRESS_PROTECTION) {
			EXPECT_LE(at->below_start, at->address);
			EXPECT_LT(at->address, at->below_end);
			EXPECT_EQ(at->below_flags & at->access, 0);
		}
		if (at->what == FAULTLINE_ADDRESS_UNMAPPED) {
			EXPECT_LE(at->below_end, at->address);
			EXPECT_LT(at->address, at->above_start);
		}
	}
}

TEST_F(capture, no_address)
{
	const struct event *event;

	/* A signal that is sent has no address. */
	event = FAULT((void (*)(void *))abort, NULL);
	ASSERT_NE(event, NULL);
	EXPECT_EQ(event_block(event, FAULTLINE_BLOCK_ADDRESS), NULL);
}

/* ---- system calls ---- */

static void die_in_call(void *with)
{
	syscall(SYS_tgkill, getpid(), thread_id(), SIGABRT);
}

TEST_F(capture, system_call)
{
	const struct event *event = FAULT(die_in_call, NULL);
	const struct faultline_syscall *call;

	ASSERT_NE(event, NULL);
	call = event_block(event, FAULTLINE_BLOCK_SYSCALL);
	ASSERT_NE(call, NULL);
	EXPECT_EQ(call->nr, SYS_tgkill);
	EXPECT_EQ(call->args[0], self->victim.pid);
	EXPECT_EQ(call->args[2], SIGABRT);

	event = FAULT(touch_null, NULL);
	ASSERT_NE(event, NULL);
	EXPECT_EQ(event_block(event, FAULTLINE_BLOCK_SYSCALL), NULL);
}

/* ---- other threads ---- */

#define WAITERS 5
#define CROWD (FAULTLINE_THREADS_MAX + 20)

static int pipes[2];

static void *wait_in_read(void *with)
{
	char byte;

	prctl(PR_SET_NAME, "waiter");
	__atomic_add_fetch((int *)with, 1, __ATOMIC_SEQ_CST);
	(void)!read(pipes[0], &byte, 1);
	return NULL;
}

static void *spin(void *with)
{
	prctl(PR_SET_NAME, "spinner");
	__atomic_add_fetch((int *)with, 1, __ATOMIC_SEQ_CST);
	for (;;)
		asm volatile("" ::: "memory");
	return NULL;
}

/* Asleep in a system call: not only about to be. */
static bool all_asleep(int spinners)
{
	char path[64], line[128];
	int asleep = 0;

	for (pid_t tid = getpid() + 1; tid < getpid() + 4 * CROWD; tid++) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
		file = fopen(path, "r");
		if (!file)
			continue;
		asleep += fgets(line, sizeof(line), file) && atoi(line) == SYS_read &&
			  strncmp(line, "running", 7);
		fclose(file);
	}
	return asleep >= spinners;
}

struct crowd {
	int waiters;
	int spinners;
};

static void fault_among(void *with)
{
	struct crowd *crowd = with;
	pthread_t thread;
	int ready = 0;

	(void)!pipe(pipes);
	for (int i = 0; i < crowd->waiters; i++)
		pthread_create(&thread, NULL, wait_in_read, &ready);
	for (int i = 0; i < crowd->spinners; i++)
		pthread_create(&thread, NULL, spin, &ready);
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < crowd->waiters + crowd->spinners ||
	       !all_asleep(crowd->waiters))
		usleep(1000);
	touch_null(NULL);
}

TEST_F(capture, threads)
{
	struct crowd crowd = { WAITERS, 1 };
	const struct event *event = FAULT(fault_among, &crowd);
	const struct faultline_threads *list;
	int waiters = 0, spinners = 0;

	ASSERT_NE(event, NULL);
	list = event_block(event, FAULTLINE_BLOCK_THREADS);
	ASSERT_NE(list, NULL);
	ASSERT_EQ(list->total, WAITERS + 1);
	ASSERT_EQ(list->count, WAITERS + 1);
	for (unsigned int i = 0; i < list->count; i++) {
		const struct faultline_thread *thread = &list->threads[i];

		EXPECT_NE(thread->tid, event->record.tid);
		EXPECT_EQ(thread->flags & FAULTLINE_THREAD_KERNEL, 0);
		if (!strcmp(thread->comm, "waiter")) {
			waiters++;
			EXPECT_EQ(thread->state, 'S');
			EXPECT_EQ(thread->syscall, SYS_read);
			EXPECT_EQ(thread->flags & FAULTLINE_THREAD_STALE, 0);
			EXPECT_NE(thread->pc, 0);
			EXPECT_NE(thread->sp, 0);
		} else if (!strcmp(thread->comm, "spinner")) {
			spinners++;
			EXPECT_EQ(thread->state, 'R');
			EXPECT_EQ(thread->syscall, -1);
		}
	}
	EXPECT_EQ(waiters, WAITERS);
	EXPECT_EQ(spinners, 1);
	TH_LOG("%llu ns", event->capture->cost_ns);
}

TEST_F(capture, threads_without_number)
{
	struct crowd crowd = { CROWD, 0 };
	const struct event *event = FAULT(fault_among, &crowd);
	const struct faultline_threads *list;

	ASSERT_NE(event, NULL);
	list = event_block(event, FAULTLINE_BLOCK_THREADS);
	ASSERT_NE(list, NULL);
	EXPECT_EQ(list->total, CROWD);
	EXPECT_EQ(list->count, FAULTLINE_THREADS_MAX);
	EXPECT_LE(event->record.len, FAULTLINE_RECORD_MAX);
	TH_LOG("%u bytes, %llu ns", event->record.len, event->capture->cost_ns);
}

TEST_F(capture, one_thread_has_no_others)
{
	const struct event *event = FAULT(touch_null, NULL);

	ASSERT_NE(event, NULL);
	EXPECT_EQ(event_block(event, FAULTLINE_BLOCK_THREADS), NULL);
}

/* ---- floating point registers and auxiliary vector ---- */

#define MARK 0x1122334455667788UL

static void fault_with_xmm(void *with)
{
	asm volatile("movq %0, %%xmm5\n\tmov (%1), %%al"
		     :: "r"(MARK), "r"(16L) : "xmm5", "al");
}

/* The registers may have been put away before the fault. */
static void fault_after_sleep(void *with)
{
	asm volatile("movq %0, %%xmm5\n\tmov $35, %%eax\n\tsyscall\n\tmov (%1), %%al"
		     :: "r"(MARK), "r"(16L), "D"(&(struct timespec){ .tv_nsec = 1000000 }), "S"(0L)
		     : "xmm5", "rax", "rcx", "r11", "memory");
}

TEST_F(capture, floating_point)
{
	void (*const ways[])(void *with) = { fault_with_xmm, fault_after_sleep };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const struct event *event = FAULT(ways[i], NULL);
		const struct faultline_fpregs *fpregs;
		struct user_fpregs_struct regs;
		uint64_t low;

		ASSERT_NE(event, NULL);
		fpregs = event_block(event, FAULTLINE_BLOCK_FPREGS);
		ASSERT_NE(fpregs, NULL);
		ASSERT_EQ(sizeof(regs), sizeof(fpregs->regs));
		memcpy(&regs, fpregs->regs, sizeof(regs));
		memcpy(&low, &regs.xmm_space[5 * 4], sizeof(low));
		EXPECT_EQ(low, MARK);
		EXPECT_EQ(regs.cwd, 0x37f);
		EXPECT_EQ(regs.mxcsr, 0x1f80);
	}
}

TEST_F(capture, auxiliary_vector)
{
	const struct event *event = FAULT(touch_null, NULL);
	const struct faultline_auxv *auxv;
	uint64_t entry = 0, phdr = 0;

	ASSERT_NE(event, NULL);
	auxv = event_block(event, FAULTLINE_BLOCK_AUXV);
	ASSERT_NE(auxv, NULL);
	for (size_t i = 0; i + 1 < (auxv->block.len - sizeof(*auxv)) / 8; i += 2) {
		EXPECT_NE(auxv->words[i], AT_NULL);
		if (auxv->words[i] == AT_ENTRY)
			entry = auxv->words[i + 1];
		if (auxv->words[i] == AT_PHDR)
			phdr = auxv->words[i + 1];
	}
	EXPECT_EQ(entry, getauxval(AT_ENTRY));
	EXPECT_EQ(phdr, getauxval(AT_PHDR));
}

/* ---- memory ---- */

#define USED (8UL << 20)

static void use_memory(void)
{
	char *given_back = mmap(NULL, USED, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	mmap(NULL, 2 * USED, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	mmap(NULL, USED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	munmap(given_back, USED);
}

static void fault_with_memory(void *with)
{
	use_memory();
	touch_null(NULL);
}

static void kill_with_memory(void *with)
{
	use_memory();
	kill(getpid(), (long)with);
	pause();
}

static void exit_with_memory(void *with)
{
	use_memory();
	_exit(3);
}

static bool memory_fits(const struct faultline_memory *memory)
{
	return memory && !memory->block.flags && memory->anon >= 2 * USED &&
	       memory->shmem >= USED && memory->shmem < 2 * USED && memory->stack &&
	       memory->resident == memory->anon + memory->file + memory->shmem &&
	       memory->resident_peak >= memory->resident + USED / 2 &&
	       memory->size >= 3 * USED && memory->size_peak >= memory->size + USED / 2 &&
	       !memory->swap;
}

TEST_F(capture, memory)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGABRT };
	const struct event *event = FAULT(fault_with_memory, NULL);

	ASSERT_NE(event, NULL);
	EXPECT_TRUE(memory_fits(event_block(event, FAULTLINE_BLOCK_MEMORY)));
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		event = FAULT(kill_with_memory, (void *)(long)signals[i]);
		ASSERT_NE(event, NULL);
		EXPECT_TRUE(memory_fits(event_block(event, FAULTLINE_BLOCK_MEMORY)));
	}
}

TEST_F(capture, memory_of_an_exit)
{
	const struct faultline_memory *memory;

	EXPECT_EQ(FAULT(exit_with_memory, NULL), NULL);
	ASSERT_EQ(self->client.count, 1);
	memory = event_block(&self->client.events[0], FAULTLINE_BLOCK_MEMORY);
	ASSERT_NE(memory, NULL);
	if (!(memory->block.flags & FAULTLINE_MEMORY_ENDED)) {
		EXPECT_TRUE(memory_fits(memory));
		return;
	}
	EXPECT_GT(memory->resident_peak, 7 * USED / 2);
	EXPECT_EQ(memory->resident, 0);
}

/* ---- the pool ---- */

static void fault_deep(void *with)
{
	char room[32768];

	memset(room, 1, sizeof(room));
	asm volatile("mov (%0), %%al" :: "r"(16L), "r"(room) : "al", "memory");
}

/* Large captures first, then short ones, then none; and all come back. */
TEST_F(capture, pool_of_two_sizes)
{
	struct stats stats;
	struct event *event;
	int shorter = 0;

	ASSERT_EQ(client_stats(&self->client, &stats), 0);
	ASSERT_EQ(client_ack(&self->client, stats.value[FAULTLINE_STATS_A_SEQ]), 0);
	client_close(&self->client);
	ASSERT_EQ(module_unload(), 0);
	ASSERT_EQ(module_load("captures=4"), 0);
	for (int round = 0; round < 2; round++) {
		ASSERT_EQ(client_open(&self->client), 0);
		ASSERT_EQ(client_join(&self->client), 0);
		for (int i = 0; i < 5; i++) {
			event = FAULT(fault_deep, NULL);
			ASSERT_NE(event, NULL);
			ASSERT_EQ(!!event->capture, i < 4);
			EXPECT_NE(event_block(event, FAULTLINE_BLOCK_MEMORY), NULL);
			if (i == 4)
				break;
			/* The rest is there however short the stack is. */
			EXPECT_NE(event_block(event, FAULTLINE_BLOCK_ADDRESS), NULL);
			EXPECT_TRUE(event->record.flags & FAULTLINE_F_MAPS);
			if (i == 0)
				EXPECT_EQ(event->capture->stack_len, FAULTLINE_STACK_MAX);
			shorter += event->capture->stack_len < FAULTLINE_STACK_MAX;
		}
		ASSERT_EQ(client_stats(&self->client, &stats), 0);
		ASSERT_EQ(client_ack(&self->client, stats.value[FAULTLINE_STATS_A_SEQ]), 0);
		client_close(&self->client);
	}
	EXPECT_EQ(shorter, 6);
	ASSERT_EQ(module_unload(), 0);
	ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(&self->client), 0);
}

TEST_HARNESS_MAIN
