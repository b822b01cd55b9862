/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs of the probes as the supervisor carries them in itself: ELF files as bpf/ makes them, by gzip (RFC 1952),
 * which takes less than a quarter of their room. They are unpacked for as long as libbpf reads them.
 */
#ifndef SUPERVISORD_PROBES_ELF_H
#define SUPERVISORD_PROBES_ELF_H

#include <stddef.h>

/** struct probes_elf - @size: of what is @packed, in bytes */
struct probes_elf {
	const void *packed;
	size_t size;
};

extern const struct probes_elf probes_elf_lifecycle, probes_elf_limits, probes_elf_progress,
	probes_elf_range;

/**
 * probes_elf_unpack - the file itself; freed with free()
 * @size: its size, in bytes
 *
 * Return: NULL without memory, or where it is not what its checksum says; errno is ENOMEM or EBADMSG.
 */
void *probes_elf_unpack(const struct probes_elf *elf, size_t *size);

#endif /* SUPERVISORD_PROBES_ELF_H */
