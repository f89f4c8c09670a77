/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/ctl/decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/app/format.h"

#define SHORT_TIME 19u /* "2015-05-11T22:01:31" */
#define LOCAL_EAST_MINUTES 480
#define US_PER_MINUTE INT64_C(60000000)

json_t *gw_decode_error(const char *error, const char *reason)
{
    return json_pack("{s:s, s:s}", "error", error, "reason", reason);
}

void gw_decode_number(char text[64], int64_t mantissa, int8_t exponent)
{
    if (exponent < 0) {
        gw_format_decimal(text, mantissa, (uint32_t)-exponent, (uint32_t)-exponent);
        return;
    }
    int used = snprintf(text, 64, "%" PRId64, mantissa);
    for (int8_t i = 0; mantissa != 0 && i < exponent && used > 0 && used < 62; i++) {
        text[used++] = '0';
        text[used] = '\0';
    }
}

static json_t *number_json(const struct mt_value *value)
{
    char text[64];
    if (value->absent) {
        return json_null();
    }
    gw_decode_number(text, value->mantissa, value->exponent);
    return json_string(text);
}

static void set_unless_zero(json_t *object, const char *name, uint32_t value)
{
    if (value != 0) {
        (void)json_object_set_new(object, name, json_integer(value));
    }
}

static json_t *value_json(const struct mt_value *value)
{
    static const char *const functions[] = {"instantaneous", "maximum", "minimum", "in error"};
    char obis[MT_OBIS_TEXT_MAX];
    (void)mt_obis_format(obis, &value->obis); /* its length is not needed */
    json_t *object = json_pack("{s:s, s:s, s:o, s:s}", "name", value->name, "obis", obis, "value",
                               number_json(value), "unit", value->unit);
    if (value->function != MT_INSTANTANEOUS) {
        const char *function =
            functions[value->function <= MT_IN_ERROR ? value->function : MT_IN_ERROR];
        (void)json_object_set_new(object, "function", json_string(function));
    }
    set_unless_zero(object, "tariff", value->tariff);
    set_unless_zero(object, "storage", value->storage);
    set_unless_zero(object, "subunit", value->subunit);
    return object;
}

/* The meter's own clock, as it shows it; with its distance from UTC where the frame says so. */
static json_t *time_json(const struct mt_frame *frame)
{
    char text[GW_FORMAT_MAX];
    char zone[8] = "";
    if (!frame->has_time) {
        return json_null();
    }
    int64_t shift_min = frame->has_zone ? frame->zone_minutes - LOCAL_EAST_MINUTES : 0;
    gw_format_time(text, frame->time_us + shift_min * US_PER_MINUTE);
    text[SHORT_TIME] = '\0';
    if (frame->has_zone) {
        unsigned east =
            (unsigned)(frame->zone_minutes < 0 ? -frame->zone_minutes : frame->zone_minutes);
        snprintf(zone, sizeof(zone), "%c%02u:%02u", frame->zone_minutes < 0 ? '-' : '+',
                 east / 60 % 100, east % 60);
    }
    return json_sprintf("%s%s", text, zone);
}

static json_t *frame_json(const struct mt_frame *frame)
{
    static const char *const kinds[] = {"reply", "request", "abnormal"};
    json_t *values = json_array();
    for (uint32_t i = 0; i < frame->value_count; i++) {
        (void)json_array_append_new(values, value_json(&frame->values[i]));
    }
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "protocol", frame->protocol, "kind",
                  kinds[frame->kind <= MT_FRAME_ABNORMAL ? frame->kind : MT_FRAME_ABNORMAL],
                  "medium", gw_medium_name(frame->identity.medium), "meter", frame->identity.number,
                  "maker", frame->identity.maker, "time", time_json(frame));
    json_t *total = json_null();
    if (frame->has_total) {
        total =
            json_pack("{s:o, s:s}", "value", number_json(&frame->total), "unit", frame->total.unit);
    }
    (void)json_object_set_new(object, "total", total);
    (void)json_object_set_new(object, "values", values);
    if (frame->values_cut) {
        (void)json_object_set_new(object, "values_cut", json_true());
    }
    set_unless_zero(object, "fragment", frame->fragment);
    if (frame->more_follows) {
        (void)json_object_set_new(object, "more_follows", json_true());
    }
    if (frame->kind == MT_FRAME_ABNORMAL) {
        (void)json_object_set_new(object, "refusal_code", json_integer(frame->error));
    }
    return object;
}

const char *gw_decode_error_name(enum mt_status status)
{
    switch (status) {
    case MT_OK:
        return "none";
    case MT_NEED_MORE:
        return "truncated";
    case MT_BAD_CHECKSUM:
        return "checksum";
    case MT_BAD_DIGIT:
        return "digit";
    case MT_BAD_LAYOUT:
        return "layout";
    case MT_BAD_UNIT:
        return "unit";
    case MT_BAD_RANGE:
        return "range";
    case MT_UNSUPPORTED:
        return "unsupported";
    case MT_NOT_AUTHENTIC:
        return "not_authentic";
    case MT_NO_READING:
        return "no_reading";
    case MT_TOO_LARGE:
        return "too_large";
    case MT_NOT_FOUND:
        return "not_found";
    case MT_NO_KEY:
        return "no_key";
    }
    return "other";
}

json_t *gw_decode_json(size_t *used, bool *refused, const struct mt_protocol *protocol,
                       const struct mt_input *input)
{
    struct mt_frame frame;
    *used = 0;
    enum mt_status status = mt_decode(&frame, used, protocol, input);
    /* A request or a meter's own refusal carries no value, but it was understood. */
    *refused = status != MT_OK && status != MT_NO_READING;
    if (*refused) {
        return gw_decode_error(gw_decode_error_name(status), mt_status_text(status));
    }
    return frame_json(&frame);
}

static int digit_of(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)((at - digits) % 16) : -1;
}

bool gw_decode_hex(uint8_t *bytes, size_t *len, size_t max, const char *text)
{
    size_t count = 0;
    const char *p = text;
    while (*p != '\0') {
        if (*p == ' ' || *p == ':') {
            p++;
            continue;
        }
        int high = digit_of(p[0]);
        int low = high >= 0 ? digit_of(p[1]) : -1;
        if (low < 0 || count == max) {
            return false;
        }
        bytes[count++] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    *len = count;
    return true;
}
