/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of fault countermeasures (133): for each kind of fault data the
 * countermeasure, narrowed to an application, its version or a group of gateways.
 */
#ifndef CENTER_FAULT_LIST_H
#define CENTER_FAULT_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "center/store/store.h"
#include "lib/action.h"
#include "lib/error.h"
#include "lib/name.h"

/* JSON text of an entry's parameters, with its zero byte. */
#define LIST_PARAMETERS_SIZE 256
#define LIST_AUTHOR_MAX 64
#define LIST_REASON_MAX 256

/**
 * struct countermeasure - an entry of the list
 * @kind: this kind and those below it; "": every kind
 * @application: "": any; likewise @version, which needs @application, and @group
 * @attempts: how often the action is carried out within the window
 * @window_s: seconds
 * @backoff_ms: milliseconds before the second attempt
 * @then: what follows when that did not help
 * @healthy_s: seconds without a fault after which attempts count anew; 0: the gateway's own
 * @at_gateway: gateways carry it out by themselves and report afterwards (figure 16)
 * @parameters: JSON text of an object; "": none
 */
struct countermeasure {
	char kind[KIND_MAX_LEN + 1];
	char application[NAME_MAX_LEN + 1];
	char version[VERSION_MAX_LEN + 1];
	char group[NAME_MAX_LEN + 1];
	enum action action;
	enum action then;
	int attempts;
	int window_s;
	int backoff_ms;
	int healthy_s;
	bool at_gateway;
	char parameters[LIST_PARAMETERS_SIZE];
};

/** countermeasure_terms - what is to be done, and by whom; false: its parameters are too long, and left out */
bool countermeasure_terms(struct countermeasure *entry, const struct action_terms *terms, const char *decide);

struct key;

/**
 * struct list_author - who changes the list, and why
 * @reason: "" is allowed
 * @key: what the list is signed with; NULL: it is not signed any more
 * @sign: signing_list() of the catalogue; where there is a key
 */
struct list_author {
	const char *name;
	const char *reason;
	const struct key *key;
	int (*sign)(struct store *store, const struct key *key, struct error *err);
};

/** countermeasure_key_compare - order of the list: kind, application, version, group */
int countermeasure_key_compare(const void *a, const void *b);

/**
 * struct list - the list as it was at a version
 * @version: the policy version, which rises by every change; 0: not yet read
 * @entries: sorted by countermeasure_key_compare()
 */
struct list {
	int64_t version;
	size_t n;
	struct countermeasure *entries;
};

/** list_refresh - read the list again if it has changed; 0 or a negative errno */
int list_refresh(struct list *list, struct store *store, struct error *err);
void list_free(struct list *list);

/** list_version - the policy version, or a negative errno */
int64_t list_version(struct store *store, struct error *err);

/** list_read - read the list into an empty one, for a look at it; freed with list_free() */
int list_read(struct list *list, struct store *store, struct error *err);

/**
 * list_set - add an entry, or change the one with the same key, and note who did it
 *
 * In the transaction that the caller has begun, else in one of its own.
 *
 * Return: 1 when this changed the list, 0 when it was so before, or a negative errno.
 */
int list_set(struct store *store, const struct countermeasure *entry,
	     const struct list_author *author, struct error *err);

/** list_remove - remove the entry with the key of @entry: 1, 0 when there is none, or negative */
int list_remove(struct store *store, const struct countermeasure *entry,
		const struct list_author *author, struct error *err);

/**
 * list_undo - take back a change
 * @version: the policy version that it made; 0: the last one that is neither an
 *	undoing nor undone
 *
 * As list_set() in whose transaction.
 *
 * Return: the version of the change that was undone, 0 when there is none to
 * undo, or a negative errno: -ESTALE when its entry was changed again since.
 */
int64_t list_undo(struct store *store, int64_t version, const struct list_author *author,
		  struct error *err);

/** list_entry - the entry with the key of @key as an object, or a null; NULL with @err set */
json_t *list_entry(struct store *store, const struct countermeasure *key, struct error *err);

/** list_history - the last @limit changes, newest first; NULL with @err set */
json_t *list_history(struct store *store, int limit, struct error *err);

/**
 * list_document - {policy_version, countermeasures: [entry, …]} as gateways fetch it, with
 *	serial and signature where it is signed; NULL with @err set
 */
json_t *list_document(struct store *store, struct error *err);

/** list_rows - the list as an array of objects; NULL with @err set */
json_t *list_rows(struct store *store, struct error *err);

#endif /* CENTER_FAULT_LIST_H */
