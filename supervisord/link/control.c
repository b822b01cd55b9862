// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/link/control.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "supervisord/link/protocol.h"

#define FDS_MAX 2

void control_request_clear(struct control_request *request)
{
	free(request->method);
	free(request->url);
	curl_slist_free_all(request->headers);
	closep(&request->body);
	closep(&request->sink);
	*request = (struct control_request){ .body = -1, .sink = -1 };
}

/* Takes a packet and the descriptors that came with it. */
static ssize_t control_read(char *data, size_t size, int *fds, int *n_fds, bool *cut)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	do {
		n = recvmsg(LINK_FD, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *n_fds * sizeof(int));
	}
	*cut = message.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	return n;
}

/* A field name (RFC 9110, 5.6.2) and a value that cannot end its line. */
static bool header_valid(const char *name, const char *value)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return *name && !name[strspn(name, token)] && *value && !strpbrk(value, "\r\n");
}

static int control_headers(struct control_request *request, json_t *headers)
{
	const char *name;
	json_t *value;

	if (!json_is_object(headers) || json_object_size(headers) > LINK_HEADERS_MAX)
		return -EPROTO;
	json_object_foreach(headers, name, value) {
		const char *text = json_string_value(value);
		struct curl_slist *grown;
		char line[LINK_MESSAGE_MAX];

		if (!text || !header_valid(name, text))
			return -EPROTO;
		snprintf(line, sizeof(line), "%s: %s", name, text);
		grown = curl_slist_append(request->headers, line);
		if (!grown)
			return -ENOMEM;
		request->headers = grown;
	}
	return 0;
}

static bool method_valid(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "POST") || !strcmp(method, "PUT");
}

/* Fills in all but the descriptors; *body says whether there is one. */
static int control_parse(struct control_request *request, json_t *message, int *body)
{
	const char *method, *url;
	json_t *headers = NULL;
	json_int_t id, timeout_ms = 0, max_bytes, offset = 0;

	if (json_object_get(message, "cancel")) {
		if (json_unpack(message, "{s:I!}", "cancel", &id))
			return -EPROTO;
		request->cancel = true;
	} else if (json_unpack(message, "{s:I, s:s, s:s, s?o, s?I, s:I, s?b, s?I!}", "id", &id,
			       "method", &method, "url", &url, "headers", &headers,
			       "timeout_ms", &timeout_ms, "max_bytes", &max_bytes,
			       "body", body, "offset", &offset)) {
		return -EPROTO;
	}
	if (id < 1 || id > INT_MAX)
		return -EPROTO;
	request->id = id;
	if (request->cancel)
		return 0;
	if (!method_valid(method) || strlen(url) > LINK_URL_MAX || timeout_ms < 0 ||
	    timeout_ms > INT_MAX || max_bytes < 0 || offset < 0)
		return -EPROTO;
	request->method = strdup(method);
	request->url = strdup(url);
	if (!request->method || !request->url)
		return -ENOMEM;
	request->timeout_ms = timeout_ms;
	request->max_bytes = max_bytes;
	request->offset = offset;
	return headers ? control_headers(request, headers) : 0;
}

int control_receive(struct control_request *request, struct error *err)
{
	json_auto_t *message = NULL;
	char data[LINK_MESSAGE_MAX];
	int fds[FDS_MAX] = { -1, -1 };
	int n_fds = 0, body = 0, r = -EPROTO;
	bool cut = false;
	ssize_t n;

	*request = (struct control_request){ .body = -1, .sink = -1 };
	n = control_read(data, sizeof(data), fds, &n_fds, &cut);
	if (n == -EAGAIN)
		return 0;
	if (n == 0 || n == -ECONNRESET)
		return -EPIPE;
	if (n > 0 && !cut)
		message = json_loadb(data, n, JSON_REJECT_DUPLICATES, NULL);
	if (message)
		r = control_parse(request, message, &body);
	if (!r && n_fds == (request->cancel ? 0 : 1 + !!body)) {
		request->sink = request->cancel ? -1 : fds[n_fds - 1];
		request->body = body ? fds[0] : -1;
		return 1;
	}
	closep(&fds[0]);
	closep(&fds[1]);
	control_request_clear(request);
	return error_set(err, -EPROTO, "a message of %zd bytes with %d descriptors is not a request: "
			 "are faultlined and faultline-link of one version?", n, n_fds);
}

static int control_send(json_t *message)
{
	char data[LINK_MESSAGE_MAX];
	size_t size;

	if (!message)
		return -ENOMEM;
	size = json_dumpb(message, data, sizeof(data), JSON_COMPACT);
	if (!size || size > sizeof(data))
		return -EMSGSIZE;
	if (send(LINK_FD, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == EAGAIN ? -EAGAIN : -EPIPE;
	return 0;
}

int control_answer(const struct control_answer *answer)
{
	json_auto_t *message =
		json_pack("{s:i, s:I, s:I}", "id", answer->id, "status",
			  (json_int_t)answer->status, "received", (json_int_t)answer->received);

	if (!message)
		return -ENOMEM;
	if (!answer->status) {
		json_object_set_new(message, "error", json_string(answer->error));
		json_object_set_new(message, "transient", json_boolean(answer->transient));
	}
	if (answer->etag[0])
		json_object_set_new(message, "etag", json_string(answer->etag));
	if (answer->retry_after_s >= 0)
		json_object_set_new(message, "retry_after_s", json_integer(answer->retry_after_s));
	return control_send(message);
}

void control_progress(int id, uint64_t received)
{
	json_auto_t *message =
		json_pack("{s:i, s:I}", "id", id, "received", (json_int_t)received);

	control_send(message);
}
