// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings: what tells where in which file a thread was when it faulted.
 */
#include <linux/dcache.h>
#include <linux/elf.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>

#include "maps.h"

/*
 * Mappings that are looked at from each end of a process's memory, where
 * programs, libraries and the stack are: it may have 65,000 in between.
 */
#define VISIT_MAX	1024
/* Program headers that are searched for a build id, and bytes of notes. */
#define PHDRS_MAX	16
#define NOTES_MAX	512
#define NOTE_BUILD_ID	3

/**
 * struct list - a list under construction
 * @maps: the block
 * @room: bytes that it may take, a multiple of 8
 * @file: of the last mapping in it; NULL where that has none
 * @essential: only mappings of files, and where the thread is
 * @full: there is no room for one more of these
 */
struct list {
	struct faultline_maps *maps;
	u32 room;
	const struct file *file;
	bool essential;
	bool full;
};

static void *list_end(const struct list *list)
{
	return (void *)list->maps + list->maps->len;
}

static u32 list_room(const struct list *list)
{
	return list->room - list->maps->len;
}

/* Without page faults: what is not in memory is not read. */
static bool user_read(void *to, unsigned long from, size_t size)
{
	return !copy_from_user_nofault(to, (const void __user *)from, size);
}

/* The build id among the notes at @from, which are the process's to forge. */
static u8 build_id_find(u8 *to, unsigned long from, unsigned long size)
{
	unsigned long end = from + min_t(unsigned long, size, NOTES_MAX);
	struct elf64_note note;
	char owner[4];

	while (end - from >= sizeof(note) && user_read(&note, from, sizeof(note))) {
		if (note.n_namesz > NOTES_MAX || note.n_descsz > NOTES_MAX)
			break;
		from += sizeof(note);
		if (note.n_type == NOTE_BUILD_ID && note.n_namesz == sizeof(owner) &&
		    note.n_descsz && note.n_descsz <= FAULTLINE_BUILD_ID_MAX &&
		    user_read(owner, from, sizeof(owner)) && !memcmp(owner, "GNU", 4))
			return user_read(to, from + sizeof(owner), note.n_descsz) ?
			       note.n_descsz : 0;
		from += ALIGN(note.n_namesz, 4) + ALIGN(note.n_descsz, 4);
		if (from > end)
			break;
	}
	return 0;
}

/*
 * From the process's own memory, as the file is not to be waited for. What is
 * at the file's begin is mapped first by linkers, and has been looked at by the
 * dynamic linker.
 */
static u8 build_id_read(u8 *to, const struct vm_area_struct *vma)
{
	unsigned long size = vma->vm_end - vma->vm_start;
	struct elf64_phdr phdr;
	struct elf64_hdr elf;
	unsigned long at;
	unsigned int i;
	u8 len;

	if (!vma->vm_file || vma->vm_pgoff || !(vma->vm_flags & VM_READ) ||
	    !user_read(&elf, vma->vm_start, sizeof(elf)) ||
	    memcmp(elf.e_ident, ELFMAG, SELFMAG) || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_phentsize != sizeof(phdr) || elf.e_phoff > size)
		return 0;
	for (i = 0; i < min_t(unsigned int, elf.e_phnum, PHDRS_MAX); i++) {
		at = elf.e_phoff + i * sizeof(phdr);
		if (at + sizeof(phdr) > size ||
		    !user_read(&phdr, vma->vm_start + at, sizeof(phdr)))
			return 0;
		if (phdr.p_type != PT_NOTE || phdr.p_offset >= size ||
		    phdr.p_filesz > size - phdr.p_offset)
			continue;
		len = build_id_find(to, vma->vm_start + phdr.p_offset, phdr.p_filesz);
		if (len)
			return len;
	}
	return 0;
}

/* A name that does not come from a file; NULL where there is none. */
static const char *mapping_name(struct vm_area_struct *vma)
{
	const struct mm_struct *mm = vma->vm_mm;
	const char *name = NULL;

	if (vma->vm_ops && vma->vm_ops->name)
		name = vma->vm_ops->name(vma);
	if (name)
		return name;
	if (vma->vm_start < mm->brk && vma->vm_end > mm->start_brk)
		return "[heap]";
	if (vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack)
		return "[stack]";
	return NULL;
}

/* Return: bytes of the name at @to, or a negative errno. */
static int name_put(u8 *to, u32 room, struct vm_area_struct *vma)
{
	const char *name;
	size_t len;

	if (vma->vm_file) {
		/* It is built from the end of the room. */
		name = d_path(fl_file_path(vma->vm_file), (char *)to, room);
		if (IS_ERR(name))
			return PTR_ERR(name);
	} else {
		name = mapping_name(vma);
		if (!name)
			return 0;
	}
	len = strlen(name);
	if (len > room)
		return -ENAMETOOLONG;
	memmove(to, name, len);
	return len;
}

u32 fl_maps_flags(const struct vm_area_struct *vma)
{
	u32 flags = 0;

	if (vma->vm_flags & VM_READ)
		flags |= FAULTLINE_MAP_READ;
	if (vma->vm_flags & VM_WRITE)
		flags |= FAULTLINE_MAP_WRITE;
	if (vma->vm_flags & VM_EXEC)
		flags |= FAULTLINE_MAP_EXEC;
	if (vma->vm_flags & VM_SHARED)
		flags |= FAULTLINE_MAP_SHARED;
	if (vma->vm_flags & VM_GROWSDOWN)
		flags |= FAULTLINE_MAP_GROWS;
	if (vma->vm_file)
		flags |= FAULTLINE_MAP_FILE;
	/* Only compared: the lock keeps the mapping's file, not the process's. */
	if (vma->vm_file && vma->vm_file == rcu_access_pointer(vma->vm_mm->exe_file))
		flags |= FAULTLINE_MAP_PROGRAM;
	return flags;
}

/* Return: false where there is no room. */
static bool list_put(struct list *list, struct vm_area_struct *vma)
{
	/* What is left is never less than the padding of the last mapping. */
	u32 room = list_room(list), len = sizeof(struct faultline_map);
	struct faultline_map *map = list_end(list);
	int name_len = 0;

	if (room < len + FAULTLINE_BUILD_ID_MAX)
		return false;
	memset(map, 0, sizeof(*map));
	map->start = vma->vm_start;
	map->end = vma->vm_end;
	map->flags = fl_maps_flags(vma);
	if (vma->vm_file)
		map->offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	if (vma->vm_file && vma->vm_file == list->file) {
		map->flags |= FAULTLINE_MAP_SAME;
	} else {
		map->build_id_len = build_id_read(map->data, vma);
		len += map->build_id_len;
		name_len = name_put((u8 *)map + len, room - len, vma);
		if (name_len < 0)
			return false;
		map->name_len = name_len;
		len += name_len;
	}
	memset((u8 *)map + len, 0, ALIGN(len, 8) - len);
	list->file = vma->vm_file;
	list->maps->len += ALIGN(len, 8);
	list->maps->count++;
	return true;
}

/* Of a file, or where the thread is. */
static bool mapping_is_essential(u64 start, u64 end, bool file)
{
	struct pt_regs *regs = task_pt_regs(current);
	unsigned long ip = instruction_pointer(regs), sp = user_stack_pointer(regs);

	return file || (start <= ip && ip < end) || (start <= sp && sp < end);
}

/*
 * From now on essential mappings alone, and the others that are in the list go.
 * Only neighbours in it share a name, and both have the same file then.
 */
static void list_thin_out(struct list *list)
{
	struct faultline_map *map = (void *)(list->maps + 1), *to = map;
	const void *end = list_end(list);
	u32 len;

	list->essential = true;
	list->maps->count = 0;
	for (; (void *)map < end; map = (void *)map + len) {
		len = ALIGN(sizeof(*map) + map->build_id_len + map->name_len, 8);
		if (!mapping_is_essential(map->start, map->end, map->flags & FAULTLINE_MAP_FILE))
			continue;
		memmove(to, map, len);
		to = (void *)to + len;
		list->maps->count++;
	}
	list->maps->len = (void *)to - (void *)list->maps;
}

static void list_add_mapping(struct list *list, struct vm_area_struct *vma)
{
	bool essential = mapping_is_essential(vma->vm_start, vma->vm_end, !!vma->vm_file);

	if (list->full || (list->essential && !essential) || list_put(list, vma))
		return;
	if (!list->essential) {
		list_thin_out(list);
		if (!essential || list_put(list, vma))
			return;
	}
	list->full = true;
}

/* At most @max mappings. Return: the end of the last of them. */
static unsigned long list_add_from(struct list *list, unsigned long address, unsigned int max)
{
	struct vm_area_struct *vma;

	VMA_ITERATOR(vmi, current->mm, address);

	while (!list->full && max-- && (vma = vma_next(&vmi))) {
		list_add_mapping(list, vma);
		address = vma->vm_end;
	}
	return address;
}

/* The one that has @address, if it lies in that range. Return: its end, or @begin. */
static unsigned long list_add_at(struct list *list, unsigned long address,
				 unsigned long begin, unsigned long end)
{
	struct vm_area_struct *vma;

	if (address < begin || address >= end)
		return begin;
	vma = vma_lookup(current->mm, address);
	if (!vma)
		return begin;
	list_add_mapping(list, vma);
	return vma->vm_end;
}

/* Where the last VISIT_MAX mappings begin. */
static unsigned long high_begin(void)
{
	unsigned long begin = current->mm->task_size;
	unsigned int max = VISIT_MAX;
	struct vm_area_struct *vma;

	VMA_ITERATOR(vmi, current->mm, begin);

	while (max-- && (vma = vma_prev(&vmi)))
		begin = vma->vm_start;
	return begin;
}

static void list_fill(struct list *list)
{
	struct pt_regs *regs = task_pt_regs(current);
	unsigned long ip = instruction_pointer(regs), sp = user_stack_pointer(regs);
	unsigned long low_end, high;

	if (current->mm->map_count <= 2 * VISIT_MAX) {
		list_add_from(list, 0, 2 * VISIT_MAX);
		return;
	}
	list_thin_out(list);
	high = high_begin();
	low_end = list_add_from(list, 0, VISIT_MAX);
	low_end = list_add_at(list, min(ip, sp), low_end, high);
	low_end = list_add_at(list, max(ip, sp), low_end, high);
	list_add_from(list, max(low_end, high), VISIT_MAX);
}

u32 fl_maps_take(struct faultline_maps *maps, u32 room)
{
	struct list list = { .maps = maps, .room = ALIGN_DOWN(room, 8) };

	static_assert(FAULTLINE_MAPS_MAX % 8 == 0);

	if (room < sizeof(*maps) || !mmap_read_trylock(current->mm))
		return 0;
	maps->len = sizeof(*maps);
	maps->count = 0;
	list_fill(&list);
	mmap_read_unlock(current->mm);
	maps->flags = list.essential ? FAULTLINE_MAPS_PARTIAL : 0;
	return maps->len;
}
