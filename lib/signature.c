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

char *signature_list_text(const json_t *document)
{
	json_auto_t *said = json_pack("{s:O, s:O}", "policy_version",
				      json_object_get(document, "policy_version"), "countermeasures",
				      json_object_get(document, "countermeasures"));

	return said ? json_dumps(said, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
}

size_t signature_list(char statement[SIGNATURE_STATEMENT_MAX], int64_t version,
		      const char *sha256, int64_t serial)
{
	return snprintf(statement, SIGNATURE_STATEMENT_MAX,
			"faultline countermeasures 1\nversion %" PRId64 "\nsha256 %.64s\nserial %" PRId64 "\n",
			version, sha256, serial);
}
