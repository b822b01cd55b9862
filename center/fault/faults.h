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
 * struct fault_report - a fault that a gateway reports
 * @answer: set to what is to be answered, to be freed: that of the first time, when the
 *	fault is there already
 */
struct fault_report {
	const char *gateway;
	const struct fault *fault;
	char **answer;
};

/**
 * faults_store - store faults with the countermeasures for them, within a transaction
 * @list: the list as this transaction sees it
 *
 * Return: 0, or a negative errno with @err set.
 */
int faults_store(struct store *store, const struct list *list, struct fault_report *reports,
		 size_t n, struct error *err);

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

/** faults_list - likewise of all gateways; @gateway, @kind (a prefix), @application narrow it, or are NULL */
json_t *faults_list(struct store *store, const char *gateway, const char *kind,
		    const char *application, int limit, struct error *err);

/** faults_show - all faults with an id, with their data; @gateway narrows it, or is NULL */
json_t *faults_show(struct store *store, const struct fault_id *id, const char *gateway,
		    struct error *err);

/** faults_since - what was received since @since_ms, newest first, at most @limit; NULL with @err set */
json_t *faults_since(struct store *store, int64_t since_ms, int limit, struct error *err);

/** faults_mark - a number that changes when faults come in; negative errno */
int64_t faults_mark(struct store *store, struct error *err);

/** faults_bytes - what the faults of a gateway take of the disk, about; negative errno */
int64_t faults_bytes(struct store *store, const char *gateway, struct error *err);

/**
 * faults_prune - forget faults that were received before @before_ms, within a transaction
 * @gateway: of this gateway alone; NULL: of all
 *
 * Return: how many, or a negative errno.
 */
int faults_prune(struct store *store, const char *gateway, int64_t before_ms,
		 struct error *err);

#endif /* CENTER_FAULT_FAULTS_H */
