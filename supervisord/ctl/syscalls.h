/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of system calls, out of the kernel headers that this was built with. */
#ifndef SUPERVISORD_CTL_SYSCALLS_H
#define SUPERVISORD_CTL_SYSCALLS_H

#include <stdint.h>

/** syscall_name - a call's name; @machine: EM_*; NULL where it is not known */
const char *syscall_name(uint16_t machine, uint64_t number);

#endif /* SUPERVISORD_CTL_SYSCALLS_H */
