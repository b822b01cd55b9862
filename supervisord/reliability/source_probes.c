// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes as a source: objects of BPF programs, one for each concern, around one table of watches, one ring and
 * one ledger. Without the first object there is no source; what is not seen for want of another one is said.
 */
#include "supervisord/reliability/source.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/reliability/pins.h"
#include "supervisord/reliability/probes_parts.h"
#include "supervisord/reliability/probes_progress.h"
#include "supervisord/reliability/probes_range.h"
#include "supervisord/reliability/probes_ring.h"
#include "supervisord/reliability/probes_statistics.h"
#include "supervisord/reliability/probes_watch.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
/* Inode of the initial pid namespace (include/linux/proc_ns.h). */
#define PID_NAMESPACE_INITIAL 0xEFFFFFFCU

struct source {
	struct probes_ring ring;
	struct probes_object objects[PART_COUNT];
	struct probes_progress progress;
	struct probes_range range;
	bool no_progress;	/* the kernel does not take it */
	source_record_fn fn;
	void *user;
	struct probes_counters *per_cpu;
	int cpus;
	struct pins pins;
	char blind[4 * ERROR_TEXT_MAX];
};

static int base_fd(const struct source *source, const char *name)
{
	return probes_object_fd(&source->objects[PART_LIFECYCLE], name);
}

/* ---- what cannot be seen ---- */

static void blind_add(struct source *source, const char *what, const char *why)
{
	size_t used = strlen(source->blind);

	snprintf(source->blind + used, sizeof(source->blind) - used, "%s%s%s%s",
		 used ? "; " : "", what, why ? ": " : "", why ? why : "");
}

static const char *probes_blind(const struct source *source)
{
	return source->blind;
}

/* ---- open and close ---- */

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

static int base_map(struct source *source, struct error *err)
{
	return probes_ring_map(&source->ring, base_fd(source, "ring"), base_fd(source, "bss"), err);
}

/* Takes over what a supervisor before this one left; false where it does not fit, or there is nothing. */
static bool base_resume(struct source *source)
{
	struct probes_object *base = &source->objects[PART_LIFECYCLE];
	struct error ignored;

	if (!probes_object_resume(base, &probes_parts[PART_LIFECYCLE], &source->pins))
		return false;
	if (base_map(source, &ignored)) {
		probes_ring_stop(&source->ring);
		probes_object_close(base);
		return false;
	}
	probes_ring_resume(&source->ring);
	return true;
}

static void object_pin(struct source *source, const struct probes_object *object)
{
	int ret = source->pins.folder < 0 ? 0 : probes_object_pin(object, &source->pins);

	if (ret)
		blind_add(source, "records are not kept for a supervisor that restarts", strerror(-ret));
}

/* Fresh programs, in the place of any that do not fit. */
static int base_begin(struct source *source, struct error *err)
{
	struct probes_object *base = &source->objects[PART_LIFECYCLE];
	int ret;

	pins_clear(&source->pins, "");
	ret = probes_object_load(base, &probes_parts[PART_LIFECYCLE], NULL, err);
	if (!ret)
		ret = base_map(source, err);
	if (!ret)
		object_pin(source, base);
	return ret;
}

/* A part that the kernel does not take is a part that does not see. */
static void part_begin(struct source *source, int part)
{
	struct probes_object *object = &source->objects[part];
	char missing[ERROR_TEXT_MAX] = "";
	struct error err = {};

	if (!probes_object_resume(object, &probes_parts[part], &source->pins)) {
		if (probes_object_load(object, &probes_parts[part],
				       &source->objects[PART_LIFECYCLE], &err)) {
			blind_add(source, probes_parts[part].blind, err.text);
			return;
		}
		object_pin(source, object);
	}
	probes_object_blind(object, missing, sizeof(missing));
	if (missing[0])
		blind_add(source, missing, NULL);
}

/* core_pattern may change while we run; it is looked at with each watch. */
static void core_pattern_look(struct source *source)
{
	__cleanup_close int fd = open("/proc/sys/kernel/core_pattern",
				      O_RDONLY | O_CLOEXEC);
	char first;

	source->ring.shared->core_pipe = fd >= 0 && read(fd, &first, 1) == 1 && first == '|';
}

static void probes_close(struct source *source)
{
	probes_ring_stop(&source->ring);
	probes_progress_close(&source->progress);
	pins_clear(&source->pins, "");
	pins_close(&source->pins);
	for (int i = PART_COUNT - 1; i >= 0; i--)
		probes_object_close(&source->objects[i]);
	free(source->per_cpu);
	free(source);
}

DEFINE_CLEANUP(struct source *, probes_close)

static struct source *source_new(struct error *err)
{
	struct source *source __cleanup(probes_closep) = calloc(1, sizeof(*source));

	if (!source) {
		error_set(err, -ENOMEM, "BPF probes: no memory");
		return NULL;
	}
	source->pins.folder = -1;
	source->progress.object = &source->objects[PART_PROGRESS];
	source->progress.base = &source->objects[PART_LIFECYCLE];
	source->range.part = &probes_parts[PART_RANGE];
	source->range.object = &source->objects[PART_RANGE];
	source->range.base = &source->objects[PART_LIFECYCLE];
	source->cpus = libbpf_num_possible_cpus();
	if (source->cpus < 1) {
		error_set(err, source->cpus,
			  "BPF probes: cannot read /sys/devices/system/cpu/possible");
		return NULL;
	}
	source->per_cpu = calloc(source->cpus, sizeof(*source->per_cpu));
	if (!source->per_cpu) {
		error_set(err, -ENOMEM, "BPF probes: no memory");
		return NULL;
	}
	return steal_pointer(&source);
}

static void record_arrived(void *user, const struct faultline_record *record,
			   const struct faultline_capture *capture)
{
	struct source *source = user;

	source->fn(source->user, record, capture);
	if (record->flags & FAULTLINE_F_LAST) {
		probes_progress_tidy(&source->progress, &source->pins);
		probes_range_tidy(&source->range, &source->pins);
	}
}

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
	source = source_new(err);
	if (!source)
		return err->code;
	blind_add(source, "other threads' state is not captured", NULL);
	if (owner && pins_open(&source->pins, owner, &unkept))
		blind_add(source, "records are not kept for a supervisor that restarts", unkept.text);
	for (int part = 0; part < BESIDE_COUNT; part++)
		probes_part_unpin(&probes_parts_beside[part], &source->pins);
	if (!base_resume(source)) {
		ret = base_begin(source, err);
		if (ret)
			return ret;
	}
	for (int part = PART_LIFECYCLE + 1; part < PART_COUNT; part++)
		if (!probes_parts[part].by_need)
			part_begin(source, part);
	probes_progress_resume(&source->progress, &source->pins);
	probes_range_resume(&source->range, &source->pins);
	core_pattern_look(source);
	source->fn = fn;
	source->user = user;
	ret = probes_ring_start(&source->ring, loop, record_arrived, source, err);
	if (ret)
		return ret;
	*result = steal_pointer(&source);
	return 0;
}

/* ---- watches, and the ledger ---- */

static struct probes_watches base_watches(const struct source *source)
{
	return (struct probes_watches){
		.processes = base_fd(source, "processes"),
		.watches = base_fd(source, "watches"),
		.settings = base_fd(source, "settings"),
		.shared = source->ring.shared,
	};
}

static bool settings_of_hangs(const struct source_settings *settings)
{
	for (int i = FAULTLINE_WATCH_A_HEARTBEAT_MS; i <= FAULTLINE_WATCH_A_WORK; i++)
		if (settings->given & 1U << i)
			return true;
	return false;
}

/* Looks for hangs of a watch as its settings want it, or says that it cannot. */
static void progress_follow(struct source *source, uint32_t watch)
{
	struct probes_settings settings;
	struct error err = {};

	if (source->no_progress || bpf_map_lookup_elem(base_fd(source, "settings"), &watch, &settings))
		return;
	if (!probes_progress_wanted(&settings)) {
		probes_progress_tidy(&source->progress, &source->pins);
	} else if (probes_progress_begin(&source->progress, &source->pins, watch, &settings, &err)) {
		source->no_progress = true;
		blind_add(source, probes_parts[PART_PROGRESS].blind, err.text);
		log_warning("%s", err.text);
	}
}

static int probes_watch(struct source *source, pid_t pid, uint64_t cookie,
			const struct source_settings *settings, uint32_t *id, struct error *err)
{
	const struct probes_watches watches = base_watches(source);
	int ret;

	core_pattern_look(source);
	ret = probes_watch_set(&watches, pid, cookie, settings, id, err);
	if (!ret && settings && settings_of_hangs(settings))
		progress_follow(source, *id);
	return ret;
}

static int probes_change(struct source *source, uint32_t watch,
			 const struct source_settings *settings)
{
	const struct probes_watches watches = base_watches(source);

	int ret = probes_watch_change(&watches, watch, settings);

	if (!ret && settings_of_hangs(settings))
		progress_follow(source, watch);
	return ret;
}

static int probes_heartbeat(struct source *source, uint32_t watch)
{
	return probes_progress_beat(&source->progress, watch);
}

/* Probes hold no threads. */
static int probes_refuse(struct source *source, uint32_t watch)
{
	return -EOPNOTSUPP;
}

static int probes_range(struct source *source, uint32_t watch, const struct source_range *range,
			struct error *err)
{
	return probes_range_change(&source->range, &source->pins, watch, range, err);
}

static int probes_ranges_able(const struct source *source, struct error *err)
{
	return probes_range_able(&source->range, err);
}

static void probes_learnt(struct source *source, uint32_t set, bool forget, struct range *to)
{
	probes_range_learnt(&source->range, set, forget, to);
}

static int probes_ack(struct source *source, uint64_t seq)
{
	return probes_ring_ack(&source->ring, seq);
}

static int probes_ledger(struct source *source, struct source_ledger *ledger)
{
	const struct probes_reader *state = &source->ring.state;
	uint64_t written = 0, lost = 0;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(base_fd(source, "counters"), &zero, source->per_cpu))
		return -errno;
	for (int i = 0; i < source->cpus; i++) {
		written += source->per_cpu[i].written;
		lost += source->per_cpu[i].lost_full;
	}
	ledger->emitted = written + lost;
	ledger->lost = lost + state->forgotten;
	ledger->delivered = state->acked - state->forgotten;
	ledger->pending = written - state->acked;
	return 0;
}

static int probes_statistics(struct source *source, struct source_statistics *statistics)
{
	uint32_t zero = 0;

	memset(statistics, 0, sizeof(*statistics));
	if (bpf_map_lookup_elem(base_fd(source, "counters"), &zero, source->per_cpu))
		return -errno;
	probes_statistics_counters(statistics, source->per_cpu, source->cpus);
	probes_statistics_watches(statistics, base_fd(source, "watches"));
	statistics->lost_died = source->ring.state.forgotten;
	if (source->progress.shared)
		statistics->value[FAULTLINE_STATS_A_THREADS_MISSED] = source->progress.shared->missed;
	for (int part = 0; part < PART_COUNT; part++)
		probes_statistics_programs(statistics, &source->objects[part]);
	return 0;
}

static int probes_parts_list(const struct source *source, struct source_part *parts, int room)
{
	int count = 0;

	for (; count < PART_COUNT && count < room; count++) {
		if (source->objects[count].part)
			probes_object_measure(&source->objects[count], &parts[count]);
		else
			parts[count] = (struct source_part){ .name = probes_parts[count].name };
	}
	return count;
}

const struct source_ops source_probes = {
	.name = "probes",
	.blind = probes_blind,
	.open = probes_open,
	.watch = probes_watch,
	.change = probes_change,
	.heartbeat = probes_heartbeat,
	.release = probes_refuse,
	.range_possible = probes_ranges_able,
	.range = probes_range,
	.learnt = probes_learnt,
	.ack = probes_ack,
	.ledger = probes_ledger,
	.statistics = probes_statistics,
	.parts = probes_parts_list,
	.close = probes_close,
};
