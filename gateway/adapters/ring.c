/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Records of bytes from one thread to one other, without locks.
 *
 *  Layout: each record is a header of 8 bytes (length) and its bytes, padded to 8. A record that does
 *  not fit before the end of the memory begins at its start, and a header of all ones marks the part
 *  that is skipped. Positions count bytes since the beginning and never wrap: at 10 GB a second 64 bits
 *  last for 58 years.
 *
 *  No wake-up is lost because four operations are sequentially consistent: the producer stores head,
 *  then loads armed; the consumer stores armed, then loads head. In the one total order of these, at
 *  least one of the two sees the other's store. Fences would do as well, but the thread sanitizer does
 *  not understand them, and a proof that cannot be run is worth less than a nanosecond.
 */
#include "gateway/adapters/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HEADER_BYTES 8u
#define SKIP_MARK UINT64_MAX
#define SIZE_BYTES_MIN 64u
#define SIZE_BYTES_MAX (UINT64_C(1) << 31)

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "positions must be lock-free");
_Static_assert(sizeof(uint64_t) == HEADER_BYTES, "a header is one length");

/* ---- the bell --------------------------------------------------------------------------------- */

enum gw_status gw_bell_init(struct gw_bell *bell)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        return GW_IO;
    }
    bell->fd = fd;
    atomic_init(&bell->armed, 0);
    return GW_OK;
}

void gw_bell_deinit(struct gw_bell *bell)
{
    MT_CHECK(bell->fd >= 0);
    (void)close(bell->fd); /* nothing was written that could be lost */
    bell->fd = -1;
}

void gw_bell_arm(struct gw_bell *bell)
{
    atomic_store_explicit(&bell->armed, 1, memory_order_seq_cst);
}

void gw_bell_disarm(struct gw_bell *bell)
{
    atomic_store_explicit(&bell->armed, 0, memory_order_seq_cst);
    uint64_t rings = 0;
    ssize_t got;
    do {
        got = read(bell->fd, &rings, sizeof rings);
    } while (got < 0 && errno == EINTR);
    MT_CHECK(got == (ssize_t)sizeof rings || (got < 0 && errno == EAGAIN));
}

void gw_bell_ring(struct gw_bell *bell)
{
    if (atomic_load_explicit(&bell->armed, memory_order_seq_cst) == 0) {
        return;
    }
    /* Of several that ring at once, one makes the system call. */
    if (atomic_exchange_explicit(&bell->armed, 0, memory_order_seq_cst) == 0) {
        return;
    }
    const uint64_t one = 1;
    ssize_t put;
    do {
        put = write(bell->fd, &one, sizeof one);
    } while (put < 0 && errno == EINTR);
    /* EAGAIN means that the counter is at its end, and so readable: the owner wakes all the same. */
    MT_CHECK(put == (ssize_t)sizeof one || (put < 0 && errno == EAGAIN));
}

/* ---- the ring --------------------------------------------------------------------------------- */

static uint64_t record_bytes(uint64_t len)
{
    return HEADER_BYTES + ((len + 7u) & ~UINT64_C(7));
}

static uint8_t *at(const struct gw_ring *ring, uint64_t position)
{
    return ring->memory + (position & (ring->size_bytes - 1));
}

static void header_put(const struct gw_ring *ring, uint64_t position, uint64_t value)
{
    memcpy(at(ring, position), &value, sizeof value);
}

static uint64_t header_get(const struct gw_ring *ring, uint64_t position)
{
    uint64_t value;
    memcpy(&value, at(ring, position), sizeof value);
    return value;
}

static uint64_t to_end(const struct gw_ring *ring, uint64_t position)
{
    return ring->size_bytes - (position & (ring->size_bytes - 1));
}

void gw_ring_init(struct gw_ring *ring, void *memory, size_t size_bytes, struct gw_bell *filled,
                  struct gw_bell *room)
{
    MT_CHECK(memory != NULL);
    MT_CHECK((uintptr_t)memory % 8 == 0);
    MT_CHECK(size_bytes >= SIZE_BYTES_MIN && size_bytes <= SIZE_BYTES_MAX);
    MT_CHECK((size_bytes & (size_bytes - 1)) == 0);
    memset(ring, 0, sizeof *ring);
    ring->memory = memory;
    ring->size_bytes = size_bytes;
    ring->filled = filled;
    ring->room = room;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
}

size_t gw_ring_record_max(const struct gw_ring *ring)
{
    return (size_t)(ring->size_bytes / 2 - HEADER_BYTES);
}

uint8_t *gw_ring_reserve(struct gw_ring *ring, size_t len)
{
    MT_CHECK(len <= gw_ring_record_max(ring));
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t need = record_bytes(len);
    uint64_t skip = to_end(ring, head) < need ? to_end(ring, head) : 0;
    ring->reserved_bytes = 0;
    if (ring->size_bytes - (head - ring->tail_seen) < skip + need) {
        /* Sequentially consistent for the producer that armed its bell and looks once more. */
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_seq_cst);
        MT_CHECK(head - ring->tail_seen <= ring->size_bytes);
        if (ring->size_bytes - (head - ring->tail_seen) < skip + need) {
            return NULL;
        }
    }
    if (skip > 0) {
        header_put(ring, head, SKIP_MARK);
    }
    ring->reserved_at = head + skip;
    ring->reserved_bytes = need;
    return at(ring, ring->reserved_at) + HEADER_BYTES;
}

void gw_ring_commit(struct gw_ring *ring, size_t len)
{
    MT_CHECK(ring->reserved_bytes > 0);
    MT_CHECK(record_bytes(len) <= ring->reserved_bytes);
    header_put(ring, ring->reserved_at, len);
    ring->reserved_bytes = 0;
    uint64_t head = ring->reserved_at + record_bytes(len);
    if (ring->filled == NULL) {
        atomic_store_explicit(&ring->head, head, memory_order_release);
        return;
    }
    atomic_store_explicit(&ring->head, head, memory_order_seq_cst);
    gw_bell_ring(ring->filled);
}

bool gw_ring_push(struct gw_ring *ring, const void *bytes, size_t len)
{
    uint8_t *record = gw_ring_reserve(ring, len);
    if (record == NULL) {
        return false;
    }
    if (len > 0) {
        memcpy(record, bytes, len);
    }
    gw_ring_commit(ring, len);
    return true;
}

/* The committed record at a position, the mark before it skipped; *used is what both take. */
static const uint8_t *record_at(struct gw_ring *ring, uint64_t position, size_t *len,
                                uint64_t *used)
{
    if (position == ring->head_seen) {
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (position == ring->head_seen) {
            return NULL;
        }
    }
    uint64_t skip = 0;
    uint64_t length = header_get(ring, position);
    if (length == SKIP_MARK) {
        skip = to_end(ring, position);
        length = header_get(ring, position + skip); /* committed in one with the mark before it */
    }
    MT_CHECK(length <= gw_ring_record_max(ring));
    MT_CHECK(skip + record_bytes(length) <= ring->head_seen - position);
    *used = skip + record_bytes(length);
    *len = (size_t)length;
    return at(ring, position + skip) + HEADER_BYTES;
}

const uint8_t *gw_ring_peek(struct gw_ring *ring, size_t *len)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    return record_at(ring, tail, len, &ring->peeked_bytes);
}

const uint8_t *gw_ring_ahead(struct gw_ring *ring, uint64_t *ahead, size_t *len)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t used = 0;
    const uint8_t *record = record_at(ring, tail + *ahead, len, &used);
    *ahead += used;
    return record;
}

void gw_ring_release(struct gw_ring *ring)
{
    MT_CHECK(ring->peeked_bytes > 0);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed) + ring->peeked_bytes;
    ring->peeked_bytes = 0;
    if (ring->room == NULL) {
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
        return;
    }
    atomic_store_explicit(&ring->tail, tail, memory_order_seq_cst);
    gw_bell_ring(ring->room);
}

bool gw_ring_empty(const struct gw_ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_seq_cst) ==
           atomic_load_explicit(&ring->head, memory_order_seq_cst);
}

size_t gw_ring_used_bytes(const struct gw_ring *ring)
{
    /* The tail first: it never overtakes the head read after it. */
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint64_t used = head - tail;
    return (size_t)(used < ring->size_bytes ? used : ring->size_bytes);
}
