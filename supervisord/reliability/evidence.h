/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deeper data about a fault (344), for the countermeasure "collect": what /proc
 * says of the process while it still lives, and how the gateway stands.
 */
#ifndef SUPERVISORD_EVIDENCE_H
#define SUPERVISORD_EVIDENCE_H

#include <jansson.h>
#include <sys/types.h>

/**
 * evidence_collect - {process, pressure, memory, load}, 128 KiB at most
 * @pid: 0 when there is no process any more; "process" is null then
 *
 * Return: new reference.
 */
json_t *evidence_collect(pid_t pid);

#endif /* SUPERVISORD_EVIDENCE_H */
