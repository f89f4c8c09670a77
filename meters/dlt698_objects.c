/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects of DL/T 698.45 (annex A: energy, demand, variables, parameters); see dlt698_apdu.h. */
#include "meters/calendar.h"
#include "meters/dlt698_apdu.h"

/* How the data of an attribute are laid out. */
enum shape {
    ONE,   /* a number */
    LIST,  /* an array of numbers: with tariffs, or one a phase */
    PAIRS, /* an array of structures, of which the first member is the number */
    FIRST, /* one structure, of which the first member is the number */
    CLOCK, /* date_time_s */
};

/* One attribute. */
struct mt_dlt698_object {
    uint16_t oi;
    uint8_t attribute;
    uint8_t shape; /* enum shape */
    int8_t exponent;
    uint8_t c; /* value group C of element 0 */
    uint8_t d;
    uint8_t c_step; /* added for each further element; 0: they are tariffs, in value group E */
    const char *unit;
    const char *name;
    const char *const *names; /* of each element where they differ; NULL: name */
};

#define PHASES 3u

static const char *const voltages[] = {"voltage A", "voltage B", "voltage C"};
static const char *const currents[] = {"current A", "current B", "current C"};
static const char *const voltage_angles[] = {"voltage angle A", "voltage angle B",
                                             "voltage angle C"};
static const char *const phase_angles[] = {"phase angle A", "phase angle B", "phase angle C"};
static const char *const active[] = {"active power", "active power A", "active power B",
                                     "active power C"};
static const char *const reactive[] = {"reactive power", "reactive power A", "reactive power B",
                                       "reactive power C"};
static const char *const apparent[] = {"apparent power", "apparent power A", "apparent power B",
                                       "apparent power C"};
static const char *const average_active[] = {"average active power of a minute",
                                             "average active power of a minute A",
                                             "average active power of a minute B",
                                             "average active power of a minute C"};
static const char *const average_reactive[] = {"average reactive power of a minute",
                                               "average reactive power of a minute A",
                                               "average reactive power of a minute B",
                                               "average reactive power of a minute C"};
static const char *const average_apparent[] = {"average apparent power of a minute",
                                               "average apparent power of a minute A",
                                               "average apparent power of a minute B",
                                               "average apparent power of a minute C"};
static const char *const factors[] = {"power factor", "power factor A", "power factor B",
                                      "power factor C"};

/* Energy (class 1): attribute 2 with two decimals, 4 with four. */
#define ENERGY(oi, c, unit, name)                          \
    {(oi), 2, LIST, -2, (c), 8, 0, (unit), (name), NULL},  \
    {                                                      \
        (oi), 4, LIST, -4, (c), 8, 0, (unit), (name), NULL \
    }
/* ... of all phases and of each. */
#define ENERGIES(oi, c, unit, name)                                               \
    ENERGY(oi, c, unit, name), ENERGY((oi) + 1, (c) + 20, unit, "phase A " name), \
        ENERGY((oi) + 2, (c) + 40, unit, "phase B " name),                        \
        ENERGY((oi) + 3, (c) + 60, unit, "phase C " name)
/* Maximum demand (class 2), each with the moment at which it occurred. */
#define DEMAND(oi, c, unit)                                           \
    {                                                                 \
        (oi), 2, PAIRS, -4, (c), 6, 0, (unit), "maximum demand", NULL \
    }

static const struct mt_dlt698_object objects[] = {
    ENERGIES(0x0010, 1, "kWh", "forward active energy"),
    ENERGIES(0x0020, 2, "kWh", "reverse active energy"),
    ENERGY(0x0000, 15, "kWh", "combined active energy"),
    ENERGIES(0x0030, 3, "kvarh", "combined reactive energy 1"),
    ENERGIES(0x0040, 4, "kvarh", "combined reactive energy 2"),
    ENERGIES(0x0050, 5, "kvarh", "quadrant I reactive energy"),
    ENERGIES(0x0060, 6, "kvarh", "quadrant II reactive energy"),
    ENERGIES(0x0070, 7, "kvarh", "quadrant III reactive energy"),
    ENERGIES(0x0080, 8, "kvarh", "quadrant IV reactive energy"),
    ENERGIES(0x0090, 9, "kVAh", "forward apparent energy"),
    ENERGIES(0x00A0, 10, "kVAh", "reverse apparent energy"),
    DEMAND(0x1010, 1, "kW"),
    DEMAND(0x1020, 2, "kW"),
    DEMAND(0x1030, 3, "kvar"),
    DEMAND(0x1040, 4, "kvar"),
    DEMAND(0x1050, 5, "kvar"),
    DEMAND(0x1060, 6, "kvar"),
    DEMAND(0x1070, 7, "kvar"),
    DEMAND(0x1080, 8, "kvar"),
    DEMAND(0x1090, 9, "kVA"),
    DEMAND(0x10A0, 10, "kVA"),
    {0x2000, 2, LIST, -1, 32, 7, 20, "V", "voltage", voltages},
    {0x2001, 2, LIST, -3, 31, 7, 20, "A", "current", currents},
    {0x2002, 2, LIST, -1, 0, 0, 20, "deg", "voltage angle", voltage_angles},
    {0x2003, 2, LIST, -1, 0, 0, 20, "deg", "phase angle", phase_angles},
    {0x2004, 2, LIST, -1, 16, 7, 20, "W", "active power", active},
    {0x2005, 2, LIST, -1, 3, 7, 20, "var", "reactive power", reactive},
    {0x2006, 2, LIST, -1, 9, 7, 20, "VA", "apparent power", apparent},
    {0x2007, 2, LIST, -1, 16, 24, 20, "W", "average active power of a minute", average_active},
    {0x2008, 2, LIST, -1, 3, 24, 20, "var", "average reactive power of a minute", average_reactive},
    {0x2009, 2, LIST, -1, 9, 24, 20, "VA", "average apparent power of a minute", average_apparent},
    {0x200A, 2, LIST, -3, 13, 7, 20, "", "power factor", factors},
    {0x200F, 2, ONE, -2, 14, 7, 0, "Hz", "frequency", NULL},
    {0x2010, 2, ONE, -1, 0, 0, 0, "Cel", "temperature inside the meter", NULL},
    {0x2011, 2, ONE, -2, 0, 0, 0, "V", "clock battery voltage", NULL},
    {0x2012, 2, ONE, -2, 0, 0, 0, "V", "reading battery voltage", NULL},
    {0x2013, 2, ONE, 0, 0, 0, 0, "min", "battery working time", NULL},
    {0x2017, 2, ONE, -4, 16, 4, 0, "kW", "active demand", NULL},
    {0x2018, 2, ONE, -4, 3, 4, 0, "kvar", "reactive demand", NULL},
    {0x2019, 2, ONE, -4, 9, 4, 0, "kVA", "apparent demand", NULL},
    {0x201A, 2, ONE, -4, 0, 0, 0, "CNY/kWh", "price now", NULL},
    {0x201B, 2, ONE, -4, 0, 0, 0, "CNY/kWh", "price of the current block", NULL},
    {0x2026, 2, ONE, -2, 0, 0, 0, "%", "voltage unbalance", NULL},
    {0x2027, 2, ONE, -2, 0, 0, 0, "%", "current unbalance", NULL},
    {0x202C, 2, FIRST, -2, 0, 0, 0, "CNY", "remaining money", NULL},
    {0x202D, 2, ONE, -2, 0, 0, 0, "CNY", "overdrawn money", NULL},
    {0x202E, 2, ONE, -2, 0, 0, 0, "CNY", "money paid in", NULL},
    {0x2031, 2, ONE, -2, 0, 0, 0, "kWh", "energy of this month", NULL},
    {0x2032, 2, ONE, -2, 0, 0, 0, "kWh", "energy of the current block", NULL},
    {0x4000, 2, CLOCK, 0, 0, 0, 0, "", "clock", NULL},
};

#define COMBINED_ACTIVE 0x0000u
#define FORWARD_ACTIVE 0x0010u
#define TARIFFS_MAX 63u
#define ATTRIBUTE 0x1Fu /* the high bits are a feature, 0 for the value itself */

const struct mt_dlt698_object *mt_dlt698_object(uint32_t oad)
{
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        if (objects[i].oi == oad >> 16 && objects[i].attribute == (uint8_t)(oad >> 8)) {
            return &objects[i];
        }
    }
    return NULL;
}

const char *mt_dlt698_object_name(uint32_t oad)
{
    const struct mt_dlt698_object *object = mt_dlt698_object(oad);
    return object != NULL ? object->name : NULL;
}

/* Fill in all but the number of an element. Returns false for one that the object does not have. */
static bool describe(struct mt_value *value, const struct mt_dlt698_reader *reader,
                     const struct mt_dlt698_object *object, size_t element)
{
    size_t count = object->shape == ONE || object->shape == FIRST ? 1 : TARIFFS_MAX + 1;
    if (object->c_step > 0) {
        count = object->oi <= 0x2003 ? PHASES : PHASES + 1;
    }
    if (element >= count) {
        return false;
    }
    *value =
        (struct mt_value){.name = object->names != NULL ? object->names[element] : object->name,
                          .unit = object->unit,
                          .exponent = object->exponent,
                          .obis = {.d = object->d, .f = reader->is_record ? 1 : MT_OBIS_CURRENT}};
    if (object->c != 0) {
        value->obis.c = (uint8_t)(object->c + element * object->c_step);
        value->obis.e = object->c_step == 0 ? (uint8_t)element : 0;
    }
    return true;
}

/* The registers that a frame is about. Forward active energy goes before combined, and four decimals
 * before two. */
static void take_total(struct mt_dlt698_reader *reader, const struct mt_dlt698_object *object,
                       const struct mt_value *value)
{
    struct mt_frame *frame = reader->frame;
    bool is_total = object->oi == FORWARD_ACTIVE || object->oi == COMBINED_ACTIVE;
    if (!is_total || value->obis.e != 0 || value->absent || reader->is_record) {
        return;
    }
    bool better = !frame->has_total || value->obis.c < frame->total.obis.c ||
                  (value->obis.c == frame->total.obis.c && value->exponent < frame->total.exponent);
    if (better) {
        frame->has_total = true;
        frame->total = *value;
    }
}

/* date_time_s (7.3.2): year in two bytes, month, day, hour, minute, second, in binary. A clock that
 * shows no moment is no clock; the registers beside it are still good. */
static enum mt_status take_clock(struct mt_frame *frame, const struct mt_dlt698_leaf *leaf)
{
    const uint8_t *p = leaf->bytes;
    if ((leaf->type != MT_DLT698_DATE_TIME_S && !leaf->is_absent) || leaf->depth > 0) {
        return MT_BAD_LAYOUT;
    }
    if (leaf->type == MT_DLT698_DATE_TIME_S) {
        const struct mt_calendar local = {.year = p[0] << 8 | p[1],
                                          .month = p[2],
                                          .day = p[3],
                                          .hour = p[4],
                                          .minute = p[5],
                                          .second = p[6]};
        frame->has_time = mt_calendar_to_us(&frame->time_us, &local) == MT_OK;
    }
    if (!frame->has_time) {
        frame->flags |= MT_FLAG_CLOCK_DOUBT;
    }
    return MT_OK;
}

/* Where a leaf belongs. Returns false for a place that the shape does not have; *is_wanted is false
 * for what stands beside the number: a moment, a count. */
static bool place(size_t *element, bool *is_wanted, const struct mt_dlt698_object *object,
                  const struct mt_dlt698_leaf *leaf, uint32_t oad)
{
    size_t index = oad & 0xFF; /* 0: the whole attribute; else one element, from 1 */
    bool is_pair = object->shape == PAIRS || object->shape == FIRST;
    uint8_t depth_most = (uint8_t)((object->shape == LIST || object->shape == PAIRS) + is_pair);
    if (leaf->depth > depth_most) {
        return false;
    }
    bool in_list = object->shape == LIST ? leaf->depth == 1 : leaf->depth == 2;
    *element = (index > 0 && depth_most > 0 && object->shape != FIRST ? index - 1 : 0) +
               (in_list ? leaf->path[0] : 0);
    bool in_pair = is_pair && leaf->depth > 0;
    *is_wanted = !in_pair || leaf->path[leaf->depth - 1] == 0;
    return true;
}

enum mt_status mt_dlt698_take(struct mt_dlt698_reader *reader, uint32_t oad,
                              const struct mt_dlt698_leaf *leaf)
{
    const struct mt_dlt698_object *object = mt_dlt698_object(oad);
    MT_CHECK(object != NULL && leaf != NULL);
    if (object->shape == CLOCK) {
        return reader->is_record ? MT_OK : take_clock(reader->frame, leaf);
    }
    size_t element;
    bool is_wanted;
    struct mt_value value;
    if (!place(&element, &is_wanted, object, leaf, oad)) {
        return MT_BAD_LAYOUT;
    }
    if (!is_wanted) {
        return MT_OK;
    }
    if (!describe(&value, reader, object, element) || (!leaf->is_number && !leaf->is_absent)) {
        return MT_BAD_LAYOUT;
    }
    value.absent = leaf->is_absent;
    value.mantissa = leaf->is_absent ? 0 : leaf->number;
    struct mt_value *kept = mt_frame_add(reader->frame);
    if (kept != NULL) {
        *kept = value;
        take_total(reader, object, &value);
    }
    return MT_OK;
}

void mt_dlt698_take_refusal(struct mt_dlt698_reader *reader, uint32_t oad)
{
    const struct mt_dlt698_object *object = mt_dlt698_object(oad);
    struct mt_value value;
    if (object == NULL || object->shape == CLOCK || !describe(&value, reader, object, 0)) {
        return;
    }
    struct mt_value *kept = mt_frame_add(reader->frame);
    if (kept != NULL) {
        value.absent = true;
        *kept = value;
    }
}
