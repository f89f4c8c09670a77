/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data of DL/T 698.45, type and value (7.3.2, table of data types); see the header. */
#include "meters/dlt698_apdu.h"

/* Types whose length is known from the type. */
static const struct width {
    uint8_t type;
    uint8_t bytes;
    bool is_number;
    bool is_signed;
} widths[] = {
    {0x00, 0, false, false},  /* NULL */
    {0x03, 1, true, false},   /* bool */
    {0x05, 4, true, true},    /* double-long */
    {0x06, 4, true, false},   /* double-long-unsigned */
    {0x0F, 1, true, true},    /* integer */
    {0x10, 2, true, true},    /* long */
    {0x11, 1, true, false},   /* unsigned */
    {0x12, 2, true, false},   /* long-unsigned */
    {0x14, 8, true, true},    /* long64 */
    {0x15, 8, true, false},   /* long64-unsigned */
    {0x16, 1, true, false},   /* enum */
    {0x17, 4, false, false},  /* float32: no register is sent as one */
    {0x18, 8, false, false},  /* float64 */
    {0x19, 10, false, false}, /* date_time */
    {0x1A, 5, false, false},  /* date */
    {0x1B, 3, false, false},  /* time */
    {0x1C, 7, false, false},  /* date_time_s */
    {0x50, 2, false, false},  /* OI */
    {0x51, 4, false, false},  /* OAD */
    {0x53, 4, false, false},  /* OMD */
    {0x54, 3, false, false},  /* TI */
    {0x59, 2, false, false},  /* Scaler_Unit */
    {0x5F, 5, false, false},  /* COMDCB */
};

#define BIT_STRING 0x04u
#define OCTET_STRING 0x09u
#define VISIBLE_STRING 0x0Au
#define UTF8_STRING 0x0Cu
#define ROAD 0x52u
#define TSA 0x55u
#define MAC 0x56u
#define RN 0x57u
#define REGION 0x58u
#define CSD 0x5Bu
#define SID 0x5Du
#define SID_MAC 0x5Eu
#define RCSD 0x60u

#define OAD_BYTES 4u

size_t mt_dlt698_read_count(struct mt_cursor *c)
{
    size_t count = mt_cursor_u8(c);
    if (count > 0x80 && count <= 0x84) {
        count = (size_t)mt_cursor_be(c, count & 0xF);
    } else if (count >= 0x80) {
        c->overrun = true;
    }
    /* Whatever is counted has a byte at least. */
    if (c->overrun || count > mt_cursor_left(c)) {
        c->overrun = true;
        return 0;
    }
    return count;
}

static const struct width *find_width(uint8_t type)
{
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        if (widths[i].type == type) {
            return &widths[i];
        }
    }
    return NULL;
}

static enum mt_status read_number(struct mt_dlt698_leaf *leaf, const struct width *width)
{
    uint64_t number = 0;
    bool all_set = true;
    for (size_t i = 0; i < width->bytes; i++) {
        number = number << 8 | leaf->bytes[i];
        all_set = all_set && leaf->bytes[i] == 0xFF;
    }
    leaf->is_number = true;
    if (width->is_signed) {
        unsigned unused = 64 - 8u * width->bytes;
        MT_CHECK(width->bytes >= 1 && width->bytes <= 8);
        uint64_t sign = UINT64_C(1) << (8u * width->bytes - 1);
        /* Extend the sign, then read two's complement without leaving defined arithmetic. */
        uint64_t wide =
            (number & sign) != 0 ? number | (unused > 0 ? ~(UINT64_MAX >> unused) : 0) : number;
        leaf->number = wide <= INT64_MAX ? (int64_t)wide : -(int64_t)(UINT64_MAX - wide) - 1;
        return MT_OK;
    }
    leaf->is_absent = width->bytes >= 4 && all_set; /* no register counts that far */
    if (leaf->is_absent) {
        return MT_OK;
    }
    leaf->number = (int64_t)(number & INT64_MAX);
    return number > INT64_MAX ? MT_BAD_RANGE : MT_OK;
}

static void skip_road(struct mt_cursor *c)
{
    (void)mt_cursor_take(c, OAD_BYTES); /* an overrun shows at the end */
    (void)mt_cursor_take(c, mt_dlt698_read_count(c) * OAD_BYTES);
}

static void skip_csd(struct mt_cursor *c)
{
    uint8_t choice = mt_cursor_u8(c);
    if (choice == 0) {
        (void)mt_cursor_take(c, OAD_BYTES); /* an overrun shows at the end */
    } else if (choice == 1) {
        skip_road(c);
    } else {
        c->overrun = true;
    }
}

/* Step over a value whose length stands in it. Returns false for a type that is not known. */
static bool skip_counted(struct mt_cursor *c, uint8_t type)
{
    size_t count;
    switch (type) {
    case BIT_STRING: /* counted in bits, so more than what is left is no error yet */
        count = mt_cursor_u8(c);
        (void)mt_cursor_take(c, (count + 7) / 8);
        c->overrun = c->overrun || count >= 0x80;
        return true;
    case OCTET_STRING:
    case VISIBLE_STRING:
    case UTF8_STRING:
    case TSA:
    case MAC:
    case RN:
        (void)mt_cursor_take(c, mt_dlt698_read_count(c));
        return true;
    case SID:
    case SID_MAC:
        (void)mt_cursor_take(c, 4);
        (void)mt_cursor_take(c, mt_dlt698_read_count(c));
        if (type == SID_MAC) {
            (void)mt_cursor_take(c, mt_dlt698_read_count(c));
        }
        return true;
    case ROAD:
        skip_road(c);
        return true;
    case CSD:
        skip_csd(c);
        return true;
    case RCSD:
        for (count = mt_dlt698_read_count(c); count > 0; count--) {
            skip_csd(c);
        }
        return true;
    default: /* a number from the wire: conditions and groups of meters, which requests have */
        return false;
    }
}

/* Where one is in arrays and structures. */
struct walk {
    struct level {
        size_t count;
        size_t index;
    } levels[MT_DLT698_DEPTH_MAX];
    size_t depth;
    bool is_done;
};

/* One element has ended: so may all around it. */
static void step(struct walk *walk)
{
    while (walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (++level->index < level->count) {
            return;
        }
        walk->depth--;
    }
    walk->is_done = true;
}

static enum mt_status enter(struct walk *walk, size_t count)
{
    if (count == 0) {
        step(walk);
        return MT_OK;
    }
    if (walk->depth == MT_DLT698_DEPTH_MAX) {
        return MT_TOO_LARGE;
    }
    walk->levels[walk->depth++] = (struct level){.count = count};
    return MT_OK;
}

static enum mt_status read_leaf(struct mt_dlt698_leaf *leaf, struct mt_cursor *c,
                                const struct walk *walk)
{
    const struct width *width = find_width(leaf->type);
    leaf->depth = (uint8_t)walk->depth;
    for (size_t i = 0; i < walk->depth && i < 2; i++) {
        leaf->path[i] = walk->levels[i].index;
    }
    leaf->bytes = c->at;
    if (width != NULL) {
        (void)mt_cursor_take(c, width->bytes); /* an overrun is asked for below */
    } else if (!skip_counted(c, leaf->type)) {
        return MT_UNSUPPORTED;
    }
    if (c->overrun) {
        return MT_BAD_LAYOUT;
    }
    leaf->len = (size_t)(c->at - leaf->bytes);
    leaf->is_absent = leaf->type == MT_DLT698_NULL;
    return width != NULL && width->is_number ? read_number(leaf, width) : MT_OK;
}

/* Read the next element: enter it, or take it. */
static enum mt_status read_element(struct mt_dlt698_reader *reader, struct walk *walk, uint32_t oad)
{
    struct mt_cursor *c = &reader->at;
    const uint8_t *first = c->at;
    uint8_t type = mt_cursor_u8(c);
    if (type == MT_DLT698_ARRAY || type == MT_DLT698_STRUCTURE) {
        size_t count = mt_dlt698_read_count(c);
        mt_trace_field(reader->trace, first, (size_t)(c->at - first),
                       type == MT_DLT698_ARRAY ? "array, elements" : "structure, elements", NULL);
        return c->overrun ? MT_BAD_LAYOUT : enter(walk, count);
    }
    if (type == REGION) { /* how its ends count, then its two ends */
        (void)mt_cursor_u8(c);
        return enter(walk, 2);
    }
    struct mt_dlt698_leaf leaf = {.type = type};
    enum mt_status status = c->overrun ? MT_BAD_LAYOUT : read_leaf(&leaf, c, walk);
    if (status == MT_OK && mt_dlt698_object(oad) != NULL) {
        status = mt_dlt698_take(reader, oad, &leaf);
    }
    if (status == MT_OK) {
        mt_trace_field(reader->trace, first, (size_t)(c->at - first), "type and value",
                       leaf.is_absent ? "no such value" : mt_dlt698_object_name(oad));
        step(walk);
    } else {
        mt_trace_fault(reader->trace, first, (size_t)(c->at - first),
                       "this value is not one that the object can have");
    }
    return status;
}

enum mt_status mt_dlt698_read_data(struct mt_dlt698_reader *reader, uint32_t oad)
{
    MT_CHECK(reader != NULL);
    struct walk walk = {.depth = 0};
    while (!walk.is_done) { /* every element has a byte at least */
        enum mt_status status = read_element(reader, &walk, oad);
        if (status != MT_OK) {
            return status;
        }
    }
    return MT_OK;
}
