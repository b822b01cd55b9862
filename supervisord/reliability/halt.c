// SPDX-License-Identifier: GPL-2.0-only
/*
 * The setting "halt", "mark" is {boot, end, fault?, last?, known?}: the boot that it
 * is of; how it ends, should it end now ("running": it should not); the fault that
 * asked for a reboot; the halt before it, as halt_describe() gives it; and entries
 * of pstore that could not be removed.
 */
#include "supervisord/reliability/halt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "supervisord/gateway.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/fault_data.h"
#include "supervisord/reliability/panic_log.h"
#include "supervisord/reliability/policy.h"
#include "supervisord/reliability/store.h"
#include "supervisord/settings.h"

#define KIND "gateway.halted"

static json_t *mark_read(const struct gateway *gateway)
{
	json_t *mark = store_setting(gateway->store, "halt", "mark");

	if (json_is_object(mark))
		return mark;
	json_decref(mark);
	return NULL;
}

static const char *mark_text(const json_t *mark, const char *name)
{
	const char *text = json_string_value(json_object_get(mark, name));

	return text ? text : "";
}

/* How the boot before ended, in the order of what is told most surely. */
static const char *reason_of(const json_t *mark, const json_t *panic, bool by_watchdog)
{
	const char *end = mark_text(mark, "end");

	if (!mark)
		return "first";
	if (json_array_size(panic))
		return "panic";
	if (!strcmp(end, "countermeasure") || !strcmp(end, "orderly"))
		return end;
	return by_watchdog ? "watchdog" : "unknown";
}

static const char *reason_text(const char *reason)
{
	static const struct { const char *reason, *text; } texts[] = {
		{ "first", "for the first time with this state folder" },
		{ "panic", "after a panic of the kernel, whose log is kept" },
		{ "countermeasure", "after the reboot that a countermeasure asked for" },
		{ "orderly", "after an orderly end" },
		{ "watchdog", "after a reset by its watchdog" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!strcmp(reason, texts[i].reason))
			return texts[i].text;
	return "after an end that nobody asked for: a crash, or the power";
}

/* Nobody asked for it. */
static bool is_fault(const char *reason)
{
	return !strcmp(reason, "panic") || !strcmp(reason, "watchdog") || !strcmp(reason, "unknown");
}

/* {reason, booted, last_event?, gap_s?, by?}; the gap is from the last event to now, as nobody knows more. */
static json_t *halt_make(const struct gateway *gateway, const json_t *mark, const char *reason)
{
	json_t *halt = json_pack("{s:s, s:o}", "reason", reason, "booted",
				 store_time(clock_to_unix_ms(0)));
	int64_t last_ms = store_event_last(gateway->store);

	if (mark && last_ms) {
		json_object_set_new(halt, "last_event", store_time(last_ms));
		/* A clock that was set back makes it no gap, and none that is negative. */
		json_object_set_new(halt, "gap_s", json_real(
			clock_to_unix_ms(clock_now()) > last_ms ?
			(clock_to_unix_ms(clock_now()) - last_ms) / 1000. : 0.));
	}
	if (!strcmp(reason, "countermeasure") && json_object_get(mark, "fault"))
		json_object_set(halt, "by", json_object_get(mark, "fault"));
	return halt;
}

/* Over and done with: the center is told once, with what became of it (figure 16). */
static void fault_close(struct gateway *gateway, struct store_fault *fault)
{
	json_t *countermeasure = json_pack("{s:s, s:i, s:i, s:i, s:s}", "action", "none", "attempts", 1,
					   "window_s", 60, "backoff_ms", 0, "then", "none");
	json_t *decided = json_pack("{s:s, s:I}", "why", "list", "policy_version",
				    (json_int_t)policy_version(gateway));
	json_t *outcome = json_pack("{s:s, s:s, s:f, s:s}", "action", "none", "result", "restored",
				    "duration_ms", 0., "detail", "the gateway is back");

	store_fault_decided(gateway->store, fault->id, countermeasure, decided);
	store_fault_outcome(gateway->store, fault->id, "restored", outcome);
	store_flush(gateway->store);
	json_decref(countermeasure);
	json_decref(decided);
	json_decref(outcome);
}

/* Return: 0 once it is durable, with all that came before it. */
static int fault_add(struct gateway *gateway, json_t *halt, const json_t *panic)
{
	struct store_fault fault = {
		.time_ms = clock_to_unix_ms(clock_now()), .kind = KIND, .application = "", .version = "",
		.data = fault_data_gateway(gateway),
	};
	int ret;

	json_object_set(fault.data, "halt", halt);
	if (json_array_size(panic))
		json_object_set(fault.data, "panic", (json_t *)panic);
	fault_data_bound(fault.data);
	ret = store_fault_add(gateway->store, &fault);
	json_decref(fault.data);
	if (ret) {
		log_error("the halt of the gateway is not recorded: %s", strerror(-ret));
		return ret;
	}
	fault_close(gateway, &fault);
	json_object_set_new(halt, "fault", json_string(fault.id));
	return 0;
}

static void mark_write(struct gateway *gateway, json_t *mark)
{
	store_setting_put(gateway->store, "halt", "mark", mark);
}

static void halted(struct gateway *gateway, const json_t *before, bool by_watchdog)
{
	const json_t *known = before ? json_object_get(before, "known") : NULL;
	json_t *panic = before ? panic_log_read(known) : json_array();
	const char *reason = reason_of(before, panic, by_watchdog);
	json_t *halt = halt_make(gateway, before, reason);
	json_t *mark = json_pack("{s:s, s:s, s:O, s:O*}", "boot", store_boot(gateway->store), "end",
				 "running", "last", halt, "known", known);
	int ret;

	/* In one transaction with the fault, so that neither is there without the other. */
	mark_write(gateway, mark);
	ret = is_fault(reason) ? fault_add(gateway, halt, panic) : store_flush(gateway->store);
	if (!ret && json_array_size(panic))
		json_object_set_new(mark, "known", panic_log_remove(panic));
	mark_write(gateway, mark);
	collection_add(gateway, &(struct event){
		.part = "fault", .name = "gateway.booted", .data = json_incref(halt) },
		"the gateway has booted %s", reason_text(reason));
	json_decref(mark);
	json_decref(halt);
	json_decref(panic);
}

void halt_open(struct gateway *gateway, bool by_watchdog)
{
	json_t *mark = mark_read(gateway);

	if (!mark || strcmp(mark_text(mark, "boot"), store_boot(gateway->store))) {
		halted(gateway, mark, by_watchdog);
	} else if (strcmp(mark_text(mark, "end"), "running")) {
		json_object_set_new(mark, "end", json_string("running"));
		mark_write(gateway, mark);
	}
	json_decref(mark);
}

/* Return: 0 when it is durable, or a negative errno. */
static int end_write(struct gateway *gateway, const char *end, const char *fault)
{
	json_t *mark = mark_read(gateway);

	if (!mark)
		return -ENODATA;
	json_object_set_new(mark, "end", json_string(end));
	if (fault)
		json_object_set_new(mark, "fault", json_string(fault));
	mark_write(gateway, mark);
	json_decref(mark);
	return store_flush(gateway->store);
}

void halt_expected(struct gateway *gateway)
{
	end_write(gateway, "orderly", NULL);
}

int halt_reboot(struct gateway *gateway, const char *fault)
{
	return end_write(gateway, "countermeasure", fault);
}

void halt_not_expected(struct gateway *gateway)
{
	end_write(gateway, "running", NULL);
}

json_t *halt_describe(const struct gateway *gateway)
{
	json_t *mark = mark_read(gateway);
	json_t *last = json_incref(json_object_get(mark, "last"));

	json_decref(mark);
	return last;
}
