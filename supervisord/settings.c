// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/settings.h"

#include <errno.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/name.h"
#include "lib/xmlfile.h"

/* A missing element has the defaults that its DTD gives to its attributes. */
static char *value(const xmlNode *node, const char *attribute, const char *otherwise)
{
	const char *text = node ? xmlfile_attribute(node, attribute) : NULL;

	return alloc_copy(text ? text : otherwise);
}

static int center_read(struct settings *s, const xmlNode *root, const char *path,
		       struct error *err)
{
	const xmlNode *center = xmlfile_first(root, "center");
	const char *ca = xmlfile_attribute(center, "ca");
	size_t len;

	s->center_url = value(center, "url", "");
	s->center_ca = ca ? alloc_copy(ca) : NULL;
	len = strlen(s->center_url);
	if (len && s->center_url[len - 1] == '/')
		s->center_url[len - 1] = '\0';
	if ((strncmp(s->center_url, "http://", 7) || !s->center_url[7]) &&
	    (strncmp(s->center_url, "https://", 8) || !s->center_url[8]))
		return error_at(err, -EINVAL, xmlGetLineNo(center), 0,
				"%s:%ld: center: url is \"%s\", http://HOST:PORT or https://HOST:PORT is needed",
				path, xmlGetLineNo(center), s->center_url);
	return 0;
}

static int numbers_read(struct settings *s, const xmlNode *root, struct error *err)
{
	const xmlNode *faults = xmlfile_first(root, "faults");
	const xmlNode *link = xmlfile_first(root, "link");
	long decide = 5000, uids = 64000;

	if ((faults && xmlfile_number(faults, "decide", 10, 600000, &decide, err)) ||
	    (link && xmlfile_number(link, "uids", 1000, 2000000000, &uids, err)))
		return -EINVAL;
	s->decide_ms = decide;
	s->first_uid = uids;
	return 0;
}

struct settings *settings_read(const char *path, struct error *err)
{
	__cleanup_settings struct settings *s = alloc_zero(1, sizeof(*s));
	__cleanup_xmldoc xmlDoc *doc = xmlfile_read(path, "gateway.dtd", err);
	const xmlNode *root, *directories;

	if (!doc || !s)
		return NULL;
	root = xmlDocGetRootElement(doc);
	directories = xmlfile_first(root, "directories");
	s->name = value(root, "name", "");
	s->group = value(root, "group", "default");
	s->state_folder = value(directories, "state", "/var/lib/faultline");
	s->run_folder = value(directories, "run", "/run/faultline");
	s->configuration_folder = value(directories, "configuration", "/etc/faultline");
	s->source = value(xmlfile_first(root, "faults"), "source", "auto");
	s->link_user = value(xmlfile_first(root, "link"), "user", "nobody");
	if (!name_valid(s->name) || !name_valid(s->group)) {
		error_at(err, -EINVAL, xmlGetLineNo(root), 0,
			 "%s:%ld: gateway: name and group are lower-case letters, digits and dashes",
			 path, xmlGetLineNo(root));
		return NULL;
	}
	if (center_read(s, root, path, err) || numbers_read(s, root, err))
		return NULL;
	return steal_pointer(&s);
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	free(s->name);
	free(s->group);
	free(s->center_url);
	free(s->center_ca);
	free(s->state_folder);
	free(s->run_folder);
	free(s->configuration_folder);
	free(s->source);
	free(s->link_user);
	free(s);
}
