// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/run_kept.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/script/interpretation.h"
#include "supervisord/runtime/keeper.h"

#define PREFIX "run/"
#define NAME_SIZE 32

static void kept_name(char name[NAME_SIZE], uint64_t begun_ns)
{
	snprintf(name, NAME_SIZE, PREFIX "%" PRIx64, begun_ns);
}

void run_kept_put(const struct gateway *gateway, const struct run_kept *kept)
{
	char name[NAME_SIZE];

	kept_name(name, kept->begun_ns);
	keeper_put(gateway->keeper, name,
		   json_pack("{s:s, s:I, s:i, s:s*, s:o*}", "service", kept->service, "begun_ns",
			     (json_int_t)kept->begun_ns, "faults", kept->faults, "order",
			     kept->order, "drive", kept->drive),
		   &kept->text, kept->text >= 0);
}

void run_kept_drop(const struct gateway *gateway, uint64_t begun_ns)
{
	char name[NAME_SIZE];

	kept_name(name, begun_ns);
	keeper_drop(gateway->keeper, name);
}

/** struct run_kept_item - one of a supervisor before this one, until its run goes on */
struct run_kept_item {
	struct run_kept_item *next;
	json_t *data;
	int text;
};

bool run_kept_take(struct gateway *gateway, const char *name, json_t *data, int *fds, int n)
{
	struct run_kept_item **last = &gateway->runs_kept, *item;

	if (strncmp(name, PREFIX, strlen(PREFIX)))
		return false;
	while (*last)
		last = &(*last)->next;
	item = alloc_zero(1, sizeof(*item));
	item->data = json_incref(data);
	item->text = n ? steal_fd(&fds[0]) : -1;
	*last = item;
	return true;
}

void run_kept_hand_out(struct gateway *gateway,
		       void (*fn)(struct gateway *gateway, const struct run_kept *kept))
{
	struct run_kept_item *item;

	while ((item = gateway->runs_kept)) {
		const struct run_kept kept = {
			.service = json_string_value(json_object_get(item->data, "service")),
			.begun_ns = json_integer_value(json_object_get(item->data, "begun_ns")),
			.faults = json_integer_value(json_object_get(item->data, "faults")),
			.order = json_string_value(json_object_get(item->data, "order")),
			.drive = json_object_get(item->data, "drive"),
			.text = item->text,
		};

		gateway->runs_kept = item->next;
		if (fn && kept.service)
			fn(gateway, &kept);
		closep(&item->text);
		json_decref(item->data);
		free(item);
	}
}

int run_kept_text(const char *text, size_t size)
{
	int fd = memfd_create("script", MFD_CLOEXEC);

	if (fd >= 0 && !fd_write(fd, text, size))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

char *run_kept_read(int text, size_t *size)
{
	__cleanup_free char *content = NULL;
	struct stat st;

	if (text < 0 || fstat(text, &st) || st.st_size > SCRIPT_SIZE_MAX)
		return NULL;
	content = malloc(st.st_size + 1);
	if (!content || pread(text, content, st.st_size, 0) != st.st_size)
		return NULL;
	content[st.st_size] = '\0';
	*size = st.st_size;
	return steal_pointer(&content);
}
