/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SenML records in CBOR (RFC 8428, 6); see senml.h. */
#include "meters/cbor.h"
#include "meters/senml.h"

#include <string.h>

#define UNTIL_BREAK UINT64_MAX

/* Returns false when the item is no integer, or none that 64 bits hold. */
static bool integer(int64_t *out, const struct mt_cbor_item *item)
{
    if (item->major > MT_CBOR_NINT || item->arg > INT64_MAX) {
        return false;
    }
    *out = item->major == MT_CBOR_UINT ? (int64_t)item->arg : -1 - (int64_t)item->arg;
    return true;
}

/* The array [exponent, mantissa] of a decimal fraction (RFC 8949, 3.4.4). */
static enum mt_status read_decimal(struct mt_senml_number *out, struct mt_cursor *c)
{
    struct mt_cbor_item pair = mt_cbor_read(c);
    struct mt_cbor_item first = mt_cbor_read(c);
    struct mt_cbor_item second = mt_cbor_read(c);
    int64_t exponent;
    if (pair.major != MT_CBOR_ARRAY || pair.info == MT_CBOR_INFO_INDEFINITE || pair.arg != 2 ||
        !integer(&exponent, &first)) {
        return MT_BAD_LAYOUT;
    }
    if (second.major == MT_CBOR_TAG) {
        out->kind = MT_SENML_UNUSABLE; /* a bignum: no register is that large */
        return mt_cbor_skip(c, &second);
    }
    if (second.major > MT_CBOR_NINT) {
        return MT_BAD_LAYOUT;
    }
    bool usable = integer(&out->mantissa, &second) && exponent <= MT_DECIMAL_EXPONENT_MAX &&
                  exponent >= -MT_DECIMAL_EXPONENT_MAX;
    out->kind = usable ? MT_SENML_DECIMAL : MT_SENML_UNUSABLE;
    out->exponent = usable ? (int32_t)exponent : 0;
    return MT_OK;
}

static enum mt_status read_number(struct mt_senml_number *out, struct mt_cursor *c)
{
    struct mt_cbor_item item = mt_cbor_read(c);
    if (item.major <= MT_CBOR_NINT) {
        out->kind = integer(&out->mantissa, &item) ? MT_SENML_DECIMAL : MT_SENML_UNUSABLE;
        out->exponent = 0;
        return MT_OK;
    }
    if (item.major == MT_CBOR_SIMPLE && item.info >= MT_CBOR_INFO_HALF &&
        item.info <= MT_CBOR_INFO_DOUBLE) {
        mt_senml_float(out, item.arg, 16u << (item.info - MT_CBOR_INFO_HALF));
        return MT_OK;
    }
    if (item.major != MT_CBOR_TAG) {
        return MT_BAD_LAYOUT;
    }
    if (item.arg == MT_CBOR_TAG_DECIMAL) {
        return read_decimal(out, c);
    }
    out->kind = MT_SENML_UNUSABLE; /* bignums and bigfloats: numbers, but never ours */
    return mt_cbor_skip(c, &item);
}

static enum mt_status read_text(struct mt_senml_text *out, struct mt_cursor *c)
{
    struct mt_cbor_item item = mt_cbor_read(c);
    if (item.major != MT_CBOR_TEXT) {
        return MT_BAD_LAYOUT;
    }
    const uint8_t *bytes;
    enum mt_status status = mt_cbor_string(&bytes, &out->len, c, &item);
    if (status == MT_OK) {
        out->at = (const char *)bytes;
    }
    return status;
}

static enum mt_status skip_value(struct mt_cursor *c)
{
    struct mt_cbor_item item = mt_cbor_read(c);
    return mt_cbor_is_break(&item) ? MT_BAD_LAYOUT : mt_cbor_skip(c, &item);
}

/* Where a label's value goes: RFC 8428, table 4. */
static enum mt_status read_field(struct mt_senml_record *r, struct mt_cursor *c, uint32_t *bit,
                                 int64_t label)
{
    switch (label) {
    case -1:
        *bit = MT_SENML_BVER;
        return read_number(&r->bver, c);
    case -2:
        *bit = MT_SENML_BN;
        return read_text(&r->bn, c);
    case -3:
        *bit = MT_SENML_BT;
        return read_number(&r->bt, c);
    case -4:
        *bit = MT_SENML_BU;
        return read_text(&r->bu, c);
    case -5:
        *bit = MT_SENML_BV;
        return read_number(&r->bv, c);
    case -6:
        *bit = MT_SENML_BS;
        return read_number(&r->bs, c);
    case 0:
        *bit = MT_SENML_N;
        return read_text(&r->n, c);
    case 1:
        *bit = MT_SENML_U;
        return read_text(&r->u, c);
    case 2:
        *bit = MT_SENML_V;
        return read_number(&r->v, c);
    case 5:
        *bit = MT_SENML_S;
        return read_number(&r->s, c);
    case 6:
        *bit = MT_SENML_T;
        return read_number(&r->t, c);
    default: /* an integer, not an enum: string, boolean, data, update time or unknown */
        *bit = 0;
        return skip_value(c);
    }
}

/* A label that is a text: unknown to us, and to be ignored unless it ends in "_". */
static enum mt_status skip_named(struct mt_cursor *c, const struct mt_cbor_item *item)
{
    const uint8_t *text;
    size_t len;
    enum mt_status status = mt_cbor_string(&text, &len, c, item);
    if (status != MT_OK) {
        return status;
    }
    if (len > 0 && text[len - 1] == '_') {
        return MT_UNSUPPORTED; /* RFC 8428, 4.4: must be understood */
    }
    return skip_value(c);
}

static enum mt_status read_pair(struct mt_senml_record *record, struct mt_cursor *c,
                                const struct mt_cbor_item *label)
{
    if (label->major == MT_CBOR_TEXT) {
        return skip_named(c, label);
    }
    int64_t number;
    if (!integer(&number, label)) {
        return MT_BAD_LAYOUT;
    }
    uint32_t bit;
    enum mt_status status = read_field(record, c, &bit, number);
    if (status == MT_OK && (record->present & bit) != 0) {
        return MT_BAD_LAYOUT; /* the same label twice */
    }
    record->present |= bit;
    return status;
}

enum mt_status mt_senml_cbor_open(struct mt_senml_cbor *pack, struct mt_cursor *cursor)
{
    struct mt_cbor_item array = mt_cbor_read(cursor);
    if (array.major != MT_CBOR_ARRAY) {
        return MT_BAD_LAYOUT;
    }
    pack->cursor = cursor;
    pack->left = array.info == MT_CBOR_INFO_INDEFINITE ? UNTIL_BREAK : array.arg;
    return MT_OK;
}

enum mt_status mt_senml_cbor_next(struct mt_senml_record *record, struct mt_senml_cbor *pack)
{
    struct mt_cursor *c = pack->cursor;
    if (pack->left == 0) {
        return mt_cursor_left(c) == 0 ? MT_NO_READING : MT_BAD_LAYOUT;
    }
    struct mt_cbor_item map = mt_cbor_read(c);
    if (mt_cbor_is_break(&map) && pack->left == UNTIL_BREAK) {
        pack->left = 0;
        return mt_cursor_left(c) == 0 ? MT_NO_READING : MT_BAD_LAYOUT;
    }
    if (map.major != MT_CBOR_MAP) {
        return MT_BAD_LAYOUT;
    }
    pack->left -= pack->left == UNTIL_BREAK ? 0 : 1;
    bool open = map.info == MT_CBOR_INFO_INDEFINITE;
    record->present = 0;
    /* Every pair takes at least two bytes, so the bytes bound the loop. */
    for (uint64_t pairs = 0; open || pairs < map.arg; pairs++) {
        struct mt_cbor_item label = mt_cbor_read(c);
        if (open && mt_cbor_is_break(&label)) {
            break;
        }
        enum mt_status status = read_pair(record, c, &label);
        if (status != MT_OK) {
            return status;
        }
    }
    return MT_OK;
}

enum mt_status mt_message_decode_cbor(struct mt_message *out, const uint8_t *bytes, size_t len,
                                      enum mt_medium medium, int64_t base_time_us)
{
    MT_CHECK(out != NULL);
    if (len > MT_MESSAGE_BYTES_MAX) {
        return MT_TOO_LARGE;
    }
    if (mt_senml_total_name(medium) == NULL) {
        return MT_UNSUPPORTED;
    }
    struct mt_cursor cursor = mt_cursor_over(bytes, len);
    struct mt_senml_builder builder;
    mt_senml_builder_init(&builder, out, medium, base_time_us);
    struct mt_senml_cbor pack;
    struct mt_senml_record record;
    enum mt_status status = mt_senml_cbor_open(&pack, &cursor);
    while (status == MT_OK) {
        status = mt_senml_cbor_next(&record, &pack);
        if (status == MT_OK) {
            status = mt_senml_builder_take(&builder, &record);
        } else if (status == MT_NO_READING) {
            return mt_senml_builder_finish(&builder);
        }
    }
    return status;
}
