// SPDX-License-Identifier: GPL-2.0-only
#include "lib/signature.h"

#include <inttypes.h>
#include <stdio.h>

size_t signature_application(char statement[SIGNATURE_STATEMENT_MAX], const char *name,
			     const char *version, const char *sha256, uint64_t size, int64_t serial)
{
	return snprintf(statement, SIGNATURE_STATEMENT_MAX,
			"faultline application 1\nname %.63s\nversion %.32s\nsha256 %.64s\nsize %" PRIu64
			"\nserial %" PRId64 "\n", name, version, sha256, size, serial);
}

size_t signature_script(char statement[SIGNATURE_STATEMENT_MAX], const char *service,
			const char *sha256, int64_t serial)
{
	return snprintf(statement, SIGNATURE_STATEMENT_MAX,
			"faultline script 1\nservice %.63s\nsha256 %.64s\nserial %" PRId64 "\n",
			service, sha256, serial);
}
