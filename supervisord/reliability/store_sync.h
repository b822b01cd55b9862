/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Durability of the store beside the event loop. A commit writes into the page
 * cache; a thread has the write-ahead log written to the disk, and what gathers
 * while it waits for the disk is written by its next turn. It also moves the log
 * into the database (a checkpoint) before the log grows long.
 */
#ifndef SUPERVISORD_STORE_SYNC_H
#define SUPERVISORD_STORE_SYNC_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct store_sync;

/**
 * typedef store_synced_fn - in the loop: all up to @ticket is durable
 * @error: 0, or a negative errno: what is not durable is committed none the less
 */
typedef void (*store_synced_fn)(void *user, uint64_t ticket, int error);

/**
 * store_sync_start - start the thread
 * @path: of the database, which is open
 * @synced: may be NULL
 *
 * Return: stopped with store_sync_stop(); NULL with @err set.
 */
struct store_sync *store_sync_start(struct ev_loop *loop, const char *path,
				    store_synced_fn synced, void *user, struct error *err);
void store_sync_stop(struct store_sync *sync);

/** store_sync_ask - have what is committed now written to the disk; @pages: so many has the log */
uint64_t store_sync_ask(struct store_sync *sync, int pages);

/** store_sync_now - likewise, and wait for it; 0 or negative errno */
int store_sync_now(struct store_sync *sync);

#endif /* SUPERVISORD_STORE_SYNC_H */
