// SPDX-License-Identifier: GPL-2.0-only
/*
 * The auxiliary vector: what a debugger needs to place a program that has no
 * fixed address.
 */
#include <linux/auxvec.h>
#include <linux/mm_types.h>
#include <linux/sched.h>

#include "auxv.h"
#include "capture.h"

void fl_auxv_take(struct fl_capture *capture)
{
	const unsigned long *from = current->mm->saved_auxv;
	struct faultline_auxv *auxv;
	unsigned int words = 0;

	static_assert(AT_VECTOR_SIZE <= FAULTLINE_AUXV_MAX);

	while (words + 1 < AT_VECTOR_SIZE && from[words] != AT_NULL)
		words += 2;
	auxv = fl_capture_block(capture, FAULTLINE_BLOCK_AUXV,
				struct_size(auxv, words, words));
	if (auxv)
		memcpy(auxv->words, from, words * sizeof(*from));
}
