/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BPF programs that hand records over to the module, for the tests.
 */
#ifndef EMITTER_H
#define EMITTER_H

#include <sys/types.h>
#include <linux/faultline.h>

#include "emit.skel.h"

#define EMIT_TIMES 64	/* as in emit.bpf.c */

/* Load all programs and attach none. NULL where the kernel takes them not. */
struct emit *emitter_open(void);

/* Give the programs up, and wait until they are gone and the module is free. */
void emitter_close(struct emit *emit);

/* A LIMIT record about process @tgid, as a program would hand it over. */
void emitter_record(struct faultline_record *record, pid_t tgid);

/* Hand @len bytes over, once. Return: what the module answered, or -ENOEXEC where none did. */
int emitter_emit(struct emit *emit, const void *bytes, size_t len);

/* Ask which watch the calling process belongs to: emit->bss->watch. Return: 0 or -ENOEXEC. */
int emitter_watch(struct emit *emit);

#endif /* EMITTER_H */
