/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_CAPTURE_H
#define _FL_CAPTURE_H

#include <linux/list.h>
#include <linux/faultline.h>

/**
 * struct fl_capture - a buffer of the pool, and the capture in it
 * @node: in the pool, or in fl_process::captures until its signal is delivered
 * @tid: the thread that it was taken from
 * @ip: where that thread was, to tell a capture that a debugger made stale
 * @maps_len: bytes of the list of mappings; 0 where there is none
 * @data: what goes out with the record, and after the room for the stack the
 *	list of mappings
 */
struct fl_capture {
	struct list_head node;
	pid_t tid;
	unsigned long ip;
	u32 maps_len;
	struct faultline_capture data;
};

/* Bytes that a capture takes in a record, and at most. */
static inline size_t fl_capture_size(const struct fl_capture *capture)
{
	return sizeof(capture->data) + ALIGN(capture->data.stack_len, 8) + capture->maps_len;
}

#define FL_CAPTURE_SIZE_MAX \
	(sizeof(struct faultline_capture) + FAULTLINE_STACK_MAX + FAULTLINE_MAPS_MAX)

/* Copy it to @to, fl_capture_size() bytes. */
void fl_capture_copy(void *to, const struct fl_capture *capture);

int fl_capture_init(unsigned int count);
void fl_capture_exit(void);

/**
 * fl_capture_take() - registers and top of the user stack of the current thread
 *
 * Never sleeps, so it may be called wherever the thread's mm is in place: a
 * page of the stack that is not in memory ends the copy early.
 *
 * Return: a capture, to be given back with fl_capture_put(), or NULL where no
 * buffer is free.
 */
struct fl_capture *fl_capture_take(void);
void fl_capture_put(struct fl_capture *capture);

/* Add the mappings of the current process. Only where fl_maps_take() may be called. */
void fl_capture_take_maps(struct fl_capture *capture);

/* The capture shows the current thread where it is now. */
bool fl_capture_fits(const struct fl_capture *capture);

/* A record went out without a capture because no buffer was free. */
void fl_capture_miss(void);
void fl_capture_counts(u64 *taken, u64 *missed);

#endif /* _FL_CAPTURE_H */
