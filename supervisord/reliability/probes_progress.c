// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_progress.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "supervisord/reliability/probes_parts.h"

#define NS_PER_MS 1000000ULL
/* So many looks within the shortest threshold, but not oftener, nor more rarely, than every so many ms. */
#define LOOKS 4
#define PERIOD_MIN_MS 10
#define PERIOD_MAX_MS 1000

static const enum faultline_watch_attr thresholds[] = {
	FAULTLINE_WATCH_A_DSTATE_MS, FAULTLINE_WATCH_A_STARVED_MS, FAULTLINE_WATCH_A_SPIN_MS,
	FAULTLINE_WATCH_A_DEADLOCK_MS, FAULTLINE_WATCH_A_HEARTBEAT_MS,
};

/* 0: there is none. */
static uint64_t threshold_shortest(const struct probes_settings *settings)
{
	uint64_t shortest = 0;

	for (size_t i = 0; i < sizeof(thresholds) / sizeof(*thresholds); i++) {
		uint64_t ms = settings->value[thresholds[i]];

		if (ms && (!shortest || ms < shortest))
			shortest = ms;
	}
	return shortest;
}

bool probes_progress_wanted(const struct probes_settings *settings)
{
	return threshold_shortest(settings);
}

static int base_fd(const struct probes_progress *progress, const char *name)
{
	return probes_object_fd(progress->base, name);
}

/* The programs' clock: monotonic, without the time that the machine stood still. */
static uint64_t progress_now(const struct probes_progress *progress)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec - progress->shared->lost;
}

static int shared_map(struct probes_progress *progress)
{
	void *shared = mmap(NULL, sizeof(*progress->shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			    probes_object_fd(progress->object, "data"), 0);

	if (shared == MAP_FAILED)
		return -errno;
	progress->shared = shared;
	return 0;
}

/* Has the timer look that often, if it does not already. */
static int period_set(struct probes_progress *progress, uint64_t threshold_ms)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	uint64_t ms = threshold_ms / LOOKS;
	int ret;

	if (ms < PERIOD_MIN_MS)
		ms = PERIOD_MIN_MS;
	if (ms > PERIOD_MAX_MS)
		ms = PERIOD_MAX_MS;
	if (progress->shared->period && progress->shared->period <= ms * NS_PER_MS)
		return 0;
	progress->shared->period = ms * NS_PER_MS;
	ret = bpf_prog_test_run_opts(probes_object_fd(progress->object, "progress_begin"), &options);
	if (ret)
		return -errno;
	return (int)options.retval ? -EIO : 0;
}

static void unload(struct probes_progress *progress, const struct pins *pins)
{
	probes_part_unpin(progress->object->part, pins);
	probes_progress_close(progress);
	probes_object_close(progress->object);
}

static void beats_renew(struct probes_progress *progress)
{
	int beats = probes_object_fd(progress->object, "beats");
	uint64_t now = progress_now(progress);
	uint32_t watch, *before = NULL;

	while (!bpf_map_get_next_key(beats, before, &watch)) {
		bpf_map_update_elem(beats, &watch, &now, BPF_EXIST);
		before = &watch;
	}
}

void probes_progress_resume(struct probes_progress *progress, const struct pins *pins)
{
	if (!probes_object_resume(progress->object, &probes_parts[PART_PROGRESS], pins))
		return;
	if (shared_map(progress)) {
		unload(progress, pins);
		return;
	}
	beats_renew(progress);
	progress->shared->supervisor = getpid();
}

static int load(struct probes_progress *progress, const struct pins *pins, struct error *err)
{
	int ret = probes_object_load(progress->object, &probes_parts[PART_PROGRESS], progress->base, err);

	if (ret)
		return ret;
	ret = shared_map(progress);
	if (ret) {
		unload(progress, pins);
		return error_set(err, ret, "BPF probes: cannot map their memory: %s", strerror(-ret));
	}
	progress->shared->supervisor = getpid();
	if (pins->folder >= 0 && probes_object_pin(progress->object, pins))
		log_warning("BPF probes: hangs are not looked for while there is no supervisor");
	return 0;
}

int probes_progress_begin(struct probes_progress *progress, const struct pins *pins, uint32_t watch,
			  const struct probes_settings *settings, struct error *err)
{
	int ret = progress->shared ? 0 : load(progress, pins, err);
	uint64_t now;

	if (ret)
		return ret;
	ret = period_set(progress, threshold_shortest(settings));
	if (ret)
		return error_set(err, ret, "BPF probes: the kernel's timer cannot be started: %s",
				 strerror(-ret));
	if (!settings->value[FAULTLINE_WATCH_A_HEARTBEAT_MS]) {
		bpf_map_delete_elem(probes_object_fd(progress->object, "beats"), &watch);
		return 0;
	}
	now = progress_now(progress);
	/* One that is expected already stays as it is. */
	if (bpf_map_update_elem(probes_object_fd(progress->object, "beats"), &watch, &now, BPF_NOEXIST) &&
	    errno != EEXIST)
		return error_set(err, -errno, "BPF probes: no room for the heartbeat of another watch");
	return 0;
}

int probes_progress_beat(const struct probes_progress *progress, uint32_t watch)
{
	struct probes_settings settings;
	uint64_t now;

	if (bpf_map_lookup_elem(base_fd(progress, "settings"), &watch, &settings))
		return -errno;
	if (!progress->shared || !settings.value[FAULTLINE_WATCH_A_HEARTBEAT_MS])
		return 0;
	now = progress_now(progress);
	if (bpf_map_update_elem(probes_object_fd(progress->object, "beats"), &watch, &now, BPF_EXIST))
		return -errno;
	return 0;
}

void probes_progress_tidy(struct probes_progress *progress, const struct pins *pins)
{
	struct probes_settings settings;
	uint32_t watch, *before = NULL;

	if (!progress->shared)
		return;
	while (!bpf_map_get_next_key(base_fd(progress, "settings"), before, &watch)) {
		if (!bpf_map_lookup_elem(base_fd(progress, "settings"), &watch, &settings) &&
		    probes_progress_wanted(&settings))
			return;
		before = &watch;
	}
	unload(progress, pins);
}

void probes_progress_close(struct probes_progress *progress)
{
	if (progress->shared)
		munmap(progress->shared, sizeof(*progress->shared));
	progress->shared = NULL;
}
