/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was said of faults in a transaction that the disk did not take: it is said again in the next one, so that a disk that
 * was full, or read-only, for a while loses no fault. It is in memory, and in store_reserve.h's room, until then.
 */
#ifndef SUPERVISORD_STORE_REDO_H
#define SUPERVISORD_STORE_REDO_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* Statements, and their bytes: a fault's data are 20 to 40 KiB. */
#define STORE_REDO_MAX 256
#define STORE_REDO_BYTES (4 << 20)

struct store_redo {
	char *sql[STORE_REDO_MAX];
	size_t n;
	size_t bytes;
};

/** redo_add - remember a statement with what is bound to it; false: there is no room */
bool redo_add(struct store_redo *redo, sqlite3_stmt *stmt);
/** redo_add_text - likewise, a statement as text, @size bytes of it */
bool redo_add_text(struct store_redo *redo, const char *text, size_t size);
/** redo_run - say all of it again, in the open transaction; 0 or SQLite's error */
int redo_run(struct store_redo *redo, sqlite3 *db);
/** redo_clear - it is on the disk */
void redo_clear(struct store_redo *redo);

#endif /* SUPERVISORD_STORE_REDO_H */
