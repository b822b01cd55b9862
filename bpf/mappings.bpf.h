/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mappings of the current process that hold its code: what tells where in
 * which file, and in which build of it, a thread was. No lock can be taken where
 * a signal is delivered, so the kernel's tree of mappings is read as it stands;
 * each read is checked, and what changes meanwhile is at worst left out. The
 * tree has the same form from 6.1 on. Build ids are read from the process's own
 * memory, as far as it is there, which for what the dynamic linker has looked at
 * it is.
 */
#ifndef MAPPINGS_BPF_H
#define MAPPINGS_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <linux/elf.h>
#include <linux/faultline.h>

#include "kernel.h"
#include "probes.h"

#define LEAVES_MAX	96	/* of the tree; each has up to 16 mappings, or gaps */
#define LEVELS_MAX	6
#define LEAF_SLOTS	16
#define NODE_WORDS	32
#define PATH_MAX	256	/* a power of two; a longer name is left out */
#define PATH_PARTS	24	/* folders, and mounts on the way */
#define PHDRS_MAX	16
#define NOTES_MAX	4	/* in one segment */
#define NOTE_BUILD_ID	3
/* Room for one more mapping, with build id and name. */
#define MAPPING_MAX	(sizeof(struct faultline_map) + FAULTLINE_BUILD_ID_MAX + PATH_MAX + 8)

/* include/linux/maple_tree.h, lib/maple_tree.c: what a pointer to a node has in its lower bits */
#define NODE_MASK	255UL
#define NODE_IS_ROOT	2UL	/* the tree's first node; without it the tree is one mapping at most */
#define NODE_TYPE(node)	((node) >> 3 & 15)
#define NODE_LEAF	1
#define NODE_RANGE	2
#define NODE_ARANGE	3
#define RANGE_SLOTS	16
#define ARANGE_SLOTS	10

/* include/linux/mm.h */
#define VM_READ		0x1
#define VM_WRITE	0x2
#define VM_EXEC		0x4
#define VM_SHARED	0x8
#define PAGE_SHIFT	12

/**
 * struct mappings - a list under construction, one for each CPU: nothing runs beside it there
 * @address: from where on the tree is read
 * @max: the last address of the leaf in @node
 * @file: of the last mapping in the list; 0: none
 * @first: the mapping at the begin of a file, which is of interest once the file has code as well
 * @program: the file that was executed
 * @dentry, @mount: where in the file's path the walk is
 * @root, @root_mount: where it ends
 * @at: begin of the name in @path
 * @id_len: of @id
 * @used: bytes of @list
 */
struct mappings {
	u64 address;
	u64 max;
	u64 node[NODE_WORDS];
	u64 file;
	struct mapping {
		u64 start;
		u64 end;
		u64 offset;
		u64 file;
		u64 flags;
	} first;
	u64 program;
	u64 dentry;
	u64 mount;
	u64 root;
	u64 root_mount;
	u32 at;
	u8 path[2 * PATH_MAX];
	u32 id_len;
	u8 id[24];
	struct elf64_hdr elf;
	u32 used;
	u32 count;
	u8 list[PROBES_MAPS_MAX + 2 * MAPPING_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct mappings);
} mappings SEC(".maps");

static __always_inline struct mappings *mappings_here(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&mappings, &zero);
}

/* ---- the build id ---- */

/* Among the notes at @from, which are the process's to forge. */
__noinline int mappings_id(u64 from, u64 size)
{
	struct mappings *here = mappings_here();
	u64 end = from + size;
	struct elf64_note note;

	if (!here)
		return 0;
	for (int i = 0; i < NOTES_MAX && from + sizeof(note) < end; i++) {
		if (bpf_probe_read_user(&note, sizeof(note), (void *)from) || note.n_namesz > PATH_MAX ||
		    note.n_descsz > PATH_MAX)
			return 0;
		from += sizeof(note);
		if (note.n_type == NOTE_BUILD_ID && note.n_namesz == 4 && note.n_descsz &&
		    note.n_descsz <= FAULTLINE_BUILD_ID_MAX) {
			bpf_probe_read_user(here->id, FAULTLINE_BUILD_ID_MAX, (void *)(from + 4));
			here->id_len = note.n_descsz;
			return 1;
		}
		from += ((note.n_namesz + 3) & ~3U) + ((note.n_descsz + 3) & ~3U);
	}
	return 0;
}

static long phdr_visit(u32 i, void *nothing)
{
	struct mappings *here = mappings_here();
	struct elf64_phdr phdr;

	if (!here || i >= here->elf.e_phnum)
		return 1;
	if (bpf_probe_read_user(&phdr, sizeof(phdr),
				(void *)(here->first.start + here->elf.e_phoff + i * sizeof(phdr))))
		return 1;
	if (phdr.p_type != PT_NOTE || phdr.p_offset > here->first.end - here->first.start)
		return 0;
	return mappings_id(here->first.start + phdr.p_offset, phdr.p_filesz) ? 1 : 0;
}

/* Of the file whose begin is at here->first. */
static __always_inline void id_read(struct mappings *here)
{
	here->id_len = 0;
	if (!(here->first.flags & VM_READ) ||
	    bpf_probe_read_user(&here->elf, sizeof(here->elf), (void *)here->first.start) ||
	    *(u32 *)here->elf.e_ident != 0x464c457f || here->elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    here->elf.e_phentsize != sizeof(struct elf64_phdr))
		return;
	bpf_loop(PHDRS_MAX, phdr_visit, NULL, 0);
}

/* ---- the name ---- */

/* One part of the path, from its end on; or out of a mount. */
static long part_visit(u32 i, void *nothing)
{
	struct mappings *here = mappings_here();
	struct dentry *dentry;
	struct vfsmount *mount;
	const unsigned char *name;
	u32 length, at;

	if (!here)
		return 1;
	dentry = (struct dentry *)here->dentry;
	mount = (struct vfsmount *)here->mount;
	if (here->dentry == here->root && here->mount == here->root_mount)
		return 1;
	if (dentry == BPF_CORE_READ(mount, mnt_root)) {
		/* The mount, of which this is a member. */
		struct mount *whole = (void *)mount - bpf_core_field_offset(struct mount, mnt);
		struct mount *parent = BPF_CORE_READ(whole, mnt_parent);

		if (parent == whole)
			return 1;
		here->dentry = (u64)BPF_CORE_READ(whole, mnt_mountpoint);
		here->mount = (u64)parent + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	here->dentry = (u64)BPF_CORE_READ(dentry, d_parent);
	if (here->dentry == (u64)dentry)
		return 1;
	name = BPF_CORE_READ(dentry, d_name.name);
	length = BPF_CORE_READ(dentry, d_name.len);
	at = here->at;
	if (length >= PATH_MAX || length + 1 > at || at > PATH_MAX) {
		here->at = PATH_MAX;
		return 1;
	}
	at -= length;
	length &= PATH_MAX - 1;
	barrier_var(length);
	length &= PATH_MAX - 1;
	bpf_probe_read_kernel(&here->path[at & (PATH_MAX - 1)], length, name);
	at--;
	here->path[at & (PATH_MAX - 1)] = '/';
	here->at = at;
	return 0;
}

static __always_inline void name_read(struct mappings *here, struct file *file)
{
	here->at = PATH_MAX;
	here->dentry = (u64)BPF_CORE_READ(file, f_path.dentry);
	here->mount = (u64)BPF_CORE_READ(file, f_path.mnt);
	bpf_loop(PATH_PARTS, part_visit, NULL, 0);
}

/* ---- the list ---- */

static __always_inline u32 mapping_flags(u64 flags)
{
	/* As the record has them, but for their order. */
	return (flags & VM_READ ? FAULTLINE_MAP_READ : 0) | (flags & VM_WRITE ? FAULTLINE_MAP_WRITE : 0) |
	       (flags & VM_EXEC ? FAULTLINE_MAP_EXEC : 0) | (flags & VM_SHARED ? FAULTLINE_MAP_SHARED : 0) |
	       FAULTLINE_MAP_FILE;
}

static __always_inline struct faultline_map *list_put(struct mappings *here, const struct mapping *from)
{
	u32 used = here->used;
	struct faultline_map *map;

	if (used > PROBES_MAPS_MAX - sizeof(*map))
		return NULL;
	map = (void *)here->list + used;
	map->start = from->start;
	map->end = from->end;
	map->offset = from->offset;
	map->flags = mapping_flags(from->flags);
	map->name_len = 0;
	map->build_id_len = 0;
	map->reserved = 0;
	if (from->file == here->program)
		map->flags |= FAULTLINE_MAP_PROGRAM;
	here->count++;
	here->used = used + sizeof(*map);
	return map;
}

/* The begin of a file, with the build id and the name of it; false where there is no room. */
__noinline int mappings_first(void)
{
	struct mappings *here = mappings_here();
	u32 used, length, padding;
	struct faultline_map *map;

	if (!here)
		return 0;
	id_read(here);
	name_read(here, (struct file *)here->first.file);
	length = PATH_MAX - (here->at & (2 * PATH_MAX - 1));
	if (length >= PATH_MAX)
		length = 0;
	if (here->used + MAPPING_MAX > PROBES_MAPS_MAX)
		return 0;
	map = list_put(here, &here->first);
	if (!map)
		return 0;
	map->build_id_len = here->id_len;
	map->name_len = length;
	used = here->used;
	if (used > PROBES_MAPS_MAX)
		return 0;
	bpf_probe_read_kernel(&here->list[used], FAULTLINE_BUILD_ID_MAX, here->id);
	used += here->id_len;
	if (used > PROBES_MAPS_MAX)
		return 0;
	length &= PATH_MAX - 1;
	bpf_probe_read_kernel(&here->list[used], length, &here->path[here->at & (PATH_MAX - 1)]);
	used += length;
	if (used > PROBES_MAPS_MAX)
		return 0;
	padding = -used & 7;
	*(u64 *)here->id = 0;
	bpf_probe_read_kernel(&here->list[used], padding & 7, here->id);
	here->used = used + padding;
	here->file = here->first.file;
	return 1;
}

/* One mapping of the tree: of those of files, the begins of files with code, and the code. */
__noinline int mappings_visit(u64 entry)
{
	const struct vm_area_struct *vma = (void *)entry;
	struct mappings *here = mappings_here();
	struct faultline_map *map;
	struct mapping found;

	if (!here)
		return 1;
	found.file = (u64)BPF_CORE_READ(vma, vm_file);
	if (!found.file)
		return 0;
	found.offset = BPF_CORE_READ(vma, vm_pgoff) << PAGE_SHIFT;
	found.flags = BPF_CORE_READ(vma, vm_flags);
	if (found.offset && !(found.flags & VM_EXEC))
		return 0;
	found.start = BPF_CORE_READ(vma, vm_start);
	found.end = BPF_CORE_READ(vma, vm_end);
	if (!found.offset)
		here->first = found;
	if (!(found.flags & VM_EXEC))
		return 0;
	if (here->first.file == found.file && here->file != found.file) {
		if (!mappings_first())
			return 1;
		if (!found.offset)
			return 0;
	}
	if (here->file != found.file)
		return 0;
	map = list_put(here, &found);
	if (!map)
		return 1;
	map->flags |= FAULTLINE_MAP_SAME;
	return 0;
}

/* ---- the tree ---- */

/*
 * Functions that are not static are looked at by the verifier each by itself; what they find is
 * any number to the one that calls them, and its own look does not fork with each that it might be.
 */

/* Which slot of a node in here->node has the address, and up to where. */
__noinline int mappings_slot(u32 pivots, u32 slots)
{
	struct mappings *here = mappings_here();
	u32 i;

	if (!here)
		return 0;
	for (i = 0; i < RANGE_SLOTS && i < slots - 1; i++) {
		u64 pivot = here->node[(pivots + i) & (NODE_WORDS - 1)];

		/* What comes after the last pivot is the rest. */
		if (i && !pivot)
			break;
		if (here->address <= pivot) {
			here->max = pivot;
			break;
		}
	}
	return i;
}

/* To the leaf that has the address; false where there is none. */
static __always_inline bool leaf_find(struct mappings *here, struct mm_struct *mm)
{
	u64 node = (u64)BPF_CORE_READ(mm, mm_mt.ma_root);

	if (!(node & NODE_IS_ROOT))
		return false;
	here->max = -1UL;
	for (int level = 0; level < LEVELS_MAX; level++) {
		u32 type = NODE_TYPE(node), slot;

		if (bpf_probe_read_kernel(here->node, sizeof(here->node), (void *)(node & ~NODE_MASK)))
			return false;
		if (type == NODE_LEAF)
			return true;
		if (type == NODE_ARANGE)
			slot = bpf_core_field_offset(struct maple_arange_64, slot) / 8 +
			       mappings_slot(bpf_core_field_offset(struct maple_arange_64, pivot) / 8,
					 ARANGE_SLOTS);
		else if (type == NODE_RANGE)
			slot = bpf_core_field_offset(struct maple_range_64, slot) / 8 +
			       mappings_slot(bpf_core_field_offset(struct maple_range_64, pivot) / 8,
					 RANGE_SLOTS);
		else
			return false;
		barrier_var(slot);
		node = here->node[slot & (NODE_WORDS - 1)];
	}
	return false;
}

static long leaf_visit(u32 nr, void *nothing)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const u32 pivots = bpf_core_field_offset(struct maple_range_64, pivot) / 8;
	const u32 slots = bpf_core_field_offset(struct maple_range_64, slot) / 8;
	struct mappings *here = mappings_here();

	if (!here || !leaf_find(here, task->mm))
		return 1;
	for (u32 i = 0; i < LEAF_SLOTS; i++) {
		u64 entry = here->node[(slots + i) & (NODE_WORDS - 1)];
		u64 pivot = i < LEAF_SLOTS - 1 ? here->node[(pivots + i) & (NODE_WORDS - 1)] : 0;

		/* A pointer to a mapping is no other entry. */
		if (entry > NODE_MASK && !(entry & 3) && mappings_visit(entry))
			return 1;
		if (!pivot || pivot >= here->max)
			break;
	}
	if (here->max == -1UL)
		return 1;
	here->address = here->max + 1;
	return 0;
}

/* Makes the list in here->list; its length, which is a multiple of 8, or 0. */
static __always_inline u32 mappings_take(struct mappings *here, struct task_struct *task)
{
	struct faultline_maps *head = (void *)here->list;

	here->address = 0;
	here->file = 0;
	here->first.file = 0;
	here->count = 0;
	here->used = sizeof(*head);
	here->program = (u64)BPF_CORE_READ(task, mm, exe_file);
	here->root = (u64)BPF_CORE_READ(task, fs, root.dentry);
	here->root_mount = (u64)BPF_CORE_READ(task, fs, root.mnt);
	bpf_loop(LEAVES_MAX, leaf_visit, NULL, 0);
	if (!here->count)
		return 0;
	head->len = here->used;
	head->count = here->count;
	head->flags = FAULTLINE_MAPS_PARTIAL;
	return here->used;
}

#endif /* MAPPINGS_BPF_H */
