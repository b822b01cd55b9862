// SPDX-License-Identifier: GPL-2.0-only
/* Group commits of the center's writer: one job that fails takes nobody with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "center/fault/list.h"
#include "center/store/writer.h"
#include "lib/file.h"

#define JOBS 5

/* Sets a countermeasure for a kind of its own, and fails when told to. */
struct test_job {
	struct writer_job job;
	char kind[16];
	int fail;
	int runs;
	int dones;
	sem_t *wait;
	sem_t *done;
};

static int job_run(struct writer_job *base, struct store *store, struct error *err)
{
	struct test_job *job = (struct test_job *)base;
	struct countermeasure entry = { .action = ACTION_RESTART, .then = ACTION_STOP };
	struct list_author author = { .name = "test", .reason = "" };
	int ret;

	job->runs++;
	if (job->wait && job->runs == 1)
		sem_wait(job->wait);
	snprintf(entry.kind, sizeof(entry.kind), "%s", job->kind);
	ret = list_set(store, &entry, &author, err);
	if (ret < 0)
		return ret;
	return job->fail ? error_set(err, job->fail, "told to fail") : 0;
}

static void job_done(struct writer_job *base)
{
	struct test_job *job = (struct test_job *)base;

	job->dones++;
	sem_post(job->done);
}

struct fixture {
	char folder[64];
	struct writer *writer;
	sem_t gate;
	sem_t done;
	struct test_job jobs[JOBS];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {};

	snprintf(f->folder, sizeof(f->folder), "/tmp/writer-test.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->writer = writer_start(&(struct store_place){ .data = f->folder }, &err);
	assert_non_null(f->writer);
	sem_init(&f->gate, 0, 0);
	sem_init(&f->done, 0, 0);
	for (int i = 0; i < JOBS; i++) {
		struct test_job *job = &f->jobs[i];

		snprintf(job->kind, sizeof(job->kind), "kind-%d", i);
		job->job.run = job_run;
		job->job.done = job_done;
		job->done = &f->done;
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	writer_stop(f->writer);
	folder_remove(f->folder, NULL);
	free(f);
	return 0;
}

static size_t entries(struct fixture *f)
{
	struct error err = {};
	__cleanup_store struct store *store = store_open(&(struct store_place){ .data = f->folder }, STORE_READ, &err);
	json_auto_t *rows = store ? list_rows(store, &err) : NULL;

	assert_non_null(rows);
	return json_array_size(rows);
}

/* The first job holds the writer up, so that the others become one batch. */
static void submit_all(struct fixture *f)
{
	f->jobs[0].wait = &f->gate;
	for (int i = 0; i < JOBS; i++)
		writer_submit(f->writer, &f->jobs[i].job);
	sem_post(&f->gate);
	for (int i = 0; i < JOBS; i++)
		sem_wait(&f->done);
}

static void test_a_batch_is_stored(void **state)
{
	struct fixture *f = *state;

	submit_all(f);
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(f->jobs[i].job.result, 0);
		assert_int_equal(f->jobs[i].dones, 1);
	}
	assert_int_equal(entries(f), JOBS);
}

static void test_a_job_that_fails_is_undone_alone(void **state)
{
	struct fixture *f = *state;

	f->jobs[2].fail = -EIO;
	submit_all(f);
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(f->jobs[i].job.result, i == 2 ? -EIO : 0);
		assert_int_equal(f->jobs[i].dones, 1);
	}
	assert_string_equal(f->jobs[2].job.error.text, "told to fail");
	assert_int_equal(entries(f), JOBS - 1);
}

static void test_what_was_handed_over_is_finished(void **state)
{
	struct fixture *f = *state;

	submit_all(f);
	writer_drain(f->writer);
	assert_int_equal(entries(f), JOBS);
	writer_submit(f->writer, &f->jobs[1].job);
	assert_int_equal(f->jobs[1].job.result, -ESHUTDOWN);
	assert_int_equal(f->jobs[1].dones, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_batch_is_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_job_that_fails_is_undone_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_was_handed_over_is_finished, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("center writer", tests, NULL, NULL);
}
