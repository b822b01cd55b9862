/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Room that the store has taken on the disk beforehand. What is said of faults and the database has no room for
 * (store_redo.h) is written into it, so that it outlives a supervisor that dies before there is room.
 *
 * One file of a fixed size beside the database: statements, each behind a head with its checksum; a head of zeros ends them.
 * Each checksum goes on from the one before, so that what an earlier filling has left behind a cut belongs to nothing.
 */
#ifndef SUPERVISORD_STORE_RESERVE_H
#define SUPERVISORD_STORE_RESERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "supervisord/reliability/store_redo.h"

/* Some ten faults with their data. */
#define STORE_RESERVE_BYTES (256 << 10)

/**
 * struct store_reserve - the file
 * @fd: -1: there is none, and nothing is kept
 * @boot: of the machine, of which @number is the highest number of a fault that was found
 * @used: bytes of statements
 * @last: checksum of the last one; 0: there is none
 * @kept: how many statements of the redo are in it
 */
struct store_reserve {
	int fd;
	const char *boot;
	int64_t number;
	size_t used;
	uint32_t last;
	size_t kept;
};

/**
 * store_reserve_open - take the room where it is not taken yet, and put what is kept there into @redo
 * @boot: borrowed until store_reserve_close()
 *
 * Return: 0 or negative errno, @err says why; then nothing is kept.
 */
int store_reserve_open(struct store_reserve *reserve, const char *path, const char *boot,
		       struct store_redo *redo, struct error *err);

/**
 * store_reserve_keep - write what is new in @redo, and wait until the disk has it
 * @number: the highest number of a fault by now
 *
 * Return: 0, -ENOSPC when its room is used up, others; what came before is kept then.
 */
int store_reserve_keep(struct store_reserve *reserve, const struct store_redo *redo, int64_t number);

/** store_reserve_clear - the database has it all, on the disk; 0 or negative errno */
int store_reserve_clear(struct store_reserve *reserve);

void store_reserve_close(struct store_reserve *reserve);

#endif /* SUPERVISORD_STORE_RESERVE_H */
