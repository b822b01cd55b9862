/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells the center one thing after the other, each until the center has it. What is to be
 * told is its owner's, who has it on disk: a restart of the supervisor forgets nothing.
 */
#ifndef SUPERVISORD_TELLER_H
#define SUPERVISORD_TELLER_H

#include <jansson.h>
#include <stdbool.h>

#include "supervisord/gateway.h"
#include "supervisord/remote/link.h"

struct teller;

/** struct tell - one thing to tell; @what names it in the log, @id in the center's answer, @body is the teller's */
struct tell {
	char id[64];
	const char *method;
	char path[256];
	char what[128];
	json_t *body;
};

/**
 * struct teller_ops - what its owner does
 * @next: the oldest thing that the center does not know; false: there is none
 * @told: the center has answered, or refused it for good (a status from 400 on). Until
 *	what was told is not @next any more, it is told again
 */
struct teller_ops {
	bool (*next)(void *user, struct tell *tell);
	void (*told)(void *user, const struct link_answer *answer);
};

/**
 * teller_new - one that begins by itself, after a wait as long as a supervisor before had come to
 * @name: what it tells of, "faults"; the caller's. Its back-off is kept by this name
 */
struct teller *teller_new(struct gateway *gateway, const char *name,
			  const struct teller_ops *ops, void *user);
/** teller_free - the link is gone by then; NULL-safe */
void teller_free(struct teller *teller);

/**
 * teller_kick - there is something to tell, or somebody who listens again: do not wait for
 * the back-off, which stays as long as it was; what the center has asked for is waited for
 */
void teller_kick(struct teller *teller);

#endif /* SUPERVISORD_TELLER_H */
