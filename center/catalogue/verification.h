/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is verified when an application is registered (docs/center.md, "What is
 * verified"): the scripts that use it fit its processings, and each of its
 * processings, within its range, does not make it fault.
 */
#ifndef CENTER_CATALOGUE_VERIFICATION_H
#define CENTER_CATALOGUE_VERIFICATION_H

#include <jansson.h>

#include "center/store/store.h"
#include "lib/application.h"
#include "lib/error.h"

/**
 * struct verification_options - how
 * @skip: why it is not run; NULL: it is
 * @equipment: command of simulated equipment; NULL: there is none, and what the
 *	application answers with an error is not held against it
 * @events: path of a list of events; NULL: events.xml of the bundle, where it has one
 * @runtimes: path of runtimes.xml; NULL: where it is found
 * @progress: of @of cases so many were answered, the next one is @what; may be NULL
 */
struct verification_options {
	const char *skip;
	const char *equipment;
	const char *events;
	const char *runtimes;
	void (*progress)(void *user, size_t done, size_t of, const char *what);
	void *user;
};

/**
 * verification_make - verify an application
 * @fd: its bundle, which bundle_check() let pass
 * @report: set also when it is refused, a new object:
 *	{result: passed | skipped | refused, reason, equipment, events, scripts: [{service,
 *	edition, requests}], cases: [{processing, arguments, event, answered | error, ms}],
 *	unknown, isolation, ended, fault: {kind, case, text, log}, range}
 *	"range" is null: nothing here learns what the application does within it.
 *
 * Return: 0 when it may be registered, or a negative errno with @err set.
 */
int verification_make(struct store *store, int fd, const char *sha256, int64_t size,
		      const struct application *application,
		      const struct verification_options *options, json_t **report,
		      struct error *err);

#endif /* CENTER_CATALOGUE_VERIFICATION_H */
