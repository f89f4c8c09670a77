/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The store's entries as rows of text, CSV or JSON lines, a block at a time.
 *
 *      readings  every reading, accepted or refused, as it was decided
 *      postings  every movement of money: what readings charged, what orders settled. Each row moves
 *                amount_ufen from the account `debit` to the account `credit`.
 *      orders    every order made and ended
 *
 *  Rows come in the order of the blocks, from the first block to the last one there was at the start.
 */
#ifndef GATEWAY_APP_EXPORT_H
#define GATEWAY_APP_EXPORT_H

#include "gateway/app/past.h"

enum gw_export_what { GW_EXPORT_READINGS, GW_EXPORT_POSTINGS, GW_EXPORT_ORDERS };

/** What to export. Slots: GW_NONE: all. */
struct gw_export_request {
    enum gw_export_what what;
    bool csv; /**< Else JSON lines. */
    uint32_t meter;
    uint32_t household;
    uint64_t first_block;
    uint64_t last_block;
};

struct gw_export;

/** Begin. past is moved into the export, which closes it. Returns NULL without memory: past stays. */
MT_MUST_USE struct gw_export *gw_export_begin(const struct gw_past *past,
                                              const struct gw_export_request *request);

/** The next bytes. Returns how many, 0 at the end, -1 when the store cannot be read. */
ssize_t gw_export_read(void *export, char *bytes, size_t max);

void gw_export_end(void *export);

#endif
