/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was refused before it could run: it is a fault as well, stored and told to
 * the center, but nothing has to be restored.
 */
#ifndef SUPERVISORD_REFUSAL_H
#define SUPERVISORD_REFUSAL_H

#include "supervisord/gateway.h"

/**
 * struct refusal - what was refused; everything is borrowed, and may be NULL but for @kind and @reason
 * @kind: of the fault: download.signature, download.refused, script.refused, range.operation
 * @asked_by: who asked: center, control, script
 */
struct refusal {
	const char *kind;
	const char *application;
	const char *version;
	const char *service;
	const char *processing;
	const char *asked_by;
	const char *reason;
};

/** refusal_note - keep it as a fault; the same one again within a while is only counted in the log */
void refusal_note(struct gateway *gateway, const struct refusal *refusal);

#endif /* SUPERVISORD_REFUSAL_H */
