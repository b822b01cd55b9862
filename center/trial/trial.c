// SPDX-License-Identifier: GPL-2.0-only
#include "center/trial/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "supervisord/gateway.h"
#include "supervisord/range/learning.h"
#include "supervisord/reliability/detector.h"
#include "supervisord/runtime/isolation.h"
#include "supervisord/runtime/logs.h"
#include "supervisord/runtime/process.h"
#include "supervisord/runtime/runtimes.h"

/* A fault may follow an answer: so long is waited behind the last one. */
#define SETTLE_S 0.25

/**
 * struct trial - an application that is tried
 * @current: index of the case that is asked or comes next
 * @begun_ns: when it was asked
 * @learning: of its range, or NULL
 * @over: the end was told
 */
struct trial {
	struct ev_loop *loop;
	struct application *application;
	struct runtimes *runtimes;
	struct isolation *isolation;
	struct logs *logs;
	struct process *process;
	struct learning *learning;
	const json_t *plan;
	json_t *cases;
	size_t current;
	bool begun;
	uint64_t begun_ns;
	bool over;
	ev_timer settle;
	trial_tell_fn tell;
};

static const char *text_of(const json_t *plan, const char *key)
{
	const char *text = json_string_value(json_object_get(plan, key));

	return text ? text : "";
}

static void trial_end(struct trial *trial, json_t *line)
{
	if (trial->over) {
		json_decref(line);
		return;
	}
	trial->over = true;
	trial->tell(line);
	ev_break(trial->loop, EVBREAK_ALL);
}

static void trial_fault(struct trial *trial, const char *kind, const char *text)
{
	bool asked = trial->begun && trial->current < json_array_size(trial->cases);

	trial_end(trial, json_pack("{s:s, s:o, s:s, s:o}", "fault", kind, "case",
				   asked ? json_integer(trial->current) : json_null(), "text", text,
				   "log", process_log_lines(trial->process)));
}

static void case_ask(struct trial *trial);

static void case_answered(void *user, int code, json_t *result, json_t *error)
{
	struct trial *trial = user;
	double ms = (clock_now() - trial->begun_ns) / 1e6;
	const char *message = json_string_value(json_object_get(error, "message"));

	if (trial->over)
		return;
	if (code == -ETIMEDOUT) {
		trial_fault(trial, "hang.deadline", "it did not answer in time");
		return;
	}
	/* A channel that broke is followed by the end that broke it. */
	if (code)
		return;
	if (error)
		trial->tell(json_pack("{s:I, s:s, s:f}", "case", (json_int_t)trial->current, "error",
				      message ? message : "", "ms", ms));
	else
		trial->tell(json_pack("{s:I, s:O?, s:f}", "case", (json_int_t)trial->current,
				      "answered", result, "ms", ms));
	trial->current++;
	case_ask(trial);
}

static void case_ask(struct trial *trial)
{
	json_t *one = json_array_get(trial->cases, trial->current);
	const struct application_processing *processing;

	trial->begun = true;
	trial->begun_ns = clock_now();
	if (!one) {
		ev_timer_start(trial->loop, &trial->settle);
		return;
	}
	if (!trial->application->channel) {	/* that it runs is all that is asked of it */
		case_answered(trial, 0, NULL, NULL);
		return;
	}
	processing = application_processing(trial->application, text_of(one, "processing"));
	if (!processing || !trial->process->channel)
		return;		/* the end that broke the channel follows */
	jsonrpc_call(trial->process->channel, processing->name,
		     json_deep_copy(json_object_get(one, "arguments")), processing->timeout_s,
		     case_answered, trial);
}

static void settled(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct trial *trial = timer->data;

	if (!trial->over && !trial->process->gone)
		process_stop(trial->process);
}

static void app_event(void *user, const char *method, json_t *params)
{
	struct trial *trial = user;

	if (!strcmp(method, "event") && detector_notification(params).fault)
		trial->tell(json_pack("{s:O}", "report", params));
}

static void app_ready(void *user)
{
	struct trial *trial = user;

	if (!trial->begun)
		case_ask(trial);
}

static void app_start_overdue(void *user)
{
	trial_fault(user, "start.failed", "it did not say READY=1 in time");
}

static void app_heartbeat_missed(void *user, int interval_ms)
{
	trial_fault(user, "hang.heartbeat", "its heart did not beat in time");
}

static void app_watched(void *user, uint32_t watch)
{
	struct trial *trial = user;
	struct error err = { 0 };

	if (learning_begin(trial->learning, watch, &err))
		trial->tell(json_pack("{s:s}", "unlearnt", err.text));
}

static void record_seen(void *user, const struct faultline_record *record,
			const struct faultline_capture *capture)
{
	struct trial *trial = user;

	if (trial->process && record->type == FAULTLINE_RECORD_EXIT &&
	    record->tgid == trial->process->pid)
		process_recorded(trial->process);
}

/* As a document; NULL where nothing was learnt. */
static json_t *range_document(const struct range *range)
{
	json_t *document = NULL;
	char *text = NULL;
	size_t size;
	FILE *file = range->count ? open_memstream(&text, &size) : NULL;

	if (file) {
		range_print(range, file);
		fclose(file);
		document = json_string(text);
	}
	free(text);
	return document;
}

static void range_tell(struct trial *trial)
{
	const struct range_places places = {
		.state = text_of(trial->plan, "state"), .bundle = text_of(trial->plan, "folder"),
	};
	__cleanup_range struct range *range = NULL;
	json_t *document;

	if (!trial->learning)
		return;
	range = learning_end(trial->learning, trial->application->name,
			     trial->application->version, &places);
	document = range_document(range);
	if (document)
		trial->tell(json_pack("{s:o}", "range", document));
}

static void app_exited(void *user, int status)
{
	struct trial *trial = user;
	struct verdict verdict = detector_status(status);
	char text[96], name[16];

	if (trial->process->stopping && !trial->over) {
		range_tell(trial);
		trial_end(trial, json_pack("{s:i}", "ended", status));
		return;
	}
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "it was ended by %s",
			 detector_signal_name(WTERMSIG(status), name));
	else
		snprintf(text, sizeof(text), "it ended by itself with status %d", WEXITSTATUS(status));
	trial_fault(trial, process_out_of_memory(trial->process) ? "limit.memory" : verdict.kind, text);
}

static const struct process_handler handler = {
	.event = app_event,
	.ready = app_ready,
	.start_overdue = app_start_overdue,
	.heartbeat_missed = app_heartbeat_missed,
	.watched = app_watched,
	.exited = app_exited,
};

static int trial_start(struct trial *trial, struct error *err)
{
	struct process_setup setup = {
		.application = trial->application,
		.folder = text_of(trial->plan, "folder"),
		.state_folder = text_of(trial->plan, "state"),
		.notify_folder = text_of(trial->plan, "notify"),
		.uid = json_integer_value(json_object_get(trial->plan, "uid")),
		.isolation = trial->isolation,
		.logs = trial->logs,
		.handler = &handler,
		.user = trial,
	};
	int ret;

	if (trial->learning) {
		setup.source_ops = &source_probes;
		setup.source = learning_source(trial->learning);
	}

	setup.command = runtimes_command(trial->runtimes, trial->application, setup.folder, NULL, err);
	if (!setup.command)
		return -ENOENT;
	ret = process_start(&trial->process, trial->loop, &setup, err);
	runtimes_command_free(setup.command);
	return ret;
}

static int trial_open(struct trial *trial, struct error *err)
{
	__cleanup_free char *data = alloc_format("%s/" APPLICATION_FILE, text_of(trial->plan, "folder"));
	__cleanup_free char *name = alloc_format("trial-%d", getpid());
	struct error why = { 0 };

	trial->application = application_read(data, err);
	if (!trial->application)
		return err->code;
	trial->runtimes = runtimes_read(text_of(trial->plan, "runtimes"), err);
	if (!trial->runtimes)
		return err->code;
	trial->logs = logs_open(text_of(trial->plan, "logs"), err);
	if (!trial->logs)
		return err->code;
	trial->isolation = isolation_open(name);
	trial->tell(json_pack("{s:o}", "isolation", isolation_describe(trial->isolation)));
	trial->learning = learning_open(trial->loop, record_seen, trial, &why);
	if (!trial->learning)
		trial->tell(json_pack("{s:s}", "unlearnt", why.text));
	return 0;
}

static void trial_close(struct trial *trial)
{
	if (trial->process) {
		trial->over = true;
		trial->process->handler = NULL;
		if (!trial->process->gone)
			process_kill(trial->process);
		process_free(trial->process);
	}
	learning_close(trial->learning);
	isolation_close(trial->isolation);
	if (trial->logs)
		logs_close(trial->logs);
	runtimes_free(trial->runtimes);
	application_free(trial->application);
}

int trial_run(struct ev_loop *loop, const json_t *plan, trial_tell_fn tell, struct error *err)
{
	struct trial trial = {
		.loop = loop,
		.plan = plan,
		.cases = json_object_get(plan, "cases"),
		.tell = tell,
	};
	int ret = trial_open(&trial, err);

	ev_timer_init(&trial.settle, settled, SETTLE_S, 0.);
	trial.settle.data = &trial;
	if (!ret)
		ret = trial_start(&trial, err);
	if (!ret) {
		if (!trial.application->watch.ready)
			case_ask(&trial);
		ev_run(loop, 0);
		ev_timer_stop(loop, &trial.settle);
	}
	trial_close(&trial);
	return ret;
}
