// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/collection.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/text.h"
#include "supervisord/pages.h"
#include "supervisord/reliability/detector.h"
#include "supervisord/reliability/fault.h"
#include "supervisord/reliability/fault_record.h"
#include "supervisord/reliability/range_record.h"
#include "supervisord/reliability/hang_data.h"
#include "supervisord/reliability/notifier.h"
#include "supervisord/reliability/store.h"
#include "supervisord/reliability/usage.h"
#include "supervisord/remote/spare.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/run.h"
#include "supervisord/script/services.h"

/* Events wait this long for others, so that one commit serves many. */
#define FLUSH_S 0.05
/* And so long where the disk did not take them. */
#define FLUSH_AGAIN_S 1.
/* When nothing has happened for so long, the memory that the last events needed is given back. */
#define REST_S 3.

/* Watches that are over, whose last records may still come. */
#define PAST_MAX 64

struct collection {
	ev_timer flush;
	ev_timer rest;
	uint64_t seq;		/* newest record taken in */
	uint64_t acked;
	/* Commits on their way to the disk: the oldest, and the newest. */
	struct {
		uint64_t ticket;
		uint64_t seq;	/* newest record in it */
	} first, last;
	bool rested;		/* what the start needed is given back */
	uint64_t opened_ns;	/* before that nobody passed heartbeats on */
	unsigned int n_past;
	struct {
		uint64_t cookie;
		char application[NAME_MAX_LEN + 1];
	} past[PAST_MAX];
};

/* What is on disk need not be kept by the kernel any longer. */
static void records_ack(struct gateway *gateway, uint64_t seq)
{
	struct collection *collection = gateway->collection;

	if (gateway->source && seq > collection->acked &&
	    !gateway->source_ops->ack(gateway->source, seq))
		collection->acked = seq;
}

void collection_commit(struct gateway *gateway)
{
	struct collection *collection = gateway->collection;
	uint64_t ticket;

	if (store_commit(gateway->store, &ticket)) {
		collection->flush.repeat = FLUSH_AGAIN_S;
		ev_timer_again(gateway->loop, &collection->flush);
		return;
	}
	ev_timer_stop(gateway->loop, &collection->flush);
	ev_timer_again(gateway->loop, &collection->rest);
	if (collection->flush.repeat != FLUSH_S) {
		collection->flush.repeat = FLUSH_S;
		notifier_kick(gateway);
	}
	collection->last.ticket = ticket;
	collection->last.seq = collection->seq;
	if (!collection->first.ticket)
		collection->first = collection->last;
}

void collection_synced(void *user, uint64_t ticket, int error)
{
	struct gateway *gateway = user;
	struct collection *collection = gateway->collection;

	if (error)
		log_error("store: what was recorded may not be on the disk: %s", strerror(-error));
	if (error || !collection || !collection->first.ticket ||
	    ticket < collection->first.ticket)
		return;
	if (ticket >= collection->last.ticket) {
		records_ack(gateway, collection->last.seq);
		collection->first.ticket = 0;
	} else {
		records_ack(gateway, collection->first.seq);
		collection->first = collection->last;
	}
}

static void flush_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	collection_commit(timer->data);
}

static void rest_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gateway *gateway = timer->data;

	ev_timer_stop(loop, timer);
	store_rest(gateway->store);
	/* Once, what only the start needed; what a fault needs is to be there for the next one. */
	if (gateway->collection->rested) {
		malloc_trim(0);
		return;
	}
	gateway->collection->rested = true;
	pages_find();
	pages_release();
}

void collection_open(struct gateway *gateway)
{
	struct collection *collection = alloc_zero(1, sizeof(*collection));

	ev_init(&collection->flush, flush_due);
	collection->opened_ns = clock_now();
	collection->flush.repeat = FLUSH_S;
	collection->flush.data = gateway;
	ev_init(&collection->rest, rest_due);
	collection->rest.repeat = REST_S;
	collection->rest.data = gateway;
	gateway->collection = collection;
}

void collection_close(struct gateway *gateway)
{
	if (!gateway->collection)
		return;
	if (!store_flush(gateway->store))
		records_ack(gateway, gateway->collection->seq);
	ev_timer_stop(gateway->loop, &gateway->collection->flush);
	ev_timer_stop(gateway->loop, &gateway->collection->rest);
	free(steal_pointer(&gateway->collection));
}

void collection_flush_soon(struct gateway *gateway)
{
	if (!ev_is_active(&gateway->collection->flush))
		ev_timer_again(gateway->loop, &gateway->collection->flush);
}

void collection_add(struct gateway *gateway, const struct event *event,
		    const char *format, ...)
{
	uint64_t time_ns = event->time_ns ? event->time_ns : clock_now();
	char text[512];
	struct store_event row = {
		.time_ms = clock_to_unix_ms(time_ns),
		.part = event->part,
		.application = event->application,
		.name = event->name,
		.text = text,
		.data = event->data,
	};
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* It may quote an application, which names itself as it likes, or a center. */
	text_clean(text);
	log_info("[%s] %s", event->part, text);
	store_event_add(gateway->store, &row);
	collection_flush_soon(gateway);
	if (event->application)
		run_show(gateway, event, time_ns, text);
	services_notice(gateway, event);
	json_decref(event->data);
}

/* The application that a watch is or was of; NULL when it is not known. */
static const char *watch_application(const struct gateway *gateway, uint64_t cookie)
{
	const struct collection *collection = gateway->collection;
	const struct app *app = app_by_cookie(gateway, cookie);

	if (app)
		return app->name;
	for (app = app_list_first(gateway); app; app = app->next)
		if (spare_process(app) && spare_process(app)->cookie == cookie)
			return app->name;
	for (unsigned int i = 0; i < PAST_MAX; i++)
		if (collection->past[i].cookie == cookie)
			return collection->past[i].application;
	return NULL;
}

static void watch_remember(struct collection *collection, uint64_t cookie,
			   const char *application)
{
	unsigned int i = collection->n_past++ % PAST_MAX;

	collection->past[i].cookie = cookie;
	snprintf(collection->past[i].application,
		 sizeof(collection->past[i].application), "%s", application);
}

static const char *hang_text(int code)
{
	static const char *const texts[] = {
		[FAULTLINE_HANG_DSTATE] = "sleeps where nothing can wake it",
		[FAULTLINE_HANG_STARVED] = "wants to run and gets no CPU",
		[FAULTLINE_HANG_SPIN] = "uses a CPU without pause and to no effect",
		[FAULTLINE_HANG_DEADLOCK] = "all threads wait for each other, and work is due",
		[FAULTLINE_HANG_HEARTBEAT] = "the heart does not beat",
	};

	return hang_data_name(code) ? texts[code] : "hangs in an unknown way";
}

/*
 * The kernel's word on a heartbeat counts where it can have known: of one that the supervisor passes on it hears late, or
 * not at all while there is no supervisor; what an application tells /dev/faultline it knows at first hand. It is no news
 * where the supervisor has said so itself. One that is held has nothing to say.
 */
static bool heartbeat_believed(const struct app *app, struct process *process,
			       const struct faultline_record *record)
{
	if (app->holding.held || process_listen(process))
		return false;
	if (process->watching.heartbeat_ms && record->time_ns < app->gateway->collection->opened_ns)
		return false;
	return watching_miss(&process->watching);
}

static bool record_known(const struct faultline_record *record)
{
	switch (record->type) {
	case FAULTLINE_RECORD_FATAL:
	case FAULTLINE_RECORD_EXIT:
	case FAULTLINE_RECORD_HANG:
	case FAULTLINE_RECORD_HANG_OVER:
	case FAULTLINE_RECORD_RANGE:
		return true;
	default:
		return false;
	}
}

/* Where a signal comes from: what the process did at an address, or somebody who sent it. */
static void origin_text(const struct faultline_record *record, char *text, size_t size)
{
	text[0] = 0;
	if (record->fault_addr || record->flags & FAULTLINE_F_KERNEL)
		snprintf(text, size, " at address 0x%llx", (unsigned long long)record->fault_addr);
	else if (record->flags & FAULTLINE_F_SENT && record->sender_tgid == record->tgid)
		snprintf(text, size, ", sent by itself");
	else if (record->flags & FAULTLINE_F_SENT)
		snprintf(text, size, ", sent by process %d", record->sender_tgid);
}

static void record_add(struct gateway *gateway, const char *application,
		       const struct faultline_record *record,
		       const struct faultline_capture *capture)
{
	struct event event = {
		.part = "kernel",
		.application = application,
		.time_ns = record->time_ns,
		.data = fault_record_describe(record),
	};
	char name[16], text[384];
	/* At its end a process has the name of whichever thread was the last. */
	bool main = record->flags & FAULTLINE_F_MAIN && application;
	const char *who = main ? application : record->comm;
	int width = main ? NAME_MAX_LEN : (int)sizeof(record->comm);

	if (record->type == FAULTLINE_RECORD_RANGE) {
		event.name = "range.outside";
		range_record_text(record, text, sizeof(text));
		collection_add(gateway, &event, "process %d (%.16s) %s, outside of its range%s", record->tgid,
			       record->comm, text, record->errno_ ? ": refused" : "");
	} else if (record->type == FAULTLINE_RECORD_HANG || record->type == FAULTLINE_RECORD_HANG_OVER) {
		bool over = record->type == FAULTLINE_RECORD_HANG_OVER;

		event.name = over ? "process.hangs-no-more" : "process.hangs";
		collection_add(gateway, &event, "process %d, thread %d (%.16s): %s%s",
			       record->tgid, record->tid, record->comm,
			       hang_text(record->code), over ? ": is over" : "");
	} else if (record->type == FAULTLINE_RECORD_FATAL && record->flags & FAULTLINE_F_OOM) {
		event.name = "process.fatal";
		collection_add(gateway, &event,
			       "memory ran out: the kernel killed process %d (%.16s)",
			       record->tgid, record->comm);
	} else if (record->type == FAULTLINE_RECORD_FATAL) {
		event.name = "process.fatal";
		origin_text(record, text, sizeof(text));
		collection_add(gateway, &event,
			       "%s in process %d (%.16s)%s; captured %u bytes of stack in %.0f us",
			       detector_signal_name(record->signo, name), record->tgid,
			       record->comm, text, capture ? capture->stack_len : 0,
			       capture ? capture->cost_ns / 1e3 : 0.);
	} else if (record->signo) {
		event.name = "process.ended";
		collection_add(gateway, &event, "process %d (%.*s) ended by %s",
			       record->tgid, width, who,
			       detector_signal_name(record->signo, name));
	} else {
		event.name = "process.ended";
		collection_add(gateway, &event, "process %d (%.*s) ended with status %d",
			       record->tgid, width, who, record->code);
	}
}

/* The process goes on: an event that may tell why it fails later, and no fault. */
static void limit_add(struct gateway *gateway, const char *application,
		      const struct faultline_record *record)
{
	const struct faultline_usage *usage =
		source_block_find(record, FAULTLINE_BLOCK_LIMIT, sizeof(*usage));
	struct event event = {
		.part = "kernel",
		.name = usage_kind(record),
		.application = application,
		.time_ns = record->time_ns,
		.data = fault_record_describe(record),
	};
	char text[256];

	if (usage)
		json_object_set_new(event.data, "usage", usage_describe(usage));
	usage_text(record, usage, text, sizeof(text));
	collection_add(gateway, &event, "%s", text);
}

/* A SIGKILL that the limit of memory is behind; the kernel counts before it kills. */
static void out_of_memory(const struct process *process, struct verdict *verdict)
{
	if (process_out_of_memory(process))
		strcpy(verdict->kind, "limit.memory");
}

/* What a record says of an application's present process. */
static struct verdict process_verdict(struct app *app, const struct faultline_record *record)
{
	bool heartbeat = record->code == FAULTLINE_HANG_HEARTBEAT;
	struct process *process = app->process;
	struct verdict verdict = { .fault = false };

	holding_record(app, record);
	if (record->flags & FAULTLINE_F_MAIN && record->type == FAULTLINE_RECORD_FATAL)
		process->dying = true;
	if (!process->stopping && !app->fault)
		verdict = detector_record(record);
	if (verdict.fault && record->type == FAULTLINE_RECORD_HANG && heartbeat)
		verdict.fault = heartbeat_believed(app, process, record);
	if (record->type == FAULTLINE_RECORD_HANG_OVER && heartbeat)
		watching_alive(&process->watching);
	if (verdict.fault && record->signo == SIGKILL)
		out_of_memory(process, &verdict);
	return verdict;
}

/* Is it of a process that waited in reserve and was never an application's? */
static bool of_reserve(const struct faultline_record *record, const char *application)
{
	return !application && record->flags & FAULTLINE_F_MAIN &&
	       (!strcmp(record->comm, "faultline-gate") || !strcmp(record->comm, "faultlined"));
}

void collection_record(void *user, const struct faultline_record *record,
		       const struct faultline_capture *capture)
{
	struct gateway *gateway = user;
	struct app *app = app_by_cookie(gateway, record->cookie);
	struct process *process = app ? app->process : NULL;
	const char *application = watch_application(gateway, record->cookie);
	const struct fault_evidence evidence = {
		.time_ns = record->time_ns, .record = record, .capture = capture };
	struct verdict verdict = { .fault = false };
	bool main = record->flags & FAULTLINE_F_MAIN;

	gateway->collection->seq = record->seq;
	if (process)
		verdict = process_verdict(app, record);
	/* First of all it is back. */
	if (verdict.fault)
		fault_meet(app, verdict.kind, &evidence);
	if (record->type == FAULTLINE_RECORD_LIMIT)
		limit_add(gateway, application, record);
	else if (record_known(record) && !of_reserve(record, application))
		record_add(gateway, application, record, capture);
	if (!process)
		return;
	if (main && (record->type == FAULTLINE_RECORD_FATAL || record->type == FAULTLINE_RECORD_EXIT))
		watch_remember(gateway->collection, record->cookie, app->name);
	if (verdict.fault)
		fault_begin(app, verdict.kind, &evidence);
	/* The fault may have replaced the process; then it is no longer the owner's. */
	if (main && record->type == FAULTLINE_RECORD_EXIT && app->process == process)
		process_recorded(process);
}

void collection_exit(struct app *app, struct process *process, int status)
{
	struct verdict verdict = detector_status(status);

	if (app->fault || (process->watched && process->recorded))
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		out_of_memory(process, &verdict);
	fault_begin(app, verdict.kind, &(struct fault_evidence){ .time_ns = clock_now() });
}

void collection_notification(struct app *app, const char *method, json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "name"));
	struct verdict verdict = { .fault = false };

	if (strcmp(method, "event") || !kind_valid(name)) {
		collection_add(app->gateway, &(struct event){
			.part = "application", .name = "channel.ignored",
			.application = app->name },
			"%s sent a notification that is not an event with a name", app->name);
		return;
	}
	collection_add(app->gateway, &(struct event){
		.part = "application", .name = name, .application = app->name,
		.data = json_incref(params) }, "%s reports %s", app->name, name);
	if (!app->fault && app->state == APP_RUNNING)
		verdict = detector_notification(params);
	if (verdict.fault)
		fault_begin(app, verdict.kind, &(struct fault_evidence){
			.time_ns = clock_now(), .report = params });
}

void collection_deadline(struct app *app, const char *processing)
{
	if (app->fault || app->holding.held || app->state != APP_RUNNING)
		return;
	collection_add(app->gateway, &(struct event){
		.part = "runtime", .name = "processing.deadline", .application = app->name },
		"%s did not answer %s in time", app->name, processing);
	fault_begin(app, "hang.deadline", &(struct fault_evidence){ .time_ns = clock_now() });
}

void collection_start_overdue(struct app *app)
{
	if (app->fault || app->holding.held || app->state != APP_STARTING)
		return;
	collection_add(app->gateway, &(struct event){
		.part = "runtime", .name = "application.unready", .application = app->name },
		"%s did not say READY=1 within its %d s", app->name, app->data->watch.start_s);
	fault_begin(app, "start.failed", &(struct fault_evidence){ .time_ns = clock_now() });
}

void collection_heartbeat(struct app *app, int interval_ms)
{
	json_t *report;

	if (app->fault || app->holding.held || app->state != APP_RUNNING ||
	    !watching_miss(&app->process->watching))
		return;
	if (interval_ms)
		collection_add(app->gateway, &(struct event){
			.part = "runtime", .name = "heartbeat.missed",
			.application = app->name },
			"%s did not say WATCHDOG=1 for %d ms", app->name, interval_ms);
	else
		collection_add(app->gateway, &(struct event){
			.part = "runtime", .name = "heartbeat.triggered",
			.application = app->name }, "%s says that it hangs", app->name);
	report = json_pack("{s:i, s:s}", "interval_ms", interval_ms, "status",
			   process_status(app->process));
	fault_begin(app, "hang.heartbeat", &(struct fault_evidence){
		.time_ns = clock_now(), .report = report });
	json_decref(report);
}
