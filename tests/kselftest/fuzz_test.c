// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests at random, sound ones that were spoilt and noise, while processes
 * fault. FUZZ_SECONDS: for how long (10). FUZZ_SEED: the sequence of requests;
 * it is printed, and the same one comes again from the same seed. The random
 * values name processes by their place among the program's own, so that a
 * sequence does not hang on their ids.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "kselftest.h"
#include "client.h"
#include "victims.h"

#define POOL 8

static struct client client;
static pid_t pool[POOL];
static uint64_t state;

static uint64_t random_bits(void)
{
	/* splitmix64 */
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint32_t below(uint32_t end)
{
	return random_bits() % end;
}

static bool chance(uint32_t one_in)
{
	return !below(one_in);
}

/* ---- processes that come and go ---- */

static void act(int way)
{
	switch (way) {
	case 0:
		signal_self(SIGSEGV);
		break;
	case 1:
		kill(getpid(), SIGTERM);
		break;
	case 2:
		_exit(3);
		break;
	case 3:
		if (!fork())
			signal_self(SIGABRT);
		wait(NULL);
		break;
	}
	for (;;)
		pause();
}

static void renew(int at)
{
	int way = below(6);

	if (pool[at] > 0) {
		kill(pool[at], SIGKILL);
		waitpid(pool[at], NULL, 0);
	}
	pool[at] = fork();
	if (!pool[at]) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		usleep(1000);
		act(way);
	}
}

/* ---- requests ---- */

static uint64_t value(uint16_t type)
{
	static const uint64_t edges[] = { 0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, ~0ULL, 1ULL << 63 };

	if (chance(4))
		return edges[below(sizeof(edges) / sizeof(edges[0]))];
	if (type == FAULTLINE_A_PID)
		return pool[below(POOL)];
	return chance(8) ? random_bits() : below(64);
}

static uint16_t attr_len(uint16_t type)
{
	if (chance(12))
		return below(40);
	return type == FAULTLINE_A_PID || type == FAULTLINE_A_WATCH || type == FAULTLINE_A_PROCESSES ? 4 : 8;
}

static void put_settings(struct request *request)
{
	unsigned char nest[256];
	size_t len = 0;

	for (int i = below(4); i >= 0; i--) {
		uint16_t type = below(FAULTLINE_WATCH_A_MAX + 2), size = chance(10) ? below(20) :
				type >= FAULTLINE_WATCH_A_SOFT_MEMORY ? 8 : 4;
		struct nlattr head = { sizeof(head) + size, type };
		uint64_t number = value(0);

		if (chance(20))
			head.nla_len = below(300);
		memcpy(nest + len, &head, sizeof(head));
		memset(nest + len + sizeof(head), 0, 24);
		memcpy(nest + len + sizeof(head), &number, sizeof(number));
		len += sizeof(head) + (size + 3) / 4 * 4;
	}
	request_put(request, FAULTLINE_A_SETTINGS | (chance(10) ? 0 : NLA_F_NESTED), nest, len);
}

static void put_any(struct request *request)
{
	uint16_t type = below(FAULTLINE_A_MAX + 2);
	unsigned char bytes[64];
	uint64_t number = value(type);

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = random_bits();
	memcpy(bytes, &number, sizeof(number));
	request_put(request, type | (chance(20) ? NLA_F_NESTED : 0), bytes, attr_len(type));
}

static void put_sound(struct request *request, uint8_t cmd)
{
	switch (cmd) {
	case FAULTLINE_CMD_WATCH_SET:
		request_put_u32(request, FAULTLINE_A_PID, value(FAULTLINE_A_PID));
		request_put_u64(request, FAULTLINE_A_COOKIE, below(16));
		if (chance(2))
			put_settings(request);
		break;
	case FAULTLINE_CMD_WATCH_CHANGE:
		request_put_u32(request, FAULTLINE_A_WATCH, value(0));
		put_settings(request);
		break;
	case FAULTLINE_CMD_WATCH_DEL:
	case FAULTLINE_CMD_HEARTBEAT:
	case FAULTLINE_CMD_RELEASE:
		request_put_u32(request, FAULTLINE_A_WATCH, value(0));
		break;
	case FAULTLINE_CMD_EVENT_ACK:
		request_put_u64(request, FAULTLINE_A_SEQ, value(0));
		break;
	case FAULTLINE_CMD_EVENT_GET:
		request_put_u64(request, FAULTLINE_A_SINCE, value(0));
		break;
	}
}

static void spoil(struct request *request)
{
	for (int i = below(4); i >= 0; i--)
		request->bytes[below(request->len)] = random_bits();
	/* To whom it goes stays: other families are not what is tested. */
	((struct nlmsghdr *)request->bytes)->nlmsg_type = client.family;
}

static void make_request(struct request *request)
{
	static const uint16_t flags[] = { NLM_F_REQUEST | NLM_F_ACK, NLM_F_REQUEST | NLM_F_DUMP, NLM_F_REQUEST };
	uint8_t cmd = chance(20) ? random_bits() : below(FAULTLINE_CMD_MAX + 1);
	struct nlmsghdr *msg = (void *)request->bytes;

	request_init(request, cmd);
	if (!chance(4))
		put_sound(request, cmd);
	for (int i = chance(3) ? below(4) : 0; i > 0; i--)
		put_any(request);
	msg->nlmsg_type = client.family;
	msg->nlmsg_flags = chance(10) ? random_bits() : flags[below(3)];
	msg->nlmsg_len = request->len;
	if (chance(4))
		spoil(request);
	if (chance(10))
		msg->nlmsg_len = below(request->len + 16);
	if (chance(10))
		request->len = 1 + below(request->len);
}

static void drain(void)
{
	static char buffer[1 << 17];

	while (recv(client.fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
}

static int reopen(void)
{
	int err;

	client_close(&client);
	err = client_open(&client);
	return err || chance(2) ? err : client_join(&client);
}

static uint64_t fuzz(int seconds)
{
	time_t end = time(NULL) + seconds;
	uint64_t round;

	for (round = 0; round % 64 || time(NULL) < end; round++) {
		struct request request;

		if (chance(64))
			renew(below(POOL));
		if (chance(200) && reopen())
			ksft_exit_fail_msg("round %llu: the socket cannot be opened again\n", (unsigned long long)round);
		make_request(&request);
		(void)!send(client.fd, request.bytes, request.len, MSG_DONTWAIT);
		/* Sometimes it lets answers pile up, and dumps stand half read. */
		if (!chance(8))
			drain();
	}
	return round;
}

/* ---- afterwards ---- */

static bool settle(void)
{
	struct watch_info *infos = calloc(512, sizeof(*infos));
	struct stats stats;
	int count;

	for (int i = 0; i < POOL; i++) {
		kill(pool[i], SIGKILL);
		waitpid(pool[i], NULL, 0);
	}
	client_close(&client);
	if (!infos || client_open(&client))
		return false;
	count = client_watches(&client, infos, 512);
	for (int i = 0; i < count; i++)
		client_unwatch(&client, infos[i].id);
	free(infos);
	for (int tries = 0; tries < 600; tries++) {
		if (client_stats(&client, &stats) || !stats_balance(&stats))
			return false;
		client_ack(&client, stats.value[FAULTLINE_STATS_A_SEQ]);
		if (!stats.value[FAULTLINE_STATS_A_WATCHES] && !stats.value[FAULTLINE_STATS_A_PROCESSES] &&
		    !stats.value[FAULTLINE_STATS_A_PENDING])
			return true;
		usleep(50000);
	}
	return false;
}

static void fault(void *with)
{
	signal_self(SIGSEGV);
}

static bool still_works(void)
{
	struct victim victim;
	bool works;

	if (client_join(&client) || victim_start(&client, &victim, fault, NULL))
		return false;
	works = !client_wait_last(&client, victim.cookie) && client.count >= 2 &&
		client.events[client.count - 2].record.type == FAULTLINE_RECORD_FATAL &&
		client.events[client.count - 2].record.signo == SIGSEGV;
	waitpid(victim.pid, NULL, 0);
	return works;
}

int main(void)
{
	const char *seconds = getenv("FUZZ_SECONDS"), *seed = getenv("FUZZ_SEED");
	uint64_t rounds;

	ksft_print_header();
	ksft_set_plan(2);
	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) << 16 ^ getpid();
	ksft_print_msg("FUZZ_SEED=%llu\n", (unsigned long long)state);
	if ((!module_loaded() && module_load("")) || client_open(&client))
		ksft_exit_fail_msg("the module cannot be used\n");
	for (int i = 0; i < POOL; i++)
		renew(i);
	rounds = fuzz(seconds ? atoi(seconds) : 10);
	ksft_print_msg("%llu requests\n", (unsigned long long)rounds);
	ksft_test_result(settle(), "the ledger balances, and nothing is left\n");
	ksft_test_result(still_works(), "a fault is told as before\n");
	ksft_finished();
}
