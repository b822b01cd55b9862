/* SPDX-License-Identifier: GPL-2.0-only */
/* What is done to an object of BPF programs between its opening and its loading. */
#ifndef SUPERVISORD_PROBES_PREPARE_H
#define SUPERVISORD_PROBES_PREPARE_H

#include <bpf/libbpf.h>
#include <stddef.h>

#include "lib/error.h"

/** probes_constant_set - the value of a "const volatile" of the programs; -ENOENT: there is none of this name and size */
int probes_constant_set(struct bpf_object *bpf, const char *name, const void *value, size_t size);

/** probes_prepare_pages - for struct probes_part: the programs are to know how large the kernel's pages are */
int probes_prepare_pages(struct bpf_object *bpf, struct error *err);

/**
 * probes_prepare_beside - for struct probes_part: the programs are to hand their records to the module, by its functions
 *
 * The maps of watches and records are the module's business then, and not made.
 */
int probes_prepare_beside(struct bpf_object *bpf, struct error *err);

#endif /* SUPERVISORD_PROBES_PREPARE_H */
