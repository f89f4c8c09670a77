/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies of notifications; see the header. */
#include "meters/dlms_list.h"

#include <string.h>

#include "meters/axdr_compact.h"
#include "meters/calendar.h"
#include "meters/dlms_object.h"
#include "meters/obis_text.h"
#include "meters/senml.h"

#define DEPTH_MAX 8u
#define ITEMS_MAX 2048u
#define OBJECTS_MAX 64u
#define DATE_TIME_BYTES 12u
#define LOCAL_EAST_MINUTES 480 /* what mt_calendar_to_us takes a clock for */
#define US_PER_MINUTE INT64_C(60000000)
#define NO_DEVIATION (-32768)
#define TEXT_ID_MIN 8u /* characters of a number that no code announces */

/* Exponents of a list that sends no scalers. */
struct profile {
    const char *id;
    const char *maker; /* where the id begins with its letters */
    int8_t energy;
    int8_t current;
    int8_t voltage;
};

static const struct profile profiles[] = {
    {"KFM_001", "KFM", 0, -3, -1},
    {"Kamstrup_V0001", "", 1, -2, 0},
};

/* An object by position: value groups A, C, D, E; B is 0 and F 255. */
typedef uint8_t place[4];

static const place kaifa[] = {{1, 0, 2, 129}, {0, 96, 1, 0}, {0, 96, 1, 7}, {1, 1, 7, 0},
                              {1, 2, 7, 0},   {1, 3, 7, 0},  {1, 4, 7, 0},  {1, 31, 7, 0},
                              {1, 51, 7, 0},  {1, 71, 7, 0}, {1, 32, 7, 0}, {1, 52, 7, 0},
                              {1, 72, 7, 0},  {0, 1, 0, 0},  {1, 1, 8, 0},  {1, 2, 8, 0},
                              {1, 3, 8, 0},   {1, 4, 8, 0}};
static const place kaifa_single[] = {{1, 0, 2, 129}, {0, 96, 1, 0}, {0, 96, 1, 7}, {1, 1, 7, 0},
                                     {1, 2, 7, 0},   {1, 3, 7, 0},  {1, 4, 7, 0},  {1, 31, 7, 0},
                                     {1, 32, 7, 0},  {0, 1, 0, 0},  {1, 1, 8, 0},  {1, 2, 8, 0},
                                     {1, 3, 8, 0},   {1, 4, 8, 0}};
static const place iskra_registers[] = {{0, 42, 0, 0},  {0, 96, 1, 3}, {0, 96, 3, 10},
                                        {0, 96, 14, 0}, {1, 1, 8, 0},  {1, 1, 8, 1},
                                        {1, 1, 8, 2},   {1, 2, 8, 0},  {1, 2, 8, 1},
                                        {1, 2, 8, 2},   {1, 3, 8, 0},  {1, 4, 8, 0}};
static const place iskra_powers[] = {{0, 42, 0, 0}, {0, 96, 1, 2}, {1, 1, 7, 0},  {1, 2, 7, 0},
                                     {1, 3, 7, 0},  {1, 4, 7, 0},  {1, 32, 7, 0}, {1, 52, 7, 0},
                                     {1, 72, 7, 0}, {1, 31, 7, 0}, {1, 51, 7, 0}, {1, 71, 7, 0},
                                     {1, 21, 7, 0}, {1, 41, 7, 0}, {1, 61, 7, 0}, {1, 22, 7, 0},
                                     {1, 42, 7, 0}, {1, 62, 7, 0}};

/* Lists by position: what their first text begins with, and how many elements they have. */
static const struct layout {
    const char *id;
    uint8_t count;
    const place *places;
} layouts[] = {
    {"KFM_001", 13, kaifa},        {"KFM_001", 18, kaifa},       {"KFM_001", 9, kaifa_single},
    {"KFM_001", 14, kaifa_single}, {"ISK", 12, iskra_registers}, {"ISK", 18, iskra_powers},
};

/* Element of a push object list: class, logical name, attribute, data index. */
struct object {
    const uint8_t *obis;
    uint16_t class_id;
    uint8_t attribute;
    int8_t scaler; /* with is_scaler: what its element says */
    uint8_t unit;
    bool is_scaler; /* its element is the scaler and unit of the object's value */
};

/* Where items come from. */
struct source {
    struct mt_cursor *c;
    struct mt_axdr_compact compact;
    bool is_compact; /* from compact, until that is done */
};

/* A list while it is read. */
struct list {
    struct mt_frame *frame;
    struct mt_trace *trace;
    struct source from;
    struct mt_dlms_registers registers;
    const struct profile *profile;
    const struct layout *layout;
    struct object objects[OBJECTS_MAX];
    uint32_t object_count;
    uint32_t top_count;          /* elements of the outermost structure */
    uint8_t code[MT_OBIS_BYTES]; /* of the value to come, or of the one that is held */
    bool has_code;               /* the next item is its value */
    bool is_held;                /* held waits for its scaler and unit */
    struct mt_dlms_register held;
    struct mt_axdr_item held_item; /* its value, for the trace */
    uint8_t number_rank;           /* how well the frame's number is known; 0: not at all */
};

/* ---- items ---------------------------------------------------------------------------------------- */

static enum mt_status next_item(struct mt_axdr_item *item, struct source *from)
{
    if (from->is_compact && mt_axdr_compact_is_done(&from->compact)) {
        from->is_compact = false;
    }
    return from->is_compact ? mt_axdr_compact_read(item, &from->compact)
                            : mt_axdr_read(item, from->c);
}

/* A compact array is the array that it stands for. */
static enum mt_status unpack(struct list *l, struct mt_axdr_item *item)
{
    uint32_t count;
    enum mt_status status = mt_axdr_compact_begin(&l->from.compact, &count, item);
    if (status != MT_OK) {
        mt_trace_fault(l->trace, item->at, item->size,
                       "a compact array whose contents are not of its type");
        return status;
    }
    l->from.is_compact = true;
    item->size = (uint32_t)(item->bytes - item->at);
    item->len = count;
    item->is_container = true;
    return MT_OK;
}

/* ---- clock and number ------------------------------------------------------------------------------ */

/* date-time (IEC 62056-5-3, 4.1.6.1): year, month, day, weekday, hour, minute, second, hundredths,
 * deviation in minutes from local time to UTC, status. Returns false when it is no full date. */
static bool set_time(struct mt_frame *frame, const uint8_t *bytes)
{
    struct mt_cursor c = mt_cursor_over(bytes, DATE_TIME_BYTES);
    struct mt_calendar local = {0};
    local.year = (int32_t)mt_cursor_be(&c, 2);
    local.month = mt_cursor_u8(&c);
    local.day = mt_cursor_u8(&c);
    (void)mt_cursor_u8(&c); /* the weekday says nothing new */
    local.hour = mt_cursor_u8(&c);
    local.minute = mt_cursor_u8(&c);
    local.second = mt_cursor_u8(&c);
    (void)mt_cursor_u8(&c); /* hundredths are cut off */
    int16_t deviation = (int16_t)mt_cursor_be(&c, 2);
    uint8_t status = mt_cursor_u8(&c);
    int64_t time_us;
    local.second = local.second == 0xFF ? 0 : local.second; /* not specified */
    bool zoned = deviation != NO_DEVIATION;
    if (mt_calendar_to_us(&time_us, &local) != MT_OK ||
        (zoned && (deviation < -840 || deviation > 720))) {
        return false;
    }
    frame->has_time = true;
    frame->has_zone = zoned;
    frame->zone_minutes = zoned ? (int16_t)-deviation : 0;
    frame->time_us = zoned ? time_us + (LOCAL_EAST_MINUTES + deviation) * US_PER_MINUTE : time_us;
    /* Bits 0 to 3: invalid, doubtful, another base, invalid status. FF: not specified. */
    if (status != 0xFF && (status & 0x0Fu) != 0) {
        frame->flags |= MT_FLAG_CLOCK_DOUBT;
    }
    return true;
}

static bool is_text(const struct mt_axdr_item *item)
{
    return item->tag == MT_AXDR_OCTETS || item->tag == MT_AXDR_TEXT || item->tag == MT_AXDR_UTF8;
}

/* Objects that hold the meter's number, the better ones first. */
static uint8_t number_rank(const uint8_t *code)
{
    static const uint8_t objects[][MT_OBIS_BYTES] = {
        {0, 0, 96, 1, 0, 255}, /* device id 1 */
        {1, 1, 0, 0, 5, 255},  /* Kamstrup: GIAI */
        {0, 0, 96, 1, 1, 255}, /* device id 2 */
        {0, 0, 42, 0, 0,
         255}, /* logical device name: its maker's letters, then what the maker likes */
    };
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        if (memcmp(code, objects[i], MT_OBIS_BYTES) == 0) {
            return (uint8_t)(9 - i);
        }
    }
    return 0;
}

static void set_number(struct list *l, const struct mt_axdr_item *item, uint8_t rank)
{
    if (rank <= l->number_rank || !is_text(item)) {
        return;
    }
    char number[MT_NUMBER_MAX + 1];
    if (!mt_data_number_text(number, item->bytes, item->len)) {
        return;
    }
    memcpy(l->frame->identity.number, number, sizeof(number));
    l->number_rank = rank;
    bool is_device_name = l->code[2] == 42 && l->has_code;
    if (is_device_name && strlen(number) > MT_MAKER_MAX) {
        memcpy(l->frame->identity.maker, number, MT_MAKER_MAX);
        l->frame->identity.maker[MT_MAKER_MAX] = '\0';
    }
}

/* ---- registers --------------------------------------------------------------------------------------- */

/* What a list id says of a register that came without scaler and unit. */
static void apply_profile(struct mt_dlms_register *sent, const struct profile *profile)
{
    const uint8_t *code = sent->obis;
    bool energy = code[3] == 8 && code[2] >= 1 && code[2] <= 4;
    uint8_t quantity = (uint8_t)((code[2] - 1u) % 20 + 1);
    if (profile == NULL || code[0] != 1 || code[2] == 0 || code[2] > 80) {
        return;
    }
    if (energy) {
        sent->scaler += profile->energy;
        sent->unit = code[2] <= 2 ? MT_DLMS_UNIT_WH : MT_DLMS_UNIT_VARH;
    } else if (code[3] == 7 && quantity <= 4) {
        sent->unit = quantity <= 2 ? MT_DLMS_UNIT_W : MT_DLMS_UNIT_VAR;
    } else if (code[3] == 7 && (quantity == 11 || quantity == 12)) {
        sent->scaler += quantity == 11 ? profile->current : profile->voltage;
        sent->unit = quantity == 11 ? MT_DLMS_UNIT_A : MT_DLMS_UNIT_V;
    }
}

/* Add the register that waited for its scaler and unit. */
static enum mt_status flush(struct list *l)
{
    if (!l->is_held) {
        return MT_OK;
    }
    l->is_held = false;
    /* Those lists hold integers: what a float would mean in them is not known. */
    bool is_float = l->held_item.tag == MT_AXDR_FLOAT32 || l->held_item.tag == MT_AXDR_FLOAT64;
    if (l->held.unit == MT_DLMS_UNIT_NONE && !is_float) {
        apply_profile(&l->held, l->profile);
    }
    enum mt_status status = mt_dlms_add(&l->registers, &l->held);
    if (status != MT_OK) {
        mt_trace_fault(l->trace, l->held_item.at, l->held_item.size,
                       "the total's unit or size is impossible, or it comes twice");
    }
    return status;
}

static bool is_code(const struct mt_axdr_item *item)
{
    bool current = item->len == MT_OBIS_BYTES && item->tag == MT_AXDR_OCTETS &&
                   (item->bytes[5] == MT_OBIS_CURRENT || item->bytes[5] < 100);
    return current && (item->bytes[0] <= 15 || item->bytes[0] == 129);
}

/* An integer, or a float taken apart in integers (IEEE 754). Returns false when it is neither. */
static bool take_number(struct mt_dlms_register *sent, const struct mt_axdr_item *item)
{
    if (item->tag != MT_AXDR_FLOAT32 && item->tag != MT_AXDR_FLOAT64) {
        return mt_axdr_number(&sent->mantissa, &sent->is_beyond, item);
    }
    struct mt_cursor bits = mt_cursor_over(item->bytes, item->len);
    struct mt_senml_number number;
    int8_t exponent = 0;
    mt_senml_float(&number, mt_cursor_be(&bits, item->len), item->len * 8);
    sent->is_beyond = mt_senml_decimal(&sent->mantissa, &exponent, &number) != MT_OK;
    sent->scaler = (int16_t)exponent;
    return true;
}

/* Scaler and unit of a value whose object list sends them as an element of its own. */
static void take_companion(struct list *l, const struct object *object)
{
    for (uint32_t i = 0; object != NULL && i < l->object_count; i++) {
        const struct object *other = &l->objects[i];
        if (other->is_scaler && other->class_id == object->class_id &&
            memcmp(other->obis, object->obis, MT_OBIS_BYTES) == 0) {
            l->held.scaler += other->scaler;
            l->held.unit = other->unit;
            return;
        }
    }
}

/* The value of a known object. object: by which the list names it; NULL: it does not. */
static void take_value(struct list *l, const struct mt_axdr_item *item, const struct object *object)
{
    static const uint8_t clock[] = {1, 0, 0, 255};
    struct mt_dlms_register sent = {.obis = l->code};
    bool is_number = take_number(&sent, item);
    bool is_date = item->len == DATE_TIME_BYTES && memcmp(l->code + 2, clock, 4) == 0 &&
                   l->code[0] == 0 && !l->frame->has_time;
    mt_trace_field(l->trace, item->at, item->size, "value", NULL);
    sent.is_absent = item->tag == MT_AXDR_NULL;
    if (is_number || sent.is_absent) {
        l->held = sent;
        l->held_item = *item;
        l->is_held = true;
        take_companion(l, object);
    } else if (is_date) {
        (void)set_time(l->frame, item->bytes); /* a clock that is not set is no time */
    } else {
        set_number(l, item, number_rank(l->code));
    }
    l->has_code = false;
}

/* A list id chooses the table of units and, where the list has no codes, of places. */
static void choose_tables(struct list *l, const struct mt_axdr_item *item, bool is_first)
{
    for (size_t i = 0; is_text(item) && i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        const struct profile *p = &profiles[i];
        if (item->len == strlen(p->id) && memcmp(item->bytes, p->id, item->len) == 0) {
            l->profile = p;
            memcpy(l->frame->identity.maker, p->maker, strlen(p->maker));
        }
    }
    for (size_t i = 0; is_first && is_text(item) && i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        const struct layout *y = &layouts[i];
        size_t len = strlen(y->id);
        if (l->top_count == y->count && item->len >= len && memcmp(item->bytes, y->id, len) == 0) {
            l->layout = y;
        }
    }
}

/* The object of an element of the outermost structure, by the push object list; NULL: none. */
static const struct object *object_at(const struct list *l, uint32_t index)
{
    /* The push object list names itself first, or is left out of its own count. */
    uint32_t shift = l->object_count + 1 == l->top_count ? 1 : 0;
    bool named = l->object_count > 0 && index >= shift && index - shift < l->object_count;
    return named ? &l->objects[index - shift] : NULL;
}

/* The code of an element that its place names. */
static void preset_code(struct list *l, uint32_t index, const struct object *object)
{
    if (l->layout != NULL && index < l->layout->count) {
        const uint8_t *p = l->layout->places[index];
        const uint8_t code[MT_OBIS_BYTES] = {p[0], 0, p[1], p[2], p[3], MT_OBIS_CURRENT};
        memcpy(l->code, code, sizeof(code));
        l->has_code = true;
    }
    if (object != NULL) {
        memcpy(l->code, object->obis, MT_OBIS_BYTES);
        l->has_code = true;
    }
}

static enum mt_status take_leaf(struct list *l, const struct mt_axdr_item *item, bool is_top,
                                uint32_t index)
{
    /* A value is complete when the next item is neither a scaler nor a unit. */
    enum mt_status status = flush(l);
    if (status != MT_OK) {
        return status;
    }
    const struct object *object = is_top ? object_at(l, index) : NULL;
    choose_tables(l, item, is_top && index == 0);
    if (object != NULL && object->attribute != 2) {
        mt_trace_field(l->trace, item->at, item->size, "attribute", "not a value");
        return MT_OK;
    }
    if (is_top) {
        preset_code(l, index, object);
    }
    if (l->has_code) {
        take_value(l, item, object);
        return MT_OK;
    }
    if (is_code(item)) {
        mt_trace_field(l->trace, item->at, item->size, "OBIS code", NULL);
        memcpy(l->code, item->bytes, MT_OBIS_BYTES);
        l->has_code = true;
        return MT_OK;
    }
    mt_trace_field(l->trace, item->at, item->size, "element", "without a code");
    bool is_date = item->len == DATE_TIME_BYTES &&
                   (item->tag == MT_AXDR_OCTETS || item->tag == MT_AXDR_DATE_TIME);
    if (is_date && !l->frame->has_time && set_time(l->frame, item->bytes)) {
        return MT_OK;
    }
    /* Austrian lists end in the meter's number. */
    if (l->frame->value_count > 0 && item->len >= TEXT_ID_MIN) {
        set_number(l, item, 1);
    }
    return MT_OK;
}

/* ---- containers --------------------------------------------------------------------------------------- */

/* The two members of a scaler and unit. Returns false, having read nothing, when they are none. */
static bool read_scaler(struct mt_axdr_item *scaler, struct mt_axdr_item *unit, struct source *from)
{
    struct mt_cursor after = *from->c;
    struct source look = *from;
    look.c = &after;
    if (next_item(scaler, &look) != MT_OK || scaler->tag != MT_AXDR_INT8 ||
        next_item(unit, &look) != MT_OK || unit->tag != MT_AXDR_ENUM) {
        return false;
    }
    *from->c = after;
    look.c = from->c;
    *from = look;
    return true;
}

/* {scaler, unit} of the value before. */
static bool take_scaler(struct list *l)
{
    struct mt_axdr_item scaler;
    struct mt_axdr_item unit;
    if (!read_scaler(&scaler, &unit, &l->from)) {
        return false;
    }
    mt_trace_field(l->trace, scaler.at, scaler.size, "scaler", NULL);
    mt_trace_field(l->trace, unit.at, unit.size, "unit", mt_dlms_unit(unit.bytes[0]));
    l->held.scaler += (int8_t)scaler.bytes[0];
    l->held.unit = unit.bytes[0];
    return true;
}

/* The push object list: structures of class, logical name, attribute and data index. */
static bool take_objects(struct list *l, uint32_t count, struct mt_cursor *c)
{
    struct mt_cursor look = *c;
    for (uint32_t i = 0; i < count; i++) {
        struct mt_axdr_item part[5];
        for (size_t p = 0; p < 5; p++) {
            if (mt_axdr_read(&part[p], &look) != MT_OK) {
                return false;
            }
        }
        if (part[0].tag != MT_AXDR_STRUCTURE || part[0].len != 4 || part[1].tag != MT_AXDR_UINT16 ||
            part[2].tag != MT_AXDR_OCTETS || part[2].len != MT_OBIS_BYTES ||
            part[3].tag != MT_AXDR_INT8 || part[4].tag != MT_AXDR_UINT16) {
            return false;
        }
        l->objects[i] =
            (struct object){.obis = part[2].bytes,
                            .class_id = (uint16_t)(part[1].bytes[0] << 8 | part[1].bytes[1]),
                            .attribute = part[3].bytes[0]};
    }
    mt_trace_field(l->trace, c->at, (size_t)(look.at - c->at), "push object list",
                   "the object of each element");
    l->object_count = count;
    *c = look;
    return true;
}

/* Is it the scaler and unit of its object? (IEC 62056-6-2: register, extended register, demand) */
static bool is_scaler_attribute(const struct object *object)
{
    return object->attribute == 3 ? object->class_id == 3 || object->class_id == 4
                                  : object->attribute == 4 && object->class_id == 5;
}

/* Scalers may stand before or behind their values, so they are read ahead.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT when an object has two that differ. A broken element is left for
 *           walk() to refuse.
 */
static enum mt_status find_scalers(struct list *l, const struct mt_cursor *c)
{
    struct mt_cursor at = *c;
    struct source from = {.c = &at};
    for (uint32_t index = 1; index < l->top_count; index++) {
        struct object *object = &l->objects[index - (l->top_count - l->object_count)];
        struct mt_cursor element = at;
        struct mt_axdr_item item[3];
        if (mt_axdr_skip(&at) != MT_OK) {
            return MT_OK;
        }
        from.c = &element;
        if (!is_scaler_attribute(object) || mt_axdr_read(&item[0], &element) != MT_OK ||
            item[0].tag != MT_AXDR_STRUCTURE || item[0].len != 2 ||
            !read_scaler(&item[1], &item[2], &from)) {
            continue;
        }
        object->scaler = (int8_t)item[1].bytes[0];
        object->unit = item[2].bytes[0];
        object->is_scaler = true;
        for (const struct object *o = l->objects; o < object; o++) {
            bool same = o->is_scaler && o->class_id == object->class_id &&
                        memcmp(o->obis, object->obis, MT_OBIS_BYTES) == 0;
            if (same && (o->scaler != object->scaler || o->unit != object->unit)) {
                mt_trace_fault(l->trace, item[0].at, 2, "the object has another scaler and unit");
                return MT_BAD_LAYOUT;
            }
        }
    }
    return MT_OK;
}

/* Step over an element that is no value. */
static bool pass(struct list *l, const struct mt_axdr_item *item)
{
    struct mt_cursor look = mt_cursor_over(item->at, (size_t)(l->from.c->end - item->at));
    if (mt_axdr_skip(&look) != MT_OK) {
        return false;
    }
    mt_trace_field(l->trace, item->at, (size_t)(look.at - item->at), "attribute",
                   "of an object above");
    *l->from.c = look;
    l->from.is_compact = false;
    return true;
}

/* An array or a structure begins. *is_done when its elements were read here. */
static enum mt_status enter(struct list *l, bool *is_done, const struct mt_axdr_item *item,
                            size_t depth, uint32_t index)
{
    const struct object *object = depth == 1 ? object_at(l, index) : NULL;
    *is_done = false;
    if (object != NULL && object->attribute != 2) {
        *is_done = pass(l, item);
    }
    if (*is_done) {
        return flush(l);
    }
    if (item->size > 0) {
        const char *what = item->tag == MT_AXDR_STRUCTURE ? "structure" : "array";
        mt_trace_field(l->trace, item->at, item->size, what,
                       item->tag == MT_AXDR_COMPACT ? "compact: the type of its elements" : NULL);
    }
    if (item->tag == MT_AXDR_STRUCTURE && item->len == 2 && l->is_held && object == NULL) {
        *is_done = take_scaler(l);
    }
    enum mt_status status = flush(l);
    l->has_code = false; /* what follows is no plain value */
    if (depth == 0) {
        l->top_count = item->len;
    }
    bool may_be_objects = depth == 1 && index == 0 && item->tag == MT_AXDR_ARRAY &&
                          !l->from.is_compact && item->len > 0 && item->len <= OBJECTS_MAX;
    if (may_be_objects && (item->len == l->top_count || item->len + 1 == l->top_count)) {
        *is_done = take_objects(l, item->len, l->from.c);
        status = *is_done && status == MT_OK ? find_scalers(l, l->from.c) : status;
    }
    return status;
}

/* Read the tree item by item. Work is bounded by ITEMS_MAX. */
static enum mt_status walk(struct list *l)
{
    struct {
        uint32_t left;
        uint32_t index;
    } levels[DEPTH_MAX];
    size_t depth = 0;
    for (uint32_t count = 0; count < ITEMS_MAX; count++) {
        struct mt_axdr_item item;
        enum mt_status status = next_item(&item, &l->from);
        if (status != MT_OK) {
            mt_trace_fault(l->trace, l->from.c->at, 0,
                           "no item of A-XDR, or the bytes end inside of one");
            return status;
        }
        if (item.tag == MT_AXDR_COMPACT) {
            status = unpack(l, &item);
        }
        if (status != MT_OK) {
            return status;
        }
        uint32_t index = 0;
        if (depth > 0) {
            index = levels[depth - 1].index++;
            levels[depth - 1].left--;
        }
        if (item.is_container) {
            bool is_done;
            status = enter(l, &is_done, &item, depth, index);
            if (!is_done && depth == DEPTH_MAX) {
                return MT_TOO_LARGE;
            }
            if (!is_done && item.len > 0) {
                levels[depth].left = item.len;
                levels[depth++].index = 0;
            }
        } else {
            status = depth == 0 ? MT_UNSUPPORTED : take_leaf(l, &item, depth == 1, index);
        }
        if (status != MT_OK) {
            return status;
        }
        while (depth > 0 && levels[depth - 1].left == 0) {
            depth--;
        }
        if (depth == 0) {
            return flush(l);
        }
    }
    return MT_TOO_LARGE;
}

enum mt_status mt_dlms_list_read(struct mt_frame *frame, struct mt_cursor *c,
                                 struct mt_trace *trace)
{
    MT_CHECK(frame != NULL && c != NULL);
    const uint8_t *from = c->at;
    uint8_t len = mt_cursor_u8(c);
    /* Kaifa writes the octet string's tag before its length. */
    len = len == MT_AXDR_OCTETS ? mt_cursor_u8(c) : len;
    const uint8_t *date = mt_cursor_take(c, len);
    if (c->overrun) {
        return MT_NEED_MORE;
    }
    mt_trace_field(trace, from, (size_t)(c->at - from), "date-time", len == 0 ? "none" : NULL);
    if (len != 0 && len != DATE_TIME_BYTES) {
        mt_trace_fault(trace, from, 1, "a date-time has twelve bytes");
        return MT_BAD_LAYOUT;
    }
    if (len != 0) {
        (void)set_time(frame, date); /* a clock that is not set is no time */
    }
    struct list l = {
        .frame = frame, .trace = trace, .from = {.c = c}, .registers = {.frame = frame}};
    enum mt_status status = walk(&l);
    return status == MT_OK ? mt_dlms_finish(&l.registers) : status;
}
