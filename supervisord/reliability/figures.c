// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/figures.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "supervisord/reliability/source.h"
#include "supervisord/runtime/cgroup.h"
#include "supervisord/runtime/process.h"

/* The longest that is read whole: memory.stat of 6.12 has 60 lines. */
#define LATER_MAX 4096
#define FILE_MAX 256

/* Of the application's group: what falls as soon as the process is ended. */
static const char *const group_files[] = { "memory.current", "memory.swap.current", "pids.current" };

/* What stays for as long as the group is there. */
static const char *const group_files_later[] = {
	"memory.peak", "memory.max", "memory.high", "memory.events", "memory.pressure", "memory.stat",
	"pids.peak", "pids.max", "pids.events", "cpu.stat", "cpu.pressure", "io.pressure",
};

static const char *const resources[] = { "cpu", "memory", "io" };

/* Lines of /proc/PID/limits, by the names of getrlimit(2). */
static const struct {
	const char *name;
	const char *line;
} limits[] = {
	{ "as", "Max address space " }, { "core", "Max core file size " }, { "cpu", "Max cpu time " },
	{ "data", "Max data size " }, { "fsize", "Max file size " }, { "locks", "Max file locks " },
	{ "memlock", "Max locked memory " }, { "msgqueue", "Max msgqueue size " },
	{ "nice", "Max nice priority " }, { "nofile", "Max open files " }, { "nproc", "Max processes " },
	{ "rss", "Max resident set " }, { "rtprio", "Max realtime priority " },
	{ "rttime", "Max realtime timeout " }, { "sigpending", "Max pending signals " },
	{ "stack", "Max stack size " },
};

/* Lines of /proc/PID/status that are figures; all of them are gone with the process's memory but the last. */
static const char *const status_keys[] = {
	"VmPeak", "VmSize", "VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem", "VmSwap", "VmStk", "Threads",
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct figures {
	int process;	/* its folder in /proc, which is no other's even once it is reaped; or -1 */
	int group;	/* its cgroup, or -1 */
	char group_text[COUNT(group_files)][FILE_MAX];
	char status_text[2048];
};

static void text_read(int folder, const char *file, char *text, size_t size)
{
	__cleanup_close int fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
}

static void process_read(struct figures *figures, const struct process *process)
{
	char path[32];

	/* Once it is reaped its number may be another's. */
	if (!process->gone) {
		snprintf(path, sizeof(path), "/proc/%d", process->pid);
		figures->process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		text_read(figures->process, "status", figures->status_text,
			  sizeof(figures->status_text));
	}
	if (!process->cgroup)
		return;
	figures->group = fcntl(cgroup_fd(process->cgroup), F_DUPFD_CLOEXEC, 0);
	for (size_t i = 0; i < COUNT(group_files); i++)
		text_read(figures->group, group_files[i], figures->group_text[i], FILE_MAX);
}

struct figures *figures_read(const struct process *process)
{
	struct figures *figures = alloc_zero(1, sizeof(*figures));

	figures->process = figures->group = -1;
	if (process)
		process_read(figures, process);
	return figures;
}

/* A number of the kernel's, or its word for one that is not limited. */
static json_t *value_describe(const char *text)
{
	char *end;
	long long number = strtoll(text, &end, 10);

	if (end == text)
		return json_string(text);
	return *end == '.' ? json_real(strtod(text, NULL)) : json_integer(number);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static json_t *stall_describe(char *pairs)
{
	json_t *object = json_object();
	char *save = NULL;

	for (char *pair = strtok_r(pairs, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
		char *value = strchr(pair, '=');

		if (!value)
			continue;
		*value++ = '\0';
		json_object_set_new(object, pair, value_describe(value));
	}
	return object;
}

/* A value alone, lines of a key and a value, or lines of a key and pairs. */
static json_t *file_describe(char *text)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);
	json_t *object;

	if (!line)
		return NULL;
	if (!strchr(line, ' '))
		return value_describe(line);
	object = json_object();
	for (; line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		json_object_set_new(object, line, strchr(value, '=') ? stall_describe(value) :
								       value_describe(value));
	}
	return object;
}

static json_t *group_describe(struct figures *figures)
{
	json_t *group = json_object();
	char text[LATER_MAX];

	for (size_t i = 0; i < COUNT(group_files); i++)
		json_object_set_new(group, group_files[i], file_describe(figures->group_text[i]));
	for (size_t i = 0; i < COUNT(group_files_later); i++) {
		text_read(figures->group, group_files_later[i], text, sizeof(text));
		json_object_set_new(group, group_files_later[i], file_describe(text));
	}
	return group;
}

static json_t *pressure_describe(void)
{
	json_t *pressure = json_object();
	char path[32], text[FILE_MAX];

	for (size_t i = 0; i < COUNT(resources); i++) {
		snprintf(path, sizeof(path), "/proc/pressure/%s", resources[i]);
		text_read(AT_FDCWD, path, text, sizeof(text));
		json_object_set_new(pressure, resources[i], file_describe(text));
	}
	return pressure;
}

/* It has them until it is reaped. */
static json_t *limits_describe(const struct figures *figures)
{
	json_t *object = json_object();
	char text[LATER_MAX], soft[24], hard[24];

	text_read(figures->process, "limits", text, sizeof(text));
	for (size_t i = 0; i < COUNT(limits); i++) {
		const char *found = strstr(text, limits[i].line);

		if (found && sscanf(found + strlen(limits[i].line), "%23s %23s", soft, hard) == 2)
			json_object_set_new(object, limits[i].name, json_pack("{s:o, s:o}", "soft",
				value_describe(soft), "hard", value_describe(hard)));
	}
	return object;
}

/* Memory is in kB there, and in bytes here, as the cgroup's is. */
static json_t *status_describe(const struct figures *figures)
{
	json_t *object = json_object();

	for (size_t i = 0; i < COUNT(status_keys); i++) {
		char pattern[16];
		const char *found;

		snprintf(pattern, sizeof(pattern), "\n%s:", status_keys[i]);
		found = strstr(figures->status_text, pattern);
		if (found)
			json_object_set_new(object, status_keys[i], json_integer(
				atoll(found + strlen(pattern)) * (*status_keys[i] == 'T' ? 1 : 1024)));
	}
	return object;
}

/* What the kernel counted when it happened, in place of what there was to be read later. */
static void memory_describe(json_t *object, const struct faultline_record *record)
{
	const struct faultline_memory *memory =
		source_block_find(record, FAULTLINE_BLOCK_MEMORY, sizeof(*memory));

	if (!memory)
		return;
	if (memory->resident_peak)
		json_object_set_new(object, "VmHWM", json_integer(memory->resident_peak));
	if (memory->block.flags & FAULTLINE_MEMORY_ENDED)
		return;
	json_object_set_new(object, "VmPeak", json_integer(memory->size_peak));
	json_object_set_new(object, "VmSize", json_integer(memory->size));
	json_object_set_new(object, "VmRSS", json_integer(memory->resident));
	json_object_set_new(object, "RssAnon", json_integer(memory->anon));
	json_object_set_new(object, "RssFile", json_integer(memory->file));
	json_object_set_new(object, "RssShmem", json_integer(memory->shmem));
	json_object_set_new(object, "VmSwap", json_integer(memory->swap));
	json_object_set_new(object, "VmStk", json_integer(memory->stack));
}

static json_t *process_describe(const struct figures *figures, const struct faultline_record *record)
{
	json_t *object = status_describe(figures);

	if (record && record->flags & FAULTLINE_F_MAIN)
		memory_describe(object, record);
	return object;
}

static void part_add(json_t *object, const char *name, json_t *part)
{
	if (json_object_size(part))
		json_object_set(object, name, part);
	json_decref(part);
}

json_t *figures_describe(struct figures *figures, const struct faultline_record *record)
{
	json_t *object = json_object();

	part_add(object, "process", process_describe(figures, record));
	part_add(object, "limits", limits_describe(figures));
	if (figures->group >= 0)
		part_add(object, "cgroup", group_describe(figures));
	part_add(object, "pressure", pressure_describe());
	closep(&figures->process);
	closep(&figures->group);
	free(figures);
	return object;
}
