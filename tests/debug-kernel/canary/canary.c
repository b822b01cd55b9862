// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bugs on purpose, one for each checker of the debug kernel: insmod canary.ko
 * bug=NAME. A checker that says nothing about its bug would say nothing about
 * the module's either. Never load it elsewhere.
 */
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *bug;
module_param(bug, charp, 0);

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_RAW_SPINLOCK(raw);
static DEFINE_SPINLOCK(sleeping_on_rt);
static DEFINE_SPINLOCK(of_interrupts);
static void __rcu *pointer;
static volatile int sixteen = 16;
static volatile int forty = 40;

static void use_after_free(void)
{
	volatile char *memory = kmalloc(64, GFP_KERNEL);

	kfree((void *)memory);
	memory[3] = 1;
}

static void out_of_bounds(void)
{
	volatile char *memory = kmalloc(16, GFP_KERNEL);

	memory[sixteen] = 1;
	kfree((void *)memory);
}

static void lock_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

/* What a probe must not do: it is a sleeping lock with PREEMPT_RT. */
static void lock_nesting(void)
{
	raw_spin_lock(&raw);
	spin_lock(&sleeping_on_rt);
	spin_unlock(&sleeping_on_rt);
	raw_spin_unlock(&raw);
}

static void timer_takes_lock(struct timer_list *timer)
{
	spin_lock(&of_interrupts);
	spin_unlock(&of_interrupts);
}

static void lock_interrupts(void)
{
	static DEFINE_TIMER(timer, timer_takes_lock);

	mod_timer(&timer, jiffies + 1);
	msleep(100);
	spin_lock(&of_interrupts);
	spin_unlock(&of_interrupts);
	timer_delete_sync(&timer);
}

static void atomic_sleep(void)
{
	raw_spin_lock(&raw);
	msleep(1);
	raw_spin_unlock(&raw);
}

static void atomic_allocation(void)
{
	raw_spin_lock(&raw);
	kfree(kmalloc(64, GFP_KERNEL));
	raw_spin_unlock(&raw);
}

static void unguarded_rcu(void)
{
	(void)rcu_dereference(pointer);
}

static void leak(void)
{
	for (int i = 0; i < 8; i++)
		(void)kmalloc(100 + i, GFP_KERNEL);
}

static void list_twice(void)
{
	static LIST_HEAD(head);
	static LIST_HEAD(node);

	list_add(&node, &head);
	list_add(&node, &head);
	INIT_LIST_HEAD(&head);
}

static void references(void)
{
	refcount_t count = REFCOUNT_INIT(0);

	refcount_inc(&count);
}

static void shift(void)
{
	pr_info("%d\n", 1 << forty);
}

/* Freed while it runs. */
static void object_freed(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	timer_setup(timer, timer_takes_lock, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static const struct {
	const char *name;
	void (*function)(void);
} bugs[] = {
	{ "use-after-free", use_after_free },
	{ "out-of-bounds", out_of_bounds },
	{ "lock-order", lock_order },
	{ "lock-nesting", lock_nesting },
	{ "lock-interrupts", lock_interrupts },
	{ "atomic-sleep", atomic_sleep },
	{ "atomic-allocation", atomic_allocation },
	{ "unguarded-rcu", unguarded_rcu },
	{ "leak", leak },
	{ "list-twice", list_twice },
	{ "references", references },
	{ "shift", shift },
	{ "object-freed", object_freed },
};

/* Never stays loaded. */
static int __init canary_init(void)
{
	for (size_t i = 0; bug && i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(bugs[i].name, bug))
			continue;
		pr_info("canary: %s\n", bug);
		bugs[i].function();
		return -ECANCELED;
	}
	return -EINVAL;
}
module_init(canary_init);

MODULE_DESCRIPTION("Bugs on purpose");
MODULE_LICENSE("GPL");
