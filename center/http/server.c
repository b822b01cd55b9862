// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "center/access/keyring.h"
#include "center/catalogue/key.h"
#include "center/http/exchange.h"
#include "center/http/keeper.h"
#include "center/http/listener.h"
#include "center/http/metrics.h"
#include "center/http/waiting.h"
#include "lib/file.h"
#include "lib/log.h"

#define PEM_SIZE_MAX (256 << 10)
/* Descriptors besides connections: files that are sent, the store. */
#define FILES_BESIDE 512

/* Text that was a secret. */
static void secret_free(char *text)
{
	explicit_bzero(text, strlen(text));
	free(text);
}
DEFINE_CLEANUP(char *, secret_free)

struct store *server_reader(struct server *server)
{
	struct store *reader;

	pthread_mutex_lock(&server->lock);
	reader = server->readers[--server->n_readers];
	pthread_mutex_unlock(&server->lock);
	return reader;
}

void server_release(struct server *server, struct store *reader)
{
	pthread_mutex_lock(&server->lock);
	server->readers[server->n_readers++] = reader;
	pthread_mutex_unlock(&server->lock);
}

/* libmicrohttpd's own words are about peers that break off or send rubbish. */
static void daemon_log(void *cls, const char *format, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void daemon_log(void *cls, const char *format, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("http: %s", text);
}

/* Names have no characters that need escaping: what is escaped stays so and matches nothing. */
static size_t unescape_not(void *cls, struct MHD_Connection *connection, char *text)
{
	return strlen(text);
}

static unsigned int connections_max(void)
{
	struct rlimit limit = {};

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= SERVER_CONNECTIONS_MAX + FILES_BESIDE)
		return SERVER_CONNECTIONS_MAX;
	return limit.rlim_cur > 2 * FILES_BESIDE ? limit.rlim_cur - FILES_BESIDE :
	       limit.rlim_cur / 2;
}

static int daemon_start(struct server *server, int fd, const char *certificate,
			const char *key, struct error *err)
{
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0,
		  (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
		{ MHD_OPTION_END, 0, NULL },
	};

	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			MHD_USE_ERROR_LOG | (certificate ? MHD_USE_TLS : 0),
		0, NULL, NULL, exchange_access, server,
		MHD_OPTION_EXTERNAL_LOGGER, daemon_log, NULL,
		MHD_OPTION_ARRAY, certificate ? tls : &tls[3],
		MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_THREAD_POOL_SIZE, (unsigned int)SERVER_THREADS,
		MHD_OPTION_CONNECTION_LIMIT, connections_max(),
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)SERVER_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_HEADER_MAX,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, unescape_not, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, server,
		MHD_OPTION_END);
	if (server->daemon)
		return 0;
	return error_set(err, -EINVAL, certificate ?
			 "the HTTPS server does not start; is the key the certificate's, and are both PEM?" :
			 "the HTTP server does not start");
}

static int server_listen(struct server *server, const struct server_settings *settings,
			 char url[128], struct error *err)
{
	__cleanup(secret_freep) char *key = NULL;
	__cleanup_free char *certificate = NULL;
	__cleanup_close int fd = -1;
	char name[96];
	int ret;

	if (settings->certificate) {
		certificate = file_read(settings->certificate, PEM_SIZE_MAX, NULL, err);
		key = certificate ? file_read(settings->key, PEM_SIZE_MAX, NULL, err) : NULL;
		if (!key)
			return err->code;
	}
	fd = listener_open(settings->listen, name, sizeof(name), err);
	if (fd < 0)
		return fd;
	if (!certificate && !listener_local(fd))
		log_warning("%s: other machines reach this without encryption; use --tls-cert and --tls-key",
			    name);
	ret = daemon_start(server, fd, certificate, key, err);
	if (ret)
		return ret;
	steal_fd(&fd);
	snprintf(url, 128, "%s://%s", certificate ? "https" : "http", name);
	return 0;
}

static int server_open(struct server *server, const struct store_place *place,
		       const struct gateway_limits *limits, struct error *err)
{
	server->data = strdup(place->data);
	server->metrics = calloc(1, sizeof(*server->metrics));
	server->keyring = keyring_new();
	server->gateways = gateways_new(limits);
	if (!server->data || !server->metrics || !server->keyring || !server->gateways)
		return error_set(err, -ENOMEM, "out of memory");
	server->writer = writer_start(place, err);
	if (!server->writer)
		return err->code;
	while (server->n_readers < SERVER_THREADS) {
		struct store *reader = store_open(place, STORE_READ, err);

		if (!reader)
			return err->code;
		server->readers[server->n_readers++] = reader;
	}
	if (store_shared(server->readers[0])) {
		server->fetcher = writer_start(place, err);
		if (!server->fetcher)
			return err->code;
	}
	server->waiting = waiting_start(place, err);
	if (!server->waiting)
		return err->code;
	server->keeper = keeper_start(server, place, err);
	return server->keeper ? 0 : err->code;
}

/* What an operator should know when it starts. */
static void server_advise(struct server *server)
{
	if (!keyring_count(server->keyring, ROLE_GATEWAY))
		log_notice("gateways have no tokens: whoever reaches the port may report faults and download; \"faultline-center gateway add NAME\" makes one");
	if (!keyring_count(server->keyring, ROLE_ADMINISTRATOR))
		log_notice("there is no administrator: the console and changes over HTTP are closed; \"faultline-center administrator add NAME\" makes one");
}

struct server *server_start(const struct server_settings *settings, char url[128],
			    struct error *err)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&server->lock, NULL);
	if ((settings->sign &&
	     key_find(settings->sign, settings->place.data, &server->sign, err)) ||
	    server_open(server, &settings->place, &settings->limits, err) ||
	    server_listen(server, settings, url, err)) {
		server_stop(server);
		return NULL;
	}
	server_advise(server);
	return server;
}

void server_stop(struct server *server)
{
	MHD_socket fd = server->daemon ? MHD_quiesce_daemon(server->daemon) : -1;

	/* Every connection that sleeps is woken by this; none may sleep when the daemon stops. */
	keeper_stop(server->keeper);
	if (server->writer)
		writer_drain(server->writer);
	if (server->fetcher)
		writer_drain(server->fetcher);
	if (server->waiting)
		waiting_end(server->waiting);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	if (fd >= 0)
		close(fd);
	if (server->writer)
		writer_stop(server->writer);
	if (server->fetcher)
		writer_stop(server->fetcher);
	waiting_free(server->waiting);
	while (server->n_readers)
		store_close(server->readers[--server->n_readers]);
	list_free(&server->list);
	if (server->document)
		MHD_destroy_response(server->document);
	keyring_free(server->keyring);
	gateways_free(server->gateways);
	free(server->metrics);
	key_free(server->sign);
	pthread_mutex_destroy(&server->lock);
	free(server->data);
	free(server);
}
