/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The supervisor's side of faultline-keeper: what is put there is there for the
 * next supervisor, should this one die. One that ends well tells it to quit.
 */
#ifndef SUPERVISORD_RUNTIME_KEEPER_H
#define SUPERVISORD_RUNTIME_KEEPER_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"

struct keeper;

/**
 * typedef keeper_item_fn - something that was kept
 * @data: borrowed
 * @fds: @n of them, in the order of keeper_put(); set to -1 what is taken over
 */
typedef void (*keeper_item_fn)(void *user, const char *name, json_t *data, int *fds, int n);

/**
 * keeper_open - find the keeper of this gateway, or start it
 * @folder: of the gateway's sockets
 *
 * Return: freed with keeper_close(); NULL with @err set: applications end with
 * this supervisor then.
 */
struct keeper *keeper_open(const char *folder, struct error *err);

/** keeper_find - the one that a supervisor which died has left; NULL where none answers, and its socket is removed */
struct keeper *keeper_find(const char *folder);

/** keeper_found - was it there already: has a supervisor before this one died? */
bool keeper_found(const struct keeper *keeper);

/** keeper_pid - its process, where this supervisor has started it, else 0 */
pid_t keeper_pid(const struct keeper *keeper);

/** keeper_close - @quit: nothing is to be kept, and the keeper ends */
void keeper_close(struct keeper *keeper, bool quit);

/**
 * keeper_put - keep @data, and @n descriptors, which stay the caller's
 * @keeper: NULL: nothing is kept
 * @data: consumed
 *
 * With @n 0 the descriptors that are kept under this name stay. A keeper that
 * fails is logged, once: the supervisor goes on without.
 */
void keeper_put(struct keeper *keeper, const char *name, json_t *data, const int *fds, int n);

/** keeper_drop - what was kept under this name need not be kept any longer */
void keeper_drop(struct keeper *keeper, const char *name);

/** keeper_list - hand all that is kept to @fn, in the order in which it came; 0 or negative errno */
int keeper_list(struct keeper *keeper, keeper_item_fn fn, void *user);

#endif /* SUPERVISORD_RUNTIME_KEEPER_H */
