/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One row of an export: the same calls write CSV (RFC 4180) or one JSON object. Pure, bounded. */
#ifndef GATEWAY_APP_ROW_H
#define GATEWAY_APP_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A buffer that rows are appended to. */
struct gw_rows {
    char *bytes;
    size_t used, max;
    bool overflow; /**< A row did not fit whole. */
    bool csv;
    bool header; /**< Write the columns' names instead of values (CSV only). */
    bool inside; /**< A field of this row was written. */
};

void gw_row_begin(struct gw_rows *rows);
void gw_row_text(struct gw_rows *rows, const char *name, const char *text);
void gw_row_int(struct gw_rows *rows, const char *name, int64_t value);
/** Nothing: empty in CSV, null in JSON. */
void gw_row_none(struct gw_rows *rows, const char *name);
void gw_row_end(struct gw_rows *rows);

#endif
