// SPDX-License-Identifier: GPL-2.0-only
/*
 * The family: watches as they are set, listed and taken back, who may do what,
 * and what requests that are wrong get.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/sched.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

FIXTURE(watch) {
	struct client client;
	struct victim victim;
};

FIXTURE_SETUP(watch)
{
	if (!module_loaded())
		ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(&self->client), 0);
}

FIXTURE_TEARDOWN(watch)
{
	struct stats stats;

	ASSERT_EQ(client_stats(&self->client, &stats), 0);
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_WATCHES], 0);
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_PROCESSES], 0);
	EXPECT_EQ(client_ack(&self->client, stats.value[FAULTLINE_STATS_A_SEQ]), 0);
	client_close(&self->client);
}

static void wait_for_end(void *with)
{
	for (;;)
		pause();
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait_for_end(NULL);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- watches ---- */

TEST_F(watch, set_get_delete)
{
	struct client *client = &self->client;
	pid_t pid = sleeper();
	struct watch_info info;
	uint32_t id, second;

	ASSERT_EQ(client_watch(client, pid, 0xc00c1e, &id), 0);
	EXPECT_GT(id, 0);
	ASSERT_EQ(client_watches(client, &info, 1), 1);
	EXPECT_EQ(info.id, id);
	EXPECT_EQ(info.cookie, 0xc00c1e);
	EXPECT_EQ(info.pid, pid);
	EXPECT_EQ(info.processes, 1);
	EXPECT_EQ(client_watch(client, pid, 2, &second), -EEXIST);
	EXPECT_STREQ(client->last_error, "this process is watched already");
	ASSERT_EQ(client_unwatch(client, id), 0);
	EXPECT_EQ(client_watches(client, &info, 1), 0);
	EXPECT_EQ(client_unwatch(client, id), -ENOENT);
	EXPECT_STREQ(client->last_error, "no watch has this id; its processes may have ended");
	/* Ids are not used again. */
	ASSERT_EQ(client_watch(client, pid, 3, &second), 0);
	EXPECT_GT(second, id);
	ASSERT_EQ(client_unwatch(client, second), 0);
	end(pid);
}

TEST_F(watch, processes_that_cannot_be_watched)
{
	struct client *client = &self->client;
	pid_t pid = sleeper();
	uint32_t id;

	end(pid);
	EXPECT_EQ(client_watch(client, pid, 1, &id), -ESRCH);
	EXPECT_STREQ(client->last_error, "no process has this id");
	EXPECT_EQ(client_watch(client, 0x7fffffff, 1, &id), -ESRCH);
	EXPECT_EQ(client_watch(client, -1, 1, &id), -ESRCH);
	EXPECT_EQ(client_watch(client, 0, 1, &id), -ERANGE);
	/* kthreadd */
	EXPECT_EQ(client_watch(client, 2, 1, &id), -EINVAL);
	EXPECT_STREQ(client->last_error, "a kernel thread cannot be watched");
	/* A zombie has nothing more to tell. */
	pid = fork();
	if (!pid)
		_exit(0);
	usleep(50000);
	EXPECT_EQ(client_watch(client, pid, 1, &id), -ESRCH);
	EXPECT_STREQ(client->last_error, "this process has ended");
	waitpid(pid, NULL, 0);
}

static void *ask_to_watch_this_thread(void *with)
{
	struct client *client = with;

	return (void *)(long)client_watch(client, thread_id(), 1, NULL);
}

TEST_F(watch, thread_is_no_process)
{
	pthread_t thread;
	void *err;

	pthread_create(&thread, NULL, ask_to_watch_this_thread, &self->client);
	pthread_join(thread, &err);
	EXPECT_EQ((long)err, -ESRCH);
}

static void family(void *with)
{
	for (int i = 0; i < 3 && fork(); i++)
		;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	wait_for_end(NULL);
}

TEST_F(watch, inheritance)
{
	struct watch_info info = {};
	pid_t stranger;
	struct stats stats;

	ASSERT_EQ(victim_start(&self->client, &self->victim, family, NULL), 0);
	stranger = sleeper();
	for (int i = 0; i < 100 && info.processes < 4; i++) {
		usleep(5000);
		ASSERT_EQ(client_watches(&self->client, &info, 1), 1);
	}
	EXPECT_EQ(info.processes, 4);
	ASSERT_EQ(client_stats(&self->client, &stats), 0);
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_PROCESSES], 4);
	ASSERT_EQ(client_unwatch(&self->client, self->victim.watch), 0);
	ASSERT_EQ(client_stats(&self->client, &stats), 0);
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_PROCESSES], 0);
	end(stranger);
	end(self->victim.pid);
}

/* The watches of a supervisor that goes away stay for the next. */
TEST_F(watch, outlives_the_socket)
{
	struct watch_info info;
	pid_t pid = sleeper();

	ASSERT_EQ(client_watch(&self->client, pid, 9, NULL), 0);
	client_close(&self->client);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_watches(&self->client, &info, 1), 1);
	EXPECT_EQ(info.pid, pid);
	EXPECT_EQ(client_unwatch(&self->client, info.id), 0);
	end(pid);
}

/* A process with this very id. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

static pid_t sleeper_as(pid_t pid)
{
	pid = fork_as(pid);
	if (!pid)
		wait_for_end(NULL);
	return pid;
}

/* The next process of the same id is another one, whose end is its own. */
TEST_F(watch, id_is_used_again)
{
	struct client *client = &self->client;
	struct stats before, stats;
	pid_t pid = sleeper();
	uint32_t first, second;

	ASSERT_EQ(client_join(client), 0);
	ASSERT_EQ(client_watch(client, pid, 0xf1257, &first), 0);
	end(pid);
	ASSERT_EQ(client_wait_last(client, 0xf1257), 0);
	client_forget(client);
	ASSERT_EQ(client_stats(client, &before), 0);

	ASSERT_EQ(sleeper_as(pid), pid);
	end(pid);
	ASSERT_EQ(client_stats(client, &stats), 0);
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_WATCHES], 0);
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_EMITTED], before.value[FAULTLINE_STATS_A_EMITTED]);
	EXPECT_EQ(client_unwatch(client, first), -ENOENT);

	ASSERT_EQ(sleeper_as(pid), pid);
	ASSERT_EQ(client_watch(client, pid, 0x5ec07d, &second), 0);
	EXPECT_GT(second, first);
	EXPECT_EQ(client_heartbeat(client, first), -ENOENT);
	end(pid);
	ASSERT_EQ(client_wait_last(client, 0x5ec07d), 0);
	ASSERT_EQ(client->count, 2);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(client->events[i].record.watch, second);
		EXPECT_EQ(client->events[i].record.cookie, 0x5ec07d);
		EXPECT_EQ(client->events[i].record.tgid, pid);
	}
}

#define MANY 200

TEST_F(watch, many)
{
	struct watch_info info[MANY];
	struct request request;
	pid_t pids[MANY];
	int small = 1;

	for (int i = 0; i < MANY; i++) {
		pids[i] = sleeper();
		ASSERT_EQ(client_watch(&self->client, pids[i], i, NULL), 0);
	}
	/* More than one datagram, by rising id. */
	ASSERT_EQ(client_watches(&self->client, info, MANY), MANY);
	EXPECT_FALSE(self->client.interrupted);
	for (int i = 0; i < MANY; i++) {
		EXPECT_EQ(info[i].cookie, i);
		EXPECT_EQ(info[i].pid, pids[i]);
		if (i)
			EXPECT_GT(info[i].id, info[i - 1].id);
	}
	/* One goes while they are listed: that is told. */
	setsockopt(self->client.fd, SOL_SOCKET, SO_RCVBUFFORCE, &small, sizeof(small));
	request_init(&request, FAULTLINE_CMD_WATCH_GET);
	ASSERT_EQ(client_send_only(&self->client, &request, true), 0);
	end(pids[MANY - 1]);
	ASSERT_EQ(client_finish(&self->client), 0);
	EXPECT_TRUE(self->client.interrupted);
	for (int i = 0; i < MANY - 1; i++)
		end(pids[i]);
}

static const struct settings all_settings = {
	.given = (1U << FAULTLINE_WATCH_A_PAD) - 2,
	.value = {
		[FAULTLINE_WATCH_A_HOLD_MS] = 10000,
		[FAULTLINE_WATCH_A_HEARTBEAT_MS] = 86400000,
		[FAULTLINE_WATCH_A_DSTATE_MS] = 86400000,
		[FAULTLINE_WATCH_A_STARVED_MS] = 86399999,
		[FAULTLINE_WATCH_A_SPIN_MS] = 86399998,
		[FAULTLINE_WATCH_A_DEADLOCK_MS] = 86399997,
		[FAULTLINE_WATCH_A_WORK] = 1,
		[FAULTLINE_WATCH_A_SOFT_MEMORY] = UINT64_MAX - 1,
		[FAULTLINE_WATCH_A_SOFT_PROCESSES] = 1ULL << 33,
		[FAULTLINE_WATCH_A_SOFT_FILES] = 1ULL << 34,
		[FAULTLINE_WATCH_A_SOFT_CPU] = 1ULL << 63,
	},
};

TEST_F(watch, settings)
{
	const struct settings defaults = { .value[FAULTLINE_WATCH_A_CAPTURE] = 1 };
	struct client *client = &self->client;
	pid_t pids[] = { sleeper(), sleeper() };
	struct settings expected = all_settings;
	struct watch_info info[2];
	uint32_t id;

	ASSERT_EQ(client_watch(client, pids[0], 1, NULL), 0);
	ASSERT_EQ(client_watch_with(client, pids[1], 2, &all_settings, &id), 0);
	ASSERT_EQ(client_watches(client, info, 2), 2);
	for (int i = 1; i < FAULTLINE_WATCH_A_PAD; i++) {
		EXPECT_EQ(info[0].settings.value[i], defaults.value[i]);
		EXPECT_EQ(info[1].settings.value[i], all_settings.value[i]);
	}
	EXPECT_EQ(info[0].settings.given, all_settings.given);
	/* One of them changes, and nothing else. */
	expected.value[FAULTLINE_WATCH_A_WORK] = 0;
	ASSERT_EQ(client_set(client, id, FAULTLINE_WATCH_A_WORK, 0), 0);
	ASSERT_EQ(client_watches(client, info, 2), 2);
	for (int i = 1; i < FAULTLINE_WATCH_A_PAD; i++) {
		EXPECT_EQ(info[0].settings.value[i], defaults.value[i]);
		EXPECT_EQ(info[1].settings.value[i], expected.value[i]);
	}
	end(pids[0]);
	end(pids[1]);
	EXPECT_EQ(client_set(client, id, FAULTLINE_WATCH_A_WORK, 1), -ENOENT);
	EXPECT_STREQ(client->last_error, "no watch has this id; its processes may have ended");
}

/* Nothing of a request that is refused takes effect. */
TEST_F(watch, settings_refused)
{
	static const struct {
		uint16_t attr;
		uint64_t value;
		int size;
		int err;
	} wrong[] = {
		{ FAULTLINE_WATCH_A_CAPTURE, 2, 4, -ERANGE },
		{ FAULTLINE_WATCH_A_WORK, 2, 4, -ERANGE },
		{ FAULTLINE_WATCH_A_SPIN_MS, 86400001, 4, -ERANGE },
		{ FAULTLINE_WATCH_A_SPIN_MS, 1, 8, -EINVAL },
		{ FAULTLINE_WATCH_A_SPIN_MS, 1, 2, -EINVAL },
		{ FAULTLINE_WATCH_A_SOFT_CPU, 1, 4, -EINVAL },
		{ FAULTLINE_WATCH_A_PAD, 0, 0, -EINVAL },
		{ FAULTLINE_WATCH_A_MAX + 1, 1, 4, -EINVAL },
		{ FAULTLINE_WATCH_A_UNSPEC, 1, 4, -EINVAL },
	};
	struct client *client = &self->client;
	pid_t pid = sleeper();
	struct watch_info info;
	struct request request;
	uint32_t id;
	size_t nest;

	ASSERT_EQ(client_watch(client, pid, 1, &id), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		request_init(&request, FAULTLINE_CMD_WATCH_CHANGE);
		request_put_u32(&request, FAULTLINE_A_WATCH, id);
		nest = request_nest(&request, FAULTLINE_A_SETTINGS);
		request_put_u32(&request, FAULTLINE_WATCH_A_HOLD_MS, 5);
		request_put(&request, wrong[i].attr, &wrong[i].value, wrong[i].size);
		request_nest_end(&request, nest);
		EXPECT_EQ(client_send(client, &request, false), wrong[i].err) {
			TH_LOG("wrong setting %zu", i);
		}
	}
	ASSERT_EQ(client_watches(client, &info, 1), 1);
	EXPECT_EQ(info.settings.value[FAULTLINE_WATCH_A_HOLD_MS], 0);
	/* Neither settings nor a watch, and a nest that is not marked as one. */
	request_init(&request, FAULTLINE_CMD_WATCH_CHANGE);
	request_put_u32(&request, FAULTLINE_A_WATCH, id);
	EXPECT_EQ(client_send(client, &request, false), -EINVAL);
	EXPECT_STREQ(client->last_error, "which settings?");
	request_init(&request, FAULTLINE_CMD_WATCH_CHANGE);
	request_put_settings(&request, &all_settings);
	EXPECT_EQ(client_send(client, &request, false), -EINVAL);
	EXPECT_STREQ(client->last_error, "which watch?");
	request_init(&request, FAULTLINE_CMD_WATCH_CHANGE);
	request_put_u32(&request, FAULTLINE_A_WATCH, id);
	request_put(&request, FAULTLINE_A_SETTINGS, "", 0);
	EXPECT_EQ(client_send(client, &request, false), -EINVAL);
	ASSERT_EQ(client_unwatch(client, id), 0);
	end(pid);
}

TEST(limits)
{
	pid_t first = sleeper(), second = sleeper();
	struct client client;

	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
	ASSERT_EQ(module_load("max_watches=1 max_processes=2"), 0);
	ASSERT_EQ(client_open(&client), 0);
	ASSERT_EQ(client_watch(&client, first, 1, NULL), 0);
	EXPECT_EQ(client_watch(&client, second, 2, NULL), -ENOSPC);
	EXPECT_STREQ(client.last_error, "no more watches: module parameter max_watches");
	client_close(&client);
	end(first);
	end(second);
	ASSERT_EQ(module_unload(), 0);
}

/* ---- rights ---- */

static const uint8_t commands[] = {
	FAULTLINE_CMD_WATCH_SET, FAULTLINE_CMD_WATCH_GET, FAULTLINE_CMD_WATCH_DEL,
	FAULTLINE_CMD_EVENT_GET, FAULTLINE_CMD_EVENT_ACK, FAULTLINE_CMD_STATS_GET,
	FAULTLINE_CMD_WATCH_CHANGE, FAULTLINE_CMD_HEARTBEAT,
};

static bool command_dumps(uint8_t cmd)
{
	return cmd == FAULTLINE_CMD_WATCH_GET || cmd == FAULTLINE_CMD_EVENT_GET;
}

/* Complete, so that only rights can be in the way. */
static void request_full(struct request *request, uint8_t cmd)
{
	request_init(request, cmd);
	if (cmd == FAULTLINE_CMD_WATCH_SET) {
		request_put_u32(request, FAULTLINE_A_PID, getpid());
		request_put_u64(request, FAULTLINE_A_COOKIE, 1);
	} else if (cmd == FAULTLINE_CMD_WATCH_DEL || cmd == FAULTLINE_CMD_HEARTBEAT) {
		request_put_u32(request, FAULTLINE_A_WATCH, 1);
	} else if (cmd == FAULTLINE_CMD_WATCH_CHANGE) {
		request_put_u32(request, FAULTLINE_A_WATCH, 1);
		request_put_settings(request, &all_settings);
	} else if (cmd == FAULTLINE_CMD_EVENT_ACK) {
		request_put_u64(request, FAULTLINE_A_SEQ, 0);
	}
}

static int without_rights(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	struct request request;
	struct client client;

	if (syscall(SYS_capget, &header, data))
		return 1;
	data[0].effective &= ~(1U << CAP_NET_ADMIN);
	data[0].permitted &= ~(1U << CAP_NET_ADMIN);
	if (syscall(SYS_capset, &header, data))
		return 2;
	/* That it is there is no secret. */
	if (client_open(&client))
		return 3;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		request_full(&request, commands[i]);
		if (client_send(&client, &request, command_dumps(commands[i])) != -EPERM)
			return 10 + i;
	}
	if (client_join(&client) != -EPERM)
		return 4;
	client_close(&client);
	return 0;
}

static int in_a_child(int (*function)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(function());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(watch, needs_net_admin)
{
	EXPECT_EQ(in_a_child(without_rights), 0);
}

static int in_a_user_namespace(void)
{
	struct client client;
	struct request request;

	/* Root there, with all rights over that namespace and its network. */
	if (unshare(CLONE_NEWUSER))
		return 1;
	if (client_open(&client))
		return 2;
	request_full(&request, FAULTLINE_CMD_STATS_GET);
	if (client_send(&client, &request, false) != -EPERM)
		return 3;
	if (client_join(&client) != -EPERM)
		return 4;
	client_close(&client);
	if (unshare(CLONE_NEWNET))
		return 5;
	return client_open(&client) == -ENOENT ? 0 : 6;
}

TEST_F(watch, is_not_for_containers)
{
	EXPECT_EQ(in_a_child(in_a_user_namespace), 0);
}

/* ---- requests that are wrong ---- */

#define REFUSED(is, dump) do {							\
	EXPECT_EQ(client_send(&self->client, &request, dump), is);		\
	EXPECT_STRNE(self->client.last_error, "");				\
} while (0)

TEST_F(watch, missing_attributes)
{
	struct request request;

	request_init(&request, FAULTLINE_CMD_WATCH_SET);
	REFUSED(-EINVAL, false);
	request_put_u32(&request, FAULTLINE_A_PID, getpid());
	REFUSED(-EINVAL, false);
	request_init(&request, FAULTLINE_CMD_WATCH_SET);
	request_put_u64(&request, FAULTLINE_A_COOKIE, 1);
	REFUSED(-EINVAL, false);
	request_init(&request, FAULTLINE_CMD_WATCH_DEL);
	REFUSED(-EINVAL, false);
	request_init(&request, FAULTLINE_CMD_EVENT_ACK);
	REFUSED(-EINVAL, false);
}

/* Every attribute in every command, in every wrong length. */
TEST_F(watch, lengths)
{
	static const unsigned char bytes[64];
	struct request request;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		for (int type = 0; type <= FAULTLINE_A_MAX + 2; type++) {
			for (size_t len = 0; len <= 12; len++) {
				if (len == 4 || len == 8)
					continue;
				request_full(&request, commands[i]);
				request_put(&request, type, bytes, len);
				EXPECT_NE(client_send(&self->client, &request,
						      command_dumps(commands[i])), 0) {
					TH_LOG("command %d attribute %d length %zu",
					       commands[i], type, len);
				}
				EXPECT_STRNE(self->client.last_error, "");
			}
		}
	}
}

/* Attributes that the command does not have, well formed. */
TEST_F(watch, attributes_of_others)
{
	struct request request;

	request_init(&request, FAULTLINE_CMD_STATS_GET);
	request_put_u32(&request, FAULTLINE_A_PID, 1);
	REFUSED(-EINVAL, false);
	request_init(&request, FAULTLINE_CMD_WATCH_GET);
	request_put_u64(&request, FAULTLINE_A_SINCE, 1);
	REFUSED(-EINVAL, true);
	request_init(&request, FAULTLINE_CMD_EVENT_GET);
	request_put_u64(&request, FAULTLINE_A_SEQ, 1);
	REFUSED(-EINVAL, true);
	request_full(&request, FAULTLINE_CMD_EVENT_ACK);
	request_put_u32(&request, FAULTLINE_A_MAX + 1, 1);
	REFUSED(-EINVAL, false);
	request_full(&request, FAULTLINE_CMD_EVENT_ACK);
	request_put_u32(&request, FAULTLINE_A_STATS | NLA_F_NESTED, 1);
	REFUSED(-EINVAL, false);
	/* A number marked as a nest. */
	request_init(&request, FAULTLINE_CMD_WATCH_DEL);
	request_put_u32(&request, FAULTLINE_A_WATCH | NLA_F_NESTED, 1);
	REFUSED(-EINVAL, false);
}

TEST_F(watch, headers)
{
	struct request request;
	struct genlmsghdr *genl = (void *)(request.bytes + NLMSG_HDRLEN);

	request_init(&request, 0);
	EXPECT_EQ(client_send(&self->client, &request, false), -EOPNOTSUPP);
	request_init(&request, FAULTLINE_CMD_EVENT);
	EXPECT_EQ(client_send(&self->client, &request, false), -EOPNOTSUPP);
	request_init(&request, 255);
	EXPECT_EQ(client_send(&self->client, &request, false), -EOPNOTSUPP);
	/* A dump where there is none, and the other way round. */
	request_init(&request, FAULTLINE_CMD_STATS_GET);
	EXPECT_EQ(client_send(&self->client, &request, true), -EOPNOTSUPP);
	request_init(&request, FAULTLINE_CMD_WATCH_GET);
	EXPECT_EQ(client_send(&self->client, &request, false), -EOPNOTSUPP);
	request_init(&request, FAULTLINE_CMD_STATS_GET);
	genl->reserved = 1;
	EXPECT_EQ(client_send(&self->client, &request, false), -EINVAL);
	/* Something behind the attributes. */
	request_full(&request, FAULTLINE_CMD_EVENT_ACK);
	request.len += 3;
	EXPECT_EQ(client_send(&self->client, &request, false), -EINVAL);
	/* An attribute that is longer than the message. */
	request_full(&request, FAULTLINE_CMD_EVENT_ACK);
	((struct nlattr *)(request.bytes + NLMSG_HDRLEN + GENL_HDRLEN))->nla_len = 4000;
	EXPECT_EQ(client_send(&self->client, &request, false), -EINVAL);
}

/* A moment of noise. Whatever it hits, the module must answer afterwards. */
TEST_F(watch, noise)
{
	time_t until = time(NULL) + 2;
	struct request request;
	struct watch_info info[16];
	unsigned int seed = 1;
	uint32_t tries = 0;
	int found;

	while (time(NULL) < until) {
		uint8_t cmd = rand_r(&seed) % (FAULTLINE_CMD_MAX + 2);

		request_init(&request, cmd);
		for (int i = rand_r(&seed) % 4; i > 0; i--) {
			unsigned char bytes[256];
			size_t len = rand_r(&seed) % 3 ? (rand_r(&seed) % 2 ? 4 : 8) :
				     rand_r(&seed) % sizeof(bytes);

			for (size_t k = 0; k < len; k++)
				bytes[k] = rand_r(&seed) % 4 ? 0 : rand_r(&seed);
			request_put(&request, rand_r(&seed) % (FAULTLINE_A_MAX + 2) |
				    (rand_r(&seed) % 16 ? 0 : NLA_F_NESTED), bytes, len);
		}
		client_send(&self->client, &request, command_dumps(cmd));
		tries++;
	}
	found = client_watches(&self->client, info, ARRAY_SIZE(info));
	ASSERT_GE(found, 0);
	for (int i = 0; i < found && i < (int)ARRAY_SIZE(info); i++)
		client_unwatch(&self->client, info[i].id);
	EXPECT_GT(tries, 100);
	TH_LOG("%u requests", tries);
}

TEST_HARNESS_MAIN
