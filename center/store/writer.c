// SPDX-License-Identifier: GPL-2.0-only
#include "center/store/writer.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"

/* A commit's size is bounded, so that one crowd does not make the next wait long. */
#define WRITER_BATCH_MAX 1024
/* A database that is restarted is waited for so often; gateways wait 4 s. */
#define WRITER_TRIES 25
#define WRITER_PAUSE_MS 100

struct writer {
	struct store *store;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Below: under lock. */
	struct writer_job *first;
	struct writer_job **last;
	bool stopping;
};

/* Takes up to a batch of jobs; waits for one. NULL when the writer stops. */
static struct writer_job *writer_take(struct writer *writer)
{
	struct writer_job *batch;
	struct writer_job **end;

	pthread_mutex_lock(&writer->lock);
	while (!writer->first && !writer->stopping)
		pthread_cond_wait(&writer->wake, &writer->lock);
	batch = writer->first;
	end = &writer->first;
	for (int n = 0; *end && n < WRITER_BATCH_MAX; n++)
		end = &(*end)->next;
	writer->first = *end;
	if (!*end)
		writer->last = &writer->first;
	*end = NULL;
	pthread_mutex_unlock(&writer->lock);
	return batch;
}

static void job_fail(struct writer_job *job, int code, const struct error *err)
{
	job->result = code;
	if (err)
		job->error = *err;
}

/* Runs a job, or all that follow it and are stored together with it; the next one. */
static struct writer_job *jobs_run(struct writer_job *job, struct store *store, struct error *err)
{
	struct writer_job *jobs[WRITER_BATCH_MAX];
	struct writer_job *next = job;
	size_t n = 0;
	int ret;

	do {
		memset(&next->error, 0, sizeof(next->error));
		jobs[n++] = next;
		next = next->next;
	} while (job->run_many && next && next->run_many == job->run_many);
	ret = job->run_many ? job->run_many(jobs, n, store, err) : job->run(job, store, err);
	for (size_t i = 0; i < n; i++)
		jobs[i]->result = ret;
	return next;
}

/* Stores a list of jobs in one transaction. */
static int batch_commit(struct store *store, struct writer_job *batch, struct error *err)
{
	int ret = store_begin(store, err);

	for (struct writer_job *job = batch; job && !ret;) {
		struct writer_job *first = job;

		job = jobs_run(first, store, err);
		ret = first->result < 0 ? first->result : 0;
	}
	if (!ret)
		ret = store_commit(store, err);
	if (ret)
		store_rollback(store);
	return ret;
}

/* Likewise; while the database is gone, or was taken by others, again for a while. */
static int batch_try(struct writer *writer, struct writer_job *batch, struct error *err)
{
	int ret = batch_commit(writer->store, batch, err);

	for (int i = 0; i < WRITER_TRIES && (ret == -ENOTCONN || ret == -EBUSY); i++) {
		nanosleep(&(struct timespec){ .tv_nsec = WRITER_PAUSE_MS * 1000000L }, NULL);
		memset(err, 0, sizeof(*err));
		ret = batch_commit(writer->store, batch, err);
	}
	return ret;
}

static void batch_store(struct writer *writer, struct writer_job *batch)
{
	struct error err = {};
	int code = batch_try(writer, batch, &err);

	if (!code)
		return;
	/* One of them is at fault, or the disk is: each has its own try. No database is nobody's fault. */
	for (struct writer_job *job = batch, *next; job; job = next) {
		struct error why = err;
		int ret = code;

		next = job->next;
		if (code != -ENOTCONN) {
			memset(&why, 0, sizeof(why));
			job->next = NULL;
			ret = batch_commit(writer->store, job, &why);
			job->next = next;
		}
		if (ret)
			job_fail(job, ret, &why);
	}
}

static void *writer_main(void *arg)
{
	struct writer *writer = arg;
	struct writer_job *batch;

	while ((batch = writer_take(writer))) {
		batch_store(writer, batch);
		while (batch) {
			struct writer_job *job = batch;

			batch = job->next;
			job->done(job);
		}
	}
	return NULL;
}

struct writer *writer_start(const struct store_place *place, struct error *err)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int ret;

	if (!writer) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->wake, NULL);
	writer->last = &writer->first;
	writer->store = store_open(place, STORE_WRITE, err);
	if (!writer->store)
		goto fail;
	ret = pthread_create(&writer->thread, NULL, writer_main, writer);
	if (ret) {
		error_set(err, -ret, "the writer's thread: %s", strerror(ret));
		goto fail;
	}
	pthread_setname_np(writer->thread, "writer");
	writer->running = true;
	return writer;
fail:
	writer_stop(writer);
	return NULL;
}

void writer_submit(struct writer *writer, struct writer_job *job)
{
	bool stopping;

	job->next = NULL;
	pthread_mutex_lock(&writer->lock);
	stopping = writer->stopping;
	if (!stopping) {
		if (!writer->first)
			pthread_cond_signal(&writer->wake);
		*writer->last = job;
		writer->last = &job->next;
	}
	pthread_mutex_unlock(&writer->lock);
	if (stopping) {
		error_set(&job->error, -ESHUTDOWN, "the center is stopping; try again");
		job_fail(job, -ESHUTDOWN, NULL);
		job->done(job);
	}
}

void writer_drain(struct writer *writer)
{
	if (!writer->running)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stopping = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	writer->running = false;
}

void writer_stop(struct writer *writer)
{
	writer_drain(writer);
	if (writer->store)
		store_close(writer->store);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}
