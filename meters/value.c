/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of frames; see the header. */
#include "meters/value.h"

#include <string.h>

/* Write a number below 256. Returns its digits. */
static size_t write_u8(char *text, uint8_t value)
{
    size_t len = value >= 100 ? 3 : value >= 10 ? 2 : 1;
    for (size_t i = len; i > 0; i--) {
        text[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return len;
}

size_t mt_obis_format(char text[MT_OBIS_TEXT_MAX], const struct mt_obis *obis)
{
    MT_CHECK(text != NULL && obis != NULL);
    char *at = text;
    if (obis->c != 0) {
        at += write_u8(at, obis->c);
        *at++ = '.';
        at += write_u8(at, obis->d);
        *at++ = '.';
        at += write_u8(at, obis->e);
        if (obis->f != MT_OBIS_CURRENT) {
            *at++ = '*';
            at += write_u8(at, obis->f);
        }
    }
    *at = '\0';
    return (size_t)(at - text);
}

/* Units of energy in Wh and of volume in ml, as powers of ten. */
static const struct {
    const char *unit;
    int32_t scale;
} units[] = {{"Wh", 0}, {"kWh", 3}, {"MWh", 6}, {"l", 3}, {"m3", 6}};

enum mt_status mt_value_smallest(int64_t *out, const struct mt_value *value)
{
    MT_CHECK(out != NULL && value != NULL);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(value->unit, units[i].unit) != 0) {
            continue;
        }
        if (value->absent || value->mantissa < 0) {
            return MT_BAD_RANGE; /* before it is made larger: far below zero it would overflow */
        }
        int32_t scale = units[i].scale + value->exponent;
        int64_t smallest = value->mantissa;
        for (; scale < 0; scale++) {
            smallest /= 10;
        }
        for (; scale > 0 && smallest <= MT_REGISTER_MAX; scale--) {
            smallest *= 10;
        }
        if (smallest > MT_REGISTER_MAX) {
            return MT_BAD_RANGE;
        }
        *out = smallest;
        return MT_OK;
    }
    return MT_BAD_UNIT;
}

struct mt_value *mt_frame_add(struct mt_frame *frame)
{
    MT_CHECK(frame != NULL && frame->value_count <= MT_VALUES_MAX);
    if (frame->value_count == MT_VALUES_MAX) {
        frame->values_cut = true;
        return NULL;
    }
    struct mt_value *value = &frame->values[frame->value_count++];
    *value = (struct mt_value){.obis = {.f = MT_OBIS_CURRENT}};
    return value;
}

enum mt_status mt_frame_reading(struct mt_frame *frame)
{
    MT_CHECK(frame != NULL && frame->value_count <= MT_VALUES_MAX);
    if (!frame->has_total) {
        return MT_NO_READING;
    }
    struct mt_reading reading = {.time_us = frame->has_time ? frame->time_us : 0,
                                 .flags = frame->flags};
    enum mt_status status = mt_value_smallest(&reading.total, &frame->total);
    const struct mt_obis *total = &frame->total.obis;
    for (uint32_t i = 0; i < frame->value_count && status == MT_OK; i++) {
        const struct mt_value *value = &frame->values[i];
        bool band = value->obis.c == total->c && value->obis.d == total->d &&
                    value->obis.f == MT_OBIS_CURRENT && value->obis.e >= 1 &&
                    value->obis.e <= MT_BANDS;
        if (total->c != 0 && band && !value->absent) {
            reading.band_mask |= (uint8_t)(1u << (value->obis.e - 1));
            status = mt_value_smallest(&reading.band[value->obis.e - 1], value);
        }
    }
    if (status != MT_OK) {
        return status;
    }
    frame->reading = reading;
    frame->has_reading = true;
    return MT_OK;
}
