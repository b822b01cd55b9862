// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes as a source: load the BPF programs, keep the watches in their
 * maps, and read their ring. Once they are attached, libbpf's picture of the
 * object is dropped; what stays are the descriptors of links and maps. They have
 * names in a folder of their own, so that a supervisor that comes after one that
 * died takes over programs, watches and unread records as they are.
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
#include "supervisord/reliability/pins.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
/* Inode of the initial pid namespace (include/linux/proc_ns.h). */
#define PID_NAMESPACE_INITIAL 0xEFFFFFFCU
/* PF_EXITING (include/linux/sched.h), as /proc/PID/stat shows it. */
#define TASK_EXITING 0x4UL
/* Records handed on before other events of the loop get their turn. */
#define RECORDS_A_TURN 64
#define SHARED_SIZE sizeof(struct probes_shared)

/* What is kept open, and pinned, in this order: what is whole has the last one. */
enum {
	KEPT_GENERATE,
	KEPT_DELIVER,
	KEPT_FORK,
	KEPT_EXIT,
	KEPT_RING,
	KEPT_PROCESSES,
	KEPT_WATCHES,
	KEPT_COUNTERS,
	KEPT_SHARED,
	KEPT_COUNT
};

static const char *const kept_names[KEPT_COUNT] = {
	"signal_generate", "signal_deliver", "process_fork", "process_exit", "ring",
	"processes", "watches", "counters", "shared",
};

struct source {
	struct ev_loop *loop;
	ev_io readable;
	source_record_fn fn;
	void *user;
	struct ring_buffer *reader;
	struct probes_counters *per_cpu;
	int cpus;
	int kept[KEPT_COUNT];
	struct pins pins;
	char blind[ERROR_TEXT_MAX + 128];
	struct probes_shared *shared;	/* mapped, as is the reader's place in the ring */
	const uint64_t *position;
	struct probes_reader state;
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
	const int from[KEPT_COUNT] = {
		bpf_link__fd(skel->links.probe_signal_generate),
		bpf_link__fd(skel->links.probe_signal_deliver),
		bpf_link__fd(skel->links.probe_process_fork),
		bpf_link__fd(skel->links.probe_process_exit),
		bpf_map__fd(skel->maps.ring),
		bpf_map__fd(skel->maps.processes),
		bpf_map__fd(skel->maps.watches),
		bpf_map__fd(skel->maps.counters),
		bpf_map__fd(skel->maps.bss),
	};

	for (int i = 0; i < KEPT_COUNT; i++) {
		source->kept[i] = fd_keep(from[i]);
		if (source->kept[i] < 0)
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
			    source->kept[KEPT_SHARED], 0);
	void *position = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED,
			      source->kept[KEPT_RING], 0);

	if (shared != MAP_FAILED)
		source->shared = shared;
	if (position != MAP_FAILED)
		source->position = position;
	if (source->shared && source->position)
		return 0;
	return error_set(err, -ENOMEM, "BPF probes: cannot map their memory");
}

static void shared_unmap(struct source *source)
{
	if (source->shared)
		munmap(source->shared, SHARED_SIZE);
	if (source->position)
		munmap((void *)source->position, sysconf(_SC_PAGESIZE));
	source->shared = NULL;
	source->position = NULL;
}

/* All of it or nothing, whenever the supervisor dies. */
static void reader_commit(struct source *source)
{
	struct probes_shared *shared = source->shared;
	uint32_t next = !shared->current;

	shared->reader[next] = source->state;
	__atomic_store_n(&shared->current, next, __ATOMIC_RELEASE);
}

/* What the last supervisor had taken and not acknowledged died with it. */
static void reader_resume(struct source *source)
{
	struct probes_reader *state = &source->state;
	uint64_t taken;

	*state = source->shared->reader[source->shared->current & 1];
	/* The newest one is still in the ring where it died over it. */
	taken = state->seq && state->position == *source->position ? state->seq - 1 : state->seq;
	if (taken > state->acked) {
		state->forgotten += taken - state->acked;
		state->acked = taken;
	}
	reader_commit(source);
}

/* The programs that this supervisor would load, in the same words for the same bytes. */
static uint64_t probes_version(void)
{
	size_t size;
	const void *elf = probes__elf_bytes(&size);

	return pins_hash(elf, size);
}

static void kept_close(struct source *source)
{
	shared_unmap(source);
	for (int i = 0; i < KEPT_COUNT; i++) {
		closep(&source->kept[i]);
		source->kept[i] = -1;
	}
}

/* Is this the memory of the same programs? Then it may be mapped as such. */
static bool shared_fits(int fd)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &size) && info.value_size == SHARED_SIZE &&
	       info.map_flags & BPF_F_MMAPABLE;
}

/* Takes over what a supervisor before this one left; false where it does not fit, or there is nothing. */
static bool probes_resume(struct source *source)
{
	struct error ignored;

	for (int i = 0; i < KEPT_COUNT; i++) {
		source->kept[i] = pins_get(&source->pins, kept_names[i]);
		if (source->kept[i] < 0)
			goto none;
	}
	if (!shared_fits(source->kept[KEPT_SHARED]) || shared_map(source, &ignored) ||
	    source->shared->version != probes_version())
		goto none;
	reader_resume(source);
	return true;

none:
	kept_close(source);
	return false;
}

static int probes_pin(struct source *source)
{
	int ret = 0;

	for (int i = 0; i < KEPT_COUNT && !ret; i++)
		ret = pins_put(&source->pins, kept_names[i], source->kept[i]);
	if (ret)
		pins_clear(&source->pins);
	return ret;
}

static void blind_set(struct source *source, const char *unkept)
{
	snprintf(source->blind, sizeof(source->blind), "other threads' state is not captured%s%s",
		 unkept ? "; records are not kept for a supervisor that restarts: " : "",
		 unkept ? unkept : "");
}

/* Fresh programs, in the place of any that do not fit. */
static int probes_begin(struct source *source, struct error *err)
{
	int ret;

	pins_clear(&source->pins);
	ret = probes_load(source, err);
	if (!ret)
		ret = shared_map(source, err);
	if (ret)
		return ret;
	source->shared->version = probes_version();
	if (source->pins.folder >= 0) {
		ret = probes_pin(source);
		if (ret)
			blind_set(source, strerror(-ret));
	}
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
	uint64_t position = __atomic_load_n(source->position, __ATOMIC_ACQUIRE);

	/* A supervisor that died over it had given it this number already. */
	if (!source->state.seq || source->state.position != position) {
		source->state.position = position;
		source->state.seq++;
		reader_commit(source);
	}
	if (size > sizeof(source->record))
		size = sizeof(source->record);
	memcpy(source->record, data, size);
	((struct faultline_record *)source->record)->seq = source->state.seq;
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
	if (source->reader) {
		ev_io_stop(source->loop, &source->readable);
		ring_buffer__free(source->reader);
	}
	pins_clear(&source->pins);
	pins_close(&source->pins);
	kept_close(source);
	free(source->per_cpu);
	free(source);
}

DEFINE_CLEANUP(struct source *, probes_close)

static int probes_open(struct source **result, struct ev_loop *loop,
		       source_record_fn fn, void *user, const char *owner,
		       struct error *err)
{
	struct error ignored = {}, unkept = {};
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
	for (int i = 0; i < KEPT_COUNT; i++)
		source->kept[i] = -1;
	source->pins.folder = -1;
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
	if (owner)
		pins_open(&source->pins, owner, &unkept);
	blind_set(source, owner && source->pins.folder < 0 ? unkept.text : NULL);
	if (!probes_resume(source)) {
		ret = probes_begin(source, err);
		if (ret)
			return ret;
	}
	probes_core_pattern(source);
	source->reader = ring_buffer__new(source->kept[KEPT_RING], record_arrived, source, NULL);
	if (!source->reader)
		return error_set(err, -errno, "BPF probes: cannot map the ring buffer: %s",
				 strerror(errno));
	/* The map itself can be polled: one step less than libbpf's own epoll. */
	ev_io_init(&source->readable, ring_readable, source->kept[KEPT_RING], EV_READ);
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
		.watch = source->shared->watch + 1,
		.flags = FAULTLINE_F_MAIN,
	};
	struct probes_watch watch = { .processes = 1 };
	uint32_t tgid = pid;

	if (pid <= 0 || (kill(pid, 0) && errno == ESRCH))
		return error_set(err, -ESRCH, "BPF probes: there is no process %d", pid);
	probes_core_pattern(source);
	if (bpf_map_update_elem(source->kept[KEPT_WATCHES], &process.watch, &watch, BPF_NOEXIST))
		return error_set(err, -ENOSPC,
				 "BPF probes: %d applications are watched already, no more fit",
				 PROBES_WATCHES_MAX);
	source->shared->watch++;
	process_filter(source, pid, 1);
	if (bpf_map_update_elem(source->kept[KEPT_PROCESSES], &tgid, &process, BPF_NOEXIST)) {
		int code = errno == EEXIST ? -EEXIST : -ENOSPC;

		process_filter(source, pid, -1);
		bpf_map_delete_elem(source->kept[KEPT_WATCHES], &process.watch);
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
	if (process_ending(pid) && !bpf_map_delete_elem(source->kept[KEPT_PROCESSES], &tgid)) {
		process_filter(source, pid, -1);
		bpf_map_delete_elem(source->kept[KEPT_WATCHES], &process.watch);
		return error_set(err, -ESRCH, "BPF probes: process %d has ended", pid);
	}
	return 0;
}

static int probes_ack(struct source *source, uint64_t seq)
{
	if (seq > source->state.seq)
		return -ERANGE;
	if (seq > source->state.acked) {
		source->state.acked = seq;
		reader_commit(source);
	}
	return 0;
}

static int probes_ledger(struct source *source, struct source_ledger *ledger)
{
	uint64_t written = 0, lost = 0;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(source->kept[KEPT_COUNTERS], &zero, source->per_cpu))
		return -errno;
	for (int i = 0; i < source->cpus; i++) {
		written += source->per_cpu[i].written;
		lost += source->per_cpu[i].lost_full;
	}
	ledger->emitted = written + lost;
	ledger->lost = lost + source->state.forgotten;
	ledger->delivered = source->state.acked - source->state.forgotten;
	ledger->pending = written - source->state.acked;
	return 0;
}

static const char *probes_blind(const struct source *source)
{
	return source->blind;
}

const struct source_ops source_probes = {
	.name = "probes",
	.blind = probes_blind,
	.open = probes_open,
	.watch = probes_watch,
	.ack = probes_ack,
	.ledger = probes_ledger,
	.close = probes_close,
};
