/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that the objects of a program allocate, and libxml2 after memory_of_libxml(): how much it is, and what
 * happens when there is none. The program is linked with MEMORY_WRAPPED of tests/unit/build.mk.
 */
#ifndef TESTS_UNIT_MEMORY_H
#define TESTS_UNIT_MEMORY_H

#include <stdbool.h>

void memory_of_libxml(void);

/** memory_measure - from now on, memory_peak() is the most that was in use beside what is now and beside compiled scripts, bytes */
void memory_measure(void);
long memory_peak(void);

/** memory_fail - the @n th allocation from now on finds no memory, and each after it; 0: none. memory_failed() - did one? */
void memory_fail(unsigned long n);
bool memory_failed(void);

#endif /* TESTS_UNIT_MEMORY_H */
