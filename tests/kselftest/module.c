// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module itself, as a file to be loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client.h"

int module_load(const char *parameters)
{
	const char *path = getenv("FAULTLINE_KO") ?: "./faultline.ko";
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters, 0))
		err = -errno;
	close(fd);
	return err;
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "faultline", O_NONBLOCK) ? -errno : 0;
}

bool module_loaded(void)
{
	return !access("/sys/module/faultline", F_OK);
}
