// SPDX-License-Identifier: GPL-2.0-only
/*
 * How soon a supervisor knows of a fault, and what watching costs. Side by side
 * in one run: the probes, a blocking waitpid(), a poll of a pidfd, and the
 * kernel's process connector, taking turns on processes of the same kind, all
 * with the supervisor's priority; what the probes cost a task that is not watched;
 * a loop of fork, exec and exit with the probes off, on, and watching. Needs root.
 *
 *	latency-bench [-cp] [-n ROUNDS] [-m MIB]
 *
 * -c: with core dumps, into the working folder; -m: memory of the large process; -p: with
 * the usual priority.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lib/cleanup.h"
#include "supervisord/priority.h"
#include "supervisord/reliability/source.h"

#define LOOP_TURNS 9
#define LOOP_PROCESSES 500
#define COST_TURNS 9
#define COST_SIGNALS 100000
#define COST_PROCESSES 3000

extern char **environ;

static struct {
	struct ev_loop *loop;
	struct source *source;
	uint64_t known_ns;	/* when the record came, 0: not yet */
	uint64_t records;
	int connector;
	uint64_t *struck_ns;	/* shared with the process that faults */
} bench = { .connector = -1 };

static void die(const char *what)
{
	fprintf(stderr, "latency-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* ---- the ways to know ---- */

static void record_came(void *user, const struct faultline_record *record,
			const struct faultline_capture *capture)
{
	bench.records++;
	if (record->type == FAULTLINE_RECORD_FATAL && !bench.known_ns)
		bench.known_ns = now_ns();
}

static void probes_on(void)
{
	struct error err = {};

	if (source_probes.open(&bench.source, bench.loop, record_came, NULL, NULL, &err)) {
		fprintf(stderr, "latency-bench: %s\n", err.text);
		exit(1);
	}
}

static void probes_off(void)
{
	source_probes.close(bench.source);
	bench.source = NULL;
}

static void probes_watch(pid_t pid)
{
	struct error err = {};
	uint32_t watch;

	if (source_probes.watch(bench.source, pid, pid, NULL, &watch, &err)) {
		fprintf(stderr, "latency-bench: %s\n", err.text);
		exit(1);
	}
}

static uint64_t know_by_probes(pid_t pid)
{
	while (!bench.known_ns)
		ev_run(bench.loop, EVRUN_ONCE);
	return bench.known_ns;
}

static uint64_t know_by_waitpid(pid_t pid)
{
	siginfo_t info;

	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	return now_ns();
}

static uint64_t know_by_pidfd(pid_t pid)
{
	__cleanup_close int fd = syscall(SYS_pidfd_open, pid, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		die("pidfd_open");
	poll(&poll_fd, 1, -1);
	return now_ns();
}

static void connector_listen(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	struct {
		struct nlmsghdr header;
		struct cn_msg message;
		enum proc_cn_mcast_op op;
	} __attribute__((packed)) request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE },
		.message = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(request.op) },
		.op = PROC_CN_MCAST_LISTEN,
	};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    send(fd, &request, sizeof(request), 0) < 0) {
		if (fd >= 0)
			close(fd);
		return;
	}
	bench.connector = fd;
}

static void connector_close(void)
{
	close(bench.connector);
	bench.connector = -1;
}

/* COREDUMP comes for each signal that may dump core, before it is known whether one is written. */
static uint64_t know_by_connector(pid_t pid)
{
	char buffer[4096] __attribute__((aligned(8)));

	for (;;) {
		ssize_t size = recv(bench.connector, buffer, sizeof(buffer), 0);
		struct proc_event event;

		if (size < (ssize_t)(NLMSG_HDRLEN + sizeof(struct cn_msg) + sizeof(event)))
			continue;
		memcpy(&event, buffer + NLMSG_HDRLEN + sizeof(struct cn_msg), sizeof(event));
		if ((event.what == PROC_EVENT_EXIT && event.event_data.exit.process_pid == pid) ||
		    (event.what == PROC_EVENT_COREDUMP &&
		     event.event_data.coredump.process_pid == pid))
			return now_ns();
	}
}

static const struct way {
	const char *name;
	bool probes;
	bool connector;
	uint64_t (*know)(pid_t pid);
} ways[] = {
	{ "probes", true, false, know_by_probes },
	{ "waitpid", false, false, know_by_waitpid },
	{ "pidfd", false, false, know_by_pidfd },
	{ "connector", false, true, know_by_connector },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* ---- a fault ---- */

static void strike(size_t memory, bool core, int ready, int go)
{
	static uintptr_t bad_address = 16;
	volatile uintptr_t *nowhere = &bad_address;
	struct rlimit limit;
	char byte = 0;

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = core ? limit.rlim_max : 0;
	setrlimit(RLIMIT_CORE, &limit);
	if (memory) {
		char *filled = mmap(NULL, memory, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (filled == MAP_FAILED)
			_exit(1);
		madvise(filled, memory, MADV_NOHUGEPAGE);
		memset(filled, 1, memory);
	}
	if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) < 0)
		_exit(1);
	/* The pages of the clock and of the result are in place before it counts. */
	*bench.struck_ns = now_ns();
	/* The one who waits shall be asleep, as it is when a fault strikes. */
	usleep(5000);
	*bench.struck_ns = now_ns();
	*(volatile char *)*nowhere = 1;
	_exit(1);
}

static uint64_t fault_latency(const struct way *way, size_t memory, bool core)
{
	int ready[2], go[2];
	uint64_t known;
	char byte;
	pid_t pid;

	bench.known_ns = 0;
	if (way->connector)
		connector_listen();
	if (pipe2(ready, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		strike(memory, core, ready[1], go[0]);
	if (way->probes)
		probes_watch(pid);
	if (read(ready[0], &byte, 1) != 1 || write(go[1], &byte, 1) != 1)
		die("pipe");
	known = way->know(pid);
	waitpid(pid, NULL, 0);
	/* The EXIT record as well, so that the next turn begins with an empty ring. */
	if (way->probes)
		ev_run(bench.loop, EVRUN_NOWAIT);
	if (way->connector)
		connector_close();
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
	return known - *bench.struck_ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void latency_report(size_t memory, bool core, int rounds)
{
	uint64_t *took[WAYS];

	for (size_t w = 0; w < WAYS; w++) {
		took[w] = calloc(rounds, sizeof(uint64_t));
		if (!took[w])
			die("memory");
	}
	for (int i = 0; i < rounds; i++)
		for (size_t w = 0; w < WAYS; w++)
			if (!ways[w].connector || bench.connector != -2)
				took[w][i] = fault_latency(&ways[w], memory, core);
	for (size_t w = 0; w < WAYS; w++) {
		qsort(took[w], rounds, sizeof(uint64_t), compare);
		if (ways[w].connector && bench.connector == -2)
			printf("%6zu MiB  %-9s  the kernel has none (CONFIG_PROC_EVENTS)\n",
			       memory >> 20, ways[w].name);
		else
			printf("%6zu MiB%s  %-9s  p50 %9.3f  p99 %9.3f  worst %9.3f ms  (%d)\n",
			       memory >> 20, core ? " core" : "", ways[w].name,
			       took[w][rounds / 2] / 1e6, took[w][rounds * 99 / 100] / 1e6,
			       took[w][rounds - 1] / 1e6, rounds);
		free(took[w]);
	}
}

/* ---- what watching costs ---- */

/* What this process and those that it waited for spent, precise where wall time has others' load in it. */
static uint64_t cpu_ns(void)
{
	static const int who[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	uint64_t us = 0;

	for (int i = 0; i < 2; i++) {
		struct rusage usage;

		getrusage(who[i], &usage);
		us += (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ULL +
		      usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	}
	return us * 1000;
}

/* Microseconds of a cpu for one fork, exec and exit, in a process that may be watched. */
static double loop_once(bool watched)
{
	static char *const argv[] = { "true", NULL };
	uint64_t *took = bench.struck_ns;
	int gate[2];
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (!pid) {
		uint64_t begin;
		char byte;

		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(1);
		begin = cpu_ns();
		for (int i = 0; i < LOOP_PROCESSES; i++) {
			pid_t child;

			if (posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ))
				_exit(1);
			waitpid(child, NULL, 0);
		}
		*took = cpu_ns() - begin;
		_exit(0);
	}
	if (watched)
		probes_watch(pid);
	close(gate[0]);
	close(gate[1]);
	waitpid(pid, NULL, 0);
	if (watched)
		while (ev_run(bench.loop, EVRUN_NOWAIT), bench.records < LOOP_PROCESSES + 1)
			;
	bench.records = 0;
	return *took / 1e3 / LOOP_PROCESSES;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Ids only rise: those of programs that are loaded from now on are greater. */
static uint32_t program_newest(void)
{
	uint32_t id = 0;

	while (!bpf_prog_get_next_id(id, &id))
		;
	return id;
}

/* Average run time of each probe since the statistics were switched on. */
static void probes_cost(const char *when, uint32_t id)
{
	while (!bpf_prog_get_next_id(id, &id)) {
		__cleanup_close int fd = bpf_prog_get_fd_by_id(id);
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || !info.run_cnt ||
		    strncmp(info.name, "probe_", 6))
			continue;
		printf("  %-16s %-22s %7.0f ns a run, %llu runs\n", when, info.name,
		       (double)info.run_time_ns / info.run_cnt,
		       (unsigned long long)info.run_cnt);
	}
}

static void loop_report(void)
{
	enum { OFF, UNWATCHED, WATCHED, MODES };
	static const char *const names[] = { "off", "on, unwatched", "on, watched" };
	double took[MODES][LOOP_TURNS];
	int stats;

	for (int i = 0; i < LOOP_TURNS; i++) {
		took[OFF][i] = loop_once(false);
		probes_on();
		took[UNWATCHED][i] = loop_once(false);
		took[WATCHED][i] = loop_once(true);
		probes_off();
	}
	printf("fork+exec+exit, cpu time, %d turns of %d:\n", LOOP_TURNS, LOOP_PROCESSES);
	for (int m = 0; m < MODES; m++) {
		qsort(took[m], LOOP_TURNS, sizeof(double), compare_double);
		printf("  probes %-14s median %7.1f us (%+.1f %%)  best %7.1f us (%+.1f %%)\n",
		       names[m], took[m][LOOP_TURNS / 2],
		       100 * (took[m][LOOP_TURNS / 2] / took[OFF][LOOP_TURNS / 2] - 1),
		       took[m][0], 100 * (took[m][0] / took[OFF][0] - 1));
	}
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0)
		return;
	for (int watched = 0; watched < 2; watched++) {
		uint32_t before = program_newest();

		probes_on();
		loop_once(watched);
		probes_cost(watched ? "watched" : "unwatched", before);
		probes_off();
	}
	close(stats);
}

/* ---- what a probe costs a task that is not watched ---- */

/* A program that does nothing, at the same tracepoint: what BPF and its statistics cost by themselves. */
static int empty_attach(const char *tracepoint)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	__cleanup_close int fd = -1;

	options.attach_btf_id = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", nothing, 2, &options);
	if (fd < 0)
		die("an empty program");
	return bpf_raw_tracepoint_open(NULL, fd);
}

static void on_signal(int signo)
{
}

/* Signals to itself, then children that end at once: each tracepoint in a short loop. */
static void unwatched_work(void)
{
	pid_t pid;

	signal(SIGUSR1, on_signal);
	for (int i = 0; i < COST_SIGNALS; i++)
		raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	for (int i = 0; i < COST_PROCESSES; i++) {
		pid = vfork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

/* Average ns of the programs after @id whose name begins so, in the order in which they were loaded. */
static int costs_read(uint32_t id, const char *name, double *costs, int room)
{
	int count = 0;

	while (!bpf_prog_get_next_id(id, &id) && count < room) {
		__cleanup_close int fd = bpf_prog_get_fd_by_id(id);
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) ||
		    strncmp(info.name, name, strlen(name)))
			continue;
		costs[count++] = info.run_cnt ? (double)info.run_time_ns / info.run_cnt : 0;
	}
	return count;
}

/* In the order of the programs in the object. */
static const char *const tracepoints[] = {
	"signal_generate", "signal_deliver", "sched_process_fork", "sched_process_exit",
};
#define TRACEPOINTS (sizeof(tracepoints) / sizeof(tracepoints[0]))

static bool cost_of_empty(double *costs)
{
	uint32_t before = program_newest();
	int links[TRACEPOINTS];
	bool found;

	for (size_t i = 0; i < TRACEPOINTS; i++)
		links[i] = empty_attach(tracepoints[i]);
	unwatched_work();
	found = costs_read(before, "empty", costs, TRACEPOINTS) == (int)TRACEPOINTS;
	for (size_t i = 0; i < TRACEPOINTS; i++)
		close(links[i]);
	return found;
}

static bool cost_of_probes(double *costs)
{
	uint32_t before = program_newest();
	bool found;

	probes_on();
	unwatched_work();
	found = costs_read(before, "probe_", costs, TRACEPOINTS) == (int)TRACEPOINTS;
	probes_off();
	return found;
}

/* In turns, as what else runs on the machine moves both. */
static void cost_report(void)
{
	double empty[TRACEPOINTS][COST_TURNS], probe[TRACEPOINTS][COST_TURNS], costs[TRACEPOINTS];
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (stats < 0)
		die("BPF statistics");
	for (int turn = 0; turn < COST_TURNS; turn++) {
		if (!cost_of_empty(costs))
			die("the empty programs");
		for (size_t i = 0; i < TRACEPOINTS; i++)
			empty[i][turn] = costs[i];
		if (!cost_of_probes(costs))
			die("the probes");
		for (size_t i = 0; i < TRACEPOINTS; i++)
			probe[i][turn] = costs[i];
	}
	close(stats);
	printf("a task that is not watched, ns a tracepoint, median (best) of %d turns:\n", COST_TURNS);
	for (size_t i = 0; i < TRACEPOINTS; i++) {
		qsort(empty[i], COST_TURNS, sizeof(double), compare_double);
		qsort(probe[i], COST_TURNS, sizeof(double), compare_double);
		printf("  %-18s probe %5.1f (%5.1f)  empty program %5.1f (%5.1f)  more %5.1f (%5.1f)\n",
		       tracepoints[i], probe[i][COST_TURNS / 2], probe[i][0],
		       empty[i][COST_TURNS / 2], empty[i][0],
		       probe[i][COST_TURNS / 2] - empty[i][COST_TURNS / 2],
		       probe[i][0] - empty[i][0]);
	}
}

static long memory_kib(const char *what)
{
	__cleanup_fclose FILE *file = fopen("/proc/self/smaps_rollup", "re");
	size_t length = strlen(what);
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, what, length))
			return atol(line + length);
	return 0;
}

static void memory_report(void)
{
	long pss = memory_kib("Pss:"), dirty = memory_kib("Private_Dirty:");

	probes_on();
	printf("memory of the probes in the supervisor: PSS %+ld KiB, private %+ld KiB\n",
	       memory_kib("Pss:") - pss, memory_kib("Private_Dirty:") - dirty);
	probes_off();
}

int main(int argc, char **argv)
{
	size_t memory = 1024;
	struct utsname name;
	int option, rounds = 300;
	bool core = false, raised = true;

	while ((option = getopt(argc, argv, "cn:m:p")) != -1) {
		if (option == 'c')
			core = true;
		else if (option == 'n')
			rounds = atoi(optarg);
		else if (option == 'm')
			memory = strtoul(optarg, NULL, 10);
		else if (option == 'p')
			raised = false;
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	uname(&name);
	printf("%s %s, %ld cpus\n", name.release, name.machine, sysconf(_SC_NPROCESSORS_ONLN));
	bench.loop = ev_loop_new(EVFLAG_AUTO);
	bench.struck_ns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!bench.loop || bench.struck_ns == MAP_FAILED)
		die("set-up");
	memory_report();
	cost_report();
	loop_report();
	if (raised && priority_raise())
		die("priority");
	probes_on();
	connector_listen();
	if (bench.connector < 0)
		bench.connector = -2;
	else
		connector_close();
	printf("fault -> known:\n");
	latency_report(0, core, rounds);
	if (memory)
		latency_report(memory << 20, core, rounds / 10 ? rounds / 10 : 1);
	probes_off();
	ev_loop_destroy(bench.loop);
	return 0;
}
