/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Services that gateways run by request of the center. A request is kept until each of
 * its gateways has come to an end with it, or its time is over. Its state at a gateway
 * goes forward alone, so that a report that comes twice or late changes nothing:
 * waiting, taken (the gateway has it on its disk), running, and then one of done,
 * failed, refused, expired and cancelled.
 */
#ifndef CENTER_REQUEST_REQUESTS_H
#define CENTER_REQUEST_REQUESTS_H

#include <jansson.h>

#include "center/store/store.h"
#include "lib/error.h"
#include "lib/name.h"

#define REQUEST_AUTHOR_MAX 64
#define REQUEST_REASON_MAX 256
/* Of a service's result at a gateway, and of what it says of it. */
#define REQUEST_DETAIL_MAX 4096
/* Seconds within which a gateway must have begun, unless told otherwise. */
#define REQUEST_WITHIN_DEFAULT_S 3600
#define REQUEST_WITHIN_MAX_S (30 * 86400)
#define REQUESTS_LIMIT_DEFAULT 100
#define REQUESTS_LIMIT_MAX 1000
/* As many as a gateway gets at once. */
#define REQUESTS_OPEN_MAX 100

/**
 * struct request - what is asked for; checked
 * @id: "": one is made up
 * @gateway: "" where @group is meant: all gateways that have said to be of it
 * @author: and @reason: one line each, as of a change of the list of countermeasures
 */
struct request {
	char id[REQUEST_ID_MAX_LEN + 1];
	char service[NAME_MAX_LEN + 1];
	char gateway[NAME_MAX_LEN + 1];
	char group[NAME_MAX_LEN + 1];
	char author[REQUEST_AUTHOR_MAX];
	char reason[REQUEST_REASON_MAX];
	int within_s;
};

/**
 * requests_add - keep a request, within a transaction
 *
 * One with an id that is there already is the same request and changes nothing.
 *
 * Return: 1, or 0 when it was there; or a negative errno with @err set: -EEXIST when
 * what has this id is another one, -ENOENT when the service has no script here or the
 * group no gateway, which is the sender's fault.
 */
int requests_add(struct store *store, struct request *request, struct error *err);

/**
 * requests_list - array of {id, gateway, group, service, author, reason, asked, not_after,
 *	state, changed, taken, started, ended, detail, result}, newest first
 * @id: this one alone; NULL: all; likewise @gateway and @service
 *
 * Return: NULL with @err set.
 */
json_t *requests_list(struct store *store, const char *id, const char *gateway,
		      const char *service, int limit, struct error *err);

/**
 * requests_show - {id, service, group, author, reason, asked, not_after, gateways: [{gateway,
 *	state, …}]}, and a "warning" while it waits for one that was never seen; a null when there is none, NULL with @err set
 */
json_t *requests_show(struct store *store, const char *id, struct error *err);

/**
 * requests_cancel - within a transaction: gateways that have not taken it do not run it
 * @gateway: at this one alone; NULL: at all
 * @by: who, and why, of struct request
 *
 * Return: at how many, or a negative errno.
 */
int requests_cancel(struct store *store, const char *id, const char *gateway,
		    const struct request *by, struct error *err);

/** requests_prune - forget what has come to an end before @before (ms since 1970); how many */
int requests_prune(struct store *store, int64_t before, struct error *err);

/** requests_mark - a number that grows with each request; negative errno */
int64_t requests_mark(struct store *store, struct error *err);

/**
 * requests_open - what a gateway has not ended, oldest first
 * @after: behind this key
 *
 * Return: array of {key, id, service, author, reason, asked, not_after, valid_s, state};
 * NULL with @err set.
 */
json_t *requests_open(struct store *store, const char *gateway, int64_t after, struct error *err);

/**
 * requests_gateways - for whom there are requests behind @mark
 * @names: sorted by strcmp(), to be freed with requests_gateways_free()
 *
 * Return: how many, or a negative errno.
 */
int requests_gateways(struct store *store, int64_t mark, char ***names, struct error *err);
void requests_gateways_free(char **names, int n);

/**
 * struct request_report - what a gateway says of a request
 * @state: taken, running, done, failed, refused or expired
 * @taken: when, as it says (RFC 3339); likewise @started, @ended; may be NULL
 * @detail: may be NULL; @result: JSON text of {steps, duration_ms, faults}, or NULL
 */
struct request_report {
	const char *state;
	const char *taken;
	const char *started;
	const char *ended;
	const char *detail;
	const char *result;
};

/** request_report_state - is this a state that a gateway may report? */
bool request_report_state(const char *state);

/**
 * requests_report - within a transaction
 * @state: the state at the center afterwards, to be freed
 *
 * Return: 1, 0 when this gateway has no such request, or a negative errno.
 */
int requests_report(struct store *store, const char *gateway, const char *id,
		    const struct request_report *report, char **state, struct error *err);

#endif /* CENTER_REQUEST_REQUESTS_H */
