// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/signature.h"

#include <errno.h>
#include <nettle/base64.h>
#include <nettle/eddsa.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/hex.h"
#include "lib/signature.h"
#include "supervisord/reliability/store.h"
#include "supervisord/settings.h"

#define KEY_BEGIN "-----BEGIN PUBLIC KEY-----"
#define KEY_END "-----END PUBLIC KEY-----"
#define KEY_FILE_MAX (64 << 10)
/* Versions of an application that may be gone back to. */
#define VERSIONS_MAX 16

/* SubjectPublicKeyInfo of an Ed25519 key (RFC 8410): this, then its 32 bytes. */
static const uint8_t key_prefix[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
				      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

struct signatures {
	int n;
	uint8_t keys[SIGNATURE_KEYS_MAX][ED25519_KEY_SIZE];
};

static int base64_read(const char *text, size_t len, uint8_t *data, size_t size)
{
	struct base64_decode_ctx context;
	uint8_t *room = alloc_zero(BASE64_DECODE_LENGTH(len) + 1, 1);
	size_t n = BASE64_DECODE_LENGTH(len) + 1;
	int ret = -EINVAL;

	base64_decode_init(&context);
	if (base64_decode_update(&context, &n, room, len, text) && base64_decode_final(&context) &&
	    n == size) {
		memcpy(data, room, size);
		ret = 0;
	}
	free(room);
	return ret;
}

static int key_add(struct signatures *signatures, const char *text, size_t len)
{
	uint8_t der[sizeof(key_prefix) + ED25519_KEY_SIZE];

	if (signatures->n == SIGNATURE_KEYS_MAX)
		return -E2BIG;
	if (base64_read(text, len, der, sizeof(der)) || memcmp(der, key_prefix, sizeof(key_prefix)))
		return -EINVAL;
	memcpy(signatures->keys[signatures->n++], der + sizeof(key_prefix), ED25519_KEY_SIZE);
	return 0;
}

/* All keys of a file, so that a new one can be there before the old one goes. */
static int keys_read(struct signatures *signatures, const char *path, struct error *err)
{
	__cleanup_free char *text = file_read(path, KEY_FILE_MAX, NULL, err);
	const char *begin = text;
	int ret = text ? 0 : err->code;

	while (!ret && (begin = strstr(begin, KEY_BEGIN))) {
		const char *end = strstr(begin, KEY_END);

		begin += strlen(KEY_BEGIN);
		ret = end ? key_add(signatures, begin, end - begin) : -EINVAL;
		if (ret)
			error_set(err, ret, ret == -E2BIG ? "%s: more than 8 keys" :
				  "%s: not an Ed25519 public key in PEM; \"faultline-center key show\" prints one",
				  path);
	}
	if (!ret && !signatures->n)
		ret = error_set(err, -EINVAL,
				"%s: no public key is in it; \"faultline-center key show\" prints one", path);
	return ret;
}

int signatures_open(struct gateway *gateway, struct error *err)
{
	struct signatures *signatures;
	int ret;

	if (!gateway->settings->signature_key)
		return 0;
	signatures = alloc_zero(1, sizeof(*signatures));
	ret = keys_read(signatures, gateway->settings->signature_key, err);
	if (ret)
		free(signatures);
	else
		gateway->signatures = signatures;
	return ret;
}

void signatures_close(struct gateway *gateway)
{
	free(steal_pointer(&gateway->signatures));
}

json_t *signatures_describe(const struct gateway *gateway)
{
	const struct signatures *signatures = gateway->signatures;
	json_t *keys = json_array();
	char digits[17];

	for (int i = 0; signatures && i < signatures->n; i++) {
		hex_write(digits, signatures->keys[i], 8);
		json_array_append_new(keys, json_string(digits));
	}
	return json_pack("{s:b, s:s*, s:o}", "required", signatures != NULL, "key",
			 gateway->settings->signature_key, "keys", keys);
}

static bool is_signed(const struct signatures *signatures, const char *statement, size_t size,
		      const char *signature)
{
	uint8_t bytes[ED25519_SIGNATURE_SIZE];

	if (strlen(signature) != SIGNATURE_TEXT_LEN ||
	    base64_read(signature, SIGNATURE_TEXT_LEN, bytes, sizeof(bytes)))
		return false;
	for (int i = 0; i < signatures->n; i++)
		if (ed25519_sha512_verify(signatures->keys[i], size, (const uint8_t *)statement, bytes))
			return true;
	return false;
}

/* What was kept of an application or a script: {serial, versions: {VERSION: serial}}. */
static json_t *kept_read(const struct gateway *gateway, const char *kind, const char *name)
{
	json_t *kept = store_setting(gateway->store, kind, name);

	return kept ? kept : json_object();
}

static int64_t serial_of(const json_t *object)
{
	return json_integer_value(json_object_get(object, "serial"));
}

static int serial_check(const struct gateway *gateway, const char *kind, const char *name,
			int64_t serial, struct error *err)
{
	json_auto_t *kept = kept_read(gateway, kind, name);

	if (serial >= serial_of(kept))
		return 0;
	return error_set(err, -EKEYREJECTED,
			 "%s is refused: its signature is older than one that this gateway has had (serial %lld, not below %lld); \"faultline-center key sign\" signs what is to run now",
			 name, (long long)serial, (long long)serial_of(kept));
}

static int statement_check(const struct gateway *gateway, const char *name, const char *statement,
			   size_t size, const json_t *description, struct error *err)
{
	const char *signature = json_string_value(json_object_get(description, "signature"));

	if (!signature)
		return error_set(err, -EKEYREJECTED,
				 "%s is refused: it is not signed, and this gateway has a key; \"faultline-center key sign\" signs it",
				 name);
	if (!is_signed(gateway->signatures, statement, size, signature))
		return error_set(err, -EKEYREJECTED,
				 "%s is refused: its signature is not by a key of this gateway (%s)",
				 name, gateway->settings->signature_key);
	return 0;
}

int signature_check_application(const struct gateway *gateway, const json_t *description,
				struct error *err)
{
	const char *name = json_string_value(json_object_get(description, "name"));
	char statement[SIGNATURE_STATEMENT_MAX];
	size_t size;
	int ret;

	if (!gateway->signatures)
		return 0;
	size = signature_application(statement, name,
				     json_string_value(json_object_get(description, "version")),
				     json_string_value(json_object_get(description, "sha256")),
				     json_integer_value(json_object_get(description, "size")),
				     serial_of(description));
	ret = statement_check(gateway, name, statement, size, description, err);
	return ret ? ret : serial_check(gateway, "signed", name, serial_of(description), err);
}

/* The oldest go: what is not among the last ones is not kept for going back either. */
static void versions_bound(json_t *versions)
{
	while (json_object_size(versions) > VERSIONS_MAX) {
		const char *key, *oldest = NULL;
		int64_t least = INT64_MAX;
		json_t *serial;

		json_object_foreach(versions, key, serial)
			if (json_integer_value(serial) < least) {
				least = json_integer_value(serial);
				oldest = key;
			}
		json_object_del(versions, oldest);
	}
}

int signature_keep(const struct gateway *gateway, const char *application, const char *version,
		   int64_t serial)
{
	json_auto_t *kept = NULL;
	json_t *versions;
	int ret;

	if (!gateway->signatures)
		return 0;
	kept = kept_read(gateway, "signed", application);
	versions = json_object_get(kept, "versions");
	if (!versions) {
		versions = json_object();
		json_object_set_new(kept, "versions", versions);
	}
	json_object_set_new(versions, version, json_integer(serial));
	versions_bound(versions);
	if (serial > serial_of(kept))
		json_object_set_new(kept, "serial", json_integer(serial));
	ret = store_setting_put(gateway->store, "signed", application, kept);
	return ret ? ret : store_flush(gateway->store);
}

bool signature_known(const struct gateway *gateway, const char *application, const char *version)
{
	json_auto_t *kept = NULL;

	if (!gateway->signatures)
		return true;
	kept = kept_read(gateway, "signed", application);
	return json_object_get(json_object_get(kept, "versions"), version);
}

static void sha256_hex(const void *data, size_t size, char hex[65])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, size, data);
	sha256_digest(&context, sizeof(digest), digest);
	hex_write(hex, digest, sizeof(digest));
}

static int serial_keep(const struct gateway *gateway, const char *kind, const char *name,
		       int64_t serial)
{
	json_auto_t *kept = kept_read(gateway, kind, name);

	if (serial <= serial_of(kept))
		return 0;
	json_object_set_new(kept, "serial", json_integer(serial));
	return store_setting_put(gateway->store, kind, name, kept);
}

int signature_check_script(const struct gateway *gateway, const char *service,
			   const json_t *description, const void *content, size_t size,
			   struct error *err)
{
	const char *given = json_string_value(json_object_get(description, "sha256"));
	__cleanup_free char *name = alloc_format("script of %s", service);
	char statement[SIGNATURE_STATEMENT_MAX], sha256[65];
	int ret;

	if (!gateway->signatures)
		return 0;
	sha256_hex(content, size, sha256);
	if (given && strcmp(given, sha256))
		return -EAGAIN;
	ret = statement_check(gateway, name, statement,
			      signature_script(statement, service, sha256, serial_of(description)),
			      description, err);
	if (!ret)
		ret = serial_check(gateway, "signed-script", service, serial_of(description), err);
	return ret ? ret : serial_keep(gateway, "signed-script", service, serial_of(description));
}

int signature_check_list(const struct gateway *gateway, const json_t *document,
			 struct error *err)
{
	static const char name[] = "list of countermeasures";
	__cleanup_free char *text = gateway->signatures ? signature_list_text(document) : NULL;
	char statement[SIGNATURE_STATEMENT_MAX], sha256[65];
	int64_t serial = serial_of(document);
	int ret;

	if (!gateway->signatures)
		return 0;
	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	sha256_hex(text, strlen(text), sha256);
	ret = statement_check(gateway, name, statement,
			      signature_list(statement, json_integer_value(
						json_object_get(document, "policy_version")),
					     sha256, serial), document, err);
	if (!ret)
		ret = serial_check(gateway, "signed-list", "countermeasures", serial, err);
	return ret ? ret : serial_keep(gateway, "signed-list", "countermeasures", serial);
}
