// SPDX-License-Identifier: GPL-2.0-only
#include "lib/name.h"

#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

/* One name of @len bytes: a letter, then letters, digits and dashes. */
static bool name_is(const char *name, size_t len)
{
	if (!len || len > NAME_MAX_LEN || !strchr(LOWER, name[0]))
		return false;
	return strspn(name, LOWER DIGIT "-") >= len;
}

bool name_valid(const char *name)
{
	return name && name_is(name, strlen(name));
}

bool version_valid(const char *version)
{
	if (!version || !version[0] || !strchr(LOWER UPPER DIGIT, version[0]))
		return false;
	return strlen(version) <= VERSION_MAX_LEN &&
	       !version[strspn(version, LOWER UPPER DIGIT ".+~-")];
}

bool request_id_valid(const char *id)
{
	if (!id || !id[0] || !strchr(LOWER UPPER DIGIT, id[0]))
		return false;
	return strlen(id) <= REQUEST_ID_MAX_LEN && !id[strspn(id, LOWER UPPER DIGIT "._-")];
}

bool kind_valid(const char *kind)
{
	if (!kind || strlen(kind) > KIND_MAX_LEN)
		return false;
	for (;;) {
		size_t len = strcspn(kind, ".");

		if (!name_is(kind, len))
			return false;
		if (!kind[len])
			return true;
		kind += len + 1;
	}
}

bool sha256_valid(const char *hex)
{
	return hex && strlen(hex) == 64 && !hex[strspn(hex, "abcdef" DIGIT)];
}
