// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/store_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/log.h"

/* Pages of the log that are worth a checkpoint, 4 MiB; and that it may have at most. */
#define CHECKPOINT_PAGES 1000
#define CHECKPOINT_PAGES_MAX (2 * CHECKPOINT_PAGES)

/* SQLite's checkpoint needs some 10 KiB; a sanitizer's frames are larger. */
#define STACK_SIZE (256 << 10)

struct store_sync {
	struct ev_loop *loop;
	ev_async async;
	store_synced_fn synced;
	void *user;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int log;		/* a descriptor of the write-ahead log */
	sqlite3 *db;		/* the thread's own connection, for checkpoints */
	/* Under @lock. */
	uint64_t wanted;
	uint64_t done;
	int error;
	int pages;
	bool stop;
};

/* What comes after the disk has answered waits for the next turn. */
static void turn(struct store_sync *sync)
{
	int pages = sync->pages;
	uint64_t ticket = sync->wanted;
	int error;

	sync->pages = 0;
	pthread_mutex_unlock(&sync->lock);
	error = fdatasync(sync->log) < 0 ? -errno : 0;
	pthread_mutex_lock(&sync->lock);
	sync->done = ticket;
	sync->error = error;
	pthread_mutex_unlock(&sync->lock);
	ev_async_send(sync->loop, &sync->async);
	/* The writer goes on meanwhile, unless it has been faster than this for long. */
	if (pages > CHECKPOINT_PAGES)
		sqlite3_wal_checkpoint_v2(sync->db, NULL, pages > CHECKPOINT_PAGES_MAX ?
					  SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE,
					  NULL, NULL);
	pthread_mutex_lock(&sync->lock);
}

static void *serve(void *arg)
{
	struct store_sync *sync = arg;

	pthread_mutex_lock(&sync->lock);
	while (!sync->stop) {
		if (sync->wanted > sync->done)
			turn(sync);
		else
			pthread_cond_wait(&sync->wake, &sync->lock);
	}
	pthread_mutex_unlock(&sync->lock);
	return NULL;
}

static void told(struct ev_loop *loop, ev_async *async, int events)
{
	struct store_sync *sync = async->data;
	uint64_t ticket;
	int error;

	pthread_mutex_lock(&sync->lock);
	ticket = sync->done;
	error = sync->error;
	pthread_mutex_unlock(&sync->lock);
	if (sync->synced)
		sync->synced(sync->user, ticket, error);
}

/* No signal is the thread's: the loop takes them. */
static int thread_start(struct store_sync *sync)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int ret;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&sync->thread, &attributes, serve, sync);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -ret;
}

static void sync_free(struct store_sync *sync)
{
	if (sync->log >= 0)
		close(sync->log);
	sqlite3_close(sync->db);
	pthread_mutex_destroy(&sync->lock);
	pthread_cond_destroy(&sync->wake);
	free(sync);
}

struct store_sync *store_sync_start(struct ev_loop *loop, const char *path,
				    store_synced_fn synced, void *user, struct error *err)
{
	__cleanup_free char *log = alloc_format("%s-wal", path);
	struct store_sync *sync = alloc_zero(1, sizeof(*sync));
	int ret;

	sync->loop = loop;
	sync->synced = synced;
	sync->user = user;
	pthread_mutex_init(&sync->lock, NULL);
	pthread_cond_init(&sync->wake, NULL);
	/* It is there for as long as a connection is open, and stays the same file. */
	sync->log = open(log, O_RDWR | O_CLOEXEC);
	if (sync->log < 0) {
		error_set(err, -errno, "%s: %m", log);
	} else if (sqlite3_open_v2(path, &sync->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
		   sqlite3_busy_timeout(sync->db, 1000) ||
		   /* A connection finds the log when it first reads. */
		   sqlite3_exec(sync->db, "PRAGMA cache_size = -64; SELECT count(*) FROM event", NULL,
				NULL, NULL)) {
		error_set(err, -EIO, "%s: %s", path, sqlite3_errmsg(sync->db));
	} else {
		ret = thread_start(sync);
		if (!ret) {
			ev_async_init(&sync->async, told);
			sync->async.data = sync;
			ev_async_start(loop, &sync->async);
			return sync;
		}
		error_set(err, ret, "no thread for the store: %s", strerror(-ret));
	}
	sync_free(sync);
	return NULL;
}

void store_sync_stop(struct store_sync *sync)
{
	if (!sync)
		return;
	pthread_mutex_lock(&sync->lock);
	sync->stop = true;
	pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->lock);
	pthread_join(sync->thread, NULL);
	ev_async_stop(sync->loop, &sync->async);
	sync_free(sync);
}

uint64_t store_sync_ask(struct store_sync *sync, int pages)
{
	uint64_t ticket;

	pthread_mutex_lock(&sync->lock);
	ticket = ++sync->wanted;
	sync->pages = pages;
	pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->lock);
	return ticket;
}

int store_sync_now(struct store_sync *sync)
{
	return fdatasync(sync->log) < 0 ? -errno : 0;
}
