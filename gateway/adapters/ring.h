/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Records of bytes from one thread to one other, without locks.
 *
 *  One thread produces, one consumes; nothing here blocks, drops or allocates. A record lies in one
 *  piece in the ring's memory, so it is built and read in place:
 *
 *      producer                                    consumer
 *      p = gw_ring_reserve(ring, len);             while ((p = gw_ring_peek(ring, &len)) != NULL) {
 *      if (p == NULL) { full: keep the record }        ... read p[0..len) ...
 *      ... fill p[0..len) ...                          gw_ring_release(ring);
 *      gw_ring_commit(ring, len);                  }
 *
 *  A thread with nothing to do sleeps on the file descriptor of a bell. The other side rings it only
 *  while it is armed, so a busy pair makes no system call at all. Arming and then looking once more is
 *  what makes a lost wake-up impossible:
 *
 *      gw_bell_arm(bell);
 *      if (every ring of this bell is gw_ring_empty()) { poll(bell->fd and other descriptors); }
 *      gw_bell_disarm(bell);
 *
 *  One bell may serve many rings (all that a thread consumes). A producer that wants to sleep until
 *  there is room arms the ring's `room` bell in the same way and reserves once more before it polls.
 */
#ifndef GATEWAY_ADAPTERS_RING_H
#define GATEWAY_ADAPTERS_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/status.h"
#include "meters/check.h"

/** What a sleeping thread waits on. Owned by that thread; rung by any. */
struct gw_bell {
    int fd; /**< An eventfd, readable after a ring. For poll or epoll by the owner; never read it. */
    _Atomic uint32_t armed; /**< 1: the owner sleeps or is about to. */
};

/** Open a bell.
 *
 *  Returns: GW_OK, or GW_IO (the process has no file descriptor left).
 */
MT_MUST_USE enum gw_status gw_bell_init(struct gw_bell *bell);

/** Close it. No other thread may ring it any more. */
void gw_bell_deinit(struct gw_bell *bell);

/** Say that the caller is about to sleep. Look at every source once more between this and the sleep. */
void gw_bell_arm(struct gw_bell *bell);

/** Say that the caller is awake, and take back what was rung. A ring that is under way at that moment
 *  may make the next sleep end at once; it is never lost. */
void gw_bell_disarm(struct gw_bell *bell);

/** Wake the owner if it sleeps. A thread that sets a flag of its own (stop, reload) calls this after a
 *  sequentially consistent store of the flag; gw_ring_commit and gw_ring_release do it themselves. */
void gw_bell_ring(struct gw_bell *bell);

/** A ring. Fields are private to ring.c; those of each side lie in cache lines of their own. */
struct gw_ring {
    uint8_t *memory;        /**< The caller's; outlives the ring. */
    uint64_t size_bytes;    /**< Power of two. */
    struct gw_bell *filled; /**< Rung when a record was committed; NULL: the consumer polls. */
    struct gw_bell *room; /**< Rung when room was made; NULL: the producer never waits for room. */

    _Alignas(64) _Atomic uint64_t head; /**< Written by the producer: end of what is committed. */
    uint64_t tail_seen;                 /**< Producer's copy of tail. */
    uint64_t reserved_at;               /**< Where the reserved record begins. */
    uint64_t reserved_bytes;            /**< Its room with its header; 0: nothing is reserved. */

    _Alignas(
        64) _Atomic uint64_t tail; /**< Written by the consumer: start of what is not released. */
    uint64_t head_seen;            /**< Consumer's copy of head. */
    uint64_t peeked_bytes;         /**< Room of the record last peeked; 0: none. */
};

/** Lay a ring out over the caller's memory. Before the threads start; nothing is allocated.
 *
 *  In: memory, aligned to 8, size_bytes of it (a power of two, 64 to 2^31), owned by the caller and
 *      kept until the ring is no longer used. filled: the consumer's bell or NULL. room: the
 *      producer's bell or NULL. Both are borrowed for the ring's life.
 */
void gw_ring_init(struct gw_ring *ring, void *memory, size_t size_bytes, struct gw_bell *filled,
                  struct gw_bell *room);

/** The longest record that a ring takes: half of it less a header. A record of this length fits
 *  whenever the ring is empty, wherever its ends stand. */
size_t gw_ring_record_max(const struct gw_ring *ring);

/** Room for one record. Producer only. Reserving again before the commit replaces the reservation.
 *
 *  Returns: the record's bytes, aligned to 8, the producer's until the commit; NULL when the ring is
 *           full: nothing changed, try again after the consumer released.
 *  In: len of 0 to gw_ring_record_max(); a longer one is a bug and stops the program.
 */
MT_MUST_USE uint8_t *gw_ring_reserve(struct gw_ring *ring, size_t len);

/** Hand the reserved record over, and wake the consumer if it sleeps. Producer only.
 *
 *  In: len, at most what was reserved; the rest of the room is given back.
 */
void gw_ring_commit(struct gw_ring *ring, size_t len);

/** Reserve, copy and commit. Producer only.
 *
 *  Returns: false when the ring is full; nothing changed.
 */
MT_MUST_USE bool gw_ring_push(struct gw_ring *ring, const void *bytes, size_t len);

/** The oldest record. Consumer only. Peeking again gives the same one until it is released.
 *
 *  Returns: its bytes, aligned to 8 and borrowed until gw_ring_release; NULL when the ring is empty.
 *  Out: *len, when a record was returned.
 */
MT_MUST_USE const uint8_t *gw_ring_peek(struct gw_ring *ring, size_t *len);

/** Look at a record behind the oldest. Consumer only; what is peeked and released stays as it is.
 *
 *  Returns: its bytes, borrowed until the records before it and it are released; NULL behind the last.
 *  Out: *len. *ahead, 0 for the oldest record, is moved to the next.
 */
MT_MUST_USE const uint8_t *gw_ring_ahead(struct gw_ring *ring, uint64_t *ahead, size_t *len);

/** Give back the record that was peeked, and wake a producer that waits for room. Consumer only.
 *  Releasing what was not peeked is a bug and stops the program. */
void gw_ring_release(struct gw_ring *ring);

/** True when nothing is committed that was not released. Exact for the consumer after gw_bell_arm. */
bool gw_ring_empty(const struct gw_ring *ring);

/** Bytes in use, headers and skipped ends included: a gauge for any thread, exact for none. */
size_t gw_ring_used_bytes(const struct gw_ring *ring);

#endif
