// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/file.h"

#define KEY_FILE "signing-key.pem"

struct key {
	EVP_PKEY *pair;
};

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

static char *bio_text(BIO *bio)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);
	char *text = alloc_zero(size + 1, 1);

	memcpy(text, data, size);
	return text;
}

char *key_path(const char *data)
{
	return alloc_format("%s/" KEY_FILE, data);
}

/* Whole, or not at all: half a key would pass for one. */
static int private_write(const char *path, const char *text, struct error *err)
{
	__cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int ret;

	if (fd < 0)
		return error_set(err, -errno, errno == EEXIST ?
				 "%s: there is a key already; move it away first, and gateways need the new one's public half" :
				 "%s: %m", path);
	ret = fd_write(fd, text, strlen(text));
	if (!ret && fsync(fd) < 0)
		ret = -errno;
	if (!ret)
		return 0;
	unlink(path);
	return error_set(err, ret, "%s: %s", path, strerror(-ret));
}

int key_make(const char *path, struct error *err)
{
	__cleanup(EVP_PKEY_freep) EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	__cleanup(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	int ret;

	if (!pair || !bio || !PEM_write_bio_PKCS8PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL))
		return error_set(err, -EIO, "%s: libcrypto makes no Ed25519 key", path);
	text = bio_text(bio);
	ret = private_write(path, text, err);
	explicit_bzero(text, strlen(text));
	free(text);
	return ret;
}

static struct key *key_load(const char *path, struct error *err)
{
	__cleanup_fclose FILE *file = fopen(path, "re");
	__cleanup(EVP_PKEY_freep) EVP_PKEY *pair = NULL;
	struct key *key;
	struct stat st;

	if (!file || fstat(fileno(file), &st) < 0) {
		error_set(err, -errno, "%s: %m", path);
		return NULL;
	}
	if (st.st_mode & 077) {
		error_set(err, -EPERM, "%s: others can read this key; chmod 600 it, or make a new one", path);
		return NULL;
	}
	pair = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	if (!pair || !EVP_PKEY_is_a(pair, "ED25519")) {
		error_set(err, -EINVAL, "%s: not an Ed25519 private key in PEM", path);
		return NULL;
	}
	key = alloc_zero(1, sizeof(*key));
	key->pair = steal_pointer(&pair);
	return key;
}

int key_find(const char *path, const char *data, struct key **key, struct error *err)
{
	__cleanup_free char *usual = key_path(data);
	const char *given = path ? path : getenv("FAULTLINE_KEY");

	*key = NULL;
	if (!given && access(usual, F_OK))
		return 0;
	*key = key_load(given ? given : usual, err);
	return *key ? 0 : err->code;
}

void key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pair);
	free(key);
}

char *key_public(const struct key *key, struct error *err)
{
	__cleanup(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

	if (bio && PEM_write_bio_PUBKEY(bio, key->pair))
		return bio_text(bio);
	error_set(err, -EIO, "libcrypto writes no public key");
	return NULL;
}

int key_sign(const struct key *key, const char *statement, size_t size,
	     char text[SIGNATURE_TEXT_LEN + 1], struct error *err)
{
	__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char signature[SIGNATURE_SIZE];
	size_t len = sizeof(signature);

	if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, key->pair) != 1 ||
	    EVP_DigestSign(context, signature, &len, (const unsigned char *)statement, size) != 1 ||
	    len != sizeof(signature))
		return error_set(err, -EIO, "libcrypto does not sign");
	EVP_EncodeBlock((unsigned char *)text, signature, len);
	return 0;
}
