// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/link.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/link/protocol.h"
#include "supervisord/program.h"
#include "supervisord/remote/link_process.h"

#define MAX_BYTES_DEFAULT (1 << 20)
#define BACKOFF_FIRST_S 0.1
#define BACKOFF_LAST_S 10.0
/* How much later than its timeout faultline-link may answer before it counts as hung. */
#define GUARD_S 10.0
/* How long it may take to end after it has closed its socket. */
#define GRACE_S 1.0

/**
 * struct slot - an open request
 * @id: 0 while the slot is free
 * @answer: memfd of the answer's body, -1 when the caller gave a sink
 * @message: what is still to be sent, NULL when it was
 * @fds: that go with @message; -1 after the last
 * @cancelled: the caller is not interested any more; free once @message is sent
 */
struct slot {
	struct link *link;
	int id;
	int answer;
	bool sink_given;
	bool cancelled;
	uint64_t max_bytes;
	char *message;
	int fds[2];
	link_done_fn done;
	link_progress_fn progress;
	void *user;
	ev_timer guard;
};

/**
 * struct link
 * @depth: callbacks of users under way; link_stop() frees once there is none
 */
struct link {
	struct ev_loop *loop;
	struct link_options options;
	char *program;
	char *user;
	char *ca;
	struct link_process process;
	struct slot slots[LINK_TRANSFERS_MAX];
	int last_id;
	ev_io socket;
	ev_io ended;
	ev_timer again;
	double backoff_s;
	ev_tstamp started;
	int depth;
	bool stopped;
};

static void link_free(struct link *link)
{
	free(link->program);
	free(link->user);
	free(link->ca);
	free(link);
}

/* Ends a section in which a user's callback may have stopped the link. */
static void link_leave(struct link *link)
{
	if (!--link->depth && link->stopped)
		link_free(link);
}

static void slot_clear(struct slot *slot)
{
	ev_timer_stop(slot->link->loop, &slot->guard);
	closep(&slot->answer);
	closep(&slot->fds[0]);
	closep(&slot->fds[1]);
	free(slot->message);
	slot->message = NULL;
	slot->answer = slot->fds[0] = slot->fds[1] = -1;
	slot->id = 0;
}

static struct slot *slot_find(struct link *link, int id)
{
	for (int i = 0; i < LINK_TRANSFERS_MAX; i++)
		if (link->slots[i].id == id)
			return &link->slots[i];
	return NULL;
}

/* The slot is free for another request when the user is told. */
static void slot_finish(struct slot *slot, struct link_answer *answer)
{
	char *body __cleanup_free = NULL;
	__cleanup_close int fd = steal_fd(&slot->answer);
	struct slot ended = *slot;
	struct error err = { };

	slot_clear(slot);
	if (ended.cancelled)
		return;
	if (answer->status && fd >= 0) {
		body = fd_read(fd, "an answer", ended.max_bytes, &answer->size, &err);
		answer->body = body;
		answer->received = answer->size;
		if (!body) {
			answer->status = 0;
			answer->error = err.text;
		}
	}
	ended.done(ended.user, answer);
}

static void link_fail_all(struct link *link)
{
	for (int i = 0; i < LINK_TRANSFERS_MAX; i++) {
		struct slot *slot = &link->slots[i];
		struct link_answer answer = {
			.retry_after_s = -1,
			.error = "the network process ended; it is being started again",
			.transient = true,
			.sink_lost = slot->sink_given,
		};

		if (slot->id && !link->stopped)
			slot_finish(slot, &answer);
	}
}

static bool status_passes(int status)
{
	return status == 408 || status == 425 || status == 429 || status == 500 ||
	       (status >= 502 && status <= 504);
}

/* One message of faultline-link; false when it is none. */
static bool link_take(struct link *link, json_t *message)
{
	struct link_answer answer = { };
	json_int_t id, status = -1, received, retry_after_s = -1;
	const char *etag = NULL, *error = NULL;
	int transient = 0;
	struct slot *slot;

	if (json_unpack(message, "{s:I, s:I, s?I, s?s, s?I, s?s, s?b!}", "id", &id, "received",
			&received, "status", &status, "etag", &etag, "retry_after_s",
			&retry_after_s, "error", &error, "transient", &transient))
		return false;
	if (id < 1 || id > INT_MAX || received < 0 || status > 599 || status < -1 ||
	    (status > 0 && status < 100) || (status == 0) != !!error ||
	    retry_after_s < -1 || retry_after_s > LINK_RETRY_AFTER_MAX)
		return false;
	slot = slot_find(link, id);
	if (!slot)
		return true;
	if (status == -1) {
		if (slot->progress && !slot->cancelled)
			slot->progress(slot->user, received);
		return true;
	}
	answer.status = status;
	answer.received = received;
	answer.retry_after_s = retry_after_s;
	answer.etag = etag;
	answer.error = error;
	answer.transient = status ? status_passes(status) : transient;
	slot_finish(slot, &answer);
	return true;
}

/* Takes all that has come; -EPIPE at the end, -EPROTO when it is nonsense. */
static int link_read(struct link *link)
{
	while (!link->stopped) {
		char data[LINK_MESSAGE_MAX];
		json_auto_t *message = NULL;
		ssize_t n = recv(link->process.socket, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -EPIPE;
		if ((size_t)n <= sizeof(data))
			message = json_loadb(data, n, JSON_REJECT_DUPLICATES, NULL);
		if (!message || !link_take(link, message))
			return -EPROTO;
	}
	return 0;
}

static int slot_send(struct slot *slot)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { };
	struct iovec iov = { .iov_base = slot->message, .iov_len = strlen(slot->message) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t n = slot->fds[0] < 0 ? 0 : slot->fds[1] < 0 ? 1 : 2;

	if (n) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.head = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(n * sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.head), slot->fds, n * sizeof(int));
	}
	if (sendmsg(slot->link->process.socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	closep(&slot->fds[0]);
	closep(&slot->fds[1]);
	slot->fds[0] = slot->fds[1] = -1;
	free(slot->message);
	slot->message = NULL;
	return 0;
}

/* Sends what there is; asks for the socket's readiness when it is full. */
static void link_write(struct link *link)
{
	int events = EV_READ;

	for (int i = 0; i < LINK_TRANSFERS_MAX && events == EV_READ; i++) {
		struct slot *slot = &link->slots[i];

		if (!slot->id || !slot->message)
			continue;
		/* An error but a full socket shows in reading too, which deals with it. */
		if (slot_send(slot))
			events |= EV_WRITE;
		else if (slot->cancelled)
			slot_clear(slot);
	}
	if (link->socket.events == events)
		return;
	ev_io_stop(link->loop, &link->socket);
	ev_io_set(&link->socket, link->process.socket, events);
	ev_io_start(link->loop, &link->socket);
}

static void link_on_socket(struct ev_loop *loop, ev_io *w, int revents)
{
	struct link *link = w->data;
	int r = 0;

	link->depth++;
	if (revents & EV_READ)
		r = link_read(link);
	if (!link->stopped && r) {
		/* Its end comes by the other descriptor, and tells why. */
		ev_io_stop(loop, &link->socket);
		ev_timer_set(&link->again, GRACE_S, 0);
		ev_timer_start(loop, &link->again);
		if (r == -EPROTO) {
			log_error("faultline-link sent what is not a message: it is started anew");
			link_process_kill(&link->process);
		}
	} else if (!link->stopped) {
		link_write(link);
	}
	link_leave(link);
}

static int link_spawn(struct link *link, struct error *err)
{
	int r = link_process_start(&link->process, &link->options, err);

	if (r)
		return r;
	link->started = ev_now(link->loop);
	ev_io_set(&link->socket, link->process.socket, EV_READ);
	ev_io_set(&link->ended, link->process.pidfd, EV_READ);
	ev_io_start(link->loop, &link->socket);
	ev_io_start(link->loop, &link->ended);
	return 0;
}

static void link_start_later(struct link *link)
{
	ev_timer_set(&link->again, link->backoff_s, 0);
	ev_timer_start(link->loop, &link->again);
	link->backoff_s = link->backoff_s * 2 < BACKOFF_LAST_S ? link->backoff_s * 2 : BACKOFF_LAST_S;
}

static void link_on_ended(struct ev_loop *loop, ev_io *w, int revents)
{
	struct link *link = w->data;
	bool reading = ev_is_active(&link->socket);

	link->depth++;
	ev_io_stop(loop, &link->ended);
	ev_io_stop(loop, &link->socket);
	ev_timer_stop(loop, &link->again);
	/* What it answered before it ended counts. */
	if (reading)
		link_read(link);
	if (!link->stopped) {
		if (ev_now(loop) - link->started > BACKOFF_LAST_S)
			link->backoff_s = BACKOFF_FIRST_S;
		log_error("faultline-link ended with %s: started again in %.1f s",
			  link_process_end(&link->process), link->backoff_s);
		link_start_later(link);
		link_fail_all(link);
	}
	link_leave(link);
}

/* The back-off is over; or, while it still runs, the time to end after it had hung up. */
static void link_on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct link *link = w->data;
	struct error err = { };

	if (link->process.pidfd >= 0) {
		link_process_kill(&link->process);
		return;
	}
	if (!link_spawn(link, &err))
		return;
	log_error("%s; tried again in %.1f s", err.text, link->backoff_s);
	link_start_later(link);
}

static void link_on_guard(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct slot *slot = w->data;

	log_error("faultline-link is long past the end of request %d: it is started anew", slot->id);
	link_process_kill(&slot->link->process);
}

static int link_options_copy(struct link *link, const struct link_options *options)
{
	char program[PATH_MAX];

	if (options->program || program_beside("faultline-link", program))
		snprintf(program, sizeof(program), "%s", options->program ? options->program : "faultline-link");
	link->options = *options;
	link->program = strdup(program);
	link->user = options->user ? strdup(options->user) : NULL;
	link->ca = options->ca ? strdup(options->ca) : NULL;
	link->options.program = link->program;
	link->options.user = link->user;
	link->options.ca = link->ca;
	return link->program && !options->user == !link->user && !options->ca == !link->ca ?
		0 : -ENOMEM;
}

struct link *link_start(struct ev_loop *loop, const struct link_options *options,
			struct error *err)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link || link_options_copy(link, options)) {
		error_set(err, -ENOMEM, "no memory for the link");
		if (link)
			link_free(link);
		return NULL;
	}
	link->loop = loop;
	link->backoff_s = BACKOFF_FIRST_S;
	ev_init(&link->socket, link_on_socket);
	ev_init(&link->ended, link_on_ended);
	ev_init(&link->again, link_on_again);
	link->socket.data = link->ended.data = link->again.data = link;
	for (int i = 0; i < LINK_TRANSFERS_MAX; i++) {
		struct slot *slot = &link->slots[i];

		slot->link = link;
		slot->answer = slot->fds[0] = slot->fds[1] = -1;
		ev_init(&slot->guard, link_on_guard);
		slot->guard.data = slot;
	}
	if (link_spawn(link, err)) {
		link_free(link);
		return NULL;
	}
	return link;
}

void link_stop(struct link *link)
{
	if (!link || link->stopped)
		return;
	for (int i = 0; i < LINK_TRANSFERS_MAX; i++)
		slot_clear(&link->slots[i]);
	ev_io_stop(link->loop, &link->socket);
	ev_io_stop(link->loop, &link->ended);
	ev_timer_stop(link->loop, &link->again);
	if (link->process.pidfd >= 0)
		link_process_end(&link->process);
	link->stopped = true;
	if (!link->depth)
		link_free(link);
}

static json_t *headers_pack(const struct link_header *headers)
{
	json_t *object = json_object();

	for (; headers && headers->name && object; headers++)
		if (json_object_set_new(object, headers->name, json_string(headers->value))) {
			json_decref(object);
			return NULL;
		}
	return object;
}

/* The message of a request; to be freed. */
static char *request_pack(const struct link_request *request, int id, uint64_t max_bytes)
{
	json_auto_t *message = json_pack("{s:i, s:s, s:s, s:o, s:I, s:I, s:b, s:I}", "id", id,
					 "method", request->method, "url", request->url,
					 "headers", headers_pack(request->headers),
					 "timeout_ms", (json_int_t)request->timeout_ms,
					 "max_bytes", (json_int_t)max_bytes,
					 "body", !!request->body,
					 "offset", (json_int_t)request->offset);

	return message ? json_dumps(message, JSON_COMPACT) : NULL;
}

/* A memfd with these bytes that nobody can change any more. */
static int body_make(const void *data, size_t size)
{
	__cleanup_close int fd = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < size;) {
		ssize_t n = pwrite(fd, (const char *)data + done, size - done, done);

		if (n < 0)
			return -errno;
		done += n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return -errno;
	return steal_fd(&fd);
}

/* Gathers what is passed with the message: the body, then the sink. */
static int slot_descriptors(struct slot *slot, const struct link_request *request, int *sink)
{
	int n = 0;

	if (request->body) {
		int fd = body_make(request->body, request->body_size);

		if (fd < 0)
			return fd;
		slot->fds[n++] = fd;
	}
	slot->sink_given = *sink >= 0;
	if (!slot->sink_given) {
		slot->answer = memfd_create("answer", MFD_CLOEXEC);
		*sink = slot->answer < 0 ? -1 : fcntl(slot->answer, F_DUPFD_CLOEXEC, 0);
		if (*sink < 0)
			return -errno;
	}
	slot->fds[n] = steal_fd(sink);
	return 0;
}

static int request_check(const struct link_request *request, struct error *err)
{
	size_t n = 0;

	while (request->headers && request->headers[n].name)
		n++;
	if (strlen(request->url) > LINK_URL_MAX)
		return error_set(err, -EMSGSIZE, "the address is longer than %d bytes", LINK_URL_MAX);
	if (n > LINK_HEADERS_MAX)
		return error_set(err, -EMSGSIZE, "more than %d headers", LINK_HEADERS_MAX);
	if (request->max_bytes > INT64_MAX || request->offset > INT64_MAX)
		return error_set(err, -EINVAL, "a size over 2^63");
	for (size_t i = 0; i < n; i++)
		if (strpbrk(request->headers[i].name, "\r\n: ") ||
		    strpbrk(request->headers[i].value, "\r\n"))
			return error_set(err, -EINVAL, "header %zu holds a line break", i);
	return 0;
}

static int slot_id(struct link *link)
{
	do {
		link->last_id = link->last_id == INT_MAX ? 1 : link->last_id + 1;
	} while (slot_find(link, link->last_id));
	return link->last_id;
}

int link_request(struct link *link, const struct link_request *request, link_done_fn done,
		 link_progress_fn progress, void *user, struct error *err)
{
	__cleanup_close int sink = request->sink;
	struct slot *slot;
	int r = request_check(request, err);

	if (r)
		return r;
	if (link->stopped || !ev_is_active(&link->socket))
		return error_set(err, -EAGAIN, "the network process is being started again");
	slot = slot_find(link, 0);
	if (!slot)
		return error_set(err, -EBUSY, "%d requests to the center are open already",
				 LINK_TRANSFERS_MAX);
	slot->max_bytes = request->max_bytes ? request->max_bytes : MAX_BYTES_DEFAULT;
	slot->done = done;
	slot->progress = progress;
	slot->user = user;
	slot->cancelled = false;
	slot->id = slot_id(link);
	r = slot_descriptors(slot, request, &sink);
	if (!r)
		slot->message = request_pack(request, slot->id, slot->max_bytes);
	if (r || !slot->message || strlen(slot->message) > LINK_MESSAGE_MAX) {
		r = r ? r : slot->message ? -EMSGSIZE : -ENOMEM;
		slot_clear(slot);
		return error_set(err, r, "the request to %s cannot be made: %s", request->url,
				 strerror(-r));
	}
	if (request->timeout_ms) {
		ev_timer_set(&slot->guard, request->timeout_ms / 1000.0 + GUARD_S, 0);
		ev_timer_start(link->loop, &slot->guard);
	}
	link_write(link);
	return slot->id;
}

void link_cancel(struct link *link, int id)
{
	struct slot *slot = id > 0 ? slot_find(link, id) : NULL;

	if (!slot || slot->cancelled)
		return;
	if (slot->message || !ev_is_active(&link->socket)) {
		slot_clear(slot);
		return;
	}
	slot->cancelled = true;
	ev_timer_stop(link->loop, &slot->guard);
	if (asprintf(&slot->message, "{\"cancel\":%d}", id) < 0)
		slot->message = NULL;
	link_write(link);
}
