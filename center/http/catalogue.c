// SPDX-License-Identifier: GPL-2.0-only
/* Downloads: applications (11), their bundles, and scripts (12). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "center/catalogue/applications.h"
#include "center/catalogue/artifact.h"
#include "center/catalogue/scripts.h"
#include "center/http/header.h"
#include "center/http/routes.h"

/* What is not signed says nothing of it. */
static void signature_clean(json_t *row)
{
	if (json_is_string(json_object_get(row, "signature")))
		return;
	json_object_del(row, "signature");
	json_object_del(row, "serial");
}

enum MHD_Result catalogue_application(struct exchange *exchange)
{
	const char *name = exchange->captures[0];
	json_auto_t *row = NULL;
	struct error err = {};
	enum MHD_Result result;
	struct store *store;
	char tag[SHA256_HEX_LEN + 24];
	int ret;

	if (!name_valid(name))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"this is not the name of an application");
	store = server_reader(exchange->server);
	ret = applications_current(store, name, &row, &err);
	server_release(exchange->server, store);
	if (ret < 0)
		return exchange_failed(exchange, &err);
	if (!ret)
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"there is no application %s; \"faultline-center app add\" adds one",
					name);
	signature_clean(row);
	/* All of the answer follows from the bundle and its signature. */
	snprintf(tag, sizeof(tag), "%s-%" JSON_INTEGER_FORMAT,
		 json_string_value(json_object_get(row, "sha256")),
		 json_integer_value(json_object_get(row, "serial")));
	if (!json_object_get(row, "serial"))
		tag[SHA256_HEX_LEN] = '\0';
	if (exchange_unmodified(exchange, tag, &result))
		return result;
	return exchange_json(exchange, json_incref(row), tag);
}

enum MHD_Result catalogue_signature(struct exchange *exchange)
{
	const char *service = exchange->captures[0];
	json_auto_t *row = NULL;
	struct error err = {};
	struct store *store;
	int ret;

	if (!name_valid(service))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"this is not the name of a service");
	store = server_reader(exchange->server);
	ret = scripts_signature(store, service, &row, &err);
	server_release(exchange->server, store);
	if (ret < 0)
		return exchange_failed(exchange, &err);
	if (!ret)
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"there is no script of %s; \"faultline-center script add\" adds one",
					service);
	signature_clean(row);
	return exchange_json(exchange, json_incref(row), NULL);
}

static enum MHD_Result artifact_outside(struct exchange *exchange, int64_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	char range[64];

	if (!response)
		return MHD_NO;
	snprintf(range, sizeof(range), "bytes */%" PRId64, size);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, range);
	return exchange_queue(exchange, MHD_HTTP_RANGE_NOT_SATISFIABLE, response);
}

/* Sends bytes @first to @last of @fd, which it takes over. */
static enum MHD_Result artifact_send(struct exchange *exchange, int fd, int64_t size,
				     const char *sha256, bool part, int64_t first,
				     int64_t last)
{
	struct MHD_Response *response =
		MHD_create_response_from_fd_at_offset64(last - first + 1, fd, first);
	char text[128];

	if (!response) {
		close(fd);
		return MHD_NO;
	}
	snprintf(text, sizeof(text), "\"%.64s\"", sha256);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, text);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/zstd");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
				"public, max-age=31536000, immutable");
	if (part) {
		snprintf(text, sizeof(text), "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
			 first, last, size);
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, text);
	}
	return exchange_queue(exchange, part ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK,
			      response);
}

static int artifact_run(struct writer_job *job, struct store *store, struct error *err)
{
	int ret = artifact_fetch(store, exchange_of(job)->captures[0], err);

	return ret == -ENOENT ? 0 : ret;
}

/* Another center may have it: it is looked for in the store once. */
static enum MHD_Result artifact_missing(struct exchange *exchange)
{
	if (exchange->server->fetcher && !exchange->stored)
		return exchange_fetch(exchange, artifact_run, catalogue_artifact);
	return exchange_problem(exchange, MHD_HTTP_NOT_FOUND, "there is no artifact %s",
				exchange->captures[0]);
}

enum MHD_Result catalogue_artifact(struct exchange *exchange)
{
	const char *range = exchange_header(exchange, MHD_HTTP_HEADER_RANGE);
	const char *if_range = exchange_header(exchange, MHD_HTTP_HEADER_IF_RANGE);
	const char *sha256 = exchange->captures[0];
	int64_t first = 0, last, size;
	enum MHD_Result result;
	enum range found;
	int fd;

	if (!sha256_valid(sha256))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"an artifact is named by 64 lower-case hexadecimal digits");
	if (exchange->job.result < 0)
		return exchange_failed(exchange, &exchange->job.error);
	fd = artifact_open(exchange->server->data, sha256, &size);
	if (fd == -ENOENT)
		return artifact_missing(exchange);
	if (fd < 0) {
		struct error err = {};

		error_set(&err, fd, "artifact %s: %s", sha256, strerror(-fd));
		return exchange_failed(exchange, &err);
	}
	if (exchange_unmodified(exchange, sha256, &result)) {
		close(fd);
		return result;
	}
	last = size - 1;
	found = if_range && !etag_matches(if_range, sha256, false) ?
		RANGE_WHOLE : range_parse(range, size, &first, &last);
	if (found == RANGE_OUTSIDE) {
		close(fd);
		return artifact_outside(exchange, size);
	}
	if (found == RANGE_WHOLE) {
		first = 0;
		last = size - 1;
	}
	return artifact_send(exchange, fd, size, sha256, found == RANGE_PART, first, last);
}

enum MHD_Result catalogue_script(struct exchange *exchange)
{
	const char *service = exchange->captures[0];
	__cleanup_free char *content = NULL;
	struct error err = {};
	enum MHD_Result result;
	struct store *store;
	char sha256[SHA256_HEX_LEN + 1];
	size_t size;
	int ret;

	if (!name_valid(service))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"this is not the name of a service");
	store = server_reader(exchange->server);
	ret = scripts_get(store, service, &content, &size, sha256, &err);
	server_release(exchange->server, store);
	if (ret < 0)
		return exchange_failed(exchange, &err);
	if (!ret)
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"there is no script for %s; \"faultline-center script add\" adds one",
					service);
	if (exchange_unmodified(exchange, sha256, &result))
		return result;
	return exchange_send(exchange, MHD_HTTP_OK, "application/xml",
			     steal_pointer(&content), size, sha256);
}
