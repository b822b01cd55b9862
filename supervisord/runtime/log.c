// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/text.h"
#include "supervisord/runtime/logs.h"
#include "supervisord/runtime/process.h"

/* What is read at once, so that a chatty application cannot hold the loop. */
#define READ_MAX 4096

struct process_log {
	struct ev_loop *loop;
	ev_io io;
	char *name;
	pid_t pid;
	struct logs *logs;
	unsigned int lines;	/* ever; the ring holds the last of them */
	size_t size;		/* of the line that is not complete */
	char line[LOGS_LINE_MAX];
	char *ring[PROCESS_LOG_LINES];
};

static void line_end(struct process_log *log)
{
	char **place = &log->ring[log->lines++ % PROCESS_LOG_LINES];

	logs_add(log->logs, log->name, log->pid, log->line, log->size);
	free(*place);
	*place = alloc_format("%.*s", (int)(log->size < PROCESS_LOG_LINE_MAX ? log->size : PROCESS_LOG_LINE_MAX),
			      log->line);
	/* An application may write anything. */
	text_clean(*place);
	log->size = 0;
	log_info("%s: %s", log->name, *place);
}

/* Return: bytes read; 0 at the end, negative when there is nothing now. */
static ssize_t log_read(struct process_log *log)
{
	char data[READ_MAX];
	ssize_t n = read(log->io.fd, data, sizeof(data));

	for (ssize_t i = 0; i < n; i++) {
		if (data[i] == '\n' || log->size == sizeof(log->line))
			line_end(log);
		if (data[i] != '\n')
			log->line[log->size++] = (unsigned char)data[i] < ' ' ? ' ' : data[i];
	}
	return n;
}

static void log_readable(struct ev_loop *loop, ev_io *io, int events)
{
	ssize_t n = log_read(io->data);

	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		ev_io_stop(loop, io);
}

struct process_log *process_log_new(struct ev_loop *loop, int fd, const char *name,
				    pid_t pid, struct logs *logs)
{
	struct process_log *log = alloc_zero(1, sizeof(*log));

	log->loop = loop;
	log->name = alloc_copy(name);
	log->pid = pid;
	log->logs = logs;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ev_io_init(&log->io, log_readable, fd, EV_READ);
	log->io.data = log;
	ev_io_start(loop, &log->io);
	return log;
}

void process_log_drain(struct process_log *log)
{
	/* A pipe holds 64 KiB; what others still write to it is not waited for. */
	for (int i = 0; i < 16 && log_read(log) > 0; i++)
		;
	if (log->size)
		line_end(log);
}

void process_log_free(struct process_log *log)
{
	if (!log)
		return;
	ev_io_stop(log->loop, &log->io);
	close(log->io.fd);
	for (int i = 0; i < PROCESS_LOG_LINES; i++)
		free(log->ring[i]);
	free(log->name);
	free(log);
}

json_t *process_log_json(const struct process_log *log)
{
	json_t *array = json_array();
	unsigned int first = log->lines > PROCESS_LOG_LINES ? log->lines - PROCESS_LOG_LINES : 0;

	for (unsigned int i = first; i < log->lines; i++)
		json_array_append_new(array, json_string(log->ring[i % PROCESS_LOG_LINES]));
	return array;
}
