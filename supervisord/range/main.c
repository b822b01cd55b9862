// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultline-range: runs a command, notes what it and all that it starts use, and
 * writes that as a range of operation. For whoever verifies an application
 * somewhere else than on a gateway.
 */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/range.h"
#include "supervisord/range/learning.h"
#include "supervisord/reliability/source.h"

static const char usage[] =
	"Usage: faultline-range [OPTION]... COMMAND [ARGUMENT]...\n"
	"Run a command and write what it uses as a range of operation.\n"
	"\n"
	"  -o, --output=FILE       write it there, not to standard output\n"
	"  -a, --application=NAME  whose range it is, \"unnamed\" by default\n"
	"  -r, --release=VERSION   of the application, \"0\" by default\n"
	"  -s, --state=FOLDER      its state folder: {state} in the range\n"
	"  -b, --bundle=FOLDER     its bundle: {bundle} in the range\n"
	"  -c, --check             only say whether this kernel can do it\n"
	"  -h, --help              this text\n"
	"  -V, --version           the version\n"
	"\n"
	"Exit status: the command's, 128 and its signal; 125 when it was not run or the\n"
	"range was not written. It runs as root, and so does the command unless it gives\n"
	"its rights up. See docs/probes.md.\n";

#define NOT_RUN 125

static struct {
	const char *output;
	const char *application;
	const char *release;
	struct range_places places;
	bool check;
} options = { .application = "unnamed", .release = "0" };

/* Return: 0 to go on, else the exit status plus one. */
static int options_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "application", required_argument, NULL, 'a' },
		{ "release", required_argument, NULL, 'r' },
		{ "state", required_argument, NULL, 's' },
		{ "bundle", required_argument, NULL, 'b' },
		{ "check", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+o:a:r:s:b:chV", longs, NULL)) >= 0)
		switch (c) {
		case 'o':
			options.output = optarg;
			break;
		case 'a':
			options.application = optarg;
			break;
		case 'r':
			options.release = optarg;
			break;
		case 's':
			options.places.state = optarg;
			break;
		case 'b':
			options.places.bundle = optarg;
			break;
		case 'c':
			options.check = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'V':
			puts("faultline-range " FAULTLINE_VERSION);
			return 1;
		default:
			fputs("Try \"faultline-range --help\".\n", stderr);
			return NOT_RUN + 1;
		}
	if (optind == argc && !options.check) {
		fputs(usage, stderr);
		return NOT_RUN + 1;
	}
	return 0;
}

static void record_seen(void *user, const struct faultline_record *record,
			const struct faultline_capture *capture)
{
}

static void ended(struct ev_loop *loop, ev_io *io, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

/* Runs it under a watch that learns; the status of wait(2), or a negative errno with @err set. */
static int command_run(struct ev_loop *loop, struct learning *learning, char **command,
		       struct error *err)
{
	int go[2], pidfd, status = 0, ret;
	uint32_t watch;
	pid_t pid;
	char byte;
	ev_io io;

	if (pipe(go))
		return error_set(err, -errno, "%s", strerror(errno));
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (read(go[0], &byte, 1) == 1) {
			close(go[0]);
			execvp(command[0], command);
			fprintf(stderr, "faultline-range: %s: %s\n", command[0], strerror(errno));
		}
		_exit(NOT_RUN);
	}
	close(go[0]);
	pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	ret = pidfd < 0 ? error_set(err, -errno, "%s", strerror(errno)) :
			  source_probes.watch(learning_source(learning), pid, 1, NULL, &watch, err);
	if (!ret)
		ret = learning_begin(learning, watch, err);
	if (!ret && write(go[1], "", 1) != 1)
		ret = error_set(err, -errno, "%s: %s", command[0], strerror(errno));
	close(go[1]);
	if (!ret) {
		ev_io_init(&io, ended, pidfd, EV_READ);
		ev_io_start(loop, &io);
		ev_run(loop, 0);
		ev_io_stop(loop, &io);
	}
	if (pidfd >= 0)
		close(pidfd);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return ret ? ret : status;
}

static int learnt_put(struct learning *learning, struct error *err)
{
	__cleanup_range struct range *range = learning_end(learning, options.application,
							   options.release, &options.places);

	if (options.output)
		return range_write(range, options.output, err);
	range_print(range, stdout);
	return 0;
}

static int learn(char **command, struct error *err)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct learning *learning = learning_open(loop, record_seen, NULL, err);
	int status, ret;

	if (!learning)
		status = err->code;
	else if (options.check)
		status = learning_begin(learning, 1, err);	/* no watch has this number */
	else
		status = command_run(loop, learning, command, err);
	ret = status < 0 || options.check ? 0 : learnt_put(learning, err);
	learning_close(learning);
	ev_loop_destroy(loop);
	return ret ? ret : status;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	int ret = options_parse(argc, argv);

	if (ret)
		return ret - 1;
	log_open("faultline-range", LOG_WARNING);
	ret = learn(argv + optind, &err);
	if (ret < 0) {
		fprintf(stderr, "faultline-range: %s\n", err.text);
		return NOT_RUN;
	}
	return WIFSIGNALED(ret) ? 128 + WTERMSIG(ret) : WEXITSTATUS(ret);
}
