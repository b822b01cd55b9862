// SPDX-License-Identifier: GPL-2.0-only
#include "center/fault/entry.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "lib/hex.h"

/* struct key_part - a part of an entry's key */
static const struct key_part {
	const char *name;
	bool (*valid)(const char *text);
	size_t offset;
	size_t size;
} key_parts[] = {
#define PART(name, valid) { #name, valid, offsetof(struct countermeasure, name), \
			    sizeof(((struct countermeasure *)NULL)->name) }
	PART(kind, kind_valid), PART(application, name_valid), PART(version, version_valid),
	PART(group, name_valid),
#undef PART
};

#define KEY_PARTS (sizeof(key_parts) / sizeof(*key_parts))

static int part_set(struct countermeasure *entry, const struct key_part *part, const char *text,
		    struct error *err)
{
	if (!strcmp(part->name, "kind") && !strcmp(text, ENTRY_KIND_ANY))
		text = "";
	else if (*text && !part->valid(text))
		return error_set(err, -EINVAL, "%s: \"%.128s\" is not valid", part->name, text);
	snprintf((char *)entry + part->offset, part->size, "%s", text);
	return 0;
}

static int key_check(const struct countermeasure *entry, struct error *err)
{
	return entry->version[0] && !entry->application[0] ?
	       error_set(err, -EINVAL, "version: it needs an application") : 0;
}

int entry_key_parse(const char *text, struct countermeasure *entry, struct error *err)
{
	char copy[ENTRY_KEY_MAX], *rest = copy;

	if (strlen(text) >= sizeof(copy))
		return error_set(err, -EINVAL, "this is not the key of an entry");
	strcpy(copy, text);
	for (size_t i = 0; i < KEY_PARTS; i++) {
		char *part = strsep(&rest, ",");

		if (!part || (!i && !*part) || (i + 1 == KEY_PARTS && rest))
			return error_set(err, -EINVAL,
					 "the key of an entry is KIND,APPLICATION,VERSION,GROUP; * is every kind, the others may be empty");
		if (part_set(entry, &key_parts[i], part, err))
			return -EINVAL;
	}
	return key_check(entry, err);
}

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "";
}

void entry_key_print(const json_t *row, char text[ENTRY_KEY_MAX])
{
	const char *kind = text_of(row, "kind");

	snprintf(text, ENTRY_KEY_MAX, "%s,%s,%s,%s", *kind ? kind : ENTRY_KIND_ANY,
		 text_of(row, "application"), text_of(row, "version"), text_of(row, "group"));
}

static int key_read(const json_t *body, struct countermeasure *entry, struct error *err)
{
	for (size_t i = 0; i < KEY_PARTS; i++) {
		const json_t *value = json_object_get(body, key_parts[i].name);
		const char *text = json_string_value(value);

		if (value && !text && !json_is_null(value))
			return error_set(err, -EINVAL, "%s: not a string", key_parts[i].name);
		if (!i && (!text || !*text))
			return error_set(err, -EINVAL, "kind is missing; \"*\" is every kind");
		if (part_set(entry, &key_parts[i], text ? text : "", err))
			return -EINVAL;
	}
	return key_check(entry, err);
}

/* A misspelt member must not pass for one that is not there. */
static int members_known(const json_t *body, bool with_key, struct error *err)
{
	static const char *const names[] = { "action", "attempts", "window_s", "backoff_ms", "then",
					     "healthy_s", "parameters", "decide" };
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)body, name, value) {
		bool known = false;

		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			known |= !strcmp(name, names[i]);
		for (size_t i = 0; with_key && i < KEY_PARTS; i++)
			known |= !strcmp(name, key_parts[i].name);
		if (!known)
			return error_set(err, -EINVAL, "%.64s: an entry has no such member", name);
	}
	return 0;
}

static json_t *terms_complete(const json_t *body)
{
	const char *action = text_of(body, "action");
	bool final = !strcmp(action, "none") || !strcmp(action, "stop");
	json_t *terms = json_pack("{s:i, s:i, s:i, s:s}", "attempts", ENTRY_ATTEMPTS_DEFAULT,
				  "window_s", ENTRY_WINDOW_DEFAULT_S, "backoff_ms",
				  ENTRY_BACKOFF_DEFAULT_MS, "then", final ? "none" : "stop");

	json_object_update(terms, (json_t *)body);
	return terms;
}

static int terms_read(const json_t *body, struct countermeasure *entry, struct error *err)
{
	json_auto_t *complete = terms_complete(body);
	const json_t *decide = json_object_get(body, "decide");
	struct action_terms terms;

	if (action_terms_read(complete, &terms, err))
		return -EINVAL;
	if (!terms.attempts || !terms.window_s)
		return error_set(err, -EINVAL, "attempts and window_s: at least 1");
	if (decide && strcmp(text_of(body, "decide"), "center") &&
	    strcmp(text_of(body, "decide"), "gateway"))
		return error_set(err, -EINVAL, "decide: center or gateway is needed");
	if (!countermeasure_terms(entry, &terms, text_of(body, "decide")))
		return error_set(err, -EINVAL, "the parameters have more than %d bytes",
				 LIST_PARAMETERS_SIZE - 1);
	return 0;
}

int entry_read(const json_t *body, bool with_key, struct countermeasure *entry,
	       struct error *err)
{
	if (!json_is_object(body))
		return error_set(err, -EINVAL, "an entry is an object");
	if (members_known(body, with_key, err) || (with_key && key_read(body, entry, err)))
		return -EINVAL;
	return terms_read(body, entry, err);
}

void entry_tag(const json_t *row, char tag[ENTRY_TAG_SIZE])
{
	char *text = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
	unsigned char digest[SHA256_DIGEST_LENGTH] = {};

	if (text)
		SHA256((unsigned char *)text, strlen(text), digest);
	free(text);
	strcpy(tag, "entry-");
	hex_write(tag + 6, digest, 8);
}
