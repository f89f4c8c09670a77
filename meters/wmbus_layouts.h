/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Layouts of makers' payloads that a table of places does not describe. For wmbus_makers.c only. */
#ifndef METERS_WMBUS_LAYOUTS_H
#define METERS_WMBUS_LAYOUTS_H

#include "meters/wmbus_makers.h"

#define MT_WMBUS_OWN_BLOCK 0x0Fu /**< The DIF after which all is the maker's own. */

/** Where a number stands in a payload; len 0: nowhere. */
struct mt_wmbus_span_of {
    uint8_t at;
    uint8_t len;
};

/** What it counts. */
struct mt_wmbus_quantity_of {
    int8_t exponent;
    const char *name; /**< Static, like unit. */
    const char *unit;
    enum mt_mbus_register reg;
};

/** A register at a fixed place. */
struct mt_wmbus_fields {
    struct mt_wmbus_span_of register_at;
    struct mt_wmbus_span_of since; /**< Added to it: what was counted since. */
    uint16_t divisor;              /**< Of the raw number. */
    bool high_first;
    struct mt_wmbus_quantity_of quantity;
};

/** Returns: as mt_wmbus_maker_payload(). input is NULL among records. */
typedef enum mt_status mt_wmbus_decoder(struct mt_mbus_reader *reader,
                                        const struct mt_wmbus_payload *payload,
                                        const struct mt_input *input);

mt_wmbus_decoder mt_wmbus_apator_162;
mt_wmbus_decoder mt_wmbus_apator_na1;
mt_wmbus_decoder mt_wmbus_apator_eitn;
mt_wmbus_decoder mt_wmbus_diehl;
mt_wmbus_decoder mt_wmbus_qundis;

/** Is one of the records Qundis' walk-by data? */
bool mt_wmbus_has_walk_by(const uint8_t *records, size_t len);

/** Name a field of a payload. */
void mt_wmbus_tell(const struct mt_mbus_reader *reader, const struct mt_wmbus_payload *payload,
                   size_t at, size_t len, const char *what);

#endif
