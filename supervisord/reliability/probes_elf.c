// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_elf.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/cleanup.h"

/* What tells inflateInit2() to expect the head and the checksum of gzip. */
#define GZIP 16

static const uint8_t lifecycle[] = {
#include "bpf/lifecycle.bpf.gz.h"
};

static const uint8_t limits[] = {
#include "bpf/limits.bpf.gz.h"
};

static const uint8_t progress[] = {
#include "bpf/progress.bpf.gz.h"
};

static const uint8_t range[] = {
#include "bpf/range.bpf.gz.h"
};

const struct probes_elf probes_elf_lifecycle = { lifecycle, sizeof(lifecycle) };
const struct probes_elf probes_elf_limits = { limits, sizeof(limits) };
const struct probes_elf probes_elf_progress = { progress, sizeof(progress) };
const struct probes_elf probes_elf_range = { range, sizeof(range) };

/* It stands at the end. */
static uint32_t size_unpacked(const struct probes_elf *elf)
{
	uint32_t size;

	memcpy(&size, (const uint8_t *)elf->packed + elf->size - sizeof(size), sizeof(size));
	return le32toh(size);
}

void *probes_elf_unpack(const struct probes_elf *elf, size_t *size)
{
	uint32_t room = size_unpacked(elf);
	__cleanup_free void *file = malloc(room);
	z_stream stream = {
		.next_in = (Bytef *)elf->packed, .avail_in = elf->size, .next_out = file, .avail_out = room,
	};
	int ret;

	if (!file || inflateInit2(&stream, GZIP + MAX_WBITS) != Z_OK) {
		errno = ENOMEM;
		return NULL;
	}
	ret = inflate(&stream, Z_FINISH);
	inflateEnd(&stream);
	if (ret != Z_STREAM_END || stream.total_out != room) {
		errno = ret == Z_MEM_ERROR ? ENOMEM : EBADMSG;
		return NULL;
	}
	*size = room;
	return steal_pointer(&file);
}
