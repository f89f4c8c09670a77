/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/format.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "meters/reading.h"

#define DECIMALS_MAX 12u

void gw_format_decimal(char text[GW_FORMAT_MAX], int64_t value, uint32_t decimals, uint32_t keep)
{
    MT_CHECK(decimals <= DECIMALS_MAX && keep <= decimals);
    /* The size of INT64_MIN is no int64. */
    uint64_t size = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
    uint64_t unit = 1;
    for (uint32_t i = 0; i < decimals; i++) {
        unit *= 10;
    }
    int used = snprintf(text, GW_FORMAT_MAX, "%s%llu", value < 0 ? "-" : "",
                        (unsigned long long)(size / unit));
    if (decimals == 0 || used < 0) {
        return;
    }
    char *point = text + used;
    snprintf(point, GW_FORMAT_MAX - (size_t)used, ".%0*llu", (int)decimals,
             (unsigned long long)(size % unit));
    uint32_t left = decimals;
    while (left > keep && point[left] == '0') {
        point[left--] = '\0';
    }
    if (left == 0) {
        *point = '\0';
    }
}

void gw_format_fen(char text[GW_FORMAT_MAX], int64_t fen)
{
    gw_format_decimal(text, fen, 2, 2);
}

void gw_format_ufen(char text[GW_FORMAT_MAX], int64_t ufen)
{
    gw_format_decimal(text, ufen, 8, 2);
}

void gw_format_units(char text[GW_FORMAT_MAX], int64_t units, uint8_t medium)
{
    bool volume = medium == MT_WATER || medium == MT_GAS;
    gw_format_decimal(text, units, volume ? 6 : 3, 3);
}

const char *gw_unit_name(uint8_t medium)
{
    return medium == MT_WATER || medium == MT_GAS ? "m3" : "kWh";
}

const char *gw_medium_name(uint8_t medium)
{
    static const char *const names[] = {"power", "water", "gas", "heat", "other"};
    return names[medium <= MT_MEDIUM_OTHER ? medium : MT_MEDIUM_OTHER];
}

void gw_format_time(char text[GW_FORMAT_MAX], int64_t time_us)
{
    struct gw_date date = gw_date_of_day(gw_local_day(time_us));
    int64_t of_day_us = gw_local_time_of_day_us(time_us);
    int64_t s = of_day_us / GW_US_PER_S;
    int us = (int)(of_day_us % GW_US_PER_S);
    int used = snprintf(text, GW_FORMAT_MAX, "%04d-%02u-%02uT%02d:%02d:%02d", date.year % 10000,
                        date.month, date.day, (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    if (us != 0 && used > 0) {
        used += snprintf(text + used, GW_FORMAT_MAX - (size_t)used, ".%06d", us);
    }
    if (used > 0 && (size_t)used < GW_FORMAT_MAX) {
        snprintf(text + used, GW_FORMAT_MAX - (size_t)used, "+08:00");
    }
}

void gw_format_day(char text[GW_FORMAT_MAX], int32_t day)
{
    struct gw_date date = gw_date_of_day(day);
    snprintf(text, GW_FORMAT_MAX, "%04d-%02u-%02u", date.year, date.month, date.day);
}

void gw_format_month(char text[GW_FORMAT_MAX], int32_t month)
{
    snprintf(text, GW_FORMAT_MAX, "%04d-%02d", 1970 + month / 12, month % 12 + 1);
}

/* `count` digits into *value. */
static bool read_digits(int32_t *value, const char *text, uint32_t count)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        sum = sum * 10 + (text[i] - '0');
    }
    *value = sum;
    return true;
}

bool gw_parse_month(int32_t *month, const char *text)
{
    int32_t year = 0;
    int32_t of_year = 0;
    if (strlen(text) != 7 || text[4] != '-' || !read_digits(&year, text, 4) ||
        !read_digits(&of_year, text + 5, 2) || year < 1970 || year >= 2200 || of_year < 1 ||
        of_year > 12) {
        return false;
    }
    *month = (year - 1970) * 12 + of_year - 1;
    return true;
}

bool gw_parse_day(int32_t *day, const char *text)
{
    int32_t year = 0;
    int32_t month = 0;
    int32_t of_month = 0;
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-' || !read_digits(&year, text, 4) ||
        !read_digits(&month, text + 5, 2) || !read_digits(&of_month, text + 8, 2) || year < 1970 ||
        year >= 2200 || month < 1 || month > 12 || of_month < 1 || of_month > 31) {
        return false;
    }
    struct gw_date date = {.year = year, .month = (uint8_t)month, .day = (uint8_t)of_month};
    int32_t found = gw_day_of_date(date);
    struct gw_date back = gw_date_of_day(found);
    if (back.month != date.month || back.day != date.day) {
        return false; /* 30 February */
    }
    *day = found;
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool gw_parse_hex(uint8_t *bytes, size_t len, const char *text)
{
    if (strlen(text) != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = digit_of(text[2 * i]);
        int low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void gw_format_hex(char *text, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}
