// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/text.h"

/* What a connection of the command line takes before its other side reads. */
#define READ_MAX (400 * 1024)
/* "2026-01-31T12:00:00.000Z " and a process id. */
#define HEAD_MAX 40

DEFINE_CLEANUP(DIR *, closedir)

/* struct log_file - the newer file of an application; the older one ends in ".1" */
struct log_file {
	struct log_file *next;
	char name[NAME_MAX_LEN + 1];
	int fd;
	off_t size;
	bool failed;	/* and that was said */
};

struct logs_follower {
	struct logs_follower *next;
	char name[NAME_MAX_LEN + 1];
	logs_line_fn line;
	void *user;
};

struct logs {
	char *folder;
	struct log_file *files;
	struct logs_follower *followers;
};

struct logs *logs_open(const char *folder, struct error *err)
{
	struct logs *logs;

	if (folder_make(folder, 0700, err))
		return NULL;
	logs = alloc_zero(1, sizeof(*logs));
	logs->folder = alloc_copy(folder);
	return logs;
}

static void file_close(struct logs *logs, struct log_file **place)
{
	struct log_file *file = *place;

	*place = file->next;
	closep(&file->fd);
	free(file);
}

void logs_close(struct logs *logs)
{
	if (!logs)
		return;
	while (logs->files)
		file_close(logs, &logs->files);
	while (logs->followers)
		logs_unfollow(logs, logs->followers);
	free(logs->folder);
	free(logs);
}

static char *file_path(const struct logs *logs, const char *name, const char *suffix)
{
	return alloc_format("%s/%s.log%s", logs->folder, name, suffix);
}

/* Applications come and go: when there are too many logs, the one that was not written for longest goes. */
static void oldest_remove(struct logs *logs)
{
	__cleanup(closedirp) DIR *folder = opendir(logs->folder);
	char oldest[NAME_MAX_LEN + 8] = "";
	time_t when = 0;
	struct dirent *entry;
	struct stat st;
	int n = 0;

	while (folder && (entry = readdir(folder))) {
		size_t len = strlen(entry->d_name);

		if (len < 4 || len >= sizeof(oldest) || strcmp(entry->d_name + len - 4, ".log") ||
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		n++;
		if (!*oldest || st.st_mtime < when) {
			when = st.st_mtime;
			strcpy(oldest, entry->d_name);
		}
	}
	if (n < LOGS_MAX)
		return;
	unlinkat(dirfd(folder), oldest, 0);
	strcat(oldest, ".1");
	unlinkat(dirfd(folder), oldest, 0);
	oldest[strlen(oldest) - strlen(".log.1")] = '\0';
	for (struct log_file **p = &logs->files; *p; p = &(*p)->next)
		if (!strcmp((*p)->name, oldest)) {
			file_close(logs, p);
			break;
		}
}

static void file_open(const struct logs *logs, struct log_file *file)
{
	__cleanup_free char *path = file_path(logs, file->name, "");
	struct stat st;

	file->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	file->size = file->fd >= 0 && !fstat(file->fd, &st) ? st.st_size : 0;
}

static struct log_file *file_get(struct logs *logs, const char *name)
{
	__cleanup_free char *path = file_path(logs, name, "");
	struct log_file *file;

	for (file = logs->files; file; file = file->next)
		if (!strcmp(file->name, name))
			return file;
	if (access(path, F_OK))
		oldest_remove(logs);
	file = alloc_zero(1, sizeof(*file));
	snprintf(file->name, sizeof(file->name), "%s", name);
	file_open(logs, file);
	file->next = logs->files;
	logs->files = file;
	return file;
}

static void file_rotate(struct logs *logs, struct log_file *file)
{
	__cleanup_free char *path = file_path(logs, file->name, "");
	__cleanup_free char *older = file_path(logs, file->name, ".1");

	closep(&file->fd);
	rename(path, older);
	file_open(logs, file);
}

static void file_write_line(struct logs *logs, struct log_file *file, const char *line,
			    size_t size)
{
	if (file->fd >= 0 && file->size + (off_t)size > LOGS_FILE_MAX)
		file_rotate(logs, file);
	if (file->fd < 0)
		file_open(logs, file);
	if (write(file->fd, line, size) == (ssize_t)size) {
		file->size += size;
		file->failed = false;
		return;
	}
	if (!file->failed)
		log_warning("the log of %s cannot be written in %s: %m; lines are lost until it can",
			    file->name, logs->folder);
	file->failed = true;
}

/* A line of a file: time, process and text, each but the last ended by a space. */
static json_t *line_parse(const char *application, char *line)
{
	char *pid = strchr(line, ' ');
	char *text = pid ? strchr(pid + 1, ' ') : NULL;

	if (!text)
		return NULL;
	*pid = *text = '\0';
	return json_pack("{s:s, s:s, s:i, s:s}", "application", application, "time", line,
			 "pid", atoi(pid + 1), "text", text + 1);
}

void logs_add(struct logs *logs, const char *application, pid_t pid, const char *text,
	      size_t size)
{
	char line[HEAD_MAX + LOGS_LINE_MAX + 2], *end;
	struct timespec now;
	struct tm tm;
	json_t *told;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	end = line + strftime(line, HEAD_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	end += sprintf(end, ".%03ldZ %d ", now.tv_nsec / 1000000, pid);
	if (size > LOGS_LINE_MAX)
		/* Not within a character of UTF-8. */
		for (size = LOGS_LINE_MAX; size && (text[size] & 0xc0) == 0x80; size--)
			;
	memcpy(end, text, size);
	end[size] = '\0';
	for (size_t i = 0; i < size; i++)
		if (!end[i])
			end[i] = ' ';
	text_clean(end);
	end[size] = '\n';
	file_write_line(logs, file_get(logs, application), line, end + size + 1 - line);
	end[size] = '\0';
	told = logs->followers ? line_parse(application, line) : NULL;
	for (struct logs_follower *f = logs->followers; f && told; f = f->next)
		if (!strcmp(f->name, application))
			f->line(f->user, told);
	json_decref(told);
}

/* Both files, the older one first, as one text; NULL when there is none. */
static char *files_read(const struct logs *logs, const char *application)
{
	__cleanup_free char *newer_path = file_path(logs, application, "");
	__cleanup_free char *older_path = file_path(logs, application, ".1");
	__cleanup_free char *newer = file_read(newer_path, 2 * LOGS_FILE_MAX, NULL, NULL);
	__cleanup_free char *older = file_read(older_path, 2 * LOGS_FILE_MAX, NULL, NULL);

	if (!newer && !older)
		return NULL;
	return alloc_format("%s%s", older ? older : "", newer ? newer : "");
}

int logs_read(struct logs *logs, const char *application, int limit, logs_line_fn line,
	      void *user)
{
	__cleanup_free char *text = files_read(logs, application);
	char *start, *end, *save = NULL;
	int n = 0;

	if (!text)
		return -ENOENT;
	end = start = text + strlen(text);
	while (start > text && end - start < READ_MAX && n < limit)
		if (*--start == '\n' && start + 1 < end)
			n++;
	if (*start == '\n')
		start++;
	n = 0;
	for (char *l = strtok_r(start, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		json_t *told = line_parse(application, l);

		if (!told)
			continue;
		line(user, told);
		json_decref(told);
		n++;
	}
	return n;
}

struct logs_follower *logs_follow(struct logs *logs, const char *application,
				  logs_line_fn line, void *user)
{
	struct logs_follower *follower = alloc_zero(1, sizeof(*follower));

	snprintf(follower->name, sizeof(follower->name), "%s", application);
	follower->line = line;
	follower->user = user;
	follower->next = logs->followers;
	logs->followers = follower;
	return follower;
}

void logs_unfollow(struct logs *logs, struct logs_follower *follower)
{
	for (struct logs_follower **p = &logs->followers; *p; p = &(*p)->next)
		if (*p == follower) {
			*p = follower->next;
			free(follower);
			return;
		}
}
