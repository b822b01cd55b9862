/* SPDX-License-Identifier: GPL-2.0-only */
/* The fault data (341) that the center keeps, each with its countermeasure and outcome. */
#ifndef CENTER_FAULT_FAULTS_H
#define CENTER_FAULT_FAULTS_H

#include <jansson.h>

#include "center/fault/list.h"
#include "center/fault/obtaining.h"
#include "center/store/store.h"
#include "lib/error.h"

#define FAULTS_LIMIT_MAX 1000
#define FAULTS_LIMIT_DEFAULT 100

/**
 * faults_store - store a fault with the countermeasure for it, within a transaction
 * @list: the list as this transaction sees it
 * @answer: what to answer, to be freed: of the first time, when the fault is there already
 *
 * Return: 0, or a negative errno with @err set.
 */
int faults_store(struct store *store, const struct list *list, const char *gateway,
		 const struct fault *fault, char **answer, struct error *err);

/**
 * faults_outcome - store the outcome of a fault in place of the one before
 *
 * Return: 1, 0 when the gateway has no such fault, or a negative errno.
 */
int faults_outcome(struct store *store, const char *gateway, const struct fault_id *id,
		   const struct outcome *outcome, struct error *err);

/** faults_of_gateway - the newest @limit, newest first, without their data; NULL with @err set */
json_t *faults_of_gateway(struct store *store, const char *gateway, int limit,
			  struct error *err);

/** faults_list - likewise of all gateways; @gateway and @kind (a prefix) narrow it, or are NULL */
json_t *faults_list(struct store *store, const char *gateway, const char *kind,
		    int limit, struct error *err);

/** faults_show - all faults with an id, with their data; @gateway narrows it, or is NULL */
json_t *faults_show(struct store *store, const struct fault_id *id, const char *gateway,
		    struct error *err);

/** faults_since - what was received since @since_ms, newest first, at most @limit; NULL with @err set */
json_t *faults_since(struct store *store, int64_t since_ms, int limit, struct error *err);

#endif /* CENTER_FAULT_FAULTS_H */
