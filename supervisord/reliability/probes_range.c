// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_range.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"

#define MODULES "/sys/kernel/security/lsm"

static int own_fd(const struct probes_range *range, const char *name)
{
	return probes_object_fd(range->object, name);
}

static bool loaded(const struct probes_range *range)
{
	return range->object->count;
}

/* The list of security modules; false where it cannot be read, and nothing is known. */
static bool modules_read(char *text, size_t size)
{
	FILE *file = fopen(MODULES, "re");
	bool good = file && fgets(text, size, file);

	if (file)
		fclose(file);
	return good;
}

int probes_range_able(const struct probes_range *range, struct error *err)
{
	if (!range->refused.code)
		return probes_range_possible(err);
	*err = range->refused;
	return err->code;
}

int probes_range_possible(struct error *err)
{
	char text[512], *rest = text, *module;

	if (!modules_read(text, sizeof(text)))
		return 0;
	while ((module = strsep(&rest, ",\n")))
		if (!strcmp(module, "bpf"))
			return 0;
	return error_set(err, -EOPNOTSUPP,
			 "the kernel runs without the security module \"bpf\": add it to lsm= on its command line");
}

void probes_range_resume(struct probes_range *range, const struct pins *pins)
{
	probes_object_resume(range->object, range->part, pins);
}

static int load(struct probes_range *range, const struct pins *pins, struct error *err)
{
	int ret = loaded(range) ? 0 : probes_range_able(range, err);

	if (ret || loaded(range))
		return ret;
	ret = probes_object_load(range->object, range->part, range->base, err);
	if (ret) {
		if (err)
			range->refused = *err;
		return ret;
	}
	if (pins->folder >= 0 && probes_object_pin(range->object, pins))
		log_warning("BPF probes: ranges are not guarded while there is no supervisor");
	return 0;
}

/* ---- rules ---- */

static void trie_forget(int map, uint32_t set)
{
	struct range_key key, next, *before = NULL;

	while (!bpf_map_get_next_key(map, before, &next)) {
		/* The one before is gone only when its successor is known. */
		if (before && (before->set & ~RANGE_SET_UNIX) == set)
			bpf_map_delete_elem(map, before);
		key = next;
		before = &key;
	}
	if (before && (before->set & ~RANGE_SET_UNIX) == set)
		bpf_map_delete_elem(map, before);
}

static void addresses_forget(int map, uint32_t set)
{
	struct range_address_key key, next, *before = NULL;

	while (!bpf_map_get_next_key(map, before, &next)) {
		if (before && before->set == set)
			bpf_map_delete_elem(map, before);
		key = next;
		before = &key;
	}
	if (before && before->set == set)
		bpf_map_delete_elem(map, before);
}

/* @whole: the name and no other one; else all that begin so. */
static int name_put(const struct probes_range *range, uint32_t set, const char *name, bool whole,
		    uint32_t access)
{
	size_t size = strlen(name) + whole;
	struct range_key key = { .lead = RANGE_BITS(size), .set = set };

	/* What the programs cannot compare is outside for them as well. */
	if (size > sizeof(key.name))
		return 0;
	memcpy(key.name, name, strlen(name));
	return bpf_map_update_elem(own_fd(range, "rules"), &key, &access, BPF_ANY) ? -errno : 0;
}

static int path_put(const struct probes_range *range, uint32_t set, const struct range_entry *entry,
		    const struct range_places *places)
{
	char *path = range_path(entry->name, places), *below;
	int ret;

	if (!path)
		return 0;
	ret = name_put(range, set, path, true, entry->access);
	if (!ret && entry->type == RANGE_FOLDER) {
		below = alloc_format("%s/", strcmp(path, "/") ? path : "");
		ret = name_put(range, set, below, false, entry->access);
		free(below);
	}
	free(path);
	return ret;
}

static int address_put(const struct probes_range *range, uint32_t set, const struct range_entry *entry)
{
	struct range_address_key key = {
		.set = set,
		.address = {
			.family = entry->family,
			.port = htons(entry->port),
			.operation = entry->bind ? RANGE_BIND : RANGE_CONNECT,
		},
	};
	uint32_t one = 1;

	memcpy(key.address.address, entry->address, sizeof(key.address.address));
	return bpf_map_update_elem(own_fd(range, "addresses"), &key, &one, BPF_ANY) ? -errno : 0;
}

static int entry_put(const struct probes_range *range, uint32_t set, const struct range_entry *entry,
		     const struct range_places *places)
{
	switch (entry->type) {
	case RANGE_FILE:
	case RANGE_FOLDER:
		return path_put(range, set, entry, places);
	case RANGE_LOCAL:
		return name_put(range, set | RANGE_SET_UNIX, entry->name, true, 1);
	case RANGE_ADDRESS:
		return address_put(range, set, entry);
	default:
		return 0;	/* bits of the setting */
	}
}

/* An exact rule hides the folder's that it lies in: it grants what that one does as well. */
static unsigned int access_with_folders(const struct range *rules, const struct range_entry *entry)
{
	unsigned int access = entry->access;

	for (size_t i = 0; i < rules->count; i++) {
		const struct range_entry *folder = &rules->entries[i];
		size_t length = folder->type == RANGE_FOLDER ? strlen(folder->name) : 0;

		if (length && !strncmp(entry->name, folder->name, length) &&
		    (!entry->name[length] || entry->name[length] == '/'))
			access |= folder->access;
	}
	return access;
}

int probes_range_rules(struct probes_range *range, const struct pins *pins, uint32_t set,
		       const struct range *rules, const struct range_places *places,
		       struct error *err)
{
	int ret = load(range, pins, err);

	if (ret)
		return ret;
	trie_forget(own_fd(range, "rules"), set);
	addresses_forget(own_fd(range, "addresses"), set);
	for (size_t i = 0; rules && i < rules->count && !ret; i++) {
		struct range_entry entry = rules->entries[i];

		if (entry.type == RANGE_FILE || entry.type == RANGE_FOLDER)
			entry.access = access_with_folders(rules, &entry);
		ret = entry_put(range, set, &entry, places);
	}
	return ret ? error_set(err, ret == -ENOSPC ? -E2BIG : ret,
			       "BPF probes: the range of %s does not fit in the kernel's tables: %s",
			       rules->application, strerror(-ret)) : 0;
}

int probes_range_set(struct probes_range *range, const struct pins *pins, uint32_t watch,
		     enum range_mode mode, uint32_t set, const struct range *rules,
		     struct error *err)
{
	struct range_setting setting = { .mode = mode, .set = set };
	int ret;

	if (mode == RANGE_OFF) {
		if (loaded(range))
			bpf_map_delete_elem(own_fd(range, "ranges"), &watch);
		probes_range_tidy(range, pins);
		return 0;
	}
	ret = load(range, pins, err);
	if (ret)
		return ret;
	for (size_t i = 0; rules && i < rules->count; i++) {
		const struct range_entry *entry = &rules->entries[i];

		if (entry->type == RANGE_FAMILY && entry->number < 64)
			setting.families |= 1ULL << entry->number;
		if (entry->type == RANGE_CAPABILITY && entry->number < 64)
			setting.capabilities |= 1ULL << entry->number;
	}
	if (bpf_map_update_elem(own_fd(range, "ranges"), &watch, &setting, BPF_ANY))
		return error_set(err, -errno, "BPF probes: no room for another range: %s", strerror(errno));
	return 0;
}

int probes_range_change(struct probes_range *range, const struct pins *pins, uint32_t watch,
			const struct source_range *change, struct error *err)
{
	int ret = 0;

	if (change->rules)
		ret = probes_range_rules(range, pins, change->set, change->rules, change->places, err);
	if (!ret && watch)
		ret = probes_range_set(range, pins, watch, change->mode, change->set, change->rules, err);
	return ret;
}

/* ---- what was learnt ---- */

static void learnt_add(const struct range_key *key, const struct range_learnt *value,
		       struct range *to)
{
	struct range_entry entry = { .access = value->access };
	char name[RANGE_NAME_SIZE + 1];

	/* Behind its end a name may hold remains of others. */
	snprintf(name, sizeof(name), "%.*s", RANGE_NAME_SIZE, key->name);
	entry.name = name;
	switch (key->lead) {
	case RANGE_KIND_FILE:
	case RANGE_KIND_UNIX:
		entry.type = key->lead == RANGE_KIND_FILE ? RANGE_FILE : RANGE_LOCAL;
		/* A path that was too long to be known. */
		if (!*name) {
			to->incomplete = true;
			return;
		}
		break;
	case RANGE_KIND_FAMILY:
	case RANGE_KIND_CAPABILITY:
		entry.type = key->lead == RANGE_KIND_FAMILY ? RANGE_FAMILY : RANGE_CAPABILITY;
		entry.name = NULL;
		entry.number = key->number;
		break;
	case RANGE_KIND_ADDRESS:
		entry.type = RANGE_ADDRESS;
		entry.name = NULL;
		entry.family = key->address.family;
		entry.port = ntohs(key->address.port);
		entry.bind = key->address.operation == RANGE_BIND;
		memcpy(entry.address, key->address.address, sizeof(entry.address));
		break;
	default:
		return;
	}
	range_add(to, &entry);
}

/* What found no room is not known; all ranges that were learnt then are in doubt. */
static bool table_was_full(const struct probes_range *range)
{
	const struct range_shared *shared = mmap(NULL, sizeof(*shared), PROT_READ, MAP_SHARED,
						 own_fd(range, "data"), 0);
	bool full = shared == MAP_FAILED || shared->unlearnt;

	if (shared != MAP_FAILED)
		munmap((void *)shared, sizeof(*shared));
	return full;
}

void probes_range_learnt(const struct probes_range *range, uint32_t set, bool forget,
			 struct range *to)
{
	struct range_key key, next, *before = NULL;
	struct range_learnt value;
	bool mine = false;
	int map;

	if (!loaded(range))
		return;
	map = own_fd(range, "learnt");
	while (!bpf_map_get_next_key(map, before, &next)) {
		if (mine && forget)
			bpf_map_delete_elem(map, before);
		mine = next.set == set;
		if (mine && !bpf_map_lookup_elem(map, &next, &value))
			learnt_add(&next, &value, to);
		key = next;
		before = &key;
	}
	if (mine && forget)
		bpf_map_delete_elem(map, before);
	to->incomplete |= table_was_full(range);
}

void probes_range_tidy(struct probes_range *range, const struct pins *pins)
{
	uint32_t watch, last = 0, *before = NULL;
	bool needed = false, dead = false;
	char ignored[64];

	if (!loaded(range))
		return;
	while (!bpf_map_get_next_key(own_fd(range, "ranges"), before, &watch)) {
		if (dead)
			bpf_map_delete_elem(own_fd(range, "ranges"), &last);
		dead = range->base &&
		       bpf_map_lookup_elem(probes_object_fd(range->base, "watches"), &watch, ignored);
		needed |= !dead;
		last = watch;
		before = &last;
	}
	if (dead)
		bpf_map_delete_elem(own_fd(range, "ranges"), &last);
	/* What was learnt may still be asked for. */
	if (needed || !bpf_map_get_next_key(own_fd(range, "learnt"), NULL, &(struct range_key){}))
		return;
	probes_part_unpin(range->part, pins);
	probes_object_close(range->object);
}
