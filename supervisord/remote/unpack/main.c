// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultline-unpack: the last step of downloading an application (324, step
 * S14). It reads a bundle from the network while it arrives and writes its
 * files, in a process of its own that can reach nothing but their folder: an
 * archive is the most intricate thing that a gateway takes from outside.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/sandbox.h"
#include "supervisord/remote/unpack/bundle.h"
#include "supervisord/remote/unpack/digest.h"
#include "supervisord/remote/unpack/status.h"

/* Zstandard's window is 128 MiB at most. */
#define MEMORY_MAX (256UL << 20)

static const struct option long_options[] = {
	{ "sha256", required_argument, NULL, 'h' },
	{ "size", required_argument, NULL, 's' },
	{ "into", required_argument, NULL, 'i' },
	{ "user", required_argument, NULL, 'u' },
	{ "uid", required_argument, NULL, 'u' },
	{ },
};

static const char usage[] =
	"Usage: faultline-unpack --sha256 HEX --size BYTES --into FOLDER \\\n"
	"                        [--user NAME | --uid NUMBER]\n"
	"Unpacks the bundle on standard input into an empty folder. What it wrote stays\n"
	"there when it fails, with status 1 and one line on standard error; the status is\n"
	"3 when the bundle was cut short.\n";

struct arguments {
	const char *sha256;
	const char *into;
	const char *user;
	uint64_t size;
};

static int arguments_read(struct arguments *arguments, int argc, char **argv)
{
	char *end = "";
	int option;

	*arguments = (struct arguments){ };
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		exit(0);
	}
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		switch (option) {
		case 'h':
			arguments->sha256 = optarg;
			break;
		case 's':
			errno = 0;
			arguments->size = strtoull(optarg, &end, 10);
			if (errno || *end || *optarg < '0' || *optarg > '9')
				return -EINVAL;
			break;
		case 'i':
			arguments->into = optarg;
			break;
		case 'u':
			arguments->user = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	return optind == argc && arguments->sha256 && sha256_valid(arguments->sha256) &&
	       arguments->size && arguments->into ? 0 : -EINVAL;
}

static void enter_limits(void)
{
	const struct rlimit none = { 0, 0 };
	const struct rlimit files = { 64, 64 };
	const struct rlimit bytes = { BUNDLE_BYTES_MAX, BUNDLE_BYTES_MAX };

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_FSIZE, &bytes);
#ifndef __SANITIZE_ADDRESS__
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };

	setrlimit(RLIMIT_DATA, &memory);
#endif
}

static int enter_sandbox(const char *user, int root, struct error *err)
{
	static const struct sandbox_call allowed[] = {
		SANDBOX_CALLS_BASE,
		{ __NR_openat2 }, { __NR_mkdirat }, { __NR_syncfs }, { __NR_dup },
		{ __NR_prctl, SANDBOX_EQUAL, 0, PR_SET_VMA },
	};
	const struct sandbox_path path = { .fd = root, .access = SANDBOX_CREATE };
	uid_t uid = -1;
	gid_t gid = -1;
	int r = 0;

	if (user)
		r = sandbox_user(user, &uid, &gid, err);
	if (!r)
		r = sandbox_become(uid, gid, err);
	if (!r)
		r = sandbox_paths(&path, 1, SANDBOX_NETWORK_NONE, err);
	enter_limits();
	return r ? r : sandbox_calls(allowed, sizeof(allowed) / sizeof(*allowed), err);
}

static int unpack(const struct arguments *arguments, struct error *err)
{
	static struct digest digest;
	__cleanup_close int root = open(arguments->into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error damage = { };
	int r;

	if (root < 0)
		return error_set(err, -errno, "%s: %s; make the folder first", arguments->into,
				 strerror(errno));
	r = digest_init(&digest, arguments->size, err);
	if (!r)
		r = enter_sandbox(arguments->user, root, err);
	if (r)
		return r;
	r = bundle_unpack(&digest, root, &damage);
	/* What looks like a damaged archive most often is one that was cut short or changed. */
	if (!r || r == -EILSEQ)
		r = digest_check(&digest, arguments->sha256, err);
	if (!r && damage.code)
		r = damage.code;
	if (damage.code)
		return error_set(err, r, "%s", damage.text);
	EVP_MD_CTX_free(digest.context);
	/* All files and folders at once: one by one costs a commit of the journal each. */
	if (!r && syncfs(root))
		return error_set(err, -errno, "%s: cannot be made durable: %s", arguments->into,
				 strerror(errno));
	return r;
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	struct error err = { };

	if (arguments_read(&arguments, argc, argv)) {
		fputs(usage, stderr);
		return UNPACK_USAGE;
	}
	log_open("faultline-unpack", LOG_ERR);
	setlocale(LC_CTYPE, "C.UTF-8");
	umask(0);
	if (!unpack(&arguments, &err))
		return 0;
	log_error("%s", err.text);
	return err.code == -ENODATA ? UNPACK_CUT_SHORT : UNPACK_REFUSED;
}
