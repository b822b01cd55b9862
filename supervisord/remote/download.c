// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/download.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/remote/center.h"
#include "supervisord/remote/unpacker.h"
#include "supervisord/settings.h"

#define DESCRIPTION_MAX 65536
#define BUNDLE_MAX (512ULL << 20)

/*
 * One download. Two things end: the transfer and the unpacker; the later one
 * finishes the download.
 */
struct download {
	struct app *app;
	download_done_fn done;
	uint64_t begun_ns;
	char version[VERSION_MAX_LEN + 1];
	char sha256[65];
	uint64_t size;
	char *staging;
	bool transferring;
	struct unpacker *unpacker;
	struct error unpack_err;
	bool cut_short;
	int tries;
	struct error err;
};

static void download_begin(struct download *download);

/* A center that died in the midst of it: all is asked again, of the next one. */
static bool download_again(struct download *download)
{
	if (download->err.code != -EHOSTUNREACH ||
	    ++download->tries >= download->app->gateway->settings->n_centers)
		return false;
	if (download->staging)
		folder_remove(download->staging, NULL);
	free(steal_pointer(&download->staging));
	memset(&download->err, 0, sizeof(download->err));
	memset(&download->unpack_err, 0, sizeof(download->unpack_err));
	download->cut_short = false;
	download_begin(download);
	return true;
}

static void download_end(struct download *download)
{
	struct app *app = download->app;
	download_done_fn done = download->done;
	struct error err;

	if (download_again(download))
		return;
	err = download->err;
	if (!err.code)
		app_install(app, download->staging, &err);
	if (download->staging)
		folder_remove(download->staging, NULL);
	if (err.code)	/* what was there before is there still */
		app->state = app->data ? APP_STANDBY : APP_ABSENT;
	else
		collection_add(app->gateway, &(struct event){
			.part = "remote", .name = "application.downloaded",
			.application = app->name,
			.data = json_pack("{s:s, s:s, s:I}", "version", download->version,
					  "sha256", download->sha256, "size",
					  (json_int_t)download->size) },
			"%s %s downloaded, %" PRIu64 " bytes verified and installed in %.1f ms",
			app->name, download->version, download->size,
			(clock_now() - download->begun_ns) / 1e6);
	app->download = NULL;
	free(download->staging);
	free(download);
	done(app, err.code ? &err : NULL);
}

static void download_part_ended(struct download *download)
{
	if (download->transferring || download->unpacker)
		return;
	/*
	 * A transfer that fails cuts the unpacker's input short, and an unpacker
	 * that refuses the bundle makes the transfer fail: told is what came first.
	 */
	if (download->unpack_err.code && !(download->cut_short && download->err.code))
		download->err = download->unpack_err;
	download_end(download);
}

static void unpacked(void *user, const char *error, bool cut_short)
{
	struct download *download = user;

	download->unpacker = NULL;
	download->cut_short = cut_short;
	if (error)
		error_set(&download->unpack_err, -EBADMSG, "%s: the bundle is refused: %s",
			  download->app->name, error);
	download_part_ended(download);
}

static void transferred(void *user, const struct link_answer *answer)
{
	struct download *download = user;

	download->transferring = false;
	center_check(download->app->gateway, answer, download->app->name, &download->err);
	download_part_ended(download);
}

static void bundle_fetch(struct download *download)
{
	struct app *app = download->app;
	struct error *err = &download->err;
	char path[128];
	int sink;

	download->staging = app_staging(app->gateway, err);
	if (download->staging)
		download->unpacker = unpacker_start(app->gateway->loop, download->staging,
						    download->sha256, download->size,
						    &sink, unpacked, download, err);
	if (!download->unpacker) {
		download_end(download);
		return;
	}
	snprintf(path, sizeof(path), "/v1/artifacts/%s", download->sha256);
	/* Without a transfer the unpacker sees the end of its input, and ends it all. */
	download->transferring = !center_get(app->gateway, path, download->size, sink,
					     transferred, NULL, download, err);
}

/* What the center says of an application; hostile until it is checked. */
static int description_read(struct download *download, const struct link_answer *answer)
{
	json_t *body = json_loadb(answer->body ? answer->body : "", answer->size, 0, NULL);
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *version = json_string_value(json_object_get(body, "version"));
	const char *sha256 = json_string_value(json_object_get(body, "sha256"));
	json_int_t size = json_integer_value(json_object_get(body, "size"));
	int ret = 0;

	if (!name || strcmp(name, download->app->name) || !version_valid(version) ||
	    !sha256_valid(sha256) || size <= 0 || (uint64_t)size > BUNDLE_MAX) {
		ret = error_set(&download->err, -EBADMSG,
				"%s: the center's description of it is not valid",
				download->app->name);
	} else {
		strcpy(download->version, version);
		strcpy(download->sha256, sha256);
		download->size = size;
	}
	json_decref(body);
	return ret;
}

static void described(void *user, const struct link_answer *answer)
{
	struct download *download = user;

	if (center_check(download->app->gateway, answer, download->app->name,
			 &download->err) ||
	    description_read(download, answer))
		download_end(download);
	else
		bundle_fetch(download);
}

static void download_begin(struct download *download)
{
	struct app *app = download->app;
	char path[128];

	snprintf(path, sizeof(path), "/v1/applications/%s", app->name);
	if (center_get(app->gateway, path, DESCRIPTION_MAX, -1, described, NULL, download,
		       &download->err))
		download_end(download);
}

void download_start(struct app *app, download_done_fn done)
{
	struct download *download = alloc_zero(1, sizeof(*download));

	download->app = app;
	download->done = done;
	download->begun_ns = clock_now();
	app->download = download;
	app->state = APP_DOWNLOADING;
	download_begin(download);
}

/* What was unpacked is cleared away at the next start. */
void download_drop(struct app *app)
{
	struct download *download = app->download;

	if (!download)
		return;
	if (download->unpacker)
		unpacker_drop(download->unpacker);
	free(download->staging);
	free(download);
	app->download = NULL;
}
