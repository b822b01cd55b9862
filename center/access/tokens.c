// SPDX-License-Identifier: GPL-2.0-only
#include "center/access/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "center/digest.h"

#define TOKEN_BYTES 32

const char *role_name(enum role role)
{
	return role == ROLE_ADMINISTRATOR ? "administrator" : "gateway";
}

void token_hash(const char *token, char hex[65])
{
	digest_hex(token, strlen(token), hex);
}

static int token_make(char token[TOKEN_SIZE], struct error *err)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char random[TOKEN_BYTES];
	unsigned int bits = 0, have = 0;
	int n = 0;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return error_set(err, -errno, "random numbers: %m");
	for (int i = 0; i < TOKEN_BYTES; i++) {
		bits = bits << 8 | random[i];
		for (have += 8; have >= 6; have -= 6)
			token[n++] = digits[bits >> (have - 6) & 63];
	}
	token[n++] = digits[bits << (6 - have) & 63];
	token[n] = '\0';
	explicit_bzero(random, sizeof(random));
	return 0;
}

int tokens_add(struct store *store, enum role role, const char *name, char token[TOKEN_SIZE],
	       struct error *err)
{
	char hash[65];
	int ret = token_make(token, err);

	if (ret)
		return ret;
	token_hash(token, hash);
	ret = store_begin(store, err);
	if (!ret)
		ret = store_run(store_statement(store, err, STATEMENT_TOKEN_PUT, "sssi",
						role_name(role), name, hash, store_now()), err);
	if (!ret)
		ret = store_commit(store, err);
	store_rollback(store);
	return ret;
}

int tokens_remove(struct store *store, enum role role, const char *name, struct error *err)
{
	int ret = store_begin(store, err);
	int removed = ret;

	if (!ret)
		removed = store_change(store_statement(store, err, STATEMENT_TOKEN_DELETE, "ss",
						       role_name(role), name), err);
	ret = removed < 0 ? removed : store_commit(store, err);
	store_rollback(store);
	return ret ? ret : removed > 0;
}

json_t *tokens_list(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_TOKENS, "");

	return store_rows(statement, err);
}

int64_t tokens_mark(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_TOKENS_MARK, "");
	int ret = statement ? store_step(statement, err) : err->code;

	return ret > 0 ? statement_integer(statement, 0) : ret;
}
