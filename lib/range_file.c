// SPDX-License-Identifier: GPL-2.0-only
/* The range of operation as a file (dtd/range.dtd). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/range.h"
#include "lib/xmlfile.h"

/* ---- reading ---- */

static unsigned int access_of(const char *text)
{
	static const char *const words[] = { "read", "write", "execute" };
	unsigned int access = 0;

	while (*text) {
		size_t length = strcspn(text, " ");
		unsigned int bit = 0;

		for (unsigned int i = 0; i < 3; i++)
			if (length == strlen(words[i]) && !strncmp(text, words[i], length))
				bit = 1U << i;
		if (length && !bit)
			return 0;
		access |= bit;
		text += length + (text[length] == ' ');
	}
	return access;
}

static bool path_good(const char *path)
{
	return (*path == '/' || !strncmp(path, "{state}", 7) || !strncmp(path, "{bundle}", 8)) &&
	       !strstr(path, "/../") && !strstr(path, "//") && strlen(path) < 4096;
}

static bool address_read(const xmlNode *node, struct range_entry *entry)
{
	const char *address = xmlfile_attribute(node, "address");
	const char *port = xmlfile_attribute(node, "port");
	char *end;
	long number = strtol(port, &end, 10);

	entry->family = range_family_number(xmlfile_attribute(node, "family"));
	entry->bind = !strcmp(xmlfile_attribute(node, "operation"), "bind");
	if (strcmp(address, "any") && inet_pton(entry->family, address, entry->address) != 1)
		return false;
	if (!strcmp(port, "any"))
		return true;
	entry->port = number;
	return *port && !*end && number > 0 && number < 65536;
}

/* What is wrong with it; NULL: nothing, and @entry is filled in, with names borrowed. */
static const char *entry_read(const xmlNode *node, struct range_entry *entry)
{
	const char *element = (const char *)node->name;

	memset(entry, 0, sizeof(*entry));
	if (!strcmp(element, "file") || !strcmp(element, "folder")) {
		entry->type = !strcmp(element, "file") ? RANGE_FILE : RANGE_FOLDER;
		entry->name = (char *)xmlfile_attribute(node, "path");
		entry->access = access_of(xmlfile_attribute(node, "access"));
		if (!path_good(entry->name))
			return "the path is not absolute, nor does it begin with {state} or {bundle}";
		return entry->access ? NULL : "access is of read, write and execute";
	}
	if (!strcmp(element, "family")) {
		entry->type = RANGE_FAMILY;
		entry->number = range_family_number(xmlfile_attribute(node, "name"));
		return entry->number < 0 ? "no family of addresses has this name" : NULL;
	}
	if (!strcmp(element, "capability")) {
		entry->type = RANGE_CAPABILITY;
		entry->number = range_capability_number(xmlfile_attribute(node, "name"));
		return entry->number < 0 ? "no capability has this name" : NULL;
	}
	if (!strcmp(element, "local")) {
		entry->type = RANGE_LOCAL;
		entry->name = (char *)xmlfile_attribute(node, "name");
		return *entry->name ? NULL : "the name is empty";
	}
	entry->type = RANGE_ADDRESS;
	return address_read(node, entry) ? NULL : "the address or the port is not one";
}

struct range *range_read(const char *path, struct error *err)
{
	__cleanup_xmldoc xmlDoc *doc = xmlfile_read(path, "range.dtd", err);
	__cleanup_range struct range *range = NULL;
	const xmlNode *root;

	if (!doc)
		return NULL;
	root = xmlDocGetRootElement(doc);
	range = range_new(xmlfile_attribute(root, "application"), xmlfile_attribute(root, "version"));
	range->incomplete = !strcmp(xmlfile_attribute(root, "complete"), "no");
	for (xmlNode *node = xmlfile_first(root, NULL); node; node = xmlfile_next(node, NULL)) {
		struct range_entry entry;
		const char *wrong = entry_read(node, &entry);

		if (wrong) {
			error_at(err, -EINVAL, xmlGetLineNo(node), 0, "%s:%ld: %s", path,
				 xmlGetLineNo(node), wrong);
			return NULL;
		}
		range_add(range, &entry);
	}
	return steal_pointer(&range);
}

/* ---- writing ---- */

/* Names are the application's own: what XML or a reader could stumble over is written as a reference. */
static void text_write(FILE *file, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < ' ' || *c == 127)
			fprintf(file, "?");
		else if (strchr("<>&\"'", *c))
			fprintf(file, "&#%d;", *c);
		else
			fputc(*c, file);
}

/* XML takes UTF-8 alone, and a name with other bytes could not be told from another one. */
static bool text_good(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < ' ' || *c == 127)
			return false;
	return xmlCheckUTF8((const xmlChar *)text);
}

static void address_write(FILE *file, const struct range_entry *entry)
{
	static const uint8_t any[16];
	char address[INET6_ADDRSTRLEN], number[12];

	fprintf(file, "\t<address operation=\"%s\" family=\"%s\"", entry->bind ? "bind" : "connect",
		range_family_name(entry->family, number));
	if (memcmp(entry->address, any, sizeof(any)) &&
	    inet_ntop(entry->family, entry->address, address, sizeof(address)))
		fprintf(file, " address=\"%s\"", address);
	if (entry->port)
		fprintf(file, " port=\"%u\"", entry->port);
	fputs("/>\n", file);
}

static void entry_write(FILE *file, const struct range_entry *entry)
{
	char text[20];

	switch (entry->type) {
	case RANGE_FILE:
	case RANGE_FOLDER:
		fprintf(file, "\t<%s path=\"", entry->type == RANGE_FILE ? "file" : "folder");
		text_write(file, entry->name);
		fprintf(file, "\" access=\"%s\"/>\n", range_access_name(entry->access, text));
		break;
	case RANGE_LOCAL:
		fputs("\t<local name=\"", file);
		text_write(file, entry->name);
		fputs("\"/>\n", file);
		break;
	case RANGE_FAMILY:
		fprintf(file, "\t<family name=\"%s\"/>\n", range_family_name(entry->number, text));
		break;
	case RANGE_CAPABILITY:
		fprintf(file, "\t<capability name=\"%s\"/>\n", range_capability_name(entry->number, text));
		break;
	case RANGE_ADDRESS:
		address_write(file, entry);
		break;
	}
}

void range_print(const struct range *range, FILE *file)
{
	bool incomplete = range->incomplete;

	for (size_t i = 0; i < range->count; i++)
		incomplete |= range->entries[i].name && !text_good(range->entries[i].name);
	fprintf(file, "<?xml version=\"1.0\"?>\n<range application=\"%s\" version=\"%s\"%s>\n",
		range->application, range->version, incomplete ? " complete=\"no\"" : "");
	for (size_t i = 0; i < range->count; i++)
		if (!range->entries[i].name || text_good(range->entries[i].name))
			entry_write(file, &range->entries[i]);
	fputs("</range>\n", file);
}

int range_write(const struct range *range, const char *path, struct error *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	int ret;

	if (!file)
		return error_set(err, -ENOMEM, "%s: no memory", path);
	range_print(range, file);
	fclose(file);
	ret = file_write(path, text, size, 0600, err);
	free(text);
	return ret;
}
