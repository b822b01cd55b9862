/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The blocks of a script that is being compiled: elements of the control vocabulary
 * become the steps of control of its program.
 */
#ifndef LIB_SCRIPT_BLOCK_H
#define LIB_SCRIPT_BLOCK_H

#include "lib/script/interpretation.h"

/**
 * struct block_list - the open ones
 * @repeats: how many of them repeat
 * @onces: how many are requested once
 * @parallels: how many have branches
 */
struct block_list {
	struct program *program;
	unsigned int depth;
	unsigned int repeats;
	unsigned int onces;
	unsigned int parallels;
	struct block {
		enum control_kind control;
		unsigned int ways; /* that a choice has had; branches of a parallel block */
		struct program_control *step;
		size_t begin;
	} open[SCRIPT_DEPTH_MAX];
};

/**
 * block_begin - an element of the control vocabulary begins
 * @given: its arguments, in the order of the definition
 * @why: set to a line about what is wrong
 *
 * Return: 0, -EINVAL with @why set, or -ENOMEM.
 */
int block_begin(struct block_list *blocks, const struct definition_element *element,
		const struct program_argument *given, unsigned int line, char *why, size_t size);

/** block_end - it ends; likewise */
int block_end(struct block_list *blocks, unsigned int line, char *why, size_t size);

/** block_event_allowed - may an event stand here? In a choice only its two ways can, and branches in a parallel block. */
bool block_event_allowed(const struct block_list *blocks);

#endif /* LIB_SCRIPT_BLOCK_H */
