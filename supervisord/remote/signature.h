/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether what the center sends was signed by who may (docs/formats.md,
 * "Signatures"). With a key in its settings a gateway installs, starts and runs
 * nothing else, and nothing that is older than what it has had.
 */
#ifndef SUPERVISORD_REMOTE_SIGNATURE_H
#define SUPERVISORD_REMOTE_SIGNATURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "supervisord/gateway.h"

#define SIGNATURE_KEYS_MAX 8

struct signatures;

/** signatures_open - read the keys that the settings name; gateway->signatures is NULL without */
int signatures_open(struct gateway *gateway, struct error *err);
void signatures_close(struct gateway *gateway);

/** signatures_describe - {required, key, keys: [first digits of each]}; new reference */
json_t *signatures_describe(const struct gateway *gateway);

/**
 * signature_check_application - may this be downloaded?
 * @description: what the center says of it: {name, version, sha256, size, serial, signature};
 *	checked but for the last two
 *
 * Return: 0, also when no key is set; -EKEYREJECTED with @err set.
 */
int signature_check_application(const struct gateway *gateway, const json_t *description,
				struct error *err);

/** signature_keep - that version is installed: it may run from now on, and nothing older be fetched */
int signature_keep(const struct gateway *gateway, const char *application, const char *version,
		   int64_t serial);

/** signature_known - was this version signed when it was installed? Always, where no key is set */
bool signature_known(const struct gateway *gateway, const char *application, const char *version);

/**
 * signature_check_script - may this script run?
 * @description: {service, sha256, serial, signature}, hostile; may be NULL
 * @content: the script
 *
 * Return: 0; -EKEYREJECTED with @err set; -EAGAIN: the description is of another
 * content, which may have changed since.
 */
int signature_check_script(const struct gateway *gateway, const char *service,
			   const json_t *description, const void *content, size_t size,
			   struct error *err);

/**
 * signature_check_list - may the gateway decide by this list of countermeasures?
 * @document: {policy_version, countermeasures, serial, signature}; checked but for the last two
 *
 * Return: 0, also when no key is set; -EKEYREJECTED with @err set.
 */
int signature_check_list(const struct gateway *gateway, const json_t *document,
			 struct error *err);

#endif /* SUPERVISORD_REMOTE_SIGNATURE_H */
