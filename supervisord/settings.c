// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/name.h"
#include "lib/xmlfile.h"

#define TOKEN_MAX 1024
#define TOKEN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

/* A missing element has the defaults that its DTD gives to its attributes. */
static char *value(const xmlNode *node, const char *attribute, const char *otherwise)
{
	const char *text = node ? xmlfile_attribute(node, attribute) : NULL;

	return alloc_copy(text ? text : otherwise);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static int center_read(struct settings *s, const xmlNode *center, const char *path,
		       struct error *err)
{
	const char *ca = xmlfile_attribute(center, "ca");
	char *url = value(center, "url", "");
	size_t len = strlen(url);

	s->center_urls[s->n_centers++] = url;
	if (len && url[len - 1] == '/')
		url[len - 1] = '\0';
	if ((strncmp(url, "http://", 7) || !url[7]) && (strncmp(url, "https://", 8) || !url[8]))
		return error_at(err, -EINVAL, xmlGetLineNo(center), 0,
				"%s:%ld: center: url is \"%s\", http://HOST:PORT or https://HOST:PORT is needed",
				path, xmlGetLineNo(center), url);
	if (s->n_centers == 1)
		s->center_ca = ca ? alloc_copy(ca) : NULL;
	else if (!same_text(ca, s->center_ca))
		return error_at(err, -EINVAL, xmlGetLineNo(center), 0,
				"%s:%ld: center: all centers need the same ca; put their authorities into one file",
				path, xmlGetLineNo(center));
	return 0;
}

static int centers_read(struct settings *s, const xmlNode *root, const char *path,
			struct error *err)
{
	s->center_urls = alloc_zero(SETTINGS_CENTERS_MAX, sizeof(*s->center_urls));
	for (const xmlNode *c = xmlfile_first(root, "center"); c; c = xmlfile_next(c, "center")) {
		if (s->n_centers == SETTINGS_CENTERS_MAX)
			return error_at(err, -E2BIG, xmlGetLineNo(c), 0,
					"%s:%ld: center: at most %d can be listed", path,
					xmlGetLineNo(c), SETTINGS_CENTERS_MAX);
		if (center_read(s, c, path, err))
			return -EINVAL;
	}
	return 0;
}

static bool yes(const xmlNode *node, const char *attribute)
{
	const char *text = node ? xmlfile_attribute(node, attribute) : NULL;

	return !text || !strcmp(text, "yes");
}

static int profile_read(struct settings *s, const xmlNode *root, const char *path,
			struct error *err)
{
	const xmlNode *profile = xmlfile_first(root, "profile");
	const xmlNode *a = profile ? xmlfile_first(profile, "application") : NULL;
	int n = 0;

	s->reliability = yes(profile, "reliability");
	s->scripts = yes(profile, "scripts");
	s->reserve = yes(profile, "reserve");
	if (a)
		s->applications = alloc_zero(SETTINGS_APPLICATIONS_MAX + 1,
					     sizeof(*s->applications));
	for (; a; a = xmlfile_next(a, "application")) {
		const char *name = xmlfile_attribute(a, "name");

		if (n == SETTINGS_APPLICATIONS_MAX || !name || !name_valid(name))
			return error_at(err, -EINVAL, xmlGetLineNo(a), 0,
					"%s:%ld: application: at most %d, each with a name of lower-case letters, digits and dashes",
					path, xmlGetLineNo(a), SETTINGS_APPLICATIONS_MAX);
		s->applications[n++] = alloc_copy(name);
	}
	return 0;
}

static int retention_read(struct settings *s, const xmlNode *root, struct error *err)
{
	static const struct { const char *name; long otherwise; long maximum; size_t offset; } members[] = {
		{ "events", 100000, 100000000, offsetof(struct store_retention, events) },
		{ "event-days", 0, 36500, offsetof(struct store_retention, event_days) },
		{ "faults", 10000, 10000000, offsetof(struct store_retention, faults) },
		{ "fault-days", 0, 36500, offsetof(struct store_retention, fault_days) },
		{ "megabytes", 256, 1 << 20, offsetof(struct store_retention, megabytes) },
	};
	const xmlNode *node = xmlfile_first(root, "retention");

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		long number = members[i].otherwise;

		if (node && xmlfile_number(node, members[i].name, 0, members[i].maximum, &number,
					   err))
			return -EINVAL;
		*(int64_t *)((char *)&s->retention + members[i].offset) = number;
	}
	return 0;
}

static int numbers_read(struct settings *s, const xmlNode *root, struct error *err)
{
	const xmlNode *faults = xmlfile_first(root, "faults");
	const xmlNode *link = xmlfile_first(root, "link");
	long decide = 5000, watchdog = 60, uids = 64000;

	if ((faults && xmlfile_number(faults, "decide", 10, 600000, &decide, err)) ||
	    (faults && xmlfile_number(faults, "watchdog-seconds", 3, 3600, &watchdog, err)) ||
	    (link && xmlfile_number(link, "uids", 1000, 2000000000, &uids, err)))
		return -EINVAL;
	s->decide_ms = decide;
	s->watchdog_s = watchdog;
	s->first_uid = uids;
	return 0;
}

/* One line of the characters of RFC 6750's b64token. */
static int token_read(struct settings *s, const xmlNode *root, struct error *err)
{
	const char *path = xmlfile_attribute(root, "token-file");
	size_t len;

	if (!path)
		return 0;
	s->token = file_read(path, TOKEN_MAX, NULL, err);
	if (!s->token)
		return -EINVAL;
	len = strcspn(s->token, "\r\n");
	if (s->token[len + strspn(s->token + len, "\r\n")])
		len = 0;
	s->token[len] = '\0';
	if (len && strspn(s->token, TOKEN_CHARACTERS) == len)
		return 0;
	return error_set(err, -EINVAL,
			 "%s: one line with a token is needed; \"faultline-center gateway add\" prints one",
			 path);
}

struct settings *settings_read(const char *path, struct error *err)
{
	__cleanup_settings struct settings *s = alloc_zero(1, sizeof(*s));
	__cleanup_xmldoc xmlDoc *doc = xmlfile_read(path, "gateway.dtd", err);
	__cleanup_free char *reboot = NULL;
	const xmlNode *root, *directories, *signatures;

	if (!doc || !s)
		return NULL;
	root = xmlDocGetRootElement(doc);
	directories = xmlfile_first(root, "directories");
	signatures = xmlfile_first(root, "signatures");
	s->signature_key = signatures ? value(signatures, "key", "") : NULL;
	s->name = value(root, "name", "");
	s->group = value(root, "group", "default");
	s->state_folder = value(directories, "state", "/var/lib/faultline");
	s->run_folder = value(directories, "run", "/run/faultline");
	s->configuration_folder = value(directories, "configuration", "/etc/faultline");
	s->source = value(xmlfile_first(root, "faults"), "source", "auto");
	if (xmlfile_first(root, "faults") && xmlfile_attribute(xmlfile_first(root, "faults"), "watchdog"))
		s->watchdog = value(xmlfile_first(root, "faults"), "watchdog", "");
	reboot = value(xmlfile_first(root, "faults"), "reboot", "no");
	s->reboot = !strcmp(reboot, "yes");
	s->link_user = value(xmlfile_first(root, "link"), "user", "nobody");
	if (!name_valid(s->name) || !name_valid(s->group)) {
		error_at(err, -EINVAL, xmlGetLineNo(root), 0,
			 "%s:%ld: gateway: name and group are lower-case letters, digits and dashes",
			 path, xmlGetLineNo(root));
		return NULL;
	}
	if (centers_read(s, root, path, err) || token_read(s, root, err) ||
	    profile_read(s, root, path, err) || numbers_read(s, root, err) ||
	    retention_read(s, root, err))
		return NULL;
	return steal_pointer(&s);
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	free(s->name);
	free(s->group);
	while (s->n_centers)
		free(s->center_urls[--s->n_centers]);
	free(s->center_urls);
	if (s->token)
		explicit_bzero(s->token, strlen(s->token));
	free(s->token);
	for (char **name = s->applications; name && *name; name++)
		free(*name);
	free(s->applications);
	free(s->center_ca);
	free(s->signature_key);
	free(s->state_folder);
	free(s->run_folder);
	free(s->configuration_folder);
	free(s->source);
	free(s->watchdog);
	free(s->link_user);
	free(s);
}
