// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_ring.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/log.h"

/* Records handed on before other events of the loop get their turn. */
#define RECORDS_A_TURN 64
#define SHARED_SIZE sizeof(struct probes_shared)

/* Is this the memory of the same programs? Then it may be mapped as such. */
static bool shared_fits(int fd)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &size) && info.value_size == SHARED_SIZE &&
	       info.map_flags & BPF_F_MMAPABLE;
}

int probes_ring_map(struct probes_ring *ring, int fd, int shared, struct error *err)
{
	void *memory, *position;

	if (!shared_fits(shared))
		return error_set(err, -EPROTO, "BPF probes: their memory has another layout");
	memory = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
	position = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, 0);
	if (memory != MAP_FAILED)
		ring->shared = memory;
	if (position != MAP_FAILED)
		ring->position = position;
	ring->fd = fd;
	if (ring->shared && ring->position)
		return 0;
	return error_set(err, -ENOMEM, "BPF probes: cannot map their memory");
}

/* All of it or nothing, whenever the supervisor dies. */
static void reader_commit(struct probes_ring *ring)
{
	struct probes_shared *shared = ring->shared;
	uint32_t next = !shared->current;

	shared->reader[next] = ring->state;
	__atomic_store_n(&shared->current, next, __ATOMIC_RELEASE);
}

/* What the last supervisor had taken and not acknowledged died with it. */
void probes_ring_resume(struct probes_ring *ring)
{
	struct probes_reader *state = &ring->state;
	uint64_t taken;

	*state = ring->shared->reader[ring->shared->current & 1];
	/* The newest one is still in the ring where it died over it. */
	taken = state->seq && state->position == *ring->position ? state->seq - 1 : state->seq;
	if (taken > state->acked) {
		state->forgotten += taken - state->acked;
		state->acked = taken;
	}
	reader_commit(ring);
}

static int record_arrived(void *user, void *data, size_t size)
{
	struct probes_ring *ring = user;
	const struct faultline_capture *capture;
	const struct faultline_record *record;
	uint64_t position = __atomic_load_n(ring->position, __ATOMIC_ACQUIRE);

	/* A supervisor that died over it had given it this number already. */
	if (!ring->state.seq || ring->state.position != position) {
		ring->state.position = position;
		ring->state.seq++;
		reader_commit(ring);
	}
	if (size > sizeof(ring->record))
		size = sizeof(ring->record);
	memcpy(ring->record, data, size);
	((struct faultline_record *)ring->record)->seq = ring->state.seq;
	record = source_record_check(ring->record, size, &capture);
	if (record) {
		ring->fn(ring->user, record, capture);
	} else {
		/* Nobody will acknowledge it. */
		log_warning("BPF probes: record %llu is not sound, and is lost: this is a defect of Faultline",
			    (unsigned long long)ring->state.seq);
		ring->state.forgotten++;
		reader_commit(ring);
	}
	return ++ring->turn < RECORDS_A_TURN ? 0 : -EAGAIN;
}

static void ring_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct probes_ring *ring = io->data;

	/* What is left keeps the descriptor readable. */
	ring->turn = 0;
	ring_buffer__consume(ring->reader);
}

int probes_ring_start(struct probes_ring *ring, struct ev_loop *loop, source_record_fn fn,
		      void *user, struct error *err)
{
	ring->loop = loop;
	ring->fn = fn;
	ring->user = user;
	ring->reader = ring_buffer__new(ring->fd, record_arrived, ring, NULL);
	if (!ring->reader)
		return error_set(err, -errno, "BPF probes: cannot map the ring buffer: %s",
				 strerror(errno));
	/* The map itself can be polled: one step less than libbpf's own epoll. */
	ev_io_init(&ring->readable, ring_readable, ring->fd, EV_READ);
	ring->readable.data = ring;
	ev_io_start(loop, &ring->readable);
	return 0;
}

int probes_ring_ack(struct probes_ring *ring, uint64_t seq)
{
	if (seq > ring->state.seq)
		return -ERANGE;
	if (seq > ring->state.acked) {
		ring->state.acked = seq;
		reader_commit(ring);
	}
	return 0;
}

void probes_ring_stop(struct probes_ring *ring)
{
	if (ring->reader) {
		ev_io_stop(ring->loop, &ring->readable);
		ring_buffer__free(ring->reader);
	}
	if (ring->shared)
		munmap(ring->shared, SHARED_SIZE);
	if (ring->position)
		munmap((void *)ring->position, sysconf(_SC_PAGESIZE));
	memset(ring, 0, sizeof(*ring));
}
