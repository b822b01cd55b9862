// SPDX-License-Identifier: GPL-2.0-only
#include "center/access/gateways.h"

#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "center/fault/faults.h"
#include "lib/log.h"

#define LIST_MAX 10000
#define BURST_S 10
#define BYTES_BURST_S 64
/* Anew after so long, and as long as it is over its quota. */
#define MEASURE_S 600
#define PRESENT_S 60
#define QUOTA_RETRY_S 600

/**
 * struct heard - a gateway
 * @reports: and @bytes: how many it may send now; they grow with time
 * @stored: bytes in the store when it was measured, and what came since
 * @measured_s: when, CLOCK_MONOTONIC; 0: not yet
 */
struct heard {
	char name[NAME_MAX_LEN + 1];
	char address[GATEWAY_TEXT_MAX];
	char software[GATEWAY_TEXT_MAX];
	char *state;
	int64_t seen_ms;
	bool written;
	bool sends;
	double reports;
	double bytes;
	double filled_s;
	int64_t stored;
	double measured_s;
	struct heard *next;
};

struct gateways {
	struct gateway_limits limits;
	pthread_mutex_t lock;
	void *tree;
	struct heard *first;
	size_t n;
};

static double monotonic_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

struct gateways *gateways_new(const struct gateway_limits *limits)
{
	struct gateways *gateways = calloc(1, sizeof(*gateways));

	if (!gateways)
		return NULL;
	gateways->limits = *limits;
	pthread_mutex_init(&gateways->lock, NULL);
	return gateways;
}

static void nothing_free(void *heard)
{
}

void gateways_free(struct gateways *gateways)
{
	if (!gateways)
		return;
	tdestroy(gateways->tree, nothing_free);
	while (gateways->first) {
		struct heard *heard = gateways->first;

		gateways->first = heard->next;
		free(heard->state);
		free(heard);
	}
	pthread_mutex_destroy(&gateways->lock);
	free(gateways);
}

static int heard_compare(const void *a, const void *b)
{
	return strcmp(((const struct heard *)a)->name, ((const struct heard *)b)->name);
}

/* Under lock: the gateway, made when there is none; NULL: no more are taken. */
static struct heard *heard_get(struct gateways *gateways, const char *name)
{
	struct heard key, **found, *heard;

	snprintf(key.name, sizeof(key.name), "%s", name);
	found = tfind(&key, &gateways->tree, heard_compare);
	if (found)
		return *found;
	heard = gateways->n < GATEWAYS_MAX ? calloc(1, sizeof(*heard)) : NULL;
	if (!heard)
		return NULL;
	strcpy(heard->name, key.name);
	heard->written = true;
	heard->filled_s = monotonic_s();
	heard->reports = gateways->limits.rate * BURST_S;
	heard->bytes = gateways->limits.bytes_per_s * BYTES_BURST_S;
	if (!tsearch(heard, &gateways->tree, heard_compare)) {
		free(heard);
		return NULL;
	}
	heard->next = gateways->first;
	gateways->first = heard;
	gateways->n++;
	return heard;
}

/* One line of printable ASCII, cut to fit. */
static void text_take(char target[GATEWAY_TEXT_MAX], const char *text)
{
	snprintf(target, GATEWAY_TEXT_MAX, "%s", text);
	for (char *p = target; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

/* What is no small flat object is not taken. */
static char *state_check(const char *text)
{
	json_auto_t *state = strlen(text) < GATEWAY_STATE_MAX ? json_loads(text, 0, NULL) : NULL;
	const char *key;
	json_t *value;

	if (!json_is_object(state))
		return NULL;
	json_object_foreach(state, key, value)
		if (json_is_object(value) || json_is_array(value))
			return NULL;
	return json_dumps(state, JSON_COMPACT);
}

void gateways_seen(struct gateways *gateways, const char *name, const char *address,
		   const char *software, const char *state)
{
	char *checked = state ? state_check(state) : NULL;
	struct heard *heard;

	pthread_mutex_lock(&gateways->lock);
	heard = heard_get(gateways, name);
	if (heard) {
		heard->seen_ms = store_now();
		heard->written = false;
		text_take(heard->address, address);
		if (software)
			text_take(heard->software, software);
		if (checked) {
			free(heard->state);
			heard->state = steal_pointer(&checked);
		}
	}
	pthread_mutex_unlock(&gateways->lock);
	free(checked);
}

static void bucket_fill(double *bucket, double seconds, int64_t rate, int burst_s)
{
	*bucket += seconds * rate;
	if (*bucket > (double)rate * burst_s)
		*bucket = (double)rate * burst_s;
}

/* Seconds until a bucket has @wanted, at least 1; 0: it has. */
static int bucket_wait(double bucket, double wanted, int64_t rate)
{
	return !rate || bucket >= wanted ? 0 : 1 + (int)((wanted - bucket) / rate);
}

static int heard_admit(const struct gateway_limits *limits, struct heard *heard, size_t bytes)
{
	double now = monotonic_s();
	int wait, bytes_wait;

	bucket_fill(&heard->reports, now - heard->filled_s, limits->rate, BURST_S);
	bucket_fill(&heard->bytes, now - heard->filled_s, limits->bytes_per_s, BYTES_BURST_S);
	heard->filled_s = now;
	heard->sends = true;
	if (limits->quota && heard->stored > limits->quota)
		return QUOTA_RETRY_S;
	wait = bucket_wait(heard->reports, 1, limits->rate);
	bytes_wait = bucket_wait(heard->bytes, bytes, limits->bytes_per_s);
	if (wait || bytes_wait)
		return wait > bytes_wait ? wait : bytes_wait;
	heard->reports--;
	heard->bytes -= bytes;
	heard->stored += bytes;
	return 0;
}

int gateways_admit(struct gateways *gateways, const char *name, size_t bytes)
{
	struct heard *heard;
	int wait;

	pthread_mutex_lock(&gateways->lock);
	heard = heard_get(gateways, name);
	wait = heard ? heard_admit(&gateways->limits, heard, bytes) : QUOTA_RETRY_S;
	pthread_mutex_unlock(&gateways->lock);
	return wait;
}

/* Entries are never freed while the center serves, so one may be used without the lock by its name. */
void gateways_measure(struct gateways *gateways, struct store *store)
{
	struct heard *heard;

	if (!gateways->limits.quota)
		return;
	pthread_mutex_lock(&gateways->lock);
	heard = gateways->first;
	while (heard) {
		double now = monotonic_s();
		bool over = heard->stored > gateways->limits.quota;
		struct error err = {};
		int64_t bytes;

		if (!heard->sends || (heard->measured_s && now - heard->measured_s <
				      (over ? MEASURE_S / 60 : MEASURE_S))) {
			heard = heard->next;
			continue;
		}
		pthread_mutex_unlock(&gateways->lock);
		bytes = faults_bytes(store, heard->name, &err);
		pthread_mutex_lock(&gateways->lock);
		heard->measured_s = now;
		if (bytes >= 0)
			heard->stored = bytes;
		if (bytes > gateways->limits.quota && !over)
			log_warning("gateway %s: its faults take %lld MiB, more than it may; \"faultline-center fault prune\" makes room",
				    heard->name, (long long)(bytes >> 20));
		heard = heard->next;
	}
	pthread_mutex_unlock(&gateways->lock);
}

/* struct sighting - what is written down of a gateway */
struct sighting {
	struct heard *heard;
	char name[NAME_MAX_LEN + 1];
	char address[GATEWAY_TEXT_MAX];
	char software[GATEWAY_TEXT_MAX];
	char *state;
	int64_t seen_ms;
};

/* Under lock: the next of those that are not written down yet. */
static int sightings_take(struct gateways *gateways, struct sighting *sightings)
{
	int n = 0;

	for (struct heard *heard = gateways->first; heard && n < GATEWAYS_FLUSH_MAX;
	     heard = heard->next) {
		struct sighting *sighting = &sightings[n];

		if (heard->written)
			continue;
		heard->written = true;
		sighting->heard = heard;
		sighting->seen_ms = heard->seen_ms;
		strcpy(sighting->name, heard->name);
		strcpy(sighting->address, heard->address);
		strcpy(sighting->software, heard->software);
		sighting->state = strdup(heard->state ? heard->state : "");
		n++;
	}
	return n;
}

static int sightings_write(struct store *store, const struct sighting *sightings, int n,
			   struct error *err)
{
	int ret = 0;

	for (int i = 0; i < n && !ret; i++) {
		const struct sighting *s = &sightings[i];

		ret = store_run(store_statement(store, err, STATEMENT_GATEWAY_SEEN, "sisss",
						s->name, s->seen_ms, s->address, s->software,
						s->state ? s->state : ""), err);
	}
	return ret;
}

int gateways_flush(struct gateways *gateways, struct store *store, struct error *err)
{
	struct sighting *sightings = calloc(GATEWAYS_FLUSH_MAX, sizeof(*sightings));
	int n, ret;

	if (!sightings)
		return error_set(err, -ENOMEM, "out of memory");
	/* Requests note gateways meanwhile: the lock is not held while the store works. */
	pthread_mutex_lock(&gateways->lock);
	n = sightings_take(gateways, sightings);
	pthread_mutex_unlock(&gateways->lock);
	ret = sightings_write(store, sightings, n, err);
	pthread_mutex_lock(&gateways->lock);
	for (int i = 0; i < n; i++) {
		free(sightings[i].state);
		if (ret)
			sightings[i].heard->written = false;
	}
	pthread_mutex_unlock(&gateways->lock);
	free(sightings);
	return ret ? ret : n;
}

int gateways_known(struct store *store, const char *name, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_GATEWAY_KNOWN, "s", name);

	return statement ? store_step(statement, err) : err->code;
}

json_t *gateways_list(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_GATEWAYS, "i", (int64_t)LIST_MAX);

	return store_rows(statement, err);
}

size_t gateways_count(struct gateways *gateways)
{
	int64_t since = store_now() - PRESENT_S * 1000;
	size_t n = 0;

	pthread_mutex_lock(&gateways->lock);
	for (struct heard *heard = gateways->first; heard; heard = heard->next)
		n += heard->seen_ms >= since;
	pthread_mutex_unlock(&gateways->lock);
	return n;
}
