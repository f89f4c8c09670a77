/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DL/T 645-2007, clauses 5 to 7, and the reading of DL/T 645-1997. */
#include <string.h>

#include "firmware/serial/answer.h"
#include "meters/calendar.h"
#include "meters/dlt645.h"
#include "meters/writer.h"

#define ADDRESS_BYTES 6u
#define CONTROL_AT 8u
#define LEN_AT 9u
#define DATA_AT 10u
#define OFFSET 0x33u

#define REPLY 0x80u
#define ABNORMAL 0x40u
#define READ_1997 0x01u
#define BROADCAST_TIME 0x08u
#define READ_2007 0x11u
#define READ_ADDRESS 0x13u

#define ERROR_NO_DATA 0x02u            /* clause 7.1, ERR bit 1 */
#define ERROR_NOT_ALLOWED 0x04u        /* bit 2 */
#define WH_PER_DIGIT 10                /* the register's last digit: 0.01 kWh */
#define KWH_MODULUS INT64_C(100000000) /* eight digits of 0.01 kWh; then the register begins anew */

#define ID_DATE 0x04000101u
#define ID_TIME 0x04000102u
#define ID_ADDRESS 0x04000401u

static size_t build(const struct fw_question *q, uint8_t control, const uint8_t *data, size_t len)
{
    size_t out_len = 0;
    const struct mt_dlt645_frame frame = {
        .number = q->serial->number, .control = control, .data = data, .data_len = len};
    return mt_dlt645_build(q->reply, &out_len, FW_SERIAL_REPLY_MAX, &frame) == MT_OK ? out_len : 0;
}

static size_t refuse(const struct fw_question *q, uint8_t error)
{
    uint8_t control = (uint8_t)(q->bytes[CONTROL_AT] | REPLY | ABNORMAL);
    return build(q, control, &error, 1);
}

/* ---- registers ------------------------------------------------------------------------------------------ */

/* Which registers a question means. */
struct wanted {
    bool settled;   /* those of the last settlement */
    uint8_t tariff; /* 0: the total, 1 to MT_BANDS, ALL */
};
#define ALL 0xFFu

static bool read_id_2007(struct wanted *wanted, uint32_t id)
{
    uint8_t kind = (uint8_t)(id >> 16);
    wanted->tariff = (uint8_t)(id >> 8);
    wanted->settled = (id & 0xFFu) == 1;
    return id >> 24 == 0 && kind <= 1 && (id & 0xFFu) <= 1 &&
           (wanted->tariff <= MT_BANDS || wanted->tariff == ALL);
}

static bool read_id_1997(struct wanted *wanted, uint32_t id)
{
    wanted->settled = false;
    wanted->tariff = (uint8_t)(id & 0x0Fu);
    if (wanted->tariff == 0x0Fu) {
        wanted->tariff = ALL;
    }
    return id >> 4 == 0x901u && (wanted->tariff <= MT_BANDS || wanted->tariff == ALL);
}

static size_t answer_registers(const struct fw_question *q, const struct wanted *wanted,
                               const struct mt_dlt645_query *query)
{
    const struct mt_reading *reading = wanted->settled ? &q->view->settlement : &q->view->now;
    int64_t all[1 + MT_BANDS] = {reading->total / WH_PER_DIGIT % KWH_MODULUS};
    size_t out_len = 0;
    if (wanted->settled && !q->view->has_settlement) {
        return refuse(q, ERROR_NO_DATA);
    }
    for (unsigned b = 0; b < MT_BANDS; b++) {
        bool counted = (reading->band_mask >> b & 1u) != 0;
        all[1 + b] = counted ? reading->band[b] / WH_PER_DIGIT % KWH_MODULUS : 0;
    }
    const struct mt_dlt645_reply reply = {
        .to = *query,
        .mantissas = wanted->tariff == ALL ? all : &all[wanted->tariff],
        .count = wanted->tariff == ALL ? 1 + MT_BANDS : 1,
    };
    return mt_dlt645_build_reply(q->reply, &out_len, FW_SERIAL_REPLY_MAX, &reply) == MT_OK
               ? out_len
               : refuse(q, ERROR_NO_DATA);
}

/* ---- clock and address ---------------------------------------------------------------------------------- */

static uint8_t bcd(int value)
{
    return (uint8_t)(value / 10 << 4 | value % 10);
}

/* Days since a Thursday; the standard counts from Sunday, 0. */
static int weekday(int64_t time_us)
{
    const int64_t day_us = INT64_C(86400000000);
    const int64_t zone_us = INT64_C(28800000000); /* all of China has UTC+8 */
    return (int)(((time_us + zone_us) / day_us + 4) % 7);
}

static size_t answer_clock(const struct fw_question *q, uint32_t id)
{
    struct mt_calendar local;
    uint8_t data[8] = {(uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16), (uint8_t)(id >> 24)};
    int64_t time_us = q->view->now.time_us;
    if (time_us <= 0 || mt_calendar_from_us(&local, time_us) != MT_OK) {
        return refuse(q, ERROR_NO_DATA);
    }
    if (id == ID_TIME) {
        data[4] = bcd(local.second);
        data[5] = bcd(local.minute);
        data[6] = bcd(local.hour);
        return build(q, READ_2007 | REPLY, data, 7);
    }
    data[4] = bcd(weekday(time_us));
    data[5] = bcd(local.day);
    data[6] = bcd(local.month);
    data[7] = bcd(local.year % 100);
    return build(q, READ_2007 | REPLY, data, 8);
}

/* The address as it is on the line, behind what is asked for it by. */
static size_t answer_address(const struct fw_question *q, uint8_t control, const uint8_t *id,
                             size_t id_len)
{
    uint8_t data[4 + ADDRESS_BYTES] = {0};
    uint8_t frame[DATA_AT];
    size_t len = build(q, control, NULL, 0);
    if (len < DATA_AT) {
        return 0;
    }
    memcpy(frame, q->reply, sizeof(frame));
    if (id_len > 0) {
        memcpy(data, id, id_len);
    }
    memcpy(data + id_len, frame + 1, ADDRESS_BYTES);
    return build(q, control, data, id_len + ADDRESS_BYTES);
}

/* ---- questions ------------------------------------------------------------------------------------------ */

static size_t answer_2007(const struct fw_question *q)
{
    uint8_t plain[4];
    struct wanted wanted;
    if (q->bytes[LEN_AT] < sizeof(plain)) {
        return refuse(q, ERROR_NO_DATA);
    }
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)(q->bytes[DATA_AT + i] - OFFSET);
    }
    uint32_t id = (uint32_t)plain[0] | (uint32_t)plain[1] << 8 | (uint32_t)plain[2] << 16 |
                  (uint32_t)plain[3] << 24;
    const struct mt_dlt645_query query = {.number = q->serial->number,
                                          .edition = MT_DLT645_2007,
                                          .data_id = id};
    if (id == ID_DATE || id == ID_TIME) {
        return answer_clock(q, id);
    }
    if (id == ID_ADDRESS) {
        return answer_address(q, READ_2007 | REPLY, plain, sizeof(plain));
    }
    return read_id_2007(&wanted, id) ? answer_registers(q, &wanted, &query)
                                     : refuse(q, ERROR_NO_DATA);
}

static size_t answer_1997(const struct fw_question *q)
{
    struct wanted wanted;
    if (q->bytes[LEN_AT] < 2) {
        return refuse(q, ERROR_NO_DATA);
    }
    uint32_t id = (uint32_t)(uint8_t)(q->bytes[DATA_AT] - OFFSET) |
                  (uint32_t)(uint8_t)(q->bytes[DATA_AT + 1] - OFFSET) << 8;
    const struct mt_dlt645_query query = {.number = q->serial->number,
                                          .edition = MT_DLT645_1997,
                                          .data_id = id};
    return read_id_1997(&wanted, id) ? answer_registers(q, &wanted, &query)
                                     : refuse(q, ERROR_NO_DATA);
}

size_t fw_answer_dlt645(const struct fw_question *question)
{
    uint8_t control = question->bytes[CONTROL_AT];
    if ((control & REPLY) != 0 ||
        !fw_answer_is_ours(question->serial, question->bytes + 1, ADDRESS_BYTES)) {
        return 0;
    }
    switch (control) {
    case READ_2007:
        return answer_2007(question);
    case READ_1997:
        return answer_1997(question);
    case READ_ADDRESS:
        return answer_address(question, READ_ADDRESS | REPLY, NULL, 0);
    case BROADCAST_TIME: /* has no answer by clause 7.2; the meter's time is the gateway's */
        return 0;
    default:
        return refuse(question, ERROR_NOT_ALLOWED);
    }
}
