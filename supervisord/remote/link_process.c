// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/link_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "supervisord/program.h"

/* A proxy is the gateway's business; all else in the environment is not the link's. */
static const char *const environment_kept[] = {
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
	"NO_PROXY", "JOURNAL_STREAM", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
};

#define ENVIRONMENT_MAX (sizeof(environment_kept) / sizeof(*environment_kept) + 1)

static void environment_fill(char *kept[ENVIRONMENT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < ENVIRONMENT_MAX - 1; i++) {
		size_t length = strlen(environment_kept[i]);

		for (char **e = environ; *e; e++)
			if (!strncmp(*e, environment_kept[i], length) && (*e)[length] == '=')
				kept[n++] = *e;
	}
	kept[n] = NULL;
}

static void arguments_fill(char *arguments[10], const struct link_options *options,
			   char *stall, size_t stall_size)
{
	size_t n = 0;

	arguments[n++] = "faultline-link";
	if (options->user) {
		arguments[n++] = "--user";
		arguments[n++] = (char *)options->user;
	}
	if (options->ca) {
		arguments[n++] = "--ca";
		arguments[n++] = (char *)options->ca;
	}
	if (options->stall_s) {
		snprintf(stall, stall_size, "%u", options->stall_s);
		arguments[n++] = "--stall";
		arguments[n++] = stall;
	}
	if (options->verbose)
		arguments[n++] = "--verbose";
	arguments[n] = NULL;
}

int link_process_start(struct link_process *process, const struct link_options *options,
		       struct error *err)
{
	char *environment[ENVIRONMENT_MAX], *arguments[10], stall[16];
	__cleanup_close int theirs = -1;
	__cleanup_close int ours = -1;
	int pair[2];
	int r;

	*process = (struct link_process){ .pidfd = -1, .socket = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_set(err, -errno, "no socket for faultline-link: %s", strerror(errno));
	ours = pair[0];
	theirs = pair[1];
	environment_fill(environment);
	arguments_fill(arguments, options, stall, sizeof(stall));
	r = program_spawn(options->program, theirs, arguments, environment, &process->pid);
	if (r)
		return error_set(err, r, "cannot start %s: %s; install it there", options->program,
				 strerror(-r));
	process->pidfd = syscall(__NR_pidfd_open, process->pid, 0);
	if (process->pidfd < 0) {
		r = error_set(err, -errno, "no descriptor for faultline-link: %s", strerror(errno));
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
		return r;
	}
	process->socket = steal_fd(&ours);
	return 0;
}

void link_process_kill(const struct link_process *process)
{
	if (process->pidfd >= 0)
		syscall(__NR_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
}

const char *link_process_end(struct link_process *process)
{
	static char text[32];
	siginfo_t info = { };
	int r;

	link_process_kill(process);
	do {
		r = waitid(P_PIDFD, process->pidfd, &info, WEXITED);
	} while (r < 0 && errno == EINTR);
	/* A SIGCHLD handler that waits for everybody may have been faster. */
	if (r < 0 || !info.si_pid)
		snprintf(text, sizeof(text), "unknown status");
	else
		snprintf(text, sizeof(text), "%s %d",
			 info.si_code == CLD_EXITED ? "exit status" : "signal", info.si_status);
	close(process->pidfd);
	close(process->socket);
	*process = (struct link_process){ .pidfd = -1, .socket = -1 };
	return text;
}
