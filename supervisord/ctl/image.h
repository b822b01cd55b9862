/* SPDX-License-Identifier: GPL-2.0-only */
/* An ELF file of a process: what a debugger has to be told of it when it is not there to be asked. */
#ifndef SUPERVISORD_CTL_IMAGE_H
#define SUPERVISORD_CTL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct image - of a program or library
 * @machine: EM_*
 * @entry: as the file has it, like all addresses here
 * @base: of what is mapped first, down to its page
 * @phdrs: where the program headers are, once it is mapped
 * @phnum: how many
 * @dynamic: address of the dynamic section; 0: it is static
 * @dynamic_size: bytes of it
 * @dynamic_bytes: as the file has it; owned
 */
struct image {
	uint16_t machine;
	uint64_t entry;
	uint64_t base;
	uint64_t phdrs;
	uint16_t phnum;
	uint64_t dynamic;
	size_t dynamic_size;
	void *dynamic_bytes;
};

/**
 * image_read - read a file's headers
 * @build_id: as hexadecimal digits, that the file is to have; NULL: whatever it has
 * @why: one line, where it fails
 *
 * Return: 0 or a negative errno; -ESTALE: it is another build. Of a file that is
 * hostile nothing is believed that does not fit into it.
 */
int image_read(struct image *image, const char *path, const char *build_id, const char **why);
void image_release(struct image *image);

#endif /* SUPERVISORD_CTL_IMAGE_H */
