/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run of an application where it is registered: its bundle is unpacked into a
 * folder that lives as long, and faultline-trial (center/trial/) runs it there.
 */
#ifndef CENTER_CATALOGUE_TRYOUT_H
#define CENTER_CATALOGUE_TRYOUT_H

#include <jansson.h>

#include "lib/cleanup.h"
#include "lib/error.h"

/** struct tryout - the folder; @bundle is what was unpacked */
struct tryout {
	char *folder;
	char *bundle;
};

/** typedef tryout_line_fn - a line of faultline-trial, borrowed */
typedef void (*tryout_line_fn)(void *user, json_t *line);

/**
 * tryout_open - unpack a bundle
 * @fd: the bundle
 * @sha256, @size: of it
 *
 * Return: freed with tryout_close(), which removes it all; NULL with @err set.
 */
struct tryout *tryout_open(int fd, const char *sha256, int64_t size, struct error *err);
void tryout_close(struct tryout *tryout);
DEFINE_CLEANUP(struct tryout *, tryout_close)
#define __cleanup_tryout __cleanup(tryout_closep)

/**
 * tryout_run - run it
 * @runtimes: path of runtimes.xml
 * @equipment: command of simulated equipment, or NULL
 * @cases: of cases_make(); borrowed
 *
 * Return: 0 when faultline-trial did what it had to, whatever came of the
 * application; or a negative errno with @err set.
 */
int tryout_run(struct tryout *tryout, const char *runtimes, const char *equipment, json_t *cases,
	       tryout_line_fn line, void *user, struct error *err);

#endif /* CENTER_CATALOGUE_TRYOUT_H */
