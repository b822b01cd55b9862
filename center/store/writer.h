/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's one writer: a thread with its own connection that does all that
 * gateways have stored, in group commits. The batch of a commit is what came in
 * during the last one, so a lone job waits for one fsync and a crowd shares it.
 */
#ifndef CENTER_STORE_WRITER_H
#define CENTER_STORE_WRITER_H

#include "center/store/store.h"

struct writer;

/**
 * struct writer_job - one thing to store; owned by who submits it
 * @run: stores it, within a transaction, in the writer's thread. May run again
 *	after it was undone, or when it is not known whether it was. Returns a
 *	negative errno with @err set only when the store fails: then the whole
 *	batch is undone and each of its jobs has a transaction of its own. What
 *	a request has wrong is no such case.
 * @run_many: instead of @run: likewise for all jobs that have the same one and
 *	were handed over one after the other
 * @done: called once, in the writer's thread or, when the writer stops, in the
 *	submitter's. By then either all is on disk and @result is what @run
 *	returned, or nothing is stored and @result is a negative errno. The
 *	writer does not touch the job afterwards.
 */
struct writer_job {
	int (*run)(struct writer_job *job, struct store *store, struct error *err);
	int (*run_many)(struct writer_job **jobs, size_t n, struct store *store,
			struct error *err);
	void (*done)(struct writer_job *job);
	int result;
	struct error error;
	struct writer_job *next;
};

/**
 * writer_start - open the store, made where there is none, and start the thread
 *
 * Return: ended with writer_stop(); NULL with @err set.
 */
struct writer *writer_start(const struct store_place *place, struct error *err);

/** writer_submit - hand over a job; jobs run in order */
void writer_submit(struct writer *writer, struct writer_job *job);

/**
 * writer_drain - finish what was handed over; what comes later is done at once
 * with -ESHUTDOWN
 */
void writer_drain(struct writer *writer);

/** writer_stop - drain and free */
void writer_stop(struct writer *writer);

#endif /* CENTER_STORE_WRITER_H */
