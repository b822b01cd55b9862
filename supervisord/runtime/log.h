/* SPDX-License-Identifier: GPL-2.0-only */
/* The log of a process: the last lines of its standard error, bounded. */
#ifndef SUPERVISORD_RUNTIME_LOG_H
#define SUPERVISORD_RUNTIME_LOG_H

#include <ev.h>
#include <jansson.h>

struct process_log;

/** process_log_new - read lines from @fd, which it owns; @name goes before each in the daemon's log */
struct process_log *process_log_new(struct ev_loop *loop, int fd, const char *name);
/** process_log_drain - take in what is still in the pipe */
void process_log_drain(struct process_log *log);
void process_log_free(struct process_log *log);
/** process_log_json - array of lines, oldest first; new reference */
json_t *process_log_json(const struct process_log *log);

#endif /* SUPERVISORD_RUNTIME_LOG_H */
