/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Journal records and checkpoints as bytes. */
#include "firmware/core/record.h"

#include "meters/cursor.h"
#include "meters/writer.h"

#define KIND_RECORD 0x01u
#define KIND_CHECKPOINT 0x02u

_Static_assert(MT_BANDS == 4, "the layouts below hold four band registers");

static void write_zeros_to_end(struct mt_writer *w)
{
    size_t left = (size_t)(w->end - w->at);
    memset(mt_writer_reserve(w, left), 0, left);
}

void fw_record_encode(uint8_t bytes[FW_RECORD_BYTES], const struct fw_record *record)
{
    MT_CHECK(record != NULL && record->seq > 0);
    MT_CHECK(record->reading.time_us > 0 && record->reading.total >= 0);
    struct mt_writer w = mt_writer_into(bytes, FW_RECORD_BYTES);
    mt_writer_u8(&w, KIND_RECORD);
    mt_writer_u8(&w, record->reading.flags);
    mt_writer_u8(&w, record->reading.band_mask);
    mt_writer_u8(&w, 0);
    mt_writer_le(&w, record->seq, 4);
    mt_writer_le(&w, record->counter_reserved, 4);
    mt_writer_le(&w, (uint64_t)record->reading.time_us, 8);
    mt_writer_le(&w, (uint64_t)record->reading.total, 8);
    for (unsigned i = 0; i < MT_BANDS; i++) {
        mt_writer_le(&w, (uint64_t)record->reading.band[i], 8);
    }
    MT_CHECK(!w.overflow && mt_writer_len(&w) == FW_RECORD_BYTES);
}

bool fw_record_decode(struct fw_record *record, const uint8_t bytes[FW_RECORD_BYTES])
{
    MT_CHECK(record != NULL);
    struct mt_cursor c = mt_cursor_over(bytes, FW_RECORD_BYTES);
    struct fw_record read;
    uint8_t kind = mt_cursor_u8(&c);
    read.reading.flags = mt_cursor_u8(&c);
    read.reading.band_mask = mt_cursor_u8(&c);
    (void)mt_cursor_u8(&c); /* spare, written as 0 */
    read.seq = mt_cursor_le32(&c);
    read.counter_reserved = mt_cursor_le32(&c);
    read.reading.time_us = (int64_t)mt_cursor_le(&c, 8);
    read.reading.total = (int64_t)mt_cursor_le(&c, 8);
    for (unsigned i = 0; i < MT_BANDS; i++) {
        read.reading.band[i] = (int64_t)mt_cursor_le(&c, 8);
    }
    MT_CHECK(!c.overrun);
    if (kind != KIND_RECORD || read.seq == 0 || read.reading.time_us <= 0 ||
        read.reading.total < 0) {
        return false;
    }
    *record = read;
    return true;
}

void fw_checkpoint_encode(uint8_t bytes[FW_CHECKPOINT_BYTES],
                          const struct fw_checkpoint *checkpoint)
{
    MT_CHECK(checkpoint != NULL);
    struct mt_writer w = mt_writer_into(bytes, FW_CHECKPOINT_BYTES);
    mt_writer_u8(&w, KIND_CHECKPOINT);
    mt_writer_u8(&w, (uint8_t)checkpoint->valve.state);
    mt_writer_u8(&w, checkpoint->valve.position);
    mt_writer_u8(&w, checkpoint->valve.has_id ? 1 : 0);
    mt_writer_le(&w, (uint64_t)checkpoint->total, 8);
    for (unsigned i = 0; i < MT_BANDS; i++) {
        mt_writer_le(&w, (uint64_t)checkpoint->band[i], 8);
    }
    mt_writer_le(&w, checkpoint->next_seq, 4);
    mt_writer_le(&w, checkpoint->acked_seq, 4);
    mt_writer_le(&w, checkpoint->counter_reserved, 4);
    mt_writer_le(&w, checkpoint->down_counter, 8);
    mt_writer_le(&w, (uint64_t)checkpoint->recorded_us, 8);
    mt_writer_le(&w, (uint64_t)checkpoint->day_proven_us, 8);
    mt_writer_le(&w, checkpoint->boots, 4);
    mt_writer_le(&w, checkpoint->dropped_count, 4);
    mt_writer_le(&w, checkpoint->valve.id, 4);
    mt_writer_le(&w, (uint64_t)checkpoint->valve.expires_us, 8);
    mt_writer_le(&w, checkpoint->valve.counter, 8);
    MT_CHECK(!w.overflow);
    write_zeros_to_end(&w);
}

bool fw_checkpoint_decode(struct fw_checkpoint *checkpoint,
                          const uint8_t bytes[FW_CHECKPOINT_BYTES])
{
    MT_CHECK(checkpoint != NULL);
    struct mt_cursor c = mt_cursor_over(bytes, FW_CHECKPOINT_BYTES);
    struct fw_checkpoint read;
    uint8_t kind = mt_cursor_u8(&c);
    uint8_t valve_state = mt_cursor_u8(&c);
    read.valve.position = mt_cursor_u8(&c);
    read.valve.has_id = mt_cursor_u8(&c) == 1;
    read.total = (int64_t)mt_cursor_le(&c, 8);
    for (unsigned i = 0; i < MT_BANDS; i++) {
        read.band[i] = (int64_t)mt_cursor_le(&c, 8);
    }
    read.next_seq = mt_cursor_le32(&c);
    read.acked_seq = mt_cursor_le32(&c);
    read.counter_reserved = mt_cursor_le32(&c);
    read.down_counter = mt_cursor_le(&c, 8);
    read.recorded_us = (int64_t)mt_cursor_le(&c, 8);
    read.day_proven_us = (int64_t)mt_cursor_le(&c, 8);
    read.boots = mt_cursor_le32(&c);
    read.dropped_count = mt_cursor_le32(&c);
    read.valve.id = mt_cursor_le32(&c);
    read.valve.expires_us = (int64_t)mt_cursor_le(&c, 8);
    read.valve.counter = mt_cursor_le(&c, 8);
    MT_CHECK(!c.overrun);
    if (kind != KIND_CHECKPOINT || read.total < 0 || read.next_seq == 0 || read.acked_seq == 0 ||
        read.valve.position > FW_VALVE_THROTTLE || valve_state >= FW_VALVE_STATES) {
        return false;
    }
    read.valve.state = (enum fw_valve_state)valve_state;
    *checkpoint = read;
    return true;
}
