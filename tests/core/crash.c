// SPDX-License-Identifier: GPL-2.0-only
/* crash main|library|thread|abort|overflow|thread-overflow: faults in that way. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void library_write(int *to, int value);
void library_call(void (*function)(int), int value);

static int *volatile nowhere;

static int __attribute__((noinline)) fault(int depth)
{
	if (!depth)
		*nowhere = 7;
	else
		fault(depth - 1);
	return depth;
}

/* From the library back into the program, and into the library again. */
static void from_library(int value)
{
	library_write(nowhere, value);
}

static void *in_thread(void *with)
{
	fault(3);
	return with;
}

static void *waiting(void *with)
{
	for (;;)
		pause();
	return with;
}

static int __attribute__((noinline)) overflow(int depth)
{
	volatile char room[256];

	room[0] = depth;
	return depth < 0 ? 0 : overflow(depth + 1) + room[0];
}

static void *overflow_in_thread(void *with)
{
	overflow(0);
	return with;
}

static void threads(void *(*function)(void *))
{
	pthread_t thread;

	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, waiting, NULL);
	pthread_create(&thread, NULL, function, NULL);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	struct rlimit limit = { 512 << 10, 512 << 10 };
	const char *way = argc > 1 ? argv[1] : "";

	if (!strcmp(way, "main")) {
		fault(5);
	} else if (!strcmp(way, "library")) {
		library_call(from_library, 41);
	} else if (!strcmp(way, "thread")) {
		threads(in_thread);
	} else if (!strcmp(way, "abort")) {
		abort();
	} else if (!strcmp(way, "thread-overflow")) {
		threads(overflow_in_thread);
	} else if (!strcmp(way, "overflow")) {
		setrlimit(RLIMIT_STACK, &limit);
		overflow(0);
	}
	return 1;
}
