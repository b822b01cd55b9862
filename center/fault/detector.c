// SPDX-License-Identifier: GPL-2.0-only
#include "center/fault/detector.h"

#include <stdio.h>
#include <string.h>

/* What an entry may name besides the kind, from the most specific on. */
static const struct narrowing {
	bool application;
	bool version;
	bool group;
} narrowings[] = {
	{ true, true, true },
	{ true, true, false },
	{ true, false, true },
	{ true, false, false },
	{ false, false, true },
	{ false, false, false },
};

static const struct countermeasure *entry_find(const struct list *list,
					       const struct fault *fault,
					       const char *kind,
					       const struct narrowing *narrowing)
{
	struct countermeasure key = {};

	if ((narrowing->application && !fault->application) ||
	    (narrowing->version && !fault->version))
		return NULL;
	snprintf(key.kind, sizeof(key.kind), "%s", kind);
	if (narrowing->application)
		snprintf(key.application, sizeof(key.application), "%s", fault->application);
	if (narrowing->version)
		snprintf(key.version, sizeof(key.version), "%s", fault->version);
	if (narrowing->group)
		snprintf(key.group, sizeof(key.group), "%s", fault->group);
	return bsearch(&key, list->entries, list->n, sizeof(key),
		       countermeasure_key_compare);
}

/* The next shorter kind: "signal.segv", "signal", "". */
static void kind_shorten(char *kind)
{
	char *dot = strrchr(kind, '.');

	*(dot ? dot : kind) = '\0';
}

const struct countermeasure *detector_choose(const struct list *list,
					     const struct fault *fault)
{
	static const struct countermeasure none = {
		.action = ACTION_NONE,
		.then = ACTION_NONE,
	};
	char kind[KIND_MAX_LEN + 1];

	snprintf(kind, sizeof(kind), "%s", fault->kind);
	for (;;) {
		for (size_t i = 0; i < sizeof(narrowings) / sizeof(narrowings[0]); i++) {
			const struct countermeasure *entry =
				entry_find(list, fault, kind, &narrowings[i]);

			if (entry)
				return entry;
		}
		if (!kind[0])
			return &none;
		kind_shorten(kind);
	}
}
