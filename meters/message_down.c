/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is read besides readings: receipts, commands and day-end snapshots; see message.h. */
#include "meters/cbor.h"
#include "meters/senml.h"

#include <string.h>

#define US_PER_S 1000000
#define VALVE_MAX 2

/* One expected number: its name, where it goes, and its bit in the set of those seen. */
struct wanted {
    const char *name;
    int64_t *value;
    int64_t max;
};

/* Take a record whose name is wanted; each may come once. Others are ignored. */
static enum mt_status take_wanted(uint32_t *seen, const struct mt_senml_resolved *record,
                                  const struct wanted *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (record->prefix.len > 0 ||
            !mt_senml_is(&record->name, wanted[i].name, strlen(wanted[i].name))) {
            continue;
        }
        if ((*seen & 1u << i) != 0) {
            return MT_BAD_LAYOUT;
        }
        *seen |= 1u << i;
        return mt_senml_value(wanted[i].value, record, 0, wanted[i].max);
    }
    return MT_OK;
}

enum { ACK, TIME, VALVE, EXPIRES, ID, DOWNLINK_NAMES };
#define RECEIPT_SET (1u << ACK | 1u << TIME)
#define COMMAND_SET (1u << VALVE | 1u << EXPIRES | 1u << ID)

enum mt_status mt_downlink_decode(struct mt_downlink *out, const uint8_t *bytes, size_t len)
{
    MT_CHECK(out != NULL);
    if (len > MT_MESSAGE_BYTES_MAX) {
        return MT_TOO_LARGE;
    }
    int64_t values[DOWNLINK_NAMES] = {0};
    const struct wanted wanted[DOWNLINK_NAMES] = {
        [ACK] = {"ack", &values[ACK], UINT32_MAX},
        [TIME] = {"time", &values[TIME], MT_TIME_S_MAX},
        [VALVE] = {"valve", &values[VALVE], VALVE_MAX},
        [EXPIRES] = {"expires", &values[EXPIRES], MT_TIME_S_MAX},
        [ID] = {"id", &values[ID], UINT32_MAX},
    };
    struct mt_cursor cursor = mt_cursor_over(bytes, len);
    struct mt_senml_cbor pack;
    struct mt_senml_record record;
    struct mt_senml_resolved resolved;
    struct mt_senml_base base;
    mt_senml_base_init(&base, 0);
    uint32_t seen = 0;
    enum mt_status status = mt_senml_cbor_open(&pack, &cursor);
    while (status == MT_OK && (status = mt_senml_cbor_next(&record, &pack)) == MT_OK) {
        status = mt_senml_resolve(&resolved, &base, &record);
        if (status == MT_OK) {
            status = take_wanted(&seen, &resolved, wanted, DOWNLINK_NAMES);
        }
    }
    if (status != MT_NO_READING) {
        return status;
    }
    if (seen != RECEIPT_SET && seen != COMMAND_SET) {
        return MT_BAD_LAYOUT; /* neither whole, or both at once */
    }
    *out = (struct mt_downlink){
        .is_command = seen == COMMAND_SET,
        .receipt = {.next_seq = (uint32_t)values[ACK], .time_us = values[TIME] * US_PER_S},
        .command = {.id = (uint32_t)values[ID],
                    .valve = (uint8_t)values[VALVE],
                    .expires_us = values[EXPIRES] * US_PER_S},
    };
    return MT_OK;
}

bool mt_snapshot_day_valid(uint32_t day)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year = day / 10000;
    uint32_t month = day / 100 % 100;
    uint32_t date = day % 100;
    if (year < 1970 || year > 2200 || month < 1 || month > 12 || date < 1) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return date <= days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* The register record, which carries a unit and the snapshot's time. */
static enum mt_status take_total(struct mt_snapshot *out, bool *has_total,
                                 const struct mt_senml_base *base,
                                 const struct mt_senml_resolved *record, enum mt_medium medium)
{
    if (*has_total) {
        return MT_BAD_LAYOUT;
    }
    *has_total = true;
    enum mt_status status = mt_senml_register(&out->total, record, medium);
    return status == MT_OK ? mt_senml_time_us(&out->time_us, base, record) : status;
}

enum mt_status mt_snapshot_decode(struct mt_snapshot *out, const uint8_t *bytes, size_t len,
                                  enum mt_medium medium)
{
    MT_CHECK(out != NULL);
    const char *total_name = mt_senml_total_name(medium);
    if (total_name == NULL) {
        return MT_UNSUPPORTED;
    }
    if (len > MT_MESSAGE_BYTES_MAX) {
        return MT_TOO_LARGE;
    }
    int64_t day = 0;
    int64_t seq = 0;
    const struct wanted wanted[] = {{"day", &day, 99999999}, {"seq", &seq, UINT32_MAX}};
    struct mt_snapshot snapshot = {0};
    bool has_total = false;
    struct mt_cursor cursor = mt_cursor_over(bytes, len);
    struct mt_senml_cbor pack;
    struct mt_senml_record record;
    struct mt_senml_resolved resolved;
    struct mt_senml_base base;
    mt_senml_base_init(&base, 0); /* a proof never takes the reader's time for the meter's */
    uint32_t seen = 0;
    enum mt_status status = mt_senml_cbor_open(&pack, &cursor);
    while (status == MT_OK && (status = mt_senml_cbor_next(&record, &pack)) == MT_OK) {
        status = mt_senml_resolve(&resolved, &base, &record);
        if (status != MT_OK) {
            return status;
        }
        if (resolved.prefix.len == 0 &&
            mt_senml_is(&resolved.name, total_name, strlen(total_name))) {
            status = take_total(&snapshot, &has_total, &base, &resolved, medium);
        } else {
            status = take_wanted(&seen, &resolved, wanted, 2);
        }
    }
    if (status != MT_NO_READING) {
        return status;
    }
    if (!has_total || seen != 3) {
        return MT_BAD_LAYOUT;
    }
    if (!mt_snapshot_day_valid((uint32_t)day)) {
        return MT_BAD_RANGE;
    }
    snapshot.day = (uint32_t)day;
    snapshot.seq = (uint32_t)seq;
    *out = snapshot;
    return MT_OK;
}
