/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of a process: its standard error, line by line, into the log of its
 * application; the last lines stay in memory for the data of a fault.
 */
#ifndef SUPERVISORD_RUNTIME_LOG_H
#define SUPERVISORD_RUNTIME_LOG_H

#include <ev.h>
#include <jansson.h>
#include <sys/types.h>

struct logs;
struct process_log;

/**
 * process_log_new - read lines from @fd, which it owns
 * @name: of the application; goes before each line in the daemon's log
 * @logs: take each line
 */
struct process_log *process_log_new(struct ev_loop *loop, int fd, const char *name,
				    pid_t pid, struct logs *logs);
/** process_log_drain - take in what is still in the pipe */
void process_log_drain(struct process_log *log);
void process_log_free(struct process_log *log);
/** process_log_json - array of lines, oldest first; new reference */
json_t *process_log_json(const struct process_log *log);

#endif /* SUPERVISORD_RUNTIME_LOG_H */
