/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that is said in SenML-CBOR, written; see message.h.
 *
 * Map keys come in the deterministic order (RFC 8949, 4.2.1): 0, 1, 2, 6, then -3, -4.
 */
#include "meters/cbor.h"
#include "meters/senml.h"

#include <string.h>

#define LABEL_BT (-3)
#define LABEL_BU (-4)
#define LABEL_N 0
#define LABEL_U 1
#define LABEL_V 2
#define LABEL_T 6

#define US_PER_S 1000000
#define ML_PER_L 1000
/* Below 2^28 s a time would be read as relative to the receiver's (RFC 8428, 4.5.3). */
#define ABSOLUTE_FROM_US ((INT64_C(1) << 28) * US_PER_S)

/* One record to write. */
struct field_list {
    const char *name;
    int64_t value;
    int64_t value_exponent; /* 0: an integer */
    const char *unit;
    const char *base_unit;
    bool has_time;
    int64_t time_us; /* beside the base time */
    bool has_base_time;
    int64_t base_time_us;
};

static void write_value(struct mt_writer *w, int64_t value, int64_t exponent)
{
    if (exponent == 0) {
        mt_cbor_write_int(w, value);
    } else {
        mt_cbor_write_decimal(w, value, exponent);
    }
}

static void write_time(struct mt_writer *w, int64_t time_us)
{
    bool whole = time_us % US_PER_S == 0;
    write_value(w, whole ? time_us / US_PER_S : time_us, whole ? 0 : -6);
}

static void write_text(struct mt_writer *w, const char *text)
{
    mt_cbor_write_text(w, text, strlen(text));
}

static void write_record(struct mt_writer *w, const struct field_list *f)
{
    uint64_t fields =
        2u + (f->unit != NULL) + (f->base_unit != NULL) + f->has_time + f->has_base_time;
    mt_cbor_write_head(w, MT_CBOR_MAP, fields);
    mt_cbor_write_int(w, LABEL_N);
    write_text(w, f->name);
    if (f->unit != NULL) {
        mt_cbor_write_int(w, LABEL_U);
        write_text(w, f->unit);
    }
    mt_cbor_write_int(w, LABEL_V);
    write_value(w, f->value, f->value_exponent);
    if (f->has_time) {
        mt_cbor_write_int(w, LABEL_T);
        write_time(w, f->time_us);
    }
    if (f->has_base_time) {
        mt_cbor_write_int(w, LABEL_BT);
        write_time(w, f->base_time_us);
    }
    if (f->base_unit != NULL) {
        mt_cbor_write_int(w, LABEL_BU);
        write_text(w, f->base_unit);
    }
}

static void write_plain(struct mt_writer *w, const char *name, int64_t value)
{
    struct field_list f = {.name = name, .value = value};
    write_record(w, &f);
}

/* Put a register's value in: Wh as they are; ml as litres, whole ones as integers. */
static void set_register(struct field_list *f, int64_t value, enum mt_medium medium)
{
    bool energy = medium == MT_POWER || medium == MT_HEAT;
    bool whole_litres = !energy && value % ML_PER_L == 0;
    f->value = whole_litres ? value / ML_PER_L : value;
    f->value_exponent = energy || whole_litres ? 0 : -3;
}

static bool time_fits(int64_t time_us)
{
    return time_us == 0 || (time_us >= ABSOLUTE_FROM_US && time_us <= MT_TIME_S_MAX * US_PER_S);
}

static void write_bands(struct mt_writer *w, const struct field_list *total,
                        const struct mt_reading *reading, enum mt_medium medium)
{
    char name[] = "1.8.0";
    struct field_list f = *total;
    f.name = name;
    f.has_base_time = false;
    f.base_unit = NULL;
    for (uint32_t band = 0; band < MT_BANDS; band++) {
        if ((reading->band_mask & 1u << band) != 0) {
            name[sizeof(name) - 2] = (char)('1' + band);
            set_register(&f, reading->band[band], medium);
            write_record(w, &f);
        }
    }
}

/* One reading: its total first, which is how the decoder knows that a reading begins. */
static void write_reading(struct mt_writer *w, const struct mt_message *message, uint32_t index,
                          enum mt_medium medium)
{
    const struct mt_reading *reading = &message->readings[index];
    int64_t base_time_us = message->readings[0].time_us;
    struct field_list f = {.name = mt_senml_total_name(medium),
                           .has_time = reading->time_us != base_time_us,
                           .time_us = reading->time_us - base_time_us};
    if (index == 0) {
        f.base_unit = mt_senml_unit(medium);
        f.has_base_time = base_time_us != 0;
        f.base_time_us = base_time_us;
    }
    set_register(&f, reading->total, medium);
    write_record(w, &f);
    if (medium == MT_POWER) {
        write_bands(w, &f, reading, medium);
    }
    if (reading->flags != 0) {
        f.name = "flags";
        f.value = reading->flags;
        f.value_exponent = 0;
        f.has_base_time = false;
        f.base_unit = NULL;
        write_record(w, &f);
    }
}

/* Returns the number of records, 0 when a reading is one that SenML cannot carry. */
static uint64_t count_records(const struct mt_message *message, enum mt_medium medium)
{
    uint64_t records = (message->has_seq ? 1u : 0u) + (message->has_proof ? 2u : 0u);
    for (uint32_t i = 0; i < message->count; i++) {
        const struct mt_reading *reading = &message->readings[i];
        if (!time_fits(reading->time_us) || reading->total < 0 ||
            reading->total > MT_REGISTER_MAX) {
            return 0;
        }
        records += 1u + (reading->flags != 0);
        if (medium == MT_POWER) {
            records += (uint64_t)__builtin_popcount(reading->band_mask);
        }
    }
    return records;
}

static enum mt_status finish(size_t *out_len, const struct mt_writer *w)
{
    if (w->overflow) {
        return MT_TOO_LARGE;
    }
    *out_len = mt_writer_len(w);
    return MT_OK;
}

enum mt_status mt_message_encode(uint8_t *out, size_t *out_len, size_t out_max,
                                 const struct mt_message *message, enum mt_medium medium)
{
    MT_CHECK(out != NULL && out_len != NULL);
    MT_CHECK(message != NULL && message->count <= MT_MESSAGE_READINGS_MAX);
    if (mt_senml_total_name(medium) == NULL) {
        return MT_UNSUPPORTED;
    }
    if (message->count == 0 && !message->has_proof) {
        return MT_NO_READING;
    }
    uint64_t records = count_records(message, medium);
    if (records == 0) {
        return MT_BAD_RANGE;
    }
    struct mt_writer w =
        mt_writer_into(out, out_max < MT_MESSAGE_BYTES_MAX ? out_max : MT_MESSAGE_BYTES_MAX);
    mt_cbor_write_head(&w, MT_CBOR_ARRAY, records);
    if (message->has_seq) {
        write_plain(&w, "seq", message->seq_first);
    }
    for (uint32_t i = 0; i < message->count; i++) {
        write_reading(&w, message, i, medium);
    }
    if (message->has_proof) {
        write_plain(&w, "done", message->proof_id);
        write_plain(&w, "state", message->proof_state);
    }
    return finish(out_len, &w);
}

enum mt_status mt_receipt_encode(uint8_t *out, size_t *out_len, size_t out_max,
                                 const struct mt_receipt *receipt)
{
    MT_CHECK(out != NULL && out_len != NULL);
    MT_CHECK(receipt != NULL && receipt->time_us >= 0);
    struct mt_writer w = mt_writer_into(out, out_max);
    mt_cbor_write_head(&w, MT_CBOR_ARRAY, 2);
    write_plain(&w, "ack", receipt->next_seq);
    write_plain(&w, "time", receipt->time_us / US_PER_S);
    return finish(out_len, &w);
}

enum mt_status mt_command_encode(uint8_t *out, size_t *out_len, size_t out_max,
                                 const struct mt_command *command)
{
    MT_CHECK(out != NULL && out_len != NULL);
    MT_CHECK(command != NULL && command->valve <= 2 && command->expires_us >= 0);
    struct mt_writer w = mt_writer_into(out, out_max);
    mt_cbor_write_head(&w, MT_CBOR_ARRAY, 3);
    write_plain(&w, "valve", command->valve);
    write_plain(&w, "expires", command->expires_us / US_PER_S);
    write_plain(&w, "id", command->id);
    return finish(out_len, &w);
}

enum mt_status mt_snapshot_encode(uint8_t *out, size_t *out_len, size_t out_max,
                                  const struct mt_snapshot *snapshot, enum mt_medium medium)
{
    MT_CHECK(out != NULL && out_len != NULL);
    MT_CHECK(snapshot != NULL);
    if (mt_senml_total_name(medium) == NULL) {
        return MT_UNSUPPORTED;
    }
    if (snapshot->time_us == 0 || !time_fits(snapshot->time_us) || snapshot->total < 0 ||
        snapshot->total > MT_REGISTER_MAX || !mt_snapshot_day_valid(snapshot->day)) {
        return MT_BAD_RANGE;
    }
    struct mt_writer w = mt_writer_into(out, out_max);
    mt_cbor_write_head(&w, MT_CBOR_ARRAY, 3);
    struct field_list day = {.name = "day",
                             .value = snapshot->day,
                             .has_base_time = true,
                             .base_time_us = snapshot->time_us};
    write_record(&w, &day);
    struct field_list total = {.name = mt_senml_total_name(medium), .unit = mt_senml_unit(medium)};
    set_register(&total, snapshot->total, medium);
    write_record(&w, &total);
    write_plain(&w, "seq", snapshot->seq);
    return finish(out_len, &w);
}
