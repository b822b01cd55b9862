// SPDX-License-Identifier: GPL-2.0-only
#include "center/access/keyring.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define HASH_LEN 64

/* struct key - a token's hash and its owner; sorted by the hash */
struct key {
	char hash[HASH_LEN + 1];
	enum role role;
	char name[NAME_MAX_LEN + 1];
};

struct keyring {
	pthread_mutex_t lock;
	int64_t mark;
	struct key *keys;
	size_t n;
	size_t counts[2];
};

struct keyring *keyring_new(void)
{
	struct keyring *keyring = calloc(1, sizeof(*keyring));

	if (keyring)
		pthread_mutex_init(&keyring->lock, NULL);
	return keyring;
}

void keyring_free(struct keyring *keyring)
{
	if (!keyring)
		return;
	pthread_mutex_destroy(&keyring->lock);
	free(keyring->keys);
	free(keyring);
}

static int key_compare(const void *a, const void *b)
{
	return memcmp(((const struct key *)a)->hash, ((const struct key *)b)->hash, HASH_LEN);
}

static void key_read(struct key *key, const json_t *row)
{
	snprintf(key->hash, sizeof(key->hash), "%s",
		 json_string_value(json_object_get(row, "sha256")));
	snprintf(key->name, sizeof(key->name), "%s",
		 json_string_value(json_object_get(row, "name")));
	key->role = !strcmp(json_string_value(json_object_get(row, "role")),
			    role_name(ROLE_ADMINISTRATOR)) ? ROLE_ADMINISTRATOR : ROLE_GATEWAY;
}

static void keys_replace(struct keyring *keyring, struct key *keys, size_t n, int64_t mark)
{
	struct key *old;

	qsort(keys, n, sizeof(*keys), key_compare);
	pthread_mutex_lock(&keyring->lock);
	old = keyring->keys;
	keyring->keys = keys;
	keyring->n = n;
	keyring->mark = mark;
	memset(keyring->counts, 0, sizeof(keyring->counts));
	for (size_t i = 0; i < n; i++)
		keyring->counts[keys[i].role]++;
	pthread_mutex_unlock(&keyring->lock);
	free(old);
}

int keyring_refresh(struct keyring *keyring, struct store *store, struct error *err)
{
	int64_t mark = tokens_mark(store, err);
	json_auto_t *rows = NULL;
	struct key *keys;
	json_t *row;
	size_t i;

	if (mark < 0)
		return mark;
	/* This thread alone changes it. */
	if (mark == keyring->mark)
		return 0;
	rows = tokens_list(store, err);
	if (!rows)
		return err->code;
	keys = calloc(json_array_size(rows) + 1, sizeof(*keys));
	if (!keys)
		return error_set(err, -ENOMEM, "out of memory");
	json_array_foreach(rows, i, row)
		key_read(&keys[i], row);
	keys_replace(keyring, keys, json_array_size(rows), mark);
	return 0;
}

/* What is compared is a hash: how long that takes tells nothing of a token. */
struct principal keyring_find(struct keyring *keyring, const char *token)
{
	struct principal principal = {};
	struct key key = {}, *found;

	token_hash(token, key.hash);
	pthread_mutex_lock(&keyring->lock);
	found = keyring->n ? bsearch(&key, keyring->keys, keyring->n, sizeof(key), key_compare) :
			     NULL;
	if (found) {
		principal.known = true;
		principal.role = found->role;
		strcpy(principal.name, found->name);
	}
	pthread_mutex_unlock(&keyring->lock);
	return principal;
}

size_t keyring_count(struct keyring *keyring, enum role role)
{
	size_t n;

	pthread_mutex_lock(&keyring->lock);
	n = keyring->counts[role];
	pthread_mutex_unlock(&keyring->lock);
	return n;
}
