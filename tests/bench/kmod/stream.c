// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of BPF programs, the cheapest there are: what one costs, and how many
 * the stream carries.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "bench.h"
#include "emitter.h"

#define BATCHES 500
#define EMITTERS 2
#define STORM_S 10
#define STORM_PER_S 100000
#define FLOOD_S 3

static void emit_batch(struct emit *emit)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts);

	bpf_prog_test_run_opts(bpf_program__fd(emit->progs.emit_often), &opts);
}

/* What a program pays for a record, where a reader keeps the room free. */
static void record_bench(struct client *client, struct emit *emit)
{
	static int64_t records[BATCHES];
	struct figures figures = { records, BATCHES };
	struct stats stats;

	for (int i = 0; i < BATCHES; i++) {
		int64_t begin = now_ns();

		emit_batch(emit);
		records[i] = (now_ns() - begin) / EMIT_TIMES;
		do
			client_stats(client, &stats);
		while (stats.value[FAULTLINE_STATS_A_SEQ] != stats.value[FAULTLINE_STATS_A_EMITTED]);
		client_ack(client, stats.value[FAULTLINE_STATS_A_SEQ]);
	}
	row_print("record of a BPF program", "ns", &figures, NULL);
}

/* Its share of @per_s, for as many seconds; a machine that is too slow takes longer. */
static void emit_paced(struct emit *emit, uint64_t per_s, int seconds)
{
	const uint64_t share = per_s / EMITTERS;
	const struct timespec pause = { .tv_nsec = 200000 };
	int64_t begin = now_ns();
	uint64_t made = 0, due;

	while (made < share * seconds) {
		due = (now_ns() - begin) * share / 1000000000;
		if (made >= due)
			nanosleep(&pause, NULL);
		for (; made < due && made < share * seconds; made += EMIT_TIMES)
			emit_batch(emit);
	}
}

static void emit_flood(struct emit *emit, int seconds)
{
	int64_t end = now_ns() + seconds * 1000000000LL;

	while (now_ns() < end)
		emit_batch(emit);
}

static void storm(struct client *client, struct emit *emit, uint64_t per_s, int seconds,
		  struct storm *result)
{
	int64_t begin = now_ns();
	struct stats before, stats;
	int running = EMITTERS;
	uint64_t seq;

	*result = (struct storm) { .per_s = per_s };
	client_stats(client, &before);
	seq = before.value[FAULTLINE_STATS_A_SEQ];
	emit->bss->emitted = 0;
	emit->bss->lost = 0;
	emit->bss->busy = 0;
	for (int i = 0; i < EMITTERS; i++) {
		if (!fork()) {
			pin(i);
			if (per_s)
				emit_paced(emit, per_s, seconds);
			else
				emit_flood(emit, seconds);
			_exit(0);
		}
	}
	do {
		while (running && waitpid(-1, NULL, WNOHANG) > 0)
			if (!--running)
				result->made_ns = now_ns() - begin;
		client_dump(client, seq);
		seq += client->count;
		client_forget(client);
		client_ack(client, seq);
		client_stats(client, &stats);
		if (per_s)
			usleep(2000);
	} while (running || stats.value[FAULTLINE_STATS_A_PENDING]);
	result->read_ns = now_ns() - begin;
	result->emitted = stats.value[FAULTLINE_STATS_A_EMITTED] - before.value[FAULTLINE_STATS_A_EMITTED];
	result->delivered = seq - before.value[FAULTLINE_STATS_A_SEQ];
	result->lost = stats.value[FAULTLINE_STATS_A_LOST_NO_SLOT] -
		       before.value[FAULTLINE_STATS_A_LOST_NO_SLOT];
	result->busy = emit->bss->busy;
	result->exact = result->emitted == result->delivered + result->lost &&
			result->lost == emit->bss->lost &&
			result->emitted == emit->bss->emitted + emit->bss->lost;
}

void stream_bench(struct storm storms[STORMS])
{
	struct faultline_record record;
	struct client client;
	struct victim victim;
	struct emit *emit;
	int err;

	err = module_load("") ?: client_open(&client);
	if (!err)
		err = victim_start(&client, &victim, sleep_for_ever, NULL);
	if (err)
		die("loading the module", err);
	emit = emitter_open();
	if (!emit)
		die("loading the BPF programs", -ENOEXEC);
	emitter_record(&record, victim.pid);
	memcpy(emit->bss->bytes, &record, sizeof(record));
	record_bench(&client, emit);
	storm(&client, emit, STORM_PER_S, STORM_S, &storms[0]);
	storm(&client, emit, 0, FLOOD_S, &storms[1]);
	victim_kill(&victim);
	emitter_close(emit);
	client_close(&client);
	module_unload();
}
