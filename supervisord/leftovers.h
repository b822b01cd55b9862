/* SPDX-License-Identifier: GPL-2.0-only */
/* What a supervisor that died has left for the next one, where there will be no next one. */
#ifndef SUPERVISORD_LEFTOVERS_H
#define SUPERVISORD_LEFTOVERS_H

#include "lib/error.h"
#include "supervisord/settings.h"

/**
 * leftovers_remove - end its applications and their keeper; remove groups, sockets and the probes' names
 *
 * What was installed and recorded stays. Says on standard output what it found.
 *
 * Return: 0; -EADDRINUSE or -EBUSY where a supervisor runs, and nothing was
 * touched; others. @err says what.
 */
int leftovers_remove(const struct settings *settings, struct error *err);

#endif /* SUPERVISORD_LEFTOVERS_H */
