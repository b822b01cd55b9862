/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel wrote as it died, where it has a place for it that outlives a
 * reset (pstore: ramoops, EFI variables, ACPI ERST).
 */
#ifndef SUPERVISORD_PANIC_LOG_H
#define SUPERVISORD_PANIC_LOG_H

#include <jansson.h>

/* Of one entry, its end, and of how many entries. */
#define PANIC_LOG_ENTRY_MAX (64 << 10)
#define PANIC_LOG_ENTRIES_MAX 16
#define PANIC_LOG_MAX (128 << 10)

/**
 * panic_log_read - the entries of pstore
 * @known: names with times of those that are not news, as panic_log_remove() left them; or NULL
 *
 * Return: new reference, array of {name, key, text}, in the order of their names; empty: there is none.
 */
json_t *panic_log_read(const json_t *known);

/**
 * panic_log_remove - what is durable elsewhere need not be kept there
 *
 * Return: new reference, the keys of those that could not be removed.
 */
json_t *panic_log_remove(const json_t *entries);

#endif /* SUPERVISORD_PANIC_LOG_H */
