// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/runtimes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/xmlfile.h"

#define PROGRAM "{program}"
#define PREPARED "{prepared}"

struct runtimes {
	xmlDoc *doc;
	char *path;
};

struct runtimes *runtimes_read(const char *path, struct error *err)
{
	xmlDoc *doc = xmlfile_read(path, "runtimes.dtd", err);
	struct runtimes *runtimes;

	if (!doc)
		return NULL;
	runtimes = alloc_zero(1, sizeof(*runtimes));
	runtimes->doc = doc;
	runtimes->path = alloc_copy(path);
	return runtimes;
}

void runtimes_free(struct runtimes *runtimes)
{
	if (!runtimes)
		return;
	xmlFreeDoc(runtimes->doc);
	free(runtimes->path);
	free(runtimes);
}

static const xmlNode *runtime_find(const struct runtimes *runtimes, const char *name)
{
	const xmlNode *root = xmlDocGetRootElement(runtimes->doc);

	for (xmlNode *r = xmlfile_first(root, "runtime"); r; r = xmlfile_next(r, "runtime"))
		if (!strcmp(xmlfile_attribute(r, "name"), name))
			return r;
	return NULL;
}

/* Text with what stands for a place in it; NULL for the place: there is none. */
static char *place_fill(char *text, const char *place, const char *with)
{
	char *at = text && with ? strstr(text, place) : NULL;
	char *filled;

	if (!at)
		return text;
	filled = alloc_format("%.*s%s%s", (int)(at - text), text, with, at + strlen(place));
	free(text);
	return filled;
}

/* Is it there once the file is? */
static bool is_prepared(const xmlNode *argument)
{
	const char *when = xmlfile_attribute(argument, "when");

	return when && !strcmp(when, "prepared");
}

/* The arguments below @node, those of the application behind them. */
static char **arguments_make(const xmlNode *node, const struct application *app, const char *folder,
			     const char *prepared)
{
	__cleanup_free char *program = alloc_format("%s/%s", folder, app->program);
	char **command;
	int n = 0;

	for (xmlNode *a = xmlfile_first(node, "argument"); a; a = xmlfile_next(a, "argument"))
		n++;
	for (char **a = app->arguments; *a; a++)
		n++;
	command = alloc_zero(n + 1, sizeof(*command));
	n = 0;
	for (xmlNode *a = xmlfile_first(node, "argument"); a; a = xmlfile_next(a, "argument"))
		if (prepared || !is_prepared(a))
			command[n++] = place_fill(place_fill(xmlfile_text(a), PROGRAM, program),
						  PREPARED, prepared);
	for (char **a = app->arguments; *a; a++)
		command[n++] = alloc_copy(*a);
	return command;
}

char **runtimes_command(const struct runtimes *runtimes, const struct application *app,
			const char *folder, const char *prepared, struct error *err)
{
	const xmlNode *runtime = runtime_find(runtimes, app->runtime);

	if (runtime)
		return arguments_make(runtime, app, folder, prepared);
	error_set(err, -ENOENT, "%s needs runtime \"%s\", which %s does not have; add it there",
		  app->name, app->runtime, runtimes->path);
	return NULL;
}

char **runtimes_prepare(const struct runtimes *runtimes, const struct application *app,
			const char *folder, const char *prepared, struct runtimes_prepare *how)
{
	const xmlNode *runtime = runtime_find(runtimes, app->runtime);
	const xmlNode *prepare = runtime ? xmlfile_first(runtime, "prepare") : NULL;
	struct error err = { 0 };
	long timeout, size;

	if (!prepare)
		return NULL;
	if (xmlfile_number(prepare, "timeout", 1, 3600, &timeout, &err) ||
	    xmlfile_number(prepare, "size", 1, 1024, &size, &err)) {
		log_warning("%s; nothing is prepared", err.text);
		return NULL;
	}
	*how = (struct runtimes_prepare){ .timeout_s = timeout, .size_mib = size };
	return arguments_make(prepare, app, folder, prepared);
}

void runtimes_command_free(char **command)
{
	for (char **c = command; c && *c; c++)
		free(*c);
	free(command);
}
