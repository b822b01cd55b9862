/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both ends of the link agree on (docs/protocol.md, "Link"). The messages
 * themselves are JSON objects, one a packet.
 */
#ifndef SUPERVISORD_LINK_PROTOCOL_H
#define SUPERVISORD_LINK_PROTOCOL_H

#include "supervisord/program.h"

/* The descriptor that faultline-link inherits. */
#define LINK_FD PROGRAM_FD

/* A message, in bytes. */
#define LINK_MESSAGE_MAX 8192

/* Transfers at once; one more is refused. */
#define LINK_TRANSFERS_MAX 16

#define LINK_URL_MAX 2048
#define LINK_HEADERS_MAX 16
#define LINK_ETAG_MAX 256
#define LINK_ERROR_MAX 512

/* A day; a server that asks for more gets this. */
#define LINK_RETRY_AFTER_MAX 86400

#endif /* SUPERVISORD_LINK_PROTOCOL_H */
