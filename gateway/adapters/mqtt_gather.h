/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Receipts that wait a little for newer ones of the same meters.
 *
 *  A receipt is cumulative ("all below N is durable"), so of several for one meter only the newest has to
 *  travel, and each that does not spares the broker a whole message. While few messages come, a receipt
 *  goes at once. While they come fast, receipts wait, the longer the faster: GW_GATHER_HOLD_MS_MAX at most.
 *
 *      put, put, ... -> due? -> next, sent, next, sent, ... -> empty -> put ...
 *
 *  What is being sent takes nothing new, so a meter's receipts leave in the order in which they were made.
 *  What has not left when the connection breaks may be dropped: a meter sends again whatever no receipt
 *  covered, and is answered anew. Pure, of fixed size; no step takes longer with more meters.
 */
#ifndef GATEWAY_ADAPTERS_MQTT_GATHER_H
#define GATEWAY_ADAPTERS_MQTT_GATHER_H

#include "gateway/core/core.h"

#define GW_GATHER_MAX 4096u       /**< Receipts that wait at most; then they are due. */
#define GW_GATHER_SLOTS 16384u    /**< Of the table that finds a meter's receipt. */
#define GW_GATHER_BUSY_PER_MS 10u /**< Messages a millisecond from which on receipts wait at all. */
#define GW_GATHER_HOLD_MS_MAX 25  /**< Longest wait. */
/** Pace squared, in messages a millisecond, for each millisecond of waiting beyond the first: at half of
 *  what a broker passes a wait costs time and spares little, near all of it the other way round. */
#define GW_GATHER_PACE_SQUARED 1200u
#define GW_GATHER_WINDOW_MS 10 /**< How often the pace is looked at. */

/** Fields are private to mqtt_gather.c, but for hold_ms and merged, which may be read. */
struct gw_gather {
    int hold_ms;     /**< How long receipts wait now; 0: not at all. */
    uint64_t merged; /**< Receipts made needless by a newer one, since init. */
    uint32_t count;
    uint32_t next; /* to be sent, while sending */
    bool sending;
    int64_t since_ms; /* the oldest has waited */
    int64_t window_since_ms;
    uint64_t window_messages;
    uint16_t slots[GW_GATHER_SLOTS]; /* index + 1; 0: empty */
    uint16_t slot_of[GW_GATHER_MAX];
    struct gw_reply replies[GW_GATHER_MAX];
};

/** A number of the meter's name, always the same, 0 to GW_GATHER_SLOTS - 1. */
uint16_t gw_gather_slot(const struct gw_reply *reply);

/** Empty, and in no haste. now_ms: any monotonic clock, the same in all calls; milliseconds. */
void gw_gather_init(struct gw_gather *gather, int64_t now_ms);

/** Look at the pace. In: messages, how many came since the start, growing. */
void gw_gather_pace(struct gw_gather *gather, uint64_t messages, int64_t now_ms);

/** True when another receipt may be put: there is room, and nothing is being sent. */
bool gw_gather_has_room(const struct gw_gather *gather);

/** Put a receipt, newer than all that were put before; replaces the one of the same meter that waits.
 *  Only while there is room. */
void gw_gather_put(struct gw_gather *gather, const struct gw_reply *reply, int64_t now_ms);

/** Milliseconds until what waits is due: 0 is now, -1 is never (nothing waits). */
int gw_gather_due_ms(const struct gw_gather *gather, int64_t now_ms);

/** Begin or go on sending. Returns: the next receipt, borrowed until gw_gather_sent; NULL when all went,
 *  and then the gathering is empty and may be put into again. */
const struct gw_reply *gw_gather_next(struct gw_gather *gather);

/** The receipt that gw_gather_next gave has left, or is given up. */
void gw_gather_sent(struct gw_gather *gather);

#endif
