// SPDX-License-Identifier: GPL-2.0-only
#include "lib/fault_export.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define FORMAT "faultline-fault"
#define EDITION 1

int fault_export_write(const char *path, json_t *fault, struct error *err)
{
	__cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	json_auto_t *document = json_pack("{s:s, s:i, s:O}", "format", FORMAT, "edition", EDITION, "fault", fault);

	if (fd < 0 && errno == EEXIST)
		return error_set(err, -EEXIST, "%s: there is such a file already; name another one", path);
	if (fd < 0)
		return error_set(err, -errno, "%s: %m", path);
	errno = ENOMEM;
	if (document && !json_dumpfd(document, fd, JSON_INDENT(1)) && !fsync(fd))
		return 0;
	error_set(err, -errno, "%s: %m", path);
	unlink(path);
	return err->code;
}

json_t *fault_export_read(const char *path, struct error *err)
{
	json_error_t why;
	json_auto_t *document = json_load_file(path, 0, &why);
	const char *format = json_string_value(json_object_get(document, "format"));
	json_int_t edition = json_integer_value(json_object_get(document, "edition"));
	json_t *fault = json_object_get(document, "fault");

	if (!document)
		error_set(err, -EINVAL, "%s: %s", path, why.text);
	else if (!format || strcmp(format, FORMAT) || edition < 1 || !json_is_object(fault))
		error_set(err, -EINVAL, "%s: not what \"fault export\" writes", path);
	else if (edition > EDITION)
		error_set(err, -EINVAL, "%s: edition %lld, and this program knows %d; read it with a newer one", path,
			  (long long)edition, EDITION);
	else
		return json_incref(fault);
	return NULL;
}
