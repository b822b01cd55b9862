// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/waiting.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "center/fault/faults.h"
#include "center/fault/list.h"
#include "center/http/exchange.h"
#include "center/request/requests.h"
#include "lib/log.h"

/* A change may come from another process, so the version is looked at so often. */
#define LOOK_MS 100

struct waiting {
	struct store *store;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	_Atomic uint32_t stirs;
	bool failed;
	/* Below: under lock. */
	struct exchange *first;
	size_t n[WAITING_FORS];
	int64_t requests_mark;	/* who waits with an older one is not woken for it any more */
	bool ended;
	bool stopping;
};

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/**
 * struct look - what there is for those who wait
 * @versions: -1: not known
 * @gateways: sorted; that requests came for since the last look
 */
struct look {
	int64_t versions[WAITING_FORS];
	char **gateways;
	int n_gateways;
};

static int name_compare(const void *key, const void *element)
{
	return strcmp(key, *(char *const *)element);
}

/* Is there what it waits for? */
static bool look_has(const struct look *look, const struct exchange *exchange)
{
	int64_t version = look->versions[exchange->wait_for];

	if (version < 0 || version == exchange->wait_version)
		return false;
	return exchange->wait_for != WAITING_FOR_REQUESTS ||
	       (look->n_gateways && bsearch(exchange->captures[0], look->gateways, look->n_gateways,
					    sizeof(*look->gateways), name_compare));
}

/* Wakes those whose time is over or for whom there is something. Under lock. */
static void waiting_wake(struct waiting *waiting, const struct look *look)
{
	int64_t now = monotonic_ms();

	for (struct exchange **p = &waiting->first; *p;) {
		struct exchange *exchange = *p;
		bool there = look_has(look, exchange);

		if (!waiting->ended && now < exchange->wait_until_ms && !there) {
			p = &exchange->next_waiting;
			continue;
		}
		*p = exchange->next_waiting;
		if (there)
			exchange->woken_version = look->versions[exchange->wait_for];
		waiting->n[exchange->wait_for]--;
		MHD_resume_connection(exchange->connection);
	}
	if (look->versions[WAITING_FOR_REQUESTS] > waiting->requests_mark)
		waiting->requests_mark = look->versions[WAITING_FOR_REQUESTS];
}

/* Of the requests it is also asked for whom they are, so that one does not wake thousands. */
static int64_t requests_look(struct waiting *waiting, int64_t known, struct look *look,
			     struct error *err)
{
	int64_t mark = requests_mark(waiting->store, err);

	if (mark <= known)
		return mark;
	look->n_gateways = requests_gateways(waiting->store, known, &look->gateways, err);
	return look->n_gateways < 0 ? look->n_gateways : mark;
}

/* What those wait for whom there are. */
static void look_take(struct waiting *waiting, const size_t n[WAITING_FORS], int64_t known,
		      struct look *look)
{
	struct error err = {};

	*look = (struct look){ .versions = { -1, -1, -1 } };
	if (n[WAITING_FOR_POLICY])
		look->versions[WAITING_FOR_POLICY] = list_version(waiting->store, &err);
	if (n[WAITING_FOR_FAULTS] && !err.code)
		look->versions[WAITING_FOR_FAULTS] =
			waiting_mark(waiting, faults_mark(waiting->store, &err));
	if (n[WAITING_FOR_REQUESTS] && !err.code)
		look->versions[WAITING_FOR_REQUESTS] = requests_look(waiting, known, look, &err);
	/* Without the store each waits its time out, and then learns why. It is told once. */
	if (err.code && !waiting->failed)
		log_error("%s", err.text);
	waiting->failed = err.code;
}

static void *waiting_main(void *arg)
{
	struct waiting *waiting = arg;
	struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	struct look look;

	pthread_mutex_lock(&waiting->lock);
	while (!waiting->stopping) {
		if (!waiting->first) {
			pthread_cond_wait(&waiting->wake, &waiting->lock);
			continue;
		}
		size_t n[WAITING_FORS];
		int64_t known = waiting->requests_mark;

		memcpy(n, waiting->n, sizeof(n));
		pthread_mutex_unlock(&waiting->lock);
		look_take(waiting, n, known, &look);
		pthread_mutex_lock(&waiting->lock);
		waiting_wake(waiting, &look);
		pthread_mutex_unlock(&waiting->lock);
		requests_gateways_free(look.gateways, look.n_gateways);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&waiting->lock);
	}
	pthread_mutex_unlock(&waiting->lock);
	return NULL;
}

struct waiting *waiting_start(const struct store_place *place, struct error *err)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));
	int ret;

	if (!waiting) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&waiting->lock, NULL);
	pthread_cond_init(&waiting->wake, NULL);
	waiting->store = store_open(place, STORE_READ, err);
	if (!waiting->store) {
		waiting_free(waiting);
		return NULL;
	}
	ret = pthread_create(&waiting->thread, NULL, waiting_main, waiting);
	if (ret) {
		error_set(err, -ret, "the thread of waiting requests: %s", strerror(ret));
		waiting_free(waiting);
		return NULL;
	}
	pthread_setname_np(waiting->thread, "waiting");
	waiting->running = true;
	return waiting;
}

size_t waiting_count(struct waiting *waiting)
{
	size_t n = 0;

	pthread_mutex_lock(&waiting->lock);
	for (int what = 0; what < WAITING_FORS; what++)
		n += waiting->n[what];
	pthread_mutex_unlock(&waiting->lock);
	return n;
}

void waiting_stir(struct waiting *waiting)
{
	atomic_fetch_add(&waiting->stirs, 1);
}

int64_t waiting_mark(struct waiting *waiting, int64_t mark)
{
	return mark < 0 ? mark : (mark << 20) + (atomic_load(&waiting->stirs) & 0xfffff);
}

void waiting_add(struct waiting *waiting, struct exchange *exchange, enum waiting_for what,
		 int64_t version, int seconds)
{
	exchange->stored = true;
	exchange->wait_for = what;
	exchange->wait_version = version;
	exchange->wait_until_ms = monotonic_ms() + seconds * 1000LL;
	/* First to sleep: the thread may wake it before this returns. */
	MHD_suspend_connection(exchange->connection);
	pthread_mutex_lock(&waiting->lock);
	/* While nobody waited for requests, nobody looked for them. */
	if (what == WAITING_FOR_REQUESTS && !waiting->n[what])
		waiting->requests_mark = version;
	if (waiting->ended ||
	    (what == WAITING_FOR_REQUESTS && version < waiting->requests_mark)) {
		MHD_resume_connection(exchange->connection);
	} else {
		exchange->next_waiting = waiting->first;
		waiting->first = exchange;
		waiting->n[what]++;
		pthread_cond_signal(&waiting->wake);
	}
	pthread_mutex_unlock(&waiting->lock);
}

void waiting_end(struct waiting *waiting)
{
	pthread_mutex_lock(&waiting->lock);
	waiting->ended = true;
	waiting_wake(waiting, &(const struct look){ .versions = { -1, -1, -1 } });
	pthread_mutex_unlock(&waiting->lock);
}

void waiting_free(struct waiting *waiting)
{
	if (!waiting)
		return;
	if (waiting->running) {
		pthread_mutex_lock(&waiting->lock);
		waiting->stopping = true;
		pthread_cond_signal(&waiting->wake);
		pthread_mutex_unlock(&waiting->lock);
		pthread_join(waiting->thread, NULL);
	}
	if (waiting->store)
		store_close(waiting->store);
	pthread_cond_destroy(&waiting->wake);
	pthread_mutex_destroy(&waiting->lock);
	free(waiting);
}
