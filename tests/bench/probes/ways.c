// SPDX-License-Identifier: GPL-2.0-only
#include "tests/bench/probes/ways.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "tests/bench/probes/bench.h"

static int connector = -1;

static uint64_t know_by_probes(pid_t pid)
{
	while (!bench.known_ns)
		ev_run(bench.loop, EVRUN_ONCE);
	return bench.known_ns;
}

static uint64_t know_by_waitpid(pid_t pid)
{
	siginfo_t info;

	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	return bench_now_ns();
}

static uint64_t know_by_pidfd(pid_t pid)
{
	__cleanup_close int fd = syscall(SYS_pidfd_open, pid, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		bench_die("pidfd_open");
	poll(&poll_fd, 1, -1);
	return bench_now_ns();
}

bool ways_connector_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	struct {
		struct nlmsghdr header;
		struct cn_msg message;
		enum proc_cn_mcast_op op;
	} __attribute__((packed)) request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE },
		.message = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(request.op) },
		.op = PROC_CN_MCAST_LISTEN,
	};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    send(fd, &request, sizeof(request), 0) < 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	connector = fd;
	return true;
}

void ways_connector_close(void)
{
	close(connector);
	connector = -1;
}

/* COREDUMP comes for each signal that may dump core, before it is known whether one is written. */
static uint64_t know_by_connector(pid_t pid)
{
	char buffer[4096] __attribute__((aligned(8)));

	for (;;) {
		ssize_t size = recv(connector, buffer, sizeof(buffer), 0);
		struct proc_event event;

		if (size < (ssize_t)(NLMSG_HDRLEN + sizeof(struct cn_msg) + sizeof(event)))
			continue;
		memcpy(&event, buffer + NLMSG_HDRLEN + sizeof(struct cn_msg), sizeof(event));
		if ((event.what == PROC_EVENT_EXIT && event.event_data.exit.process_pid == pid) ||
		    (event.what == PROC_EVENT_COREDUMP &&
		     event.event_data.coredump.process_pid == pid))
			return bench_now_ns();
	}
}

const struct way ways[WAYS] = {
	{ "waitpid", false, false, know_by_waitpid },
	{ "probes", true, false, know_by_probes },
	{ "pidfd poll", false, false, know_by_pidfd },
	{ "proc connector", false, true, know_by_connector },
};
