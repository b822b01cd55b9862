// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/name.h"
#include "lib/script/interpretation.h"
#include "supervisord/reliability/refusal.h"
#include "supervisord/remote/center.h"
#include "supervisord/remote/signature.h"
#include "supervisord/settings.h"

#define DESCRIPTION_MAX 4096

/* A script that is exchanged while it is fetched fits no description: so often it is asked anew. */
#define TRIES_MAX 3

/**
 * struct script_fetch - one under way
 * @done: NULL once it was forgotten
 * @definition: an owner of its own
 * @description: what the center says of its signature
 */
struct script_fetch {
	struct gateway *gateway;
	char service[NAME_MAX_LEN + 1];
	struct definition *definition;
	script_done_fn done;
	void *user;
	json_t *description;
	int tries;
};

static void fetch_free(struct script_fetch *fetch)
{
	definition_free(fetch->definition);
	json_decref(fetch->description);
	free(fetch);
}

static void fetch_end(struct script_fetch *fetch, struct program *program, const char *text,
		      size_t size, const struct error *err)
{
	fetch->done(fetch->user, program, text, size, err);
	fetch_free(fetch);
}

static int description_ask(struct script_fetch *fetch, struct error *err);

/* Return: 0 when it may run, 1 when it is asked anew, or a negative errno with @err set. */
static int signature_check(struct script_fetch *fetch, const struct link_answer *answer,
			   struct error *err)
{
	const char *content = answer->body ? answer->body : "";
	int ret = signature_check_script(fetch->gateway, fetch->service, fetch->description, content,
					 answer->size, err);

	if (ret == -EAGAIN && ++fetch->tries < TRIES_MAX) {
		ret = description_ask(fetch, err);
		return ret ? ret : 1;
	}
	if (ret == -EAGAIN)
		ret = error_set(err, -EKEYREJECTED,
				"script of %s is refused: its signature is of another content",
				fetch->service);
	if (ret == -EKEYREJECTED)
		refusal_note(fetch->gateway, &(struct refusal){
			.kind = "download.signature", .service = fetch->service, .reason = err->text });
	return ret;
}

/* The center has checked it as well: by another definition, if this one refuses it. */
static void definition_doubt(const struct script_fetch *fetch, struct error *err)
{
	struct error doubted = { 0 };

	error_at(&doubted, err->code, err->line, err->column,
		 "%s; is %s/definitions/%s.dtd the definition that the center has?", err->text,
		 fetch->gateway->settings->configuration_folder, fetch->service);
	*err = doubted;
}

static void content_fetched(void *user, const struct link_answer *answer)
{
	struct script_fetch *fetch = user;
	struct program *program = NULL;
	struct error err = { 0 };
	char what[128], name[NAME_MAX_LEN + 8];
	int ret;

	snprintf(what, sizeof(what), "script of %s", fetch->service);
	snprintf(name, sizeof(name), "%s.xml", fetch->service);
	ret = center_check(fetch->gateway, answer, what, &err);
	if (!ret)
		ret = signature_check(fetch, answer, &err);
	if (ret > 0)
		return;
	if (!ret) {
		program = interpretation_compile(fetch->definition, name,
						 answer->body ? answer->body : "", answer->size,
						 &err);
		if (!program)
			definition_doubt(fetch, &err);
	}
	fetch_end(fetch, program, answer->body ? answer->body : "", answer->size, &err);
}

static int content_ask(struct script_fetch *fetch, struct error *err)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/scripts/%s", fetch->service);
	return center_get(fetch->gateway, path, SCRIPT_SIZE_MAX, -1, content_fetched, NULL, fetch, err);
}

static void description_fetched(void *user, const struct link_answer *answer)
{
	struct script_fetch *fetch = user;
	struct error err = { 0 };
	char what[128];

	snprintf(what, sizeof(what), "signature of the script of %s", fetch->service);
	json_decref(steal_pointer(&fetch->description));
	if (!center_check(fetch->gateway, answer, what, &err))
		fetch->description = json_loadb(answer->body ? answer->body : "", answer->size, 0, NULL);
	if (err.code || content_ask(fetch, &err))
		fetch_end(fetch, NULL, NULL, 0, &err);
}

static int description_ask(struct script_fetch *fetch, struct error *err)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/scripts/%s/signature", fetch->service);
	return center_get(fetch->gateway, path, DESCRIPTION_MAX, -1, description_fetched, NULL, fetch,
			  err);
}

struct script_fetch *script_fetch(struct gateway *gateway, const char *service,
				  struct definition *definition, script_done_fn done,
				  void *user, struct error *err)
{
	struct script_fetch *fetch = alloc_zero(1, sizeof(*fetch));
	int ret;

	fetch->gateway = gateway;
	fetch->definition = definition_get(definition);
	fetch->done = done;
	fetch->user = user;
	snprintf(fetch->service, sizeof(fetch->service), "%s", service);
	ret = gateway->signatures ? description_ask(fetch, err) : content_ask(fetch, err);
	if (!ret)
		return fetch;
	fetch_free(fetch);
	return NULL;
}

void script_forget(struct script_fetch *fetch)
{
	center_forget(fetch->gateway, fetch);
	fetch_free(fetch);
}
