// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/link/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int sink_init(struct sink *sink, int fd)
{
	struct stat st;

	if (fstat(fd, &st) || !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
		return -EINVAL;
	*sink = (struct sink){ .fd = fd, .pipe = S_ISFIFO(st.st_mode) };
	if (sink->pipe && fcntl(fd, F_SETFL, O_NONBLOCK))
		return -EINVAL;
	return 0;
}

void sink_close(struct sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
	free(sink->kept);
	sink->kept = NULL;
}

/* Writes what goes; *done counts it. */
static int sink_push(struct sink *sink, const char *data, size_t size, size_t *done)
{
	while (*done < size) {
		ssize_t n = write(sink->fd, data + *done, size - *done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		*done += n;
		sink->written += n;
	}
	return 0;
}

int sink_write(struct sink *sink, const void *data, size_t size)
{
	size_t done = 0;
	int r = sink_push(sink, data, size, &done);

	if (r || done == size)
		return r;
	sink->kept = malloc(size - done);
	if (!sink->kept)
		return -ENOMEM;
	memcpy(sink->kept, (const char *)data + done, size - done);
	sink->kept_size = size - done;
	sink->kept_done = 0;
	return 0;
}

int sink_flush(struct sink *sink)
{
	int r;

	if (!sink->kept)
		return 0;
	r = sink_push(sink, sink->kept, sink->kept_size, &sink->kept_done);
	if (r || sink->kept_done == sink->kept_size) {
		free(sink->kept);
		sink->kept = NULL;
	}
	return r;
}
