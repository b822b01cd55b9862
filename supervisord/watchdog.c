// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/watchdog.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/gateway.h"
#include "supervisord/settings.h"

/* The descriptor that a supervisor leaves to the one that it executes in its place. */
#define LEFT "FAULTLINE_WATCHDOG_FD"

/* Fed so many times within its timeout. */
#define TIMES 3

struct watchdog {
	ev_timer manager;
	double manager_s;	/* 0: it does not ask for it */
	ev_timer feed;
	int fd;			/* -1: no device */
	int timeout_s;		/* as the device has it */
	bool has_reset;
	char error[128];
};

void watchdog_manager_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(address.sun_path))
		return;
	/* Where nobody reads the supervisor does not wait for that. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	memcpy(address.sun_path, path, len + 1);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
	       offsetof(struct sockaddr_un, sun_path) + len);
	close(fd);
}

static void manager_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	watchdog_manager_notify("WATCHDOG=1");
}

/* WATCHDOG_USEC, meant for this process (sd_watchdog_enabled(3)), in seconds; 0: it is not asked for. */
static double manager_interval(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end = NULL;
	unsigned long long number = usec ? strtoull(usec, &end, 10) : 0;

	if (!number || *end || (pid && atoi(pid) != getpid()))
		return 0;
	return number / 1e6;
}

static void feed_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct watchdog *watchdog = timer->data;

	if (ioctl(watchdog->fd, WDIOC_KEEPALIVE, 0) < 0)
		log_error("watchdog: %m");
}

/* The device that the supervisor before left open: its time goes on, and nobody else could open it. */
static int left_take(void)
{
	const char *text = getenv(LEFT);
	struct watchdog_info info;
	int fd = text ? atoi(text) : -1;

	unsetenv(LEFT);
	if (fd <= STDERR_FILENO || ioctl(fd, WDIOC_GETSUPPORT, &info) < 0)
		return -1;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

/* Switched off; one that cannot be (nowayout) resets the gateway unless somebody else feeds it. */
static void device_release(int fd)
{
	if (write(fd, "V", 1) < 0)
		log_warning("watchdog: it cannot be switched off: %m");
	close(fd);
}

static int device_open(struct watchdog *watchdog, const struct settings *settings)
{
	int left = left_take(), status = 0, timeout = settings->watchdog_s;

	if (!settings->watchdog) {
		if (left >= 0)
			device_release(left);
		return 0;
	}
	watchdog->fd = left >= 0 ? left : open(settings->watchdog, O_WRONLY | O_CLOEXEC);
	if (watchdog->fd < 0)
		return -errno;
	if (ioctl(watchdog->fd, WDIOC_GETBOOTSTATUS, &status) == 0)
		watchdog->has_reset = status > 0 && status & WDIOF_CARDRESET;
	/* One that has a time of its own keeps it. */
	if (ioctl(watchdog->fd, WDIOC_SETTIMEOUT, &timeout) < 0 &&
	    ioctl(watchdog->fd, WDIOC_GETTIMEOUT, &timeout) < 0)
		timeout = 0;
	if (timeout <= 0) {
		device_release(steal_fd(&watchdog->fd));
		return -EOPNOTSUPP;
	}
	watchdog->timeout_s = timeout;
	return 0;
}

void watchdog_open(struct gateway *gateway)
{
	struct watchdog *watchdog = alloc_zero(1, sizeof(*watchdog));
	int ret;

	gateway->watchdog = watchdog;
	watchdog->fd = -1;
	watchdog->manager_s = manager_interval();
	ev_timer_init(&watchdog->manager, manager_due, 0., watchdog->manager_s / TIMES);
	if (watchdog->manager_s > 0)
		ev_timer_start(gateway->loop, &watchdog->manager);
	ret = device_open(watchdog, gateway->settings);
	if (ret) {
		snprintf(watchdog->error, sizeof(watchdog->error), "%.80s: %s", gateway->settings->watchdog,
			 strerror(-ret));
		log_error("watchdog: %s; the gateway is without it", watchdog->error);
	}
	ev_timer_init(&watchdog->feed, feed_due, 0., (double)watchdog->timeout_s / TIMES);
	watchdog->feed.data = watchdog;
	if (watchdog->fd >= 0)
		ev_timer_start(gateway->loop, &watchdog->feed);
}

static void device_leave(int fd)
{
	char text[16];

	ioctl(fd, WDIOC_KEEPALIVE, 0);
	fcntl(fd, F_SETFD, 0);
	snprintf(text, sizeof(text), "%d", fd);
	setenv(LEFT, text, 1);
}

void watchdog_close(struct gateway *gateway, bool leave)
{
	struct watchdog *watchdog = gateway->watchdog;

	if (!watchdog)
		return;
	ev_timer_stop(gateway->loop, &watchdog->manager);
	ev_timer_stop(gateway->loop, &watchdog->feed);
	if (watchdog->fd >= 0 && leave)
		device_leave(watchdog->fd);
	else if (watchdog->fd >= 0)
		device_release(watchdog->fd);
	gateway->watchdog = NULL;
	free(watchdog);
}

bool watchdog_has_reset(const struct gateway *gateway)
{
	return gateway->watchdog && gateway->watchdog->has_reset;
}

json_t *watchdog_describe(const struct gateway *gateway)
{
	const struct watchdog *watchdog = gateway->watchdog;
	json_t *object = json_object();

	if (watchdog && watchdog->manager_s > 0)
		json_object_set_new(object, "manager_s", json_real(watchdog->manager_s));
	if (watchdog && watchdog->fd >= 0) {
		json_object_set_new(object, "device", json_string(gateway->settings->watchdog));
		json_object_set_new(object, "device_s", json_integer(watchdog->timeout_s));
	}
	if (watchdog && watchdog->error[0])
		json_object_set_new(object, "error", json_string(watchdog->error));
	return object;
}
