// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/detector.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "supervisord/reliability/hang_data.h"
#include "supervisord/reliability/source.h"

const char *detector_signal_name(int signo, char *buffer)
{
	const char *name = sigabbrev_np(signo);

	if (name)
		snprintf(buffer, 16, "SIG%s", name);
	else
		snprintf(buffer, 16, "SIGRT%d", signo);
	return buffer;
}

static struct verdict signal_verdict(int signo)
{
	struct verdict verdict = { .fault = true };
	char name[16];

	detector_signal_name(signo, name);
	for (char *p = name; *p; p++)
		*p = tolower((unsigned char)*p);
	snprintf(verdict.kind, sizeof(verdict.kind), "signal.%s", name + strlen("SIG"));
	return verdict;
}

/* An application ends when it is asked to: by itself, even well, is a fault. */
static struct verdict exit_verdict(int code)
{
	struct verdict verdict = { .fault = true };

	strcpy(verdict.kind, code ? "exit.nonzero" : "exit.unexpected");
	return verdict;
}

static bool stack_is_used_up(const struct faultline_record *record)
{
	const struct faultline_address *address =
		source_block_find(record, FAULTLINE_BLOCK_ADDRESS, sizeof(*address));

	return address && address->what == FAULTLINE_ADDRESS_STACK;
}

/* A limit that ended the process: what was too little tells more than the signal that said so. */
static struct verdict fatal_verdict(const struct faultline_record *record)
{
	const char *limit = NULL;
	struct verdict verdict;

	if (record->flags & FAULTLINE_F_OOM)
		limit = "limit.memory";
	else if (record->signo == SIGSEGV && stack_is_used_up(record))
		limit = "limit.stack";
	else if (record->signo == SIGXCPU && record->flags & FAULTLINE_F_KERNEL)
		limit = "limit.cpu";
	else if (record->signo == SIGXFSZ && !(record->flags & FAULTLINE_F_SENT))
		limit = "limit.filesize";
	verdict = signal_verdict(record->signo);
	if (limit)
		strcpy(verdict.kind, limit);
	return verdict;
}

static struct verdict range_verdict(const struct faultline_record *record)
{
	static const char *const kinds[] = {
		[FAULTLINE_RANGE_FILE] = "range.file",
		[FAULTLINE_RANGE_EXEC] = "range.exec",
		[FAULTLINE_RANGE_NET] = "range.net",
		[FAULTLINE_RANGE_CAPABILITY] = "range.capability",
	};
	struct verdict verdict = { .fault = record->code > FAULTLINE_RANGE_UNSPEC &&
					    record->code <= FAULTLINE_RANGE_CAPABILITY };

	if (verdict.fault)
		strcpy(verdict.kind, kinds[record->code]);
	return verdict;
}

static struct verdict hang_verdict(int code)
{
	struct verdict verdict = { .fault = hang_data_name(code) };

	if (verdict.fault)
		snprintf(verdict.kind, sizeof(verdict.kind), "hang.%s", hang_data_name(code));
	return verdict;
}

struct verdict detector_record(const struct faultline_record *record)
{
	switch (record->type) {
	case FAULTLINE_RECORD_FATAL:
		return fatal_verdict(record);
	case FAULTLINE_RECORD_RANGE:
		return range_verdict(record);
	case FAULTLINE_RECORD_EXIT:
		/* A helper process may come and go; only a fatal signal of it matters. */
		if (!(record->flags & FAULTLINE_F_MAIN))
			break;
		return record->signo ? fatal_verdict(record) :
				       exit_verdict(record->code);
	case FAULTLINE_RECORD_HANG:
		return hang_verdict(record->code);
	}
	return (struct verdict){ .fault = false };
}

struct verdict detector_status(int status)
{
	return WIFSIGNALED(status) ? signal_verdict(WTERMSIG(status)) :
				     exit_verdict(WEXITSTATUS(status));
}

struct verdict detector_notification(const json_t *params)
{
	const char *severity = json_string_value(json_object_get(params, "severity"));
	const char *name = json_string_value(json_object_get(params, "name"));
	struct verdict verdict = {
		.fault = severity && !strcmp(severity, "fault") && kind_valid(name) &&
			 strlen(name) < KIND_MAX_LEN - strlen("application."),
	};

	if (verdict.fault)
		snprintf(verdict.kind, sizeof(verdict.kind), "application.%.*s",
			 KIND_MAX_LEN - (int)strlen("application."), name);
	return verdict;
}
