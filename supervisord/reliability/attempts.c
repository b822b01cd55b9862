// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/attempts.h"

#include <jansson.h>
#include <string.h>

#include "supervisord/gateway.h"
#include "supervisord/reliability/store.h"

static void attempt_note(struct attempts *attempts, enum action action, int64_t time_ns)
{
	unsigned int i = attempts->n++ % ACTION_ATTEMPTS_MAX;

	attempts->ring[i].action = action;
	attempts->ring[i].time_ns = time_ns;
	attempts->last_ns = time_ns;
}

/*
 * When it was, by the clock of this boot. Of one in this boot that is known, whoever set
 * the calendar meanwhile; one before it is as far back as the calendar says.
 */
static int64_t attempt_time(const struct store *store, const json_t *row, int64_t now_ns)
{
	const char *boot_id = store_boot(store);
	const char *id = json_string_value(json_object_get(row, "id"));
	json_int_t uptime_ms = json_integer_value(json_object_get(row, "uptime_ms"));
	int64_t ago_ms = clock_to_unix_ms(now_ns) - json_integer_value(json_object_get(row, "time_ms"));

	if (uptime_ms > 0 && id && !strncmp(id, boot_id, strlen(boot_id)))
		ago_ms = now_ns / 1000000 - uptime_ms;
	/* A clock that was set back puts nothing into the future. */
	return now_ns - (ago_ms > 0 ? ago_ms : 0) * 1000000;
}

void attempts_load(struct attempts *attempts, struct store *store, const char *application)
{
	int64_t now_ns = clock_now();
	json_t *rows, *row;
	size_t i;

	if (attempts->loaded)
		return;
	attempts->loaded = true;
	rows = store_attempts(store, application, ACTION_ATTEMPTS_MAX);
	json_array_foreach(rows, i, row) {
		enum action action;

		if (!action_parse(json_string_value(json_object_get(row, "action")), &action))
			continue;
		attempt_note(attempts, action, attempt_time(store, row, now_ns));
		attempts->loop = json_is_true(json_object_get(row, "loop"));
	}
	json_decref(rows);
}

void attempts_add(struct attempts *attempts, enum action action)
{
	attempt_note(attempts, action, clock_now());
}

int attempts_within(const struct attempts *attempts, enum action action, int window_s,
		    enum action then)
{
	int64_t since = clock_now() - window_s * 1000000000LL;
	unsigned int kept = attempts->n < ACTION_ATTEMPTS_MAX ? attempts->n : ACTION_ATTEMPTS_MAX;
	int n = 0;

	for (unsigned int back = 1; back <= kept; back++) {
		unsigned int i = (attempts->n - back) % ACTION_ATTEMPTS_MAX;

		if (attempts->ring[i].time_ns < since)
			break;
		if (attempts->ring[i].action == action)
			n++;
		else if (attempts->ring[i].action == then)
			break;
	}
	return n;
}

bool attempts_settle(struct attempts *attempts)
{
	int healthy_s = attempts->healthy_s ? attempts->healthy_s : ATTEMPTS_HEALTHY_S;

	if (attempts->n &&
	    (int64_t)clock_now() - attempts->last_ns >= healthy_s * 1000000000LL) {
		attempts->n = 0;
		attempts->loop = false;
	}
	return attempts->loop;
}
