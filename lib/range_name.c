// SPDX-License-Identifier: GPL-2.0-only
/* Words for what a range consists of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/range.h"

/* By their numbers in linux/capability.h. */
static const char *const capabilities[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
	"setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
	"ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
	"sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
	"lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
	"wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
};

#define CAPABILITIES ((int)(sizeof(capabilities) / sizeof(*capabilities)))
#define NUMBER_MAX 63

static const struct {
	const char *name;
	int number;
} families[] = {
	{ "unix", AF_UNIX },   { "inet", AF_INET },	{ "inet6", AF_INET6 },
	{ "netlink", AF_NETLINK }, { "packet", AF_PACKET }, { "can", AF_CAN },
};

#define FAMILIES (sizeof(families) / sizeof(*families))

const char *range_capability_name(int capability, char *buffer)
{
	if (capability >= 0 && capability < CAPABILITIES)
		return capabilities[capability];
	snprintf(buffer, 12, "%d", capability);
	return buffer;
}

const char *range_family_name(int family, char *buffer)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].number == family)
			return families[i].name;
	snprintf(buffer, 12, "%d", family);
	return buffer;
}

const char *range_access_name(unsigned int access, char *buffer)
{
	snprintf(buffer, 20, "%s%s%s%s%s", access & RANGE_ACCESS_READ ? "read" : "",
		 access & RANGE_ACCESS_READ && access & ~RANGE_ACCESS_READ ? " " : "",
		 access & RANGE_ACCESS_WRITE ? "write" : "",
		 access & RANGE_ACCESS_WRITE && access & RANGE_ACCESS_EXECUTE ? " " : "",
		 access & RANGE_ACCESS_EXECUTE ? "execute" : "");
	return buffer;
}

static int number_of(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return *text && !*end && number >= 0 && number <= NUMBER_MAX ? (int)number : -1;
}

int range_capability_number(const char *name)
{
	for (int i = 0; i < CAPABILITIES; i++)
		if (!strcmp(capabilities[i], name))
			return i;
	return number_of(name);
}

int range_family_number(const char *name)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (!strcmp(families[i].name, name))
			return families[i].number;
	return number_of(name);
}
