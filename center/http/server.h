/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The center's HTTP server (docs/protocol.md, "Center"): libmicrohttpd with two
 * epoll threads, which read and check; what is to be stored goes to the writer,
 * and the connection sleeps until it is on disk.
 */
#ifndef CENTER_HTTP_SERVER_H
#define CENTER_HTTP_SERVER_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "center/access/gateways.h"
#include "center/fault/list.h"
#include "center/store/store.h"
#include "center/store/writer.h"
#include "lib/error.h"

struct waiting;
struct keyring;
struct keeper;
struct metrics;

#define SERVER_THREADS 2
#define SERVER_CONNECTIONS_MAX 8192
#define SERVER_IDLE_S 60
/* A request line with its headers, and the answer's headers. */
#define SERVER_HEADER_MAX (16 << 10)
#define SERVER_BODY_MAX (1 << 20)
/* Bodies that all connections together may hold. */
#define SERVER_BODIES_MAX (64 << 20)

/**
 * struct server - a running server
 * @fetcher: brings bundles from a store that is shared into the data folder; NULL: it is not
 * @list: the list of countermeasures; the writer's thread alone uses it
 * @sign: the key that signs it when it is changed over HTTP, or NULL
 * @document: the list as gateways get it, of the version that @document_version says; under lock
 * @bodies: bytes of bodies that are held
 * @readers: connections to the store that no thread uses now
 */
struct server {
	struct MHD_Daemon *daemon;
	struct writer *writer;
	struct writer *fetcher;
	struct waiting *waiting;
	struct keyring *keyring;
	struct gateways *gateways;
	struct keeper *keeper;
	struct metrics *metrics;
	struct list list;
	char *data;
	struct key *sign;
	struct MHD_Response *document;
	int64_t document_version;
	_Atomic size_t bodies;
	pthread_mutex_t lock;
	struct store *readers[SERVER_THREADS];
	int n_readers;
};

/**
 * struct server_settings - what an operator sets
 * @place: data folder and store
 * @listen: "ADDRESS:PORT" or "[ADDRESS]:PORT"; port 0: one that is free
 * @certificate: PEM file with the chain; NULL: plain HTTP
 * @key: PEM file
 * @sign: PEM file of the key that signs the list of countermeasures; NULL: there is none
 * @limits: what a gateway may send
 */
struct server_settings {
	struct store_place place;
	const char *listen;
	const char *certificate;
	const char *key;
	const char *sign;
	struct gateway_limits limits;
};

/**
 * server_start - open the store, listen and serve, in threads of its own
 * @url: where it listens, "http://127.0.0.1:8080"
 *
 * Return: ended with server_stop(); NULL with @err set.
 */
struct server *server_start(const struct server_settings *settings, char url[128],
			    struct error *err);

/** server_stop - answer what was handed in, then close everything */
void server_stop(struct server *server);

/** server_reader - a connection to the store for this thread until server_release() */
struct store *server_reader(struct server *server);
void server_release(struct server *server, struct store *reader);

#endif /* CENTER_HTTP_SERVER_H */
