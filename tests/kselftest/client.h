/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client of the module for the tests: generic netlink by hand, so that
 * requests can also be wrong, and the loading and unloading of the module.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/faultline.h>

#define CLIENT_EVENTS_MAX 65536

/**
 * struct event - one record as it came
 * @record: its fixed part
 * @capture: with FAULTLINE_F_CAPTURE, with its mappings; owned by the client
 * @blocks: with FAULTLINE_F_BLOCKS; likewise
 * @blocks_len: bytes of them
 */
struct event {
	struct faultline_record record;
	struct faultline_capture *capture;
	struct faultline_block *blocks;
	size_t blocks_len;
};

/* The first block of this type, or NULL. */
const void *event_block(const struct event *event, enum faultline_block_type type);

/**
 * struct client - a socket to the family
 * @last_error: text of the kernel's last refusal
 * @events: what came from the group or a dump, oldest first
 * @interrupted: the last dump was not consistent (NLM_F_DUMP_INTR)
 * @overrun: the socket lost notifications (ENOBUFS)
 */
struct client {
	int fd;
	uint16_t family;
	uint32_t group;
	uint32_t seq;
	char last_error[128];
	bool interrupted;
	bool overrun;
	struct event *events;
	size_t count;
};

/**
 * struct stats - the answer to STATS_GET
 * @value: by enum faultline_stats_attr; all ones where there was none
 * @records: by enum faultline_record_type and kind
 * @costs: in their order
 */
struct stats {
	uint64_t value[FAULTLINE_STATS_A_MAX + 1];
	uint64_t records[FAULTLINE_RECORD_RANGE + 1][65];
	struct {
		char place[32];
		uint64_t calls, ns, worst_ns;
	} costs[16];
	size_t cost_count;
};

/* Of a place's cost, how often it was measured. */
uint64_t stats_calls(const struct stats *stats, const char *place);

/* A request under construction. */
struct request {
	unsigned char bytes[4096];
	size_t len;
};

/* All return 0 or a negative errno, the kernel's where it refused. */
int client_open(struct client *client);
void client_close(struct client *client);
int client_join(struct client *client);

void request_init(struct request *request, uint8_t cmd);
void request_put(struct request *request, uint16_t type, const void *data, size_t len);
void request_put_u32(struct request *request, uint16_t type, uint32_t value);
void request_put_u64(struct request *request, uint16_t type, uint64_t value);
/* What is put between them is in a nest. */
size_t request_nest(struct request *request, uint16_t type);
void request_nest_end(struct request *request, size_t nest);
int client_send(struct client *client, struct request *request, bool dump);

/* The two halves of client_send(), for what happens between them. */
int client_send_only(struct client *client, struct request *request, bool dump);
int client_finish(struct client *client);

/* Settings of a watch, by enum faultline_watch_attr; those in @given are meant. */
struct settings {
	uint32_t given;
	uint64_t value[FAULTLINE_WATCH_A_PAD];
};

void settings_give(struct settings *settings, enum faultline_watch_attr attr, uint64_t value);
void request_put_settings(struct request *request, const struct settings *settings);

/* @id: set to the watch; NULL where it is of no interest. */
int client_watch(struct client *client, pid_t pid, uint64_t cookie, uint32_t *id);
int client_watch_with(struct client *client, pid_t pid, uint64_t cookie,
		      const struct settings *settings, uint32_t *id);
int client_change(struct client *client, uint32_t id, const struct settings *settings);
/* Of one setting. */
int client_set(struct client *client, uint32_t id, enum faultline_watch_attr attr,
	       uint64_t value);
int client_heartbeat(struct client *client, uint32_t id);
int client_release(struct client *client, uint32_t id);
int client_unwatch(struct client *client, uint32_t id);
int client_ack(struct client *client, uint64_t seq);
int client_stats(struct client *client, struct stats *stats);

struct watch_info {
	uint32_t id;
	uint64_t cookie;
	pid_t pid;
	uint32_t processes;
	struct settings settings;
};

/* Return: how many there are. */
int client_watches(struct client *client, struct watch_info *watches, size_t max);

/* All kept records after @since, appended to @events. */
int client_dump(struct client *client, uint64_t since);

/* Take in what the group sends, until an event fits or @ms are over (-ETIME). */
int client_wait(struct client *client, int ms,
		bool (*fits)(const struct event *event, uint64_t with), uint64_t with);
int client_wait_last(struct client *client, uint64_t cookie);
void client_forget(struct client *client);

/* emitted = delivered + pending + lost */
bool stats_balance(const struct stats *stats);

int module_load(const char *parameters);
int module_unload(void);
bool module_loaded(void);

#endif /* CLIENT_H */
