// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/store_redo.h"

#include <string.h>

static bool sql_add(struct store_redo *redo, char *sql)
{
	size_t size = sql ? strlen(sql) : 0;

	if (!sql || redo->bytes + size > STORE_REDO_BYTES) {
		sqlite3_free(sql);
		return false;
	}
	redo->sql[redo->n++] = sql;
	redo->bytes += size;
	return true;
}

bool redo_add(struct store_redo *redo, sqlite3_stmt *stmt)
{
	return sql_add(redo, redo->n < STORE_REDO_MAX ? sqlite3_expanded_sql(stmt) : NULL);
}

bool redo_add_text(struct store_redo *redo, const char *text, size_t size)
{
	return sql_add(redo, redo->n < STORE_REDO_MAX ? sqlite3_mprintf("%.*s", (int)size, text) : NULL);
}

int redo_run(struct store_redo *redo, sqlite3 *db)
{
	for (size_t i = 0; i < redo->n; i++) {
		int ret = sqlite3_exec(db, redo->sql[i], NULL, NULL, NULL);

		if (ret != SQLITE_OK)
			return ret;
	}
	return SQLITE_OK;
}

void redo_clear(struct store_redo *redo)
{
	while (redo->n)
		sqlite3_free(redo->sql[--redo->n]);
	redo->bytes = 0;
}
