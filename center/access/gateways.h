/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gateways that this center has heard of: when, what they said of themselves, and
 * how much more each may send. What is seen is written to the store now and then, so
 * that a poll never writes. Safe for all threads.
 */
#ifndef CENTER_ACCESS_GATEWAYS_H
#define CENTER_ACCESS_GATEWAYS_H

#include <jansson.h>

#include "center/store/store.h"
#include "lib/name.h"

/* Of names that nobody vouches for; one more is refused. */
#define GATEWAYS_MAX 200000
#define GATEWAYS_FLUSH_MAX 500
#define GATEWAY_TEXT_MAX 64
#define GATEWAY_STATE_MAX 512

struct gateways;

/**
 * struct gateway_limits - what one gateway may send to one center
 * @rate: reports a second in the long run, ten times as many at once; 0: no limit
 * @bytes_per_s: likewise bytes, 64 times as many at once
 * @quota: bytes that its faults may take in the store; 0: no limit
 */
struct gateway_limits {
	int64_t rate;
	int64_t bytes_per_s;
	int64_t quota;
};

struct gateways *gateways_new(const struct gateway_limits *limits);
void gateways_free(struct gateways *gateways);

/**
 * gateways_seen - a gateway asked for something
 * @software: and @state (JSON text of an object) as it said, checked here; may be NULL
 */
void gateways_seen(struct gateways *gateways, const char *name, const char *address,
		   const char *software, const char *state);

/**
 * gateways_admit - may it send a report of so many bytes?
 *
 * Return: 0, or after how many seconds it may try again.
 */
int gateways_admit(struct gateways *gateways, const char *name, size_t bytes);

/** gateways_measure - look up in the store what those that send take there */
void gateways_measure(struct gateways *gateways, struct store *store);

/**
 * gateways_flush - write down some who were seen since the last time, within a transaction
 *
 * Return: how many, GATEWAYS_FLUSH_MAX: there may be more; or a negative errno: they are
 * written the next time. A commit that fails afterwards loses what is seen anew soon.
 */
int gateways_flush(struct gateways *gateways, struct store *store, struct error *err);

/** gateways_known - was one of this name ever seen by a center of this store? 1 or 0, or a negative errno */
int gateways_known(struct store *store, const char *name, struct error *err);

/** gateways_list - array of {name, seen, address, software, state} of all centers; NULL with @err set */
json_t *gateways_list(struct store *store, struct error *err);

/** gateways_count - how many this center has heard of in the last minute */
size_t gateways_count(struct gateways *gateways);

#endif /* CENTER_ACCESS_GATEWAYS_H */
