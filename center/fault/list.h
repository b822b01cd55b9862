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
#include "lib/error.h"
#include "lib/name.h"

#define LIST_ATTEMPTS_MAX 1000
#define LIST_WINDOW_MAX_S 2592000
#define LIST_BACKOFF_MAX_MS 3600000

enum action {
	ACTION_NONE,
	ACTION_RESTART,
	ACTION_RESTART_CLEAN,
	ACTION_STOP,
	ACTION_REINSTALL,
	ACTION_ROLLBACK,
	ACTION_SWITCH,
	ACTION_LIMITS,
	ACTION_SIGNAL,
	ACTION_RUN,
	ACTION_COLLECT,
	ACTION_HOLD,
	ACTION_REBOOT,
	ACTION_COUNT,
};

/** action_name - its name in messages */
const char *action_name(enum action action);
/** action_parse - false when there is no action called @name */
bool action_parse(const char *name, enum action *action);

/**
 * struct countermeasure - an entry of the list
 * @kind: this kind and those below it; "": every kind
 * @application: "": any; likewise @version, which needs @application, and @group
 * @attempts: how often the action is carried out within the window
 * @window_s: seconds
 * @backoff_ms: milliseconds before the second attempt
 * @then: what follows when that did not help
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

/**
 * list_set - add an entry, or change the one with the same key
 *
 * Return: 1 when this changed the list, 0 when it was so before, or a negative errno.
 */
int list_set(struct store *store, const struct countermeasure *entry, struct error *err);

/** list_remove - remove the entry with the key of @entry: 1, 0 when there is none, or negative */
int list_remove(struct store *store, const struct countermeasure *entry,
		struct error *err);

/** list_rows - the list as an array of objects; NULL with @err set */
json_t *list_rows(struct store *store, struct error *err);

#endif /* CENTER_FAULT_LIST_H */
