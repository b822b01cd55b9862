/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gateway's copy of the list of countermeasures (133), by which it restores
 * by itself (348): at once for entries that are decided at the gateway (figure
 * 16, S39, S40), and for all others when the center does not answer in time. It
 * is fetched whole and kept on disk; a request that waits at the center for the
 * next change brings that within a second.
 */
#ifndef SUPERVISORD_POLICY_H
#define SUPERVISORD_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervisord/gateway.h"

struct fault;

/** policy_open - read what was kept, and begin to ask the center */
void policy_open(struct gateway *gateway);
void policy_close(struct gateway *gateway);

/**
 * policy_choose - the countermeasure that the list has for a fault
 * @at_gateway: set when its entry is decided at the gateway; may be NULL
 *
 * The longest kind wins; then an entry with the application, with the version,
 * with the group (docs/center.md).
 *
 * Return: new reference; NULL when no entry covers it.
 */
json_t *policy_choose(const struct gateway *gateway, const struct fault *fault,
		      bool *at_gateway);

/**
 * policy_confirm - what the gateway does of what the center answers to a fault
 *
 * With a key the signed list decides, whatever is answered: an answer that is not the
 * list's is not followed, which is recorded.
 *
 * Return: new reference; NULL when there is a key and no signed list.
 */
json_t *policy_confirm(struct gateway *gateway, const struct fault *fault, json_t *answered);

/** policy_refused - why the list that the center has is not in force; NULL: it is */
const char *policy_refused(const struct gateway *gateway);

/** policy_version - of the list; 0 while there is none */
int64_t policy_version(const struct gateway *gateway);

/** policy_center_changed - another center is asked: what the tag of its list is, is not known */
void policy_center_changed(struct gateway *gateway);

#endif /* SUPERVISORD_POLICY_H */
