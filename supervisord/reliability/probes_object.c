// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"

DEFINE_CLEANUP(struct bpf_object *, bpf_object__close)

/* The first warning of libbpf while it loads; it names the cause best. */
static char warning[256];

static int warning_keep(enum libbpf_print_level level, const char *format, va_list ap)
{
	if (level == LIBBPF_WARN && !warning[0]) {
		vsnprintf(warning, sizeof(warning), format, ap);
		warning[strcspn(warning, "\n")] = '\0';
	}
	return 0;
}

/* What to do about a kernel that would not take the programs. */
static int refused(int code, const char *step, struct error *err)
{
	if (code == -EPERM || code == -EACCES) {
		if (geteuid())
			return error_set(err, -EPERM,
					 "BPF probes: no rights to %s: run as root, or with CAP_BPF and CAP_PERFMON",
					 step);
		return error_set(err, -EPERM,
				 "BPF probes: the kernel refused to %s (%s): look at kernel lockdown and at the capabilities CAP_BPF and CAP_PERFMON",
				 step, warning[0] ? warning : strerror(-code));
	}
	if (code == -ENOSYS)
		return error_set(err, -ENOENT,
				 "BPF probes: this kernel has no BPF (CONFIG_BPF_SYSCALL): load faultline.ko instead");
	return error_set(err, code, "BPF probes: cannot %s: %s", step,
			 warning[0] ? warning : strerror(-code));
}

/* ---- what is kept ---- */

static int kept_add(struct probes_object *object, const char *name, int fd)
{
	if (fd < 0)
		return fd;
	if (object->count == PROBES_KEPT_MAX || strlen(name) >= PROBES_NAME_SIZE) {
		close(fd);
		return -E2BIG;
	}
	strcpy(object->kept[object->count].name, name);
	object->kept[object->count++].fd = fd;
	return 0;
}

static int fd_copy(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

const char *probes_map_name(const struct bpf_map *map)
{
	const char *dot = strrchr(bpf_map__name(map), '.');

	return dot ? dot + 1 : bpf_map__name(map);
}

int probes_object_fd(const struct probes_object *object, const char *name)
{
	for (int i = 0; i < object->count; i++)
		if (!strcmp(object->kept[i].name, name))
			return object->kept[i].fd;
	return -ENOENT;
}

/* Is there a program whose name begins so? */
static bool hooked(const struct probes_object *object, const char *program)
{
	for (int i = 0; i < object->count; i++)
		if (!strncmp(object->kept[i].name, program, strlen(program)))
			return true;
	return false;
}

void probes_object_blind(const struct probes_object *object, char *text, size_t size)
{
	const struct probes_hook *hook = object->part->hooks;
	size_t used = 0;

	for (; hook && hook->program && used < size; hook++)
		if (!hooked(object, hook->program))
			used += snprintf(text + used, size - used, "%s%s", used ? ", " : "not seen on this kernel: ",
					 hook->blind);
}

void probes_object_close(struct probes_object *object)
{
	for (int i = 0; i < object->count; i++)
		close(object->kept[i].fd);
	object->count = 0;
}

/* ---- what it takes ---- */

/* A number of those by which the kernel describes a descriptor; 0 where it has none of this name. */
static uint64_t fd_number(int fd, const char *name)
{
	char path[40], line[128];
	__cleanup_fclose FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			return strtoull(line + strlen(name) + 1, NULL, 10);
	return 0;
}

int probes_object_program(const struct probes_object *object, int i)
{
	uint32_t program = fd_number(object->kept[i].fd, "prog_id");

	return program ? bpf_prog_get_fd_by_id(program) : -1;
}

void probes_object_measure(const struct probes_object *object, struct source_part *part)
{
	*part = (struct source_part){ .name = object->part->name };
	for (int i = 0; i < object->count; i++) {
		uint32_t program = fd_number(object->kept[i].fd, "prog_id");
		__cleanup_close int fd = program ? bpf_prog_get_fd_by_id(program) : -1;

		part->programs += program ? 1 : 0;
		part->memory += fd_number(fd >= 0 ? fd : object->kept[i].fd, "memlock");
	}
}

/* ---- loading ---- */

/* Its variables and constants are each object's own, but for the memory that all share. */
static bool map_shared(const struct bpf_map *map, const struct probes_object *base)
{
	if (!base || (bpf_map__is_internal(map) && strcmp(probes_map_name(map), "bss")))
		return false;
	return probes_object_fd(base, probes_map_name(map)) >= 0;
}

static int maps_share(struct bpf_object *bpf, const struct probes_object *base)
{
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_map(map, bpf) {
		uint32_t size = bpf_map__value_size(map);

		if (!map_shared(map, base))
			continue;
		ret = bpf_map__reuse_fd(map, probes_object_fd(base, probes_map_name(map)));
		if (ret)
			return ret;
		if (bpf_map__value_size(map) != size)
			return -EPROTO;
	}
	return 0;
}

static int maps_keep(struct probes_object *object, struct bpf_object *bpf,
		     const struct probes_object *base)
{
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_map(map, bpf) {
		if (bpf_map__fd(map) < 0 || map_shared(map, base))
			continue;
		ret = kept_add(object, probes_map_name(map), fd_copy(bpf_map__fd(map)));
		if (ret)
			return ret;
	}
	return 0;
}

/* Attaches a program; of one that is called and not attached, the program itself is kept. */
static int program_keep(struct probes_object *object, struct bpf_program *program)
{
	struct bpf_link *link;
	int ret;

	if (!bpf_program__autoload(program))
		return 0;
	if (!bpf_program__autoattach(program) || bpf_program__type(program) == BPF_PROG_TYPE_SYSCALL)
		return kept_add(object, bpf_program__name(program), fd_copy(bpf_program__fd(program)));
	link = bpf_program__attach(program);
	if (!link)
		return -errno;
	ret = kept_add(object, bpf_program__name(program), fd_copy(bpf_link__fd(link)));
	bpf_link__destroy(link);
	return ret;
}

static int programs_keep(struct probes_object *object, struct bpf_object *bpf)
{
	struct bpf_program *program;
	int ret;

	bpf_object__for_each_program(program, bpf) {
		ret = program_keep(object, program);
		if (ret)
			return ret;
	}
	return 0;
}

static int object_load(struct probes_object *object, const struct probes_object *base,
		       struct error *err)
{
	size_t size;
	__cleanup_free void *elf = probes_elf_unpack(object->part->elf, &size);
	struct bpf_object *bpf __cleanup(bpf_object__closep) = NULL;
	int ret;

	if (!elf)
		return refused(-errno, "unpack the programs", err);
	bpf = bpf_object__open_mem(elf, size,
				   &(struct bpf_object_open_opts){
					.sz = sizeof(struct bpf_object_open_opts),
					.object_name = object->part->name });
	if (!bpf)
		return refused(-errno, "open the programs", err);
	ret = object->part->prepare ? object->part->prepare(bpf, err) : 0;
	if (ret)
		return ret;
	ret = maps_share(bpf, base);
	if (ret)
		return refused(ret, "share the maps", err);
	ret = bpf_object__load(bpf);
	if (ret)
		return refused(ret, "load the programs", err);
	ret = maps_keep(object, bpf, base);
	if (ret)
		return refused(ret, "keep the maps", err);
	ret = programs_keep(object, bpf);
	return ret ? refused(ret, "attach the programs", err) : 0;
}

int probes_object_load(struct probes_object *object, const struct probes_part *part,
		       const struct probes_object *base, struct error *err)
{
	libbpf_print_fn_t before = libbpf_set_print(warning_keep);
	int ret;

	warning[0] = '\0';
	object->part = part;
	object->count = 0;
	ret = object_load(object, base, err);
	if (ret)
		probes_object_close(object);
	libbpf_set_print(before);
	/* The kernel's BTF was in memory for the time of loading. */
	malloc_trim(0);
	return ret;
}

/* ---- pins ---- */

static const char *pin_begin(const struct probes_part *part)
{
	return part->pins ? part->pins : part->name;
}

static void pin_name(const struct probes_part *part, const char *name, char *pin, size_t size)
{
	snprintf(pin, size, "%s-%s", pin_begin(part), name);
}

/* What stands last for an object that is whole: as many descriptors, from the same bytes. */
static void whole_name(const struct probes_object *object, int count, char *pin, size_t size)
{
	const struct probes_elf *elf = object->part->elf;

	snprintf(pin, size, "%s-whole-%016llx-%d", pin_begin(object->part),
		 (unsigned long long)pins_hash(elf->packed, elf->size), count);
}

void probes_part_unpin(const struct probes_part *part, const struct pins *pins)
{
	char prefix[PROBES_NAME_SIZE];

	pin_name(part, "", prefix, sizeof(prefix));
	pins_clear(pins, prefix);
}

int probes_object_pin(const struct probes_object *object, const struct pins *pins)
{
	char pin[2 * PROBES_NAME_SIZE];
	int ret = 0;

	probes_part_unpin(object->part, pins);
	for (int i = 0; i < object->count && !ret; i++) {
		pin_name(object->part, object->kept[i].name, pin, sizeof(pin));
		ret = pins_put(pins, pin, object->kept[i].fd);
	}
	if (!ret) {
		whole_name(object, object->count, pin, sizeof(pin));
		ret = pins_put(pins, pin, object->kept[0].fd);
	}
	if (ret)
		probes_part_unpin(object->part, pins);
	return ret;
}

static int resume_one(void *user, const char *pin, int fd)
{
	struct probes_object *object = user;
	const char *name = pin + strlen(pin_begin(object->part)) + 1;

	if (strncmp(name, "whole-", strlen("whole-")))
		return kept_add(object, name, fd);
	close(fd);
	return 0;
}

bool probes_object_resume(struct probes_object *object, const struct probes_part *part,
			  const struct pins *pins)
{
	char pin[2 * PROBES_NAME_SIZE], prefix[PROBES_NAME_SIZE];
	int whole;

	object->part = part;
	object->count = 0;
	pin_name(part, "", prefix, sizeof(prefix));
	if (!pins_each(pins, prefix, resume_one, object)) {
		whole_name(object, object->count, pin, sizeof(pin));
		whole = pins_get(pins, pin);
		if (whole >= 0) {
			close(whole);
			return true;
		}
	}
	probes_object_close(object);
	return false;
}
