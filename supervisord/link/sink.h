/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a body goes: a memfd, or a pipe whose reader may be slow. What the pipe
 * does not take at once is kept, one piece at most, and the transfer waits.
 */
#ifndef SUPERVISORD_LINK_SINK_H
#define SUPERVISORD_LINK_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct sink - a descriptor that is written to
 * @fd: owned
 * @pipe: it is a pipe, which may be full
 * @written: bytes that it took
 */
struct sink {
	int fd;
	bool pipe;
	uint64_t written;
	char *kept;
	size_t kept_size;
	size_t kept_done;
};

/**
 * sink_init - take over a descriptor
 *
 * Return: 0, or -EINVAL when it is neither a pipe nor a regular file (a
 * memfd is one); it is the caller's then.
 */
int sink_init(struct sink *sink, int fd);

/** sink_close - close it and forget what is kept */
void sink_close(struct sink *sink);

/** sink_full - is a piece kept, so that no other can be taken? */
static inline bool sink_full(const struct sink *sink)
{
	return sink->kept;
}

/**
 * sink_write - write a piece, or keep what does not go; not while sink_full()
 *
 * Return: 0, or a negative errno: -EPIPE when the reader is gone.
 */
int sink_write(struct sink *sink, const void *data, size_t size);

/** sink_flush - write on what is kept; 0 also when it is still full */
int sink_flush(struct sink *sink);

#endif /* SUPERVISORD_LINK_SINK_H */
