// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/range/learning.h"

#include <stdlib.h>

#include "bpf/range.h"
#include "lib/alloc.h"
#include "supervisord/reliability/probes_range.h"

/* Of the rules; there is one application. */
#define SET 1

/* struct learning - @begun: a watch learns */
struct learning {
	struct source *source;
	bool begun;
};

struct learning *learning_open(struct ev_loop *loop, source_record_fn record, void *user,
			       struct error *err)
{
	struct learning *learning;
	struct source *source;

	if (probes_range_possible(err) || source_probes.open(&source, loop, record, user, NULL, err))
		return NULL;
	learning = alloc_zero(1, sizeof(*learning));
	learning->source = source;
	return learning;
}

void learning_close(struct learning *learning)
{
	if (!learning)
		return;
	source_probes.close(learning->source);
	free(learning);
}

struct source *learning_source(struct learning *learning)
{
	return learning->source;
}

int learning_begin(struct learning *learning, uint32_t watch, struct error *err)
{
	const struct source_range range = { .mode = RANGE_LEARN, .set = SET };
	int ret = source_probes.range(learning->source, watch, &range, err);

	learning->begun = !ret;
	return ret;
}

struct range *learning_end(struct learning *learning, const char *application,
			   const char *version, const struct range_places *places)
{
	struct range *range = range_new(application, version);

	/* The places are in it in any case. */
	if (learning->begun) {
		source_probes.learnt(learning->source, SET, true, range);
		range_generalise(range, places);
	}
	return range;
}
