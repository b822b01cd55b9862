/* SPDX-License-Identifier: GPL-2.0-only */
/* What loading the object of limits takes: which of its programs this kernel can have. */
#ifndef SUPERVISORD_PROBES_LIMITS_H
#define SUPERVISORD_PROBES_LIMITS_H

#include "supervisord/reliability/probes_object.h"

/** probes_limits_prepare, probes_limits_hooks - for struct probes_part */
int probes_limits_prepare(struct bpf_object *bpf, struct error *err);
/** probes_limits_prepare_beside - the same beside the module, which takes the records */
int probes_limits_prepare_beside(struct bpf_object *bpf, struct error *err);
extern const struct probes_hook probes_limits_hooks[];

#endif /* SUPERVISORD_PROBES_LIMITS_H */
