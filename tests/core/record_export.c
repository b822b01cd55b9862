// SPDX-License-Identifier: GPL-2.0-only
/*
 * record_export module|probes FILE PROGRAM [ARGUMENT...]: watches PROGRAM, and
 * writes the data of its first fault into FILE, as "faultctl fault export" does.
 * HOLD_MS in the environment: its faults are held for so long.
 */
#include <errno.h>
#include <ev.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisord/reliability/detector.h"
#include "supervisord/reliability/fault_record.h"
#include "supervisord/reliability/source.h"

#define LIMIT_S 60

struct export {
	struct ev_loop *loop;
	const char *path;
	bool written;
};

static void record_seen(void *user, const struct faultline_record *record,
			const struct faultline_capture *capture)
{
	struct export *export = user;
	json_t *data, *document;

	if (record->type != FAULTLINE_RECORD_FATAL || export->written ||
	    record->cookie != (uint64_t)getpid())
		return;
	data = json_object();
	fault_record_add(data, record, capture);
	document = json_pack("{s:s, s:i, s:{s:s, s:s, s:o}}", "format", "faultline-fault",
			     "edition", 1, "fault", "id", "test", "kind",
			     detector_record(record).kind, "data", data);
	export->written = !json_dump_file(document, export->path, JSON_INDENT(1));
	json_decref(document);
	ev_break(export->loop, EVBREAK_ALL);
}

static void time_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

static pid_t program_start(char **argv, int *go)
{
	int gate[2];
	char byte;
	pid_t pid;

	if (pipe(gate))
		return -1;
	pid = fork();
	if (!pid) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) == 1)
			execv(argv[0], argv);
		_exit(127);
	}
	close(gate[0]);
	*go = gate[1];
	return pid;
}

int main(int argc, char **argv)
{
	const struct source_ops *ops = argc > 1 && !strcmp(argv[1], "module") ? &source_module :
										&source_probes;
	struct export export = { .loop = ev_loop_new(EVFLAG_AUTO) };
	struct source_settings settings = {};
	struct error error = {};
	struct source *source;
	ev_timer timer;
	uint32_t watch;
	pid_t pid;
	int go;

	if (argc < 4)
		return 2;
	export.path = argv[2];
	if (getenv("HOLD_MS"))
		source_settings_give(&settings, FAULTLINE_WATCH_A_HOLD_MS, atoi(getenv("HOLD_MS")));
	if (ops->open(&source, export.loop, record_seen, &export, NULL, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return 4;
	}
	pid = program_start(argv + 3, &go);
	if (pid < 0 || ops->watch(source, pid, getpid(), &settings, &watch, &error) || write(go, "", 1) != 1) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	ev_timer_init(&timer, time_over, LIMIT_S, 0);
	ev_timer_start(export.loop, &timer);
	ev_run(export.loop, 0);
	waitpid(pid, NULL, 0);
	ops->close(source);
	return export.written ? 0 : 1;
}
