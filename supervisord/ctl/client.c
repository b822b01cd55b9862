// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/jsonrpc.h"
#include "supervisord/ctl/ctl.h"

struct client {
	struct ev_loop *loop;
	ctl_notification_fn notification;
	void *user;
	json_t **result;
	bool quiet;
	int status;
};

static void client_request(struct jsonrpc_peer *peer, const char *method, json_t *params,
			   json_t *id, void *user)
{
	struct client *client = user;

	if (!id && client->notification)
		client->notification(client->user, method, params);
}

static void client_closed(struct jsonrpc_peer *peer, int code, void *user)
{
	struct client *client = user;

	ev_break(client->loop, EVBREAK_ALL);
}

static void client_answered(void *user, int code, json_t *result, json_t *error)
{
	struct client *client = user;

	if (code && !client->quiet)
		fputs("faultctl: the gateway went away before it answered; its log says why\n",
		      stderr);
	if (error && !client->quiet)
		fprintf(stderr, "faultctl: %s\n",
			json_string_value(json_object_get(error, "message")));
	client->status = code ? CTL_UNREACHABLE : error ? CTL_FAILED : CTL_OK;
	if (client->status == CTL_OK)
		*client->result = json_incref(result);
	ev_break(client->loop, EVBREAK_ALL);
}

static int gateway_connect(const char *path, bool quiet)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
		fprintf(stderr, "faultctl: %s: not the path of a socket\n", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	strcpy(address.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	if (quiet)
		;
	else if (errno == EACCES)
		fprintf(stderr, "faultctl: %s: no permission; be root or in the group faultline\n",
			path);
	else
		fprintf(stderr, "faultctl: the gateway does not answer at %s (%m); is faultlined running?\n",
			path);
	close(fd);
	return -1;
}

int ctl_ask(const struct ctl_options *options, const char *method, json_t *params,
	    ctl_notification_fn notification, void *user, json_t **result)
{
	static const struct jsonrpc_handler handler = {
		.request = client_request,
		.closed = client_closed,
	};
	struct client client = {
		.loop = EV_DEFAULT,
		.notification = notification,
		.user = user,
		.result = result,
		.quiet = options->quiet,
		.status = CTL_UNREACHABLE,
	};
	int fd = gateway_connect(options->socket, options->quiet);
	struct jsonrpc_peer *peer;

	if (fd < 0) {
		json_decref(params);
		return CTL_UNREACHABLE;
	}
	peer = jsonrpc_new(client.loop, fd, fd, &handler, &client);
	jsonrpc_take_long(peer);
	if (!jsonrpc_call(peer, method, params, 0, client_answered, &client))
		ev_run(client.loop, 0);
	jsonrpc_free(peer);
	return client.status;
}

int ctl_show_result(const struct ctl_options *options, json_t *result, ctl_print_fn print)
{
	json_auto_t *clean = options->json ? NULL : ctl_clean(result);

	if (options->json)
		ctl_print_json(result);
	else
		print(clean);
	json_decref(result);
	return CTL_OK;
}

int ctl_show(const struct ctl_options *options, const char *method, json_t *params, ctl_print_fn print)
{
	json_t *result = NULL;
	int status = ctl_ask(options, method, params, NULL, NULL, &result);

	return status ? status : ctl_show_result(options, result, print);
}
