/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_CAPTURE_H
#define _FL_CAPTURE_H

#include <linux/list.h>
#include <linux/faultline.h>

#include "block.h"

struct fl_candidate;

/* Bytes that a capture takes in a record, at most; other blocks may come behind it. */
#define FL_CAPTURE_MAX \
	(FAULTLINE_RECORD_MAX - sizeof(struct faultline_record) - FL_BLOCKS_ROOM)

/**
 * struct fl_capture - a buffer of the pool, and the capture in it
 * @node: in the pool, or in fl_process::captures until its signal is delivered
 * @tid: the thread that it was taken from
 * @ip: where that thread was, to tell a capture that a debugger made stale
 * @sp: its stack pointer, likewise
 * @room: bytes that there are for @data
 * @size: bytes of @data that are used, a multiple of 8
 * @maps: mappings are behind the stack
 * @blocks: blocks are behind both
 * @data: what goes out with the record
 */
struct fl_capture {
	struct list_head node;
	pid_t tid;
	unsigned long ip;
	unsigned long sp;
	u32 room;
	u32 size;
	bool maps;
	bool blocks;
	struct faultline_capture data;
};

/**
 * fl_capture_init() - a pool of @count captures
 *
 * Most captures are a few KB; of the buffers that hold the largest there is one
 * for every eight.
 */
int fl_capture_init(unsigned int count);
void fl_capture_exit(void);

/**
 * fl_capture_take() - what a thread itself has: registers, the top of its user
 *	stack, the system call in which it is
 *
 * Never sleeps, so it may be called wherever the thread's mm is in place: a
 * page of the stack that is not in memory ends the copy early.
 *
 * Return: a capture, to be given back with fl_capture_put(), or NULL where no
 * buffer is free.
 */
struct fl_capture *fl_capture_take(void);

/**
 * fl_capture_take_whole() - and what the process has: mappings, what was at the
 *	fault address, the other threads
 * @candidate: what brings the end about; NULL where that is not known
 *
 * In the context of a task work. Does not wait for a page nor for the mappings.
 */
struct fl_capture *fl_capture_take_whole(const struct fl_candidate *candidate);
void fl_capture_put(struct fl_capture *capture);

/**
 * fl_capture_block() - room for a block behind what the capture has
 * @type: enum faultline_block_type
 * @size: of the whole block, a multiple of 8
 *
 * Return: the block, zeroed but for its header; NULL where there is no room.
 */
void *fl_capture_block(struct fl_capture *capture, u16 type, u32 size);

/* The last block is smaller than it was asked for. */
void fl_capture_trim(struct fl_capture *capture, struct faultline_block *block, u32 size);

/* Bytes for another block. */
u32 fl_capture_room(const struct fl_capture *capture);

/* The capture shows the current thread where it is now. */
bool fl_capture_fits(const struct fl_capture *capture);

/* A record went out without a capture because no buffer was free. */
void fl_capture_miss(void);
void fl_capture_counts(u64 *taken, u64 *missed);

#endif /* _FL_CAPTURE_H */
