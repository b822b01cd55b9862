// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures of the center's ingest of faults, one JSON object a run; center_bench.py
 * puts them side by side.
 *
 *   center-bench load ADDRESS PORT CONNECTIONS SECONDS  faults over HTTP, one open on each connection
 *   center-bench store DIR|URL ROWS SECONDS             the same faults by the store alone, ROWS a commit
 *   center-bench policy ADDRESS PORT CONNECTIONS ROUNDS DIR|URL  a change of the list at so many that wait
 *   center-bench fsync DIR SECONDS                      what the disk can do: 4 KiB appended and synced
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "center/fault/faults.h"

#define CONNECTIONS_MAX 4096
#define SAMPLES_MAX (4 << 20)
#define BODY_SIZE 2048

/* What a gateway reports of a SIGSEGV, without its stack. */
#define BODY_FORMAT \
	"{\"id\":\"3e6f5c2a-9f0e-4f37-8a57-3a2d9f3f3b11-%lld\",\"kind\":\"signal.segv\"," \
	"\"application\":\"air-conditioner\",\"version\":\"1.0.0\"," \
	"\"time\":\"2026-01-31T23:59:58.123Z\",\"group\":\"default\"," \
	"\"data\":{\"pid\":4242,\"tid\":4242,\"comm\":\"air-conditioner\",\"signal\":11,\"code\":1," \
	"\"address\":\"0x0000000000000010\",\"ip\":\"0x000055d0c0a812f4\"," \
	"\"sp\":\"0x00007ffd3c1f9b80\",\"restarts\":0,\"cpu_ms\":1234,\"memory_kib\":5120}}"

static double *samples;
static size_t n_samples;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "center-bench: %s: %m\n", what);
	exit(1);
}

static void sample_add(double seconds)
{
	if (n_samples < SAMPLES_MAX)
		samples[n_samples++] = seconds * 1e3;
}

static int sample_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(double part)
{
	return n_samples ? samples[(size_t)(part * (n_samples - 1))] : 0;
}

/* @rows were durable in @seconds; a sample is what was waited for together. */
static void result_print(double rows, double seconds)
{
	qsort(samples, n_samples, sizeof(*samples), sample_compare);
	printf("{\"rows\": %.0f, \"per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"worst_ms\": %.3f}\n",
	       rows, rows / seconds, percentile(0.5), percentile(0.99), percentile(1));
}

/* struct client - a gateway that has one fault open */
struct client {
	int fd;
	int index;
	long long number;
	double began;
	size_t got;
	char answer[4096];
};

static void client_send(struct client *client)
{
	char body[BODY_SIZE], request[BODY_SIZE + 256];
	int size;

	snprintf(body, sizeof(body), BODY_FORMAT, ++client->number);
	size = snprintf(request, sizeof(request),
			"POST /v1/gateways/g%d/faults HTTP/1.1\r\nHost: center\r\n"
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			client->index, strlen(body), body);
	client->began = now_s();
	client->got = 0;
	if (send(client->fd, request, size, MSG_NOSIGNAL) != size)
		fail("send");
}

/* True when the answer is complete. */
static bool client_receive(struct client *client)
{
	ssize_t n = recv(client->fd, client->answer + client->got,
			 sizeof(client->answer) - 1 - client->got, 0);
	const char *end, *length;

	if (n <= 0)
		fail("the center closed a connection");
	client->got += n;
	client->answer[client->got] = '\0';
	end = strstr(client->answer, "\r\n\r\n");
	length = strstr(client->answer, "Content-Length: ");
	if (!end || !length ||
	    client->answer + client->got < end + 4 + atoi(length + strlen("Content-Length: ")))
		return false;
	if (strncmp(client->answer, "HTTP/1.1 200 ", 13)) {
		fprintf(stderr, "center-bench: %s\n", client->answer);
		exit(1);
	}
	return true;
}

static void client_connect(struct client *client, const struct sockaddr_in *address, int poll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
	int on = 1;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 ||
	    connect(client->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		fail("connect");
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	epoll_ctl(poll, EPOLL_CTL_ADD, client->fd, &event);
}

static void load(const char *host, int port, int connections, double seconds)
{
	static struct client clients[CONNECTIONS_MAX];
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct epoll_event events[64];
	int poll = epoll_create1(EPOLL_CLOEXEC);
	double began, end;
	long long rows = 0;

	if (connections > CONNECTIONS_MAX || inet_pton(AF_INET, host, &address.sin_addr) != 1) {
		errno = EINVAL;
		fail(host);
	}
	for (int i = 0; i < connections; i++) {
		clients[i].index = i;
		client_connect(&clients[i], &address, poll);
	}
	began = now_s();
	for (int i = 0; i < connections; i++)
		client_send(&clients[i]);
	do {
		int n = epoll_wait(poll, events, 64, 1000);

		for (int i = 0; i < n; i++) {
			struct client *client = events[i].data.ptr;

			if (!client_receive(client))
				continue;
			sample_add(now_s() - client->began);
			rows++;
			client_send(client);
		}
		end = now_s();
	} while (end - began < seconds);
	result_print(rows, end - began);
}

/* struct given - a fault as it came, until its commit */
struct given {
	char gateway[16];
	struct fault *fault;
	char *answer;
};

static void given_make(struct given *given, int index, long long number, struct error *err)
{
	char body[BODY_SIZE];

	snprintf(body, sizeof(body), BODY_FORMAT, number);
	snprintf(given->gateway, sizeof(given->gateway), "g%d", index);
	given->fault = obtaining_fault(body, strlen(body), err);
}

static void batch_store(struct store *db, struct list *list, int n, long long number,
			struct error *err)
{
	struct given *given = calloc(n, sizeof(*given));
	struct fault_report *reports = calloc(n, sizeof(*reports));

	if (!given || !reports)
		fail("memory");
	for (int i = 0; i < n && !err->code; i++) {
		given_make(&given[i], i, number, err);
		reports[i] = (struct fault_report){ given[i].gateway, given[i].fault,
						    &given[i].answer };
	}
	if (!err->code && !store_begin(db, err) && !list_refresh(list, db, err) &&
	    !faults_store(db, list, reports, n, err))
		store_commit(db, err);
	for (int i = 0; i < n; i++) {
		free(given[i].answer);
		if (given[i].fault)
			fault_free(given[i].fault);
	}
	free(given);
	free(reports);
}

static void store(const char *where, int rows_each, double seconds)
{
	struct store_place place = { .data = where };
	struct error err = {};
	struct list list = {};
	struct store *db;
	long long batches = 0;
	double began, end;

	if (store_url_valid(where)) {
		place.url = where;
		place.data = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	}
	db = store_open(&place, STORE_WRITE, &err);
	began = end = now_s();
	while (!err.code && end - began < seconds) {
		double start = now_s();

		batch_store(db, &list, rows_each, ++batches, &err);
		end = now_s();
		sample_add(end - start);
	}
	if (err.code) {
		fprintf(stderr, "center-bench: %s\n", err.text);
		exit(1);
	}
	list_free(&list);
	store_close(db);
	result_print(batches * rows_each, end - began);
}

/* A request that waits for another list than this version's. */
static void waiter_send(struct client *client, long long version)
{
	char request[512];
	int size = snprintf(request, sizeof(request),
			    "GET /v1/gateways/g%d/countermeasures?wait=60 HTTP/1.1\r\nHost: center\r\n"
			    "If-None-Match: \"policy-%lld\"\r\n\r\n", client->index, version);

	client->got = 0;
	if (send(client->fd, request, size, MSG_NOSIGNAL) != size)
		fail("send");
}

/* Changes the list; the version that this makes. */
static long long list_change(struct store *db, int attempts)
{
	struct countermeasure entry = { .kind = "signal", .action = ACTION_RESTART,
					.then = ACTION_STOP, .attempts = attempts, .window_s = 60 };
	struct list_author author = { "bench", "" };
	struct error err = {};
	long long version;

	if (list_set(db, &entry, &author, &err) != 1 || (version = list_version(db, &err)) < 0) {
		fprintf(stderr, "center-bench: %s\n", err.text);
		exit(1);
	}
	return version;
}

/* All have the change; a sample is what each waited from its commit on. */
static void change_await(int poll, int connections)
{
	double began = now_s();

	for (int left = connections; left;) {
		struct epoll_event events[64];
		int n = epoll_wait(poll, events, 64, 30000);

		if (n <= 0)
			fail("a change did not come");
		for (int i = 0; i < n; i++)
			if (client_receive(events[i].data.ptr)) {
				sample_add(now_s() - began);
				left--;
			}
	}
}

static void policy(const char *host, int port, int connections, int rounds, const char *where)
{
	static struct client clients[CONNECTIONS_MAX];
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct store_place place = { .data = where };
	int poll = epoll_create1(EPOLL_CLOEXEC);
	struct error err = {};
	struct store *db;
	long long version;

	if (store_url_valid(where)) {
		place.url = where;
		place.data = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	}
	db = store_open(&place, STORE_WRITE, &err);
	if (!db || connections > CONNECTIONS_MAX || inet_pton(AF_INET, host, &address.sin_addr) != 1)
		fail(db ? host : err.text);
	version = list_change(db, ACTION_ATTEMPTS_MAX);
	for (int i = 0; i < connections; i++) {
		clients[i].index = i;
		client_connect(&clients[i], &address, poll);
	}
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < connections; i++)
			waiter_send(&clients[i], version);
		/* Until they sleep at the center. */
		usleep(500000);
		version = list_change(db, 1 + round % 50);
		change_await(poll, connections);
	}
	store_close(db);
	result_print(connections * rounds, 1);
}

static void sync_alone(const char *folder, double seconds)
{
	static char block[4096];
	char path[4096];
	double began, end;
	int fd;

	snprintf(path, sizeof(path), "%s/sync", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		fail(path);
	began = end = now_s();
	while (end - began < seconds) {
		double start = now_s();

		if (write(fd, block, sizeof(block)) < 0 || fdatasync(fd) < 0)
			fail(path);
		end = now_s();
		sample_add(end - start);
	}
	close(fd);
	result_print(n_samples, end - began);
}

int main(int argc, char **argv)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	samples = calloc(SAMPLES_MAX, sizeof(*samples));
	if (!samples)
		fail("samples");
	if (argc == 6 && !strcmp(argv[1], "load"))
		load(argv[2], atoi(argv[3]), atoi(argv[4]), atof(argv[5]));
	else if (argc == 5 && !strcmp(argv[1], "store"))
		store(argv[2], atoi(argv[3]), atof(argv[4]));
	else if (argc == 7 && !strcmp(argv[1], "policy"))
		policy(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), argv[6]);
	else if (argc == 4 && !strcmp(argv[1], "fsync"))
		sync_alone(argv[2], atof(argv[3]));
	else {
		fprintf(stderr, "usage: center-bench load ADDRESS PORT CONNECTIONS SECONDS | "
			"store DIR|URL ROWS SECONDS | "
			"policy ADDRESS PORT CONNECTIONS ROUNDS DIR|URL | fsync DIR SECONDS\n");
		return 2;
	}
	free(samples);
	return 0;
}
