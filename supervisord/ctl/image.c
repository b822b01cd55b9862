// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/hex.h"

#define PHDRS_MAX 64
#define NOTES_MAX 4096
#define DYNAMIC_MAX 65536
#define PAGE 4096

static bool read_at(int fd, void *to, size_t size, uint64_t at)
{
	return at < INT64_MAX && pread(fd, to, size, at) == (ssize_t)size;
}

/* The build id among notes, as digits; false where there is none. */
static bool notes_build_id(const char *notes, size_t size, char *digits, size_t room)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		size_t name, desc;

		memcpy(&note, notes, sizeof(note));
		name = ((size_t)note.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)note.n_descsz + 3) & ~(size_t)3;
		if (name + desc > size - sizeof(note))
			return false;
		notes += sizeof(note);
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(notes, "GNU", 4) &&
		    2 * (size_t)note.n_descsz < room) {
			hex_write(digits, notes + name, note.n_descsz);
			return true;
		}
		notes += name + desc;
		size -= sizeof(note) + name + desc;
	}
	return false;
}

static bool build_id_is(int fd, const Elf64_Phdr *phdrs, int count, const char *wanted)
{
	char notes[NOTES_MAX], digits[2 * 64 + 1];

	for (int i = 0; i < count; i++) {
		size_t size = phdrs[i].p_filesz < NOTES_MAX ? phdrs[i].p_filesz : NOTES_MAX;

		if (phdrs[i].p_type == PT_NOTE && read_at(fd, notes, size, phdrs[i].p_offset) &&
		    notes_build_id(notes, size, digits, sizeof(digits)))
			return !strcmp(digits, wanted);
	}
	return false;
}

static int dynamic_read(struct image *image, int fd, const Elf64_Phdr *phdr)
{
	size_t size = phdr->p_filesz;

	if (!size || size > DYNAMIC_MAX || size % sizeof(Elf64_Dyn))
		return -ENOEXEC;
	image->dynamic_bytes = malloc(size);
	if (!image->dynamic_bytes)
		return -ENOMEM;
	if (!read_at(fd, image->dynamic_bytes, size, phdr->p_offset))
		return -ENOEXEC;
	image->dynamic = phdr->p_vaddr;
	image->dynamic_size = size;
	return 0;
}

static int phdrs_look(struct image *image, int fd, const Elf64_Ehdr *ehdr,
		      const Elf64_Phdr *phdrs)
{
	bool loaded = false;
	int ret = 0;

	for (int i = 0; i < ehdr->e_phnum && !ret; i++) {
		const Elf64_Phdr *phdr = &phdrs[i];

		if (phdr->p_type == PT_LOAD && !loaded) {
			loaded = true;
			image->base = phdr->p_vaddr & ~(uint64_t)(PAGE - 1);
			image->phdrs = phdr->p_vaddr + ehdr->e_phoff - phdr->p_offset;
		} else if (phdr->p_type == PT_DYNAMIC && !image->dynamic_bytes) {
			ret = dynamic_read(image, fd, phdr);
		}
	}
	return loaded ? ret : -ENOEXEC;
}

int image_read(struct image *image, const char *path, const char *build_id, const char **why)
{
	/* O_NONBLOCK: the name may have come to be a pipe's. */
	int fd __cleanup_close = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	Elf64_Phdr phdrs[PHDRS_MAX];
	Elf64_Ehdr ehdr;
	struct stat st;
	int ret;

	memset(image, 0, sizeof(*image));
	if (fd < 0 || fstat(fd, &st)) {
		ret = -errno;
		*why = strerror(errno);
		return ret;
	}
	*why = "not an ELF file that could have run here";
	if (!S_ISREG(st.st_mode) || !read_at(fd, &ehdr, sizeof(ehdr), 0) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) || ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_ident[EI_DATA] != ELFDATA2LSB || ehdr.e_phentsize != sizeof(*phdrs) ||
	    ehdr.e_phnum > PHDRS_MAX ||
	    !read_at(fd, phdrs, ehdr.e_phnum * sizeof(*phdrs), ehdr.e_phoff))
		return -ENOEXEC;
	if (build_id && !build_id_is(fd, phdrs, ehdr.e_phnum, build_id)) {
		*why = "the file is another build than the one that ran";
		return -ESTALE;
	}
	image->machine = ehdr.e_machine;
	image->entry = ehdr.e_entry;
	image->phnum = ehdr.e_phnum;
	ret = phdrs_look(image, fd, &ehdr, phdrs);
	if (ret)
		image_release(image);
	return ret;
}

void image_release(struct image *image)
{
	free(image->dynamic_bytes);
	memset(image, 0, sizeof(*image));
}
