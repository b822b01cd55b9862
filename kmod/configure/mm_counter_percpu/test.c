// SPDX-License-Identifier: GPL-2.0-only
/* Are the pages of a process counted on each CPU? */
#include <linux/mm.h>

s64 faultline_test(struct mm_struct *mm);

s64 faultline_test(struct mm_struct *mm)
{
	return percpu_counter_sum_positive(&mm->rss_stat[MM_ANONPAGES]);
}
