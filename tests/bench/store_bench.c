// SPDX-License-Identifier: GPL-2.0-only
/*
 * Durable faults a second on a gateway: its store with fault data as a capture gives them, beside the bare disk. One JSON
 * object on standard output.
 *
 *   store-bench FOLDER FAULTS
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/error.h"
#include "supervisord/reliability/packed.h"
#include "supervisord/reliability/store.h"

static double *samples;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void fail(const char *what, int error)
{
	fprintf(stderr, "store-bench: %s: %s\n", what, strerror(error));
	exit(1);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* 16 KiB of stack, of which much repeats, and 200 events. */
static json_t *data_make(void)
{
	json_t *data = json_object(), *events = json_array();
	static char stack[32769];

	srand(1);
	for (size_t i = 0; i < sizeof(stack) - 1; i++)
		stack[i] = "0123456789abcdef"[i % 16 < 6 ? rand() % 16 : 0];
	for (int i = 0; i < 200; i++)
		json_array_append_new(events, json_pack("{s:i, s:s, s:s, s:s, s:o}", "id", i, "time",
			"2026-01-31T23:59:58.123Z", "part", "application", "name", "processing.answered", "text",
			json_sprintf("read-temperature answered {\"celsius\":%d.%d} in 0.%d ms", i % 40, i % 10, i)));
	json_object_set_new(data, "stack", json_pack("{s:s}", "hex", stack));
	json_object_set_new(data, "events", events);
	return data;
}

static void report(const char *what, double seconds, int n, const char *after)
{
	qsort(samples, n, sizeof(*samples), ascending);
	printf("{\"what\":\"%s\",\"per_s\":%.0f,\"best\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"worst\":%.3f}%s", what, n / seconds,
	       samples[0], samples[n / 2], samples[n * 99 / 100], samples[n - 1], after);
}

static void store_measure(const char *folder, int n, json_t *data)
{
	char *path = alloc_format("%s/bench.db", folder);
	struct error err = { 0 };
	struct store *store;
	double began;

	if (store_open(&store, path, ev_default_loop(0), NULL, NULL, &err))
		fail(err.text, EIO);
	began = now_s();
	for (int i = 0; i < n; i++) {
		struct store_fault fault = { .time_ms = i, .kind = "signal.segv", .application = "bench",
					     .version = "1.0.0", .data = data };
		double at = now_s();

		if (store_fault_add(store, &fault))
			fail("a fault is not stored", EIO);
		samples[i] = (now_s() - at) * 1e3;
	}
	report("store: a fault at a time", now_s() - began, n, ",");
	if (store_fault_count(store) != n)
		fail("faults are missing", ENOENT);
	store_close(store);
	free(path);
}

/* What one fault comes to, appended and synced. */
static void disk_measure(const char *folder, int n, json_t *data)
{
	char *path = alloc_format("%s/bench.raw", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	double began = now_s();
	size_t size;
	void *packed = packed_make(data, &size);

	if (fd < 0)
		fail(path, errno);
	for (int i = 0; i < n; i++) {
		double at = now_s();

		if (write(fd, packed, size) != (ssize_t)size || fdatasync(fd) < 0)
			fail(path, errno);
		samples[i] = (now_s() - at) * 1e3;
	}
	report("disk: as many bytes appended, synced", now_s() - began, n, "");
	close(fd);
	unlink(path);
	free(packed);
	free(path);
}

int main(int argc, char **argv)
{
	int n = argc == 3 ? atoi(argv[2]) : 0;
	json_t *data;

	if (n < 100) {
		fprintf(stderr, "usage: store-bench FOLDER FAULTS, 100 at least\n");
		return 2;
	}
	samples = alloc_zero(n, sizeof(*samples));
	data = data_make();
	printf("[");
	store_measure(argv[1], n, data);
	disk_measure(argv[1], n, data);
	printf("]\n");
	json_decref(data);
	return 0;
}
