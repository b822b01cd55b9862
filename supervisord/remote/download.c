// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/download.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/refusal.h"
#include "supervisord/remote/center.h"
#include "supervisord/remote/preparation.h"
#include "supervisord/remote/signature.h"
#include "supervisord/remote/spare.h"
#include "supervisord/remote/unpacker.h"
#include "supervisord/settings.h"

#define DESCRIPTION_MAX 65536
#define BUNDLE_MAX (512ULL << 20)

/* A transfer that breaks goes on where it was: so often without a byte more, after a random wait. */
#define RESUME_TRIES 6
#define RESUME_FIRST_S 0.2
#define RESUME_MAX_S 3.0

/* How far it is, is told after so long, and again after twice as long, up to a minute. */
#define TELL_FIRST_NS 2000000000ULL
#define TELL_MAX_NS 60000000000ULL

/* What a bundle may need beside itself while it is unpacked, and what is left for others. */
#define SPACE_FACTOR 4
#define SPACE_LEFT (1ULL << 20)

/**
 * struct download - one download
 * @sink: write end of the unpacker's input, open until the last byte
 * @offset: bytes that the unpacker was given
 * @tell_ns: when it is told next how far it is, and after how long then
 * @stuck: transfers that broke without a byte more
 * @resume: fires when the next one begins
 *
 * Two things end: the transfer and the unpacker; the later one finishes the download.
 */
struct download {
	struct app *app;
	download_done_fn done;
	uint64_t begun_ns;
	char version[VERSION_MAX_LEN + 1];
	char sha256[65];
	uint64_t size;
	int64_t serial;		/* of its signature */
	char *staging;
	bool transferring;
	int sink;
	uint64_t offset;
	uint64_t tell_ns, tell_again_ns;
	int stuck;
	ev_timer resume;
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
	download->offset = 0;
	download->stuck = 0;
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
	/* Without that it is fetched again at the next start, which is safe. */
	if (!err.code && signature_keep(app->gateway, app->name, app_version(app), download->serial))
		log_warning("%s: that it is signed cannot be kept", app->name);
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
	if (download->unpack_err.code && !(download->cut_short && download->err.code)) {
		download->err = download->unpack_err;
		/* Of a countermeasure it is the failure of that. */
		if (!download->app->fault)
			refusal_note(download->app->gateway, &(struct refusal){
				.kind = "download.refused", .application = download->app->name,
				.version = download->version, .reason = download->err.text });
	}
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

static void transfer_end(struct download *download)
{
	download->transferring = false;
	close(steal_fd(&download->sink));
	download_part_ended(download);
}

/* May what broke off go on? Not when the reader is gone, or nobody knows how far it came. */
static bool transfer_again(struct download *download, const struct link_answer *answer)
{
	double bound = RESUME_FIRST_S * (1 << download->stuck);

	if (!answer->transient || answer->sink_lost || !download->unpacker)
		return false;
	download->stuck = answer->received ? 0 : download->stuck + 1;
	download->offset += answer->received;
	if (download->stuck >= RESUME_TRIES)
		return false;
	ev_timer_set(&download->resume, center_jitter(bound < RESUME_MAX_S ? bound : RESUME_MAX_S), 0.);
	ev_timer_start(download->app->gateway->loop, &download->resume);
	return true;
}

static void transferred(void *user, const struct link_answer *answer)
{
	struct download *download = user;
	struct app *app = download->app;

	bool whole = answer->status == 200 || answer->status == 206 ||
		     (!answer->status && download->offset + answer->received == download->size);

	if (!whole && transfer_again(download, answer)) {
		collection_add(app->gateway, &(struct event){
			.part = "remote", .name = "download.interrupted", .application = app->name,
			.data = json_pack("{s:I, s:I}", "bytes", (json_int_t)download->offset, "of",
					  (json_int_t)download->size) },
			"%s: its download broke off at byte %" PRIu64 " of %" PRIu64 ", it goes on there",
			app->name, download->offset, download->size);
		return;
	}
	if (!whole)
		center_check(app->gateway, answer, app->name, &download->err);
	transfer_end(download);
}

/* Who waits for a slow line sees that it goes on, and for how long. */
static void transfer_progress(void *user, uint64_t received)
{
	struct download *download = user;
	uint64_t now = clock_now(), got = download->offset + received;
	double seconds = (now - download->begun_ns) / 1e9;

	if (now < download->tell_ns || !got || got >= download->size)
		return;
	download->tell_ns = now + download->tell_again_ns;
	download->tell_again_ns = download->tell_again_ns * 2 < TELL_MAX_NS ?
				  download->tell_again_ns * 2 : TELL_MAX_NS;
	collection_add(download->app->gateway, &(struct event){
		.part = "remote", .name = "download.progress", .application = download->app->name,
		.data = json_pack("{s:I, s:I}", "bytes", (json_int_t)got, "of",
				  (json_int_t)download->size) },
		"%s %s: %" PRIu64 " of %" PRIu64 " KiB downloaded in %.0f s, about %.0f s are left",
		download->app->name, download->version, got >> 10, download->size >> 10, seconds,
		seconds * (download->size - got) / got);
}

static int transfer_begin(struct download *download)
{
	int sink = fcntl(download->sink, F_DUPFD_CLOEXEC, 0);
	char path[128];

	if (sink < 0)
		return error_set(&download->err, -errno, "%s: %m", download->app->name);
	snprintf(path, sizeof(path), "/v1/artifacts/%s", download->sha256);
	return center_resume(download->app->gateway, path, download->offset, download->size, sink,
			     transferred, transfer_progress, download, &download->err);
}

static void resume_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct download *download = timer->data;

	if (transfer_begin(download))
		transfer_end(download);
}

static int space_free(const struct download *download, uint64_t *there, struct error *err)
{
	const char *folder = download->app->gateway->settings->state_folder;
	struct statvfs fs;

	if (statvfs(folder, &fs) < 0)
		return error_set(err, -errno, "%s: %m", folder);
	*there = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

/* What can be made again goes, never what may have to be gone back to. */
static void space_make(const struct download *download)
{
	struct gateway *gateway = download->app->gateway;

	for (struct app *app = app_list_first(gateway); app; app = app->next)
		if (!app->process && !spare_process(app))
			preparation_drop(app);
	collection_add(gateway, &(struct event){
		.part = "remote", .name = "space.made", .application = download->app->name },
		"little space is left: what was prepared for the starts of applications that do not run is deleted");
}

/* Better now than in the midst of it. What unpacking needs is not known before. */
static int space_check(const struct download *download, struct error *err)
{
	const char *folder = download->app->gateway->settings->state_folder;
	uint64_t needed = SPACE_FACTOR * download->size + SPACE_LEFT, there;

	if (space_free(download, &there, err))
		return err->code;
	if (there >= needed)
		return 0;
	space_make(download);
	if (space_free(download, &there, err))
		return err->code;
	if (there >= needed)
		return 0;
	return error_set(err, -ENOSPC,
			 "%s %s: %" PRIu64 " KiB are free in %s, about %" PRIu64 " are needed to install it; free some space",
			 download->app->name, download->version, there >> 10, folder, needed >> 10);
}

static void bundle_fetch(struct download *download)
{
	struct app *app = download->app;
	struct error *err = &download->err;

	if (!space_check(download, err))
		download->staging = app_staging(app->gateway, err);
	if (download->staging)
		download->unpacker = unpacker_start(app->gateway->loop, download->staging,
						    download->sha256, download->size,
						    &download->sink, unpacked, download, err);
	if (!download->unpacker) {
		download_end(download);
		return;
	}
	download->transferring = true;
	download->tell_ns = clock_now() + TELL_FIRST_NS;
	download->tell_again_ns = TELL_FIRST_NS * 2;
	/* Without a transfer the unpacker sees the end of its input, and ends it all. */
	if (transfer_begin(download))
		transfer_end(download);
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
		download->serial = json_integer_value(json_object_get(body, "serial"));
		ret = signature_check_application(download->app->gateway, body, &download->err);
	}
	if (ret == -EKEYREJECTED)
		refusal_note(download->app->gateway, &(struct refusal){
			.kind = "download.signature", .application = download->app->name,
			.version = version, .reason = download->err.text });
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
	download->sink = -1;
	ev_init(&download->resume, resume_due);
	download->resume.data = download;
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
	ev_timer_stop(app->gateway->loop, &download->resume);
	closep(&download->sink);
	free(download->staging);
	free(download);
	app->download = NULL;
}
