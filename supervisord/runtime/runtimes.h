/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Execution environments (31) as data: runtimes.xml says for each name how an
 * application is started, so that a new language needs no new code.
 */
#ifndef SUPERVISORD_RUNTIMES_H
#define SUPERVISORD_RUNTIMES_H

#include "lib/application.h"
#include "lib/error.h"

struct runtimes;

/** struct runtimes_prepare - how an application is prepared: the time that it has, and how large the file may be */
struct runtimes_prepare {
	int timeout_s;
	int size_mib;
};

/** runtimes_read - read a runtimes.xml; freed with runtimes_free(); NULL with @err set */
struct runtimes *runtimes_read(const char *path, struct error *err);
void runtimes_free(struct runtimes *runtimes);

/**
 * runtimes_command - how an application is started
 * @folder: absolute path of the installed bundle
 * @prepared: the file that runtimes_prepare() has had made; NULL: there is none
 *
 * Return: argument vector ended by NULL, freed with runtimes_command_free();
 * NULL with @err set, when the gateway has no such runtime.
 */
char **runtimes_command(const struct runtimes *runtimes,
			const struct application *application,
			const char *folder, const char *prepared, struct error *err);

/**
 * runtimes_prepare - how the runtime prepares an application
 * @prepared: the file that is to be made
 *
 * Return: likewise; NULL when it has no such thing.
 */
char **runtimes_prepare(const struct runtimes *runtimes, const struct application *application,
			const char *folder, const char *prepared, struct runtimes_prepare *how);
void runtimes_command_free(char **command);

#endif /* SUPERVISORD_RUNTIMES_H */
