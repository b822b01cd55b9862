/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where an application is tried: a network of its own that has nothing but
 * loopback, so that it reaches no equipment but the one that is put in with it.
 */
#ifndef CENTER_TRIAL_ROOM_H
#define CENTER_TRIAL_ROOM_H

#include <sys/types.h>

#include "lib/error.h"

/**
 * room_enter - move this process, and with it all that it starts, into the room
 *
 * Without root, by a user namespace in which the user stays who it is.
 *
 * Return: 0, or a negative errno with @err set: nothing may be tried then.
 */
int room_enter(struct error *err);

/**
 * room_equip - start simulated equipment in the room
 * @command: for /bin/sh
 * @pid: of its session
 *
 * It runs as this user, without capabilities, its output to standard error. It is
 * there once it has written its first line, or after a second.
 *
 * Return: 0, or a negative errno with @err set, also when it ended at once.
 */
int room_equip(const char *command, pid_t *pid, struct error *err);

/** room_clear - end the equipment and all of its session */
void room_clear(pid_t pid);

#endif /* CENTER_TRIAL_ROOM_H */
