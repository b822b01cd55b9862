// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/waiting.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "center/fault/faults.h"
#include "center/fault/list.h"
#include "center/http/exchange.h"
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
	size_t n[2];
	bool ended;
	bool stopping;
};

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Wakes those whose time is over or whose version is an old one; -1: not known. Under lock. */
static void waiting_wake(struct waiting *waiting, const int64_t versions[2])
{
	int64_t now = monotonic_ms();

	for (struct exchange **p = &waiting->first; *p;) {
		struct exchange *exchange = *p;

		int64_t version = versions[exchange->wait_for];

		if (!waiting->ended && now < exchange->wait_until_ms &&
		    (version < 0 || version == exchange->wait_version)) {
			p = &exchange->next_waiting;
			continue;
		}
		*p = exchange->next_waiting;
		if (version >= 0 && version != exchange->wait_version)
			exchange->woken_version = version;
		waiting->n[exchange->wait_for]--;
		MHD_resume_connection(exchange->connection);
	}
}

/* What those wait for whom there are. */
static void versions_look(struct waiting *waiting, const size_t n[2], int64_t versions[2])
{
	struct error err = {};

	versions[WAITING_FOR_POLICY] = -1;
	versions[WAITING_FOR_FAULTS] = -1;
	if (n[WAITING_FOR_POLICY])
		versions[WAITING_FOR_POLICY] = list_version(waiting->store, &err);
	if (n[WAITING_FOR_FAULTS] && !err.code)
		versions[WAITING_FOR_FAULTS] =
			waiting_mark(waiting, faults_mark(waiting->store, &err));
	/* Without the store each waits its time out, and then learns why. It is told once. */
	if (err.code && !waiting->failed)
		log_error("%s", err.text);
	waiting->failed = err.code;
}

static void *waiting_main(void *arg)
{
	struct waiting *waiting = arg;
	struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	int64_t versions[2];

	pthread_mutex_lock(&waiting->lock);
	while (!waiting->stopping) {
		if (!waiting->first) {
			pthread_cond_wait(&waiting->wake, &waiting->lock);
			continue;
		}
		size_t n[2] = { waiting->n[0], waiting->n[1] };

		pthread_mutex_unlock(&waiting->lock);
		versions_look(waiting, n, versions);
		pthread_mutex_lock(&waiting->lock);
		waiting_wake(waiting, versions);
		pthread_mutex_unlock(&waiting->lock);
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
	size_t n;

	pthread_mutex_lock(&waiting->lock);
	n = waiting->n[0] + waiting->n[1];
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
	if (waiting->ended) {
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
	waiting_wake(waiting, (const int64_t[2]){ -1, -1 });
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
