// SPDX-License-Identifier: GPL-2.0-only
/* What a process used when it came to its end, by the counters of the kernel. */
#include "tests/probes/ends.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1UL << 20)
/* What a CPU has not added up yet, of each kind. */
#define SLOP (2 * MIB)

static void use(size_t size, int flags)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	memset(memory, 1, size);
}

/* 24 MiB of its own, 8 shared, and before that 16 that are given back. */
static void use_memory(void)
{
	char *memory = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	use(24 * MIB, MAP_PRIVATE);
	use(8 * MIB, MAP_SHARED);
	memset(memory, 1, 16 * MIB);
	munmap(memory, 16 * MIB);
}

static int crash_with_memory(void *argument)
{
	use_memory();
	return crash(argument);
}

static int killed_with_memory(void *argument)
{
	use_memory();
	raise(*(int *)argument);
	return 98;
}

static int exit_with_memory(void *argument)
{
	use_memory();
	return 7;
}

/* What the process begins with: it is forked from this one, which has much under a sanitizer. */
static size_t inherited(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	size_t kib = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) && sscanf(line, "RssAnon: %zu kB", &kib) != 1)
		;
	fclose(file);
	assert_true(kib);
	return kib << 10;
}

static void check_memory(const struct faultline_memory *memory)
{
	assert_int_equal(memory->block.type, FAULTLINE_BLOCK_MEMORY);
	assert_int_equal(memory->block.flags, 0);
	assert_in_range(memory->anon, 24 * MIB - SLOP, inherited() + 36 * MIB);
	assert_in_range(memory->shmem, 8 * MIB - SLOP, 12 * MIB);
	assert_int_equal(memory->resident, memory->anon + memory->file + memory->shmem);
	assert_in_range(memory->resident_peak, memory->resident + 16 * MIB - SLOP, memory->resident + 24 * MIB);
	assert_true(memory->size >= memory->resident - SLOP);
	assert_true(memory->size_peak >= memory->size + 16 * MIB - SLOP);
	assert_int_equal(memory->swap, 0);
	assert_in_range(memory->stack, 4096, 16 * MIB);
}

static const struct seen *end_with(int (*act)(void *argument), void *argument, int type)
{
	const struct seen *seen;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(act, argument);
	stage_until_last();
	stage_status(pid);
	seen = stage_find(pid, type);
	assert_non_null(seen);
	return seen;
}

void test_memory_of_a_fault(void **state)
{
	check_memory(&end_with(crash_with_memory, NULL, FATAL)->memory);
	/* It is told once. */
	assert_int_equal(stage.seen[stage.count - 1].record.type, EXIT);
	assert_int_equal(stage.seen[stage.count - 1].memory.block.len, 0);
}

void test_memory_of_a_signal(void **state)
{
	int signals[] = { SIGTERM, SIGKILL, SIGABRT };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		check_memory(&end_with(killed_with_memory, &signals[i], FATAL)->memory);
}

/* Without a capture too: then the record has it alone. */
void test_memory_without_capture(void **state)
{
	struct source_settings settings = { 0 };
	const struct seen *fatal;
	uint32_t watch;
	struct error err;
	pid_t pid;

	if (stage.ops == &source_probes)
		skip();
	stage_begin();
	source_settings_give(&settings, FAULTLINE_WATCH_A_CAPTURE, 0);
	pid = stage_fork(crash_with_memory, NULL);
	assert_int_equal(stage.ops->watch(stage.source, pid, ++stage.cookie, &settings, &watch, &err), 0);
	stage_release();
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	fatal = stage_find(pid, FATAL);
	assert_non_null(fatal);
	assert_false(fatal->captured);
	check_memory(&fatal->memory);
}

/* Most kernels have taken the memory apart before they tell of an exit. */
void test_memory_of_an_exit(void **state)
{
	const struct faultline_memory *memory = &end_with(exit_with_memory, NULL, EXIT)->memory;

	assert_int_equal(memory->block.type, FAULTLINE_BLOCK_MEMORY);
	if (!(memory->block.flags & FAULTLINE_MEMORY_ENDED)) {
		check_memory(memory);
		return;
	}
	assert_in_range(memory->resident_peak, 48 * MIB - SLOP, inherited() + 64 * MIB);
	assert_int_equal(memory->size | memory->size_peak | memory->resident | memory->anon | memory->file |
			 memory->shmem | memory->swap | memory->stack, 0);
}
