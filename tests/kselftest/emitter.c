// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "client.h"
#include "emitter.h"

struct emit *emitter_open(void)
{
	struct emit *emit;

	if (!getenv("EMITTER_VERBOSE"))
		libbpf_set_print(NULL);
	emit = emit__open();
	if (!emit)
		return NULL;
	emit->rodata->module = !access("/sys/kernel/btf/faultline", R_OK);
	/* A kernel without the LSM has no such hook. */
	bpf_program__set_autoload(emit->progs.emit_file_open, libbpf_find_vmlinux_btf_id("file_open", BPF_LSM_MAC) > 0);
	if (!emit__load(emit))
		return emit;
	emit__destroy(emit);
	return NULL;
}

static int module_users(void)
{
	FILE *file = fopen("/sys/module/faultline/refcnt", "re");
	int users = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%d", &users) != 1)
		users = 0;
	fclose(file);
	return users;
}

void emitter_close(struct emit *emit)
{
	emit__destroy(emit);
	/* The kernel frees programs a grace period later. */
	for (int i = 0; module_users() && i < 2000; i++)
		usleep(10000);
}

void emitter_record(struct faultline_record *record, pid_t tgid)
{
	memset(record, 0, sizeof(*record));
	record->len = sizeof(*record);
	record->type = FAULTLINE_RECORD_LIMIT;
	record->code = FAULTLINE_LIMIT_FILES;
	record->errno_ = EMFILE;
	record->tgid = tgid;
	record->tid = tgid;
	strcpy(record->comm, "prober");
}

int emitter_emit(struct emit *emit, const void *bytes, size_t len)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts);
	uint64_t emitted = emit->bss->emitted;

	memcpy(emit->bss->bytes, bytes, len);
	emit->bss->len = len;
	emit->bss->error = -ENOEXEC;
	if (bpf_prog_test_run_opts(bpf_program__fd(emit->progs.emit_once), &opts))
		return -ENOEXEC;
	return emit->bss->emitted > emitted ? 0 : emit->bss->error;
}

int emitter_watch(struct emit *emit)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts);

	return bpf_prog_test_run_opts(bpf_program__fd(emit->progs.watch_ask), &opts) ? -ENOEXEC : 0;
}
