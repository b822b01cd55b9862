// SPDX-License-Identifier: GPL-2.0-only
/*
 * An application that does nothing but report events, so many a second; for gateway_bench.py.
 *
 *   chatter RATE
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char event[] =
	"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"name\":\"bench.tick\",\"severity\":\"info\",\"celsius\":21.5}}\n";

int main(int argc, char **argv)
{
	int rate = argc > 1 ? atoi(argv[1]) : 0;
	struct pollfd in = { .fd = 0, .events = POLLIN };
	struct timespec next;
	char line[4096];

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (;;) {
		/* The end of its input is what ends an application. */
		if (poll(&in, 1, rate ? 0 : -1) > 0 && read(0, line, sizeof(line)) <= 0)
			return 0;
		if (!rate)
			continue;
		next.tv_nsec += 1000000000 / rate;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		if (write(1, event, sizeof(event) - 1) < 0)
			return 1;
	}
}
