// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes with the record of an end: registers, stack and mappings, and which
 * thread it names. Which records come of which end is in the table of faults.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

FIXTURE(once) {
	struct client client;
	struct victim victim;
	struct stats before;
	int status;
};

FIXTURE_SETUP(once)
{
	if (!module_loaded())
		ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_join(&self->client), 0);
	ASSERT_EQ(client_stats(&self->client, &self->before), 0);
}

/* Whatever happened: nothing is lost, and the sequence has no gap. */
FIXTURE_TEARDOWN(once)
{
	struct client *client = &self->client;
	struct stats after;

	ASSERT_EQ(client_stats(client, &after), 0);
	EXPECT_TRUE(stats_balance(&after));
	EXPECT_EQ(after.value[FAULTLINE_STATS_A_LOST_NO_SLOT], 0);
	EXPECT_EQ(after.value[FAULTLINE_STATS_A_CAPTURES_MISSED], 0);
	EXPECT_EQ(after.value[FAULTLINE_STATS_A_WATCHES], 0);
	EXPECT_EQ(after.value[FAULTLINE_STATS_A_PROCESSES], 0);
	for (size_t i = 1; i < client->count; i++)
		EXPECT_EQ(client->events[i].record.seq, client->events[i - 1].record.seq + 1);
	EXPECT_EQ(client_ack(client, after.value[FAULTLINE_STATS_A_SEQ]), 0);
	client_close(client);
}

#define START(function, with) \
	ASSERT_EQ(victim_start(&self->client, &self->victim, function, with), 0)

/* Wait until the watch and the process are gone. */
#define FINISH() do {								\
	ASSERT_EQ(client_wait_last(&self->client, self->victim.cookie), 0);	\
	ASSERT_EQ(waitpid(self->victim.pid, &self->status, 0), self->victim.pid); \
} while (0)

static int count_records(struct client *client, uint64_t cookie, int type)
{
	int count = 0;

	for (size_t i = 0; i < client->count; i++)
		count += client->events[i].record.cookie == cookie &&
			 client->events[i].record.type == type;
	return count;
}

#define FATALS() count_records(&self->client, self->victim.cookie, FAULTLINE_RECORD_FATAL)
#define EXITS() count_records(&self->client, self->victim.cookie, FAULTLINE_RECORD_EXIT)

static struct event *find_record(struct client *client, uint64_t cookie, int type)
{
	for (size_t i = 0; i < client->count; i++)
		if (client->events[i].record.cookie == cookie &&
		    client->events[i].record.type == type)
			return &client->events[i];
	return NULL;
}

#define FATAL() find_record(&self->client, self->victim.cookie, FAULTLINE_RECORD_FATAL)
#define EXIT() find_record(&self->client, self->victim.cookie, FAULTLINE_RECORD_EXIT)

static void null_read(void *with)
{
	asm volatile("mov (%0), %%rax" :: "r"(8L) : "rax");
}

static void null_jump(void *with)
{
	((void (*)(void))16)();
}

static pid_t *shared_tid;

/* ---- the capture ---- */

#define MARK_RBX 0x1122334455667788UL
#define MARK_R12 0x8877665544332211UL
#define MARK_R15 0xf1f2f3f4f5f6f7f8UL
#define STACK_SIZE (64 << 10)

struct stack_fault {
	unsigned char *stack;	/* shared, so that it can be compared */
	unsigned long offset;
};

extern char stack_fault_here[];

static void stack_fault(void *with)
{
	struct stack_fault *fault = with;

	/* What fork() left out of the page tables is not in reach of a capture. */
	if (fault->offset)
		madvise(fault->stack, STACK_SIZE, MADV_POPULATE_READ);
	asm volatile("mov %0, %%rsp\n\t"
		     "mov %1, %%rbx\n\t"
		     "mov %2, %%r12\n\t"
		     "mov %3, %%r15\n\t"
		     "xor %%eax, %%eax\n"
		     ".globl stack_fault_here\n"
		     "stack_fault_here:\n\t"
		     "mov 24(%%rax), %%rcx"
		     :: "a"(fault->stack + fault->offset), "c"(MARK_RBX), "d"(MARK_R12),
			"S"(MARK_R15) : "memory", "rbx", "r12", "r15");
}

static void make_stack(struct stack_fault *fault)
{
	fault->stack = mmap(NULL, STACK_SIZE + 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mprotect(fault->stack + STACK_SIZE, 4096, PROT_NONE);
	for (int i = 0; i < STACK_SIZE; i++)
		fault->stack[i] = i * 31 + (i >> 8);
}

TEST_F(once, registers_and_stack)
{
	/* In the middle; so that the end of the mapping cuts it; at the edge. */
	static const unsigned long offsets[] = { 8192, 4096 + 24, STACK_SIZE - 1000, STACK_SIZE - 8 };
	struct stack_fault fault;

	make_stack(&fault);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct faultline_capture *capture;
		struct user_regs_struct *regs;
		size_t expected = STACK_SIZE - offsets[i];

		fault.offset = offsets[i];
		if (expected > FAULTLINE_STACK_MAX)
			expected = FAULTLINE_STACK_MAX;
		START(stack_fault, &fault);
		FINISH();
		ASSERT_EQ(FATALS(), 1);
		capture = FATAL()->capture;
		ASSERT_NE(capture, NULL);
		EXPECT_EQ(capture->arch, FAULTLINE_ARCH_X86_64);
		EXPECT_EQ(capture->nregs, 27);
		regs = (void *)capture->regs;
		EXPECT_EQ(regs->rbx, MARK_RBX);
		EXPECT_EQ(regs->r12, MARK_R12);
		EXPECT_EQ(regs->r15, MARK_R15);
		EXPECT_EQ(regs->rip, (unsigned long)stack_fault_here);
		EXPECT_EQ(regs->rsp, (unsigned long)fault.stack + offsets[i]);
		EXPECT_EQ(regs->cs, 0x33);
		EXPECT_EQ(regs->ss, 0x2b);
		EXPECT_NE(regs->fs_base, 0);
		EXPECT_EQ(capture->stack_addr, regs->rsp);
		EXPECT_EQ(capture->stack_len, expected);
		EXPECT_EQ(memcmp(capture->stack, fault.stack + offsets[i], expected), 0);
		EXPECT_GT(capture->cost_ns, 0);
		EXPECT_EQ(FATAL()->record.fault_addr, 24);
		client_forget(&self->client);
	}
}

/* ---- the mappings ---- */

#define MANY 600

static const struct faultline_maps *event_maps(const struct event *event)
{
	const struct faultline_capture *capture = event->capture;

	if (!(event->record.flags & FAULTLINE_F_MAPS))
		return NULL;
	return (const void *)(capture->stack + (capture->stack_len + 7) / 8 * 8);
}

static size_t map_size(const struct faultline_map *map)
{
	return (sizeof(*map) + map->build_id_len + map->name_len + 7) / 8 * 8;
}

/* Return: the mapping of @address; NULL where there is none, or the list is not sound. */
static const struct faultline_map *maps_find(const struct faultline_maps *maps,
					     uint64_t address, const struct faultline_map **file)
{
	const char *at = (const char *)(maps + 1), *end = (const char *)maps + maps->len;
	const struct faultline_map *found = NULL, *head = NULL, *map;
	uint64_t last = 0;

	for (int i = 0; i < maps->count; i++, at += map_size(map)) {
		map = (const void *)at;
		if (at + sizeof(*map) > end || at + map_size(map) > end ||
		    map->start < last || map->start >= map->end)
			return NULL;
		last = map->end;
		if (!(map->flags & FAULTLINE_MAP_SAME))
			head = map;
		if (map->start <= address && address < map->end) {
			found = map;
			*file = head;
		}
	}
	return at == end ? found : NULL;
}

static bool map_is_named(const struct faultline_map *map, const char *name)
{
	return map->name_len == strlen(name) &&
	       !memcmp(map->data + map->build_id_len, name, map->name_len);
}

extern const volatile char __ehdr_start[];

/* After fork() the page with the build id is not in the page tables. */
static void look_and_fault(void *with)
{
	(void)*__ehdr_start;
	null_read(NULL);
}

/* Pages of one mapping each, as neighbours differ in their rights. */
static void map_many_and_fault(void *with)
{
	char *pages = mmap(NULL, MANY * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < MANY; i += 2)
		mprotect(pages + i * 4096, 4096, PROT_NONE);
	look_and_fault(NULL);
}

TEST_F(once, mappings)
{
	static void (*const ways[])(void *with) = { look_and_fault, map_many_and_fault };
	char path[256] = "";

	ASSERT_GT(readlink("/proc/self/exe", path, sizeof(path) - 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const struct faultline_map *map, *file = NULL;
		const struct faultline_maps *maps;
		struct user_regs_struct *regs;

		START(ways[i], NULL);
		FINISH();
		ASSERT_EQ(FATALS(), 1);
		maps = event_maps(FATAL());
		ASSERT_NE(maps, NULL);
		ASSERT_LE(maps->len, FAULTLINE_MAPS_MAX);
		EXPECT_EQ(!!(maps->flags & FAULTLINE_MAPS_PARTIAL), i == 1);
		regs = (void *)FATAL()->capture->regs;
		map = maps_find(maps, regs->rip, &file);
		ASSERT_NE(map, NULL);
		EXPECT_EQ(map->flags & ~FAULTLINE_MAP_SAME,
			  FAULTLINE_MAP_READ | FAULTLINE_MAP_EXEC | FAULTLINE_MAP_FILE |
			  FAULTLINE_MAP_PROGRAM);
		EXPECT_TRUE(map_is_named(file, path));
		EXPECT_EQ(file->offset, 0);
		EXPECT_EQ(file->build_id_len, FAULTLINE_BUILD_ID_MAX);
		map = maps_find(maps, regs->rsp, &file);
		ASSERT_NE(map, NULL);
		EXPECT_TRUE(map_is_named(map, "[stack]"));
		TH_LOG("%u mappings, %u bytes, %llu ns with the capture", maps->count,
		       maps->len, FATAL()->capture->cost_ns);
		client_forget(&self->client);
	}
}

#define CROWD 5000

/* Faults in the middle of more mappings than are looked at. */
static void fault_in_crowd(void *with)
{
	char *pages = mmap(NULL, CROWD * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	char *code = pages + CROWD / 2 * 4096;

	memcpy(code, "\x0f\x0b", 2);	/* ud2 */
	for (int i = 0; i < CROWD; i += 2)
		mprotect(pages + i * 4096, 4096, PROT_NONE);
	mprotect(code, 4096, PROT_READ | PROT_EXEC);
	((void (*)(void))code)();
}

TEST_F(once, mappings_of_a_crowd)
{
	const struct faultline_map *map, *file = NULL;
	const struct faultline_maps *maps;
	struct user_regs_struct *regs;

	START(fault_in_crowd, NULL);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	EXPECT_EQ(FATAL()->record.signo, SIGILL);
	maps = event_maps(FATAL());
	ASSERT_NE(maps, NULL);
	EXPECT_TRUE(maps->flags & FAULTLINE_MAPS_PARTIAL);
	regs = (void *)FATAL()->capture->regs;
	map = maps_find(maps, regs->rip, &file);
	ASSERT_NE(map, NULL);
	EXPECT_EQ(map->flags, FAULTLINE_MAP_READ | FAULTLINE_MAP_EXEC);
	map = maps_find(maps, (uint64_t)__ehdr_start, &file);
	ASSERT_NE(map, NULL);
	EXPECT_TRUE(map->flags & FAULTLINE_MAP_PROGRAM);
	map = maps_find(maps, regs->rsp, &file);
	ASSERT_NE(map, NULL);
	EXPECT_TRUE(map_is_named(map, "[stack]"));
	/* None of the others. */
	EXPECT_LT(maps->count, 20);
	TH_LOG("%u mappings, %llu ns with the capture", maps->count, FATAL()->capture->cost_ns);
}

static const struct settings no_capture = { .given = 1U << FAULTLINE_WATCH_A_CAPTURE };

TEST_F(once, stack_pointer_is_wild)
{
	struct stack_fault fault = { .stack = (void *)64, .offset = 0 };

	START(stack_fault, &fault);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	ASSERT_NE(FATAL()->capture, NULL);
	EXPECT_EQ(FATAL()->capture->stack_addr, 64);
	EXPECT_EQ(FATAL()->capture->stack_len, 0);
}

/* Without captures, and without counting them as missed. */
TEST_F(once, captures_are_switched_off)
{
	struct stack_fault fault = { .stack = (void *)64, .offset = 0 };
	struct stats after;

	ASSERT_EQ(victim_start_with(&self->client, &self->victim, &no_capture, stack_fault, &fault),
		  0);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	EXPECT_EQ(FATAL()->capture, NULL);
	ASSERT_EQ(client_stats(&self->client, &after), 0);
	EXPECT_EQ(after.value[FAULTLINE_STATS_A_CAPTURES],
		  self->before.value[FAULTLINE_STATS_A_CAPTURES]);
}

/* ---- nested faults and stacks ---- */

static void fault_again(int signo)
{
	null_jump(NULL);
}

static void nested(void *with)
{
	signal(SIGSEGV, fault_again);
	null_read(NULL);
}

TEST_F(once, fault_in_the_handler)
{
	struct faultline_record *fatal;

	START(nested, NULL);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	fatal = &FATAL()->record;
	EXPECT_EQ(fatal->signo, SIGSEGV);
	EXPECT_EQ(fatal->fault_addr, 16);
	ASSERT_NE(FATAL()->capture, NULL);
	EXPECT_EQ(((struct user_regs_struct *)FATAL()->capture->regs)->rip, 16);
}

/* ---- threads ---- */

static void *fault_at_once(void *with)
{
	pthread_barrier_wait(with);
	null_read(NULL);
	return NULL;
}

static void fault_together(void *with)
{
	pthread_barrier_t barrier;
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, fault_at_once, &barrier);
	fault_at_once(&barrier);
}

TEST_F(once, threads_fault_together)
{
	for (int i = 0; i < 10; i++) {
		START(fault_together, NULL);
		FINISH();
		ASSERT_EQ(FATALS(), 1);
		ASSERT_EQ(EXITS(), 1);
		EXPECT_EQ(FATAL()->record.signo, SIGSEGV);
		EXPECT_NE(FATAL()->capture, NULL);
		client_forget(&self->client);
	}
}

static void *spin(void *with)
{
	for (;;)
		atomic_signal_fence(memory_order_seq_cst);
	return NULL;
}

static void broken_pipe(void *with)
{
	pthread_t thread;
	int ends[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&thread, NULL, spin, NULL);
	(void)!pipe(ends);
	close(ends[0]);
	*shared_tid = thread_id();
	(void)!write(ends[1], "", 1);
}

static void broken_pipe_in_thread(void *with)
{
	place_run(PLACE_THREAD, broken_pipe, NULL);
}

/* The others are told to go at the same time; the record names the culprit. */
TEST_F(once, pipe_signal_names_its_thread)
{
	shared_tid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 5; i++) {
		START(broken_pipe_in_thread, NULL);
		FINISH();
		ASSERT_EQ(FATALS(), 1);
		EXPECT_EQ(FATAL()->record.signo, SIGPIPE);
		EXPECT_EQ(FATAL()->record.tid, *shared_tid);
		EXPECT_NE(FATAL()->capture, NULL);
		EXPECT_EQ(FATAL()->record.flags & FAULTLINE_F_SENT, 0);
		client_forget(&self->client);
	}
}

/* ---- families ---- */

static void leave_children(void *with)
{
	for (int i = 0; i < 3; i++) {
		if (!fork()) {
			usleep(30000 * (i + 1));
			_exit(20 + i);
		}
	}
	_exit(19);
}

TEST_F(once, children_outlive_the_main_process)
{
	struct faultline_record *record;
	struct watch_info info;

	START(leave_children, NULL);
	ASSERT_EQ(waitpid(self->victim.pid, &self->status, 0), self->victim.pid);
	ASSERT_EQ(client_watches(&self->client, &info, 1), 1);
	EXPECT_EQ(info.pid, 0);
	EXPECT_GE(info.processes, 1);
	ASSERT_EQ(client_wait_last(&self->client, self->victim.cookie), 0);
	EXPECT_EQ(EXITS(), 4);
	record = &EXIT()->record;
	EXPECT_EQ(record->code, 19);
	EXPECT_EQ(record->flags & (FAULTLINE_F_MAIN | FAULTLINE_F_LAST), FAULTLINE_F_MAIN);
	record = &self->client.events[self->client.count - 1].record;
	EXPECT_EQ(record->code, 22);
	EXPECT_EQ(record->flags & (FAULTLINE_F_MAIN | FAULTLINE_F_LAST), FAULTLINE_F_LAST);
}

TEST_HARNESS_MAIN
