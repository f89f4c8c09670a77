/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the data identifiers of DL/T 645 stand for. For this folder only.
 *
 *  A data identifier names one field or a run of them. A field is a number, or the moment of a
 *  maximum, which is checked and not shown.
 */
#ifndef METERS_DLT645_ITEMS_H
#define METERS_DLT645_ITEMS_H

#include "meters/bcd.h"
#include "meters/dlt645.h"

/** One field of a reply. */
struct mt_dlt645_field {
    const char *name;
    const char *unit;
    int8_t exponent;
    struct mt_bcd_format format;
    struct mt_obis obis;
};

/** The fields of one data identifier, in order. */
struct mt_dlt645_item {
    bool is_run;    /**< Fields of one kind follow until the data ends: total, tariff 1, 2 ... */
    uint8_t skip;   /**< Bytes behind each field: when a maximum demand occurred. */
    bool is_total;  /**< The first field is the register that the frame is about. */
    bool is_billed; /**< ... and it is the one of a bill. */
    uint8_t field_count; /**< With is_run: runs, which number their fields on in value group E. */
    struct mt_dlt645_field fields[8];
};

/** Look a data identifier up. Returns MT_OK, or MT_UNSUPPORTED with *out untouched. */
MT_MUST_USE enum mt_status mt_dlt645_item(struct mt_dlt645_item *out, uint32_t data_id,
                                          enum mt_dlt645_edition edition);

/** The field at an index of the data, in a run (0 where there is one or none). Returns false past
 *  the last. */
bool mt_dlt645_field_at(struct mt_dlt645_field *out, const struct mt_dlt645_item *item, size_t run,
                        size_t index);

#endif
