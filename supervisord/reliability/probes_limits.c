// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_limits.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/cleanup.h"
#include "supervisord/reliability/probes_prepare.h"

DEFINE_CLEANUP(struct btf *, btf__free)

const struct probes_hook probes_limits_hooks[] = {
	{ "limit_alloc_fd", "a limit of open files" },
	{ "limit_alloc_file", "open files of the machine" },
	{ "limit_clone", "a limit of processes" },
	{ "limit_expand", "a limit of address space" },
	{ "limit_promise", "memory that the machine does not promise" },
	{ "limit_pressed", "memory.max and memory.high of its cgroup" },
	{ "limit_write", "writes to a full file system" },
	{ "limit_iomap", "writes to a full file system such as XFS" },
	{ "limit_fallocate", "fallocate() on a full file system" },
	{ "limit_create", "files that a full file system cannot take" },
	{}
};

/* Of a function that a program could stand behind; -ENOENT where the kernel has none of this name. */
static int arguments_count(const struct btf *btf, const char *function)
{
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);

	return id < 0 ? -ENOENT : btf_vlen(btf__type_by_id(btf, btf__type_by_id(btf, id)->type));
}

/* Of several programs for one function, the one for as many arguments. */
static bool program_fits(const struct btf *btf, const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	int count = arguments_count(btf, strchr(bpf_program__section_name(program), '/') + 1);
	char last = name[strlen(name) - 1];

	if (strncmp(name, "limit_iomap_", strlen("limit_iomap_")))
		return count >= 0;
	return count == last - '0';
}

int probes_limits_prepare(struct bpf_object *bpf, struct error *err)
{
	struct btf *btf __cleanup(btf__freep) = btf__load_vmlinux_btf();
	struct bpf_program *program;

	if (!btf)
		return error_set(err, -errno, "BPF probes: cannot read the kernel's BTF: %s",
				 strerror(errno));
	bpf_object__for_each_program(program, bpf)
		bpf_program__set_autoload(program, program_fits(btf, program));
	return probes_prepare_pages(bpf, err);
}

int probes_limits_prepare_beside(struct bpf_object *bpf, struct error *err)
{
	int ret = probes_prepare_beside(bpf, err);

	return ret ? ret : probes_limits_prepare(bpf, err);
}
