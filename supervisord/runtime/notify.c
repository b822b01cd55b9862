// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"

/* As systemd bounds a message. */
#define MESSAGE_MAX 4096
/* Descriptors of one message that are taken, to be closed. */
#define FDS_MAX 16
/* Messages that are read in one turn of the loop. */
#define MESSAGES_A_TURN 16
/* A day: more is an error of the application's. */
#define TIME_MAX_S 86400.

struct notify {
	struct ev_loop *loop;
	ev_io io;
	ev_timer start;
	ev_timer heartbeat;
	struct application_watch watch;
	const struct notify_handler *handler;
	void *user;
	pid_t pid;
	uid_t uid;
	bool ready;
	bool over;	/* it is to end, and is only asked for patience */
	char status[NOTIFY_STATUS_MAX + 1];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void timer_set(struct notify *notify, ev_timer *timer, double seconds)
{
	timer->repeat = seconds;
	ev_timer_again(notify->loop, timer);
}

/* The heart is to beat within its interval, from now on. */
static void heartbeat_begin(struct notify *notify)
{
	ev_timer_again(notify->loop, &notify->heartbeat);
	notify->handler->beat(notify->user, notify->heartbeat.repeat * 1000);
}

static void heartbeat_end(struct notify *notify)
{
	ev_timer_stop(notify->loop, &notify->heartbeat);
	notify->handler->beat(notify->user, 0);
}

static void heartbeat_missed(struct notify *notify, double seconds)
{
	ev_timer_stop(notify->loop, &notify->heartbeat);
	notify->handler->missed(notify->user, seconds * 1000);
}

static void status_set(struct notify *notify, const char *text)
{
	char before[sizeof(notify->status)];

	strcpy(before, notify->status);
	snprintf(notify->status, sizeof(notify->status), "%s", text);
	text_clean(notify->status);
	if (notify->handler && notify->handler->status && strcmp(before, notify->status))
		notify->handler->status(notify->user);
}

/* Seconds of a text in microseconds; 0 when it is none. */
static double time_parse(const char *text)
{
	char *end;
	unsigned long long usec = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end)
		return 0;
	return usec / 1e6 < TIME_MAX_S ? usec / 1e6 : TIME_MAX_S;
}

static void ready_told(struct notify *notify)
{
	if (notify->ready)
		return;
	notify->ready = true;
	ev_timer_stop(notify->loop, &notify->start);
	if (notify->heartbeat.repeat > 0)
		heartbeat_begin(notify);
	notify->handler->ready(notify->user);
}

static void time_extended(struct notify *notify, double seconds)
{
	if (seconds <= 0)
		return;
	if (notify->ready || notify->over)
		notify->handler->extend(notify->user, seconds);
	else if (!ev_is_active(&notify->start) ||
		 seconds > ev_timer_remaining(notify->loop, &notify->start))
		timer_set(notify, &notify->start, seconds);
}

static void interval_told(struct notify *notify, double seconds)
{
	if (seconds <= 0)
		return;
	notify->heartbeat.repeat = seconds;
	if (notify->ready)
		heartbeat_begin(notify);
}

static void heartbeat_told(struct notify *notify, const char *what)
{
	if (!strcmp(what, "trigger"))
		heartbeat_missed(notify, 0);
	else if (!strcmp(what, "1") && notify->heartbeat.repeat > 0)
		heartbeat_begin(notify);
}

static void line_take(struct notify *notify, const char *line)
{
	if (!strncmp(line, "STATUS=", 7))
		status_set(notify, line + 7);
	else if (!strncmp(line, "EXTEND_TIMEOUT_USEC=", 20))
		time_extended(notify, time_parse(line + 20));
	else if (notify->over)
		return;
	else if (!strcmp(line, "READY=1"))
		ready_told(notify);
	else if (!strncmp(line, "WATCHDOG=", 9))
		heartbeat_told(notify, line + 9);
	else if (!strncmp(line, "WATCHDOG_USEC=", 14))
		interval_told(notify, time_parse(line + 14));
	else if (!strcmp(line, "STOPPING=1"))
		heartbeat_end(notify);
}

static bool sender_valid(const struct notify *notify, const struct ucred *sender)
{
	return sender && sender->uid == notify->uid &&
	       (notify->watch.all || sender->pid == notify->pid);
}

/* Closes what descriptors came; a barrier of sd_notify_barrier(3) is such a one. */
static const struct ucred *control_take(struct msghdr *message)
{
	const struct ucred *sender = NULL;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS &&
		    c->cmsg_len == CMSG_LEN(sizeof(struct ucred)))
			sender = (const struct ucred *)CMSG_DATA(c);
		if (c->cmsg_type == SCM_RIGHTS)
			for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
				close(((int *)CMSG_DATA(c))[i]);
	}
	return sender;
}

/* Return: false when there is none. */
static bool message_take(struct notify *notify)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred)) +
					      CMSG_SPACE(FDS_MAX * sizeof(int))];
	char text[MESSAGE_MAX + 1], *save = NULL;
	struct iovec part = { .iov_base = text, .iov_len = MESSAGE_MAX };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(notify->io.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return false;
	if (!sender_valid(notify, control_take(&message)) || message.msg_flags & MSG_TRUNC)
		return true;
	text[n] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		line_take(notify, line);
	return true;
}

/*
 * What a message leads to only begins here: this is never freed meanwhile. The
 * time of the loop is that of the turn's begin, which may be long ago: at the
 * start of a supervisor it is older than all that it takes over.
 */
static void messages_take(struct notify *notify)
{
	ev_now_update(notify->loop);
	for (int i = 0; i < MESSAGES_A_TURN && message_take(notify); i++)
		;
}

void notify_listen(struct notify *notify)
{
	messages_take(notify);
}

static void notify_readable(struct ev_loop *loop, ev_io *io, int events)
{
	messages_take(io->data);
}

static void start_overdue(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct notify *notify = timer->data;

	ev_timer_stop(loop, timer);
	messages_take(notify);
	if (!notify->ready && !notify->over && !ev_is_active(timer))
		notify->handler->start_overdue(notify->user);
}

/*
 * The heart may have beaten while the supervisor was late itself, and a process
 * that is stopped, traced or frozen cannot: both get another turn.
 */
static void heartbeat_overdue(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct notify *notify = timer->data;

	ev_timer_stop(loop, timer);
	messages_take(notify);
	if (notify->over || ev_is_active(timer))
		return;
	if (notify->handler->still(notify->user))
		ev_timer_again(loop, timer);
	else
		heartbeat_missed(notify, timer->repeat);
}

static int socket_bind(struct notify *notify, const char *folder, uint64_t id, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	__cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (snprintf(notify->path, sizeof(notify->path), "%s/%" PRIx64, folder, id) >=
	    (int)sizeof(notify->path)) {
		notify->path[0] = '\0';
		return error_set(err, -ENAMETOOLONG, "%s: too long for a socket's path", folder);
	}
	strcpy(address.sun_path, notify->path);
	if (folder_make(folder, 0711, err))
		return err->code;
	unlink(notify->path);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    chown(notify->path, notify->uid, notify->uid) || chmod(notify->path, 0600))
		return error_set(err, -errno, "%s: %m", notify->path);
	notify->io.fd = steal_fd(&fd);
	return 0;
}

static struct notify *notify_make(struct ev_loop *loop, uid_t uid,
				  const struct application_watch *watch)
{
	struct notify *notify = alloc_zero(1, sizeof(*notify));

	notify->loop = loop;
	notify->uid = uid;
	notify->watch = *watch;
	ev_init(&notify->io, notify_readable);
	ev_init(&notify->start, start_overdue);
	ev_init(&notify->heartbeat, heartbeat_overdue);
	notify->io.data = notify->start.data = notify->heartbeat.data = notify;
	notify->heartbeat.repeat = watch->heartbeat_ms / 1e3;
	notify->io.fd = -1;
	notify->ready = !watch->ready;
	return notify;
}

struct notify *notify_new(struct ev_loop *loop, const char *folder, uint64_t id, uid_t uid,
			  const struct application_watch *watch, struct error *err)
{
	struct notify *notify = notify_make(loop, uid, watch);

	if (!socket_bind(notify, folder, id, err))
		return notify;
	notify_free(notify);
	return NULL;
}

struct notify *notify_adopt(struct ev_loop *loop, int fd, const char *path, uid_t uid,
			    const struct application_watch *watch, bool ready, const char *status)
{
	struct notify *notify = notify_make(loop, uid, watch);

	notify->io.fd = fd;
	notify->ready = ready;
	status_set(notify, status ? status : "");
	snprintf(notify->path, sizeof(notify->path), "%s", path);
	return notify;
}

void notify_leave(struct notify *notify)
{
	notify_stop(notify);
	ev_io_stop(notify->loop, &notify->io);
	closep(&notify->io.fd);
	free(notify);
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	if (notify->path[0])
		unlink(notify->path);
	notify_leave(notify);
}

void notify_start(struct notify *notify, pid_t pid, const struct notify_handler *handler,
		  void *user)
{
	notify->pid = pid;
	notify->handler = handler;
	notify->user = user;
	ev_io_set(&notify->io, notify->io.fd, EV_READ);
	ev_io_start(notify->loop, &notify->io);
	ev_now_update(notify->loop);
	if (!notify->ready)
		timer_set(notify, &notify->start, notify->watch.start_s);
	else if (notify->heartbeat.repeat > 0)
		heartbeat_begin(notify);
}

void notify_stop(struct notify *notify)
{
	notify->over = true;
	ev_timer_stop(notify->loop, &notify->start);
	ev_timer_stop(notify->loop, &notify->heartbeat);
}

int notify_fd(const struct notify *notify)
{
	return notify->io.fd;
}

bool notify_ready(const struct notify *notify)
{
	return notify->ready;
}

const char *notify_path(const struct notify *notify)
{
	return notify->path;
}

const char *notify_status(const struct notify *notify)
{
	return notify->status;
}
