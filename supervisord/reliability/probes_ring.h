/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reader of the probes' ring. It gives the records their numbers, and keeps how far it has come in memory that it
 * shares with the programs, where the next supervisor finds it.
 */
#ifndef SUPERVISORD_PROBES_RING_H
#define SUPERVISORD_PROBES_RING_H

#include <bpf/libbpf.h>
#include <ev.h>

#include "bpf/probes.h"
#include "supervisord/reliability/source.h"

/**
 * struct probes_ring
 * @shared: mapped memory of the programs
 * @position: the reader's place in the ring, mapped as well
 * @turn: records handed on since the ring was found readable
 */
struct probes_ring {
	struct ev_loop *loop;
	ev_io readable;
	source_record_fn fn;
	void *user;
	int fd;
	struct ring_buffer *reader;
	struct probes_shared *shared;
	const uint64_t *position;
	struct probes_reader state;
	int turn;
	/* A record of the ring, with its number; aligned as the check wants it. */
	_Alignas(8) uint8_t record[PROBES_FATAL_MAX];
};

/** probes_ring_map - the memory of the maps @fd (the ring) and @shared; -ENOMEM, -EPROTO: of another layout */
int probes_ring_map(struct probes_ring *ring, int fd, int shared, struct error *err);

/** probes_ring_resume - go on where the supervisor before this one came to */
void probes_ring_resume(struct probes_ring *ring);

/** probes_ring_start - hand records to @fn from @loop on */
int probes_ring_start(struct probes_ring *ring, struct ev_loop *loop, source_record_fn fn,
		      void *user, struct error *err);

/** probes_ring_ack - as source_ops::ack */
int probes_ring_ack(struct probes_ring *ring, uint64_t seq);

/** probes_ring_stop - undo all of the above; a ring that is all zeros is fine */
void probes_ring_stop(struct probes_ring *ring);

#endif /* SUPERVISORD_PROBES_RING_H */
