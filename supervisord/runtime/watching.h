/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel is told of a process while it runs: when it has to look for hangs, whether work is due, and that its
 * heart has beaten, as far as the source of kernel events can make use of that.
 */
#ifndef SUPERVISORD_WATCHING_H
#define SUPERVISORD_WATCHING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/application.h"
#include "supervisord/reliability/source.h"

/**
 * struct watching - of one process; all zeros: nothing watches
 * @id: the source's of the watch; 0 where it is not known
 * @expected: of the application data
 * @work: processings that are requested and not answered
 * @heartbeat_ms: that the kernel expects now; 0: none
 * @told_ms: when the last sign of life was passed on
 * @beats: signs of life that came
 * @missed: a heartbeat is known to have been missed, and none has come since
 */
struct watching {
	const struct source_ops *ops;
	struct source *source;
	uint32_t id;
	struct application_watch expected;
	unsigned int work;
	int heartbeat_ms;
	uint64_t told_ms;
	unsigned int beats;
	bool missed;
};

/** watching_settings - those that a watch begins with */
void watching_settings(struct source_settings *settings, const struct application_watch *watch);

/** watching_begin - the process has the watch @id */
void watching_begin(struct watching *watching, const struct source_ops *ops,
		    struct source *source, uint32_t id, const struct application_watch *watch);

/** watching_resume - the source of one that was taken over is open: it is told what holds by now */
void watching_resume(struct watching *watching, const struct source_ops *ops,
		     struct source *source);

/** watching_work - a processing is requested, or an earlier one answered or given up */
void watching_work(struct watching *watching, bool requested);

/** watching_beat - a sign of life, the next one within @interval_ms; 0: none is expected any more */
void watching_beat(struct watching *watching, int interval_ms);

/** watching_miss - a heartbeat was missed; true: that is news */
bool watching_miss(struct watching *watching);

/** watching_alive - its heart beats again, as the kernel was told by the application itself */
void watching_alive(struct watching *watching);

#endif /* SUPERVISORD_WATCHING_H */
