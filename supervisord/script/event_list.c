// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/event_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/text.h"
#include "lib/xmlfile.h"

struct event_list {
	int owners;
	char *path;
	struct stat file;	/* as it was when it was read, or last refused */
	char *refused;
	size_t n;
	struct event_list_entry *entries;	/* sorted by event */
};

static int entry_compare(const void *a, const void *b)
{
	const struct event_list_entry *x = a, *y = b;

	return strcmp(x->event, y->event);
}

static int entry_read(struct event_list_entry *entry, const xmlNode *node,
		      const char *path, struct error *err)
{
	const char *event = xmlfile_attribute(node, "name");
	const char *application = xmlfile_attribute(node, "application");
	const char *processing = xmlfile_attribute(node, "processing");

	if (!kind_valid(event))
		return error_at(err, -EINVAL, xmlGetLineNo(node), 0,
				"%s:%ld: event \"%s\" is not a name", path,
				xmlGetLineNo(node), event);
	if (!application != !processing ||
	    (application && (!name_valid(application) || !name_valid(processing))))
		return error_at(err, -EINVAL, xmlGetLineNo(node), 0,
				"%s:%ld: event %s needs both an application and a processing, or neither",
				path, xmlGetLineNo(node), event);
	entry->line = xmlGetLineNo(node);
	entry->event = alloc_copy(event);
	entry->application = application ? alloc_copy(application) : NULL;
	entry->processing = processing ? alloc_copy(processing) : NULL;
	return 0;
}

static int entries_refuse(const struct event_list *list, size_t i, struct error *err)
{
	long a = list->entries[i - 1].line, b = list->entries[i].line;
	long first = a < b ? a : b, second = a < b ? b : a;

	return error_at(err, -EINVAL, second, 0, "%s:%ld: event %s is there twice, in line %ld as well",
			list->path, second, list->entries[i].event, first);
}

static int entries_read(struct event_list *list, const xmlNode *root, struct error *err)
{
	size_t n = 0;

	for (xmlNode *e = xmlfile_first(root, "event"); e; e = xmlfile_next(e, "event"))
		n++;
	list->entries = alloc_zero(n + 1, sizeof(*list->entries));
	for (xmlNode *e = xmlfile_first(root, "event"); e; e = xmlfile_next(e, "event"))
		if (entry_read(&list->entries[list->n++], e, list->path, err))
			return -EINVAL;
	qsort(list->entries, n, sizeof(*list->entries), entry_compare);
	for (size_t i = 1; i < n; i++)
		if (!entry_compare(&list->entries[i - 1], &list->entries[i]))
			return entries_refuse(list, i, err);
	return 0;
}

struct event_list *event_list_open(const char *path, struct error *err)
{
	struct event_list *list = alloc_zero(1, sizeof(*list));
	__cleanup_xmldoc xmlDoc *doc = NULL;

	list->owners = 1;
	list->path = alloc_copy(path);
	/* Before it is read: a change while it is read is seen the next time. */
	if (stat(path, &list->file) < 0)
		memset(&list->file, 0, sizeof(list->file));
	doc = xmlfile_read(path, "events.dtd", err);
	if (doc && !entries_read(list, xmlDocGetRootElement(doc), err))
		return list;
	event_list_put(list);
	return NULL;
}

struct event_list *event_list_open_copy(const char *path, const char *copy, const char *refused,
					const struct stat *file, struct error *err)
{
	struct event_list *list = event_list_open(copy, err);

	if (!list)
		return NULL;
	free(list->path);
	list->path = alloc_copy(path);
	list->refused = alloc_copy(refused);
	list->file = *file;
	return list;
}

struct event_list *event_list_current(struct event_list **current, struct error *refused)
{
	struct event_list *list = *current, *new;
	struct stat now;

	if (!stat(list->path, &now) && !file_same(&now, &list->file)) {
		new = event_list_open(list->path, refused);
		if (new) {
			log_notice("%s: %zu event%s, in force from now on", new->path, new->n,
				   text_s(new->n));
			event_list_put(list);
			*current = new;
		} else {
			free(list->refused);
			list->refused = alloc_copy(refused->text);
			list->file = now;
		}
	}
	(*current)->owners++;
	return *current;
}

const char *event_list_refused(const struct event_list *list)
{
	return list->refused;
}

const char *event_list_file(const struct event_list *list, const struct stat **read)
{
	*read = &list->file;
	return list->path;
}

size_t event_list_size(const struct event_list *list)
{
	return list->n;
}

void event_list_put(struct event_list *list)
{
	if (!list || --list->owners)
		return;
	for (size_t i = 0; i < list->n; i++) {
		free(list->entries[i].event);
		free(list->entries[i].application);
		free(list->entries[i].processing);
	}
	free(list->entries);
	free(list->path);
	free(list->refused);
	free(list);
}

const struct event_list_entry *event_list_entry(const struct event_list *list, size_t number)
{
	return number < list->n ? &list->entries[number] : NULL;
}

const struct event_list_entry *event_list_find(const struct event_list *list,
					       const char *event)
{
	struct event_list_entry key = { .event = (char *)event };

	return bsearch(&key, list->entries, list->n, sizeof(key), entry_compare);
}
