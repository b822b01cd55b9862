// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/link/transfer.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/text.h"
#include "supervisord/link/protocol.h"
#include "supervisord/link/sink.h"
#include "supervisord/pages.h"

#define CONNECT_TIMEOUT_MS 10000
#define CONNECTIONS_KEPT 4
#define STALL_BYTES_S 16
#define PROGRESS_EVERY_MS 500
/* So long without a request, and the memory that requests need is given back. */
#define IDLE_MS 5000

/**
 * struct transfer - one request under way
 * @skip: bytes of the body that are left out still, where the server sent all of it
 * @taken: bytes of the body that came, left out or not
 * @checked: the head of the answer was looked at
 * @discard: the body is not for the sink
 * @failure: why the body was refused, NULL while it was not
 * @finished: libcurl is done with it; @answer waits for the sink and the supervisor
 */
struct transfer {
	struct control_request request;
	struct sink sink;
	CURL *easy;
	uint64_t body_size;
	uint64_t body_done;
	uint64_t skip;
	uint64_t taken;
	long long progress_ms;
	bool checked;
	bool discard;
	bool finished;
	const char *failure;
	struct control_answer answer;
	char curl_error[CURL_ERROR_SIZE];
	char error[LINK_ERROR_MAX];
};

static struct transfer_options options;
static struct transfer *transfers[LINK_TRANSFERS_MAX];
static CURLM *multi;
static CURLSH *shared;
static bool answers_wait;

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int transfers_init(const struct transfer_options *wanted)
{
	options = *wanted;
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	multi = curl_multi_init();
	shared = curl_share_init();
	if (!multi || !shared)
		return -ENOMEM;
	curl_share_setopt(shared, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return 0;
}

static void transfer_free(struct transfer *t)
{
	for (int i = 0; i < LINK_TRANSFERS_MAX; i++)
		if (transfers[i] == t)
			transfers[i] = NULL;
	if (t->easy) {
		curl_multi_remove_handle(multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	sink_close(&t->sink);
	control_request_clear(&t->request);
	free(t);
}

void transfers_exit(void)
{
	for (int i = 0; i < LINK_TRANSFERS_MAX; i++)
		if (transfers[i])
			transfer_free(transfers[i]);
	curl_multi_cleanup(multi);
	curl_share_cleanup(shared);
	curl_global_cleanup();
}

static size_t transfer_send(char *data, size_t size, size_t n, void *user)
{
	struct transfer *t = user;
	ssize_t r = pread(t->request.body, data, size * n, t->body_done);

	if (r < 0)
		return CURL_READFUNC_ABORT;
	t->body_done += r;
	return r;
}

/* libcurl sends a body again when the server had closed a kept connection. */
static int transfer_seek(void *user, curl_off_t offset, int origin)
{
	struct transfer *t = user;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	t->body_done = offset;
	return CURL_SEEKFUNC_OK;
}

/* Does the part that the server sent begin where it was asked to (RFC 9110, 14.4)? */
static bool transfer_range_right(struct transfer *t)
{
	struct curl_header *header;
	unsigned long long first;

	return !curl_easy_header(t->easy, "Content-Range", 0, CURLH_HEADER, -1, &header) &&
	       sscanf(header->value, "bytes %llu-", &first) == 1 && first == t->request.offset;
}

/* Decides with the first bytes of the body where the body goes. */
static void transfer_check(struct transfer *t)
{
	long status = 0;

	t->checked = true;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	/* A pipe leads to a program that can do nothing with an error document. */
	if (status / 100 != 2) {
		t->discard = t->sink.pipe;
		return;
	}
	if (!t->request.offset)
		return;
	if (status != 206)
		t->skip = t->request.offset;
	else if (!transfer_range_right(t))
		t->failure = "the server sent another part than was asked for";
}

static size_t transfer_receive(char *data, size_t size, size_t n, void *user)
{
	struct transfer *t = user;
	size_t whole = size * n, left_out;
	int r;

	if (sink_full(&t->sink))
		return CURL_WRITEFUNC_PAUSE;
	if (!t->checked)
		transfer_check(t);
	if (t->failure)
		return 0;
	left_out = t->skip < whole ? t->skip : whole;
	t->skip -= left_out;
	t->taken += whole - left_out;
	if (t->taken > t->request.max_bytes) {
		t->failure = "the answer is longer than the gateway takes";
		return 0;
	}
	if (t->discard)
		return whole;
	r = sink_write(&t->sink, data + left_out, whole - left_out);
	if (r) {
		t->failure = r == -EPIPE ? "the reader of the answer is gone" :
					   "the answer could not be written";
		return 0;
	}
	if (now_ms() - t->progress_ms >= PROGRESS_EVERY_MS) {
		t->progress_ms = now_ms();
		control_progress(t->request.id, t->sink.written);
	}
	return whole;
}

static int transfer_trace(CURL *easy, curl_infotype type, char *data, size_t size, void *user)
{
	if (type == CURLINFO_TEXT && size)
		log_debug("%.*s", (int)(data[size - 1] == '\n' ? size - 1 : size), data);
	return 0;
}

/* The gateway's rules for every request; see curl_easy_setopt(3) for each. */
static void transfer_set_rules(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Else the end of a transfer waits for a resolver that does not answer. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_S);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, options.stall_s);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "faultline-link");
	curl_easy_setopt(easy, CURLOPT_SHARE, shared);
	if (options.ca) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (options.verbose) {
		curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
		curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, transfer_trace);
	}
}

static void transfer_set_body(struct transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, t->request.method);
	curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body_size);
	curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, transfer_send);
	curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, transfer_seek);
	curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
}

static int transfer_set(struct transfer *t)
{
	struct curl_slist *headers;
	char range[32];

	transfer_set_rules(t->easy);
	/* A center that answers "100 Continue" late would cost a second. */
	headers = curl_slist_append(t->request.headers, "Expect:");
	if (!headers)
		return -ENOMEM;
	t->request.headers = headers;
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_error);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, transfer_receive);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, t->request.timeout_ms);
	if (t->request.offset) {
		snprintf(range, sizeof(range), "%llu-", (unsigned long long)t->request.offset);
		curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
	}
	if (strcmp(t->request.method, "GET"))
		transfer_set_body(t);
	return curl_easy_setopt(t->easy, CURLOPT_URL, t->request.url) ? -ENOMEM : 0;
}

/* "scheme://host:port" for a message: no credentials, no path. */
static void transfer_server(const struct transfer *t, char *text, size_t size)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL;

	snprintf(text, size, "the center");
	if (url && !curl_url_set(url, CURLUPART_URL, t->request.url, 0) &&
	    !curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) &&
	    !curl_url_get(url, CURLUPART_HOST, &host, 0) &&
	    !curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
		snprintf(text, size, "%s://%s:%s", scheme, host, port);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
}

#define RUNNING "is it running, and is its url right in gateway.xml?"

struct transfer_advice {
	CURLcode code;
	bool transient;
	const char *what_next;
};

/* What may succeed when it is tried again, and what a person can do about the rest. */
static const struct transfer_advice advice[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, true, "check the name and the gateway's DNS" },
	{ CURLE_COULDNT_RESOLVE_PROXY, true, "check the proxy's name" },
	{ CURLE_COULDNT_CONNECT, true, RUNNING },
	{ CURLE_OPERATION_TIMEDOUT, true, RUNNING },
	{ CURLE_PARTIAL_FILE, true, NULL },
	{ CURLE_GOT_NOTHING, true, RUNNING },
	{ CURLE_SEND_ERROR, true, RUNNING },
	{ CURLE_RECV_ERROR, true, RUNNING },
	{ CURLE_SSL_CONNECT_ERROR, true, "check that the center's port speaks TLS" },
	{ CURLE_OUT_OF_MEMORY, true, NULL },
	{ CURLE_PEER_FAILED_VERIFICATION, false,
	  "check the gateway's CA file, its clock and the center's certificate" },
	{ CURLE_SSL_CACERT_BADFILE, false, "check that the CA file exists and can be read" },
	{ CURLE_UNSUPPORTED_PROTOCOL, false, "use an http or https address" },
	{ CURLE_URL_MALFORMAT, false, "correct the center's address" },
};

static void transfer_fail(struct transfer *t, CURLcode code)
{
	const struct transfer_advice *known = NULL;
	const char *what = t->failure;
	char server[160];

	for (size_t i = 0; i < sizeof(advice) / sizeof(*advice); i++)
		if (advice[i].code == code)
			known = &advice[i];
	if (!what)
		what = t->curl_error[0] ? t->curl_error : curl_easy_strerror(code);
	transfer_server(t, server, sizeof(server));
	snprintf(t->error, sizeof(t->error), "%s: %s%s%s", server, what,
		 known && known->what_next ? "; " : "",
		 known && known->what_next ? known->what_next : "");
	/* It may quote what the server sent. */
	text_plain(t->error, strlen(t->error), false);
	t->answer.status = 0;
	t->answer.error = t->error;
	t->answer.transient = !t->failure && known && known->transient;
}

static void transfer_read_head(struct transfer *t)
{
	struct curl_header *header;
	curl_off_t wait = 0;
	size_t n = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->answer.status);
	if (!curl_easy_header(t->easy, "ETag", 0, CURLH_HEADER, -1, &header)) {
		while (header->value[n] > ' ' && header->value[n] <= '~')
			n++;
		if (!header->value[n] && n < sizeof(t->answer.etag))
			memcpy(t->answer.etag, header->value, n + 1);
	}
	if (!curl_easy_header(t->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) &&
	    !curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait))
		t->answer.retry_after_s = wait < 0 ? 0 :
			wait > LINK_RETRY_AFTER_MAX ? LINK_RETRY_AFTER_MAX : wait;
}

/* libcurl is done with it: makes the answer, which transfer_answer() sends. */
static void transfer_finish(struct transfer *t, CURLcode code)
{
	t->finished = true;
	if (!code && !t->checked)
		transfer_check(t);
	if (code || t->failure || t->skip)
		transfer_fail(t, code ? code : CURLE_PARTIAL_FILE);
	else
		transfer_read_head(t);
	curl_multi_remove_handle(multi, t->easy);
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
}

/* Answers once the sink has everything; frees the transfer then. */
static int transfer_answer(struct transfer *t)
{
	int r;

	if (t->answer.status && sink_full(&t->sink))
		return 0;
	sink_close(&t->sink);
	t->answer.id = t->request.id;
	t->answer.received = t->sink.written;
	r = control_answer(&t->answer);
	if (r == -EAGAIN) {
		answers_wait = true;
		return 0;
	}
	log_debug("%d: %s %s: status %ld, %llu bytes%s%s", t->request.id, t->request.method,
		  t->request.url, t->answer.status, (unsigned long long)t->sink.written,
		  t->answer.status ? "" : ", ", t->answer.status ? "" : t->error);
	transfer_free(t);
	return r == -EPIPE ? r : 0;
}

static int transfer_slot(int id)
{
	int slot = -ENOSPC;

	for (int i = 0; i < LINK_TRANSFERS_MAX; i++) {
		if (!transfers[i])
			slot = i;
		else if (transfers[i]->request.id == id)
			return -EEXIST;
	}
	return slot;
}

static int transfer_take(struct transfer *t, struct control_request *request, struct error *err)
{
	struct stat st;

	t->request = *request;
	*request = (struct control_request){ .body = -1, .sink = -1 };
	if (sink_init(&t->sink, t->request.sink))
		return error_set(err, -EPROTO, "the sink of request %d is neither pipe nor memfd",
				 t->request.id);
	t->request.sink = -1;
	if (t->request.body < 0)
		return 0;
	if (fstat(t->request.body, &st) || !S_ISREG(st.st_mode))
		return error_set(err, -EPROTO, "the body of request %d is not a memfd",
				 t->request.id);
	t->body_size = st.st_size;
	return 0;
}

int transfer_start(struct control_request *request, struct error *err)
{
	int slot = transfer_slot(request->id);
	struct transfer *t;
	int r;

	if (slot < 0)
		return error_set(err, -EPROTO, slot == -EEXIST ?
				 "request %d is open already" :
				 "request %d is one too many", request->id);
	t = calloc(1, sizeof(*t));
	if (!t)
		return error_set(err, -ENOMEM, "no memory for request %d", request->id);
	t->sink.fd = -1;
	t->answer.retry_after_s = -1;
	r = transfer_take(t, request, err);
	if (r) {
		transfer_free(t);
		return r;
	}
	transfers[slot] = t;
	t->progress_ms = now_ms();
	t->easy = curl_easy_init();
	if (!t->easy || transfer_set(t) || curl_multi_add_handle(multi, t->easy))
		transfer_finish(t, CURLE_OUT_OF_MEMORY);
	return 0;
}

void transfer_cancel(int id)
{
	for (int i = 0; i < LINK_TRANSFERS_MAX; i++)
		if (transfers[i] && transfers[i]->request.id == id)
			transfer_free(transfers[i]);
}

/* Goes on with a transfer whose pipe was full. */
static void transfer_resume(struct transfer *t)
{
	int r;

	if (!sink_full(&t->sink))
		return;
	r = sink_flush(&t->sink);
	if (r && !t->failure)
		t->failure = r == -EPIPE ? "the reader of the answer is gone" :
					   "the answer could not be written";
	if (r && t->finished)
		transfer_fail(t, CURLE_WRITE_ERROR);
	if (!sink_full(&t->sink) && !t->finished)
		curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

int transfers_run(void)
{
	struct CURLMsg *message;
	int running, left, r;

	for (int i = 0; i < LINK_TRANSFERS_MAX; i++)
		if (transfers[i])
			transfer_resume(transfers[i]);
	curl_multi_perform(multi, &running);
	while ((message = curl_multi_info_read(multi, &left))) {
		struct transfer *t;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		transfer_finish(t, message->data.result);
	}
	answers_wait = false;
	for (int i = 0; i < LINK_TRANSFERS_MAX; i++) {
		if (!transfers[i] || !transfers[i]->finished)
			continue;
		r = transfer_answer(transfers[i]);
		if (r)
			return r;
	}
	return 0;
}

int transfers_wait(int control)
{
	static int64_t busy_ms;
	static bool released;
	struct curl_waitfd fds[1 + LINK_TRANSFERS_MAX] = {
		{ .fd = control, .events = CURL_WAIT_POLLIN | (answers_wait ? CURL_WAIT_POLLOUT : 0) },
	};
	unsigned int n = 1;
	int ready;

	for (int i = 0; i < LINK_TRANSFERS_MAX; i++)
		if (transfers[i] && sink_full(&transfers[i]->sink))
			fds[n++] = (struct curl_waitfd){ .fd = transfers[i]->sink.fd,
							 .events = CURL_WAIT_POLLOUT };
	if (curl_multi_poll(multi, fds, n, released ? INT_MAX : IDLE_MS, &ready))
		return -EIO;
	/* A transfer that waits for the other side, as for news, is idle as well. */
	if (ready) {
		busy_ms = now_ms();
		released = false;
	} else if (!released && now_ms() - busy_ms >= IDLE_MS) {
		pages_release();
		released = true;
	}
	return 0;
}
