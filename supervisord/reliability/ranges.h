/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The range of operation of each application: whether it is learnt, what is
 * beyond is reported or refused, and the file of what was learnt. The choice is
 * kept over a restart.
 */
#ifndef SUPERVISORD_RANGES_H
#define SUPERVISORD_RANGES_H

#include <jansson.h>
#include <stdint.h>

#include "lib/error.h"
#include "supervisord/remote/application.h"

/**
 * ranges_begin - put the range of an application in force for a process that is to start
 * @watch: of the process
 *
 * What the kernel cannot do is logged once for each start, and is no error.
 */
void ranges_begin(struct app *app, uint32_t watch);

/**
 * ranges_change - "learn", or end that and "off", "report", "refuse"
 *
 * Learning begins anew, and what was learnt becomes the range when it ends. A
 * process that runs follows at once.
 *
 * Return: 0; -EINVAL: another word; -ENOENT: nothing was learnt; -EOPNOTSUPP: the
 * kernel cannot do it; others; @err says what to do.
 */
int ranges_change(struct app *app, const char *mode, struct error *err);

/** ranges_possible - {possible, why?}: can this gateway guard ranges, as far as it has tried? New reference */
json_t *ranges_possible(const struct gateway *gateway);

/** ranges_describe - {application, mode, possible, why?, complete, entries: [{type, ...}]}; new reference */
json_t *ranges_describe(struct app *app);

#endif /* SUPERVISORD_RANGES_H */
