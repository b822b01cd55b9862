/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that are watched and come to an end.
 */
#ifndef VICTIMS_H
#define VICTIMS_H

#include <stdint.h>
#include <sys/types.h>

#include "client.h"

struct victim {
	pid_t pid;
	uint64_t cookie;
	uint32_t watch;
};

/**
 * victim_start() - fork, watch the child, and let it run @function
 *
 * A function that returns ends its process with status 0.
 */
int victim_start(struct client *client, struct victim *victim,
		 void (*function)(void *with), void *with);

/* Likewise, with settings of its watch. */
int victim_start_with(struct client *client, struct victim *victim,
		      const struct settings *settings, void (*function)(void *with), void *with);

/* Where in a watched process something happens. */
enum place {
	PLACE_MAIN,
	PLACE_THREAD,
	PLACE_CHILD,
	PLACE_GRANDCHILD,
	PLACE_CHILD_THREAD,
	PLACE_VFORK,
	PLACES
};

extern const char *const place_names[PLACES];

/* Processes of the watch, and whether it strikes the one it was set on. */
int place_processes(enum place place);
bool place_is_main(enum place place);

/* Have @function run there, and the others wait for it and end with 0. */
void place_run(enum place place, void (*function)(void *with), void *with);

/* The calling thread alone. */
void signal_self(int signo);
pid_t thread_id(void);

/* A file's content; returns 0 or a negative errno. */
int file_write(const char *path, const char *text);

#endif /* VICTIMS_H */
