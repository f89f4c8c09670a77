/* SPDX-License-Identifier: GPL-3.0-or-later */
/* COSEM registers; see the header. */
#include "meters/dlms_object.h"

#include <string.h>

#include "meters/obis_text.h"

#define EXPONENT_MAX 6 /* of struct mt_value, either way */

void mt_dlms_begin(struct mt_frame *frame, const char *protocol)
{
    memset(frame, 0, offsetof(struct mt_frame, values));
    frame->protocol = protocol;
    frame->kind = MT_FRAME_REPLY;
}

void mt_dlms_copy(struct mt_frame *out, const struct mt_frame *frame)
{
    memcpy(out, frame,
           offsetof(struct mt_frame, values) + frame->value_count * sizeof(frame->values[0]));
}

const char *mt_dlms_unit(uint8_t code)
{
    static const char *const units[] = {
        [1] = "a",     [2] = "mo",     [3] = "wk",    [4] = "d",       [5] = "h",
        [6] = "min",   [7] = "s",      [8] = "deg",   [9] = "C",       [11] = "m",
        [12] = "m/s",  [13] = "m3",    [14] = "m3",   [15] = "m3/h",   [16] = "m3/h",
        [17] = "m3/d", [18] = "m3/d",  [19] = "l",    [20] = "kg",     [21] = "N",
        [22] = "Nm",   [23] = "Pa",    [24] = "bar",  [25] = "J",      [26] = "J/h",
        [27] = "W",    [28] = "VA",    [29] = "var",  [30] = "Wh",     [31] = "VAh",
        [32] = "varh", [33] = "A",     [34] = "As",   [35] = "V",      [36] = "V/m",
        [37] = "F",    [38] = "ohm",   [40] = "Wb",   [41] = "T",      [42] = "A/m",
        [43] = "H",    [44] = "Hz",    [45] = "1/Wh", [46] = "1/varh", [47] = "1/VAh",
        [50] = "kg/s", [51] = "S",     [52] = "K",    [55] = "1/m3",   [56] = "%",
        [57] = "Ah",   [60] = "Wh/m3", [61] = "J/m3", [63] = "g/m3"};
    bool known = code < sizeof(units) / sizeof(units[0]) && units[code] != NULL;
    return known ? units[code] : "";
}

/* Totals by value group A; A is the index of the first and in the code too. */
static const uint8_t totals[][MT_OBIS_BYTES] = {
    {1, 0, 1, 8, 0, 255}, /* A+, all tariffs */
    {5, 0, 1, 0, 0, 255}, /* cooling energy */
    {6, 0, 1, 0, 0, 255}, /* heat energy */
    {7, 0, 3, 0, 0, 255}, /* gas, forward volume at the meter */
    {8, 0, 1, 0, 0, 255}, /* cold water, accumulated volume */
    {9, 0, 1, 0, 0, 255}, /* hot water */
};

static const uint8_t media[11] = {
    [0] = MT_MEDIUM_OTHER, [1] = MT_POWER, [2] = MT_MEDIUM_OTHER, [3] = MT_MEDIUM_OTHER,
    [4] = MT_MEDIUM_OTHER, [5] = MT_HEAT,  [6] = MT_HEAT,         [7] = MT_GAS,
    [8] = MT_WATER,        [9] = MT_WATER, [10] = MT_MEDIUM_OTHER};

const uint8_t *mt_dlms_total_obis(uint8_t medium)
{
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        /* Cooling comes before heat, but a meter of heat sends heat. */
        if (media[totals[i][0]] == medium && totals[i][0] != 5) {
            return totals[i];
        }
    }
    return NULL;
}

static bool is_total(const uint8_t *obis)
{
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        if (obis[0] == totals[i][0]) {
            return obis[1] <= 1 && memcmp(obis + 2, totals[i] + 2, MT_OBIS_BYTES - 2) == 0;
        }
    }
    return false;
}

static bool is_unit_of(uint8_t group, uint8_t unit)
{
    bool energy = unit == MT_DLMS_UNIT_WH;
    bool joule = unit == 25;
    bool volume = unit == MT_DLMS_UNIT_M3 || unit == 14 || unit == 19;
    return group == 1 ? energy : group <= 6 ? energy || joule : volume;
}

/* Bring a scaler within what a value may have, without losing a digit. */
static bool fit(int64_t *mantissa, int8_t *exponent, const struct mt_dlms_register *sent)
{
    int64_t m = sent->mantissa;
    int scaler =
        m == 0 && (sent->scaler > EXPONENT_MAX || sent->scaler < -EXPONENT_MAX) ? 0 : sent->scaler;
    for (; scaler > EXPONENT_MAX; scaler--) {
        if (m > INT64_MAX / 10 || m < INT64_MIN / 10) {
            return false;
        }
        m *= 10;
    }
    for (; scaler < -EXPONENT_MAX; scaler++) {
        if (m % 10 != 0) {
            return false;
        }
        m /= 10;
    }
    *mantissa = m;
    *exponent = (int8_t)scaler;
    return !sent->is_beyond;
}

static enum mt_status pick_total(struct mt_dlms_registers *r, const struct mt_dlms_register *sent,
                                 const struct mt_value *value)
{
    uint8_t channel = sent->obis[1];
    if (sent->unit == MT_DLMS_UNIT_NONE || value->absent) {
        return MT_OK;
    }
    if (!is_unit_of(sent->obis[0], sent->unit)) {
        return MT_BAD_UNIT;
    }
    if (r->has_total && r->group != sent->obis[0]) {
        return MT_BAD_LAYOUT; /* one meter has one medium */
    }
    if (r->has_total && r->channel == channel) {
        bool same = r->total.mantissa == value->mantissa && r->total.exponent == value->exponent &&
                    r->total.unit == value->unit;
        return same ? MT_OK : MT_BAD_LAYOUT;
    }
    if (!r->has_total || channel < r->channel) {
        r->has_total = true;
        r->channel = channel;
        r->group = sent->obis[0];
        r->total = *value;
    }
    return MT_OK;
}

enum mt_status mt_dlms_add(struct mt_dlms_registers *r, const struct mt_dlms_register *sent)
{
    MT_CHECK(r != NULL && r->frame != NULL && sent != NULL && sent->obis != NULL);
    const uint8_t *obis = sent->obis;
    struct mt_value value = {.unit = mt_dlms_unit(sent->unit),
                             .absent = sent->is_absent,
                             .subunit = obis[1],
                             .obis = {obis[2], obis[3], obis[4], obis[5]}};
    bool total = is_total(obis);
    if (!sent->is_absent && !fit(&value.mantissa, &value.exponent, sent)) {
        r->frame->values_cut = true;
        return total ? MT_BAD_RANGE : MT_OK;
    }
    value.name = mt_obis_name(obis[0], &value.obis);
    if (r->group == 0 && obis[0] < sizeof(media)) {
        r->group = obis[0];
    }
    if (total) {
        enum mt_status status = pick_total(r, sent, &value);
        if (status != MT_OK) {
            return status;
        }
    }
    if (obis[0] >= sizeof(media) || obis[1] > 1) {
        value.obis.c = 0; /* another meter's, or of a maker's own numbering: no band of this one */
    }
    struct mt_value *place = mt_frame_add(r->frame);
    if (place != NULL) {
        *place = value;
    }
    return MT_OK;
}

enum mt_status mt_dlms_finish(struct mt_dlms_registers *r)
{
    MT_CHECK(r != NULL && r->frame != NULL);
    struct mt_frame *frame = r->frame;
    frame->identity.medium = r->group != 0 ? media[r->group] : frame->identity.medium;
    if (!r->has_total) {
        return MT_OK;
    }
    for (uint32_t i = 0; i < frame->value_count; i++) {
        struct mt_value *value = &frame->values[i];
        if (value->subunit == r->channel) {
            value->subunit = 0;
        } else {
            value->obis.c = 0; /* the bands of a total come from its own channel */
        }
    }
    frame->has_total = true;
    frame->total = r->total;
    frame->total.subunit = 0;
    if (strcmp(frame->total.unit, "J") == 0) {
        return frame->total.mantissa < 0 ? MT_BAD_RANGE : MT_OK;
    }
    return mt_frame_reading(frame);
}
