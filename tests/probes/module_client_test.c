// SPDX-License-Identifier: GPL-2.0-only
/* The client of the module against messages that a kernel gives, and that none should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Its functions are its own; this looks at them from inside. */
#include "supervisord/reliability/source_module.c"

#define FAMILY 0x30

static struct {
	uint64_t seq[64];
	size_t count;
} seen;

static void record_seen(void *user, const struct faultline_record *record,
			const struct faultline_capture *capture)
{
	if (seen.count < sizeof(seen.seq) / sizeof(seen.seq[0]))
		seen.seq[seen.count++] = record->seq;
}

static struct source *source_new(void)
{
	struct source *source = calloc(1, sizeof(*source));

	assert_non_null(source);
	source->fn = record_seen;
	source->family = FAMILY;
	memset(&seen, 0, sizeof(seen));
	return source;
}

static struct nl_msg *message_new(int family, int cmd)
{
	struct nl_msg *msg = nlmsg_alloc_size(2 * RECORD_MAX);

	assert_non_null(msg);
	assert_non_null(genlmsg_put(msg, 0, 0, family, 0, 0, cmd, FAULTLINE_GENL_VERSION));
	return msg;
}

static void message_add(struct nl_msg *msg, uint64_t seq, size_t cut)
{
	struct faultline_record record = {
		.len = sizeof(record), .type = FAULTLINE_RECORD_EXIT, .seq = seq,
	};

	assert_int_equal(nla_put(msg, FAULTLINE_A_RECORD, sizeof(record) - cut, &record), 0);
}

static void deliver(struct source *source, struct nl_msg *msg)
{
	event_message(msg, source);
	nlmsg_free(msg);
}

static void deliver_one(struct source *source, uint64_t seq)
{
	struct nl_msg *msg = message_new(FAMILY, FAULTLINE_CMD_EVENT);

	message_add(msg, seq, 0);
	deliver(source, msg);
}

static void test_in_order_and_once(void **state)
{
	struct source *source = source_new();
	struct nl_msg *msg = message_new(FAMILY, FAULTLINE_CMD_EVENT);

	message_add(msg, 1, 0);
	/* Puts the next record off its alignment. */
	nla_put_u32(msg, FAULTLINE_A_WATCH, 1);
	message_add(msg, 2, 0);
	deliver(source, msg);
	deliver_one(source, 2);
	deliver_one(source, 1);
	deliver_one(source, 3);
	assert_int_equal(seen.count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(seen.seq[i], i + 1);
	assert_false(source->behind);
	free(source);
}

static void test_gap_waits_for_the_dump(void **state)
{
	struct source *source = source_new();

	deliver_one(source, 1);
	deliver_one(source, 3);
	deliver_one(source, 4);
	assert_true(source->behind);
	assert_int_equal(seen.count, 1);
	/* The dump; what it has not is not there any more. */
	source->dumping = true;
	deliver_one(source, 3);
	deliver_one(source, 4);
	source->dumping = false;
	source->behind = false;
	deliver_one(source, 4);
	deliver_one(source, 5);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.seq[3], 5);
	free(source);
}

static void test_not_ours(void **state)
{
	struct sockaddr_nl user = { .nl_family = AF_NETLINK, .nl_pid = 4711 };
	struct source *source = source_new();
	struct nl_msg *msg;

	msg = message_new(FAMILY + 1, FAULTLINE_CMD_EVENT);
	message_add(msg, 1, 0);
	deliver(source, msg);
	msg = message_new(FAMILY, FAULTLINE_CMD_STATS_GET);
	message_add(msg, 1, 0);
	deliver(source, msg);
	/* A process may send to our socket as well. */
	msg = message_new(FAMILY, FAULTLINE_CMD_EVENT);
	message_add(msg, 1, 0);
	nlmsg_set_src(msg, &user);
	deliver(source, msg);
	assert_int_equal(seen.count, 0);
	free(source);
}

static void test_cut_records(void **state)
{
	struct source *source = source_new();

	for (size_t cut = 1; cut <= sizeof(struct faultline_record); cut++) {
		struct nl_msg *msg = message_new(FAMILY, FAULTLINE_CMD_EVENT);

		message_add(msg, 1, cut);
		deliver(source, msg);
	}
	assert_int_equal(seen.count, 0);
	assert_true(source->malformed);
	deliver_one(source, 1);
	assert_int_equal(seen.count, 1);
	free(source);
}

static void test_too_long(void **state)
{
	struct source *source = source_new();
	struct nl_msg *msg = message_new(FAMILY, FAULTLINE_CMD_EVENT);
	char *big = calloc(1, RECORD_MAX + 8);

	((struct faultline_record *)big)->len = RECORD_MAX + 8;
	assert_int_equal(nla_put(msg, FAULTLINE_A_RECORD, RECORD_MAX + 8, big), 0);
	deliver(source, msg);
	assert_true(source->malformed);
	free(big);
	free(source);
}

/* Any bytes behind a good header, in a block of just their size for the sanitizer. */
static void test_any_bytes(void **state)
{
	struct source *source = source_new();
	struct source_statistics statistics = {};
	struct answer answer = { .source = source, .statistics = &statistics };

	source->dumping = true;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		size_t size = NLMSG_HDRLEN + GENL_HDRLEN + random() % 400;
		struct nlmsghdr *header = malloc(size);
		struct nl_msg *msg;

		for (size_t at = 0; at < size; at++)
			((uint8_t *)header)[at] = random() % 4 ? random() % 12 : random();
		header->nlmsg_len = size;
		header->nlmsg_type = FAMILY;
		((struct genlmsghdr *)nlmsg_data(header))->cmd = FAULTLINE_CMD_EVENT;
		msg = nlmsg_convert(header);
		assert_non_null(msg);
		event_message(msg, source);
		answer_message(msg, &answer);
		answer_finish(msg, &answer);
		nlmsg_free(msg);
		free(header);
	}
	free(source);
}

static void cost_add(struct nl_msg *msg, const char *place, uint64_t calls)
{
	struct nlattr *nest = nla_nest_start(msg, FAULTLINE_A_COST);

	nla_put_string(msg, FAULTLINE_COST_A_PLACE, place);
	nla_put_u64(msg, FAULTLINE_COST_A_CALLS, calls);
	nla_put_u64(msg, FAULTLINE_COST_A_NS, calls * 90);
	nla_put_u64(msg, FAULTLINE_COST_A_WORST_NS, 2000);
	nla_nest_end(msg, nest);
}

static void count_add(struct nl_msg *msg, int type, int kind, uint64_t records)
{
	struct nlattr *nest = nla_nest_start(msg, FAULTLINE_A_COUNT);

	nla_put_u32(msg, FAULTLINE_COUNT_A_TYPE, type);
	nla_put_u32(msg, FAULTLINE_COUNT_A_KIND, kind);
	if (records)
		nla_put_u64(msg, FAULTLINE_COUNT_A_RECORDS, records);
	nla_nest_end(msg, nest);
}

/* Each count and each cost of many, and none that is not whole or for which there is no room. */
static void test_statistics(void **state)
{
	struct source *source = source_new();
	struct source_statistics statistics = {};
	struct answer answer = { .source = source, .statistics = &statistics };
	struct nl_msg *msg = message_new(FAMILY, FAULTLINE_CMD_STATS_GET);
	struct nlattr *nest = nla_nest_start(msg, FAULTLINE_A_STATS);

	nla_put_u64(msg, FAULTLINE_STATS_A_EMITTED, 8);
	nla_put_u64(msg, FAULTLINE_STATS_A_SCAN_NS, 1ULL << 40);
	nla_nest_end(msg, nest);
	count_add(msg, FAULTLINE_RECORD_FATAL, 11, 3);
	count_add(msg, FAULTLINE_RECORD_FATAL, 6, 0);
	count_add(msg, FAULTLINE_RECORD_EXIT, 0, 5);
	cost_add(msg, "signal_generate", 7);
	cost_add(msg, "a place with a name that is longer than there is room for", 1);
	for (int i = 0; i < SOURCE_COSTS_MAX; i++)
		cost_add(msg, "capture", i);
	answer_message(msg, &answer);
	nlmsg_free(msg);
	assert_int_equal(statistics.value[FAULTLINE_STATS_A_EMITTED], 8);
	assert_int_equal(statistics.value[FAULTLINE_STATS_A_SCAN_NS], 1ULL << 40);
	assert_int_equal(statistics.n_counts, 2);
	assert_int_equal(statistics.counts[0].kind, 11);
	assert_int_equal(statistics.counts[1].records, 5);
	assert_int_equal(statistics.n_costs, SOURCE_COSTS_MAX);
	assert_string_equal(statistics.costs[0].place, "signal_generate");
	assert_int_equal(statistics.costs[0].ns, 630);
	assert_int_equal(strlen(statistics.costs[1].place), sizeof(statistics.costs[1].place) - 1);
	free(source);
}

static void test_error_text(void **state)
{
	static const char words[] = "this process is watched already";
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		struct nlattr attr;
		char text[sizeof(words)];
	} message = {
		.header = { .nlmsg_len = sizeof(message), .nlmsg_type = NLMSG_ERROR,
			    .nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS },
		.error = { .error = -EEXIST },
		.attr = { .nla_len = NLA_HDRLEN + sizeof(words), .nla_type = NLMSGERR_ATTR_MSG },
	};
	struct answer answer = {};

	memcpy(message.text, words, sizeof(words));
	answer_error(NULL, &message.error, &answer);
	assert_int_equal(answer.code, -EEXIST);
	assert_string_equal(answer.text, words);

	/* One that says it is longer than the message. */
	memset(&answer, 0, sizeof(answer));
	message.attr.nla_len = 4000;
	answer_error(NULL, &message.error, &answer);
	assert_int_equal(answer.code, -EEXIST);
	assert_string_equal(answer.text, "");

	/* No attributes at all. */
	message.header.nlmsg_len = NLMSG_LENGTH(sizeof(message.error));
	answer_error(NULL, &message.error, &answer);
	assert_string_equal(answer.text, "");
}

static void test_no_module(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct source *source = NULL;
	struct error err = {};
	int ret = source_module.open(&source, loop, record_seen, NULL, NULL, &err);

	if (!ret) {
		source_module.close(source);
		ev_loop_destroy(loop);
		skip();
	}
	assert_int_equal(ret, -ENOENT);
	assert_non_null(strstr(err.text, "insmod faultline.ko"));
	ev_loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order_and_once),
		cmocka_unit_test(test_gap_waits_for_the_dump),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_cut_records),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_error_text),
		cmocka_unit_test(test_no_module),
	};

	return cmocka_run_group_tests_name("module_client", tests, NULL, NULL);
}
