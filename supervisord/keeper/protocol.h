/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the supervisor and faultline-keeper: messages of SOCK_SEQPACKET, each
 * with at most KEEPER_FDS_MAX descriptors (SCM_RIGHTS).
 *
 * The keeper holds what a supervisor that dies would take with it: the open ends
 * of its applications' pipes, their pidfds, and words on what they belong to.
 */
#ifndef SUPERVISORD_KEEPER_PROTOCOL_H
#define SUPERVISORD_KEEPER_PROTOCOL_H

#include <stdint.h>

#include "supervisord/program.h"

#define KEEPER_NAME_MAX 64
#define KEEPER_DATA_MAX 65536
#define KEEPER_FDS_MAX 8
#define KEEPER_ITEMS_MAX 1024
/* The descriptor that the keeper is started with: its listening socket. */
#define KEEPER_FD PROGRAM_FD

/**
 * enum keeper_op - what a message is
 * @KEEPER_PUT: keep an item; of the item that has the name already the data are
 *	replaced, and its descriptors where the message has any
 * @KEEPER_DROP: forget the item of that name, if there is one
 * @KEEPER_LIST: answered with a KEEPER_PUT for each item, in the order in which
 *	they were kept first, and a KEEPER_END
 * @KEEPER_QUIT: forget everything and end
 * @KEEPER_END: the end of a list
 */
enum keeper_op {
	KEEPER_PUT = 1,
	KEEPER_DROP,
	KEEPER_LIST,
	KEEPER_QUIT,
	KEEPER_END,
};

/**
 * struct keeper_message - one message
 * @op: enum keeper_op
 * @size: bytes of @data
 * @name: of the item, ended by a zero byte
 */
struct keeper_message {
	uint32_t op;
	uint32_t size;
	char name[KEEPER_NAME_MAX];
	char data[];
};

#endif /* SUPERVISORD_KEEPER_PROTOCOL_H */
