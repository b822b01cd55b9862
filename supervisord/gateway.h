/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local server (3): one event loop, and one pointer to each of its means.
 * Every means keeps its own state; this is where they find each other.
 */
#ifndef SUPERVISORD_GATEWAY_H
#define SUPERVISORD_GATEWAY_H

#include <ev.h>
#include <stdint.h>
#include <time.h>

struct application_list;
struct event_list;
struct isolation;
struct keeper;
struct link;
struct logs;
struct runtimes;
struct run_list;
struct service_list;
struct settings;
struct source;
struct source_ops;
struct store;
struct control;
struct collection;
struct notifier;
struct order_list;
struct centers;
struct signatures;
struct policy;
struct standing;
struct watchdog;

struct gateway {
	struct ev_loop *loop;
	struct settings *settings;
	struct runtimes *runtimes;		/* 31 */
	struct isolation *isolation;		/* 31 */
	struct logs *logs;			/* 31 */
	struct keeper *keeper;			/* 31: for the next supervisor; NULL: there is none */
	struct link *link;			/* 32, its outer half */
	struct centers *centers;		/* 321: which of them is asked */
	struct signatures *signatures;		/* NULL: none are asked for */
	struct application_list *applications;	/* 322, 325 */
	struct standing *standing;		/* those that its profile names */
	struct event_list *events;		/* 332 */
	char events_name[64];			/* which of the lists that is */
	struct run_list *runs;			/* 334 */
	struct order_list *orders;		/* services that the center has requested */
	struct run_kept_item *runs_kept;	/* of a supervisor before this one, not resumed yet */
	struct service_list *services;		/* NULL: no scripts (R12) */
	struct store *store;			/* 341, 342 */
	const struct source_ops *source_ops;	/* 343, the kernel's half; NULL: none */
	struct source *source;
	struct collection *collection;		/* 347 */
	struct notifier *notifier;		/* 345, 349; NULL: not highly reliable (R9) */
	struct policy *policy;			/* 348: the list of countermeasures; likewise */
	struct control *control;
	struct watchdog *watchdog;		/* who watches the supervisor */
	uint64_t started_ns;
};

/* CLOCK_BOOTTIME in ns: the clock of kernel records and of all that is timed here. */
static inline uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The same moment as ms since 1970, for what is stored and sent. */
static inline int64_t clock_to_unix_ms(uint64_t boot_ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000 -
	       (int64_t)(clock_now() - boot_ns) / 1000000;
}

#endif /* SUPERVISORD_GATEWAY_H */
