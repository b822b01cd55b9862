/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tokens of those who may ask the center: administrators, and gateways, each of which
 * speaks for itself alone. A token is shown once, when it is made; the store has its
 * hash. As long as no gateway has one, gateways are believed.
 */
#ifndef CENTER_ACCESS_TOKENS_H
#define CENTER_ACCESS_TOKENS_H

#include <jansson.h>

#include "center/store/store.h"
#include "lib/name.h"

/* 32 random bytes in base64url, with their zero byte. */
#define TOKEN_SIZE 44

enum role { ROLE_GATEWAY, ROLE_ADMINISTRATOR };

/** role_name - "gateway" or "administrator" */
const char *role_name(enum role role);

/**
 * tokens_add - give a name a new token; one that it had is worth nothing from now on
 * @name: checked with name_valid()
 *
 * Return: 0, or a negative errno with @err set.
 */
int tokens_add(struct store *store, enum role role, const char *name, char token[TOKEN_SIZE],
	       struct error *err);

/** tokens_remove - 1, 0 when there is none, or a negative errno */
int tokens_remove(struct store *store, enum role role, const char *name, struct error *err);

/** tokens_list - array of {role, name, sha256, added}; NULL with @err set */
json_t *tokens_list(struct store *store, struct error *err);

/** tokens_mark - a number that changes with the tokens; negative errno */
int64_t tokens_mark(struct store *store, struct error *err);

/** token_hash - as tokens_list() has it */
void token_hash(const char *token, char hex[65]);

#endif /* CENTER_ACCESS_TOKENS_H */
