// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultline-link: the gateway's only process that speaks with the network, the
 * outer half of remote management (32). It carries bytes between the center
 * and descriptors that faultlined passes to it, knows nothing of what they
 * mean, and can reach nothing else of the gateway.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/log.h"
#include "supervisord/link/control.h"
#include "supervisord/link/protocol.h"
#include "lib/sandbox.h"
#include "supervisord/link/transfer.h"
#include "supervisord/pages.h"

static const struct option long_options[] = {
	{ "user", required_argument, NULL, 'u' },
	{ "ca", required_argument, NULL, 'c' },
	{ "stall", required_argument, NULL, 's' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ },
};

static const char usage[] =
	"Usage: faultline-link [--user NAME] [--ca FILE] [--stall SECONDS] [--verbose]\n"
	"Started by faultlined, which passes a socket as descriptor 3.\n"
	"  --user NAME      user to run as; started as root\n"
	"  --ca FILE        trusted certificates (PEM) instead of the system's\n"
	"  --stall SECONDS  give up a transfer in which nothing moves for so long (30)\n"
	"  --verbose        log each transfer\n";

/*
 * What the resolver and TLS read: /etc as a whole, since resolv.conf and its
 * like are replaced by renames, which a rule on the file itself would not follow.
 */
static int enter_paths(const char *ca, struct error *err)
{
	const struct sandbox_path paths[] = {
		{ .path = "/etc" },
		{ .path = "/usr/lib" },
		{ .path = "/usr/share" },
		{ .path = "/usr/local/share/ca-certificates" },
		{ .path = "/lib" },
		{ .path = "/lib64" },
		{ .path = "/run/systemd/resolve" },
		{ .path = "/run/resolvconf" },
		{ .path = "/run/NetworkManager" },
		{ .path = ca ? ca : "/etc/ssl" },
	};

	return sandbox_paths(paths, sizeof(paths) / sizeof(*paths), SANDBOX_NETWORK_CONNECT,
			     err);
}

static int enter_calls(struct error *err)
{
	static const struct sandbox_call allowed[] = {
		SANDBOX_CALLS_BASE,
		/* The supervisor and the network. */
		{ __NR_recvmsg }, { __NR_sendmsg }, { __NR_recvfrom }, { __NR_sendto },
		{ __NR_ppoll }, { __NR_connect }, { __NR_shutdown },
		{ __NR_getsockname }, { __NR_getpeername }, { __NR_getsockopt },
		{ __NR_setsockopt }, { __NR_socketpair }, { __NR_pipe2 }, { __NR_eventfd2 },
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_INET },
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_INET6 },
		/* The resolver: name services by their sockets, addresses by netlink. */
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_UNIX },
		{ __NR_socket, SANDBOX_EQUAL, 0, AF_NETLINK },
		{ __NR_bind }, { __NR_sendmmsg }, { __NR_recvmmsg },
		{ __NR_openat }, { __NR_faccessat }, { __NR_faccessat2 }, { __NR_statx },
		{ __NR_readlinkat }, { __NR_getdents64 }, { __NR_uname }, { __NR_sysinfo },
		{ __NR_getuid }, { __NR_geteuid }, { __NR_getgid }, { __NR_getegid },
		{ __NR_ioctl, SANDBOX_EQUAL, 1, FIONREAD },
		{ __NR_ioctl, SANDBOX_EQUAL, 1, FIONBIO },
		/* It runs in threads: clone3() fails as unknown, and clone() can only make those. */
		{ __NR_clone, SANDBOX_MASK, 0, CLONE_VM | CLONE_THREAD },
		{ __NR_set_robust_list }, { __NR_rseq }, { __NR_sched_yield },
		{ __NR_sched_getaffinity }, { __NR_prlimit64 }, { __NR_getrusage },
		{ __NR_prctl, SANDBOX_EQUAL, 0, PR_SET_NAME },
		{ __NR_prctl, SANDBOX_EQUAL, 0, PR_SET_VMA },
#ifdef __x86_64__
		{ __NR_poll }, { __NR_open }, { __NR_access }, { __NR_stat }, { __NR_lstat },
		{ __NR_readlink }, { __NR_time },
#endif
	};

	return sandbox_calls(allowed, sizeof(allowed) / sizeof(*allowed), err);
}

static void enter_limits(void)
{
	const struct rlimit files = { 256, 256 }, none = { 0, 0 };

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_MEMLOCK, &none);
	setrlimit(RLIMIT_MSGQUEUE, &none);
}

static int enter_sandbox(const char *user, const char *ca, struct error *err)
{
	uid_t uid = -1;
	gid_t gid = -1;
	int r = 0;

	if (user)
		r = sandbox_user(user, &uid, &gid, err);
	if (!r)
		r = sandbox_become(uid, gid, err);
	if (!r)
		r = enter_paths(ca, err);
	enter_limits();
	return r ? r : enter_calls(err);
}

/* Takes all that the supervisor has sent. */
static int take_requests(struct error *err)
{
	struct control_request request;
	int r;

	while ((r = control_receive(&request, err)) > 0) {
		if (request.cancel)
			transfer_cancel(request.id);
		else
			r = transfer_start(&request, err);
		control_request_clear(&request);
		if (r < 0)
			break;
	}
	return r;
}

/* Ends with -EPIPE when the supervisor does. */
static int serve(struct error *err)
{
	int r = 0;

	while (!r) {
		r = transfers_run();
		if (!r)
			r = transfers_wait(LINK_FD);
		if (!r)
			r = take_requests(err);
	}
	return r;
}

static int socket_check(struct error *err)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (getsockopt(LINK_FD, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_SEQPACKET)
		return error_set(err, -EBADF, "descriptor %d is not faultlined's socket: "
				 "this program is started by faultlined", LINK_FD);
	return 0;
}

int main(int argc, char **argv)
{
	struct transfer_options options = { .stall_s = 30 };
	struct error err = { };
	const char *user = NULL;
	int option, r;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		switch (option) {
		case 'u':
			user = optarg;
			break;
		case 'c':
			options.ca = optarg;
			break;
		case 's':
			options.stall_s = atol(optarg);
			break;
		case 'v':
			options.verbose = true;
			break;
		default:
			fputs(usage, option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	if (optind < argc || options.stall_s < 1 || options.stall_s > INT_MAX) {
		fputs(usage, stderr);
		return 2;
	}
	log_open("faultline-link", options.verbose ? LOG_DEBUG : LOG_NOTICE);
	signal(SIGPIPE, SIG_IGN);
	/* The resolver's threads share one heap instead of having one each. */
	mallopt(M_ARENA_MAX, 1);
	r = socket_check(&err);
	if (!r && transfers_init(&options))
		r = error_set(&err, -ENOMEM, "libcurl does not start: no memory");
	pages_find();
	if (!r)
		r = enter_sandbox(user, options.ca, &err);
	if (!r)
		r = serve(&err);
	if (r != -EPIPE) {
		log_error("%s", err.text[0] ? err.text : strerror(-r));
		return 1;
	}
	transfers_exit();
	return 0;
}
