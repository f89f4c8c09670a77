/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/poll_freeze.h"

#include <string.h>

#include "meters/bcd.h"
#include "meters/calendar.h"
#include "meters/dlt645.h"

#define HEAD_BYTES 10u
#define ID_BYTES 4u
#define TIME_BYTES 5u /* minute, hour, day, month, year: the lowest first */
#define OFFSET 0x33u
#define WH_PER_DIGIT 10   /* 0.01 kWh */
#define FORWARD_ACTIVE 1u /* value group C of OBIS */

bool gw_freeze_time(int64_t *time_us, const uint8_t *answer, size_t len)
{
    int parts[TIME_BYTES];
    size_t start = 0;
    const struct mt_input input = {.bytes = answer, .len = len};
    if (mt_dlt645_find(&start, &input) != MT_OK ||
        len - start < HEAD_BYTES + ID_BYTES + TIME_BYTES ||
        answer[start + HEAD_BYTES - 1] != ID_BYTES + TIME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < TIME_BYTES; i++) {
        parts[i] = mt_bcd_pair((uint8_t)(answer[start + HEAD_BYTES + ID_BYTES + i] - OFFSET));
        if (parts[i] < 0) {
            return false;
        }
    }
    const struct mt_calendar local = {.year = 2000 + parts[4],
                                      .month = parts[3],
                                      .day = parts[2],
                                      .hour = parts[1],
                                      .minute = parts[0]};
    return mt_calendar_to_us(time_us, &local) == MT_OK;
}

bool gw_freeze_registers(struct mt_reading *reading, const struct mt_frame *frame)
{
    bool has_total = false;
    memset(reading, 0, sizeof(*reading));
    for (uint32_t i = 0; i < frame->value_count; i++) {
        const struct mt_value *value = &frame->values[i];
        bool good = value->obis.c == FORWARD_ACTIVE && !value->absent && value->exponent == -2 &&
                    value->mantissa >= 0;
        if (good && value->obis.e == 0) {
            has_total = true;
            reading->total = value->mantissa * WH_PER_DIGIT;
        } else if (good && value->obis.e <= MT_BANDS) {
            reading->band[value->obis.e - 1u] = value->mantissa * WH_PER_DIGIT;
            reading->band_mask |= (uint8_t)(1u << (value->obis.e - 1u));
        }
    }
    return has_total;
}
