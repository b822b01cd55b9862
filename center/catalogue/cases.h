/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an application can be asked within its range of operation: each of its
 * processings with the arguments that script definitions (331) allow for the
 * events which drive it by a list of events (332).
 */
#ifndef CENTER_CATALOGUE_CASES_H
#define CENTER_CATALOGUE_CASES_H

#include <jansson.h>

#include "lib/application.h"
#include "lib/error.h"
#include "lib/script/definition.h"
#include "supervisord/script/event_list.h"

/* Of one element of a definition: all combinations while they are so few, else each value once. */
#define CASES_COMBINED_MAX 32
#define CASES_MAX 4096

/**
 * cases_make - the cases of an application
 * @definitions: ended by NULL
 * @events: NULL: no event drives anything
 * @unknown: set to a new array of the processings that no event drives: what they
 *	can be asked within is not known, and no gateway asks for them
 *
 * The order is that of the processings in the application data. A number is its
 * minimum, maximum and default, an enumeration each of its values, a text as
 * short and as long as it can be.
 *
 * Return: a new array of {processing, arguments, event}; NULL with @err set:
 * -ENOENT when the list names a processing that the application does not have.
 */
json_t *cases_make(const struct application *application, struct definition *const *definitions,
		   const struct event_list *events, json_t **unknown, struct error *err);

#endif /* CENTER_CATALOGUE_CASES_H */
