// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/action.h"
#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/fault.h"
#include "supervisord/remote/poller.h"
#include "supervisord/remote/signature.h"
#include "supervisord/settings.h"

#define SIZE_MAX_BYTES (4 << 20)
#define ENTRIES_MAX 20000

/**
 * struct policy
 * @document: {policy_version, countermeasures}, checked; NULL: none was ever fetched
 * @etag: of the present center's; "": not known
 * @refused: why that one was not taken; "": it was
 */
struct policy {
	struct gateway *gateway;
	json_t *document;
	char etag[256];
	char refused[ERROR_TEXT_MAX];
	struct poller *poller;
};

static char *policy_path(const struct gateway *gateway)
{
	return alloc_format("%s/countermeasures.json", gateway->settings->state_folder);
}

static bool narrowing_valid(const json_t *entry, const char *name, bool (*valid)(const char *))
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text && (!*text || valid(text));
}

/* Every byte of it is the network's, or a disk's. */
static int document_check(const json_t *document, struct error *err)
{
	const json_t *version = json_object_get(document, "policy_version");
	const json_t *entries = json_object_get(document, "countermeasures");
	struct action_terms terms;
	json_t *entry;
	size_t i;

	if (!json_is_integer(version) || json_integer_value(version) < 0 ||
	    !json_is_array(entries) || json_array_size(entries) > ENTRIES_MAX)
		return error_set(err, -EBADMSG, "the list of countermeasures is not one");
	json_array_foreach(entries, i, entry) {
		const char *decide = json_string_value(json_object_get(entry, "decide"));

		if (!narrowing_valid(entry, "kind", kind_valid) ||
		    !narrowing_valid(entry, "application", name_valid) ||
		    !narrowing_valid(entry, "version", version_valid) ||
		    !narrowing_valid(entry, "group", name_valid) ||
		    !decide || (strcmp(decide, "center") && strcmp(decide, "gateway")))
			return error_set(err, -EBADMSG,
					 "entry %zu of the list of countermeasures is not valid",
					 i);
		if (action_terms_read(entry, &terms, err))
			return -EBADMSG;
	}
	return 0;
}

static void policy_load(struct policy *policy)
{
	__cleanup_free char *path = policy_path(policy->gateway);
	__cleanup_free char *text = file_read(path, SIZE_MAX_BYTES, NULL, NULL);
	struct error err = { 0 };

	file_settle(path);
	if (!text)
		return;
	policy->document = json_loads(text, 0, NULL);
	if (!document_check(policy->document, &err) &&
	    !signature_check_list(policy->gateway, policy->document, &err))
		return;
	log_warning("%s: %s; it is fetched again", path, err.text);
	json_decref(steal_pointer(&policy->document));
}

static void policy_refuse(struct policy *policy, const json_t *document, const char *why)
{
	json_t *version = json_object_get(document, "policy_version");

	log_error("%s", why);
	snprintf(policy->refused, sizeof(policy->refused), "%s", why);
	collection_add(policy->gateway, &(struct event){
		.part = "center", .name = "policy.refused",
		.data = json_pack("{s:O}", "policy_version", version) },
		"version %lld: %s", (long long)json_integer_value(version), why);
}

/* Takes over what the center sent; 0, or the list before stays. */
static int policy_take(struct policy *policy, const struct link_answer *answer,
		       struct error *err)
{
	struct gateway *gateway = policy->gateway;
	__cleanup_free char *path = policy_path(gateway);
	json_auto_t *document = json_loadb(answer->body ? answer->body : "", answer->size,
					   JSON_REJECT_DUPLICATES, NULL);
	bool same = document && json_equal(document, policy->document);
	struct error why = { 0 };
	size_t entries;
	int ret = document_check(document, err);

	if (ret)
		return ret;
	snprintf(policy->etag, sizeof(policy->etag), "%s", answer->etag ? answer->etag : "");
	/* What was there stays in force; the next one is waited for. */
	if (signature_check_list(gateway, document, &why)) {
		policy_refuse(policy, document, why.text);
		return 0;
	}
	policy->refused[0] = '\0';
	if (same)
		return 0;
	entries = json_array_size(json_object_get(document, "countermeasures"));
	/* In force also when it cannot be kept: a full disk must not hold on to an old list. */
	if (file_write(path, answer->body, answer->size, 0600, err))
		log_error("%s; the list is in force, and fetched again after a restart", err->text);
	json_decref(policy->document);
	policy->document = json_incref(document);
	collection_add(gateway, &(struct event){
		.part = "center", .name = "policy.changed",
		.data = json_pack("{s:I}", "policy_version", (json_int_t)policy_version(gateway)) },
		"list of countermeasures, version %lld: %zu %s",
		(long long)policy_version(gateway), entries, entries == 1 ? "entry" : "entries");
	return 0;
}

static void policy_ask(void *user, char path[256], const char **etag)
{
	struct policy *policy = user;

	snprintf(path, 256, "/v1/gateways/%s/countermeasures?wait=%d",
		 policy->gateway->settings->name, POLLER_WAIT_S);
	*etag = policy->etag[0] ? policy->etag : NULL;
}

static int policy_answered(void *user, const struct link_answer *answer, struct error *err)
{
	return answer->status == 304 ? 1 : policy_take(user, answer, err);
}

void policy_open(struct gateway *gateway)
{
	static const struct poller_ops ops = { .ask = policy_ask, .answered = policy_answered };
	struct policy *policy = alloc_zero(1, sizeof(*policy));

	policy->gateway = gateway;
	gateway->policy = policy;
	policy_load(policy);
	policy->poller = poller_new(gateway, &ops, SIZE_MAX_BYTES, policy);
}

void policy_close(struct gateway *gateway)
{
	if (!gateway->policy)
		return;
	poller_free(gateway->policy->poller);
	json_decref(gateway->policy->document);
	free(steal_pointer(&gateway->policy));
}

/* Does what an entry says of one part fit? Then by how much the entry is more specific. */
static bool part_fits(const json_t *entry, const char *name, const char *value, int weight,
		      int *rank)
{
	const char *wanted = json_string_value(json_object_get(entry, name));

	if (!*wanted)
		return true;
	*rank += weight;
	return !strcmp(wanted, value);
}

/* How specific an entry that covers a fault is; negative when it does not. */
static int entry_rank(const json_t *entry, const struct fault *fault, const char *group)
{
	const char *kind = json_string_value(json_object_get(entry, "kind"));
	size_t len = strlen(kind);
	int rank = len * 8;

	if (len && (strncmp(fault->kind, kind, len) ||
		    (fault->kind[len] && fault->kind[len] != '.')))
		return -1;
	if (!part_fits(entry, "application", fault->app->name, 4, &rank) ||
	    !part_fits(entry, "version", fault->version, 2, &rank) ||
	    !part_fits(entry, "group", group, 1, &rank))
		return -1;
	return rank;
}

json_t *policy_choose(const struct gateway *gateway, const struct fault *fault,
		      bool *at_gateway)
{
	static const char *const members[] = { "action", "attempts", "window_s", "backoff_ms",
					       "then", "healthy_s", "parameters" };
	json_t *document = gateway->policy ? gateway->policy->document : NULL;
	json_t *entries = json_object_get(document, "countermeasures");
	json_t *entry, *best = NULL, *countermeasure;
	int best_rank = -1;
	size_t i;

	json_array_foreach(entries, i, entry) {
		int rank = entry_rank(entry, fault, gateway->settings->group);

		if (rank > best_rank) {
			best_rank = rank;
			best = entry;
		}
	}
	if (!best)
		return NULL;
	if (at_gateway)
		*at_gateway = !strcmp(json_string_value(json_object_get(best, "decide")),
				      "gateway");
	countermeasure = json_object();
	for (i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (json_object_get(best, members[i]))
			json_object_set(countermeasure, members[i],
					json_object_get(best, members[i]));
	return countermeasure;
}

/* What is left out is the same as what says nothing. */
static bool same_terms(const json_t *a, const json_t *b)
{
	static const char *const members[] = { "action", "attempts", "window_s", "backoff_ms", "then" };
	const json_t *parameters = json_object_get(a, "parameters");

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (!json_equal(json_object_get(a, members[i]), json_object_get(b, members[i])))
			return false;
	return json_integer_value(json_object_get(a, "healthy_s")) ==
		       json_integer_value(json_object_get(b, "healthy_s")) &&
	       (json_equal(parameters, json_object_get(b, "parameters")) ||
		(!json_object_size(parameters) &&
		 !json_object_size(json_object_get(b, "parameters"))));
}

static const char *action_of(const json_t *countermeasure)
{
	const char *action = json_string_value(json_object_get(countermeasure, "action"));

	return action ? action : "nothing";
}

json_t *policy_confirm(struct gateway *gateway, const struct fault *fault, json_t *answered)
{
	json_t *own;

	if (!gateway->signatures)
		return json_incref(answered);
	if (!gateway->policy || !gateway->policy->document)
		return NULL;
	own = policy_choose(gateway, fault, NULL);
	/* That no entry covers it means that nothing is done. */
	if (!own && !strcmp(action_of(answered), "none"))
		return json_incref(answered);
	if (!own)
		own = json_pack("{s:s, s:i, s:i, s:i, s:s}", "action", "none", "attempts", 1, "window_s", 1,
				"backoff_ms", 0, "then", "none");
	if (!same_terms(own, answered))
		collection_add(gateway, &(struct event){
			.part = "center", .name = "policy.disagreed", .application = fault->app->name },
			"the center answers %s to %s, the signed list has %s: the list is followed",
			action_of(answered), fault->kind, action_of(own));
	return own;
}

const char *policy_refused(const struct gateway *gateway)
{
	return gateway->policy && gateway->policy->refused[0] ? gateway->policy->refused : NULL;
}

int64_t policy_version(const struct gateway *gateway)
{
	return !gateway->policy ? 0 :
	       json_integer_value(json_object_get(gateway->policy->document, "policy_version"));
}

void policy_center_changed(struct gateway *gateway)
{
	if (gateway->policy)
		gateway->policy->etag[0] = '\0';
}
