/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemons' log: lines on standard error, with the priority prefixes of
 * sd-daemon(3) when the journal reads them, with the program's name otherwise.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <syslog.h>

/**
 * log_open - name the program and set what is shown
 * @name: not copied; must stay valid
 * @level: LOG_ERR to LOG_DEBUG; lines above it are dropped
 */
void log_open(const char *name, int level);

void log_write(int level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif /* LIB_LOG_H */
