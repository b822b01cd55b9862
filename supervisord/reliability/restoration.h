/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Restoration means (346, 348): carry out a countermeasure (S382), with its
 * attempts within a window, its back-off and what follows when it did not help.
 * restoration.c says when an action is carried out; what each does is in one
 * file for each family of them: restoration_process.c, _install.c, _service.c
 * and _system.c.
 */
#ifndef SUPERVISORD_RESTORATION_H
#define SUPERVISORD_RESTORATION_H

#include "supervisord/reliability/fault.h"

/** restoration_start - carry out fault->terms, now or after its back-off; ends in fault_end() */
void restoration_start(struct fault *fault);

/**
 * restoration_hasten - have what stands by or is in reserve at work before anything else is done, where that is all there is to do
 *
 * For a fault that the gateway decides itself, by @countermeasure, of a process that
 * has ended: is it a restart that is due at once, fault->early is set, and
 * restoration_early() is to follow.
 */
void restoration_hasten(struct fault *fault, json_t *countermeasure);

/** restoration_early - where that has been found: the replacement runs before the fault is recorded */
void restoration_early(struct fault *fault);

/** restoration_process_gone - the process that the fault was in is gone, with all that it had */
void restoration_process_gone(struct fault *fault);

/* An action ends in one of these four, at once or later. The fault is gone afterwards, or tried again later. */

/** restoration_done - it has been done, and the application is at work again */
void restoration_done(struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** restoration_failed - it could not be done: what follows it is done, if that was not it */
void restoration_failed(struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/**
 * restoration_not_done - it could not be done because of @err
 *
 * Where that may pass it is tried again after the back-off, as often as it may be.
 */
void restoration_not_done(struct fault *fault, const struct error *err);
/** restoration_halted - it is done, and the application stays ended, as was decided */
void restoration_halted(struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** restoration_follow - it is done, and what follows it is to be done now */
void restoration_follow(struct fault *fault);

/** restoration_parameter - a number of the countermeasure's, or @otherwise */
json_int_t restoration_parameter(const struct fault *fault, const char *name,
				 json_int_t otherwise);
/** restoration_text - likewise text, borrowed; "" when it is not there */
const char *restoration_text(const struct fault *fault, const char *name);

/* restoration_process.c: the application's process */
void restoration_none(struct fault *fault);
void restoration_restart(struct fault *fault);
void restoration_restart_clean(struct fault *fault);
void restoration_stop(struct fault *fault);
void restoration_signal(struct fault *fault);
void restoration_limits(struct fault *fault);

/* restoration_install.c: what is installed */
void restoration_reinstall(struct fault *fault);
void restoration_rollback(struct fault *fault);

/* restoration_service.c: the services that use the application */
void restoration_switch(struct fault *fault);
void restoration_run(struct fault *fault);

/* restoration_system.c: the gateway */
void restoration_collect(struct fault *fault);
void restoration_hold(struct fault *fault);
void restoration_reboot(struct fault *fault);

#endif /* SUPERVISORD_RESTORATION_H */
