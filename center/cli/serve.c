// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center serve: the daemon. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/cli/command.h"
#include "center/http/server.h"
#include "center/ready.h"
#include "lib/log.h"

enum {
	OPTION_LISTEN = 0x200,
	OPTION_CERTIFICATE,
	OPTION_KEY,
	OPTION_RATE,
	OPTION_BYTES,
	OPTION_QUOTA,
	OPTION_SIGN,
};

#define RATE_DEFAULT 200
#define BYTES_DEFAULT_KIB 1024
#define QUOTA_DEFAULT_MIB 1024

static int64_t limit_parse(struct argp_state *state, const char *option, const char *text)
{
	char *end;
	long long number = strtoll(text, &end, 10);

	if (end == text || *end || number < 0 || number > 1000000000)
		argp_error(state, "--%s %s: a whole number is needed; 0: no limit", option, text);
	return number;
}

/* Begins with struct arguments, as command_operand() needs it. */
struct serve_arguments {
	struct arguments common;
	struct server_settings settings;
	bool verbose;
};

static error_t serve_parse(int key, char *text, struct argp_state *state)
{
	struct serve_arguments *arguments = state->input;
	struct server_settings *settings = &arguments->settings;

	switch (key) {
	case OPTION_LISTEN:
		settings->listen = text;
		return 0;
	case OPTION_CERTIFICATE:
		settings->certificate = text;
		return 0;
	case OPTION_KEY:
		settings->key = text;
		return 0;
	case OPTION_RATE:
		settings->limits.rate = limit_parse(state, "gateway-rate", text);
		return 0;
	case OPTION_BYTES:
		settings->limits.bytes_per_s = limit_parse(state, "gateway-bytes", text) << 10;
		return 0;
	case OPTION_QUOTA:
		settings->limits.quota = limit_parse(state, "gateway-quota", text) << 20;
		return 0;
	case OPTION_SIGN:
		settings->sign = text;
		return 0;
	case 'v':
		arguments->verbose = true;
		return 0;
	case ARGP_KEY_END:
		if (!settings->certificate != !settings->key)
			argp_error(state, "--tls-cert and --tls-key go together");
		return 0;
	default:
		return command_operand(key, text, state);
	}
}

/* Until told to stop; the signals are blocked, also in the threads made later. */
static void stop_wait(const sigset_t *signals)
{
	int number;

	while (sigwait(signals, &number) == EINTR)
		;
	log_notice("stopping (%s)", strsignal(number));
}

static int serve(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "listen", OPTION_LISTEN, "ADDRESS:PORT", 0,
		  "Where to listen (127.0.0.1:8080); port 0: one that is free", 0 },
		{ "tls-cert", OPTION_CERTIFICATE, "FILE", 0, "Certificate chain, PEM: serve HTTPS", 0 },
		{ "tls-key", OPTION_KEY, "FILE", 0, "Its private key, PEM", 0 },
		{ "gateway-rate", OPTION_RATE, "N", 0,
		  "Reports a second that one gateway may send in the long run (200); 0: no limit", 0 },
		{ "gateway-bytes", OPTION_BYTES, "KIB", 0, "Likewise KiB a second (1024)", 0 },
		{ "gateway-quota", OPTION_QUOTA, "MIB", 0,
		  "What the faults of one gateway may take in the store (1024)", 0 },
		{ "sign-key", OPTION_SIGN, "FILE", 0,
		  "Sign the list of countermeasures with this key when it is changed over HTTP", 0 },
		{ "verbose", 'v', NULL, 0, "Log what clients do wrong", 0 },
		{},
	};
	static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };
	static const struct argp argp = {
		.options = options,
		.parser = serve_parse,
		.doc = "Serve gateways until SIGTERM. Prints where it listens.",
		.children = children,
	};
	struct serve_arguments arguments = {
		.common = { .cli = cli },
		.settings = {
			.listen = "127.0.0.1:8080",
			.limits = { RATE_DEFAULT, BYTES_DEFAULT_KIB << 10,
				    (int64_t)QUOTA_DEFAULT_MIB << 20 },
		},
	};
	struct error err = {};
	struct server *server;
	sigset_t signals;
	char url[128];

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	log_open(COMMAND_PROGRAM, arguments.verbose ? LOG_DEBUG : LOG_NOTICE);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	/* A peer that is gone and a limit of file size are errors to answer, not to die of. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	arguments.settings.place = cli->place;
	server = server_start(&arguments.settings, url, &err);
	if (!server)
		return command_fail(&err);
	printf("listening on %s\n", url);
	fflush(stdout);
	ready_notify("READY=1");
	stop_wait(&signals);
	ready_notify("STOPPING=1");
	server_stop(server);
	return 0;
}

const struct command serve_commands[] = {
	{ "serve", NULL, "serve gateways", serve },
	{},
};
