// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures: what is left of a thread at the moment of its fault. The buffers
 * are a fixed pool, since they are taken where nothing can be allocated; one is
 * in use from the fault until the supervisor acknowledges the record.
 */
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/syscall.h>
#ifdef CONFIG_X86_64
#include <asm/fsgsbase.h>
#include <asm/msr.h>
#include <asm/user.h>
#endif

#include "address.h"
#include "auxv.h"
#include "capture.h"
#include "fpregs.h"
#include "maps.h"
#include "memory.h"
#include "threads.h"

/* What the program, its libraries and a few threads come to is less. */
#define SMALL_SIZE	8192
#define LARGE_SIZE	ALIGN(offsetof(struct fl_capture, data) + FL_CAPTURE_MAX, 64)
/* Pages that a stack pointer can be below its stack; a frame of that size is enough. */
#define STACK_SKIP	17
/* One buffer of so many is large. */
#define LARGE_SHARE	8

/*
 * Captures are begun in a large buffer, and move to a small one if they turn
 * out to fit: a large one is in use for the moment in which a capture is taken,
 * and for as long as a record keeps what is large.
 */
static struct {
	raw_spinlock_t lock; /* of all */
	struct list_head small;
	struct list_head large;
	void *small_buffers;
	void *large_buffers;
	u64 taken;
	u64 missed;
} pool = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(pool.lock),
	.small = LIST_HEAD_INIT(pool.small),
	.large = LIST_HEAD_INIT(pool.large),
};

#if defined(CONFIG_X86_64)

#define CAPTURE_ARCH FAULTLINE_ARCH_X86_64

/* struct user_regs_struct is struct pt_regs, and the segments after it. */
static unsigned int capture_regs(u64 *to, const struct pt_regs *regs)
{
	struct user_regs_struct *user = (void *)to;
	unsigned int segment;
	u64 gs_base;

	static_assert(sizeof(*user) == 27 * sizeof(u64));
	static_assert(offsetof(struct user_regs_struct, fs_base) == sizeof(*regs));

	memcpy(user, regs, sizeof(*regs));
	/* The selectors share their words with what else the entry saved. */
	user->cs = regs->cs & 0xffff;
	user->ss = regs->ss & 0xffff;
	user->fs_base = x86_fsbase_read_cpu();
	rdmsrl(MSR_KERNEL_GS_BASE, gs_base);
	user->gs_base = gs_base;
	savesegment(ds, segment);
	user->ds = segment;
	savesegment(es, segment);
	user->es = segment;
	savesegment(fs, segment);
	user->fs = segment;
	savesegment(gs, segment);
	user->gs = segment;
	return sizeof(*user) / sizeof(u64);
}

#elif defined(CONFIG_ARM64)

#define CAPTURE_ARCH FAULTLINE_ARCH_AARCH64

static unsigned int capture_regs(u64 *to, const struct pt_regs *regs)
{
	static_assert(sizeof(regs->user_regs) == 34 * sizeof(u64));

	memcpy(to, &regs->user_regs, sizeof(regs->user_regs));
	return sizeof(regs->user_regs) / sizeof(u64);
}

#else
#error "faultline knows the registers of x86-64 and arm64 only"
#endif

static struct fl_capture *capture_get(void)
{
	struct fl_capture *capture;
	unsigned long flags;

	raw_spin_lock_irqsave(&pool.lock, flags);
	capture = list_first_entry_or_null(&pool.large, struct fl_capture, node);
	/* A short capture is better than none. */
	if (!capture)
		capture = list_first_entry_or_null(&pool.small, struct fl_capture, node);
	if (capture) {
		list_del_init(&capture->node);
		pool.taken++;
	}
	raw_spin_unlock_irqrestore(&pool.lock, flags);
	return capture;
}

static struct fl_capture *capture_get_small(void)
{
	struct fl_capture *capture;
	unsigned long flags;

	raw_spin_lock_irqsave(&pool.lock, flags);
	capture = list_first_entry_or_null(&pool.small, struct fl_capture, node);
	if (capture)
		list_del_init(&capture->node);
	raw_spin_unlock_irqrestore(&pool.lock, flags);
	return capture;
}

static bool capture_is_small(const struct fl_capture *capture)
{
	return capture->room < FL_CAPTURE_MAX;
}

void fl_capture_put(struct fl_capture *capture)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pool.lock, flags);
	list_add(&capture->node, capture_is_small(capture) ? &pool.small : &pool.large);
	raw_spin_unlock_irqrestore(&pool.lock, flags);
}

void fl_capture_miss(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pool.lock, flags);
	pool.missed++;
	raw_spin_unlock_irqrestore(&pool.lock, flags);
}

void fl_capture_counts(u64 *taken, u64 *missed)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pool.lock, flags);
	*taken = pool.taken;
	*missed = pool.missed;
	raw_spin_unlock_irqrestore(&pool.lock, flags);
}

/* Where a stack is used up its pointer is below all that it has: the first byte that is there. */
static unsigned long capture_stack_begin(unsigned long sp)
{
	unsigned long at = sp;
	unsigned int page;
	u8 byte;

	for (page = 0; page < STACK_SKIP; page++) {
		if (!copy_from_user_nofault(&byte, (void __user *)at, sizeof(byte)))
			return at;
		at = (at & PAGE_MASK) + PAGE_SIZE;
	}
	return sp;
}

/*
 * A page at a time, so that the part before a missing page is kept. Faults are
 * off: a stack on a file system that never answers, or under userfaultfd, must
 * hold up neither the fault's record nor the module's unloading.
 */
static u32 capture_stack(u8 *to, unsigned long from, u32 room)
{
	u32 done = 0;

	while (done < room) {
		u32 len = min_t(u32, room - done,
				PAGE_SIZE - offset_in_page(from + done));

		if (copy_from_user_nofault(to + done, (void __user *)(from + done), len))
			break;
		done += len;
	}
	memset(to + done, 0, ALIGN(done, 8) - done);
	return done;
}

u32 fl_capture_room(const struct fl_capture *capture)
{
	return capture->room - capture->size;
}

void *fl_capture_block(struct fl_capture *capture, u16 type, u32 size)
{
	struct faultline_block *block = (void *)&capture->data + capture->size;

	if (fl_capture_room(capture) < size)
		return NULL;
	memset(block, 0, size);
	block->len = size;
	block->type = type;
	capture->size += size;
	capture->blocks = true;
	return block;
}

void fl_capture_trim(struct fl_capture *capture, struct faultline_block *block, u32 size)
{
	capture->size -= block->len - size;
	block->len = size;
}

static void capture_syscall(struct fl_capture *capture, struct pt_regs *regs)
{
	unsigned long args[6] = {};
	struct faultline_syscall *call;
	int nr = syscall_get_nr(current, regs);
	unsigned int i;

	if (nr < 0)
		return;
	call = fl_capture_block(capture, FAULTLINE_BLOCK_SYSCALL, sizeof(*call));
	if (!call)
		return;
	call->nr = nr;
	syscall_get_arguments(current, regs, args);
	for (i = 0; i < ARRAY_SIZE(args); i++)
		call->args[i] = args[i];
}

/* The mappings come between the stack and the blocks, so they have to be taken before those. */
static void capture_take_rest(struct fl_capture *capture)
{
	fl_memory_take(capture);
	capture_syscall(capture, task_pt_regs(current));
	fl_fpregs_take(capture);
}

/* The capture is complete: where it fits, into a small buffer with it. */
static struct fl_capture *capture_settle(struct fl_capture *capture, u64 start)
{
	struct fl_capture *small = NULL;
	u32 room;

	if (!capture_is_small(capture) &&
	    capture->size <= SMALL_SIZE - offsetof(struct fl_capture, data))
		small = capture_get_small();
	if (small) {
		room = small->room;
		memcpy(small, capture, offsetof(struct fl_capture, data) + capture->size);
		INIT_LIST_HEAD(&small->node);
		small->room = room;
		fl_capture_put(capture);
		capture = small;
	}
	capture->data.cost_ns = ktime_get_mono_fast_ns() - start;
	return capture;
}

static struct fl_capture *capture_begin(void)
{
	struct pt_regs *regs = task_pt_regs(current);
	struct fl_capture *capture;
	u32 room;

	capture = capture_get();
	if (!capture)
		return NULL;
	capture->tid = task_pid_nr(current);
	capture->ip = instruction_pointer(regs);
	capture->maps = false;
	capture->blocks = false;
	memset(&capture->data, 0, sizeof(capture->data));
	capture->data.arch = CAPTURE_ARCH;
	capture->data.nregs = capture_regs(capture->data.regs, regs);
	capture->sp = user_stack_pointer(regs);
	capture->data.stack_addr = capture_stack_begin(capture->sp);
	/* In a small buffer the rest has room, too. */
	room = capture_is_small(capture) ? SMALL_SIZE / 4 : FAULTLINE_STACK_MAX;
	capture->data.stack_len = capture_stack(capture->data.stack,
						capture->data.stack_addr, room);
	capture->size = sizeof(capture->data) + ALIGN(capture->data.stack_len, 8);
	return capture;
}

struct fl_capture *fl_capture_take(void)
{
	u64 start = ktime_get_mono_fast_ns();
	struct fl_capture *capture = capture_begin();

	if (!capture)
		return NULL;
	capture_take_rest(capture);
	return capture_settle(capture, start);
}

struct fl_capture *fl_capture_take_whole(const struct fl_candidate *candidate)
{
	u64 start = ktime_get_mono_fast_ns();
	struct fl_capture *capture = capture_begin();
	struct faultline_maps *maps;
	u32 len;

	if (!capture)
		return NULL;
	maps = (void *)&capture->data + capture->size;
	len = fl_maps_take(maps, min_t(u32, FAULTLINE_MAPS_MAX, fl_capture_room(capture)));
	capture->size += len;
	capture->maps = len;
	fl_address_take(capture, candidate);
	capture_take_rest(capture);
	fl_auxv_take(capture);
	fl_threads_take(capture);
	return capture_settle(capture, start);
}

bool fl_capture_fits(const struct fl_capture *capture)
{
	struct pt_regs *regs = task_pt_regs(current);

	return capture->tid == task_pid_nr(current) &&
	       capture->ip == instruction_pointer(regs) &&
	       capture->sp == user_stack_pointer(regs);
}

static void *pool_fill(unsigned int count, size_t size, u32 room)
{
	void *buffers = vzalloc(array_size(count, size));
	struct fl_capture *capture;
	unsigned int i;

	for (i = 0; buffers && i < count; i++) {
		capture = buffers + i * size;
		capture->room = room;
		fl_capture_put(capture);
	}
	return buffers;
}

int fl_capture_init(unsigned int count)
{
	unsigned int large = DIV_ROUND_UP(count, LARGE_SHARE);

	static_assert(FAULTLINE_STACK_MAX % 8 == 0);
	static_assert(FL_CAPTURE_MAX % 8 == 0);
	static_assert(offsetof(struct fl_capture, data.stack) % 8 == 0);
	static_assert(sizeof(struct fl_capture) + FAULTLINE_STACK_MAX + FAULTLINE_MAPS_MAX <
		      LARGE_SIZE);

	if (!count)
		return 0;
	pool.large_buffers = pool_fill(large, LARGE_SIZE, FL_CAPTURE_MAX);
	if (!pool.large_buffers)
		return -ENOMEM;
	if (count == large)
		return 0;
	pool.small_buffers = pool_fill(count - large, SMALL_SIZE,
				       SMALL_SIZE - offsetof(struct fl_capture, data));
	if (pool.small_buffers)
		return 0;
	vfree(pool.large_buffers);
	return -ENOMEM;
}

void fl_capture_exit(void)
{
	vfree(pool.small_buffers);
	vfree(pool.large_buffers);
}
