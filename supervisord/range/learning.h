/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process uses, as a range of operation: learnt by the gateway's own probes, where
 * this kernel has what they need and this user may load them. For programs that are no
 * gateway.
 */
#ifndef SUPERVISORD_RANGE_LEARNING_H
#define SUPERVISORD_RANGE_LEARNING_H

#include <ev.h>

#include "lib/error.h"
#include "lib/range.h"
#include "supervisord/reliability/source.h"

struct learning;

/**
 * learning_open - get ready
 * @record, @user: told what else the probes see of it
 *
 * Return: freed with learning_close(); NULL with @err set, which says what is missing.
 */
struct learning *learning_open(struct ev_loop *loop, source_record_fn record, void *user,
			       struct error *err);
void learning_close(struct learning *learning);

/** learning_source - where it is to be watched; of source_probes */
struct source *learning_source(struct learning *learning);

/** learning_begin - note what this watch uses from now on; 0, or a negative errno with @err set */
int learning_begin(struct learning *learning, uint32_t watch, struct error *err);

/**
 * learning_end - what was learnt
 * @places: what is to be {state} and {bundle} in it
 *
 * Return: freed with range_free(); without entries where nothing was learnt.
 */
struct range *learning_end(struct learning *learning, const char *application,
			   const char *version, const struct range_places *places);

#endif /* SUPERVISORD_RANGE_LEARNING_H */
