/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket that the server listens on. */
#ifndef CENTER_HTTP_LISTENER_H
#define CENTER_HTTP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

/**
 * listener_open - listen
 * @where: "ADDRESS:PORT", numeric; an IPv6 address in brackets; port 0: one that is free
 * @name: where it listens, in the same form, with the port that it got
 *
 * Return: a descriptor, or a negative errno with @err set.
 */
int listener_open(const char *where, char *name, size_t size, struct error *err);

/** listener_local - only this machine can reach it */
bool listener_local(int fd);

#endif /* CENTER_HTTP_LISTENER_H */
