// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "center/access/gateways.h"
#include "center/access/keyring.h"
#include "center/http/server.h"
#include "lib/log.h"

/* A token that was taken away is worth something for so long. */
#define TOKENS_MS 300
/* Turns of that until those who were seen are written down. */
#define FLUSH_TURNS 17

/**
 * struct keeper - the thread
 * @flush: a job of the writer's; one at a time, @flushed is posted when it is done
 */
struct keeper {
	struct server *server;
	struct store *store;
	pthread_t thread;
	bool running;
	sem_t stop;
	sem_t flushed;
	struct writer_job flush;
};

static int flush_run(struct writer_job *job, struct store *store, struct error *err)
{
	struct keeper *keeper = (struct keeper *)((char *)job - offsetof(struct keeper, flush));

	return gateways_flush(keeper->server->gateways, store, err);
}

static void flush_done(struct writer_job *job)
{
	struct keeper *keeper = (struct keeper *)((char *)job - offsetof(struct keeper, flush));

	if (job->result < 0 && job->result != -ESHUTDOWN)
		log_error("%s", job->error.text);
	sem_post(&keeper->flushed);
}

static void keeper_flush(struct keeper *keeper)
{
	gateways_measure(keeper->server->gateways, keeper->store);
	keeper->flush.run = flush_run;
	keeper->flush.done = flush_done;
	do {
		writer_submit(keeper->server->writer, &keeper->flush);
		while (sem_wait(&keeper->flushed) < 0 && errno == EINTR)
			;
	} while (keeper->flush.result == GATEWAYS_FLUSH_MAX);
}

static bool keeper_stopped(struct keeper *keeper)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += TOKENS_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return !sem_timedwait(&keeper->stop, &until);
}

static void *keeper_main(void *arg)
{
	struct keeper *keeper = arg;
	bool failed = false;

	for (int turn = 1; !keeper_stopped(keeper); turn++) {
		struct error err = {};
		int ret = keyring_refresh(keeper->server->keyring, keeper->store, &err);

		/* Once for each time that the store is away. */
		if (ret && !failed)
			log_error("%s", err.text);
		failed = ret;
		if (turn % FLUSH_TURNS == 0)
			keeper_flush(keeper);
	}
	keeper_flush(keeper);
	return NULL;
}

struct keeper *keeper_start(struct server *server, const struct store_place *place,
			    struct error *err)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	int ret;

	if (!keeper) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	keeper->server = server;
	sem_init(&keeper->stop, 0, 0);
	sem_init(&keeper->flushed, 0, 0);
	keeper->store = store_open(place, STORE_READ, err);
	if (!keeper->store || keyring_refresh(server->keyring, keeper->store, err)) {
		keeper_stop(keeper);
		return NULL;
	}
	ret = pthread_create(&keeper->thread, NULL, keeper_main, keeper);
	if (ret) {
		error_set(err, -ret, "the keeper's thread: %s", strerror(ret));
		keeper_stop(keeper);
		return NULL;
	}
	pthread_setname_np(keeper->thread, "keeper");
	keeper->running = true;
	return keeper;
}

void keeper_stop(struct keeper *keeper)
{
	if (!keeper)
		return;
	if (keeper->running) {
		sem_post(&keeper->stop);
		pthread_join(keeper->thread, NULL);
	}
	if (keeper->store)
		store_close(keeper->store);
	sem_destroy(&keeper->stop);
	sem_destroy(&keeper->flushed);
	free(keeper);
}
