/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Civil time: the day and date arithmetic of the proleptic Gregorian calendar in closed form, with
 * years that start on 1 March so that the leap day is the last day of a year.
 */
#include "gateway/core/civil.h"

#include "meters/check.h"

#define DAYS_PER_ERA 146097u     /* 400 years. */
#define DAYS_BEFORE_1970 719468u /* From 0000-03-01 to 1970-01-01. */
#define CIVIL_YEAR_FIRST 1970
#define CIVIL_YEAR_END 2200

int32_t gw_local_day(int64_t at_us)
{
    int64_t local_us = at_us + GW_LOCAL_OFFSET_US;
    int64_t day = local_us / GW_US_PER_DAY;
    if (local_us < 0 && day * GW_US_PER_DAY != local_us) {
        day--;
    }
    return (int32_t)day;
}

int64_t gw_local_day_start_us(int32_t day)
{
    return (int64_t)day * GW_US_PER_DAY - GW_LOCAL_OFFSET_US;
}

int64_t gw_local_time_of_day_us(int64_t at_us)
{
    return at_us - gw_local_day_start_us(gw_local_day(at_us));
}

struct gw_date gw_date_of_day(int32_t day)
{
    MT_CHECK(day >= 0);
    uint32_t days = (uint32_t)day + DAYS_BEFORE_1970;
    uint32_t era = days / DAYS_PER_ERA;
    uint32_t day_of_era = days % DAYS_PER_ERA;
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460u + day_of_era / 36524u - day_of_era / 146096u) / 365u;
    uint32_t day_of_year =
        day_of_era - (365u * year_of_era + year_of_era / 4u - year_of_era / 100u);
    uint32_t march_month = (5u * day_of_year + 2u) / 153u; /* 0 is March. */
    uint32_t month = march_month < 10u ? march_month + 3u : march_month - 9u;
    struct gw_date date = {
        .year = (int32_t)(era * 400u + year_of_era + (month <= 2u ? 1u : 0u)),
        .month = (uint8_t)month,
        .day = (uint8_t)(day_of_year - (153u * march_month + 2u) / 5u + 1u),
    };
    return date;
}

int32_t gw_day_of_date(struct gw_date date)
{
    MT_CHECK(date.year >= CIVIL_YEAR_FIRST && date.month >= 1 && date.month <= 12 && date.day >= 1);
    uint32_t year = (uint32_t)date.year - (date.month <= 2 ? 1u : 0u);
    uint32_t march_month = date.month > 2 ? date.month - 3u : date.month + 9u;
    uint32_t era = year / 400u;
    uint32_t year_of_era = year % 400u;
    uint32_t day_of_year = (153u * march_month + 2u) / 5u + date.day - 1u;
    uint32_t day_of_era = year_of_era * 365u + year_of_era / 4u - year_of_era / 100u + day_of_year;
    return (int32_t)(era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_1970);
}

bool gw_date_valid(struct gw_date date)
{
    if (date.year < CIVIL_YEAR_FIRST || date.year >= CIVIL_YEAR_END || date.month < 1 ||
        date.month > 12 || date.day < 1 || date.day > 31) {
        return false;
    }
    /* A day that the month does not have comes back as a day of the next month. */
    struct gw_date back = gw_date_of_day(gw_day_of_date(date));
    return back.month == date.month && back.day == date.day;
}

/** count digits as a number; -1 when one is none. */
static int32_t digits_number(const char *text, uint32_t count)
{
    int32_t number = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

bool gw_date_parse(struct gw_date *date, const char *text, size_t len)
{
    if (len != 10 || text[4] != '-' || text[7] != '-') {
        return false;
    }
    int32_t year = digits_number(text, 4);
    int32_t month = digits_number(text + 5, 2);
    int32_t day = digits_number(text + 8, 2);
    if (year < 0 || month < 0 || day < 0) {
        return false;
    }
    struct gw_date read = {.year = year, .month = (uint8_t)month, .day = (uint8_t)day};
    if (!gw_date_valid(read)) {
        return false;
    }
    *date = read;
    return true;
}

static void put_digits(char *text, uint32_t count, uint32_t number)
{
    for (uint32_t i = count; i > 0; i--) {
        text[i - 1] = (char)('0' + number % 10u);
        number /= 10u;
    }
}

void gw_date_format(char text[GW_DATE_TEXT_BYTES], struct gw_date date)
{
    MT_CHECK(gw_date_valid(date));
    put_digits(text, 4, (uint32_t)date.year);
    text[4] = '-';
    put_digits(text + 5, 2, date.month);
    text[7] = '-';
    put_digits(text + 8, 2, date.day);
    text[10] = '\0';
}

int32_t gw_local_month(int64_t at_us)
{
    struct gw_date date = gw_date_of_day(gw_local_day(at_us));
    return (date.year - CIVIL_YEAR_FIRST) * 12 + date.month - 1;
}

int64_t gw_local_month_start_us(int32_t month)
{
    MT_CHECK(month >= 0);
    struct gw_date first = {
        .year = CIVIL_YEAR_FIRST + month / 12,
        .month = (uint8_t)(month % 12 + 1),
        .day = 1,
    };
    return gw_local_day_start_us(gw_day_of_date(first));
}
