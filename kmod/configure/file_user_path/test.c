// SPDX-License-Identifier: GPL-2.0-only
/* Does the kernel tell a file's path as user space opened it, on overlayfs too? */
#include <linux/fs.h>

const struct path *faultline_test(const struct file *file);

const struct path *faultline_test(const struct file *file)
{
	return file_user_path(file);
}
