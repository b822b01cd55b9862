// SPDX-License-Identifier: GPL-2.0-only
/*
 * The range of operation: what files, programs, addresses and capabilities a
 * watched process uses. Programs of the "bpf" security module note it while the
 * application is being verified, and tell of what is beyond later, or refuse it.
 * They are asked last of all, so that what files' modes or Landlock refuse never
 * comes here. A process that is not watched costs one load at each.
 *
 * A file is known by the path under which it is opened, after links are
 * followed, in the words of the process's root folder. docs/probes.md says what
 * that does and does not withstand.
 */
#include <linux/bpf.h>

#include "kernel.h"
#include "probes.h"
#include "range.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.bpf.h"

/* include/linux/fs.h */
#define FMODE_WRITE	0x2
#define FMODE_NOACCOUNT	0x20000000
#define OPENED_TO_EXECUTE 0x20	/* __FMODE_EXEC, in f_flags */
#define AF_UNSPEC	0
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define PROC_SELF	"/proc/self"
#define PID_DIGITS	7	/* of PID_MAX_LIMIT */
#define EPERM		1
#define EACCES		13

char LICENSE[] SEC("license") = "GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sockaddr {
	unsigned short sa_family;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
};

#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROBES_WATCHES_MAX);
	__type(key, u32);
	__type(value, struct range_setting);
} ranges SEC(".maps");

/* What may be done with the files below a path; the longest one counts. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RANGE_RULES_MAX);
	__type(key, struct range_key);
	__type(value, u32);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RANGE_ADDRESSES_MAX);
	__type(key, struct range_address_key);
	__type(value, u32);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RANGE_LEARNT_MAX);
	__type(key, struct range_key);
	__type(value, struct range_learnt);
} learnt SEC(".maps");

/* What was told of already. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RANGE_TOLD_MAX);
	__type(key, struct range_key);
	__type(value, u32);
} told SEC(".maps");

/* With a value, as what has none shares its map with the table of watched processes. */
struct range_shared range = { .one = 1 };

/* The range of the current process, and its watch; NULL where it has none. */
static __always_inline struct range_setting *setting_find(u32 *watch)
{
	struct range_setting *setting;

	*watch = emit_watch();
	if (!*watch)
		return NULL;
	setting = bpf_map_lookup_elem(&ranges, watch);
	return setting && setting->mode ? setting : NULL;
}

/* ---- what is done about it ---- */

static __always_inline void learn(struct range_key *key, int kind, u32 set, u32 access)
{
	struct range_learnt begin = { .access = access }, *found;

	key->lead = kind;
	key->set = set;
	found = bpf_map_lookup_elem(&learnt, key);
	if (found) {
		if ((found->access & access) != access)
			__sync_fetch_and_or(&found->access, access);
		return;
	}
	begin.pid = bpf_get_current_pid_tgid() >> 32;
	if (bpf_map_update_elem(&learnt, key, &begin, BPF_ANY))
		__sync_fetch_and_add(&range.unlearnt, 1);
}

#define OUTSIDE_SIZE	(sizeof(struct faultline_record) + sizeof(struct faultline_path) + \
			 RANGE_NAME_SIZE)

/*
 * Where records are made, as they are too large for the stack. A program may be
 * interrupted by another one for a while, so that a place for each CPU would not do.
 */
struct desk {
	u32 taken;
	u32 reserved;
	union {
		struct faultline_record record;
		u8 bytes[OUTSIDE_SIZE];
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RANGE_DESKS);
	__type(key, u32);
	__type(value, struct desk);
} desks SEC(".maps");

/* NULL where those that were looked at are taken. */
static __always_inline struct desk *desk_take(void)
{
	u32 first = bpf_get_smp_processor_id();

#pragma unroll
	for (u32 i = 0; i < RANGE_DESK_TRIES; i++) {
		u32 at = (first + i) % RANGE_DESKS;
		struct desk *desk = bpf_map_lookup_elem(&desks, &at);

		if (desk && !__sync_val_compare_and_swap(&desk->taken, 0, 1))
			return desk;
	}
	return NULL;
}

static __always_inline void desk_give(struct desk *desk)
{
	__sync_lock_test_and_set(&desk->taken, 0);
}

static __always_inline void outside_head(struct faultline_record *record, int what, int kind,
					 const struct range_key *key, int error)
{
	record->len = sizeof(*record);
	record->type = FAULTLINE_RECORD_RANGE;
	record->code = what;
	record->errno_ = error;
	if (kind == RANGE_KIND_CAPABILITY)
		record->error_code = key->number;
}

static __always_inline void outside_block(struct faultline_record *record, int kind,
					  const struct range_key *key, u32 access)
{
	struct faultline_path *block = (void *)(record + 1);
	struct faultline_network *network = (void *)block;

	switch (kind) {
	case RANGE_KIND_FILE:
	case RANGE_KIND_UNIX:
		block->block.len = sizeof(*block) + RANGE_NAME_SIZE;
		block->block.type = FAULTLINE_BLOCK_PATH;
		block->block.flags = access;
		bpf_probe_read_kernel_str(block->path, RANGE_NAME_SIZE, key->name);
		break;
	case RANGE_KIND_ADDRESS:
		network->block.len = sizeof(*network);
		network->block.type = FAULTLINE_BLOCK_NETWORK;
		network->family = key->address.family;
		network->port = key->address.port;
		network->operation = key->address.operation;
		__builtin_memcpy(network->address, key->address.address, sizeof(network->address));
		break;
	case RANGE_KIND_FAMILY:
		network->block.len = sizeof(*network);
		network->block.type = FAULTLINE_BLOCK_NETWORK;
		network->family = key->number;
		network->operation = FAULTLINE_NETWORK_SOCKET;
		break;
	default:
		return;
	}
	record->flags = FAULTLINE_F_BLOCKS;
	record->len += block->block.len;
}

static __always_inline void outside_tell(int what, int kind, const struct range_key *key,
					 u32 access, int error)
{
	struct faultline_record bare = {};
	struct desk *desk = desk_take();

	/* What happened is more than with what. */
	if (!desk) {
		outside_head(&bare, what, kind, key, error);
		emit_current(&bare, sizeof(bare));
		return;
	}
	__builtin_memset(desk->bytes, 0, sizeof(desk->bytes));
	outside_head(&desk->record, what, kind, key, error);
	outside_block(&desk->record, kind, key, access);
	emit_current(&desk->record, OUTSIDE_SIZE);
	desk_give(desk);
}

/* One record for each thing and watch; returns what the process gets. */
static __always_inline int outside(const struct range_setting *setting, u32 watch, int what,
				   struct range_key *key, int kind, u32 access, int error)
{
	bool refuse = setting->mode == RANGE_REFUSE;
	u32 one = 1;

	__sync_fetch_and_add(&range.outside, 1);
	if (refuse)
		__sync_fetch_and_add(&range.refused, 1);
	key->lead = kind | access << 8;
	key->set = watch;
	if (!bpf_map_update_elem(&told, key, &one, BPF_NOEXIST))
		outside_tell(what, kind, key, access, refuse ? error : 0);
	return refuse ? -error : 0;
}

/* ---- files and programs ---- */

static __always_inline u32 file_access(const struct file *file)
{
	if (file->f_flags & OPENED_TO_EXECUTE)
		return RANGE_EXECUTE;
	/* Opened for neither (3 of open(2)) is for ioctl() alone, as good as reading. */
	return file->f_mode & FMODE_WRITE ? RANGE_READ | RANGE_WRITE : RANGE_READ;
}

/* "/proc/123/maps": whose is it? */
static __always_inline bool proc_own(const char *name)
{
	u32 pid = 0;

	if (name[0] != '/' || name[1] != 'p' || name[2] != 'r' || name[3] != 'o' || name[4] != 'c' ||
	    name[5] != '/')
		return false;
	for (int i = 6; i < 6 + PID_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			break;
		pid = pid * 10 + name[i] - '0';
	}
	return pid && pid == bpf_get_current_pid_tgid() >> 32;
}

SEC("lsm/file_open")
int BPF_PROG(range_file_open, struct file *file, int ret)
{
	struct range_setting *setting;
	struct range_key key = {};
	u32 watch, access, *may;
	long length;

	/* Below an overlay the kernel opens the file once more, by a path of nobody's. */
	if (ret || file->f_mode & FMODE_NOACCOUNT)
		return ret;
	setting = setting_find(&watch);
	if (!setting)
		return 0;
	access = file_access(file);
	length = bpf_d_path(&file->f_path, key.name, sizeof(key.name));
	if (length < 1 || length > RANGE_NAME_SIZE) {
		/* Too long to be known. */
		__builtin_memset(key.name, 0, sizeof(key.name));
		length = 1;
	} else if (key.name[0] != '/') {
		/* A pipe or the like, opened once more through /proc/self/fd. */
		return 0;
	} else if (proc_own(key.name)) {
		/* Its id is another one each time; what it sees there is its own. */
		__builtin_memset(key.name, 0, sizeof(key.name));
		__builtin_memcpy(key.name, PROC_SELF, sizeof(PROC_SELF));
		length = sizeof(PROC_SELF);
	}
	if (setting->mode == RANGE_LEARN) {
		learn(&key, RANGE_KIND_FILE, setting->set, access);
		return 0;
	}
	key.lead = RANGE_BITS(length);
	key.set = setting->set;
	may = bpf_map_lookup_elem(&rules, &key);
	if (may && (*may & access) == access)
		return 0;
	return outside(setting, watch,
		       access & RANGE_EXECUTE ? FAULTLINE_RANGE_EXEC : FAULTLINE_RANGE_FILE, &key,
		       RANGE_KIND_FILE, access, EACCES);
}

/* ---- the network ---- */

SEC("lsm/socket_create")
int BPF_PROG(range_socket_create, int family, int type, int protocol, int kernel, int ret)
{
	struct range_setting *setting;
	struct range_key key = {};
	u32 watch;

	if (ret)
		return ret;
	setting = setting_find(&watch);
	if (!setting || kernel)
		return 0;
	key.number = family;
	if (setting->mode == RANGE_LEARN) {
		learn(&key, RANGE_KIND_FAMILY, setting->set, 0);
		return 0;
	}
	if (family >= 0 && family < 64 && setting->families >> family & 1)
		return 0;
	return outside(setting, watch, FAULTLINE_RANGE_NET, &key, RANGE_KIND_FAMILY, 0, EACCES);
}

static __always_inline bool address_known(const struct range_setting *setting,
					  const struct range_address *address)
{
	struct range_address_key key = { .set = setting->set, .address = *address };

	if (bpf_map_lookup_elem(&addresses, &key))
		return true;
	key.address.port = 0;
	if (bpf_map_lookup_elem(&addresses, &key))
		return true;
	key.address.port = address->port;
	__builtin_memset(key.address.address, 0, sizeof(key.address.address));
	if (bpf_map_lookup_elem(&addresses, &key))
		return true;
	key.address.port = 0;
	return bpf_map_lookup_elem(&addresses, &key);
}

static __always_inline int unix_check(const struct range_setting *setting,
				      u32 watch, struct range_key *key, const char *name,
				      int length)
{
	u32 *may;
	long n;

	/* An address without a file begins with a zero byte; all the rest counts. */
	bpf_probe_read_kernel(key->name, 1, name);
	if (!key->name[0]) {
		key->name[0] = '@';
		n = bpf_probe_read_kernel_str(key->name + 1, 107, name + 1);
		n = n > 0 ? n + 1 : 2;
	} else {
		n = bpf_probe_read_kernel_str(key->name, 108, name);
	}
	if (n < 1 || n > 109)
		n = 1;
	if (setting->mode == RANGE_LEARN) {
		learn(key, RANGE_KIND_UNIX, setting->set, 0);
		return 0;
	}
	key->lead = RANGE_BITS(n);
	key->set = setting->set | RANGE_SET_UNIX;
	may = bpf_map_lookup_elem(&rules, key);
	if (may)
		return 0;
	return outside(setting, watch, FAULTLINE_RANGE_NET, key, RANGE_KIND_UNIX, 0, EACCES);
}

static __always_inline int address_check(const void *address, int length, int operation)
{
	u32 watch;
	struct range_setting *setting = setting_find(&watch);
	struct range_key key = {};
	u16 family = 0;

	if (!setting || !address || length < (int)sizeof(family))
		return 0;
	bpf_probe_read_kernel(&family, sizeof(family), address);
	if (family == AF_UNIX)
		/* Only a name that another one answers at; one's own is no matter. */
		return operation == RANGE_CONNECT && length > (int)sizeof(family) ?
			       unix_check(setting, watch, &key, address + sizeof(family), length) :
			       0;
	if (family == AF_INET) {
		bpf_probe_read_kernel(key.address.address, 4, address + 4);
	} else if (family == AF_INET6) {
		bpf_probe_read_kernel(key.address.address, 16, address + 8);
	} else {
		/* Of other families it is known whether sockets of them are made at all. */
		return 0;
	}
	bpf_probe_read_kernel(&key.address.port, 2, address + 2);
	key.address.family = family;
	key.address.operation = operation;
	if (setting->mode == RANGE_LEARN) {
		learn(&key, RANGE_KIND_ADDRESS, setting->set, 0);
		return 0;
	}
	if (address_known(setting, &key.address))
		return 0;
	return outside(setting, watch, FAULTLINE_RANGE_NET, &key, RANGE_KIND_ADDRESS, 0, EACCES);
}

SEC("lsm/socket_connect")
int BPF_PROG(range_socket_connect, void *sock, struct sockaddr *address, int length, int ret)
{
	return ret ? ret : address_check(address, length, RANGE_CONNECT);
}

SEC("lsm/socket_bind")
int BPF_PROG(range_socket_bind, void *sock, struct sockaddr *address, int length, int ret)
{
	return ret ? ret : address_check(address, length, RANGE_BIND);
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(range_socket_sendmsg, void *sock, struct msghdr *message, int size, int ret)
{
	if (ret || !message->msg_name)
		return ret;
	return address_check(message->msg_name, message->msg_namelen, RANGE_CONNECT);
}

/* ---- capabilities ---- */

/* It has it: the kernel's own answer came before. What the kernel does for it by other rights is not its own. */
SEC("lsm/capable")
int BPF_PROG(range_capable, const struct cred *cred, void *namespace, int capability, unsigned int options, int ret)
{
	struct range_setting *setting;
	struct range_key key = {};
	u32 watch;

	if (ret)
		return ret;
	setting = setting_find(&watch);
	if (!setting || cred != bpf_get_current_task_btf()->real_cred)
		return 0;
	key.number = capability;
	if (setting->mode == RANGE_LEARN) {
		learn(&key, RANGE_KIND_CAPABILITY, setting->set, 0);
		return 0;
	}
	if (capability >= 0 && capability < 64 && setting->capabilities >> capability & 1)
		return 0;
	return outside(setting, watch, FAULTLINE_RANGE_CAPABILITY, &key, RANGE_KIND_CAPABILITY,
		       0, EPERM);
}
