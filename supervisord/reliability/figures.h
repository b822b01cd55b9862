/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process used, what it was allowed, and what it had to wait for, when a fault struck it: figures of its cgroup
 * (cgroup v2), pressure stall information (Documentation/accounting/psi.rst of the kernel), and limits (getrlimit(2)).
 */
#ifndef SUPERVISORD_FIGURES_H
#define SUPERVISORD_FIGURES_H

#include <jansson.h>
#include <linux/faultline.h>

struct process;
struct figures;

/**
 * figures_read - take down what changes once the process is replaced
 * @process: may be ending; NULL: only the gateway's own figures
 *
 * Nothing is parsed yet and nothing waited for: a replacement is started after it.
 *
 * Return: what was there to read, for figures_describe().
 */
struct figures *figures_read(const struct process *process);

/**
 * figures_describe - the rest of them, and all as JSON
 * @figures: freed
 * @record: of the fault: what its process used when it struck, as far as the kernel tells it; or NULL
 *
 * Return: new reference: {"cgroup": {FILE: …}, "pressure": {RESOURCE: …}, "limits": {NAME: {"soft", "hard"}}, "process": {…}};
 * members are named as the kernel names its files, what could not be read is left out.
 */
json_t *figures_describe(struct figures *figures, const struct faultline_record *record);

#endif /* SUPERVISORD_FIGURES_H */
