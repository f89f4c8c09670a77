/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which makers' payloads are decoded, and those that are fields at fixed places; see the header. */
#include "meters/wmbus_makers.h"

#include "meters/mbus_number.h"
#include "meters/wmbus_layouts.h"
#include "meters/wmbus_link.h"

#define MAKER(a, b, c) ((uint16_t)(((a)-64) << 10 | ((b)-64) << 5 | ((c)-64)))
#define APA MAKER('A', 'P', 'A')
#define APT MAKER('A', 'P', 'T')
#define BFW MAKER('B', 'F', 'W')
#define TCH MAKER('T', 'C', 'H')
#define ZRI MAKER('Z', 'R', 'I')
#define QDS MAKER('Q', 'D', 'S')
#define LSE MAKER('L', 'S', 'E')
#define DME MAKER('D', 'M', 'E')
#define EWT MAKER('E', 'W', 'T')
#define HYD MAKER('H', 'Y', 'D')
#define SAP MAKER('S', 'A', 'P')
#define SPL MAKER('S', 'P', 'L')

#define ANY 0xFFFFu /* of a version or a device type */

/* Where a payload stands. */
enum place {
    AFTER_CI, /* CI first to last */
    WHOLE,    /* all that follows the header, whatever it looks like */
    BLOCK,    /* the same, when it begins with 0F */
    WALK_BY,  /* a record FF 5F among others */
};

#define LITRES                             \
    {                                      \
        -3, "volume", "m3", MT_MBUS_VOLUME \
    }
#define CUBIC_METRES                      \
    {                                     \
        0, "volume", "m3", MT_MBUS_VOLUME \
    }
#define TENTHS_M3                          \
    {                                      \
        -1, "volume", "m3", MT_MBUS_VOLUME \
    }
#define KWH                                \
    {                                      \
        0, "energy", "kWh", MT_MBUS_ENERGY \
    }
#define MJ                                 \
    {                                      \
        -3, "energy", "GJ", MT_MBUS_ENERGY \
    }
#define COST_UNITS                                        \
    {                                                     \
        0, "heat cost units", "units", MT_MBUS_COST_UNITS \
    }

static const struct mt_wmbus_fields apator_08 = {{0, 4}, {0, 0}, 3, false, LITRES};
static const struct mt_wmbus_fields apator_172 = {{0, 4}, {0, 0}, 3, false, CUBIC_METRES};
static const struct mt_wmbus_fields zenner_0b = {{9, 4}, {0, 0}, 256, false, LITRES};
static const struct mt_wmbus_fields bfw_240 = {{4, 2}, {0, 0}, 1, true, COST_UNITS};
static const struct mt_wmbus_fields techem_heat = {{3, 3}, {7, 3}, 1, false, KWH};
static const struct mt_wmbus_fields techem_vario = {{3, 2}, {7, 2}, 1, false, MJ};
static const struct mt_wmbus_fields techem_water = {{3, 2}, {7, 2}, 1, false, TENTHS_M3};
static const struct mt_wmbus_fields techem_water_a = {{4, 3}, {0, 0}, 1, false, TENTHS_M3};
static const struct mt_wmbus_fields techem_units = {{7, 2}, {0, 0}, 1, false, COST_UNITS};

/* The supported set. In the order in which it is searched. */
static const struct supported {
    uint16_t maker;
    uint16_t version;
    uint16_t device;
    uint8_t place; /* enum place */
    uint8_t ci_first;
    uint8_t ci_last;
    uint8_t medium; /* what it really measures: some device types are the maker's own too */
    const struct mt_wmbus_fields *fields; /* NULL: it has a decoder of its own */
    mt_wmbus_decoder *decode;
} supported[] = {
    {APA, 0x05, 0x06, WHOLE, 0, 0, MT_WATER, NULL, mt_wmbus_apator_162},
    {APA, 0x05, 0x07, WHOLE, 0, 0, MT_WATER, NULL, mt_wmbus_apator_162},
    {APA, 0x14, 0x07, AFTER_CI, 0xA0, 0xA1, MT_WATER, NULL, mt_wmbus_apator_na1},
    {APA, 0x04, 0x08, AFTER_CI, 0xA0, 0xB6, MT_MEDIUM_OTHER, NULL, mt_wmbus_apator_eitn},
    {APT, 0x04, 0x08, AFTER_CI, 0xA0, 0xB6, MT_MEDIUM_OTHER, NULL, mt_wmbus_apator_eitn},
    {APT, 0x03, 0x03, AFTER_CI, 0xA0, 0xA0, MT_WATER, &apator_08, NULL},
    {APT, 0x0F, 0x0F, AFTER_CI, 0xA0, 0xA0, MT_WATER, &apator_08, NULL},
    {APT, 0x04, 0x11, AFTER_CI, 0xA0, 0xA0, MT_WATER, &apator_172, NULL},
    {BFW, 0x02, 0x08, WHOLE, 0, 0, MT_MEDIUM_OTHER, &bfw_240, NULL},
    {DME, ANY, ANY, AFTER_CI, 0xA0, 0xA7, MT_WATER, NULL, mt_wmbus_diehl},
    {EWT, ANY, ANY, AFTER_CI, 0xA0, 0xA7, MT_WATER, NULL, mt_wmbus_diehl},
    {HYD, ANY, ANY, AFTER_CI, 0xA0, 0xA7, MT_WATER, NULL, mt_wmbus_diehl},
    {SAP, ANY, ANY, AFTER_CI, 0xA0, 0xA7, MT_WATER, NULL, mt_wmbus_diehl},
    {SPL, ANY, ANY, AFTER_CI, 0xA0, 0xA7, MT_WATER, NULL, mt_wmbus_diehl},
    {QDS, ANY, ANY, WALK_BY, 0, 0, MT_MEDIUM_OTHER, NULL, mt_wmbus_qundis},
    {LSE, ANY, ANY, WALK_BY, 0, 0, MT_MEDIUM_OTHER, NULL, mt_wmbus_qundis},
    {TCH, 0x22, 0x43, AFTER_CI, 0xA0, 0xA2, MT_HEAT, &techem_heat, NULL},
    {TCH, 0x39, 0x43, AFTER_CI, 0xA0, 0xA2, MT_HEAT, &techem_heat, NULL},
    {TCH, 0x45, 0x43, AFTER_CI, 0xA0, 0xA2, MT_HEAT, &techem_heat, NULL},
    {TCH, 0x45, 0xC3, AFTER_CI, 0xA0, 0xA2, MT_HEAT, &techem_heat, NULL},
    {TCH, 0x45, 0x04, AFTER_CI, 0xA0, 0xA2, MT_HEAT, &techem_heat, NULL},
    {TCH, 0x27, 0x04, AFTER_CI, 0xA0, 0xA2, MT_HEAT, &techem_vario, NULL},
    {TCH, 0x27, 0xC3, AFTER_CI, 0xA0, 0xA2, MT_HEAT, &techem_vario, NULL},
    {TCH, 0x74, 0x62, AFTER_CI, 0xA0, 0xA2, MT_WATER, &techem_water, NULL},
    {TCH, 0x74, 0x72, AFTER_CI, 0xA0, 0xA2, MT_WATER, &techem_water, NULL},
    {TCH, 0x95, 0x62, AFTER_CI, 0xA0, 0xA2, MT_WATER, &techem_water, NULL},
    {TCH, 0x95, 0x72, AFTER_CI, 0xA0, 0xA2, MT_WATER, &techem_water, NULL},
    {TCH, 0x70, 0x62, AFTER_CI, 0xA0, 0xA2, MT_WATER, &techem_water, NULL},
    {TCH, 0x70, 0x72, AFTER_CI, 0xA0, 0xA2, MT_WATER, &techem_water, NULL},
    {TCH, 0x50, 0x72, AFTER_CI, 0xA0, 0xA2, MT_WATER, &techem_water_a, NULL},
    {TCH, 0x69, 0x80, AFTER_CI, 0xA0, 0xA2, MT_MEDIUM_OTHER, &techem_units, NULL},
    {TCH, 0x94, 0x80, AFTER_CI, 0xA0, 0xA2, MT_MEDIUM_OTHER, &techem_units, NULL},
    {ZRI, 0x0B, 0x16, BLOCK, 0, 0, MT_WATER, &zenner_0b, NULL},
};

static bool is_of(const struct supported *row, const struct mt_wmbus_payload *payload)
{
    return row->maker == (payload->maker & 0x7FFF) &&
           (row->version == ANY || row->version == payload->version) &&
           (row->device == ANY || row->device == payload->device);
}

static bool stands_here(const struct supported *row, const struct mt_wmbus_payload *payload)
{
    switch ((enum place)row->place) {
    case AFTER_CI:
        return payload->ci >= row->ci_first && payload->ci <= row->ci_last;
    case WHOLE:
        return true;
    case BLOCK:
        return payload->len > 0 && payload->bytes[0] == MT_WMBUS_OWN_BLOCK;
    case WALK_BY:
        return mt_wmbus_has_walk_by(payload->bytes, payload->len);
    }
    return false;
}

static const struct supported *row_of(const struct mt_wmbus_payload *payload, bool after_ci)
{
    for (size_t i = 0; i < sizeof(supported) / sizeof(supported[0]); i++) {
        const struct supported *row = &supported[i];
        if (is_of(row, payload) && (row->place == AFTER_CI) == after_ci &&
            stands_here(row, payload)) {
            return row;
        }
    }
    return NULL;
}

/* One number of a payload. */
static int64_t field_of(const struct mt_wmbus_payload *payload, const struct mt_wmbus_span_of *span,
                        bool high_first)
{
    struct mt_cursor c = mt_cursor_over(payload->bytes + span->at, span->len);
    return (int64_t)(high_first ? mt_cursor_be(&c, span->len) : mt_cursor_le(&c, span->len));
}

/* A register whose raw number counts thirds or 256ths: the whole part, or cut after a millilitre. */
static void divide(struct mt_value *value, int64_t raw, uint16_t divisor)
{
    if (raw % divisor != 0) {
        while (value->exponent > -MT_MBUS_EXPONENT_MAX) {
            raw *= 10; /* at most 2^32 * 10^6 */
            value->exponent--;
        }
    }
    value->mantissa = raw / divisor;
}

static enum mt_status read_fields(struct mt_mbus_reader *reader,
                                  const struct mt_wmbus_payload *payload,
                                  const struct mt_wmbus_fields *fields)
{
    const struct mt_wmbus_span_of *last =
        fields->since.len > 0 ? &fields->since : &fields->register_at;
    if (payload->len < (size_t)last->at + last->len) {
        mt_trace_fault(reader->trace, payload->bytes, payload->len,
                       "this maker's payload is longer");
        return MT_BAD_LAYOUT;
    }
    int64_t raw = field_of(payload, &fields->register_at, fields->high_first);
    mt_wmbus_tell(reader, payload, fields->register_at.at, fields->register_at.len,
                  fields->since.len > 0 ? "register up to the last due date" : "register");
    if (fields->since.len > 0) {
        raw += field_of(payload, &fields->since, fields->high_first);
        mt_wmbus_tell(reader, payload, fields->since.at, fields->since.len, "counted since then");
    }
    struct mt_value value = {.name = fields->quantity.name,
                             .unit = fields->quantity.unit,
                             .exponent = fields->quantity.exponent,
                             .obis = {.f = MT_OBIS_CURRENT}};
    divide(&value, raw, fields->divisor);
    mt_mbus_note(reader, &value, fields->quantity.reg);
    return MT_OK;
}

static enum mt_status decode_row(struct mt_mbus_reader *reader, const struct supported *row,
                                 const struct mt_wmbus_payload *payload,
                                 const struct mt_input *input)
{
    if (row->place != WALK_BY) { /* that one says its medium in the standard's way */
        reader->frame->identity.medium = row->medium;
    }
    return row->fields != NULL ? read_fields(reader, payload, row->fields)
                               : row->decode(reader, payload, input);
}

enum mt_status mt_wmbus_maker_payload(struct mt_mbus_reader *reader, bool *is_billed,
                                      const struct mt_wmbus_payload *payload,
                                      const struct mt_input *input)
{
    MT_CHECK(reader != NULL && is_billed != NULL && payload != NULL && input != NULL);
    const struct supported *row = row_of(payload, true);
    if (row == NULL) {
        mt_trace_fault(reader->trace, payload->bytes, payload->len,
                       "a maker's own payload that is not decoded here: it is not guessed");
        return MT_UNSUPPORTED;
    }
    *is_billed = row->decode != mt_wmbus_apator_na1; /* some ten bits of check */
    return decode_row(reader, row, payload, input);
}

enum mt_status mt_wmbus_maker_records(struct mt_mbus_reader *reader, bool *standard_too,
                                      const struct mt_wmbus_payload *payload)
{
    MT_CHECK(reader != NULL && standard_too != NULL && payload != NULL);
    const struct supported *row = row_of(payload, false);
    if (row == NULL) {
        return MT_NOT_FOUND;
    }
    *standard_too = row->place == WALK_BY;
    return decode_row(reader, row, payload, NULL);
}
