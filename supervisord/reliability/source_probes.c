// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes as a source: load the BPF programs, keep the watches in their
 * maps, and read their ring. Once they are attached, libbpf's picture of the
 * object is dropped; what stays are the descriptors of links and maps.
 */
#include "supervisord/reliability/source.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/probes.h"
#include "bpf/probes.skel.h"
#include "lib/cleanup.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
/* Inode of the initial pid namespace (include/linux/proc_ns.h). */
#define PID_NAMESPACE_INITIAL 0xEFFFFFFCU
/* PF_EXITING (include/linux/sched.h), as /proc/PID/stat shows it. */
#define TASK_EXITING 0x4UL
/* Records handed on before other events of the loop get their turn. */
#define RECORDS_A_TURN 64
#define SHARED_SIZE sizeof(struct probes_shared)

enum { LINK_GENERATE, LINK_DELIVER, LINK_FORK, LINK_EXIT, LINK_COUNT };

struct source {
	struct ev_loop *loop;
	ev_io readable;
	source_record_fn fn;
	void *user;
	struct ring_buffer *reader;
	struct probes_counters *per_cpu;
	int cpus;
	int links[LINK_COUNT];
	int ring;
	int processes;
	int watches;
	int counters;
	int shared_fd;
	struct probes_shared *shared;	/* mapped */
	uint32_t watch;		/* newest id given */
	uint64_t seq;		/* newest number given to a record */
	uint64_t acked;
	int turn;
	/* A record of the ring, with its number; aligned as the check wants it. */
	_Alignas(8) uint8_t record[sizeof(struct faultline_record) +
				   sizeof(struct faultline_capture) +
				   FAULTLINE_STACK_MAX];
};

/* The first warning of libbpf while it loads; it names the cause best. */
static char warning[256];

static int probes_print(enum libbpf_print_level level, const char *format,
			va_list ap)
{
	if (level == LIBBPF_WARN && !warning[0])
		vsnprintf(warning, sizeof(warning), format, ap);
	return 0;
}

/* What to do about a kernel that would not take the programs. */
static int probes_refused(int code, const char *step, struct error *err)
{
	if (code == -EPERM || code == -EACCES) {
		if (geteuid())
			return error_set(err, -EPERM,
					 "BPF probes: no rights to %s: run as root, or with CAP_BPF and CAP_PERFMON",
					 step);
		return error_set(err, -EPERM,
				 "BPF probes: the kernel refused to %s (%s): look at kernel lockdown and at the capabilities CAP_BPF and CAP_PERFMON",
				 step, warning[0] ? warning : strerror(-code));
	}
	if (code == -ENOSYS)
		return error_set(err, -ENOENT,
				 "BPF probes: this kernel has no BPF (CONFIG_BPF_SYSCALL): load faultline.ko instead");
	return error_set(err, code, "BPF probes: cannot %s: %s", step,
			 warning[0] ? warning : strerror(-code));
}

static int probes_supported(struct error *err)
{
	struct stat st;

	if (access(BTF_PATH, R_OK) && errno != ENOENT)
		return error_set(err, -EPERM,
				 "BPF probes: cannot read %s (%s): run as root, or with CAP_BPF and CAP_PERFMON",
				 BTF_PATH, strerror(errno));
	if (access(BTF_PATH, F_OK))
		return error_set(err, -ENOENT,
				 "BPF probes: the kernel has no BTF (%s, CONFIG_DEBUG_INFO_BTF): load faultline.ko instead",
				 BTF_PATH);
	if (!stat("/proc/self/ns/pid", &st) && st.st_ino != PID_NAMESPACE_INITIAL)
		return error_set(err, -EOPNOTSUPP,
				 "BPF probes: process ids are those of another pid namespace here: run outside of the container, or load faultline.ko");
	return 0;
}

static int fd_keep(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* Takes over what must outlive libbpf's object. */
static int probes_keep(struct source *source, const struct probes *skel)
{
	const struct {
		int *to;
		int from;
	} kept[] = {
		{ &source->links[LINK_GENERATE], bpf_link__fd(skel->links.probe_signal_generate) },
		{ &source->links[LINK_DELIVER], bpf_link__fd(skel->links.probe_signal_deliver) },
		{ &source->links[LINK_FORK], bpf_link__fd(skel->links.probe_process_fork) },
		{ &source->links[LINK_EXIT], bpf_link__fd(skel->links.probe_process_exit) },
		{ &source->ring, bpf_map__fd(skel->maps.ring) },
		{ &source->processes, bpf_map__fd(skel->maps.processes) },
		{ &source->watches, bpf_map__fd(skel->maps.watches) },
		{ &source->counters, bpf_map__fd(skel->maps.counters) },
		{ &source->shared_fd, bpf_map__fd(skel->maps.bss) },
	};

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		*kept[i].to = fd_keep(kept[i].from);
		if (*kept[i].to < 0)
			return -errno;
	}
	return 0;
}

static int probes_load(struct source *source, struct error *err)
{
	libbpf_print_fn_t before = libbpf_set_print(probes_print);
	struct probes *skel;
	const char *step = "open the programs";
	int ret;

	warning[0] = '\0';
	skel = probes__open();
	ret = skel ? 0 : -errno;
	if (!ret) {
		step = "load the programs";
		ret = probes__load(skel);
	}
	if (!ret) {
		step = "attach to the tracepoints";
		ret = probes__attach(skel);
	}
	if (!ret) {
		step = "keep the descriptors";
		ret = probes_keep(source, skel);
	}
	if (ret)
		probes_refused(ret, step, err);
	probes__destroy(skel);
	libbpf_set_print(before);
	/* The kernel's BTF was in memory for the time of loading. */
	malloc_trim(0);
	return ret ? err->code : 0;
}

static int shared_map(struct source *source, struct error *err)
{
	void *shared = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			    source->shared_fd, 0);

	if (shared == MAP_FAILED)
		return error_set(err, -errno, "BPF probes: cannot map their memory: %s",
				 strerror(errno));
	source->shared = shared;
	return 0;
}

/* core_pattern may change while we run; it is looked at with each watch. */
static void probes_core_pattern(struct source *source)
{
	__cleanup_close int fd = open("/proc/sys/kernel/core_pattern",
				      O_RDONLY | O_CLOEXEC);
	char first;

	source->shared->core_pipe = fd >= 0 && read(fd, &first, 1) == 1 && first == '|';
}

static int record_arrived(void *user, void *data, size_t size)
{
	struct source *source = user;
	const struct faultline_capture *capture;
	const struct faultline_record *record;

	source->seq++;
	if (size > sizeof(source->record))
		size = sizeof(source->record);
	memcpy(source->record, data, size);
	((struct faultline_record *)source->record)->seq = source->seq;
	record = source_record_check(source->record, size, &capture);
	if (record)
		source->fn(source->user, record, capture);
	return ++source->turn < RECORDS_A_TURN ? 0 : -EAGAIN;
}

static void ring_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct source *source = io->data;

	/* What is left keeps the descriptor readable. */
	source->turn = 0;
	ring_buffer__consume(source->reader);
}

static void probes_close(struct source *source)
{
	int *fds[] = { &source->ring, &source->processes, &source->watches,
		       &source->counters, &source->shared_fd };

	if (source->reader) {
		ev_io_stop(source->loop, &source->readable);
		ring_buffer__free(source->reader);
	}
	if (source->shared)
		munmap(source->shared, SHARED_SIZE);
	for (int i = 0; i < LINK_COUNT; i++)
		closep(&source->links[i]);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		closep(fds[i]);
	free(source->per_cpu);
	free(source);
}

DEFINE_CLEANUP(struct source *, probes_close)

static int probes_open(struct source **result, struct ev_loop *loop,
		       source_record_fn fn, void *user, struct error *err)
{
	struct error ignored = {};
	struct source *source __cleanup(probes_closep) = NULL;
	int ret;

	if (!err)
		err = &ignored;
	ret = probes_supported(err);
	if (ret)
		return ret;
	source = calloc(1, sizeof(*source));
	if (!source)
		return error_set(err, -ENOMEM, "BPF probes: no memory");
	for (int i = 0; i < LINK_COUNT; i++)
		source->links[i] = -1;
	source->ring = source->processes = source->watches = -1;
	source->counters = source->shared_fd = -1;
	source->loop = loop;
	source->fn = fn;
	source->user = user;
	source->cpus = libbpf_num_possible_cpus();
	if (source->cpus < 1)
		return error_set(err, source->cpus,
				 "BPF probes: cannot read /sys/devices/system/cpu/possible");
	source->per_cpu = calloc(source->cpus, sizeof(*source->per_cpu));
	if (!source->per_cpu)
		return error_set(err, -ENOMEM, "BPF probes: no memory");
	ret = probes_load(source, err);
	if (ret)
		return ret;
	ret = shared_map(source, err);
	if (ret)
		return ret;
	probes_core_pattern(source);
	source->reader = ring_buffer__new(source->ring, record_arrived, source, NULL);
	if (!source->reader)
		return error_set(err, -errno, "BPF probes: cannot map the ring buffer: %s",
				 strerror(errno));
	/* The map itself can be polled: one step less than libbpf's own epoll. */
	ev_io_init(&source->readable, ring_readable, source->ring, EV_READ);
	source->readable.data = source;
	ev_io_start(loop, &source->readable);
	*result = steal_pointer(&source);
	return 0;
}

/* Is the process on its way out, past the point where the probes see its end? */
static bool process_ending(pid_t pid)
{
	char path[32], line[512];
	__cleanup_fclose FILE *file = NULL;
	unsigned long flags;
	const char *rest;
	char state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return true;
	/* The name may hold anything; the last parenthesis ends it. */
	rest = strrchr(line, ')');
	if (!rest || sscanf(rest, ") %c %*d %*d %*d %*d %*d %lu", &state, &flags) != 2)
		return true;
	return state == 'Z' || state == 'X' || flags & TASK_EXITING;
}

/* The programs change the same counts. */
static void process_filter(struct source *source, pid_t pid, int by)
{
	__atomic_fetch_add(PROBES_FILTER(source->shared, pid), by, __ATOMIC_SEQ_CST);
}

static int probes_watch(struct source *source, pid_t pid, uint64_t cookie,
			struct error *err)
{
	struct probes_process process = {
		.cookie = cookie,
		.watch = source->watch + 1,
		.flags = FAULTLINE_F_MAIN,
	};
	struct probes_watch watch = { .processes = 1 };
	uint32_t tgid = pid;

	if (pid <= 0 || (kill(pid, 0) && errno == ESRCH))
		return error_set(err, -ESRCH, "BPF probes: there is no process %d", pid);
	probes_core_pattern(source);
	if (bpf_map_update_elem(source->watches, &process.watch, &watch, BPF_NOEXIST))
		return error_set(err, -ENOSPC,
				 "BPF probes: %d applications are watched already, no more fit",
				 PROBES_WATCHES_MAX);
	source->watch++;
	process_filter(source, pid, 1);
	if (bpf_map_update_elem(source->processes, &tgid, &process, BPF_NOEXIST)) {
		int code = errno == EEXIST ? -EEXIST : -ENOSPC;

		process_filter(source, pid, -1);
		bpf_map_delete_elem(source->watches, &process.watch);
		if (code == -EEXIST)
			return error_set(err, code, "BPF probes: process %d is watched already", pid);
		return error_set(err, code,
				 "BPF probes: %d processes are watched already, no more fit",
				 PROBES_PROCESSES_MAX);
	}
	/*
	 * Did it end meanwhile? Either its end saw the watch, took it away and
	 * made a record, or the watch is still there and nobody else removes it.
	 */
	if (process_ending(pid) && !bpf_map_delete_elem(source->processes, &tgid)) {
		process_filter(source, pid, -1);
		bpf_map_delete_elem(source->watches, &process.watch);
		return error_set(err, -ESRCH, "BPF probes: process %d has ended", pid);
	}
	return 0;
}

static int probes_ack(struct source *source, uint64_t seq)
{
	if (seq > source->seq)
		return -ERANGE;
	if (seq > source->acked)
		source->acked = seq;
	return 0;
}

static int probes_ledger(struct source *source, struct source_ledger *ledger)
{
	uint64_t written = 0, lost = 0;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(source->counters, &zero, source->per_cpu))
		return -errno;
	for (int i = 0; i < source->cpus; i++) {
		written += source->per_cpu[i].written;
		lost += source->per_cpu[i].lost_full;
	}
	ledger->emitted = written + lost;
	ledger->lost = lost;
	ledger->delivered = source->acked;
	ledger->pending = written - source->acked;
	return 0;
}

const struct source_ops source_probes = {
	.name = "probes",
	.blind = "records are not kept for a supervisor that restarts; other threads' state is not captured",
	.open = probes_open,
	.watch = probes_watch,
	.ack = probes_ack,
	.ledger = probes_ledger,
	.close = probes_close,
};
