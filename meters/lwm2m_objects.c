/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Meter objects of LwM2M; see the header. Ids, units and types are those of OMA's registry; what is no
 * measurement (thresholds, resets, descriptions) is left out. */
#include "meters/lwm2m_objects.h"

#include <string.h>

enum type { FLOAT, INTEGER, TRUTH, TEXT };
enum role { VALUE, TOTAL, STAMP, FLAG, UNIT };

struct resource {
    uint16_t object;
    uint16_t id;
    uint8_t type; /* enum type */
    uint8_t role; /* enum role */
    uint8_t what; /* with TOTAL the medium, with FLAG the flag */
    uint8_t c, d; /* OBIS C.D.0, or 0 */
    const char *name;
    const char *unit;
};

#define FORWARD "forward active energy"
#define REVERSE "reverse active energy"
#define COMBINED "active energy, forward plus reverse"
#define NET "active energy, forward minus reverse"
#define TIMESTAMP(object)                                       \
    {                                                           \
        object, 5518, INTEGER, STAMP, 0, 0, 0, "timestamp", "s" \
    }

static const struct resource resources[] = {
    {3, 7, INTEGER, VALUE, 0, 0, 0, "supply voltage", "mV"},
    {3, 8, INTEGER, VALUE, 0, 0, 0, "supply current", "mA"},
    {3, 9, INTEGER, VALUE, 0, 0, 0, "battery level", "%"},
    {3, 13, INTEGER, STAMP, 0, 0, 0, "clock", "s"},
    {3305, 5800, FLOAT, VALUE, 0, 16, 7, "active power", "W"},
    {3305, 5805, FLOAT, TOTAL, MT_POWER, 1, 8, FORWARD, "Wh"},
    {3305, 5810, FLOAT, VALUE, 0, 0, 0, "reactive power", "var"},
    {3305, 5815, FLOAT, VALUE, 0, 0, 0, "reactive energy", "varh"},
    {3305, 5820, FLOAT, VALUE, 0, 13, 7, "power factor", ""},
    TIMESTAMP(3305),
    {3331, 5700, FLOAT, TOTAL, MT_POWER, 1, 8, FORWARD, NULL},
    {3331, 5701, TEXT, UNIT, 0, 0, 0, "unit", ""},
    TIMESTAMP(3331),
    {3411, 1, INTEGER, VALUE, 0, 0, 0, "battery level", "%"},
    {3421, 1, FLOAT, VALUE, 0, 12, 7, "voltage", "V"},
    {3421, 6, FLOAT, VALUE, 0, 11, 7, "current", "A"},
    {3421, 11, FLOAT, VALUE, 0, 14, 7, "frequency", "Hz"},
    {3421, 13, FLOAT, VALUE, 0, 13, 7, "power factor", ""},
    {3421, 16, FLOAT, VALUE, 0, 1, 7, "forward active power", "W"},
    {3421, 17, FLOAT, VALUE, 0, 2, 7, "reverse active power", "W"},
    {3421, 18, FLOAT, VALUE, 0, 3, 7, "forward reactive power", "var"},
    {3421, 19, FLOAT, VALUE, 0, 4, 7, "reverse reactive power", "var"},
    {3421, 25, FLOAT, TOTAL, MT_POWER, 1, 8, FORWARD, "Wh"},
    {3421, 26, FLOAT, VALUE, 0, 2, 8, REVERSE, "Wh"},
    {3421, 27, FLOAT, VALUE, 0, 15, 8, COMBINED, "Wh"},
    {3421, 28, FLOAT, VALUE, 0, 16, 8, NET, "Wh"},
    {3421, 29, FLOAT, VALUE, 0, 3, 8, "forward reactive energy", "varh"},
    {3421, 30, FLOAT, VALUE, 0, 4, 8, "reverse reactive energy", "varh"},
    TIMESTAMP(3421),
    {3422, 4, FLOAT, VALUE, 0, 90, 7, "current, all phases", "A"},
    {3422, 5, FLOAT, VALUE, 0, 13, 7, "power factor", ""},
    {3422, 8, FLOAT, VALUE, 0, 1, 7, "forward active power", "W"},
    {3422, 9, FLOAT, VALUE, 0, 2, 7, "reverse active power", "W"},
    {3422, 17, FLOAT, TOTAL, MT_POWER, 1, 8, FORWARD, "Wh"},
    {3422, 18, FLOAT, VALUE, 0, 2, 8, REVERSE, "Wh"},
    {3422, 19, FLOAT, VALUE, 0, 15, 8, COMBINED, "Wh"},
    {3422, 20, FLOAT, VALUE, 0, 16, 8, NET, "Wh"},
    {3422, 21, FLOAT, VALUE, 0, 3, 8, "forward reactive energy", "varh"},
    {3422, 22, FLOAT, VALUE, 0, 4, 8, "reverse reactive energy", "varh"},
    TIMESTAMP(3422),
    {3423, 1, FLOAT, TOTAL, MT_GAS, 3, 0, "cumulative volume", "m3"},
    {3423, 4, INTEGER, VALUE, 0, 0, 0, "pulses", ""},
    {3423, 7, FLOAT, VALUE, 0, 0, 0, "smallest flow", "m3/s"},
    {3423, 8, FLOAT, VALUE, 0, 0, 0, "largest flow", "m3/s"},
    TIMESTAMP(3423),
    {3424, 1, FLOAT, TOTAL, MT_WATER, 1, 0, "cumulative volume", "m3"},
    {3424, 4, INTEGER, VALUE, 0, 0, 0, "pulses", ""},
    {3424, 7, FLOAT, VALUE, 0, 0, 0, "smallest flow", "m3/s"},
    {3424, 8, FLOAT, VALUE, 0, 0, 0, "largest flow", "m3/s"},
    {3424, 11, TRUTH, FLAG, MT_FLAG_TAMPER, 0, 0, "back flow", ""},
    {3424, 13, TRUTH, FLAG, MT_FLAG_TAMPER, 0, 0, "fraud", ""},
    TIMESTAMP(3424),
    {10242, 34, FLOAT, VALUE, 0, 16, 7, "active power", "kW"},
    {10242, 39, FLOAT, VALUE, 0, 13, 7, "power factor", ""},
    {10242, 41, FLOAT, TOTAL, MT_POWER, 1, 8, FORWARD, "kWh"},
    {10242, 42, FLOAT, VALUE, 0, 3, 8, "reactive energy", "kvarh"},
    {10242, 45, FLOAT, VALUE, 0, 9, 8, "apparent energy", "kVAh"},
    {10242, 49, FLOAT, VALUE, 0, 14, 7, "frequency", "Hz"},
    {10243, 4, FLOAT, VALUE, 0, 12, 7, "voltage", "V"},
    {10243, 5, FLOAT, VALUE, 0, 11, 7, "current", "A"},
    {10243, 6, FLOAT, VALUE, 0, 16, 7, "active power", "kW"},
    {10243, 11, FLOAT, VALUE, 0, 13, 7, "power factor", ""},
    {10243, 14, FLOAT, TOTAL, MT_POWER, 1, 8, FORWARD, "kWh"},
    {10243, 15, FLOAT, VALUE, 0, 3, 8, "reactive energy", "kvarh"},
    {10243, 16, FLOAT, VALUE, 0, 9, 8, "apparent energy", "kVAh"},
    {10243, 17, FLOAT, VALUE, 0, 14, 7, "frequency", "Hz"},
    {10257, 12, FLOAT, VALUE, 0, 10, 0, "flow temperature", "C"},
    {10257, 14, FLOAT, VALUE, 0, 11, 0, "return temperature", "C"},
    {10257, 16, FLOAT, VALUE, 0, 12, 0, "temperature difference", "K"},
    {10257, 17, FLOAT, VALUE, 0, 9, 0, "flow", "m3/s"},
    {10257, 20, FLOAT, VALUE, 0, 2, 0, "volume", "m3"},
    {10257, 21, FLOAT, VALUE, 0, 0, 0, "return volume", "m3"},
    {10257, 5506, INTEGER, STAMP, 0, 0, 0, "clock", "s"},
    {10257, 5800, FLOAT, VALUE, 0, 8, 0, "power", "W"},
    {10257, 5805, FLOAT, TOTAL, MT_HEAT, 1, 0, "energy", "Wh"},
};

#define RESOURCES (sizeof(resources) / sizeof(resources[0]))
#define ALL_PHASES 3422
#define UNIT_APART 3331 /* the unit is a resource of its own */

static const struct resource *find(struct mt_lwm2m_gather *g, const struct mt_lwm2m_path *path)
{
    for (size_t i = 0; i < RESOURCES; i++) {
        bool same = resources[i].object == path->at[0];
        g->knows_object = g->knows_object || same;
        if (same && resources[i].id == path->at[2]) {
            return &resources[i];
        }
    }
    return NULL;
}

void mt_lwm2m_gather_init(struct mt_lwm2m_gather *g, struct mt_frame *frame)
{
    static const struct mt_frame empty;
    MT_CHECK(g != NULL && frame != NULL);
    *frame = empty;
    frame->identity.medium = MT_MEDIUM_OTHER;
    *g = (struct mt_lwm2m_gather){.frame = frame};
}

/* The bytes of a TLV as a number (clause 6.4.3.1): everything has its high byte first. */
static enum mt_status read_raw(struct mt_senml_number *out, const struct mt_lwm2m_item *item,
                               enum type type)
{
    struct mt_cursor c = mt_cursor_over(item->bytes, item->len);
    bool whole = item->len == 1 || item->len == 2 || item->len == 4 || item->len == 8;
    if (!whole || (type == FLOAT && item->len < 4) || (type == TRUTH && item->len != 1)) {
        return MT_BAD_LAYOUT;
    }
    uint64_t bits = mt_cursor_be(&c, item->len);
    if (type == FLOAT) {
        mt_senml_float(out, bits, (uint32_t)item->len * 8);
        return MT_OK;
    }
    uint32_t unused = 64 - (uint32_t)item->len * 8;
    int64_t value = (int64_t)(bits << unused) >> unused;
    *out = (struct mt_senml_number){MT_SENML_DECIMAL, 0, value};
    return MT_OK;
}

static enum mt_status read_number(struct mt_value *out, const struct mt_lwm2m_item *item,
                                  enum type type)
{
    struct mt_senml_number number = item->number;
    bool fits = item->form == MT_LWM2M_RAW || item->form == MT_LWM2M_NUMBER ||
                (item->form == MT_LWM2M_TRUTH && type == TRUTH);
    enum mt_status status = fits ? MT_OK : MT_BAD_LAYOUT;
    if (item->form == MT_LWM2M_RAW) {
        status = read_raw(&number, item, type);
    }
    if (status == MT_OK) {
        status = mt_senml_decimal(&out->mantissa, &out->exponent, &number);
    }
    bool whole = type == FLOAT || out->exponent == 0;
    bool truth = type != TRUTH || out->mantissa == 0 || out->mantissa == 1;
    return status == MT_OK && !(whole && truth) ? MT_BAD_LAYOUT : status;
}

static enum mt_status take_stamp(struct mt_lwm2m_gather *g, const struct mt_value *value)
{
    if (value->mantissa < 0 || value->mantissa > MT_TIME_S_MAX) {
        return MT_BAD_RANGE;
    }
    int64_t stamp_us = value->mantissa * 1000000;
    g->stamp_us = stamp_us > g->stamp_us ? stamp_us : g->stamp_us; /* 0: a clock that is not set */
    return MT_OK;
}

static enum mt_status take_unit(struct mt_lwm2m_gather *g, const struct mt_lwm2m_item *item)
{
    static const char *const units[] = {"Wh", "kWh", "MWh", "J", "kJ", "MJ", "GJ"};
    bool is_text = item->form == MT_LWM2M_RAW || item->form == MT_LWM2M_TEXT;
    for (size_t i = 0; is_text && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i]) == item->len && memcmp(units[i], item->bytes, item->len) == 0) {
            g->unit = units[i];
            return MT_OK;
        }
    }
    return is_text ? MT_BAD_UNIT : MT_BAD_LAYOUT;
}

enum mt_status mt_lwm2m_total(struct mt_lwm2m_gather *g, const struct mt_lwm2m_claim *claim)
{
    MT_CHECK(g != NULL && g->frame->value_count > 0);
    MT_CHECK(claim != NULL && claim->rank > 0);
    struct mt_value *values = g->frame->values;
    uint32_t at = g->frame->value_count - 1;
    bool same =
        g->rank == claim->rank && g->object == claim->object && g->instance == claim->instance;
    if (same && (!claim->has_time || !g->total_timed || claim->time_us == g->total_time_us)) {
        return MT_BAD_LAYOUT;
    }
    if (same && claim->time_us < g->total_time_us) {
        values[at].storage = 1;
        return MT_OK;
    }
    if (!same && claim->rank <= g->rank) {
        g->ambiguous = g->ambiguous || claim->rank == g->rank;
        return MT_OK;
    }
    if (same) {
        values[g->total_at].storage = 1;
    }
    g->ambiguous = g->ambiguous && same;
    g->rank = claim->rank;
    g->medium = claim->medium;
    g->object = claim->object;
    g->instance = claim->instance;
    g->total_at = at;
    g->total_timed = claim->has_time;
    g->total_time_us = claim->time_us;
    return MT_OK;
}

/* The value that was added last is a total of its object. */
static enum mt_status claim_total(struct mt_lwm2m_gather *g, const struct resource *r,
                                  const struct mt_lwm2m_item *item)
{
    struct mt_lwm2m_claim claim = {.object = item->path.at[0],
                                   .instance = item->path.at[1],
                                   .rank = r->object == ALL_PHASES ? 2 : 1,
                                   .medium = r->what,
                                   .has_time = item->has_time,
                                   .time_us = item->time_us};
    return mt_lwm2m_total(g, &claim);
}

enum mt_status mt_lwm2m_take(struct mt_lwm2m_gather *g, const struct mt_lwm2m_item *item)
{
    MT_CHECK(g != NULL && g->frame != NULL);
    MT_CHECK(item != NULL);
    const struct resource *r = find(g, &item->path);
    g->meaning = r != NULL ? r->name : "no measurement that is known here";
    if (r == NULL) {
        return MT_OK;
    }
    if (r->role == UNIT) {
        return take_unit(g, item);
    }
    struct mt_value read = {.name = r->name, .unit = r->unit != NULL ? r->unit : ""};
    enum mt_status status = read_number(&read, item, (enum type)r->type);
    if (status != MT_OK || r->role == FLAG) {
        g->frame->flags |= status == MT_OK && read.mantissa != 0 ? r->what : 0;
        return status;
    }
    if (r->role == STAMP) {
        return take_stamp(g, &read);
    }
    if (r->role == TOTAL && item->path.at[3] != MT_LWM2M_ABSENT) {
        return MT_BAD_LAYOUT; /* it has no instances */
    }
    if (item->has_time && item->time_us > g->newest_us) {
        g->newest_us = item->time_us;
    }
    struct mt_value *value = mt_frame_add(g->frame);
    if (value == NULL) {
        return r->role == TOTAL ? MT_TOO_LARGE : MT_OK; /* a total is never among the lost */
    }
    read.obis = (struct mt_obis){r->c, r->d, 0, MT_OBIS_CURRENT};
    int32_t instance = item->path.at[1];
    read.subunit = (uint8_t)(instance < 0 ? 0 : instance > UINT8_MAX ? UINT8_MAX : instance);
    *value = read;
    return r->role == TOTAL ? claim_total(g, r, item) : MT_OK;
}

static enum mt_status finish_total(struct mt_lwm2m_gather *g)
{
    struct mt_frame *frame = g->frame;
    struct mt_value *value = &frame->values[g->total_at];
    frame->identity.medium = g->medium;
    if (g->object == UNIT_APART && g->unit == NULL) {
        return MT_OK; /* a number without its unit is no register */
    }
    value->unit = g->object == UNIT_APART ? g->unit : value->unit;
    frame->total = *value;
    frame->has_total = true;
    if (value->mantissa < 0) {
        return MT_BAD_RANGE;
    }
    bool joules =
        strchr(value->unit, 'J') != NULL; /* not a whole number of Wh: shown, not billed */
    return g->instance == 0 && !joules ? mt_frame_reading(frame) : MT_OK;
}

enum mt_status mt_lwm2m_finish(struct mt_lwm2m_gather *g)
{
    MT_CHECK(g != NULL && g->frame != NULL);
    struct mt_frame *frame = g->frame;
    int64_t time_us = g->total_timed ? g->total_time_us : g->newest_us;
    time_us = g->stamp_us != 0 && !g->total_timed ? g->stamp_us : time_us;
    if (time_us < 0 || time_us > MT_TIME_S_MAX * 1000000) {
        return MT_BAD_RANGE;
    }
    frame->has_time = time_us != 0;
    frame->time_us = time_us;
    frame->has_zone = frame->has_time; /* seconds since 1970, UTC */
    enum mt_status status = MT_OK;
    if (g->rank != 0 && !g->ambiguous) {
        status = finish_total(g);
    }
    if (status != MT_OK) {
        return status;
    }
    bool says = frame->value_count > 0 || frame->has_time;
    return says ? MT_OK : g->knows_object ? MT_NO_READING : MT_UNSUPPORTED;
}
