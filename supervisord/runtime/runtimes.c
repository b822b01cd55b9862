// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/runtimes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/name.h"
#include "lib/xmlfile.h"

#define PROGRAM "{program}"

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

/* A runtime's argument with the program's path in place of {program}. */
static char *argument_expand(const xmlNode *argument, const char *program)
{
	__cleanup_free char *text = xmlfile_text(argument);
	char *place = text ? strstr(text, PROGRAM) : NULL;

	if (!place)
		return steal_pointer(&text);
	return alloc_format("%.*s%s%s", (int)(place - text), text, program,
			    place + strlen(PROGRAM));
}

char **runtimes_command(const struct runtimes *runtimes, const struct application *app,
			const char *folder, struct error *err)
{
	const xmlNode *runtime = runtime_find(runtimes, app->runtime);
	__cleanup_free char *program = alloc_format("%s/%s", folder, app->program);
	char **command;
	int n = 0;

	if (!runtime) {
		error_set(err, -ENOENT,
			  "%s needs runtime \"%s\", which %s does not have; add it there",
			  app->name, app->runtime, runtimes->path);
		return NULL;
	}
	for (xmlNode *a = xmlfile_first(runtime, "argument"); a; a = xmlfile_next(a, "argument"))
		n++;
	for (char **a = app->arguments; *a; a++)
		n++;
	command = alloc_zero(n + 1, sizeof(*command));
	n = 0;
	for (xmlNode *a = xmlfile_first(runtime, "argument"); a; a = xmlfile_next(a, "argument"))
		command[n++] = argument_expand(a, program);
	for (char **a = app->arguments; *a; a++)
		command[n++] = alloc_copy(*a);
	return command;
}

void runtimes_command_free(char **command)
{
	for (char **c = command; c && *c; c++)
		free(*c);
	free(command);
}
