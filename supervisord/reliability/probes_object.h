/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One BPF object of the probes: the programs for one concern. It is loaded when it is needed; once it is attached,
 * libbpf's picture of it is dropped, and what stays are descriptors of its links and maps. They have names in the
 * supervisor's folder of pins, so that a supervisor that comes after one that died takes the object over as it is.
 */
#ifndef SUPERVISORD_PROBES_OBJECT_H
#define SUPERVISORD_PROBES_OBJECT_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "supervisord/reliability/pins.h"
#include "supervisord/reliability/probes_elf.h"
#include "supervisord/reliability/source.h"

/* Links, maps and programs of one object. */
#define PROBES_KEPT_MAX 32
#define PROBES_NAME_SIZE 40

/**
 * struct probes_hook - a program that not every kernel can have
 * @program: the beginning of its name; NULL ends a list
 * @blind: what is not seen without it
 */
struct probes_hook {
	const char *program;
	const char *blind;
};

/**
 * struct probes_part - what an object is for; see probes_parts.c
 * @name: as status shows it
 * @pins: the beginning of its pins' names; NULL: its name
 * @blind: what is not seen where the kernel does not take the object
 * @by_need: it is loaded only while something needs it
 * @elf: the object as it was compiled
 * @prepare: before it is loaded: chooses the programs that this kernel can have (bpf_program__set_autoload()), fills
 *	in constants; says in @err what keeps the whole object out. May be NULL.
 * @hooks: of those that @prepare may leave out; NULL: none
 */
struct probes_part {
	const char *name;
	const char *pins;
	const char *blind;
	bool by_need;
	const struct probes_elf *elf;
	int (*prepare)(struct bpf_object *bpf, struct error *err);
	const struct probes_hook *hooks;
};

/**
 * struct probes_object - a part that is loaded, or not
 * @count: 0 where it is not
 * @kept: programs by the names of their functions, maps likewise; those of global variables by what
 *	follows the last dot of their section. Maps that the base object made are not among them.
 */
struct probes_object {
	const struct probes_part *part;
	int count;
	struct {
		char name[PROBES_NAME_SIZE];
		int fd;
	} kept[PROBES_KEPT_MAX];
};

/** probes_map_name - of a map for global variables, the section's name behind its last dot; dots are not for pins */
const char *probes_map_name(const struct bpf_map *map);

/**
 * probes_object_load - load and attach the programs
 * @base: made the maps that this one shares with it by name; NULL: it is the base itself
 *
 * Return: 0; -EPERM, -ENOENT (no BPF), others: @err says what to do.
 */
int probes_object_load(struct probes_object *object, const struct probes_part *part,
		       const struct probes_object *base, struct error *err);

/** probes_object_pin - give it its names; all of them or, on failure, none */
int probes_object_pin(const struct probes_object *object, const struct pins *pins);

/** probes_part_unpin - take the names of an object away, also one that another process has pinned */
void probes_part_unpin(const struct probes_part *part, const struct pins *pins);

/** probes_object_resume - take over what is pinned; false where it is not whole, or of another version */
bool probes_object_resume(struct probes_object *object, const struct probes_part *part,
			  const struct pins *pins);

/** probes_object_fd - the descriptor of a link or map, or -ENOENT */
int probes_object_fd(const struct probes_object *object, const char *name);

/** probes_object_program - a new descriptor of what is kept at @i, or of its link; -1 where that is no program */
int probes_object_program(const struct probes_object *object, int i);

/** probes_object_blind - what is not seen for want of single programs, in one line; nothing where all are there */
void probes_object_blind(const struct probes_object *object, char *text, size_t size);

/** probes_object_measure - its name, and what it takes */
void probes_object_measure(const struct probes_object *object, struct source_part *part);

/** probes_object_close - what is not pinned is gone then */
void probes_object_close(struct probes_object *object);

#endif /* SUPERVISORD_PROBES_OBJECT_H */
