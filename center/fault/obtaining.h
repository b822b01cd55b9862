/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault data obtaining means (131): what a gateway sends becomes fault data (341)
 * or an outcome (349), checked field by field (S371). All of it is hostile until then.
 */
#ifndef CENTER_FAULT_OBTAINING_H
#define CENTER_FAULT_OBTAINING_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "center/fault/list.h"
#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/name.h"

#define FAULT_BOOT_MAX 63
#define FAULT_ID_MAX (FAULT_BOOT_MAX + 1 + 19)
#define FAULT_DATA_DEPTH_MAX 64
#define OUTCOME_DETAIL_MAX 4096

/** struct fault_id - the boot of its gateway and its number in it; "BOOT-NUMBER" */
struct fault_id {
	char boot[FAULT_BOOT_MAX + 1];
	int64_t number;
};

/**
 * fault_id_parse - check an id
 *
 * Letters, digits and dashes, then a dash and a number below 2^63 that has no
 * leading zero, so that an id has one way to be written.
 *
 * Return: 0 or -EINVAL.
 */
int fault_id_parse(const char *text, struct fault_id *id);

/**
 * struct fault - fault data
 * @time: RFC 3339 in UTC
 * @application: NULL: it is of no application
 * @version: NULL: not known
 * @data: JSON text of an object
 * @decided_why: NULL: the center is to decide. Else the gateway has done so: "list", its
 *	list has the entry for that (figure 16); "overdue", no answer came in time
 * @countermeasure: JSON text of what the gateway has decided, or NULL
 * @policy_version: of the list that it decided by
 * @outcome: what became of it, or NULL: it is not known yet
 *
 * Strings are borrowed from @body, but for @data.
 */
struct fault {
	struct fault_id id;
	const char *time;
	const char *kind;
	const char *application;
	const char *version;
	const char *group;
	char *data;
	const char *decided_why;
	char *countermeasure;
	int64_t policy_version;
	struct outcome *outcome;
	json_t *body;
};

/** obtaining_time_valid - is this RFC 3339 with the offset "Z", as 2026-01-31T23:59:60.123Z? */
bool obtaining_time_valid(const char *text);

/**
 * obtaining_fault - check the body of a fault
 *
 * Return: freed with fault_free(); NULL with @err saying which field and what it may be.
 */
struct fault *obtaining_fault(const char *body, size_t size, struct error *err);
void fault_free(struct fault *fault);
DEFINE_CLEANUP(struct fault *, fault_free)
#define __cleanup_fault __cleanup(fault_freep)

/**
 * struct outcome - what a gateway says became of a countermeasure; as above
 * @loop: the fault came again and again until the attempts were used up
 * @data: JSON text of what was collected afterwards, or NULL
 */
struct outcome {
	enum action action;
	const char *result;
	double duration_ms;
	const char *detail;
	bool loop;
	char *data;
	json_t *body;
};

struct outcome *obtaining_outcome(const char *body, size_t size, struct error *err);
void outcome_free(struct outcome *outcome);
DEFINE_CLEANUP(struct outcome *, outcome_free)
#define __cleanup_outcome __cleanup(outcome_freep)

#endif /* CENTER_FAULT_OBTAINING_H */
