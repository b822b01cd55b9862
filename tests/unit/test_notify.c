// SPDX-License-Identifier: GPL-2.0-only
/* What a process tells by sd_notify(3), and when its silence counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisord/runtime/notify.h"

#define HEARTBEAT_MS 500

struct fixture {
	struct ev_loop *loop;
	struct notify *notify;
	char folder[64];
	int beats;
	int missed;
};

static void nothing(void *user)
{
}

static void missed(void *user, int interval_ms)
{
	((struct fixture *)user)->missed++;
}

static void beat(void *user, int interval_ms)
{
	((struct fixture *)user)->beats++;
}

static void extended(void *user, double seconds)
{
}

static bool goes_on(void *user)
{
	return false;
}

static const struct notify_handler handler = {
	.ready = nothing,
	.start_overdue = nothing,
	.missed = missed,
	.extend = extended,
	.beat = beat,
	.still = goes_on,
};

static int setup(void **state)
{
	static struct fixture fixture;
	const struct application_watch watch = { .heartbeat_ms = HEARTBEAT_MS };
	struct error err;

	fixture = (struct fixture) { .loop = ev_loop_new(EVFLAG_AUTO), .folder = "/tmp/test_notify-XXXXXX" };
	assert_non_null(mkdtemp(fixture.folder));
	fixture.notify = notify_new(fixture.loop, fixture.folder, 1, getuid(), &watch, &err);
	assert_non_null(fixture.notify);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	notify_free(fixture->notify);
	ev_loop_destroy(fixture->loop);
	return rmdir(fixture->folder);
}

static void tell(struct fixture *fixture, const char *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, notify_path(fixture->notify));
	assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address,
				sizeof(address)), strlen(text));
	close(fd);
}

static void busy(int ms)
{
	usleep(ms * 1000);
}

/* For as long as the supervisor is at something else the loop does not know of the time. */
static void busy_supervisor(void **state)
{
	struct fixture *fixture = *state;

	busy(2 * HEARTBEAT_MS);
	notify_start(fixture->notify, getpid(), &handler, fixture);
	ev_run(fixture->loop, EVRUN_NOWAIT);
	assert_int_equal(fixture->missed, 0);

	tell(fixture, "WATCHDOG=1");
	busy(2 * HEARTBEAT_MS);
	notify_listen(fixture->notify);
	assert_int_equal(fixture->beats, 2);
	ev_run(fixture->loop, EVRUN_NOWAIT);
	assert_int_equal(fixture->missed, 0);
}

/* It is told once, until the heart beats again. */
static void silence(void **state)
{
	struct fixture *fixture = *state;

	notify_start(fixture->notify, getpid(), &handler, fixture);
	while (!fixture->missed)
		ev_run(fixture->loop, EVRUN_ONCE);
	busy(2 * HEARTBEAT_MS);
	ev_run(fixture->loop, EVRUN_NOWAIT);
	assert_int_equal(fixture->missed, 1);
	tell(fixture, "WATCHDOG=1");
	while (fixture->missed == 1)
		ev_run(fixture->loop, EVRUN_ONCE);
	assert_int_equal(fixture->beats, 2);
	tell(fixture, "WATCHDOG=trigger");
	while (fixture->missed == 2)
		ev_run(fixture->loop, EVRUN_ONCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(busy_supervisor, setup, teardown),
		cmocka_unit_test_setup_teardown(silence, setup, teardown),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
