/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CBOR items over a cursor and a writer; see the header. */
#include "meters/cbor.h"

#include "meters/limits.h"

struct mt_cbor_item mt_cbor_read(struct mt_cursor *c)
{
    static const uint64_t least[4] = {24, UINT64_C(1) << 8, UINT64_C(1) << 16, UINT64_C(1) << 32};
    uint8_t initial = mt_cursor_u8(c);
    struct mt_cbor_item item = {
        .major = initial >> 5, .info = initial & 31, .shortest = true, .arg = initial & 31};
    if (item.info >= 24) {
        item.arg = 0;
        if (item.info <= 27) {
            size_t width = item.info - 24u;
            item.arg = mt_cursor_be(c, (size_t)1 << width);
            item.shortest = item.arg >= least[width];
        } else if (item.info < 31 || item.major < 2 || item.major == MT_CBOR_TAG) {
            item.major = MT_CBOR_MALFORMED; /* RFC 8949, 3: 28 to 30 are reserved */
        }
    }
    if (item.major == MT_CBOR_SIMPLE && item.info == 24 && item.arg < 32) {
        item.major = MT_CBOR_MALFORMED; /* RFC 8949, 3.3: two-byte simple values start at 32 */
    }
    if (c->overrun) {
        item.major = MT_CBOR_MALFORMED;
    }
    return item;
}

enum mt_status mt_cbor_string(const uint8_t **bytes, size_t *len, struct mt_cursor *c,
                              const struct mt_cbor_item *item)
{
    MT_CHECK(item->major == MT_CBOR_BYTES || item->major == MT_CBOR_TEXT);
    if (item->info == MT_CBOR_INFO_INDEFINITE) {
        return MT_UNSUPPORTED;
    }
    if (item->arg > mt_cursor_left(c)) {
        return MT_BAD_LAYOUT;
    }
    *len = (size_t)item->arg;
    *bytes = mt_cursor_take(c, *len);
    return MT_OK;
}

/* Items of a container still to come; the top values mean "until the break", where a map must have
 * seen whole pairs (RFC 8949, 3.2.2). */
#define ARRAY_OPEN UINT64_MAX
#define MAP_OPEN (UINT64_MAX - 1)
#define MAP_OPEN_ODD (UINT64_MAX - 2)

static uint64_t items_inside(const struct mt_cbor_item *item)
{
    bool open = item->info == MT_CBOR_INFO_INDEFINITE;
    switch (item->major) {
    case MT_CBOR_TAG:
        return 1;
    case MT_CBOR_ARRAY:
        return open ? ARRAY_OPEN : item->arg;
    case MT_CBOR_MAP:
        return open ? MAP_OPEN : item->arg * 2;
    }
    return 0;
}

/* One item more is read from the container. */
static uint64_t after_one(uint64_t left)
{
    switch (left) {
    case ARRAY_OPEN:
        return ARRAY_OPEN;
    case MAP_OPEN:
        return MAP_OPEN_ODD;
    case MAP_OPEN_ODD:
        return MAP_OPEN;
    }
    return left - 1;
}

/* Step over what belongs to the head itself. A count that the bytes cannot hold is refused here,
 * so that no later arithmetic on it can wrap. */
static enum mt_status skip_own_bytes(struct mt_cursor *c, const struct mt_cbor_item *item)
{
    bool open = item->info == MT_CBOR_INFO_INDEFINITE;
    switch (item->major) {
    case MT_CBOR_BYTES:
    case MT_CBOR_TEXT:
        if (open) {
            return MT_UNSUPPORTED;
        }
        if (item->arg > mt_cursor_left(c)) {
            return MT_BAD_LAYOUT;
        }
        (void)mt_cursor_take(c, (size_t)item->arg); /* it is all there, as just compared */
        return MT_OK;
    case MT_CBOR_ARRAY:
    case MT_CBOR_MAP:
        return open || item->arg <= mt_cursor_left(c) ? MT_OK : MT_BAD_LAYOUT;
    case MT_CBOR_MALFORMED:
        return MT_BAD_LAYOUT;
    }
    return MT_OK;
}

enum mt_status mt_cbor_skip(struct mt_cursor *c, const struct mt_cbor_item *item)
{
    uint64_t left[MT_CBOR_DEPTH_MAX];
    size_t depth = 0;
    struct mt_cbor_item now = *item;
    /* Each turn consumes at least one byte, so the bytes bound the loop. */
    for (;;) {
        if (mt_cbor_is_break(&now)) {
            /* The odd state was reached by reading the break itself. */
            if (depth == 0 || (left[depth - 1] != ARRAY_OPEN && left[depth - 1] != MAP_OPEN_ODD)) {
                return MT_BAD_LAYOUT;
            }
            depth--;
        } else {
            enum mt_status status = skip_own_bytes(c, &now);
            if (status != MT_OK) {
                return status;
            }
            uint64_t inside = items_inside(&now);
            if (inside > 0 && depth == MT_CBOR_DEPTH_MAX) {
                return MT_TOO_LARGE;
            }
            if (inside > 0) {
                left[depth++] = inside;
            }
        }
        while (depth > 0 && left[depth - 1] == 0) {
            depth--;
        }
        if (depth == 0) {
            return MT_OK;
        }
        left[depth - 1] = after_one(left[depth - 1]);
        now = mt_cbor_read(c);
    }
}

void mt_cbor_write_head(struct mt_writer *w, enum mt_cbor_major major, uint64_t arg)
{
    MT_CHECK(major < MT_CBOR_MALFORMED);
    uint8_t type = (uint8_t)(major << 5);
    if (arg < 24) {
        mt_writer_u8(w, type | (uint8_t)arg);
    } else if (arg <= UINT8_MAX) {
        mt_writer_be(w, (uint64_t)(type | 24u) << 8 | arg, 2);
    } else if (arg <= UINT16_MAX) {
        mt_writer_be(w, (uint64_t)(type | 25u) << 16 | arg, 3);
    } else if (arg <= UINT32_MAX) {
        mt_writer_be(w, (uint64_t)(type | 26u) << 32 | arg, 5);
    } else {
        mt_writer_u8(w, type | 27u);
        mt_writer_be(w, arg, 8);
    }
}

void mt_cbor_write_int(struct mt_writer *w, int64_t value)
{
    if (value >= 0) {
        mt_cbor_write_head(w, MT_CBOR_UINT, (uint64_t)value);
    } else {
        mt_cbor_write_head(w, MT_CBOR_NINT, (uint64_t)(-(value + 1)));
    }
}

void mt_cbor_write_text(struct mt_writer *w, const char *text, size_t len)
{
    mt_cbor_write_head(w, MT_CBOR_TEXT, len);
    mt_writer_bytes(w, text, len);
}

void mt_cbor_write_bytes(struct mt_writer *w, const uint8_t *bytes, size_t len)
{
    mt_cbor_write_head(w, MT_CBOR_BYTES, len);
    mt_writer_bytes(w, bytes, len);
}

void mt_cbor_write_decimal(struct mt_writer *w, int64_t mantissa, int64_t exponent)
{
    mt_cbor_write_head(w, MT_CBOR_TAG, MT_CBOR_TAG_DECIMAL);
    mt_cbor_write_head(w, MT_CBOR_ARRAY, 2);
    mt_cbor_write_int(w, exponent);
    mt_cbor_write_int(w, mantissa);
}
