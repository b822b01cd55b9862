// SPDX-License-Identifier: GPL-2.0-only
#include "lib/application.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/name.h"
#include "lib/xmlfile.h"

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

/* A path that stays below the folder it starts from. */
static bool path_inside(const char *path)
{
	if (!path || !*path || *path == '/' || strlen(path) > 255)
		return false;
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (!strcspn(part, "/") || !strncmp(part, "./", 2) ||
		    !strncmp(part, "../", 3) || !strcmp(part, ".") ||
		    !strcmp(part, ".."))
			return false;
	}
	return true;
}

static int children_count(const xmlNode *node, const char *name)
{
	int n = 0;

	for (xmlNode *child = xmlfile_first(node, name); child;
	     child = xmlfile_next(child, name))
		n++;
	return n;
}

static int identity_read(struct application *app, const xmlNode *root,
			 const char *path, struct error *err)
{
	const char *residence = xmlfile_attribute(root, "residence");
	const char *channel = xmlfile_attribute(root, "channel");

	app->name = copy(xmlfile_attribute(root, "name"));
	app->version = copy(xmlfile_attribute(root, "version"));
	app->runtime = copy(xmlfile_attribute(root, "runtime"));
	app->resident = residence && !strcmp(residence, "resident");
	app->channel = !channel || strcmp(channel, "none");
	if (!name_valid(app->name))
		return error_set(err, -EINVAL,
				 "%s: name \"%s\": lower-case letters, digits and dashes are allowed, 63 at most",
				 path, app->name);
	if (!version_valid(app->version))
		return error_set(err, -EINVAL,
				 "%s: version \"%s\": letters, digits and .+~- are allowed, 32 at most",
				 path, app->version);
	if (!name_valid(app->runtime))
		return error_set(err, -EINVAL, "%s: runtime \"%s\" is not a name",
				 path, app->runtime);
	return 0;
}

static int command_read(struct application *app, const xmlNode *root,
			const char *path, struct error *err)
{
	const xmlNode *command = xmlfile_first(root, "command");
	int n = children_count(command, "argument");
	int i = 0;

	app->program = copy(xmlfile_attribute(command, "program"));
	if (!path_inside(app->program))
		return error_set(err, -EINVAL,
				 "%s: program \"%s\" is not a path inside the bundle",
				 path, app->program);
	if (n > APPLICATION_ARGUMENTS_MAX)
		return error_set(err, -EINVAL, "%s: %d arguments, at most %d are allowed",
				 path, n, APPLICATION_ARGUMENTS_MAX);
	app->arguments = calloc(n + 1, sizeof(*app->arguments));
	if (!app->arguments)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	for (xmlNode *a = xmlfile_first(command, "argument"); a;
	     a = xmlfile_next(a, "argument"))
		app->arguments[i++] = xmlfile_text(a);
	return 0;
}

static int environment_read(struct application *app, const xmlNode *root,
			    const char *path, struct error *err)
{
	int i = 0;

	app->environment = calloc(children_count(root, "environment") + 1,
				  sizeof(*app->environment));
	if (!app->environment)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	for (xmlNode *e = xmlfile_first(root, "environment"); e;
	     e = xmlfile_next(e, "environment"))
		if (asprintf(&app->environment[i++], "%s=%s",
			     xmlfile_attribute(e, "name"),
			     xmlfile_attribute(e, "value")) < 0)
			return error_set(err, -ENOMEM, "%s: out of memory", path);
	return 0;
}

static int processings_read(struct application *app, const xmlNode *root,
			    const char *path, struct error *err)
{
	int n = children_count(root, "processing");

	if (n > APPLICATION_PROCESSINGS_MAX)
		return error_set(err, -EINVAL, "%s: %d processings, at most %d are allowed",
				 path, n, APPLICATION_PROCESSINGS_MAX);
	app->processings = calloc(n, sizeof(*app->processings));
	if (!app->processings)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	for (xmlNode *p = xmlfile_first(root, "processing"); p;
	     p = xmlfile_next(p, "processing")) {
		const char *name = xmlfile_attribute(p, "name");
		long timeout;

		if (!name_valid(name) || application_processing(app, name))
			return error_at(err, -EINVAL, xmlGetLineNo(p), 0,
					"%s:%ld: processing \"%s\" is not a name, or is there twice",
					path, xmlGetLineNo(p), name);
		if (xmlfile_number(p, "timeout", 1, 86400, &timeout, err))
			return -EINVAL;
		app->processings[app->n_processings].name = copy(name);
		app->processings[app->n_processings++].timeout_s = timeout;
	}
	return 0;
}

static bool attribute_is(const xmlNode *node, const char *name, const char *value)
{
	const char *text = node ? xmlfile_attribute(node, name) : NULL;

	return text && !strcmp(text, value);
}

static int watch_read(struct application *app, const xmlNode *root, struct error *err)
{
	const xmlNode *watch = xmlfile_first(root, "watch");
	long start = 90, heartbeat = 0, dstate = 0, starved = 0, spin = 0, deadlock = 0;

	if (watch && (xmlfile_number(watch, "start", 1, 3600, &start, err) ||
		      xmlfile_number(watch, "heartbeat", 0, 3600000, &heartbeat, err) ||
		      xmlfile_number(watch, "dstate", 0, 86400000, &dstate, err) ||
		      xmlfile_number(watch, "starved", 0, 86400000, &starved, err) ||
		      xmlfile_number(watch, "spin", 0, 86400000, &spin, err) ||
		      xmlfile_number(watch, "deadlock", 0, 86400000, &deadlock, err)))
		return -EINVAL;
	app->watch.ready = attribute_is(watch, "ready", "notify");
	app->watch.all = attribute_is(watch, "access", "all");
	app->watch.range = copy(watch ? xmlfile_attribute(watch, "range") : "off");
	app->watch.start_s = start;
	app->watch.heartbeat_ms = heartbeat;
	app->watch.dstate_ms = dstate;
	app->watch.starved_ms = starved;
	app->watch.spin_ms = spin;
	app->watch.deadlock_ms = deadlock;
	return 0;
}

static int resources_read(struct application *app, const xmlNode *root,
			  struct error *err)
{
	const xmlNode *resources = xmlfile_first(root, "resources");
	long memory = 256, files = 64, processes = 32, grace = 2, warn = 80, cpu = 0;

	if (resources &&
	    (xmlfile_number(resources, "memory", 1, 1 << 20, &memory, err) ||
	     xmlfile_number(resources, "files", 8, 1 << 20, &files, err) ||
	     xmlfile_number(resources, "processes", 1, 1 << 15, &processes, err) ||
	     xmlfile_number(resources, "grace", 0, 600, &grace, err) ||
	     xmlfile_number(resources, "warn", 0, 100, &warn, err) ||
	     xmlfile_number(resources, "cpu", 0, 1 << 30, &cpu, err)))
		return -EINVAL;
	app->memory_mib = memory;
	app->files = files;
	app->processes = processes;
	app->grace_s = grace;
	app->warn_percent = warn;
	app->warn_cpu_s = cpu;
	return 0;
}

static int restoration_read(struct application *app, const xmlNode *root, const char *path,
			    struct error *err)
{
	const xmlNode *restoration = xmlfile_first(root, "restoration");

	app->standby = attribute_is(restoration, "standby", "yes");
	app->reserve = !attribute_is(restoration, "reserve", "no");
	app->exclusive = attribute_is(restoration, "exclusive", "yes");
	if (app->standby && !app->channel)
		return error_at(err, -EINVAL, xmlGetLineNo(restoration), 0,
				"%s:%ld: what has no channel cannot be told to take over, so none can stand by",
				path, xmlGetLineNo(restoration));
	if (app->standby && app->exclusive)
		return error_at(err, -EINVAL, xmlGetLineNo(restoration), 0,
				"%s:%ld: what is exclusive to one process cannot have another one standing by",
				path, xmlGetLineNo(restoration));
	return 0;
}

struct application *application_read(const char *path, struct error *err)
{
	__cleanup_application struct application *app = NULL;
	__cleanup_xmldoc xmlDoc *doc = xmlfile_read(path, "application.dtd", err);
	const xmlNode *root;

	if (!doc)
		return NULL;
	app = calloc(1, sizeof(*app));
	if (!app) {
		error_set(err, -ENOMEM, "%s: out of memory", path);
		return NULL;
	}
	root = xmlDocGetRootElement(doc);
	if (identity_read(app, root, path, err) || command_read(app, root, path, err) ||
	    environment_read(app, root, path, err) ||
	    processings_read(app, root, path, err) || watch_read(app, root, err) ||
	    resources_read(app, root, err) || restoration_read(app, root, path, err))
		return NULL;
	return steal_pointer(&app);
}

static void strings_free(char **strings)
{
	for (char **s = strings; s && *s; s++)
		free(*s);
	free(strings);
}

void application_free(struct application *app)
{
	if (!app)
		return;
	for (int i = 0; i < app->n_processings; i++)
		free(app->processings[i].name);
	free(app->processings);
	strings_free(app->arguments);
	strings_free(app->environment);
	free(app->watch.range);
	free(app->program);
	free(app->runtime);
	free(app->version);
	free(app->name);
	free(app);
}

const struct application_processing *
application_processing(const struct application *app, const char *name)
{
	for (int i = 0; i < app->n_processings; i++)
		if (!strcmp(app->processings[i].name, name))
			return &app->processings[i];
	return NULL;
}
