/* SPDX-License-Identifier: GPL-2.0-only */
/* The general registers of a capture by their names. */
#ifndef SUPERVISORD_REGISTERS_H
#define SUPERVISORD_REGISTERS_H

#include <linux/faultline.h>
#include <stdint.h>

#define REGISTER_NAME_SIZE 8

/**
 * registers_name - of the register in word @i of a capture
 * @arch: FAULTLINE_ARCH_*
 * @buffer: REGISTER_NAME_SIZE bytes, which the name may be in
 *
 * Return: NULL where the machine has no such word, or is not known.
 */
const char *registers_name(unsigned int arch, unsigned int i, char *buffer);

/** registers_pc, registers_sp - where program counter and stack pointer are; negative where it is not known */
int registers_pc(unsigned int arch);
int registers_sp(unsigned int arch);

/** registers_value - word @i of a capture; 0 where it has none */
static inline uint64_t registers_value(const struct faultline_capture *capture, int i)
{
	return i >= 0 && i < capture->nregs ? capture->regs[i] : 0;
}

#endif /* SUPERVISORD_REGISTERS_H */
