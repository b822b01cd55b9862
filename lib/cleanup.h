/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scope-bound ownership: a variable marked __cleanup_X gives back what it holds
 * when its scope ends, unless it was handed on with steal_pointer() or steal_fd().
 */
#ifndef LIB_CLEANUP_H
#define LIB_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define __cleanup(func) __attribute__((cleanup(func)))

/* Defines NAMEp(), which calls FUNC on what a pointer variable of TYPE holds. */
#define DEFINE_CLEANUP(type, func)		\
	static inline void func##p(type *p)	\
	{					\
		if (*p)				\
			func(*p);		\
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

DEFINE_CLEANUP(FILE *, fclose)

#define __cleanup_free __cleanup(freep)
#define __cleanup_close __cleanup(closep)
#define __cleanup_fclose __cleanup(fclosep)

/* Hands on what a variable owns; the variable is empty afterwards. */
#define steal_pointer(p)			\
	({					\
		__auto_type _p = (p);		\
		__auto_type _v = *_p;		\
		*_p = NULL;			\
		_v;				\
	})

static inline int steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

#endif /* LIB_CLEANUP_H */
