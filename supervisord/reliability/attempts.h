/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has been done about the faults of an application lately: the memory that
 * lets a crash loop end. It is filled from the fault data, so that neither a
 * restart of the supervisor nor one of the gateway begins to count anew.
 */
#ifndef SUPERVISORD_ATTEMPTS_H
#define SUPERVISORD_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/action.h"

struct store;

/* Without a fault for so long an application is healthy, unless the countermeasure says. */
#define ATTEMPTS_HEALTHY_S 300

/**
 * struct attempts - the last countermeasures of an application
 * @ring: when each was carried out, by clock_now(); before the boot it is negative
 * @n: ever; the ring has the last of them
 * @last_ns: the last of them, 0: none
 * @healthy_s: as the last countermeasure said it
 * @loop: the attempts were used up, and it has not been healthy since
 */
struct attempts {
	struct {
		int64_t time_ns;
		enum action action;
	} ring[ACTION_ATTEMPTS_MAX];
	unsigned int n;
	int64_t last_ns;
	int healthy_s;
	bool loaded;
	bool loop;
};

/** attempts_load - once for each application: what the fault data say of earlier ones */
void attempts_load(struct attempts *attempts, struct store *store, const char *application);

/** attempts_add - an action is carried out now */
void attempts_add(struct attempts *attempts, enum action action);

/**
 * attempts_within - how often an action was carried out
 * @window_s: within the last so many seconds
 * @then: only since this was done, if it was; what runs since then is another thing
 */
int attempts_within(const struct attempts *attempts, enum action action, int window_s,
		    enum action then);

/** attempts_settle - forget all when it has been healthy for long enough; is it in a loop still? */
bool attempts_settle(struct attempts *attempts);

#endif /* SUPERVISORD_ATTEMPTS_H */
