// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/tryout.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/program.h"

/* Whom an application runs as that is tried by root; a gateway's have ids of their own too. */
#define TRYOUT_UID 64999

extern char **environ;

/* Starts a helper with these descriptors as its first three; the pid, or a negative errno. */
static pid_t helper_start(const char *name, char *const arguments[], int in, int out, int error)
{
	posix_spawn_file_actions_t actions;
	char path[PATH_MAX];
	int ret = program_beside(name, path);
	pid_t pid;

	if (ret)
		return ret;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, error, 2);
	ret = posix_spawn(&pid, path, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return ret ? -ret : pid;
}

static int helper_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

/* What a helper wrote to its standard error: the last line, without its name before it. */
static void complaint_read(FILE *file, const char *name, char *text, size_t size)
{
	char line[ERROR_TEXT_MAX];

	text[0] = '\0';
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		size_t skip = !strncmp(line, name, strlen(name)) ? strlen(name) : 0;

		line[strcspn(line, "\n")] = '\0';
		skip += skip && !strncmp(line + skip, ": ", 2) ? 2 : 0;
		if (line[skip])
			snprintf(text, size, "%.400s", line + skip);
	}
}

static int bundle_unpack(const struct tryout *tryout, int fd, const char *sha256, int64_t size,
			 struct error *err)
{
	__cleanup_fclose FILE *complaints = tmpfile();
	char bytes[24], text[ERROR_TEXT_MAX];
	char *arguments[] = { "faultline-unpack", "--sha256", (char *)sha256, "--size", bytes,
			      "--into", tryout->bundle, NULL };
	pid_t pid;
	int status;

	snprintf(bytes, sizeof(bytes), "%" PRId64, size);
	if (!complaints || lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, -errno, "%s: %m", tryout->folder);
	pid = helper_start(arguments[0], arguments, fd, fileno(complaints), fileno(complaints));
	if (pid < 0)
		return error_set(err, pid, "%s cannot be started: %s", arguments[0], strerror(-pid));
	status = helper_wait(pid);
	if (!status)
		return 0;
	complaint_read(complaints, arguments[0], text, sizeof(text));
	return error_set(err, -EBADMSG, "a gateway would refuse the bundle: %s",
			 text[0] ? text : "unpacking it failed");
}

static int folder_create(const char *path, mode_t mode, struct error *err)
{
	return mkdir(path, mode) < 0 || chmod(path, mode) < 0 ?
	       error_set(err, -errno, "%s: %m", path) : 0;
}

struct tryout *tryout_open(int fd, const char *sha256, int64_t size, struct error *err)
{
	const char *base = getenv("TMPDIR");
	__cleanup_tryout struct tryout *tryout = alloc_zero(1, sizeof(*tryout));
	__cleanup_free char *state = NULL;
	char *folder = alloc_format("%s/faultline-trial-XXXXXX", base ? base : "/var/tmp");

	if (!mkdtemp(folder) || chmod(folder, 0711) < 0) {
		error_set(err, -errno, "%s: %m", folder);
		free(folder);
		return NULL;
	}
	tryout->folder = folder;
	tryout->bundle = alloc_format("%s/bundle", folder);
	state = alloc_format("%s/state", folder);
	if (folder_create(tryout->bundle, 0755, err) || folder_create(state, 0700, err))
		return NULL;
	if (!geteuid() && chown(state, TRYOUT_UID, TRYOUT_UID) < 0) {
		error_set(err, -errno, "%s: %m", state);
		return NULL;
	}
	return bundle_unpack(tryout, fd, sha256, size, err) ? NULL : steal_pointer(&tryout);
}

void tryout_close(struct tryout *tryout)
{
	if (tryout->folder)
		folder_remove(tryout->folder, NULL);
	free(tryout->folder);
	free(tryout->bundle);
	free(tryout);
}

static json_t *plan_make(const struct tryout *tryout, const char *runtimes, const char *equipment,
			 json_t *cases)
{
	__cleanup_free char *state = alloc_format("%s/state", tryout->folder);
	__cleanup_free char *notify = alloc_format("%s/notify", tryout->folder);
	__cleanup_free char *logs = alloc_format("%s/logs", tryout->folder);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:i, s:O}", "folder", tryout->bundle,
			 "state", state, "notify", notify, "logs", logs, "runtimes", runtimes,
			 "equipment", equipment, "uid", geteuid() ? (int)geteuid() : TRYOUT_UID,
			 "cases", cases);
}

static void lines_read(FILE *answers, tryout_line_fn tell, void *user, struct error *err)
{
	__cleanup_free char *text = NULL;
	size_t size = 0;

	while (getline(&text, &size, answers) > 0) {
		json_t *line = json_loads(text, 0, NULL);
		const char *failed = json_string_value(json_object_get(line, "failed"));

		if (failed)
			error_set(err, -EIO, "it cannot be run here: %s", failed);
		else if (json_is_object(line))
			tell(user, line);
		json_decref(line);
	}
}

int tryout_run(struct tryout *tryout, const char *runtimes, const char *equipment, json_t *cases,
	       tryout_line_fn line, void *user, struct error *err)
{
	json_auto_t *plan = plan_make(tryout, runtimes, equipment, cases);
	__cleanup_fclose FILE *given = tmpfile(), *answers = NULL;
	char *arguments[] = { "faultline-trial", NULL };
	void (*interrupt)(int);
	int ends[2], status;
	pid_t pid;

	if (!given || json_dumpf(plan, given, 0) || fflush(given) || pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "%s: %m", tryout->folder);
	rewind(given);
	/* The helper ends the application in order; what is here is cleared away afterwards. */
	interrupt = signal(SIGINT, SIG_IGN);
	pid = helper_start(arguments[0], arguments, fileno(given), ends[1], STDERR_FILENO);
	close(ends[1]);
	answers = fdopen(ends[0], "r");
	if (pid < 0) {
		signal(SIGINT, interrupt);
		return error_set(err, pid, "%s cannot be started: %s", arguments[0], strerror(-pid));
	}
	lines_read(answers, line, user, err);
	status = helper_wait(pid);
	signal(SIGINT, interrupt);
	if (status && !err->code)
		error_set(err, -EIO, "%s ended with %s %d", arguments[0],
			  WIFEXITED(status) ? "status" : "signal",
			  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return err->code;
}
