// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/backtrace.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sandbox.h"
#include "supervisord/ctl/core.h"
#include "supervisord/ctl/unwind.h"
#include "supervisord/reliability/registers.h"

/* Of processor time; debugging information may be hundreds of megabytes. */
#define SECONDS 20
/* Far more than the frames need. */
#define ANSWER_MAX (1 << 20)

static const char missing[] = "callers and functions are not known here: install " LIBDW_PACKAGE;

static const struct sandbox_call calls[] = {
	SANDBOX_CALLS_BASE, { __NR_openat }, { __NR_readlinkat }, { __NR_faccessat }, { __NR_getdents64 },
	{ __NR_getcwd }, { __NR_dup }, { __NR_statfs },
#ifdef __NR_open
	{ __NR_open }, { __NR_stat }, { __NR_lstat }, { __NR_access }, { __NR_readlink },
#endif
};

/* What is left of the process's rights is to read files. */
static bool confine(void)
{
	const struct sandbox_path paths[] = { { .path = "/", .access = SANDBOX_READ } };
	struct rlimit seconds = { SECONDS, SECONDS }, none = { 0, 0 };
	struct error error;

	setrlimit(RLIMIT_CPU, &seconds);
	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_FSIZE, &none);
	/* Nobody asks a server for symbols because of what a file says. */
	unsetenv("DEBUGINFOD_URLS");
	return !sandbox_become(-1, -1, &error) &&
	       (!sandbox_landlock() || !sandbox_paths(paths, 1, SANDBOX_NETWORK_NONE, &error)) &&
	       (!sandbox_seccomp() || !sandbox_calls(calls, sizeof(calls) / sizeof(*calls), &error));
}

static json_t *plain_frames(const struct core *core)
{
	char buffer[REGISTER_NAME_SIZE];
	uint64_t pc = core_number(json_object_get(core->data, "registers"),
				  registers_name(core->machine, registers_pc(core->machine), buffer));

	return json_pack("[o]", unwind_frame(core, pc, pc));
}

static json_t *answer_make(json_t *frames, const char *note)
{
	json_t *answer = json_pack("{s:o}", "frames", frames);

	if (note)
		json_object_set_new(answer, "note", json_string(note));
	return answer;
}

/* The child. It answers in any case: an end without an answer is libdw's. */
static void child(int to, const struct core *core)
{
	const struct libdw *libdw = libdw_load();
	json_t *frames = json_array(), *answer;
	const char *note;

	if (!libdw) {
		answer = answer_make(plain_frames(core), missing);
	} else if (!confine()) {
		answer = answer_make(plain_frames(core), "this process cannot be confined, so no file is looked into");
	} else {
		note = unwind(libdw, core, frames);
		answer = answer_make(json_incref(frames), note);
	}
	json_dumpfd(answer, to, JSON_COMPACT);
	_exit(0);
}

static json_t *answer_read(int from)
{
	char *text __cleanup_free = malloc(ANSWER_MAX);
	size_t size = 0;
	ssize_t n = 1;

	while (text && size < ANSWER_MAX && n > 0) {
		n = read(from, text + size, ANSWER_MAX - size);
		size += n > 0 ? n : 0;
	}
	return text ? json_loadb(text, size, 0, NULL) : NULL;
}

static json_t *ask_child(const struct core *core)
{
	json_t *answer;
	int ends[2];
	pid_t pid;

	if (pipe(ends))
		return NULL;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(ends[0]);
		child(ends[1], core);
	}
	close(ends[1]);
	answer = pid > 0 ? answer_read(ends[0]) : NULL;
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return answer;
}

json_t *backtrace_make(json_t *data)
{
	struct core *core = calloc(1, sizeof(*core));
	struct error error = {};
	json_t *answer = NULL;

	if (core) {
		core->data = data;
		if (!core_parse(core, &error)) {
			answer = ask_child(core);
			if (!json_is_array(json_object_get(answer, "frames"))) {
				json_decref(answer);
				answer = answer_make(plain_frames(core), "the program's files could not be read");
			}
		}
	}
	core_free(core);
	return answer;
}
