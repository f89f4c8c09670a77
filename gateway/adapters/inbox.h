/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The form in which adapters' threads hand messages to the core's thread, and get replies back.
 *
 *  A record of the inbound ring is one gw_message, copied whole: the adapter's buffers are free again
 *  at once, and the core reads it in place. A record of the outbound ring is one gw_reply, as long as
 *  its receipt. Nothing here judges a message: that is the core's work. Never: allocation, locks, IO.
 *
 *      adapter                                    core thread
 *      if (!gw_inbox_put(ring, &message)) {       while (gw_inbox_get(ring, &message)) {
 *          full: wait for room, or say 5.03           gw_core_message(core, &message);
 *      }                                              gw_inbox_release(ring);
 *                                                 }
 */
#ifndef GATEWAY_ADAPTERS_INBOX_H
#define GATEWAY_ADAPTERS_INBOX_H

#include "gateway/adapters/ring.h"
#include "gateway/core/core.h"

/** Characters of a name, identity or protocol that travel; what is longer names nobody and is cut. */
#define GW_INBOX_TEXT_MAX 64u

/** Bytes of the longest record. The inbound ring is at least four times as large. */
#define GW_INBOX_RECORD_MAX (32u + 3u * GW_INBOX_TEXT_MAX + GW_MESSAGE_BYTES_MAX)

/** Hand a message over. Producer only.
 *
 *  A message of more than GW_MESSAGE_BYTES_MAX bytes travels without them and arrives as one of
 *  GW_MESSAGE_BYTES_MAX + 1 zero bytes: enough for the core to refuse and record it as too large.
 *
 *  Returns: false when the ring is full; nothing changed.
 */
MT_MUST_USE bool gw_inbox_put(struct gw_ring *ring, const struct gw_message *message);

/** True when a message of any size fits now. Producer only; it discards a reservation. */
MT_MUST_USE bool gw_inbox_has_room(struct gw_ring *ring);

/** Look at the oldest message. Consumer only.
 *
 *  Returns: false when there is none.
 *  Out:     message  its pointers are borrowed until gw_inbox_release.
 */
MT_MUST_USE bool gw_inbox_get(struct gw_ring *ring, struct gw_message *message);

/** Look at the messages that wait, one after the other: *ahead is 0 for the oldest. Consumer only.
 *
 *  Returns: false behind the last.
 *  Out:     message  as of gw_inbox_get; none is got by it. *ahead is moved to the next.
 */
MT_MUST_USE bool gw_inbox_ahead(struct gw_ring *ring, uint64_t *ahead, struct gw_message *message);

/** Give back the message that was got. */
void gw_inbox_release(struct gw_ring *ring);

/** Hand a reply to an adapter. The core's side only.
 *
 *  Returns: false when the ring is full; nothing changed.
 */
MT_MUST_USE bool gw_outbox_put(struct gw_ring *ring, const struct gw_reply *reply);

/** Take the oldest reply, by copy. The adapter's side only. Returns false when there is none. */
MT_MUST_USE bool gw_outbox_get(struct gw_ring *ring, struct gw_reply *reply);

#endif
