/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_LOCK_H
#define _FL_LOCK_H

#include <linux/spinlock.h>

/*
 * BPF programs run in the midst of anything, also of what holds a lock of the
 * module on this very CPU, or a lock that its holder waits for. Holders are
 * quick, so who has tried that often is in such a place.
 */
#define FL_LOCK_ATTEMPTS 20000

static inline bool __fl_lock_try(raw_spinlock_t *lock, unsigned long *flags)
{
	unsigned int i;

	for (i = 0; i < FL_LOCK_ATTEMPTS; i++) {
		if (raw_spin_trylock_irqsave(lock, *flags)) {
			/* To sparse; fl_lock_try() takes it again. */
			__release(lock);
			return true;
		}
		cpu_relax();
	}
	return false;
}

/**
 * fl_lock_try() - raw_spin_lock_irqsave() where it may never be had
 * @lock: raw_spinlock_t *
 * @flags: unsigned long
 *
 * Any context but NMI. Return: false where the lock is not to be had; true: give
 * it back with raw_spin_unlock_irqrestore().
 */
#define fl_lock_try(lock, flags) __cond_lock(lock, __fl_lock_try(lock, &(flags)))

#endif /* _FL_LOCK_H */
