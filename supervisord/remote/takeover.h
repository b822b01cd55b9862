/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a supervisor that died, or made way for a new one, has left behind: the
 * processes of its applications, which went on, and the faults that it was
 * handling. Three steps, since each needs what is opened before the next.
 */
#ifndef SUPERVISORD_TAKEOVER_H
#define SUPERVISORD_TAKEOVER_H

#include <jansson.h>

#include "supervisord/gateway.h"

/**
 * takeover_kept - every process that was kept belongs to its application again
 *
 * One whose application is not installed any more, or in another version, is
 * ended. For before kernel records come. Runs that were kept are left for
 * run_list_resume().
 */
void takeover_kept(struct gateway *gateway);

/** takeover_faults - faults in handling go on; of a supervisor that ended well they have failed */
void takeover_faults(struct gateway *gateway);

/** takeover_watches - the source of kernel events is open: it watches what was taken over */
void takeover_watches(struct gateway *gateway);

/** takeover_refuse - end a process that was kept, with its group */
void takeover_refuse(json_t *data, const int *fds, int n);

#endif /* SUPERVISORD_TAKEOVER_H */
