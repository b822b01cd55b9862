/* SPDX-License-Identifier: GPL-2.0-only */
/* The tokens in memory, so that a request is let in without the store. Safe for all threads. */
#ifndef CENTER_ACCESS_KEYRING_H
#define CENTER_ACCESS_KEYRING_H

#include <stdbool.h>

#include "center/access/tokens.h"

struct keyring;

/** struct principal - who asks; @known false: nobody whose token is known */
struct principal {
	bool known;
	enum role role;
	char name[NAME_MAX_LEN + 1];
};

struct keyring *keyring_new(void);
void keyring_free(struct keyring *keyring);

/** keyring_refresh - read the tokens again if they have changed; 0 or negative errno, all as it was */
int keyring_refresh(struct keyring *keyring, struct store *store, struct error *err);

/** keyring_find - whose token is it? */
struct principal keyring_find(struct keyring *keyring, const char *token);

/** keyring_count - how many have a token */
size_t keyring_count(struct keyring *keyring, enum role role);

#endif /* CENTER_ACCESS_KEYRING_H */
