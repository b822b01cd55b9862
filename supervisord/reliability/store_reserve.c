// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/store_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/cleanup.h"
#include "lib/file.h"

/**
 * struct record - stands before a statement
 * @length: of the statement, in bytes; 0: the end
 * @checksum: CRC-32 of the record, with 0 here, and the statement, going on from that of the record before
 */
struct record {
	uint32_t length;
	uint32_t checksum;
	int64_t number;
	char boot[40];
};

static uint32_t record_checksum(struct record record, const char *sql, uint32_t before)
{
	record.checksum = 0;
	return crc32(crc32(before, (const Bytef *)&record, sizeof(record)), (const Bytef *)sql, record.length);
}

static int write_at(int fd, off_t at, const void *data, size_t size)
{
	return lseek(fd, at, SEEK_SET) < 0 ? -errno : fd_write(fd, data, size);
}

/* Zeros that were written: of room that is only promised, a file system could still need more to use it. */
static int room_take(int fd)
{
	__cleanup_free char *zeros = NULL;
	struct stat st;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size >= STORE_RESERVE_BYTES)
		return 0;
	zeros = calloc(1, STORE_RESERVE_BYTES);
	if (!zeros)
		return -ENOMEM;
	ret = write_at(fd, 0, zeros, STORE_RESERVE_BYTES);
	if (!ret && fdatasync(fd))
		ret = -errno;
	/* It is of no use by half. */
	if (ret && ftruncate(fd, 0))
		return -errno;
	return ret;
}

/* The statement behind the next record, if both are whole. */
static const char *record_read(const struct store_reserve *reserve, const char *file, struct record *record)
{
	size_t at = reserve->used + sizeof(*record);

	if (at > STORE_RESERVE_BYTES)
		return NULL;
	memcpy(record, file + reserve->used, sizeof(*record));
	if (!record->length || record->length > STORE_RESERVE_BYTES - at ||
	    record->checksum != record_checksum(*record, file + at, reserve->last))
		return NULL;
	return file + at;
}

static int records_read(struct store_reserve *reserve, struct store_redo *redo)
{
	__cleanup_free char *file = malloc(STORE_RESERVE_BYTES);
	struct record record;
	const char *sql;

	if (!file)
		return -ENOMEM;
	if (pread(reserve->fd, file, STORE_RESERVE_BYTES, 0) != STORE_RESERVE_BYTES)
		return -EIO;
	while ((sql = record_read(reserve, file, &record)) &&
	       redo_add_text(redo, sql, record.length)) {
		reserve->last = record.checksum;
		reserve->used += sizeof(record) + record.length;
		if (!strncmp(record.boot, reserve->boot, sizeof(record.boot)) &&
		    record.number > reserve->number)
			reserve->number = record.number;
	}
	reserve->kept = redo->n;
	return 0;
}

int store_reserve_open(struct store_reserve *reserve, const char *path, const char *boot,
		       struct store_redo *redo, struct error *err)
{
	int ret;

	*reserve = (struct store_reserve){
		.fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), .boot = boot };
	if (reserve->fd < 0)
		return error_set(err, -errno, "%s: %m", path);
	ret = room_take(reserve->fd);
	if (!ret)
		ret = records_read(reserve, redo);
	if (!ret)
		return 0;
	store_reserve_close(reserve);
	return error_set(err, ret, "%s: %s", path, strerror(-ret));
}

/* With the end behind it, where there is room for one. */
static int record_write(struct store_reserve *reserve, const char *sql, int64_t number)
{
	struct record record = { .length = strlen(sql), .number = number };
	size_t size = sizeof(record) + record.length, room = STORE_RESERVE_BYTES - reserve->used;
	__cleanup_free char *bytes = NULL;
	int ret;

	if (size > room)
		return -ENOSPC;
	if (room > size + sizeof(record))
		room = size + sizeof(record);
	bytes = calloc(1, room);
	if (!bytes)
		return -ENOMEM;
	strncpy(record.boot, reserve->boot, sizeof(record.boot) - 1);
	record.checksum = record_checksum(record, sql, reserve->last);
	memcpy(bytes, &record, sizeof(record));
	memcpy(bytes + sizeof(record), sql, record.length);
	ret = write_at(reserve->fd, reserve->used, bytes, room);
	if (!ret) {
		reserve->used += size;
		reserve->last = record.checksum;
	}
	return ret;
}

int store_reserve_keep(struct store_reserve *reserve, const struct store_redo *redo, int64_t number)
{
	int ret = 0;

	if (reserve->fd < 0 || reserve->kept >= redo->n)
		return 0;
	for (; reserve->kept < redo->n && !ret; reserve->kept += !ret)
		ret = record_write(reserve, redo->sql[reserve->kept], number);
	if (fdatasync(reserve->fd) && !ret)
		ret = -errno;
	return ret;
}

int store_reserve_clear(struct store_reserve *reserve)
{
	const struct record end = {};
	int ret = 0;

	if (reserve->fd >= 0 && reserve->used) {
		ret = write_at(reserve->fd, 0, &end, sizeof(end));
		if (!ret && fdatasync(reserve->fd))
			ret = -errno;
	}
	if (!ret) {
		reserve->used = 0;
		reserve->last = 0;
	}
	reserve->kept = 0;
	return ret;
}

void store_reserve_close(struct store_reserve *reserve)
{
	if (reserve->fd >= 0)
		close(reserve->fd);
	reserve->fd = -1;
}
