/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What stands in the store, read by HTTP threads beside the running core.
 *
 *  Each query has a read-only handle and a block's memory of its own; only a few run at a time.
 */
#ifndef GATEWAY_APP_PAST_H
#define GATEWAY_APP_PAST_H

#include "gateway/app/app.h"
#include "gateway/core/bill.h"
#include "gateway/core/history.h"

#define GW_PAST_QUERIES_MAX 4u
#define GW_PAST_READINGS_MAX \
    (2u * 1024u * 1024u) /**< Of one meter, in one bill: 56 years of quarter-hours. */

struct gw_past {
    struct gw_app *app;
    struct gw_store_sqlite *store;
    struct gw_store_port port;
    uint8_t *buffer;        /**< GW_BLOCK_BYTES_MAX */
    struct gw_entry *entry; /**< The last one read. */
};

/** Open a query, waiting for others to end.
 *
 *  Returns: GW_OK; GW_BUSY (others are still running after a while); GW_FULL (no memory) or what the
 *           store says, with a sentence in why.
 */
MT_MUST_USE enum gw_status gw_past_begin(struct gw_past *past, struct gw_app *app,
                                         char why[GW_APP_WHY_BYTES]);
/** The same for a handler. Returns false with a complaint in reply. */
MT_MUST_USE bool gw_past_open(struct gw_past *past, struct gw_app *app,
                              struct gw_http_reply *reply);
/** Close it; wipes what may be a key. */
void gw_past_close(struct gw_past *past);

/** Complain about a status of a query. */
void gw_past_fail(struct gw_http_reply *reply, enum gw_status status);

/** Read a block into the buffer. Returns as gw_store_port's block_read and gw_block_open. */
MT_MUST_USE enum gw_status gw_past_block(struct gw_past *past, struct gw_block_reader *reader,
                                         uint64_t number);

/** The first block, of 1..last, whose time is not before time_us; last + 1 when there is none. */
MT_MUST_USE enum gw_status gw_past_find(struct gw_past *past, uint64_t *number, uint64_t last,
                                        int64_t time_us);

/** A household's order entries, the newest first: all of the blocks from *block back until `enough`
 *  entries were visited or the visitor returns false. *block is where to go on, 0 at the end.
 *
 *  Returns: GW_OK, GW_IO, GW_CORRUPT.
 */
MT_MUST_USE enum gw_status gw_past_orders(struct gw_past *past, uint32_t household, uint64_t *block,
                                          uint32_t enough, void *arg,
                                          bool (*visit)(void *arg, const struct gw_entry *entry));

/** All accepted readings of a meter, in order of time. The caller frees *readings.
 *
 *  Returns: GW_OK; GW_FULL (more than GW_PAST_READINGS_MAX, or no memory); GW_IO; GW_CORRUPT.
 */
MT_MUST_USE enum gw_status gw_past_readings(struct gw_past *past, struct gw_bill_reading **readings,
                                            size_t *count, uint32_t slot, uint64_t last_block);

#endif
