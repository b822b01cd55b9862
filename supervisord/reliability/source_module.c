// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel module as a source, over its generic netlink family. Three ways:
 * the multicast group brings records as they come; commands go over a socket of
 * their own, so that waiting for an answer never reads an event away; and what
 * the group did not bring - records older than us, or more than the socket
 * holds - is dumped over a third one that lives as long as the dump. A record
 * is handed on once, in the order of the numbers, whichever way it came.
 */
#include "supervisord/reliability/source.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/reliability/module_statistics.h"
#include "supervisord/reliability/probes_beside.h"

/* Bytes that wait in the kernel while we are busy; taken only as they come. */
#define EVENTS_BUFFER (8 << 20)
/* A record that a later module makes longer must still fit. */
#define RECORD_MAX 32768
#define ANSWER_TIMEOUT_S 5
/* Messages read before other events of the loop get their turn. */
#define MESSAGES_A_TURN 64
/* A dump that records were acknowledged under is begun again, so often. */
#define DUMP_TRIES 4

DEFINE_CLEANUP(struct nl_msg *, nlmsg_free)
DEFINE_CLEANUP(struct nl_sock *, nl_socket_free)
DEFINE_CLEANUP(struct nl_cb *, nl_cb_put)

#define __cleanup_msg __cleanup(nlmsg_freep)
#define __cleanup_sock __cleanup(nl_socket_freep)
#define __cleanup_cb __cleanup(nl_cb_putp)

struct source {
	struct ev_loop *loop;
	ev_io readable;
	source_record_fn fn;
	void *user;
	struct nl_sock *events;
	struct nl_sock *commands;
	struct probes_beside *beside;
	int family;
	uint64_t seq;		/* newest record handed on */
	bool dumping;
	bool behind;		/* the group brought less than there is */
	bool malformed;		/* said once */
	/* A record of a message, where it is aligned as the check wants it. */
	_Alignas(8) uint8_t record[RECORD_MAX];
};

/** struct answer - what came back on a command; @statistics: where they go, NULL where nobody asked */
struct answer {
	const struct source *source;
	int code;		/* negative errno of the kernel */
	bool done;
	char text[128];		/* why, in the kernel's words */
	uint32_t watch;
	struct source_statistics *statistics;
};

/* libnl's error as an errno; it has no way back of its own. */
static int errno_of(int nl)
{
	switch (nl < 0 ? -nl : nl) {
	case NLE_SUCCESS:
		return 0;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_DUMP_INTR:
		return -EINTR;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

static bool from_kernel(struct nl_msg *msg)
{
	return nlmsg_get_src(msg)->nl_pid == 0;
}

/* ---- records ---- */

static void record_malformed(struct source *source, int size)
{
	if (source->malformed)
		return;
	source->malformed = true;
	log_warning("faultline.ko: a record of %d bytes is malformed and was dropped: do module and daemon belong together?",
		    size);
}

static void record_arrived(struct source *source, const struct nlattr *attr)
{
	const struct faultline_capture *capture;
	const struct faultline_record *record;
	int size = nla_len(attr);

	if (size < 0 || (size_t)size > sizeof(source->record)) {
		record_malformed(source, size);
		return;
	}
	memcpy(source->record, nla_data(attr), size);
	record = source_record_check(source->record, size, &capture);
	if (!record) {
		record_malformed(source, size);
		return;
	}
	if (record->seq <= source->seq)
		return;
	/* Only a dump knows that what is missing is not there any more. */
	if (record->seq != source->seq + 1 && !source->dumping)
		source->behind = true;
	if (source->behind && !source->dumping)
		return;
	source->seq = record->seq;
	source->fn(source->user, record, capture);
	if (record->flags & FAULTLINE_F_LAST)
		probes_beside_gone(source->beside, record->watch);
}

static int event_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct source *source = arg;
	struct genlmsghdr *genl;
	struct nlattr *attr;
	int rest;

	if (!from_kernel(msg) || header->nlmsg_type != source->family ||
	    !genlmsg_valid_hdr(header, 0))
		return NL_SKIP;
	genl = genlmsg_hdr(header);
	if (genl->cmd != FAULTLINE_CMD_EVENT && genl->cmd != FAULTLINE_CMD_EVENT_GET)
		return NL_SKIP;
	nla_for_each_attr(attr, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rest)
		if (nla_type(attr) == FAULTLINE_A_RECORD)
			record_arrived(source, attr);
	return NL_OK;
}

/* ---- sockets ---- */

static struct nl_sock *socket_new(void)
{
	struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	struct nl_sock *sock __cleanup_sock = nl_socket_alloc();
	int on = 1;

	if (!sock || genl_connect(sock))
		return NULL;
	setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	/* The kernel's words on an error, without our request behind them. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return steal_pointer(&sock);
}

/* Copies the text that the kernel put behind an error, if it fits the message. */
static void extack_text(const struct nlmsgerr *error, char *text, size_t size)
{
	const struct nlmsghdr *header = (const void *)((const char *)error - NLMSG_HDRLEN);
	struct nlattr *attr = (struct nlattr *)(error + 1);
	int rest;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || !(header->nlmsg_flags & NLM_F_CAPPED))
		return;
	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*error)))
		return;
	rest = header->nlmsg_len - NLMSG_LENGTH(sizeof(*error));
	attr = nla_find(attr, rest, NLMSGERR_ATTR_MSG);
	if (attr)
		nla_strlcpy(text, attr, size);
}

static int answer_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct answer *answer = arg;

	answer->code = error->error < 0 ? error->error : -EIO;
	answer->done = true;
	extack_text(error, answer->text, sizeof(answer->text));
	return NL_STOP;
}

static int answer_ack(struct nl_msg *msg, void *arg)
{
	((struct answer *)arg)->done = true;
	return NL_STOP;
}

/* A dump may fail half way; then its end says so. */
static int answer_finish(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	struct answer *answer = arg;
	int code;

	if (nlmsg_datalen(header) >= (int)sizeof(code)) {
		memcpy(&code, nlmsg_data(header), sizeof(code));
		if (code < 0)
			answer->code = code;
	}
	answer->done = true;
	return NL_STOP;
}

static int answer_message(struct nl_msg *msg, void *arg)
{
	static struct nla_policy policy[FAULTLINE_A_MAX + 1] = {
		[FAULTLINE_A_WATCH] = { .type = NLA_U32 },
	};
	struct nlattr *attrs[FAULTLINE_A_MAX + 1];
	struct answer *answer = arg;

	if (!from_kernel(msg) || nlmsg_hdr(msg)->nlmsg_type != answer->source->family ||
	    genlmsg_parse(nlmsg_hdr(msg), 0, attrs, FAULTLINE_A_MAX, policy))
		return NL_SKIP;
	if (attrs[FAULTLINE_A_WATCH])
		answer->watch = nla_get_u32(attrs[FAULTLINE_A_WATCH]);
	if (answer->statistics)
		module_statistics_read(answer->statistics, genlmsg_hdr(nlmsg_hdr(msg)));
	return NL_OK;
}

static struct nl_msg *request_new(const struct source *source, int cmd, int flags)
{
	struct nl_msg *msg __cleanup_msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, source->family, 0, flags, cmd,
				 FAULTLINE_GENL_VERSION))
		return NULL;
	return steal_pointer(&msg);
}

/*
 * Sends @msg and reads until the kernel has answered all. Messages go to
 * @message with @arg; @answer has the rest.
 */
static int request_send(struct nl_sock *sock, struct nl_msg *msg, struct answer *answer,
			nl_recvmsg_msg_cb_t message, void *arg)
{
	struct nl_cb *cb __cleanup_cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (!cb)
		return -ENOMEM;
	nl_cb_err(cb, NL_CB_CUSTOM, answer_error, answer);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, answer_ack, answer);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, answer_finish, answer);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, message, arg);
	ret = nl_send_auto(sock, msg);
	while (ret >= 0 && !answer->done)
		ret = nl_recvmsgs(sock, cb);
	if (answer->code)
		return answer->code;
	return ret < 0 ? errno_of(ret) : 0;
}

static int command_send(struct source *source, struct nl_msg *msg, struct answer *answer)
{
	answer->source = source;
	return request_send(source->commands, msg, answer, answer_message, answer);
}

/* ---- what the group did not bring ---- */

static int dump_once(struct source *source)
{
	struct answer answer = { .source = source };
	struct nl_sock *sock __cleanup_sock = socket_new();
	struct nl_msg *msg __cleanup_msg = NULL;

	if (!sock)
		return -ENOMEM;
	msg = request_new(source, FAULTLINE_CMD_EVENT_GET, NLM_F_DUMP);
	if (!msg || nla_put_u64(msg, FAULTLINE_A_SINCE, source->seq))
		return -ENOMEM;
	return request_send(sock, msg, &answer, event_message, source);
}

static int records_dump(struct source *source)
{
	int ret = -EINTR;

	source->dumping = true;
	for (int i = 0; i < DUMP_TRIES && ret == -EINTR; i++)
		ret = dump_once(source);
	source->dumping = false;
	/* Interrupted by acknowledgements each time: what was there has come all the same. */
	if (ret == -EINTR)
		ret = 0;
	/* On failure the next event makes us look again. */
	source->behind = ret;
	return ret;
}

static void events_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct source *source = io->data;
	int ret = 0;

	for (int i = 0; i < MESSAGES_A_TURN && !ret; i++)
		ret = nl_recvmsgs_default(source->events);
	/* ENOBUFS: the socket was full. Anything but "no more" is looked into as well. */
	if (ret < 0 && ret != -NLE_AGAIN)
		source->behind = true;
	if (!source->behind)
		return;
	ret = records_dump(source);
	if (ret)
		log_warning("faultline.ko: cannot read the records that are kept: %s", strerror(-ret));
}

/* ---- the source ---- */

static int events_join(struct source *source, struct error *err)
{
	int size = EVENTS_BUFFER, on = 1, group, fd, ret;

	source->events = socket_new();
	if (!source->events)
		return error_set(err, -ENOMEM, "faultline.ko: no netlink socket");
	fd = nl_socket_get_fd(source->events);
	group = genl_ctrl_resolve_grp(source->events, FAULTLINE_GENL_NAME,
				      FAULTLINE_GENL_MCGRP_EVENTS);
	if (group < 0)
		return error_set(err, errno_of(group),
				 "faultline.ko: the module has no group \"%s\": it does not belong to this daemon",
				 FAULTLINE_GENL_MCGRP_EVENTS);
	/* A record that does not fit must be known as missed: this tells the sender and us. */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_BROADCAST_ERROR, &on, sizeof(on)))
		return error_set(err, -errno, "faultline.ko: NETLINK_BROADCAST_ERROR: %s",
				 strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	nl_socket_disable_seq_check(source->events);
	nl_socket_modify_cb(source->events, NL_CB_VALID, NL_CB_CUSTOM, event_message, source);
	ret = nl_socket_add_membership(source->events, group);
	if (ret == -NLE_PERM || ret == -NLE_NOACCESS)
		return error_set(err, -EPERM,
				 "faultline.ko: no rights to its events: run as root, or with CAP_NET_ADMIN");
	if (ret < 0)
		return error_set(err, errno_of(ret), "faultline.ko: cannot join its events: %s",
				 nl_geterror(ret));
	nl_socket_set_nonblocking(source->events);
	return 0;
}

static void module_close(struct source *source)
{
	if (source->events)
		ev_io_stop(source->loop, &source->readable);
	nl_socket_free(source->events);
	nl_socket_free(source->commands);
	probes_beside_close(source->beside);
	free(source);
}

DEFINE_CLEANUP(struct source *, module_close)

static int module_open(struct source **result, struct ev_loop *loop,
		       source_record_fn fn, void *user, const char *owner,
		       struct error *err)
{
	struct source *source __cleanup(module_closep) = calloc(1, sizeof(*source));
	int ret;

	if (!source)
		return error_set(err, -ENOMEM, "faultline.ko: no memory");
	source->loop = loop;
	source->fn = fn;
	source->user = user;
	ev_init(&source->readable, events_readable);
	source->readable.data = source;
	source->commands = socket_new();
	if (!source->commands)
		return error_set(err, -ENOMEM, "faultline.ko: no netlink socket");
	source->family = genl_ctrl_resolve(source->commands, FAULTLINE_GENL_NAME);
	if (source->family < 0) {
		ret = errno_of(source->family);
		if (ret == -ENOENT)
			return error_set(err, ret,
					 "the kernel module is not loaded: run `insmod faultline.ko`, or `modprobe faultline` where it is installed");
		return error_set(err, ret, "faultline.ko: cannot ask for its netlink family: %s",
				 nl_geterror(source->family));
	}
	/*
	 * First the group, then what was before: between them nothing falls through.
	 * The loop dumps it: what comes of a record needs a source that is open.
	 */
	ret = events_join(source, err);
	if (ret)
		return ret;
	source->beside = probes_beside_open(owner);
	ev_io_set(&source->readable, nl_socket_get_fd(source->events), EV_READ);
	ev_io_start(loop, &source->readable);
	source->behind = true;
	ev_feed_event(loop, &source->readable, EV_READ);
	*result = steal_pointer(&source);
	return 0;
}

static bool setting_is_u64(enum faultline_watch_attr attr)
{
	switch (attr) {
	case FAULTLINE_WATCH_A_SOFT_MEMORY:
	case FAULTLINE_WATCH_A_SOFT_PROCESSES:
	case FAULTLINE_WATCH_A_SOFT_FILES:
	case FAULTLINE_WATCH_A_SOFT_CPU:
		return true;
	default:
		return false;
	}
}

static int settings_put(struct nl_msg *msg, const struct source_settings *settings)
{
	struct nlattr *nest = nla_nest_start(msg, FAULTLINE_A_SETTINGS);
	int ret = nest ? 0 : -NLE_NOMEM;

	for (int i = 1; i < FAULTLINE_WATCH_A_PAD && !ret; i++) {
		uint64_t value = settings->value[i];

		if (!(settings->given & 1U << i))
			continue;
		if (!setting_is_u64(i) && value > UINT32_MAX)
			return -ERANGE;
		ret = setting_is_u64(i) ? nla_put_u64(msg, i, value) : nla_put_u32(msg, i, value);
	}
	if (ret)
		return -ENOMEM;
	nla_nest_end(msg, nest);
	return 0;
}

static int module_watch(struct source *source, pid_t pid, uint64_t cookie,
			const struct source_settings *settings, uint32_t *id, struct error *err)
{
	struct nl_msg *msg __cleanup_msg = request_new(source, FAULTLINE_CMD_WATCH_SET, 0);
	struct answer answer = {};
	int ret;

	if (pid <= 0)
		return error_set(err, -ESRCH, "faultline.ko: there is no process %d", pid);
	if (!msg || nla_put_u32(msg, FAULTLINE_A_PID, pid) ||
	    nla_put_u64(msg, FAULTLINE_A_COOKIE, cookie))
		return error_set(err, -ENOMEM, "faultline.ko: no memory");
	ret = settings && settings->given ? settings_put(msg, settings) : 0;
	if (!ret)
		ret = command_send(source, msg, &answer);
	if (!ret && !answer.watch)
		ret = -EPROTO;
	*id = answer.watch;
	if (!ret)
		return 0;
	return error_set(err, ret, "faultline.ko: cannot watch process %d: %s", pid,
			 answer.text[0] ? answer.text : strerror(-ret));
}

static int watch_send(struct source *source, int cmd, uint32_t watch,
		      const struct source_settings *settings)
{
	struct nl_msg *msg __cleanup_msg = request_new(source, cmd, 0);
	struct answer answer = {};
	int ret;

	if (!msg || nla_put_u32(msg, FAULTLINE_A_WATCH, watch))
		return -ENOMEM;
	ret = settings ? settings_put(msg, settings) : 0;
	return ret ? ret : command_send(source, msg, &answer);
}

static int module_change(struct source *source, uint32_t watch,
			 const struct source_settings *settings)
{
	return watch_send(source, FAULTLINE_CMD_WATCH_CHANGE, watch, settings);
}

static int module_heartbeat(struct source *source, uint32_t watch)
{
	return watch_send(source, FAULTLINE_CMD_HEARTBEAT, watch, NULL);
}

static int module_release(struct source *source, uint32_t watch)
{
	return watch_send(source, FAULTLINE_CMD_RELEASE, watch, NULL);
}

static int module_ack(struct source *source, uint64_t seq)
{
	struct nl_msg *msg __cleanup_msg = request_new(source, FAULTLINE_CMD_EVENT_ACK, 0);
	struct answer answer = {};

	if (!msg || nla_put_u64(msg, FAULTLINE_A_SEQ, seq))
		return -ENOMEM;
	return command_send(source, msg, &answer);
}

static int statistics_get(struct source *source, struct source_statistics *statistics)
{
	struct nl_msg *msg __cleanup_msg = request_new(source, FAULTLINE_CMD_STATS_GET, 0);
	struct answer answer = { .statistics = statistics };

	memset(statistics, 0, sizeof(*statistics));
	return msg ? command_send(source, msg, &answer) : -ENOMEM;
}

static int module_statistics(struct source *source, struct source_statistics *statistics)
{
	int ret = statistics_get(source, statistics);

	if (!ret)
		probes_beside_statistics(source->beside, statistics);
	return ret;
}

static int module_ledger(struct source *source, struct source_ledger *ledger)
{
	struct source_statistics statistics;
	int ret = statistics_get(source, &statistics);

	if (ret)
		return ret;
	ledger->emitted = statistics.value[FAULTLINE_STATS_A_EMITTED];
	ledger->delivered = statistics.value[FAULTLINE_STATS_A_DELIVERED];
	ledger->pending = statistics.value[FAULTLINE_STATS_A_PENDING];
	ledger->lost = statistics.value[FAULTLINE_STATS_A_LOST_NO_SLOT];
	return 0;
}

/* ---- what the module does not see itself ---- */

static const char *module_blind(const struct source *source)
{
	return probes_beside_blind(source->beside);
}

static int module_parts(const struct source *source, struct source_part *parts, int room)
{
	return probes_beside_parts(source->beside, parts, room);
}

static int module_range_possible(const struct source *source, struct error *err)
{
	return probes_beside_range_possible(source->beside, err);
}

static int module_range(struct source *source, uint32_t watch, const struct source_range *range,
			struct error *err)
{
	return probes_beside_range(source->beside, watch, range, err);
}

static void module_learnt(struct source *source, uint32_t set, bool forget, struct range *to)
{
	probes_beside_learnt(source->beside, set, forget, to);
}

const struct source_ops source_module = {
	.name = "module",
	.blind = module_blind,
	.open = module_open,
	.watch = module_watch,
	.change = module_change,
	.heartbeat = module_heartbeat,
	.release = module_release,
	.range_possible = module_range_possible,
	.range = module_range,
	.learnt = module_learnt,
	.ack = module_ack,
	.ledger = module_ledger,
	.statistics = module_statistics,
	.parts = module_parts,
	.close = module_close,
};
