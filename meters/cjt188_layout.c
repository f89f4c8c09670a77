/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layouts of CJ/T 188 data; see the header. */
#include "meters/cjt188_layout.h"

#include "meters/bcd.h"
#include "meters/calendar.h"

#define CLOCK_BYTES 7u
#define VENDOR_BYTES 4u

/* What a field is. */
enum kind {
    VOLUME, /* four BCD bytes and a unit */
    ENERGY,
    POWER,
    FLOW,
    TEMPERATURE, /* three BCD bytes: XXXX.XX degrees */
    HOURS,       /* three BCD bytes */
    CLOCK,       /* ss mm hh DD MM YY CC */
    STATUS,      /* two bytes of bits */
    VENDOR,      /* four bytes that only their maker can read */
};

#define VALVE_MASK 0x03u /* status byte 1: 00 open, 01 shut, 11 abnormal */
#define VALVE_SHUT 0x01u
#define LOW_BATTERY 0x04u

/* Unit codes of the standard (2004: table 3), with the decimals of the field that they stand in.
 * Two decimals are the standard's for volume and heat; 2B, 2D and 2E are makers' own for others. */
struct unit {
    uint8_t code;
    uint8_t kind; /* enum kind */
    int8_t exponent;
    bool is_billed;
    const char *text;
};

/* Litres are shown but never billed: meters disagree on whether two digits are decimals. Joules and
 * hundredths of a Wh are no whole numbers of Wh. */
static const struct unit units[] = {
    {0x2C, VOLUME, -2, true, "m3"},  {0x2B, VOLUME, -3, true, "m3"},
    {0x2D, VOLUME, -1, true, "m3"},  {0x2E, VOLUME, 0, true, "m3"},
    {0x29, VOLUME, -2, false, "l"},  {0x02, ENERGY, -2, false, "Wh"},
    {0x05, ENERGY, -2, true, "kWh"}, {0x08, ENERGY, -2, true, "MWh"},
    {0x0A, ENERGY, 0, true, "MWh"},  {0x01, ENERGY, -2, false, "J"},
    {0x0B, ENERGY, -2, false, "kJ"}, {0x0E, ENERGY, -2, false, "MJ"},
    {0x11, ENERGY, -2, false, "GJ"}, {0x13, ENERGY, 0, false, "GJ"},
    {0x14, POWER, -2, false, "W"},   {0x17, POWER, -2, false, "kW"},
    {0x1A, POWER, -2, false, "MW"},  {0x32, FLOW, -4, false, "l/h"},
    {0x35, FLOW, -4, false, "m3/h"},
};

/* Which register a field holds. */
enum role { PLAIN, TOTAL, SETTLEMENT };

struct field {
    char letter;  /* by which layouts name it */
    uint8_t kind; /* enum kind */
    uint8_t role; /* enum role */
    const char *name;
};

static const struct field fields[] = {
    {'V', VOLUME, TOTAL, "volume"},
    {'v', VOLUME, SETTLEMENT, "volume at settlement"},
    {'w', VOLUME, PLAIN, "volume"},
    {'b', VOLUME, PLAIN, "reverse volume"},
    {'E', ENERGY, TOTAL, "energy"},
    {'e', ENERGY, SETTLEMENT, "energy at settlement"},
    {'H', ENERGY, TOTAL, "heat"},
    {'h', ENERGY, SETTLEMENT, "heat at settlement"},
    {'P', POWER, PLAIN, "thermal power"},
    {'F', FLOW, PLAIN, "flow"},
    {'s', TEMPERATURE, PLAIN, "supply temperature"},
    {'r', TEMPERATURE, PLAIN, "return temperature"},
    {'t', HOURS, PLAIN, "working time"},
    {'C', CLOCK, PLAIN, ""},
    {'S', STATUS, PLAIN, ""},
    {'X', VENDOR, PLAIN, ""},
};

#define IN(medium) (1u << (medium))
#define VOLUMES (IN(MT_WATER) | IN(MT_GAS) | IN(MT_MEDIUM_OTHER))
#define UNIT_LAST 1u /* the standard's order */
#define UNIT_FIRST 2u
#define EITHER (UNIT_LAST | UNIT_FIRST)

/* Tried from the top; the first that makes sense of every field is taken. "VvCS" and "hHPFwsrtCS"
 * are the standards' (2004, tables of 901F). */
static const struct layout {
    const char *letters;
    uint8_t media;  /* IN() */
    uint8_t orders; /* which orders of value and unit are known */
} layouts[] = {
    {"VvCS", VOLUMES, EITHER},
    {"VvC", VOLUMES, EITHER},
    {"VvS", VOLUMES, EITHER},
    {"Vv", VOLUMES, EITHER},
    {"VS", VOLUMES, EITHER},
    {"V", VOLUMES, EITHER},
    {"VbFCX", IN(MT_WATER), UNIT_FIRST}, /* LoRa water meters of one maker, control code A1 */
    {"hHPFwsrtCS", IN(MT_HEAT), EITHER},
    {"hHPFwsrtC", IN(MT_HEAT), EITHER},
    {"EeCS", IN(MT_MEDIUM_OTHER), EITHER}, /* electricity behind a water meter's protocol */
    {"EeC", IN(MT_MEDIUM_OTHER), EITHER},
    {"Ee", IN(MT_MEDIUM_OTHER), EITHER},
    {"E", IN(MT_MEDIUM_OTHER), EITHER},
};

/* One stored value of the monthly history. */
static const struct layout history_volume = {"v", VOLUMES, EITHER};
static const struct layout history_heat = {"h", IN(MT_HEAT), EITHER};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum mt_medium mt_cjt188_medium(uint8_t type)
{
    switch (type >> 4) {
    case 1:
        return MT_WATER;
    case 2:
        return MT_HEAT;
    case 3:
        return MT_GAS;
    default: /* a number from the wire, not an enum */
        return MT_MEDIUM_OTHER;
    }
}

static size_t field_bytes(uint8_t kind)
{
    switch ((enum kind)kind) {
    case VOLUME:
    case ENERGY:
    case POWER:
    case FLOW:
        return 5;
    case TEMPERATURE:
    case HOURS:
        return 3;
    case CLOCK:
        return CLOCK_BYTES;
    case STATUS:
        return 2;
    case VENDOR:
        return VENDOR_BYTES;
    }
    return 0;
}

static const struct unit *find_unit(uint8_t code, uint8_t kind)
{
    for (size_t i = 0; i < COUNT(units); i++) {
        if (units[i].code == code && units[i].kind == kind) {
            return &units[i];
        }
    }
    return NULL;
}

/* Value groups of the billing registers: water and heat 1.0.0, gas 3.0.0 (IEC 62056-6-1). */
static struct mt_obis obis(enum mt_medium medium, uint8_t role, uint8_t back)
{
    struct mt_obis code = {.f = back};
    if (role != PLAIN && medium != MT_MEDIUM_OTHER) {
        code.c = medium == MT_GAS ? 3 : 1;
    }
    return code;
}

/* A value with its unit, in either order. *is_billed tells that the unit is one for bills. */
static enum mt_status read_quantity(struct mt_value *value, bool *is_billed, struct mt_cursor *data,
                                    uint8_t kind, bool unit_first)
{
    static const struct mt_bcd_format four_bytes = {4, false};
    uint8_t code = unit_first ? mt_cursor_u8(data) : 0;
    enum mt_status status = mt_bcd_read(&value->mantissa, &value->absent, data, &four_bytes);
    code = unit_first ? code : mt_cursor_u8(data);
    const struct unit *unit = find_unit(code, kind);
    if (status != MT_OK) {
        return status;
    }
    if (unit == NULL) {
        return MT_BAD_UNIT;
    }
    value->unit = unit->text;
    value->exponent = unit->exponent;
    *is_billed = unit->is_billed;
    return MT_OK;
}

static enum mt_status read_short(struct mt_value *value, struct mt_cursor *data, uint8_t kind)
{
    static const struct mt_bcd_format three_bytes = {3, false};
    value->unit = kind == HOURS ? "h" : "Cel";
    value->exponent = kind == HOURS ? 0 : -2;
    return mt_bcd_read(&value->mantissa, &value->absent, data, &three_bytes);
}

static bool clock_us(int64_t *time_us, const int pairs[CLOCK_BYTES])
{
    struct mt_calendar local = {.year = pairs[6] * 100 + pairs[5],
                                .month = pairs[4],
                                .day = pairs[3],
                                .hour = pairs[2],
                                .minute = pairs[1],
                                .second = pairs[0]};
    return mt_calendar_to_us(time_us, &local) == MT_OK;
}

/* A clock that is not set, or shows no moment, is no clock: the register beside it is still good.
 * Some makers send the year first; that is tried when the standard's order shows no moment. */
static void read_clock(struct mt_frame *frame, struct mt_cursor *data)
{
    const uint8_t *p = mt_cursor_take(data, CLOCK_BYTES);
    int pairs[CLOCK_BYTES];
    int reversed[CLOCK_BYTES];
    for (size_t i = 0; i < CLOCK_BYTES; i++) {
        pairs[i] = p != NULL ? mt_bcd_pair(p[i]) : -1;
        reversed[CLOCK_BYTES - 1 - i] = pairs[i];
    }
    frame->has_time = clock_us(&frame->time_us, pairs) || clock_us(&frame->time_us, reversed);
    if (!frame->has_time) {
        frame->time_us = 0;
        frame->flags |= MT_FLAG_CLOCK_DOUBT;
    }
}

static void read_status(struct mt_frame *frame, struct mt_cursor *data)
{
    uint8_t bits = mt_cursor_u8(data);
    (void)mt_cursor_u8(data); /* the second byte is reserved, and makers' own */
    if ((bits & VALVE_MASK) == VALVE_SHUT && frame->identity.medium != MT_HEAT) {
        frame->flags |= MT_FLAG_VALVE_SHUT;
    }
    if ((bits & LOW_BATTERY) != 0) {
        frame->flags |= MT_FLAG_LOW_BATTERY;
    }
}

/* One try at a layout, in one order of value and unit. */
struct attempt {
    bool unit_first;
    bool is_billed; /* the total's unit is one for bills */
};

static enum mt_status read_number(struct mt_frame *frame, struct attempt *attempt,
                                  struct mt_cursor *data, const struct field *field)
{
    uint8_t back = field->role == SETTLEMENT ? 1 : MT_OBIS_CURRENT;
    struct mt_value value = {.name = field->name,
                             .obis = obis(frame->identity.medium, field->role, back)};
    bool is_billed = false;
    enum mt_status status =
        field->kind == TEMPERATURE || field->kind == HOURS
            ? read_short(&value, data, field->kind)
            : read_quantity(&value, &is_billed, data, field->kind, attempt->unit_first);
    if (status != MT_OK) {
        return status;
    }
    if (field->role == TOTAL && !value.absent) {
        frame->has_total = true;
        frame->total = value;
        attempt->is_billed = is_billed;
    }
    MT_CHECK(frame->value_count < MT_VALUES_MAX); /* no layout has as many fields */
    frame->values[frame->value_count++] = value;
    return MT_OK;
}

static enum mt_status read_field(struct mt_frame *frame, struct attempt *attempt,
                                 struct mt_cursor *data, const struct field *field)
{
    switch ((enum kind)field->kind) {
    case VOLUME:
    case ENERGY:
    case POWER:
    case FLOW:
    case TEMPERATURE:
    case HOURS:
        return read_number(frame, attempt, data, field);
    case CLOCK:
        read_clock(frame, data);
        return MT_OK;
    case STATUS:
        read_status(frame, data);
        return MT_OK;
    case VENDOR:
        (void)mt_cursor_take(data, VENDOR_BYTES); /* the layout was picked by its length */
        return MT_OK;
    }
    return MT_BAD_LAYOUT;
}

static const struct field *field_of(char letter)
{
    for (size_t i = 0; i < COUNT(fields); i++) {
        if (fields[i].letter == letter) {
            return &fields[i];
        }
    }
    MT_CHECK(false); /* a layout names a field that is not in the table */
    return NULL;
}

static size_t layout_bytes(const struct layout *layout)
{
    size_t bytes = 0;
    for (const char *letter = layout->letters; *letter != '\0'; letter++) {
        bytes += field_bytes(field_of(*letter)->kind);
    }
    return bytes;
}

static enum mt_status read_order(struct mt_frame *frame, struct mt_cursor data,
                                 const struct layout *layout, bool unit_first)
{
    struct mt_frame read = *frame;
    struct attempt attempt = {.unit_first = unit_first};
    for (const char *letter = layout->letters; *letter != '\0'; letter++) {
        enum mt_status status = read_field(&read, &attempt, &data, field_of(*letter));
        if (status != MT_OK) {
            return status;
        }
    }
    MT_CHECK(!data.overrun && mt_cursor_left(&data) == 0);
    enum mt_status status = attempt.is_billed ? mt_frame_reading(&read) : MT_OK;
    if (status == MT_OK) {
        *frame = read;
    }
    return status;
}

/* Read a layout in the first of its orders that makes sense. MT_UNSUPPORTED when it is not one for
 * this medium and length; else the reason why the standard's order fails. */
static enum mt_status read_layout(struct mt_frame *frame, const struct mt_cursor *data,
                                  const struct layout *layout)
{
    if ((layout->media & IN(frame->identity.medium)) == 0 ||
        layout_bytes(layout) != mt_cursor_left(data)) {
        return MT_UNSUPPORTED;
    }
    enum mt_status status = MT_UNSUPPORTED;
    if ((layout->orders & UNIT_LAST) != 0) {
        status = read_order(frame, *data, layout, false);
    }
    if (status != MT_OK && (layout->orders & UNIT_FIRST) != 0) {
        enum mt_status other = read_order(frame, *data, layout, true);
        status = other == MT_OK || status == MT_UNSUPPORTED ? other : status;
    }
    return status;
}

enum mt_status mt_cjt188_read_current(struct mt_frame *frame, const struct mt_cursor *data)
{
    enum mt_status first = MT_UNSUPPORTED;
    for (size_t i = 0; i < COUNT(layouts); i++) {
        enum mt_status status = read_layout(frame, data, &layouts[i]);
        if (status == MT_OK) {
            return MT_OK;
        }
        first = first == MT_UNSUPPORTED ? status : first;
    }
    return first;
}

enum mt_status mt_cjt188_read_history(struct mt_frame *frame, const struct mt_cursor *data,
                                      uint8_t months)
{
    bool is_heat = frame->identity.medium == MT_HEAT;
    enum mt_status status = read_layout(frame, data, is_heat ? &history_heat : &history_volume);
    if (status == MT_OK) {
        frame->values[0].obis.f = months;
    }
    return status;
}
