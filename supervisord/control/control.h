/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line's socket (docs/protocol.md, "Control"). */
#ifndef SUPERVISORD_CONTROL_H
#define SUPERVISORD_CONTROL_H

#include "lib/error.h"
#include "lib/jsonrpc.h"
#include "supervisord/gateway.h"

#define CONTROL_SOCKET "control.sock"

int control_open(struct gateway *gateway, struct error *err);
void control_close(struct gateway *gateway);

/** control_vacate - remove a socket in the folder that nobody answers at; -EADDRINUSE where somebody does */
int control_vacate(const char *folder, struct error *err);

struct control_client;

/**
 * struct control_method - a method of the socket
 * @answer: answers @id now, or later by control_run()
 */
struct control_method {
	const char *name;
	void (*answer)(struct control_client *client, json_t *id, const json_t *params);
};

/** control_methods - all of them, ended by a NULL name (methods.c) */
extern const struct control_method control_methods[];

/** struct control_client - a connection of the command line */
struct control_client {
	struct control_client *next;
	struct gateway *gateway;
	struct jsonrpc_peer *peer;
	struct run *run;	/* the one that it follows, or NULL */
	struct dry_run *dry_run;	/* likewise */
	json_t *run_id;		/* of the request that began either */
	struct logs_follower *follower;	/* of the log that it follows, or NULL */
};

#endif /* SUPERVISORD_CONTROL_H */
