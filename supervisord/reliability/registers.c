// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/registers.h"

#include <stddef.h>
#include <stdio.h>

/* In the order of struct user_regs_struct, sys/user.h. */
static const char *const x86_64_names[] = {
	"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8",
	"rax", "rcx", "rdx", "rsi", "rdi", "orig_rax", "rip", "cs", "eflags",
	"rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
};

/* struct user_pt_regs of arm64: x0 to x30, sp, pc, pstate. */
static const char *arm64_name(unsigned int i, char *buffer)
{
	static const char *const special[] = { "sp", "pc", "pstate" };

	if (i > 30)
		return i - 31 < 3 ? special[i - 31] : NULL;
	snprintf(buffer, REGISTER_NAME_SIZE, "x%u", i);
	return buffer;
}

const char *registers_name(unsigned int arch, unsigned int i, char *buffer)
{
	if (arch == FAULTLINE_ARCH_AARCH64)
		return arm64_name(i, buffer);
	if (arch == FAULTLINE_ARCH_X86_64 && i < sizeof(x86_64_names) / sizeof(*x86_64_names))
		return x86_64_names[i];
	return NULL;
}

int registers_pc(unsigned int arch)
{
	return arch == FAULTLINE_ARCH_X86_64 ? 16 : arch == FAULTLINE_ARCH_AARCH64 ? 32 : -1;
}

int registers_sp(unsigned int arch)
{
	return arch == FAULTLINE_ARCH_X86_64 ? 19 : arch == FAULTLINE_ARCH_AARCH64 ? 31 : -1;
}
