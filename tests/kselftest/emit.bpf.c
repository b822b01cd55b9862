// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that call the module's faultline_emit(): one that does so when it is
 * told to, and others in the places where it is hardest. Read and written by
 * kfunc_test.c and storm_test.c.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <linux/faultline.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define BYTES 2048
#define EMIT_TIMES 64

extern int faultline_emit(void *record, __u32 record__sz) __ksym __weak;
extern __u32 faultline_watch(void) __ksym __weak;

char LICENSE[] SEC("license") = "GPL";

/*
 * Set before loading, from whether the module has types. The verifier then
 * leaves out the calls of a function that is not there. (To compare the
 * function with NULL takes libbpf 1.2 and Linux 6.4.)
 */
const volatile _Bool module;

/*
 * @bytes: the record that is handed over, @len bytes of it
 * @tgid: whom the programs in tracepoints are about
 * @emitted: calls that returned 0
 * @lost: that returned -ENOBUFS
 * @busy: that returned -EBUSY
 * @refused: all others
 * @error: the last one that was not 0
 * @watch: what faultline_watch() said last
 */
__u8 bytes[BYTES];
__u32 len;
int tgid;
__u64 emitted, lost, busy, refused;
int error;
__u32 watch;

static void count(int err)
{
	if (!err) {
		__sync_fetch_and_add(&emitted, 1);
		return;
	}
	error = err;
	if (err == -105)
		__sync_fetch_and_add(&lost, 1);
	else if (err == -16)
		__sync_fetch_and_add(&busy, 1);
	else
		__sync_fetch_and_add(&refused, 1);
}

SEC("syscall")
int emit_once(void *ctx)
{
	if (module)
		count(faultline_emit(bytes, len & (BYTES - 1)));
	return 0;
}

SEC("syscall")
int emit_often(void *ctx)
{
	for (int i = 0; i < EMIT_TIMES; i++)
		if (module)
			count(faultline_emit(bytes, sizeof(struct faultline_record)));
	return 0;
}

SEC("syscall")
int watch_ask(void *ctx)
{
	if (module)
		watch = faultline_watch();
	return 0;
}

/* Of the current process, as the module sees it, or of @about. */
static void emit_limit(int about)
{
	struct faultline_record record = {
		.len = sizeof(record),
		.type = FAULTLINE_RECORD_LIMIT,
		.code = FAULTLINE_LIMIT_FILES,
		.errno_ = 24,
		.tgid = about,
	};

	if (module)
		count(faultline_emit(&record, sizeof(record)));
}

/* With the lock of the target's signals, and interrupts off. */
SEC("tp_btf/signal_generate")
int BPF_PROG(emit_signal, int signo)
{
	if (tgid && (bpf_get_current_pid_tgid() >> 32) == (__u32)tgid)
		emit_limit(0);
	return 0;
}

/* With the lock of the CPU's run queue. */
SEC("tp_btf/sched_switch")
int BPF_PROG(emit_switch)
{
	if (tgid && (bpf_get_current_pid_tgid() >> 32) == (__u32)tgid)
		emit_limit(tgid);
	return 0;
}

/* At the end of whatever lock, the module's own too. */
SEC("fentry/_raw_spin_unlock_irqrestore")
int BPF_PROG(emit_unlock)
{
	if (tgid && (bpf_get_current_pid_tgid() >> 32) == (__u32)tgid)
		emit_limit(tgid);
	return 0;
}

/* Loaded only, as few kernels have it switched on. */
SEC("lsm/file_open")
int BPF_PROG(emit_file_open)
{
	if (tgid && (bpf_get_current_pid_tgid() >> 32) == (__u32)tgid)
		emit_limit(0);
	return 0;
}
