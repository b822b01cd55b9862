// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/range_record.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/range.h"
#include "supervisord/reliability/source.h"

#define NAME_SIZE 320

/* Names are the application's own; JSON and terminals take what is printable. */
static void name_copy(char *name, const char *path, size_t room)
{
	size_t n = 0;

	for (; n < room && n < NAME_SIZE - 1 && path[n]; n++)
		name[n] = path[n] >= ' ' && path[n] < 127 ? path[n] : '?';
	name[n] = '\0';
	if (!n)
		strcpy(name, "a path that is too long");
}

static void address_name(const struct faultline_network *network, char *name)
{
	char address[INET6_ADDRSTRLEN], number[12];

	if (network->operation == FAULTLINE_NETWORK_SOCKET)
		snprintf(name, NAME_SIZE, "%s", range_family_name(network->family, number));
	else if (inet_ntop(network->family, network->address, address, sizeof(address)))
		snprintf(name, NAME_SIZE, "%s port %u", address, ntohs(network->port));
	else
		strcpy(name, "an address");
}

/* What was done with what; what is not in the record has no name. */
static const char *parts(const struct faultline_record *record, char *name, char *access)
{
	const struct faultline_path *path =
		source_block_find(record, FAULTLINE_BLOCK_PATH, sizeof(*path) + 1);
	const struct faultline_network *network =
		source_block_find(record, FAULTLINE_BLOCK_NETWORK, sizeof(*network));
	char number[12];

	name[0] = access[0] = '\0';
	if (path) {
		name_copy(name, path->path, path->block.len - sizeof(*path));
		range_access_name(path->block.flags, access);
	} else if (network) {
		address_name(network, name);
	}
	switch (record->code) {
	case FAULTLINE_RANGE_FILE:
		return "opened";
	case FAULTLINE_RANGE_EXEC:
		return "executed";
	case FAULTLINE_RANGE_NET:
		if (network && network->operation == FAULTLINE_NETWORK_SOCKET)
			return "made a socket of";
		return network && network->operation == FAULTLINE_NETWORK_BIND ? "bound to" : "connected to";
	case FAULTLINE_RANGE_CAPABILITY:
		snprintf(name, NAME_SIZE, "%s", range_capability_name((int)record->error_code, number));
		return "used the capability";
	}
	return "did";
}

void range_record_text(const struct faultline_record *record, char *text, size_t size)
{
	char name[NAME_SIZE], access[20];
	const char *what = parts(record, name, access);
	bool file = record->code == FAULTLINE_RANGE_FILE && *access;

	snprintf(text, size, "%s %s%s%s%s", what, name, file ? " (" : "", file ? access : "", file ? ")" : "");
}

json_t *range_record_describe(const struct faultline_record *record)
{
	char name[NAME_SIZE], access[20];
	const char *what = parts(record, name, access);

	return json_pack("{s:s, s:s, s:s*, s:b}", "what", what, "name", name, "access",
			 *access ? access : NULL, "refused", record->errno_ != 0);
}
