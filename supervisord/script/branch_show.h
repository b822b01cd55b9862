/* SPDX-License-Identifier: GPL-2.0-only */
/* What is recorded, and shown to who has asked for a run, of a place where its script is driven (branch.h). */
#ifndef SUPERVISORD_BRANCH_SHOW_H
#define SUPERVISORD_BRANCH_SHOW_H

#include "supervisord/script/branch.h"

/** branch_show_step - its event is given; @entry: what that drives */
void branch_show_step(const struct branch *branch, const struct event_list_entry *entry);
/** branch_show_answer - the processing of @entry, begun at @begun_ns, was answered with @result */
void branch_show_answer(const struct branch *branch, const struct event_list_entry *entry,
			json_t *result, uint64_t begun_ns);
void branch_show_wait(const struct branch *branch);
void branch_show_time(const struct branch *branch);
/** branch_show_condition - of @step, where it was: @reading was found */
void branch_show_condition(const struct branch *branch, const struct program_step *step,
			   double reading, bool met);
/** branch_show_fork - its branches begin; branch_show_join - they have ended */
void branch_show_fork(const struct branch *branch);
void branch_show_join(const struct branch *branch);
/** branch_show_fault - @step was interrupted by a fault of @app, and @block says what follows: @policy */
void branch_show_fault(const struct branch *branch, const struct app *app,
		       const struct program_step *step, const struct program_step *block,
		       enum control_policy policy);

#endif /* SUPERVISORD_BRANCH_SHOW_H */
