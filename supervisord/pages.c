// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/pages.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/cleanup.h"

#define RANGES_MAX 160

static struct range {
	unsigned long begin;
	unsigned long end;
} ranges[RANGES_MAX];
static size_t n_ranges;

/*
 * Only what is read-only, of a file, and has no page of its own: a page that
 * the loader has relocated would be lost.
 */
void pages_find(void)
{
	FILE *maps __cleanup_fclose = fopen("/proc/self/smaps", "re");
	struct range range = { };
	bool wanted = false;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps) && n_ranges < RANGES_MAX) {
		unsigned long begin, end, own;
		char mode[5];

		if (sscanf(line, "%lx-%lx %4s", &begin, &end, mode) == 3) {
			range = (struct range){ begin, end };
			wanted = mode[0] == 'r' && mode[1] == '-' && strstr(line, " /");
		} else if (wanted && sscanf(line, "Anonymous: %lu kB", &own) == 1 && !own) {
			ranges[n_ranges++] = range;
		}
	}
}

void pages_release(void)
{
	malloc_trim(0);
	for (size_t i = 0; i < n_ranges; i++)
		madvise((void *)ranges[i].begin, ranges[i].end - ranges[i].begin, MADV_DONTNEED);
}
