// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/libdw.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define LIBDW_ROW(name) { #name, offsetof(struct libdw, name) },
	LIBDW_FUNCTIONS(LIBDW_ROW)
#undef LIBDW_ROW
};

static bool functions_find(struct libdw *libdw, void *library)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *found = dlsym(library, functions[i].name);

		if (!found)
			return false;
		*(void **)((char *)libdw + functions[i].offset) = found;
	}
	return true;
}

const struct libdw *libdw_load(void)
{
	static struct libdw libdw;
	void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);

	return library && functions_find(&libdw, library) ? &libdw : NULL;
}
