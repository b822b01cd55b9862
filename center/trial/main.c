// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultline-trial: tries one application for "faultline-center app add". It reads a
 * plan as JSON on standard input (trial.h), starts the application as a gateway
 * does, asks it for its processings, and writes a line of JSON for each answer.
 * Beside what a gateway takes away, there is no network but loopback.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "center/trial/room.h"
#include "center/trial/trial.h"
#include "lib/log.h"

static FILE *answers;

static void line_write(json_t *line)
{
	json_dumpf(line, answers, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', answers);
	fflush(answers);
	json_decref(line);
}

static void xml_quiet(void *user, xmlErrorPtr error)
{
}

static int plan_try(const json_t *plan, struct error *err)
{
	const char *equipment = json_string_value(json_object_get(plan, "equipment"));
	struct ev_loop *loop;
	pid_t pid = 0;
	int ret = room_enter(err);

	if (!ret && equipment)
		ret = room_equip(equipment, &pid, err);
	if (!ret) {
		/* Not the default loop, which reaps every child. */
		loop = ev_loop_new(EVFLAG_AUTO);
		ret = trial_run(loop, plan, line_write, err);
		ev_loop_destroy(loop);
	}
	room_clear(pid);
	return ret;
}

int main(int argc, char **argv)
{
	struct error err = {};
	json_error_t why;
	json_t *plan;
	int ret;

	if (argc > 1) {
		fputs("Usage: faultline-trial <PLAN\n"
		      "It is started by \"faultline-center app add\".\n", stderr);
		return 2;
	}
	log_open("faultline-trial", LOG_WARNING);
	signal(SIGPIPE, SIG_IGN);
	xmlSetStructuredErrorFunc(NULL, xml_quiet);
	plan = json_loadf(stdin, 0, &why);
	/* What equipment prints is no answer. */
	answers = fdopen(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), "w");
	if (!json_is_object(plan) || !answers || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		fputs("faultline-trial: no plan on standard input\n", stderr);
		return 2;
	}
	ret = plan_try(plan, &err);
	if (ret)
		line_write(json_pack("{s:s}", "failed", err.text));
	json_decref(plan);
	fclose(answers);
	xmlCleanupParser();
	return ret ? 1 : 0;
}
