/* SPDX-License-Identifier: GPL-2.0-only */
/* The places of machines (machine.h) as JSON, by which the next supervisor finds them again. */
#ifndef SUPERVISORD_MACHINE_STATE_H
#define SUPERVISORD_MACHINE_STATE_H

#include <jansson.h>

#include "supervisord/script/machine.h"

/** machine_run_save, machine_state_save - new reference */
json_t *machine_run_save(const struct machine_run *run);
json_t *machine_state_save(const struct machine *machine);

/**
 * machine_run_load - what @state says, in the program that @run was made for
 * Return: 0; -EINVAL where it does not fit the program.
 */
int machine_run_load(struct machine_run *run, const json_t *state);

/**
 * machine_state_load - stand where @state says
 * @machine: at the begin of the script; with @parent, nowhere yet: it becomes one of its branches
 * @over: the block of the branch is over: @parent need not stand there any more
 *
 * Return: 0; -EINVAL where the state does not fit the program.
 */
int machine_state_load(struct machine *machine, const json_t *state, struct machine *parent, bool over);

#endif /* SUPERVISORD_MACHINE_STATE_H */
