// SPDX-License-Identifier: GPL-2.0-only
/* Stacks that cannot be read, or only in part. */
#include "tests/probes/ends.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

static int overflow_stack(void *argument)
{
	/* Down to where nothing is mapped: the guard below the stack. */
	asm volatile("1: pushq $1\n\tjmp 1b");
	return 96;
}

void test_stack_overflow(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(overflow_stack, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	fatal = stage_find(pid, FATAL);
	assert_true(fatal->record.flags & FAULTLINE_F_CAPTURE);
	assert_int_equal(fatal->record.fault_addr, fatal->capture.regs[AT_SP] - 8);
	assert_true(fatal->capture.stack_len >= 3584);
}

static int wild_stack(void *argument)
{
	asm volatile("movq $0x7357, %rsp\n\tpushq $1");
	return 95;
}

void test_stack_unreadable(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(wild_stack, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	fatal = stage_find(pid, FATAL);
	assert_true(fatal->record.flags & FAULTLINE_F_CAPTURE);
	assert_int_equal(fatal->capture.regs[AT_SP], 0x7357);
	assert_int_equal(fatal->capture.stack_len, 0);
}

/* The end of the mapping is 96 bytes above the stack pointer, and no border of a chunk. */
static int short_stack(void *argument)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* A page that was never touched is not in memory, and not read. */
	memset(page, 0xab, 4096);
	munmap(page + 4096, 4096);
	asm volatile("movq %0, %%rsp\n\tmovq $1, 0x10" : : "r"(page + 4000));
	return 94;
}

void test_stack_ends(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(short_stack, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	fatal = stage_find(pid, FATAL);
	assert_int_equal(fatal->capture.stack_len, 96);
}
