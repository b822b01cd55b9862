// SPDX-License-Identifier: GPL-2.0-only
#include "fault.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *current;

#ifdef __SANITIZE_ADDRESS__
const char *__asan_default_options(void);

/* The signal shall end the process as it does without the sanitizer. */
const char *__asan_default_options(void)
{
	return "handle_segv=0:handle_abort=0:handle_sigill=0:use_sigaltstack=0:detect_leaks=0";
}
#endif

void fault_begin(const char *processing)
{
	current = processing;
}

/* Writes far away from all that is mapped, as through freed memory. */
static void strike_segv(struct journal *journal)
{
	journal->entries = (struct journal_entry *)0x5eadbeef0000;
}

static void strike_abort(struct journal *journal)
{
	fprintf(stderr, "journal: %u entries, which cannot be\n", journal->written);
	abort();
}

static void strike_exit(struct journal *journal)
{
	exit(3);
}

static void strike_hang(struct journal *journal)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	pthread_mutex_lock(&lock);
}

static int descend(volatile const char *above)
{
	volatile char frame[1024];

	/* Never true, which the compiler cannot know. */
	if (*above)
		return 0;
	frame[0] = *above;
	return descend(frame) + frame[0];
}

static void strike_stack_overflow(struct journal *journal)
{
	char top = 0;

	journal->written += descend(&top);
}

static const struct strike {
	const char *kind;
	void (*run)(struct journal *journal);
} strikes[] = {
	{ "segv", strike_segv },
	{ "abort", strike_abort },
	{ "exit", strike_exit },
	{ "hang", strike_hang },
	{ "stack-overflow", strike_stack_overflow },
};

static const struct strike *strike_wanted(void)
{
	const char *wanted = getenv("AIRCON_FAULT");
	const char *at = wanted ? strchr(wanted, '@') : NULL;

	if (!at || !current || strcmp(at + 1, current))
		return NULL;
	for (size_t i = 0; i < sizeof(strikes) / sizeof(*strikes); i++)
		if (!strncmp(wanted, strikes[i].kind, at - wanted) &&
		    !strikes[i].kind[at - wanted])
			return &strikes[i];
	return NULL;
}

/* True for the first caller ever. */
static bool strike_claim(void)
{
	const char *folder = getenv("STATE_DIRECTORY");
	char path[PATH_MAX];
	int fd;

	if (!folder)
		return false;
	snprintf(path, sizeof(path), "%s/struck", folder);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void fault_point(int step, int steps, struct journal *journal)
{
	const struct strike *strike = 2 * step >= steps ? strike_wanted() : NULL;

	if (strike && strike_claim())
		strike->run(journal);
}
