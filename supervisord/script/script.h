/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A script (12) on its way from the center: fetched, its signature checked where the
 * gateway has a key, and interpreted (333).
 */
#ifndef SUPERVISORD_SCRIPT_H
#define SUPERVISORD_SCRIPT_H

#include "lib/script/program.h"
#include "supervisord/gateway.h"

struct script_fetch;

/**
 * typedef script_done_fn - it is here
 * @program: the receiver's; NULL with @err set
 * @text: what it was made of, @size bytes; borrowed
 */
typedef void (*script_done_fn)(void *user, struct program *program, const char *text, size_t size,
			       const struct error *err);

/**
 * script_fetch - fetch the script of a service
 *
 * Return: valid until @done, which is not called before this returns; NULL with @err set.
 */
struct script_fetch *script_fetch(struct gateway *gateway, const char *service,
				  struct definition *definition, script_done_fn done,
				  void *user, struct error *err);

/** script_forget - nobody waits for it any longer: it is freed */
void script_forget(struct script_fetch *fetch);

#endif /* SUPERVISORD_SCRIPT_H */
