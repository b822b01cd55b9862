// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultline_emit(): what BPF programs hand over comes out in the one stream,
 * with what the module knows of the process; what is wrong is refused.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/libbpf.h>

#include "kselftest_harness.h"
#include "client.h"
#include "emitter.h"
#include "victims.h"

FIXTURE(kfunc) {
	struct client client;
	struct victim victim;
	struct stats stats;
	struct emit *emit;
};

static void sleep_for_ever(void *with)
{
	for (;;)
		pause();
}

FIXTURE_SETUP(kfunc)
{
	memset(self, 0, sizeof(*self));
	self->client.fd = -1;
	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
	ASSERT_EQ(module_load("slots=64"), 0);
	/* Without it, as where the module was built without the kernel's types, there is nothing to call. */
	ASSERT_EQ(access("/sys/kernel/btf/faultline", R_OK), 0);
	self->emit = emitter_open();
	ASSERT_NE(self->emit, NULL);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_join(&self->client), 0);
	ASSERT_EQ(victim_start(&self->client, &self->victim, sleep_for_ever, NULL), 0);
}

FIXTURE_TEARDOWN(kfunc)
{
	/* First, as it has inherited the programs. */
	kill(self->victim.pid, SIGKILL);
	waitpid(self->victim.pid, NULL, 0);
	emitter_close(self->emit);
	client_close(&self->client);
	ASSERT_EQ(module_unload(), 0);
}

static bool is_type(const struct event *event, uint64_t type)
{
	return event->record.type == type;
}

static bool is_capability(const struct event *event, uint64_t capability)
{
	return event->record.type == FAULTLINE_RECORD_RANGE && event->record.error_code == capability;
}

/* Who the process is and which watch it has, the module says. */
TEST_F(kfunc, record_as_the_module_completes_it)
{
	struct faultline_record record, *got;

	emitter_record(&record, self->victim.pid);
	record.seq = 77;
	record.cookie = 78;
	record.watch = 79;
	record.time_ns = 80;
	memset(record.comm, 'x', sizeof(record.comm));
	ASSERT_EQ(emitter_emit(self->emit, &record, sizeof(record)), 0);
	ASSERT_EQ(client_wait(&self->client, 20000, is_type, FAULTLINE_RECORD_LIMIT), 0);
	got = &self->client.events[0].record;
	EXPECT_EQ(got->seq, 1);
	EXPECT_EQ(got->cookie, self->victim.cookie);
	EXPECT_EQ(got->watch, self->victim.watch);
	EXPECT_EQ(got->tgid, self->victim.pid);
	EXPECT_EQ(got->flags, FAULTLINE_F_MAIN);
	EXPECT_EQ(got->code, FAULTLINE_LIMIT_FILES);
	EXPECT_EQ(got->errno_, EMFILE);
	EXPECT_EQ(strlen(got->comm), sizeof(got->comm) - 1);
	EXPECT_GT(got->time_ns, 80);
}

TEST_F(kfunc, each_type_that_a_program_may_tell)
{
	static const struct { int type, codes; } types[] = {
		{ FAULTLINE_RECORD_HANG, FAULTLINE_HANG_HEARTBEAT },
		{ FAULTLINE_RECORD_HANG_OVER, FAULTLINE_HANG_HEARTBEAT },
		{ FAULTLINE_RECORD_LIMIT, FAULTLINE_LIMIT_SPACE },
		{ FAULTLINE_RECORD_RANGE, FAULTLINE_RANGE_CAPABILITY },
	};
	struct faultline_record record;

	for (int type = 0; type < 32; type++) {
		int codes = 0;

		for (size_t i = 0; i < ARRAY_SIZE(types); i++)
			if (types[i].type == type)
				codes = types[i].codes;
		emitter_record(&record, self->victim.pid);
		record.type = type;
		for (int code = -1; code < 20; code++) {
			record.code = code;
			ASSERT_EQ(emitter_emit(self->emit, &record, sizeof(record)),
				  code >= 1 && code <= codes ? 0 : -EINVAL) {
				TH_LOG("type %d code %d", type, code);
			}
		}
	}
}

/* What an operator has switched off is taken from a program, and counted apart from the ledger. */
TEST_F(kfunc, switched_off)
{
	static const struct { const char *parameter; int type; } rows[] = {
		{ "hangs", FAULTLINE_RECORD_HANG },
		{ "hangs", FAULTLINE_RECORD_HANG_OVER },
		{ "limits", FAULTLINE_RECORD_LIMIT },
		{ "ranges", FAULTLINE_RECORD_RANGE },
	};
	struct faultline_record record;
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		emitter_record(&record, self->victim.pid);
		record.type = rows[i].type;
		snprintf(path, sizeof(path), "/sys/module/faultline/parameters/%s", rows[i].parameter);
		ASSERT_EQ(file_write(path, "N"), 0);
		EXPECT_EQ(emitter_emit(self->emit, &record, sizeof(record)), 0);
		ASSERT_EQ(client_stats(&self->client, &self->stats), 0);
		EXPECT_EQ(self->stats.value[FAULTLINE_STATS_A_EMITTED], i);
		EXPECT_EQ(self->stats.value[FAULTLINE_STATS_A_SWITCHED_OFF], i + 1);
		ASSERT_EQ(file_write(path, "Y"), 0);
		EXPECT_EQ(emitter_emit(self->emit, &record, sizeof(record)), 0);
		ASSERT_EQ(client_wait(&self->client, 20000, is_type, rows[i].type), 0);
		EXPECT_EQ(self->client.count, i + 1);
	}
	ASSERT_EQ(client_stats(&self->client, &self->stats), 0);
	EXPECT_TRUE(stats_balance(&self->stats));
}

/* Every byte of what must be 0 is looked at. */
TEST_F(kfunc, wrong_records)
{
	static const struct { size_t offset, size; } zero[] = {
#define ZERO(field) { offsetof(struct faultline_record, field), \
		      sizeof(((struct faultline_record *)0)->field) }
		ZERO(flags), ZERO(signo), ZERO(sender_tgid), ZERO(sender_uid), ZERO(trapno),
		ZERO(reserved), ZERO(fault_addr), ZERO(error_code),
	};
	struct faultline_record record;
	unsigned int tried = 0;
	char bytes[2048] = {};

	for (size_t i = 0; i < ARRAY_SIZE(zero); i++) {
		for (size_t at = 0; at < zero[i].size; at++, tried++) {
			emitter_record(&record, self->victim.pid);
			((char *)&record)[zero[i].offset + at] = 0x40;
			EXPECT_EQ(emitter_emit(self->emit, &record, sizeof(record)), -EINVAL) {
				TH_LOG("byte %zu", zero[i].offset + at);
			}
		}
	}
	for (size_t len = 0; len < sizeof(bytes); len += 8) {
		emitter_record((void *)bytes, self->victim.pid);
		((struct faultline_record *)bytes)->len = len;
		if (len == sizeof(record))
			continue;
		EXPECT_NE(emitter_emit(self->emit, bytes, len), 0) {
			TH_LOG("length %zu", len);
		}
		tried++;
	}
#define WRONG(field, value, error) do {						\
	emitter_record(&record, self->victim.pid);				\
	record.field = value;							\
	EXPECT_EQ(emitter_emit(self->emit, &record, sizeof(record)), error);	\
	tried++;								\
} while (0)
	WRONG(len, 0, -EINVAL);
	WRONG(len, sizeof(record) + 8, -EINVAL);
	WRONG(errno_, -1, -EINVAL);
	WRONG(errno_, 4096, -EINVAL);
	WRONG(tgid, -5, -EINVAL);
	WRONG(tid, -1, -EINVAL);
	WRONG(ptgid, -1, -EINVAL);
	WRONG(tgid, 1, -ESRCH);			/* is not watched */
	WRONG(tgid, 0, -ESRCH);			/* this process, likewise */
	WRONG(tgid, 0x7fffffff, -ESRCH);
	ASSERT_EQ(client_stats(&self->client, &self->stats), 0);
	EXPECT_EQ(self->stats.value[FAULTLINE_STATS_A_EMITTED], 0);
	EXPECT_GT(tried, 40);
}

/* Which capability it was, and no other kind of record says such a thing. */
TEST_F(kfunc, capability_out_of_range)
{
	static const struct { int type, code, error_code, error; } rows[] = {
		{ FAULTLINE_RECORD_RANGE, FAULTLINE_RANGE_CAPABILITY, 0, 0 },
		{ FAULTLINE_RECORD_RANGE, FAULTLINE_RANGE_CAPABILITY, 40, 0 },
		{ FAULTLINE_RECORD_RANGE, FAULTLINE_RANGE_CAPABILITY, 64, -EINVAL },
		{ FAULTLINE_RECORD_RANGE, FAULTLINE_RANGE_CAPABILITY, -1, -EINVAL },
		{ FAULTLINE_RECORD_RANGE, FAULTLINE_RANGE_FILE, 1, -EINVAL },
		{ FAULTLINE_RECORD_RANGE, FAULTLINE_RANGE_NET, 1, -EINVAL },
		{ FAULTLINE_RECORD_LIMIT, FAULTLINE_RANGE_CAPABILITY, 1, -EINVAL },
	};
	struct faultline_record record;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		emitter_record(&record, self->victim.pid);
		record.type = rows[i].type;
		record.code = rows[i].code;
		record.error_code = (int64_t)rows[i].error_code;
		EXPECT_EQ(emitter_emit(self->emit, &record, sizeof(record)), rows[i].error) {
			TH_LOG("row %zu", i);
		}
	}
	ASSERT_EQ(client_wait(&self->client, 20000, is_capability, 40), 0);
}

struct with_network {
	struct faultline_record record;
	struct faultline_network network;
};

TEST_F(kfunc, address_out_of_range)
{
	const struct faultline_network *network;
	struct with_network given = {};

	emitter_record(&given.record, self->victim.pid);
	given.record.type = FAULTLINE_RECORD_RANGE;
	given.record.code = FAULTLINE_RANGE_NET;
	given.record.errno_ = EACCES;
	given.record.flags = FAULTLINE_F_BLOCKS;
	given.record.len = sizeof(given);
	given.network.block.type = FAULTLINE_BLOCK_NETWORK;
	for (uint32_t len = 0; len < sizeof(given.network); len++) {
		given.network.block.len = len;
		EXPECT_EQ(emitter_emit(self->emit, &given, sizeof(given)), -EINVAL);
	}
	given.network.block.len = sizeof(given.network);
	given.network.family = AF_INET;
	given.network.port = htons(102);
	memcpy(given.network.address, "\x0a\0\0\1", 4);
	ASSERT_EQ(emitter_emit(self->emit, &given, sizeof(given)), 0);
	ASSERT_EQ(client_wait(&self->client, 20000, is_type, FAULTLINE_RECORD_RANGE), 0);
	network = event_block(&self->client.events[0], FAULTLINE_BLOCK_NETWORK);
	ASSERT_NE(network, NULL);
	EXPECT_EQ(memcmp(network, &given.network, sizeof(given.network)), 0);
}

static void ask_for_the_watch(void *with)
{
	emitter_watch(with);
	sleep_for_ever(NULL);
}

/* A watched process has its own; this one here has none. */
TEST_F(kfunc, whose_watch)
{
	struct victim asking;

	self->emit->bss->watch = 77;
	ASSERT_EQ(emitter_watch(self->emit), 0);
	EXPECT_EQ(self->emit->bss->watch, 0);
	ASSERT_EQ(victim_start(&self->client, &asking, ask_for_the_watch, self->emit), 0);
	for (int i = 0; i < 2000 && !self->emit->bss->watch; i++)
		usleep(10000);
	EXPECT_EQ(self->emit->bss->watch, asking.watch);
	kill(asking.pid, SIGKILL);
	waitpid(asking.pid, NULL, 0);
}

struct with_usage {
	struct faultline_record record;
	struct faultline_usage usage;
	unsigned char more[1024];
};

static void record_with_usage(struct with_usage *given, pid_t tgid)
{
	memset(given, 0, sizeof(*given));
	emitter_record(&given->record, tgid);
	given->record.flags = FAULTLINE_F_BLOCKS;
	given->record.len = sizeof(given->record) + sizeof(given->usage);
	given->usage.block.len = sizeof(given->usage);
	given->usage.block.type = FAULTLINE_BLOCK_LIMIT;
	given->usage.used = 1024;
	given->usage.limit = 1025;
}

TEST_F(kfunc, evidence)
{
	const struct faultline_usage *usage;
	struct with_usage given;

	record_with_usage(&given, self->victim.pid);
	ASSERT_EQ(emitter_emit(self->emit, &given, given.record.len), 0);
	ASSERT_EQ(client_wait(&self->client, 20000, is_type, FAULTLINE_RECORD_LIMIT), 0);
	EXPECT_EQ(self->client.events[0].record.flags, FAULTLINE_F_MAIN | FAULTLINE_F_BLOCKS);
	usage = event_block(&self->client.events[0], FAULTLINE_BLOCK_LIMIT);
	ASSERT_NE(usage, NULL);
	EXPECT_EQ(usage->used, 1024);
	EXPECT_EQ(usage->limit, 1025);
}

TEST_F(kfunc, wrong_evidence)
{
	struct with_usage given;

#define WRONG_EVIDENCE(change, error) do {					\
	record_with_usage(&given, self->victim.pid);				\
	change;									\
	EXPECT_EQ(emitter_emit(self->emit, &given, given.record.len), error) {	\
		TH_LOG(#change);						\
	}									\
} while (0)
	WRONG_EVIDENCE(given.record.flags = 0, -EINVAL);
	WRONG_EVIDENCE(given.record.flags = 0xffff, -EINVAL);
	WRONG_EVIDENCE(given.record.len = sizeof(given.record), -EINVAL);
	WRONG_EVIDENCE(given.record.len -= 4, -EINVAL);
	WRONG_EVIDENCE(given.record.len += 4, -EINVAL);
	WRONG_EVIDENCE(given.record.len += 8, -EINVAL);
	WRONG_EVIDENCE(given.record.len = sizeof(given.record) + 1001, -EMSGSIZE);
	for (uint32_t len = 0; len < 64; len++)
		if (len != sizeof(given.usage))
			WRONG_EVIDENCE(given.usage.block.len = len, -EINVAL);
	WRONG_EVIDENCE(given.usage.block.len = 0xfffffff8, -EINVAL);
	for (uint32_t type = 0; type < 64; type++) {
		switch (type) {
		case FAULTLINE_BLOCK_LIMIT:
		case FAULTLINE_BLOCK_HANG:
		case FAULTLINE_BLOCK_KSTACK:
		case FAULTLINE_BLOCK_PATH:
		case FAULTLINE_BLOCK_SYSCALL:
		case FAULTLINE_BLOCK_NETWORK:
			break;
		default:
			WRONG_EVIDENCE(given.usage.block.type = type, -EINVAL);
		}
	}
	ASSERT_EQ(client_stats(&self->client, &self->stats), 0);
	EXPECT_EQ(self->stats.value[FAULTLINE_STATS_A_EMITTED], 0);
}

/* No buffer is lost on any way, and none is missed while there are some. */
TEST_F(kfunc, evidence_again_and_again)
{
	struct with_usage given;
	uint64_t seq = 0;

	for (int i = 0; i < 3000; i++) {
		record_with_usage(&given, self->victim.pid);
		if (i % 3 == 1)
			given.usage.block.len += 8;
		if (i % 3 == 2)
			given.record.tgid = 1;
		emitter_emit(self->emit, &given, given.record.len);
		if (i % 30)
			continue;
		for (int wait = 0; wait < 3000; wait++) {
			ASSERT_EQ(client_stats(&self->client, &self->stats), 0);
			seq = self->stats.value[FAULTLINE_STATS_A_SEQ];
			if (seq == self->stats.value[FAULTLINE_STATS_A_EMITTED])
				break;
			usleep(1000);
		}
		ASSERT_EQ(client_ack(&self->client, seq), 0);
	}
	EXPECT_EQ(self->stats.value[FAULTLINE_STATS_A_BLOCKS_MISSED], 0);
	EXPECT_EQ(self->stats.value[FAULTLINE_STATS_A_LOST_NO_SLOT], 0);
	EXPECT_GE(self->stats.value[FAULTLINE_STATS_A_EMITTED], 990);
}

static void signal_often(void *with)
{
	signal(SIGUSR1, SIG_IGN);
	for (;;) {
		signal_self(SIGUSR1);
		usleep(1000);
	}
}

#define STAT(name) (self->stats.value[FAULTLINE_STATS_A_##name])

/* Until the program has been at it so often that it means something. */
static int emitted_times(struct emit *emit, uint64_t times)
{
	for (int i = 0; i < 6000; i++) {
		if (emit->bss->emitted + emit->bss->lost >= times)
			return 0;
		usleep(10000);
	}
	return -ETIME;
}

FIXTURE(places) {
	struct client client;
	struct victim victim;
	struct stats stats;
	struct emit *emit;
};

FIXTURE_VARIANT(places) {
	size_t program;
	bool optional;
};

#define PROGRAM(name) (offsetof(struct emit, progs.name))

FIXTURE_VARIANT_ADD(places, under_siglock) { .program = PROGRAM(emit_signal) };
FIXTURE_VARIANT_ADD(places, under_the_run_queues_lock) { .program = PROGRAM(emit_switch) };
FIXTURE_VARIANT_ADD(places, under_any_lock) { .program = PROGRAM(emit_unlock), .optional = true };

/*
 * Emulated CPUs may run into a breakpoint of the kernel's own patching after it
 * has been taken away, which is an oops: nothing is patched there that all CPUs
 * are in all the time.
 */
static bool is_emulated(void)
{
	static char text[4096];
	FILE *file = fopen("/proc/cpuinfo", "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	text[n] = '\0';
	return strstr(text, "QEMU TCG");
}

FIXTURE_SETUP(places)
{
	memset(self, 0, sizeof(*self));
	if (variant->optional && is_emulated())
		SKIP(return, "patching what every CPU runs is not safe on emulated CPUs");
	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
	ASSERT_EQ(module_load("slots=64"), 0);
	self->emit = emitter_open();
	ASSERT_NE(self->emit, NULL);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(victim_start(&self->client, &self->victim, signal_often, NULL), 0);
}

FIXTURE_TEARDOWN(places)
{
	/* First, as it has inherited the programs. */
	kill(self->victim.pid, SIGKILL);
	waitpid(self->victim.pid, NULL, 0);
	emitter_close(self->emit);
	client_close(&self->client);
	ASSERT_EQ(module_unload(), 0);
}

/* What the program counted is what the ledger has, and the end comes last. */
TEST_F_TIMEOUT(places, ledger, 120)
{
	struct bpf_program *program = *(struct bpf_program **)((char *)self->emit + variant->program);
	struct bpf_link *link;
	uint64_t own_lost;

	self->emit->bss->tgid = self->victim.pid;
	link = bpf_program__attach(program);
	if (!link && variant->optional)
		SKIP(return, "this kernel has no place for the program there");
	ASSERT_NE(link, NULL);
	ASSERT_EQ(emitted_times(self->emit, 500), 0);
	kill(self->victim.pid, SIGKILL);
	ASSERT_EQ(waitpid(self->victim.pid, NULL, 0), self->victim.pid);
	bpf_link__destroy(link);
	for (int i = 0; i < 2000; i++) {
		ASSERT_EQ(client_stats(&self->client, &self->stats), 0);
		if (STAT(SEQ) + STAT(LOST_NO_SLOT) == STAT(EMITTED))
			break;
		usleep(10000);
	}
	/* Its fatal signal and its end are the module's own, and may be lost in the flood like others. */
	own_lost = STAT(LOST_NO_SLOT) - self->emit->bss->lost;
	EXPECT_LE(own_lost, 2);
	EXPECT_EQ(STAT(SEQ), self->emit->bss->emitted + 2 - own_lost);
	EXPECT_EQ(STAT(EMITTED), self->emit->bss->emitted + self->emit->bss->lost + 2);
	EXPECT_TRUE(stats_balance(&self->stats));
	TH_LOG("%llu emitted, %llu lost, %llu busy, %llu refused",
	       (unsigned long long)self->emit->bss->emitted, (unsigned long long)self->emit->bss->lost,
	       (unsigned long long)self->emit->bss->busy, (unsigned long long)self->emit->bss->refused);
	ASSERT_EQ(client_dump(&self->client, 0), 0);
	ASSERT_EQ(self->client.count, STAT(SEQ));
	for (size_t i = 0; i < self->client.count; i++) {
		struct faultline_record *record = &self->client.events[i].record;

		ASSERT_EQ(record->seq, i + 1);
		ASSERT_EQ(record->cookie, self->victim.cookie);
		ASSERT_EQ(record->tgid, self->victim.pid);
	}
	if (!own_lost)
		EXPECT_EQ(self->client.events[self->client.count - 1].record.type, FAULTLINE_RECORD_EXIT);
}

/* A program that calls the module keeps it; when it is gone the module may go. */
TEST_F(kfunc, a_loaded_program_holds_the_module)
{
	EXPECT_EQ(module_unload(), -EWOULDBLOCK);
	EXPECT_TRUE(module_loaded());
}

/* Without the module the same programs load, and call nothing. */
TEST(programs_without_the_module)
{
	struct faultline_record record;
	struct emit *emit;

	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
	emit = emitter_open();
	ASSERT_NE(emit, NULL);
	emitter_record(&record, getpid());
	EXPECT_EQ(emitter_emit(emit, &record, sizeof(record)), -ENOEXEC);
	emitter_close(emit);
}

TEST_HARNESS_MAIN
