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
#ifdef CONFIG_X86_64
#include <asm/fsgsbase.h>
#include <asm/msr.h>
#include <asm/user.h>
#endif

#include "capture.h"
#include "maps.h"

#define CAPTURE_STRIDE \
	ALIGN(sizeof(struct fl_capture) + FAULTLINE_STACK_MAX + FAULTLINE_MAPS_MAX, 8)

static struct {
	raw_spinlock_t lock;
	struct list_head free;
	void *buffers;
	u64 taken;
	u64 missed;
} pool = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(pool.lock),
	.free = LIST_HEAD_INIT(pool.free),
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
	capture = list_first_entry_or_null(&pool.free, struct fl_capture, node);
	if (capture) {
		list_del_init(&capture->node);
		pool.taken++;
	}
	raw_spin_unlock_irqrestore(&pool.lock, flags);
	return capture;
}

void fl_capture_put(struct fl_capture *capture)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pool.lock, flags);
	list_add(&capture->node, &pool.free);
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

/*
 * A page at a time, so that the part before a missing page is kept. Faults are
 * off: a stack on a file system that never answers, or under userfaultfd, must
 * hold up neither the fault's record nor the module's unloading.
 */
static u32 capture_stack(u8 *to, unsigned long from)
{
	u32 done = 0;

	while (done < FAULTLINE_STACK_MAX) {
		u32 len = min_t(u32, FAULTLINE_STACK_MAX - done,
				PAGE_SIZE - offset_in_page(from + done));

		if (copy_from_user_nofault(to + done, (void __user *)(from + done), len))
			break;
		done += len;
	}
	memset(to + done, 0, ALIGN(done, 8) - done);
	return done;
}

struct fl_capture *fl_capture_take(void)
{
	struct pt_regs *regs = task_pt_regs(current);
	u64 start = ktime_get_mono_fast_ns();
	struct fl_capture *capture;

	capture = capture_get();
	if (!capture)
		return NULL;
	capture->tid = task_pid_nr(current);
	capture->ip = instruction_pointer(regs);
	capture->maps_len = 0;
	memset(&capture->data, 0, sizeof(capture->data));
	capture->data.arch = CAPTURE_ARCH;
	capture->data.nregs = capture_regs(capture->data.regs, regs);
	capture->data.stack_addr = user_stack_pointer(regs);
	capture->data.stack_len = capture_stack(capture->data.stack,
						capture->data.stack_addr);
	capture->data.cost_ns = ktime_get_mono_fast_ns() - start;
	return capture;
}

static struct faultline_maps *capture_maps(const struct fl_capture *capture)
{
	return (void *)capture->data.stack + FAULTLINE_STACK_MAX;
}

void fl_capture_take_maps(struct fl_capture *capture)
{
	u64 start = ktime_get_mono_fast_ns();

	static_assert(offsetof(struct fl_capture, data.stack) % 8 == 0);

	capture->maps_len = fl_maps_take(capture_maps(capture));
	capture->data.cost_ns += ktime_get_mono_fast_ns() - start;
}

void fl_capture_copy(void *to, const struct fl_capture *capture)
{
	size_t len = sizeof(capture->data) + ALIGN(capture->data.stack_len, 8);

	memcpy(to, &capture->data, len);
	memcpy(to + len, capture_maps(capture), capture->maps_len);
}

bool fl_capture_fits(const struct fl_capture *capture)
{
	struct pt_regs *regs = task_pt_regs(current);

	return capture->tid == task_pid_nr(current) &&
	       capture->ip == instruction_pointer(regs) &&
	       capture->data.stack_addr == user_stack_pointer(regs);
}

int fl_capture_init(unsigned int count)
{
	unsigned int i;

	static_assert(FAULTLINE_STACK_MAX % 8 == 0);

	if (!count)
		return 0;
	pool.buffers = vzalloc(array_size(count, CAPTURE_STRIDE));
	if (!pool.buffers)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		fl_capture_put(pool.buffers + i * CAPTURE_STRIDE);
	return 0;
}

void fl_capture_exit(void)
{
	vfree(pool.buffers);
}
