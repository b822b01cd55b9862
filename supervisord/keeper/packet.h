/* SPDX-License-Identifier: GPL-2.0-only */
/* A message with its descriptors, as both sides of the keeper's socket send and take it. */
#ifndef SUPERVISORD_KEEPER_PACKET_H
#define SUPERVISORD_KEEPER_PACKET_H

#include <stddef.h>

#include "supervisord/keeper/protocol.h"

/**
 * struct packet - a message that came
 * @fds: the caller's, each -1 once it was handed on
 */
struct packet {
	int n_fds;
	int fds[KEEPER_FDS_MAX];
	struct keeper_message message;
	char data[KEEPER_DATA_MAX + 1];
};

/**
 * packet_send - send a message
 * @data: may be NULL with @size 0; @fds stay the caller's
 *
 * Return: 0, or a negative errno.
 */
int packet_send(int socket, enum keeper_op op, const char *name, const void *data, size_t size,
		const int *fds, int n_fds);

/**
 * packet_receive - take a message; a zero byte follows its data
 *
 * Return: 1; 0 at the end of the connection; -EPROTO for what is no message, or
 * another negative errno: @packet has no descriptors then.
 */
int packet_receive(int socket, struct packet *packet);

/** packet_close - close the descriptors that were not handed on */
void packet_close(struct packet *packet);

#endif /* SUPERVISORD_KEEPER_PACKET_H */
