// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/usage.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *kind;
	const char *what;
} limits[] = {
	[FAULTLINE_LIMIT_UNSPEC] = { "limit.other", "something" },
	[FAULTLINE_LIMIT_MEMORY] = { "limit.memory", "memory (bytes)" },
	[FAULTLINE_LIMIT_PROCESSES] = { "limit.processes", "processes" },
	[FAULTLINE_LIMIT_FILES] = { "limit.files", "open files" },
	[FAULTLINE_LIMIT_CPU] = { "limit.cpu", "processor time (ns)" },
	[FAULTLINE_LIMIT_FILESIZE] = { "limit.filesize", "the size of a file (bytes)" },
	[FAULTLINE_LIMIT_STACK] = { "limit.stack", "stack (bytes)" },
	[FAULTLINE_LIMIT_SPACE] = { "limit.space", "room" },
};

static const struct {
	const char *name;
	const char *whose;
} scopes[] = {
	[FAULTLINE_SCOPE_UNSPEC] = { "unknown", "the limit" },
	[FAULTLINE_SCOPE_SOFT] = { "soft", "the soft limit" },
	[FAULTLINE_SCOPE_PROCESS] = { "process", "its limit" },
	[FAULTLINE_SCOPE_USER] = { "user", "the limit of its user" },
	[FAULTLINE_SCOPE_CGROUP] = { "cgroup", "the limit of its group" },
	[FAULTLINE_SCOPE_FILESYSTEM] = { "filesystem", "the end of the file system, or of a quota," },
	[FAULTLINE_SCOPE_SYSTEM] = { "system", "the limit of the machine" },
};

static size_t limit_index(const struct faultline_record *record)
{
	return record->code > 0 && (size_t)record->code < COUNT(limits) ? record->code : 0;
}

static size_t scope_index(const struct faultline_usage *usage)
{
	return usage && usage->scope < COUNT(scopes) ? usage->scope : 0;
}

const char *usage_kind(const struct faultline_record *record)
{
	return limits[limit_index(record)].kind;
}

void usage_text(const struct faultline_record *record, const struct faultline_usage *usage,
		char *text, size_t size)
{
	char figures[64] = "", times[32] = "";

	if (usage && usage->limit)
		snprintf(figures, sizeof(figures), ": %llu of %llu",
			 (unsigned long long)usage->used, (unsigned long long)usage->limit);
	if (usage && usage->times > 1)
		snprintf(times, sizeof(times), ", %u times by now", usage->times);
	snprintf(text, size, "process %d (%.16s) reached %s of %s%s%s%s%s", record->tgid,
		 record->comm, scopes[scope_index(usage)].whose, limits[limit_index(record)].what,
		 figures, record->errno_ ? ": " : "",
		 record->errno_ ? strerror(record->errno_) : "", times);
}

json_t *usage_describe(const struct faultline_usage *usage)
{
	json_t *object = json_pack("{s:s, s:I}", "scope", scopes[scope_index(usage)].name,
				   "times", (json_int_t)usage->times);

	if (usage->limit) {
		json_object_set_new(object, "used", json_integer(usage->used));
		json_object_set_new(object, "limit", json_integer(usage->limit));
	}
	return object;
}
