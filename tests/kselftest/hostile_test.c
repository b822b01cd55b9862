// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that are wrong in every way that a request can be, for every
 * command of the family: each is refused, and none does anything.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "kselftest.h"
#include "client.h"

#define ATTRS_MAX 3

/**
 * struct command - one of the family, and what a request of it has
 * @attrs: in any order; @size 0: a nest of settings
 */
static const struct command {
	const char *name;
	uint8_t cmd;
	bool dump;
	struct {
		uint16_t type;
		uint8_t size;
		bool optional;
	} attrs[ATTRS_MAX];
} commands[] = {
	{ "WATCH_SET", FAULTLINE_CMD_WATCH_SET, false,
	  { { FAULTLINE_A_PID, 4 }, { FAULTLINE_A_COOKIE, 8 }, { FAULTLINE_A_SETTINGS, 0, true } } },
	{ "WATCH_GET", FAULTLINE_CMD_WATCH_GET, true },
	{ "WATCH_DEL", FAULTLINE_CMD_WATCH_DEL, false, { { FAULTLINE_A_WATCH, 4 } } },
	{ "EVENT_GET", FAULTLINE_CMD_EVENT_GET, true, { { FAULTLINE_A_SINCE, 8, true } } },
	{ "EVENT_ACK", FAULTLINE_CMD_EVENT_ACK, false, { { FAULTLINE_A_SEQ, 8 } } },
	{ "STATS_GET", FAULTLINE_CMD_STATS_GET, false },
	{ "WATCH_CHANGE", FAULTLINE_CMD_WATCH_CHANGE, false,
	  { { FAULTLINE_A_WATCH, 4 }, { FAULTLINE_A_SETTINGS, 0 } } },
	{ "HEARTBEAT", FAULTLINE_CMD_HEARTBEAT, false, { { FAULTLINE_A_WATCH, 4 } } },
	{ "RELEASE", FAULTLINE_CMD_RELEASE, false, { { FAULTLINE_A_WATCH, 4 } } },
};

static struct client client;
static unsigned int tests;

static bool is_refusal(int err)
{
	return err == -EINVAL || err == -ERANGE || err == -ENOMSG;
}

static void result(bool fits, const struct command *command, const char *what, int number, int err)
{
	tests++;
	ksft_test_result(fits, "%s: %s %d: %s\n", command->name, what, number, err ? strerror(-err) : "done");
}

static void put_nest(struct request *request, uint16_t type, uint16_t flags)
{
	struct { struct nlattr head; uint32_t value; } setting = {
		{ 8, FAULTLINE_WATCH_A_CAPTURE }, 1
	};

	request_put(request, type | flags, &setting, sizeof(setting));
}

/* With a value that finds nothing: no process, watch or record has it. */
static void put_attr(struct request *request, uint16_t type, size_t size)
{
	unsigned char bytes[64];

	memset(bytes, 0x3f, sizeof(bytes));
	if (size)
		request_put(request, type, bytes, size);
	else
		put_nest(request, type, NLA_F_NESTED);
}

/* All attributes of a sound request but the one at @without. */
static void fill(struct request *request, const struct command *command, int without)
{
	request_init(request, command->cmd);
	for (int i = 0; i < ATTRS_MAX && command->attrs[i].type; i++)
		if (i != without)
			put_attr(request, command->attrs[i].type, command->attrs[i].size);
}

static int ask(const struct command *command, struct request *request)
{
	return client_send(&client, request, command->dump);
}

static void test_attribute(const struct command *command, int i)
{
	uint16_t type = command->attrs[i].type;
	size_t size = command->attrs[i].size;
	unsigned char bytes[256] = {};
	struct request request;
	int err;

	fill(&request, command, i);
	err = ask(command, &request);
	result(command->attrs[i].optional ? !is_refusal(err) : is_refusal(err), command, "without attribute", type, err);

	for (size_t wrong = 0; size && wrong <= sizeof(bytes); wrong += wrong < 17 ? 1 : 239) {
		if (wrong == size)
			continue;
		fill(&request, command, i);
		request_put(&request, type, bytes, wrong);
		err = ask(command, &request);
		result(is_refusal(err), command, wrong < size ? "too short" : "too long", type, err);
	}
	/* The last one counts. */
	fill(&request, command, i);
	request_put(&request, type, bytes, size + 1);
	put_attr(&request, type, size);
	err = ask(command, &request);
	result(is_refusal(err), command, "first wrong, then right", type, err);

	/* Netlink takes the last of two that are right; what the first names stays alone. */
	fill(&request, command, -1);
	err = ask(command, &request);
	fill(&request, command, i);
	bytes[0] = 1;
	if (size)
		request_put(&request, type, bytes, size);
	else
		put_nest(&request, type, NLA_F_NESTED);
	put_attr(&request, type, size);
	result(ask(command, &request) == err, command, "doubled", type, err);

	fill(&request, command, i);
	if (size)
		request_put(&request, type | NLA_F_NESTED, bytes, size);
	else
		put_nest(&request, type, 0);
	err = ask(command, &request);
	result(is_refusal(err), command, "nested or not, wrongly", type, err);
}

/* A nest that is longer than what is around it, that is cut, that has what settings have not. */
static void test_nests(const struct command *command, int i)
{
	struct nlattr wrong[][4] = {
		{ { 64, FAULTLINE_WATCH_A_CAPTURE } },
		{ { 3, FAULTLINE_WATCH_A_CAPTURE } },
		{ { 0, 0 } },
		{ { 8, FAULTLINE_WATCH_A_MAX + 1 } },
		{ { 8, FAULTLINE_WATCH_A_UNSPEC } },
		{ { 8, FAULTLINE_WATCH_A_CAPTURE | NLA_F_NESTED } },
		{ { 12, FAULTLINE_WATCH_A_CAPTURE } },
		{ { 16, FAULTLINE_WATCH_A_CAPTURE | NLA_F_NESTED }, { 12, 1 | NLA_F_NESTED }, { 8, 1 } },
		/* Twice, the first time with the value 0x10008, which no switch has. */
		{ { 8, FAULTLINE_WATCH_A_CAPTURE }, { 8, 1 }, { 8, FAULTLINE_WATCH_A_CAPTURE }, { 0, 0 } },
	};
	struct request request;
	int err;

	for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
		fill(&request, command, i);
		request_put(&request, command->attrs[i].type | NLA_F_NESTED, wrong[n], sizeof(wrong[n]));
		err = ask(command, &request);
		result(is_refusal(err), command, "wrong nest", n, err);
	}
}

static bool has_attr(const struct command *command, uint16_t type)
{
	for (int i = 0; i < ATTRS_MAX; i++)
		if (command->attrs[i].type == type)
			return true;
	return false;
}

static void test_foreign_attributes(const struct command *command)
{
	struct request request;
	int err;

	for (int type = 0; type <= FAULTLINE_A_MAX + 3; type++) {
		if (type && has_attr(command, type))
			continue;
		fill(&request, command, -1);
		put_attr(&request, type, 4);
		err = ask(command, &request);
		result(is_refusal(err), command, "with attribute of others", type, err);
	}
}

static void test_frame(const struct command *command)
{
	struct genlmsghdr *genl;
	struct nlattr *attr;
	struct request request;
	int err;

	for (int more = 1; more < 4; more++) {
		fill(&request, command, -1);
		memset(request.bytes + request.len, 0xee, more);
		request.len += more;
		err = ask(command, &request);
		result(is_refusal(err), command, "garbage behind it", more, err);
	}
	fill(&request, command, -1);
	attr = (void *)(request.bytes + request.len);
	*attr = (struct nlattr) { 200, FAULTLINE_A_PID };
	request.len += sizeof(*attr);
	err = ask(command, &request);
	result(is_refusal(err), command, "attribute longer than the message", 200, err);

	fill(&request, command, -1);
	genl = (void *)(request.bytes + NLMSG_HDRLEN);
	genl->reserved = 1;
	err = ask(command, &request);
	result(is_refusal(err), command, "reserved field", 1, err);

	fill(&request, command, -1);
	request.len = NLMSG_HDRLEN + 2;
	err = ask(command, &request);
	result(is_refusal(err), command, "without a header", 2, err);

	fill(&request, command, -1);
	err = client_send(&client, &request, !command->dump);
	result(err == -EOPNOTSUPP, command, command->dump ? "not as a dump" : "as a dump", 0, err);
}

static bool is_there(const struct command *command)
{
	struct request request;

	fill(&request, command, -1);
	return ask(command, &request) != -EOPNOTSUPP;
}

static void test_command(const struct command *command)
{
	if (!is_there(command)) {
		tests++;
		ksft_test_result_skip("%s: the module has no such command\n", command->name);
		return;
	}
	for (int i = 0; i < ATTRS_MAX && command->attrs[i].type; i++) {
		test_attribute(command, i);
		if (!command->attrs[i].size)
			test_nests(command, i);
	}
	test_foreign_attributes(command);
	test_frame(command);
}

static void test_unknown_commands(void)
{
	static const uint8_t unknown[] = { 0, FAULTLINE_CMD_EVENT, FAULTLINE_CMD_MAX + 1, 127, 255 };

	for (size_t i = 0; i < sizeof(unknown); i++) {
		for (int dump = 0; dump < 2; dump++) {
			const struct command none = { "none", unknown[i], dump };
			struct request request;
			int err;

			request_init(&request, none.cmd);
			err = client_send(&client, &request, dump);
			result(err == -EOPNOTSUPP, &none, "unknown command", none.cmd, err);
		}
	}
}

/* ---- who may not ---- */

static int become_nobody(void)
{
	return setresuid(65534, 65534, 65534);
}

static int enter_user_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int enter_network_namespace(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

/* Return: 0 when all is refused as it must be; in the child alone. */
static int try_all(int must)
{
	struct client other;
	struct request request;
	int err = client_open(&other);

	if (err)
		return err == must ? 0 : 1;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!is_there(&commands[i]))
			continue;
		fill(&request, &commands[i], -1);
		if (client_send(&other, &request, commands[i].dump) != must)
			return 2 + i;
	}
	return client_join(&other) == must ? 0 : 99;
}

static void test_rights(const char *who, int (*become)(void), int must)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(become() ? 100 : try_all(must));
	waitpid(pid, &status, 0);
	tests++;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 100)
		ksft_test_result_skip("%s: cannot become that here\n", who);
	else
		ksft_test_result(!status, "%s is refused everything\n", who);
}

/* Not all of it: what the module costs goes on. */
static bool is_unchanged(const struct stats *before, const struct stats *after)
{
	static const int same[] = {
		FAULTLINE_STATS_A_EMITTED, FAULTLINE_STATS_A_DELIVERED, FAULTLINE_STATS_A_PENDING,
		FAULTLINE_STATS_A_SEQ, FAULTLINE_STATS_A_ACKED, FAULTLINE_STATS_A_WATCHES,
		FAULTLINE_STATS_A_PROCESSES,
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (before->value[same[i]] != after->value[same[i]])
			return false;
	return true;
}

static void test_afterwards(const struct stats *before)
{
	struct stats after;
	uint32_t watch;
	pid_t pid = fork();
	bool works;

	if (!pid)
		for (;;)
			pause();
	works = !client_stats(&client, &after) && stats_balance(&after) &&
		is_unchanged(before, &after) &&
		!client_watch(&client, pid, 5, &watch) && !client_unwatch(&client, watch);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	tests++;
	ksft_test_result(works, "nothing has changed, and the module works\n");
}

int main(void)
{
	struct stats before;

	ksft_print_header();
	if ((!module_loaded() && module_load("")) || client_open(&client) || client_stats(&client, &before))
		ksft_exit_fail_msg("the module cannot be used\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		test_command(&commands[i]);
	test_unknown_commands();
	test_rights("nobody", become_nobody, -EPERM);
	test_rights("the root of a user namespace", enter_user_namespace, -EPERM);
	test_rights("the root of a network namespace", enter_network_namespace, -ENOENT);
	test_afterwards(&before);
	/* The plan may come last. */
	ksft_set_plan(tests);
	ksft_finished();
}
