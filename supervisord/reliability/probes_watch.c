// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_watch.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"

/* PF_EXITING (include/linux/sched.h), as /proc/PID/stat shows it. */
#define TASK_EXITING 0x4UL

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
static bool filter_raise(const struct probes_watches *watches, pid_t pid)
{
	if (*PROBES_FILTER(watches->shared, pid) >= PROBES_FILTER_MAX)
		return false;
	__atomic_fetch_add(PROBES_FILTER_WORD(watches->shared, pid), PROBES_FILTER_ONE(pid),
			   __ATOMIC_SEQ_CST);
	return true;
}

static void filter_lower(const struct probes_watches *watches, pid_t pid)
{
	__atomic_fetch_sub(PROBES_FILTER_WORD(watches->shared, pid), PROBES_FILTER_ONE(pid),
			   __ATOMIC_SEQ_CST);
}

static void settings_apply(struct probes_settings *to, const struct source_settings *from)
{
	for (int i = 0; i < FAULTLINE_WATCH_A_PAD; i++)
		if (from->given & 1U << i)
			to->value[i] = from->value[i];
}

/* Before the watch is there, so that no program finds it without settings. */
static int settings_begin(const struct probes_watches *watches, uint32_t watch,
			  const struct source_settings *given)
{
	struct probes_settings settings = { .value[FAULTLINE_WATCH_A_CAPTURE] = 1 };

	if (given)
		settings_apply(&settings, given);
	return bpf_map_update_elem(watches->settings, &watch, &settings, BPF_ANY);
}

int probes_watch_change(const struct probes_watches *watches, uint32_t watch,
			const struct source_settings *given)
{
	struct probes_settings settings;

	if (bpf_map_lookup_elem(watches->settings, &watch, &settings))
		return -errno;
	settings_apply(&settings, given);
	/* BPF_EXIST: the watch may end meanwhile, and its settings with it. */
	if (bpf_map_update_elem(watches->settings, &watch, &settings, BPF_EXIST))
		return -errno;
	return 0;
}

static void watch_undo(const struct probes_watches *watches, uint32_t watch)
{
	bpf_map_delete_elem(watches->watches, &watch);
	bpf_map_delete_elem(watches->settings, &watch);
}

int probes_watch_set(const struct probes_watches *watches, pid_t pid, uint64_t cookie,
		     const struct source_settings *settings, uint32_t *id, struct error *err)
{
	struct probes_process process = {
		.cookie = cookie,
		.watch = watches->shared->watch + 1,
		.flags = FAULTLINE_F_MAIN,
	};
	struct probes_watch watch = { .processes = 1 };
	uint32_t tgid = pid;

	*id = 0;
	if (pid <= 0 || (kill(pid, 0) && errno == ESRCH))
		return error_set(err, -ESRCH, "BPF probes: there is no process %d", pid);
	if (settings_begin(watches, process.watch, settings) ||
	    bpf_map_update_elem(watches->watches, &process.watch, &watch, BPF_NOEXIST))
		return error_set(err, -ENOSPC,
				 "BPF probes: %d applications are watched already, no more fit",
				 PROBES_WATCHES_MAX);
	watches->shared->watch++;
	if (!filter_raise(watches, pid)) {
		watch_undo(watches, process.watch);
		return error_set(err, -ENOSPC,
				 "BPF probes: too many processes like %d are watched already", pid);
	}
	if (bpf_map_update_elem(watches->processes, &tgid, &process, BPF_NOEXIST)) {
		int code = errno == EEXIST ? -EEXIST : -ENOSPC;

		filter_lower(watches, pid);
		watch_undo(watches, process.watch);
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
	if (process_ending(pid) && !bpf_map_delete_elem(watches->processes, &tgid)) {
		filter_lower(watches, pid);
		watch_undo(watches, process.watch);
		return error_set(err, -ESRCH, "BPF probes: process %d has ended", pid);
	}
	*id = process.watch;
	return 0;
}
