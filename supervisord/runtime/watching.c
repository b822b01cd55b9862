// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/watching.h"

#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "supervisord/gateway.h"

/* Signs of life that are passed on within one interval, at most. */
#define BEATS_AN_INTERVAL 8

static void change(struct watching *watching, enum faultline_watch_attr attr, uint64_t value)
{
	struct source_settings settings = {};
	int ret;

	/* One that was taken over has a source only once that is open: watching_resume(). */
	if (!watching->id || !watching->ops)
		return;
	source_settings_give(&settings, attr, value);
	ret = watching->ops->change(watching->source, watching->id, &settings);
	/* -ENOENT: it has just ended. */
	if (ret && ret != -ENOENT)
		log_warning("watch %u: its settings cannot be changed: %s", watching->id,
			    strerror(-ret));
}

void watching_settings(struct source_settings *settings, const struct application_watch *watch)
{
	source_settings_give(settings, FAULTLINE_WATCH_A_DSTATE_MS, watch->dstate_ms);
	source_settings_give(settings, FAULTLINE_WATCH_A_STARVED_MS, watch->starved_ms);
	source_settings_give(settings, FAULTLINE_WATCH_A_SPIN_MS, watch->spin_ms);
	source_settings_give(settings, FAULTLINE_WATCH_A_DEADLOCK_MS, watch->deadlock_ms);
}

void watching_begin(struct watching *watching, const struct source_ops *ops,
		    struct source *source, uint32_t id, const struct application_watch *watch)
{
	watching->ops = ops;
	watching->source = source;
	watching->id = id;
	watching->expected = *watch;
}

/*
 * The kernel's time is a quarter longer: as long as the supervisor lives and is not late itself, it is the first to say
 * that a heartbeat was missed.
 */
static int kernel_ms(int interval_ms)
{
	int64_t ms = interval_ms + (int64_t)interval_ms / 4;

	return ms < 86400000 ? ms : 86400000;
}

void watching_resume(struct watching *watching, const struct source_ops *ops,
		     struct source *source)
{
	watching->ops = ops;
	watching->source = source;
	/* The supervisor before this one may have ended in between. */
	if (watching->expected.deadlock_ms)
		change(watching, FAULTLINE_WATCH_A_WORK, watching->work != 0);
	if (watching->heartbeat_ms)
		change(watching, FAULTLINE_WATCH_A_HEARTBEAT_MS, kernel_ms(watching->heartbeat_ms));
}

void watching_work(struct watching *watching, bool requested)
{
	unsigned int before = watching->work;

	if (!requested && !before)
		return;
	watching->work += requested ? 1 : -1;
	if (watching->expected.deadlock_ms && !before != !watching->work)
		change(watching, FAULTLINE_WATCH_A_WORK, watching->work != 0);
}

void watching_beat(struct watching *watching, int interval_ms)
{
	uint64_t now_ms = clock_now() / 1000000;

	watching->beats++;
	watching->missed = false;
	if (interval_ms != watching->heartbeat_ms) {
		watching->heartbeat_ms = interval_ms;
		change(watching, FAULTLINE_WATCH_A_HEARTBEAT_MS, kernel_ms(interval_ms));
	} else if (watching->id && watching->ops && interval_ms && now_ms - watching->told_ms >=
				  (uint64_t)interval_ms / BEATS_AN_INTERVAL) {
		/* Of no use to some sources, and the process may have ended. */
		watching->ops->heartbeat(watching->source, watching->id);
	} else {
		return;
	}
	watching->told_ms = now_ms;
}

bool watching_miss(struct watching *watching)
{
	bool news = !watching->missed;

	watching->missed = true;
	return news;
}

void watching_alive(struct watching *watching)
{
	watching->missed = false;
}
