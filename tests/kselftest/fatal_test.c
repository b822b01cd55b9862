// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ends a watched process, and which records come of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <linux/seccomp.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

FIXTURE(fatal) {
	struct client client;
	struct victim victim;
	struct stats before;
	int status;
};

FIXTURE_SETUP(fatal)
{
	if (!module_loaded())
		ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_join(&self->client), 0);
	ASSERT_EQ(client_stats(&self->client, &self->before), 0);
}

/* Whatever happened: nothing is lost, and the sequence has no gap. */
FIXTURE_TEARDOWN(fatal)
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

/* ---- each signal in each place ---- */

FIXTURE_VARIANT(fatal) {
	enum place place;
};

FIXTURE_VARIANT_ADD(fatal, main) { .place = PLACE_MAIN };
FIXTURE_VARIANT_ADD(fatal, thread) { .place = PLACE_THREAD };
FIXTURE_VARIANT_ADD(fatal, child) { .place = PLACE_CHILD };
FIXTURE_VARIANT_ADD(fatal, grandchild) { .place = PLACE_GRANDCHILD };
FIXTURE_VARIANT_ADD(fatal, child_thread) { .place = PLACE_CHILD_THREAD };
FIXTURE_VARIANT_ADD(fatal, vfork) { .place = PLACE_VFORK };

static const int signals[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL,
	SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU,
	SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSYS, 34, 64,
};

static pid_t *shared_tid;

static void die_of(void *with)
{
	*shared_tid = thread_id();
	signal_self(*(int *)with);
}

struct strike {
	enum place place;
	void (*function)(void *with);
	void *with;
};

static void strike(void *with)
{
	struct strike *strike = with;

	place_run(strike->place, strike->function, strike->with);
}

TEST_F(fatal, signal)
{
	shared_tid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int signo = signals[i];
		struct strike how = { variant->place, die_of, &signo };
		struct faultline_record *fatal, *last;

		START(strike, &how);
		FINISH();
		ASSERT_EQ(FATALS(), 1) {
			TH_LOG("signal %d", signo);
		}
		EXPECT_EQ(EXITS(), place_processes(variant->place));
		fatal = &FATAL()->record;
		EXPECT_EQ(fatal->signo, signo);
		EXPECT_EQ(fatal->code, SI_TKILL);
		EXPECT_EQ(fatal->tid, *shared_tid);
		EXPECT_EQ(fatal->watch, self->victim.watch);
		EXPECT_EQ(fatal->flags & (FAULTLINE_F_SENT | FAULTLINE_F_KERNEL), 0);
		EXPECT_TRUE(fatal->flags & FAULTLINE_F_CAPTURE);
		EXPECT_EQ(!!(fatal->flags & FAULTLINE_F_MAIN), place_is_main(variant->place));
		EXPECT_EQ(fatal->tgid == self->victim.pid, place_is_main(variant->place));
		EXPECT_EQ(EXIT()->record.signo, signo);
		EXPECT_EQ(EXIT()->record.tgid, fatal->tgid);
		EXPECT_GT(EXIT()->record.seq, fatal->seq);
		last = &self->client.events[self->client.count - 1].record;
		EXPECT_EQ(last->flags & (FAULTLINE_F_LAST | FAULTLINE_F_MAIN),
			  FAULTLINE_F_LAST | FAULTLINE_F_MAIN);
		EXPECT_EQ(last->tgid, self->victim.pid);
		ASSERT_EQ(client_ack(&self->client, last->seq), 0);
		client_forget(&self->client);
	}
}

/* ---- the rest once ---- */

FIXTURE(once) {
	struct client client;
	struct victim victim;
	struct stats before;
	int status;
};

FIXTURE_SETUP(once)
{
	fatal_setup(_metadata, (void *)self, NULL);
}

FIXTURE_TEARDOWN(once)
{
	fatal_teardown(_metadata, (void *)self, NULL);
}

/* Faults of the processor and the kernel. */

#define NON_CANONICAL 0x8000000000000000UL

static void null_read(void *with)
{
	asm volatile("mov (%0), %%rax" :: "r"(8L) : "rax");
}

static void null_jump(void *with)
{
	((void (*)(void))16)();
}

static void *volatile ro_page;

static void ro_write(void *with)
{
	asm volatile("movq $1, (%0)" :: "r"(ro_page) : "memory");
}

static void wild_read(void *with)
{
	asm volatile("mov (%0), %%rax" :: "r"(NON_CANONICAL) : "rax");
}

static void illegal(void *with)
{
	asm volatile("ud2");
}

static void divide(void *with)
{
	asm volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx"
		     ::: "eax", "ecx", "edx");
}

static void breakpoint(void *with)
{
	asm volatile("int3");
}

static void bus(void *with)
{
	int fd = memfd_create("short", 0);
	char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	asm volatile("movb (%0), %%al" :: "r"(page) : "al");
}

static void call_abort(void *with)
{
	abort();
}

static void seccomp_kill(void *with)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	syscall(SYS_getpid);
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

static void file_too_large(void *with)
{
	struct rlimit limit = { 16, 16 };
	int fd = memfd_create("long", 0);
	char bytes[64] = {};

	setrlimit(RLIMIT_FSIZE, &limit);
	if (write(fd, bytes, 16) == 16)
		(void)!write(fd, bytes, sizeof(bytes));
}

static void timer(void *with)
{
	struct itimerval soon = { .it_value.tv_usec = 1000 };

	setitimer(ITIMER_REAL, &soon, NULL);
	for (;;)
		pause();
}

#define ANY_ADDRESS 1

static const struct {
	const char *name;
	void (*function)(void *with);
	int signo;
	int code;
	uint64_t address;
	int trapno;
	bool kernel;
} faults[] = {
	{ "null read", null_read, SIGSEGV, SEGV_MAPERR, 8, 14, true },
	{ "null jump", null_jump, SIGSEGV, SEGV_MAPERR, 16, 14, true },
	{ "write to read-only", ro_write, SIGSEGV, SEGV_ACCERR, ANY_ADDRESS, 14, true },
	{ "non-canonical address", wild_read, SIGSEGV, SI_KERNEL, 0, 13, true },
	{ "ud2", illegal, SIGILL, ILL_ILLOPN, ANY_ADDRESS, 6, true },
	{ "divide by zero", divide, SIGFPE, FPE_INTDIV, ANY_ADDRESS, 0, true },
	{ "int3", breakpoint, SIGTRAP, SI_KERNEL, 0, 3, true },
	{ "mapping past the end", bus, SIGBUS, BUS_ADRERR, ANY_ADDRESS, 14, true },
	{ "abort()", call_abort, SIGABRT, SI_TKILL, 0, 0, false },
	{ "stack overflow", overflow, SIGSEGV, SEGV_MAPERR, ANY_ADDRESS, 14, true },
	{ "file size limit", file_too_large, SIGXFSZ, SI_USER, 0, 0, false },
	{ "timer", timer, SIGALRM, SI_KERNEL, 0, 0, true },
};

TEST_F(once, fault)
{
	ro_page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct faultline_record *fatal;

		START(faults[i].function, NULL);
		FINISH();
		ASSERT_EQ(FATALS(), 1) {
			TH_LOG("%s", faults[i].name);
		}
		fatal = &FATAL()->record;
		EXPECT_EQ(fatal->signo, faults[i].signo) {
			TH_LOG("%s", faults[i].name);
		}
		EXPECT_EQ(fatal->code, faults[i].code) {
			TH_LOG("%s", faults[i].name);
		}
		if (faults[i].address == ANY_ADDRESS) {
			EXPECT_NE(fatal->fault_addr, 0);
		} else {
			EXPECT_EQ(fatal->fault_addr, faults[i].address);
		}
		EXPECT_EQ(fatal->trapno, faults[i].trapno) {
			TH_LOG("%s", faults[i].name);
		}
		EXPECT_EQ(!!(fatal->flags & FAULTLINE_F_KERNEL), faults[i].kernel) {
			TH_LOG("%s", faults[i].name);
		}
		EXPECT_TRUE(fatal->flags & FAULTLINE_F_CAPTURE);
		EXPECT_EQ(fatal->flags & FAULTLINE_F_SENT, 0);
		EXPECT_EQ(WTERMSIG(self->status), faults[i].signo);
		client_forget(&self->client);
	}
}

TEST_F(once, seccomp)
{
	START(seccomp_kill, NULL);
	FINISH();
	/* Strict mode kills with SIGKILL from inside: there is no signal. */
	EXPECT_EQ(WTERMSIG(self->status), SIGKILL);
	ASSERT_EQ(FATALS(), 1);
	EXPECT_EQ(FATAL()->record.signo, SIGKILL);
	EXPECT_EQ(EXIT()->record.signo, SIGKILL);
}

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

/* ---- what is no fault ---- */

static sigjmp_buf jump;

static void jump_out(int signo)
{
	siglongjmp(jump, 1);
}

static void survive_faults(void *with)
{
	signal(SIGSEGV, jump_out);
	signal(SIGFPE, jump_out);
	signal(SIGTERM, jump_out);
	for (volatile int i = 0; i < 20; i++) {
		if (sigsetjmp(jump, 1))
			continue;
		if (i % 3 == 0)
			null_read(NULL);
		else if (i % 3 == 1)
			divide(NULL);
		else
			raise(SIGTERM);
	}
	_exit(5);
}

TEST_F(once, handled_signals_are_no_fault)
{
	START(survive_faults, NULL);
	FINISH();
	EXPECT_EQ(FATALS(), 0);
	EXPECT_EQ(EXITS(), 1);
	EXPECT_EQ(EXIT()->record.code, 5);
	EXPECT_EQ(EXIT()->record.signo, 0);
}

static void survive_blocked(void *with)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	raise(SIGHUP);
	raise(SIGUSR1);
	sigdelset(&set, SIGTERM);
	sigwait(&set, &signo);
	raise(SIGTERM);
	_exit(6);
}

TEST_F(once, blocked_ignored_and_awaited_signals_are_no_fault)
{
	START(survive_blocked, NULL);
	FINISH();
	EXPECT_EQ(FATALS(), 0);
	EXPECT_EQ(EXIT()->record.code, 6);
}

static void die_unblocked(void *with)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(7);
}

TEST_F(once, unblocked_signal_is_a_fault)
{
	START(die_unblocked, NULL);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	EXPECT_EQ(FATAL()->record.signo, SIGTERM);
	EXPECT_NE(FATAL()->capture, NULL);
}

static void stop_and_go(void *with)
{
	raise(SIGSTOP);
	raise(SIGCHLD);
	raise(SIGURG);
	_exit(8);
}

TEST_F(once, stop_and_continue_are_no_fault)
{
	START(stop_and_go, NULL);
	ASSERT_EQ(waitpid(self->victim.pid, &self->status, WUNTRACED), self->victim.pid);
	ASSERT_TRUE(WIFSTOPPED(self->status));
	kill(self->victim.pid, SIGCONT);
	FINISH();
	EXPECT_EQ(FATALS(), 0);
	EXPECT_EQ(EXIT()->record.code, 8);
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

static void overflow_handled(void *with)
{
	static char room[64 << 10];
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
	struct sigaction action = { .sa_handler = jump_out, .sa_flags = with ? SA_ONSTACK : 0 };

	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	if (!sigsetjmp(jump, 1))
		overflow(NULL);
	_exit(9);
}

TEST_F(once, stack_overflow_with_alternate_stack)
{
	START(overflow_handled, self);
	FINISH();
	EXPECT_EQ(FATALS(), 0);
	EXPECT_EQ(EXIT()->record.code, 9);
}

TEST_F(once, stack_overflow_without_alternate_stack)
{
	START(overflow_handled, NULL);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	EXPECT_EQ(FATAL()->record.signo, SIGSEGV);
	EXPECT_TRUE(FATAL()->record.flags & FAULTLINE_F_KERNEL);
	EXPECT_NE(FATAL()->capture, NULL);
}

/* ---- exec ---- */

static void *wait_for_ever(void *with)
{
	for (;;)
		pause();
	return NULL;
}

static void exec_missing(void *with)
{
	execl("/does/not/exist", "none", NULL);
	_exit(127);
}

TEST_F(once, exec_fails)
{
	START(exec_missing, NULL);
	FINISH();
	EXPECT_EQ(FATALS(), 0);
	EXPECT_EQ(EXIT()->record.code, 127);
}

static void exec_victim(void *with)
{
	execl("./victim", "victim", "signal", "11", NULL);
	_exit(97);
}

static void exec_from_thread(void *with)
{
	/* Another thread to be swept away, beside the leader. */
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_ever, NULL);
	place_run(PLACE_THREAD, exec_victim, NULL);
}

TEST_F(once, exec_then_fault)
{
	START(exec_victim, NULL);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	EXPECT_EQ(FATAL()->record.signo, SIGSEGV);
	EXPECT_STREQ(FATAL()->record.comm, "victim");
}

TEST_F(once, exec_from_a_thread)
{
	START(exec_from_thread, NULL);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	ASSERT_EQ(EXITS(), 1);
	EXPECT_EQ(FATAL()->record.signo, SIGSEGV);
	EXPECT_EQ(FATAL()->record.tgid, self->victim.pid);
	EXPECT_EQ(FATAL()->record.tid, self->victim.pid);
	EXPECT_EQ(EXIT()->record.tgid, self->victim.pid);
	EXPECT_TRUE(EXIT()->record.flags & FAULTLINE_F_MAIN);
}

/* ---- threads ---- */

static void *late_fault(void *with)
{
	usleep(20000);
	null_read(NULL);
	return NULL;
}

static void leader_first(void *with)
{
	pthread_t thread;

	pthread_create(&thread, NULL, late_fault, NULL);
	syscall(SYS_exit, 0);
}

TEST_F(once, leader_exits_first)
{
	START(leader_first, NULL);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	ASSERT_EQ(EXITS(), 1);
	EXPECT_EQ(FATAL()->record.tgid, self->victim.pid);
	EXPECT_NE(FATAL()->record.tid, self->victim.pid);
	EXPECT_NE(FATAL()->capture, NULL);
	EXPECT_EQ(EXIT()->record.signo, SIGSEGV);
}

static void leader_first_killed(void *with)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_ever, NULL);
	syscall(SYS_exit, 0);
}

TEST_F(once, leader_exits_first_and_the_rest_is_killed)
{
	START(leader_first_killed, NULL);
	usleep(50000);
	kill(self->victim.pid, SIGTERM);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	EXPECT_EQ(FATAL()->record.signo, SIGTERM);
	EXPECT_NE(FATAL()->record.tid, self->victim.pid);
	EXPECT_NE(FATAL()->capture, NULL);
	EXPECT_TRUE(FATAL()->record.flags & FAULTLINE_F_SENT);
}

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

static void exit_42(void *with)
{
	exit(42);
}

static void thread_ends_all(void *with)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, spin, NULL);
	place_run(PLACE_THREAD, exit_42, NULL);
}

TEST_F(once, exit_by_a_thread)
{
	START(thread_ends_all, NULL);
	FINISH();
	EXPECT_EQ(FATALS(), 0);
	ASSERT_EQ(EXITS(), 1);
	EXPECT_EQ(EXIT()->record.code, 42);
}

/* ---- from outside ---- */

static void wait_for_end(void *with)
{
	for (;;)
		pause();
}

TEST_F(once, killed_from_outside)
{
	static const int deaths[] = { SIGKILL, SIGTERM, SIGSEGV, SIGABRT };

	for (size_t i = 0; i < ARRAY_SIZE(deaths); i++) {
		struct faultline_record *fatal;

		START(wait_for_end, NULL);
		usleep(10000);
		kill(self->victim.pid, deaths[i]);
		FINISH();
		ASSERT_EQ(FATALS(), 1);
		fatal = &FATAL()->record;
		EXPECT_EQ(fatal->signo, deaths[i]);
		EXPECT_EQ(fatal->code, SI_USER);
		EXPECT_TRUE(fatal->flags & FAULTLINE_F_SENT);
		EXPECT_FALSE(fatal->flags & FAULTLINE_F_KERNEL);
		EXPECT_EQ(fatal->sender_tgid, getpid());
		EXPECT_EQ(fatal->sender_uid, getuid());
		EXPECT_EQ(fatal->ptgid, getpid());
		EXPECT_NE(FATAL()->capture, NULL);
		client_forget(&self->client);
	}
}

static void wait_as_nobody(void *with)
{
	(void)!setresuid(65534, 65534, 65534);
	wait_for_end(NULL);
}

TEST_F(once, user_of_the_process)
{
	START(wait_as_nobody, NULL);
	usleep(30000);
	kill(self->victim.pid, SIGTERM);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	EXPECT_EQ(FATAL()->record.uid, 65534);
	EXPECT_EQ(FATAL()->record.sender_uid, 0);
}

/* ---- debuggers ---- */

struct traced {
	int signo;
	volatile int go;
};

static struct traced *traced_new(int signo)
{
	struct traced *traced = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	traced->signo = signo;
	return traced;
}

static void raise_and_go(void *with)
{
	struct traced *traced = with;

	while (!traced->go)
		usleep(1000);
	raise(traced->signo);
	null_read(NULL);
	_exit(11);
}

static int wait_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		return -1;
	return WSTOPSIG(status);
}

TEST_F(once, debugger_drops_a_signal)
{
	struct user_regs_struct regs;
	struct traced *traced = traced_new(SIGABRT);

	START(raise_and_go, traced);
	ASSERT_EQ(ptrace(PTRACE_SEIZE, self->victim.pid, 0, 0), 0);
	traced->go = 1;
	ASSERT_EQ(wait_stop(self->victim.pid), SIGABRT);
	ptrace(PTRACE_CONT, self->victim.pid, 0, 0);
	ASSERT_EQ(wait_stop(self->victim.pid), SIGSEGV);
	/* Over the fault, to the end. */
	ASSERT_EQ(ptrace(PTRACE_GETREGS, self->victim.pid, 0, &regs), 0);
	regs.rip += 3;
	ASSERT_EQ(ptrace(PTRACE_SETREGS, self->victim.pid, 0, &regs), 0);
	ptrace(PTRACE_CONT, self->victim.pid, 0, 0);
	FINISH();
	EXPECT_EQ(FATALS(), 0);
	EXPECT_EQ(EXIT()->record.signo, 0);
}

TEST_F(once, debugger_changes_a_signal)
{
	struct traced *traced = traced_new(SIGUSR1);

	START(raise_and_go, traced);
	ASSERT_EQ(ptrace(PTRACE_SEIZE, self->victim.pid, 0, 0), 0);
	traced->go = 1;
	ASSERT_EQ(wait_stop(self->victim.pid), SIGUSR1);
	ptrace(PTRACE_CONT, self->victim.pid, 0, SIGFPE);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	EXPECT_EQ(FATAL()->record.signo, SIGFPE);
	EXPECT_NE(FATAL()->capture, NULL);
	EXPECT_EQ(WTERMSIG(self->status), SIGFPE);
}

/* ---- ends, families, namespaces ---- */

static void exit_with(void *with)
{
	_exit(*(int *)with);
}

TEST_F(once, exit_status)
{
	static int codes[] = { 0, 1, 3, 127, 255 };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		START(exit_with, &codes[i]);
		FINISH();
		EXPECT_EQ(FATALS(), 0);
		ASSERT_EQ(EXITS(), 1);
		EXPECT_EQ(EXIT()->record.code, codes[i]);
		EXPECT_EQ(EXIT()->record.signo, 0);
		client_forget(&self->client);
	}
}

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

static void namespace_init_faults(void *with)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		_exit(90);
	pid = fork();
	if (!pid) {
		if (getpid() != 1)
			_exit(91);
		if (!fork())
			wait_for_end(NULL);
		/* From inside, the namespace's init takes no signal it did not ask for. */
		raise(SIGTERM);
		null_read(NULL);
		_exit(92);
	}
	waitpid(pid, NULL, 0);
}

TEST_F(once, pid_namespace)
{
	struct faultline_record *fatal, *other = NULL;

	START(namespace_init_faults, NULL);
	FINISH();
	EXPECT_EQ(self->status, 0);
	EXPECT_EQ(EXITS(), 3);
	ASSERT_EQ(FATALS(), 2);
	fatal = &FATAL()->record;
	EXPECT_EQ(fatal->signo, SIGSEGV);
	EXPECT_GT(fatal->tgid, self->victim.pid);
	EXPECT_EQ(fatal->ptgid, self->victim.pid);
	/* And the kernel takes the rest of the namespace with it. */
	for (size_t i = 0; i < self->client.count; i++)
		if (self->client.events[i].record.type == FAULTLINE_RECORD_FATAL)
			other = &self->client.events[i].record;
	EXPECT_EQ(other->signo, SIGKILL);
	EXPECT_TRUE(other->flags & FAULTLINE_F_KERNEL);
}

/* ---- core dumps and memory ---- */

static void dump_core(void *with)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &limit);
	place_run(with ? PLACE_THREAD : PLACE_MAIN, null_read, NULL);
}

TEST_F(once, core_dump)
{
	ASSERT_EQ(file_write("/proc/sys/kernel/core_pattern", "/tmp/core.%p"), 0);
	for (int threads = 0; threads < 2; threads++) {
		START(dump_core, threads ? self : NULL);
		FINISH();
		ASSERT_EQ(FATALS(), 1);
		EXPECT_TRUE(WCOREDUMP(self->status));
		EXPECT_TRUE(FATAL()->record.flags & FAULTLINE_F_COREDUMP);
		EXPECT_TRUE(EXIT()->record.flags & FAULTLINE_F_COREDUMP);
		client_forget(&self->client);
	}
	(void)!system("rm -f /tmp/core.*");
}

TEST_F(once, no_core_dump)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	START(null_read, NULL);
	FINISH();
	ASSERT_EQ(FATALS(), 1);
	EXPECT_FALSE(FATAL()->record.flags & FAULTLINE_F_COREDUMP);
	EXPECT_FALSE(EXIT()->record.flags & FAULTLINE_F_COREDUMP);
}

#define CGROUP "/sys/fs/cgroup/faultline"

static void eat_memory(void *with)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", getpid());
	if (file_write(CGROUP "/cgroup.procs", text))
		_exit(93);
	for (;;)
		memset(malloc(1 << 20), 1, 1 << 20);
}

TEST_F(once, out_of_memory)
{
	struct faultline_record *fatal;

	file_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) || file_write(CGROUP "/memory.max", "16M"))
		SKIP(return, "no memory cgroup here");
	START(eat_memory, NULL);
	FINISH();
	rmdir(CGROUP);
	ASSERT_EQ(FATALS(), 1);
	fatal = &FATAL()->record;
	EXPECT_EQ(fatal->signo, SIGKILL);
	EXPECT_TRUE(fatal->flags & FAULTLINE_F_KERNEL);
	EXPECT_FALSE(fatal->flags & FAULTLINE_F_SENT);
	EXPECT_EQ(fatal->tgid, self->victim.pid);
}

TEST_HARNESS_MAIN
