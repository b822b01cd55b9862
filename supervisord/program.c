// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/program.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int program_beside(const char *name, char *path)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash || slash + 1 + strlen(name) >= path + PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(slash + 1, name);
	return 0;
}
