/* SPDX-License-Identifier: GPL-2.0-only */
/* The place of a machine (machine.h) as JSON, by which the next supervisor finds it again. */
#ifndef SUPERVISORD_MACHINE_STATE_H
#define SUPERVISORD_MACHINE_STATE_H

#include <jansson.h>

#include "supervisord/script/machine.h"

/** machine_state_save - new reference */
json_t *machine_state_save(const struct machine *machine);

/**
 * machine_state_load - stand where @state says, in the program that @machine was made for
 * Return: 0; -EINVAL where the state does not fit the program: the machine stands at its begin.
 */
int machine_state_load(struct machine *machine, const json_t *state);

#endif /* SUPERVISORD_MACHINE_STATE_H */
