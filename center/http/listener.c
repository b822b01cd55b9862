// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

#define BACKLOG 4096

DEFINE_CLEANUP(struct addrinfo *, freeaddrinfo)

/* Splits "1.2.3.4:80" or "[::1]:80". */
static int where_split(const char *where, char host[64], char port[8], struct error *err)
{
	char rest;
	int n;

	if (where[0] == '[')
		n = sscanf(where, "[%63[0-9a-fA-F:.]]:%7[0-9]%c", host, port, &rest);
	else
		n = sscanf(where, "%63[0-9.]:%7[0-9]%c", host, port, &rest);
	if (n == 2)
		return 0;
	return error_set(err, -EINVAL,
			 "--listen %s: ADDRESS:PORT is needed, as 127.0.0.1:8080 or [::1]:8080",
			 where);
}

static int where_resolve(const char *where, struct addrinfo **address, struct error *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	char host[64], port[8];
	int ret = where_split(where, host, port, err);

	if (ret)
		return ret;
	ret = strtol(port, NULL, 10) > 65535 ? EAI_SERVICE :
	      getaddrinfo(host, port, &hints, address);
	return ret ? error_set(err, -EINVAL, "--listen %s: %s", where, gai_strerror(ret)) : 0;
}

static void listener_name(int fd, char *name, size_t size)
{
	struct sockaddr_storage address = {};
	socklen_t len = sizeof(address);
	char host[64], port[8];

	getsockname(fd, (struct sockaddr *)&address, &len);
	getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(name, size, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

int listener_open(const char *where, char *name, size_t size, struct error *err)
{
	__cleanup(freeaddrinfop) struct addrinfo *address = NULL;
	__cleanup_close int fd = -1;
	int on = 1;
	int ret = where_resolve(where, &address, err);

	if (ret)
		return ret;
	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "--listen %s: %m", where);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* An IPv6 address means IPv6 alone: only where told. */
	if (address->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return error_set(err, -errno, "--listen %s: %m", where);
	listener_name(fd, name, size);
	return steal_fd(&fd);
}

bool listener_local(int fd)
{
	struct sockaddr_storage address = {};
	socklen_t len = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &len);
	if (address.ss_family == AF_INET)
		return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&address)->sin6_addr);
}
