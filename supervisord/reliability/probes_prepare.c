// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_prepare.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "supervisord/reliability/probes_object.h"

/* Where in the constants the variable is; -ENOENT. */
static int constant_offset(const struct bpf_object *bpf, const char *name, size_t size)
{
	const struct btf *btf = bpf_object__btf(bpf);
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT;
	const struct btf_var_secinfo *variable;
	const struct btf_type *section;

	if (id < 0)
		return -ENOENT;
	section = btf__type_by_id(btf, id);
	variable = btf_var_secinfos(section);
	for (int i = 0; i < btf_vlen(section); i++, variable++)
		if (variable->size == size &&
		    !strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, variable->type)->name_off), name))
			return variable->offset;
	return -ENOENT;
}

int probes_constant_set(struct bpf_object *bpf, const char *name, const void *value, size_t size)
{
	int offset = constant_offset(bpf, name, size);
	struct bpf_map *map;
	size_t room = 0;
	char *memory;

	if (offset < 0)
		return offset;
	bpf_object__for_each_map(map, bpf) {
		if (!bpf_map__is_internal(map) || strcmp(probes_map_name(map), "rodata"))
			continue;
		memory = (char *)bpf_map__initial_value(map, &room);
		if (!memory || offset + size > room)
			return -ENOENT;
		memcpy(memory + offset, value, size);
		return 0;
	}
	return -ENOENT;
}

int probes_prepare_pages(struct bpf_object *bpf, struct error *err)
{
	const __u32 page_shift = __builtin_ctzl(sysconf(_SC_PAGESIZE));
	int ret = probes_constant_set(bpf, "page_shift", &page_shift, sizeof(page_shift));

	return ret ? error_set(err, ret, "BPF probes: cannot set their constants: %s", strerror(-ret)) : 0;
}

int probes_prepare_beside(struct bpf_object *bpf, struct error *err)
{
	static const char *const modules[] = { "ring", "processes", "watches", "settings", "bss" };
	const bool with_module = true;
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_map(map, bpf)
		for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
			if (!strcmp(probes_map_name(map), modules[i]))
				bpf_map__set_autocreate(map, false);
	ret = probes_constant_set(bpf, "with_module", &with_module, sizeof(with_module));
	return ret ? error_set(err, ret, "BPF probes: they cannot call the module: %s", strerror(-ret)) : 0;
}
