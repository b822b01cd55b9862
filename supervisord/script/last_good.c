// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/last_good.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/xmlfile.h"
#include "supervisord/settings.h"

char *last_good_path(const struct gateway *gateway, const char *path)
{
	const char *slash = strrchr(path, '/');

	return alloc_format("%s/last-good/%s", gateway->settings->state_folder,
			    slash ? slash + 1 : path);
}

void last_good_keep(const struct gateway *gateway, const char *path, const struct stat *read)
{
	__cleanup_free char *folder = alloc_format("%s/last-good", gateway->settings->state_folder);
	__cleanup_free char *copy = last_good_path(gateway, path);
	__cleanup_free char *kept = file_read(copy, XMLFILE_SIZE_MAX, NULL, NULL);
	struct error err = { 0 };
	size_t size = 0;
	__cleanup_free char *text = file_read(path, XMLFILE_SIZE_MAX, &size, &err);
	struct stat now;

	/* What came after it was read is looked at for itself. */
	if (!text || stat(path, &now) < 0 || !file_same(&now, read) ||
	    (kept && !strcmp(kept, text)))
		return;
	file_settle(copy);
	if (folder_make(folder, 0700, &err) || file_write(copy, text, size, 0600, &err))
		log_warning("%s; should %s be bad at the next start, there is no good one to go on by",
			    err.text, path);
}

void last_good_drop(const struct gateway *gateway, const char *path)
{
	__cleanup_free char *copy = last_good_path(gateway, path);

	unlink(copy);
}
