/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Units, clocks and bytes of mapped messages. */
#include <string.h>
#include <strings.h>

#include "gateway/adapters/mapping_json.h"
#include "meters/calendar.h"
#include "meters/decimal.h"
#include "meters/limits.h"

#define MINUTE_US 60000000ll
#define LOCAL_MINUTES 480 /* what mt_calendar_to_us takes its argument for */

/* A unit is 10^exponent / divisor of a Wh or an ml. */
static const struct {
    const char *name;
    bool energy;
    int8_t exponent;
    int32_t divisor;
} units[] = {
    {"Wh", true, 0, 1},         {"kWh", true, 3, 1},   {"MWh", true, 6, 1},   {"Wmin", true, 0, 60},
    {"kJ", true, 3, 3600},      {"MJ", true, 6, 3600}, {"GJ", true, 9, 3600}, {"m3", false, 6, 1},
    {"m\xc2\xb3", false, 6, 1}, {"l", false, 3, 1},    {"ml", false, 0, 1},
};
#define UNITS (sizeof(units) / sizeof(units[0]))

/* Platforms write kWh, KWH and kwh. Only the two that differ by their case alone, MJ and mJ or MWh and
 * mWh, could be mistaken, and no register counts in the small ones. */
static size_t unit_index(const char *unit)
{
    size_t i = 0;
    while (i < UNITS && strcasecmp(units[i].name, unit) != 0) {
        i++;
    }
    return i;
}

bool gw_mapping_unit_known(const char *unit)
{
    return unit_index(unit) < UNITS;
}

enum gw_mapping_verdict gw_mapping_smallest(int64_t *out, const char *unit, uint8_t medium,
                                            __int128 mantissa, int64_t exponent)
{
    size_t index = unit_index(unit);
    bool energy = medium == MT_POWER || medium == MT_HEAT;
    bool volume = medium == MT_WATER || medium == MT_GAS;
    if (index == UNITS || (units[index].energy ? !energy : !volume)) {
        return GW_MAPPING_BAD_UNIT;
    }
    const __int128 most = (__int128)MT_REGISTER_MAX * units[index].divisor;
    int64_t shift = exponent + units[index].exponent;
    if (mantissa < 0) {
        return GW_MAPPING_BAD_NUMBER;
    }
    for (; shift > 0 && mantissa != 0; shift--) {
        if (mantissa > most) {
            return GW_MAPPING_BAD_NUMBER;
        }
        mantissa *= 10; /* at most 10^20 before: it fits */
    }
    for (; shift < 0 && mantissa != 0; shift++) {
        mantissa /= 10;
    }
    mantissa /= units[index].divisor;
    if (mantissa > MT_REGISTER_MAX) {
        return GW_MAPPING_BAD_NUMBER;
    }
    *out = (int64_t)mantissa;
    return GW_MAPPING_DONE;
}

/* ---- clocks --------------------------------------------------------------------------------------------- */

/* Exactly `count` digits. */
static bool digits(int32_t *out, const char **at, unsigned count)
{
    int32_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        char c = **at;
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
        (*at)++;
    }
    *out = value;
    return true;
}

static bool take(const char **at, char c)
{
    bool there = **at == c;
    *at += there;
    return there;
}

/* Part of a second, cut to microseconds. */
static bool fraction(int64_t *out, const char **at)
{
    int64_t value = 0;
    int64_t weight = 100000;
    const char *first = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++, weight /= 10) {
        value += weight * (**at - '0');
    }
    *out = value;
    return *at > first;
}

/* What stands behind the time: Z, +hh:mm, +hhmm, or nothing, which the mapping must explain. */
static bool zone(int32_t *minutes, const char **at, const struct gw_mapping *mapping)
{
    int32_t hour = 0;
    int32_t minute = 0;
    if (take(at, 'Z') || take(at, 'z')) {
        *minutes = 0;
        return true;
    }
    bool east = **at == '+';
    if (**at == '\0') {
        *minutes = mapping->zone_minutes;
        return mapping->has_zone;
    }
    if (!take(at, '+') && !take(at, '-')) {
        return false;
    }
    bool good = digits(&hour, at, 2) && (take(at, ':'), digits(&minute, at, 2)) && hour <= 14 &&
                minute <= 59;
    *minutes = (hour * 60 + minute) * (east ? 1 : -1);
    return good;
}

static bool iso_time(int64_t *time_us, const struct gw_mapping *mapping, const char *at)
{
    struct mt_calendar c = {0};
    int64_t part_us = 0;
    int32_t minutes = 0;
    bool good = digits(&c.year, &at, 4);
    bool dashes = take(&at, '-');
    good = good && digits(&c.month, &at, 2) && (!dashes || take(&at, '-')) &&
           digits(&c.day, &at, 2) && (take(&at, 'T') || take(&at, ' ')) && digits(&c.hour, &at, 2);
    bool colons = take(&at, ':');
    good = good && digits(&c.minute, &at, 2) && (!colons || take(&at, ':')) &&
           digits(&c.second, &at, 2) && dashes == colons;
    if (good && take(&at, '.')) {
        good = fraction(&part_us, &at);
    }
    int64_t local_us = 0;
    if (!good || !zone(&minutes, &at, mapping) || *at != '\0' ||
        mt_calendar_to_us(&local_us, &c) != MT_OK) {
        return false;
    }
    *time_us = local_us + part_us + (LOCAL_MINUTES - minutes) * MINUTE_US;
    return true;
}

bool gw_mapping_time(int64_t *time_us, const struct gw_mapping *mapping, const char *text)
{
    struct mt_decimal number;
    int64_t us = 0;
    if (mapping->clock == GW_MAPPING_ISO) {
        if (!iso_time(&us, mapping, text)) {
            return false;
        }
    } else {
        int32_t scale = mapping->clock == GW_MAPPING_S    ? 6
                        : mapping->clock == GW_MAPPING_MS ? 3
                                                          : 0;
        if (mt_decimal_parse(&number, text, strlen(text)) != MT_OK ||
            mt_decimal_floored(&us, &number, scale) != MT_OK) {
            return false;
        }
    }
    /* Before 2^28 s SenML reads it as a time from now on: such a clock was never set. */
    if (us < ((int64_t)1 << 28) * 1000000 || us > MT_TIME_S_MAX * 1000000) {
        return false;
    }
    *time_us = us;
    return true;
}

/* ---- bytes ---------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int base64_digit(char c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c != '\0' ? strchr(alphabet, c) : NULL;
    return found != NULL ? (int)(found - alphabet) : -1;
}

bool gw_mapping_bytes(uint8_t *out, size_t *out_len, size_t out_max, uint8_t code, const char *text,
                      size_t len)
{
    bool hex = code == GW_MAPPING_HEX;
    uint32_t bits = hex ? 4 : 6;
    uint32_t held = 0; /* bits that wait for a byte to be full */
    uint32_t value = 0;
    size_t used = 0;
    size_t padding = 0;
    while (!hex && len > 0 && padding < 2 && text[len - 1] == '=') {
        len--;
        padding++;
    }
    for (size_t i = 0; i < len; i++) {
        int digit = hex ? hex_digit(text[i]) : base64_digit(text[i]);
        if (digit < 0) {
            return false;
        }
        value = (value << bits | (uint32_t)digit) & 0xFFFFu;
        held += bits;
        if (held >= 8) {
            held -= 8;
            if (used == out_max) {
                return false;
            }
            out[used++] = (uint8_t)(value >> held);
        }
    }
    /* What is left over must be nothing: a lone character, or bits that no byte has. */
    bool padded = padding == 0 || (len + padding) % 4 == 0;
    bool whole = held < bits && (value & ((1u << held) - 1u)) == 0 && padded;
    *out_len = used;
    return whole && used > 0;
}
