/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing and reading entries stand side by side, field for field, so that one cannot drift from the
 * other unseen. */
#include "gateway/core/block.h"

#include <string.h>

#include "gateway/core/civil.h"
#include "meters/checksum.h"
#include "meters/cursor.h"
#include "meters/limits.h"

#define FORMAT 1u
#define MULTI 0x40u
#define EXTENDED 0x80u
#define HAS_COUNTER 0x40u
#define HAS_SEQ 0x80u

/* ---- numbers ---------------------------------------------------------------------------------- */

static void put_u64(struct mt_writer *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    while (value >= 0x80u) {
        bytes[n++] = (uint8_t)(value | 0x80u);
        value >>= 7;
    }
    bytes[n++] = (uint8_t)value;
    mt_writer_bytes(out, bytes, n);
}

static void put_i64(struct mt_writer *out, int64_t value)
{
    put_u64(out, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

static void put_text(struct mt_writer *out, const char *text)
{
    size_t len = strlen(text);
    put_u64(out, len);
    mt_writer_bytes(out, text, len);
}

static uint64_t get_u64(struct mt_cursor *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64u; shift += 7u) {
        uint8_t byte = mt_cursor_u8(in);
        value |= (uint64_t)(byte & 0x7fu) << shift;
        if ((byte & 0x80u) == 0) {
            return value;
        }
    }
    in->overrun = true;
    return 0;
}

static int64_t get_i64(struct mt_cursor *in)
{
    uint64_t value = get_u64(in);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1u);
}

static uint32_t get_u32(struct mt_cursor *in)
{
    uint64_t value = get_u64(in);
    if (value > UINT32_MAX) {
        in->overrun = true;
        return 0;
    }
    return (uint32_t)value;
}

static void get_text(struct mt_cursor *in, char *text, size_t max)
{
    uint64_t len = get_u64(in);
    if (len >= max) {
        in->overrun = true;
        len = 0;
    }
    const uint8_t *bytes = mt_cursor_take(in, (size_t)len);
    if (bytes != NULL) {
        memcpy(text, bytes, (size_t)len);
    } else {
        len = 0;
    }
    memset(text + len, 0, max - (size_t)len);
}

static void get_bytes(struct mt_cursor *in, uint8_t *out, size_t len)
{
    const uint8_t *bytes = mt_cursor_take(in, len);
    if (bytes != NULL) {
        memcpy(out, bytes, len);
    } else {
        memset(out, 0, len);
    }
}

static int64_t floor_seconds(int64_t us)
{
    return us >= 0 ? us / GW_US_PER_S : -((-us + GW_US_PER_S - 1) / GW_US_PER_S);
}

/* ---- READINGS ----------------------------------------------------------------------------------- */

static bool is_plain(const struct gw_entry_reading *r)
{
    return r->verdict == GW_ACCEPTED && r->reading.flags == 0 && r->reading.band_mask == 0 &&
           r->reading.time_us % GW_US_PER_S == 0;
}

static void put_reading(struct mt_writer *out, const struct gw_entry_reading *r, int64_t block_s,
                        bool extended)
{
    int64_t seconds = floor_seconds(r->reading.time_us);
    put_i64(out, seconds - block_s);
    put_u64(out, (uint64_t)r->reading.total);
    if (!extended) {
        return;
    }
    mt_writer_u8(out, r->verdict);
    mt_writer_u8(out, r->reading.flags);
    mt_writer_u8(out, r->reading.band_mask);
    put_u64(out, (uint64_t)(r->reading.time_us - seconds * GW_US_PER_S));
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        if ((r->reading.band_mask & (1u << b)) != 0) {
            put_u64(out, (uint64_t)r->reading.band[b]);
        }
    }
}

static bool is_register(int64_t value)
{
    return value >= 0 && value <= MT_REGISTER_MAX;
}

static void get_reading(struct mt_cursor *in, struct gw_entry_reading *r, int64_t block_s,
                        bool extended)
{
    memset(r, 0, sizeof(*r));
    int64_t seconds = get_i64(in);
    r->reading.total = (int64_t)get_u64(in);
    if (extended) {
        r->verdict = mt_cursor_u8(in);
        r->reading.flags = mt_cursor_u8(in);
        r->reading.band_mask = mt_cursor_u8(in) & ((1u << MT_BANDS) - 1u);
    }
    int64_t rest_us = extended ? (int64_t)get_u64(in) : 0;
    for (uint32_t b = 0; extended && b < MT_BANDS; b++) {
        if ((r->reading.band_mask & (1u << b)) != 0) {
            r->reading.band[b] = (int64_t)get_u64(in);
        }
    }
    const int64_t far_s = GW_READING_US_MAX / GW_US_PER_S;
    bool good = seconds < far_s - block_s && seconds >= -block_s && rest_us >= 0 &&
                rest_us < GW_US_PER_S && is_register(r->reading.total) &&
                r->verdict < GW_VERDICT_COUNT;
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        good = good && is_register(r->reading.band[b]);
    }
    if (!good) {
        in->overrun = true;
        return;
    }
    r->reading.time_us = (block_s + seconds) * GW_US_PER_S + rest_us;
}

static void put_readings(struct gw_block_writer *writer, const struct gw_entry *e,
                         bool counter_implied, bool seq_implied)
{
    struct mt_writer *out = &writer->out;
    bool extended = false;
    for (uint32_t i = 0; i < e->reading_count; i++) {
        extended = extended || !is_plain(&e->readings[i]);
    }
    mt_writer_u8(out,
                 (uint8_t)(GW_ENTRY_READINGS | e->transport << 4 |
                           (e->reading_count != 1u ? MULTI : 0u) | (extended ? EXTENDED : 0u)));
    mt_writer_u8(out,
                 (uint8_t)(e->form | e->payee_count << 3 | (counter_implied ? 0u : HAS_COUNTER) |
                           (seq_implied ? 0u : HAS_SEQ)));
    put_u64(out, e->meter);
    put_u64(out, writer->number - e->previous_block);
    if (!counter_implied) {
        put_u64(out, e->counter);
    }
    if (!seq_implied) {
        put_u64(out, e->seq_first == GW_NONE ? 0u : (uint64_t)e->seq_first + 1u);
    }
    if (e->reading_count != 1u) {
        put_u64(out, e->reading_count);
    }
    for (uint32_t p = 0; p < e->payee_count; p++) {
        put_i64(out, e->posted_ufen[p]);
    }
    for (uint32_t i = 0; i < e->reading_count; i++) {
        put_reading(out, &e->readings[i], floor_seconds(writer->time_us), extended);
    }
}

static void get_readings(struct mt_cursor *in, struct gw_entry *e, uint8_t byte0)
{
    uint8_t byte1 = mt_cursor_u8(in);
    e->transport = (byte0 >> 4) & 0x03u;
    e->form = byte1 & 0x07u;
    e->payee_count = (byte1 >> 3) & 0x07u;
    e->meter = get_u32(in);
    e->previous_block = e->block - get_u64(in);
    e->counter = (byte1 & HAS_COUNTER) != 0 ? get_u64(in) : GW_COUNTER_IMPLIED;
    e->seq_first = GW_SEQ_IMPLIED;
    if ((byte1 & HAS_SEQ) != 0) {
        uint32_t seq = get_u32(in);
        e->seq_first = seq == 0 ? GW_NONE : seq - 1u;
    }
    e->reading_count = (byte0 & MULTI) != 0 ? get_u32(in) : 1u;
    if (e->payee_count > GW_TARIFF_PAYEES_MAX || e->reading_count > MT_MESSAGE_READINGS_MAX) {
        in->overrun = true;
        return;
    }
    for (uint32_t p = 0; p < e->payee_count; p++) {
        e->posted_ufen[p] = get_i64(in);
        in->overrun = in->overrun || e->posted_ufen[p] == INT64_MIN;
    }
    for (uint32_t i = 0; i < e->reading_count; i++) {
        get_reading(in, &e->readings[i], floor_seconds(e->block_time_us), (byte0 & EXTENDED) != 0);
    }
}

/* ---- SNAPSHOT ----------------------------------------------------------------------------------- */

static void put_snapshot(struct gw_block_writer *writer, const struct gw_entry *e)
{
    struct mt_writer *out = &writer->out;
    put_u64(out, e->meter);
    put_u64(out, writer->number - e->previous_block);
    put_u64(out, e->snapshot.day);
    put_i64(out, e->snapshot.time_us);
    put_u64(out, (uint64_t)e->snapshot.total);
    put_u64(out, e->snapshot.seq);
    mt_writer_bytes(out, e->signature, MT_SIGNATURE_BYTES);
}

static void get_snapshot(struct mt_cursor *in, struct gw_entry *e)
{
    e->meter = get_u32(in);
    e->previous_block = e->block - get_u64(in);
    e->snapshot.day = get_u32(in);
    e->snapshot.time_us = get_i64(in);
    e->snapshot.total = (int64_t)get_u64(in);
    e->snapshot.seq = get_u32(in);
    get_bytes(in, e->signature, MT_SIGNATURE_BYTES);
}

/* ---- orders --------------------------------------------------------------------------------------- */

static void put_order(struct gw_block_writer *writer, const struct gw_entry *e)
{
    struct mt_writer *out = &writer->out;
    put_u64(out, e->order);
    put_u64(out, writer->number - e->previous_block);
    put_u64(out, e->household);
    put_u64(out, e->binding);
    mt_writer_u8(out, (uint8_t)e->order_kind);
    mt_writer_u8(out, (uint8_t)e->order_state);
    mt_writer_u8(out, (uint8_t)e->refusal);
    put_u64(out, (uint64_t)e->amount_fen);
    put_u64(out, e->part_count);
    for (uint32_t i = 0; i < e->part_count; i++) {
        mt_writer_u8(out, e->part_payee[i]);
        put_u64(out, (uint64_t)e->part_fen[i]);
    }
    put_text(out, e->operator_ref);
}

static void get_order(struct mt_cursor *in, struct gw_entry *e)
{
    e->order = get_u64(in);
    e->previous_block = e->block - get_u64(in);
    e->household = get_u32(in);
    e->binding = get_u32(in);
    e->order_kind = (enum gw_order_kind)mt_cursor_u8(in);
    e->order_state = (enum gw_order_state)mt_cursor_u8(in);
    e->refusal = (enum gw_refusal)mt_cursor_u8(in);
    e->amount_fen = (int64_t)get_u64(in);
    e->part_count = get_u32(in);
    if (e->part_count > GW_ORDER_PAYEES_MAX || e->order_kind > GW_ORDER_REFUND ||
        e->order_state > GW_ORDER_REFUSED || e->refusal > GW_REFUSAL_OTHER || e->amount_fen < 0) {
        in->overrun = true;
        return;
    }
    for (uint32_t i = 0; i < e->part_count; i++) {
        e->part_payee[i] = mt_cursor_u8(in);
        e->part_fen[i] = (int64_t)get_u64(in);
        in->overrun = in->overrun || e->part_fen[i] < 0;
    }
    get_text(in, e->operator_ref, sizeof(e->operator_ref));
}

/* ---- registry ---------------------------------------------------------------------------------------- */

static void put_meter(struct mt_writer *out, const struct gw_entry *e)
{
    const struct gw_meter_spec *s = &e->meter_spec;
    put_u64(out, e->meter);
    put_u64(out, e->household);
    put_u64(out, e->link);
    put_u64(out, e->tariff);
    mt_writer_u8(out, s->identity.medium);
    put_text(out, s->identity.maker);
    put_text(out, s->identity.number);
    mt_writer_bytes(out, s->root_key, MT_KEY_BYTES);
    mt_writer_u8(out, (uint8_t)(s->has_sign_public | s->raw_key_len / MT_KEY_BYTES << 1));
    mt_writer_bytes(out, s->sign_public, MT_SIGN_PUBLIC_BYTES);
    mt_writer_bytes(out, s->raw_key, s->raw_key_len);
    put_i64(out, s->terms.tou_from_day);
    mt_writer_u8(out, s->terms.people);
    mt_writer_u8(out, s->terms.ladder_months);
    mt_writer_u8(out, s->terms.low_income);
    put_i64(out, s->terms.ladder_months_year);
    mt_writer_u8(out, s->accept);
    put_u64(out, (uint64_t)s->max_per_hour);
    put_u64(out, (uint64_t)s->register_width);
}

static void get_meter(struct mt_cursor *in, struct gw_entry *e)
{
    struct gw_meter_spec *s = &e->meter_spec;
    memset(s, 0, sizeof(*s));
    e->meter = get_u32(in);
    e->household = get_u32(in);
    e->link = get_u32(in);
    e->tariff = get_u32(in);
    s->identity.medium = mt_cursor_u8(in);
    get_text(in, s->identity.maker, sizeof(s->identity.maker));
    get_text(in, s->identity.number, sizeof(s->identity.number));
    get_bytes(in, s->root_key, MT_KEY_BYTES);
    uint8_t keys = mt_cursor_u8(in);
    s->has_sign_public = (keys & 1u) != 0;
    get_bytes(in, s->sign_public, MT_SIGN_PUBLIC_BYTES);
    s->raw_key_len = (uint8_t)((keys >> 1 & 3u) * MT_KEY_BYTES);
    if (s->raw_key_len > GW_RAW_KEY_MAX) {
        s->raw_key_len = 0;
        in->overrun = true; /* no such meter was ever written */
    }
    get_bytes(in, s->raw_key, s->raw_key_len);
    s->terms.tou_from_day = (int32_t)get_i64(in);
    s->terms.people = mt_cursor_u8(in);
    s->terms.ladder_months = mt_cursor_u8(in);
    s->terms.low_income = mt_cursor_u8(in) != 0;
    s->terms.ladder_months_year = (int32_t)get_i64(in);
    s->accept = mt_cursor_u8(in);
    s->max_per_hour = (int64_t)get_u64(in);
    s->register_width = (int64_t)get_u64(in);
}

static void put_bind(struct mt_writer *out, const struct gw_entry *e)
{
    put_u64(out, e->binding);
    put_u64(out, e->household);
    put_u64(out, e->link);
    put_text(out, e->bind.wallet);
    put_text(out, e->bind.mandate);
    put_u64(out, (uint64_t)e->bind.cap_single_fen);
    put_u64(out, (uint64_t)e->bind.cap_day_fen);
}

static void get_bind(struct mt_cursor *in, struct gw_entry *e)
{
    e->binding = get_u32(in);
    e->household = get_u32(in);
    e->link = get_u32(in);
    get_text(in, e->bind.wallet, sizeof(e->bind.wallet));
    get_text(in, e->bind.mandate, sizeof(e->bind.mandate));
    e->bind.cap_single_fen = (int64_t)get_u64(in);
    e->bind.cap_day_fen = (int64_t)get_u64(in);
}

static void put_tariff(struct mt_writer *out, const struct gw_entry *e)
{
    put_u64(out, e->tariff);
    put_text(out, e->tariff_name);
    put_u64(out, e->tariff_payee_count);
    for (uint32_t i = 0; i < e->tariff_payee_count; i++) {
        put_text(out, e->tariff_payees[i]);
    }
}

static void get_tariff(struct mt_cursor *in, struct gw_entry *e)
{
    e->tariff = get_u32(in);
    get_text(in, e->tariff_name, sizeof(e->tariff_name));
    e->tariff_payee_count = get_u32(in);
    if (e->tariff_payee_count > GW_TARIFF_PAYEES_MAX) {
        in->overrun = true;
        return;
    }
    for (uint32_t i = 0; i < e->tariff_payee_count; i++) {
        get_text(in, e->tariff_payees[i], sizeof(e->tariff_payees[i]));
    }
}

/* ---- blocks --------------------------------------------------------------------------------------------- */

void gw_block_begin(struct gw_block_writer *writer, uint8_t *bytes, size_t max, uint64_t number,
                    int64_t time_us)
{
    MT_CHECK(max >= GW_BLOCK_HEADER_BYTES + GW_ENTRY_BYTES_MAX + GW_BLOCK_TRAILER_BYTES);
    *writer = (struct gw_block_writer){
        .out = mt_writer_into(bytes, max - GW_BLOCK_TRAILER_BYTES),
        .number = number,
        .time_us = time_us,
    };
    (void)mt_writer_reserve(&writer->out, GW_BLOCK_HEADER_BYTES); /* Filled by gw_block_seal. */
}

bool gw_block_has_room(const struct gw_block_writer *writer)
{
    return (size_t)(writer->out.end - writer->out.at) >= GW_ENTRY_BYTES_MAX;
}

void gw_block_put(struct gw_block_writer *writer, const struct gw_entry *entry,
                  bool counter_implied, bool seq_implied)
{
    MT_CHECK(gw_block_has_room(writer));
    struct mt_writer *out = &writer->out;
    if (entry->kind != GW_ENTRY_READINGS) {
        mt_writer_u8(out, (uint8_t)entry->kind);
    }
    switch (entry->kind) {
    case GW_ENTRY_READINGS:
        put_readings(writer, entry, counter_implied, seq_implied);
        break;
    case GW_ENTRY_SNAPSHOT:
        put_snapshot(writer, entry);
        break;
    case GW_ENTRY_ORDER_NEW:
    case GW_ENTRY_ORDER_END:
        put_order(writer, entry);
        break;
    case GW_ENTRY_HOUSEHOLD:
        put_u64(out, entry->household);
        put_text(out, entry->household_id);
        break;
    case GW_ENTRY_METER:
        put_meter(out, entry);
        break;
    case GW_ENTRY_BIND:
        put_bind(out, entry);
        break;
    case GW_ENTRY_UNBIND:
        put_u64(out, entry->binding);
        break;
    case GW_ENTRY_TARIFF:
        put_tariff(out, entry);
        break;
    case GW_ENTRY_CRITICAL_DAY:
        put_u64(out, entry->tariff);
        put_i64(out, entry->critical_day);
        break;
    case GW_ENTRY_START:
        break;
    }
    MT_CHECK(!out->overflow);
    writer->count++;
}

struct header {
    uint32_t count;
    uint64_t number;
    int64_t time_us;
    uint64_t replay_from;
    uint32_t layout;
};

/* Header and trailer around len bytes of block that end with its last entry. */
static size_t seal(uint8_t *bytes, size_t len, const struct header *header)
{
    struct mt_writer head = mt_writer_into(bytes, GW_BLOCK_HEADER_BYTES);
    mt_writer_le(&head, FORMAT | header->layout << 8, 4);
    mt_writer_le(&head, header->count, 4);
    mt_writer_le(&head, header->number, 8);
    mt_writer_le(&head, (uint64_t)header->time_us, 8);
    mt_writer_le(&head, header->replay_from, 8);
    uint32_t crc = mt_crc32c(0, bytes, len);
    for (unsigned i = 0; i < GW_BLOCK_TRAILER_BYTES; i++) {
        bytes[len + i] = (uint8_t)(crc >> (8u * i));
    }
    return len + GW_BLOCK_TRAILER_BYTES;
}

size_t gw_block_seal(struct gw_block_writer *writer, uint64_t replay_from, uint8_t layout)
{
    struct header header = {writer->count, writer->number, writer->time_us, replay_from, layout};
    return seal(writer->out.first, mt_writer_len(&writer->out), &header);
}

size_t gw_block_head(uint8_t *out, size_t max, const struct gw_block_reader *reader, size_t at)
{
    if (max < at + GW_BLOCK_TRAILER_BYTES) {
        return 0;
    }
    struct header header = {0, reader->number, reader->time_us, 0, 0};
    header.count = at == reader->last ? reader->count - 1u : reader->count;
    memcpy(out, reader->bytes, at);
    return seal(out, at, &header);
}

uint64_t gw_block_replay_from(const uint8_t *bytes)
{
    struct mt_cursor in = mt_cursor_over(bytes + 24, 8);
    return mt_cursor_le(&in, 8);
}

uint8_t gw_block_layout(const uint8_t *bytes)
{
    return bytes[1];
}

enum gw_status gw_block_open(struct gw_block_reader *reader, const uint8_t *bytes, size_t len)
{
    if (len < GW_BLOCK_HEADER_BYTES + GW_BLOCK_TRAILER_BYTES) {
        return GW_CORRUPT;
    }
    struct mt_cursor trailer = mt_cursor_over(bytes + len - GW_BLOCK_TRAILER_BYTES, 4);
    if (mt_cursor_le32(&trailer) != mt_crc32c(0, bytes, len - GW_BLOCK_TRAILER_BYTES)) {
        return GW_CORRUPT;
    }
    struct mt_cursor head = mt_cursor_over(bytes, GW_BLOCK_HEADER_BYTES);
    uint32_t format = mt_cursor_le32(&head) & ~0xff00u; /* The layout is not the reader's matter. */
    uint32_t count = mt_cursor_le32(&head);
    uint64_t number = mt_cursor_le(&head, 8);
    int64_t time_us = (int64_t)mt_cursor_le(&head, 8);
    if (format != FORMAT || time_us > GW_TIME_US_MAX || time_us < 0 ||
        number > GW_BLOCK_NUMBER_MAX) {
        return GW_CORRUPT;
    }
    *reader = (struct gw_block_reader){
        .bytes = bytes,
        .len = len - GW_BLOCK_TRAILER_BYTES,
        .pos = GW_BLOCK_HEADER_BYTES,
        .number = number,
        .time_us = time_us,
        .left = count,
    };
    return GW_OK;
}

static void get_entry(struct mt_cursor *in, struct gw_entry *entry, uint8_t byte0)
{
    switch (entry->kind) {
    case GW_ENTRY_READINGS:
        get_readings(in, entry, byte0);
        return;
    case GW_ENTRY_SNAPSHOT:
        get_snapshot(in, entry);
        return;
    case GW_ENTRY_ORDER_NEW:
    case GW_ENTRY_ORDER_END:
        get_order(in, entry);
        return;
    case GW_ENTRY_HOUSEHOLD:
        entry->household = get_u32(in);
        get_text(in, entry->household_id, sizeof(entry->household_id));
        return;
    case GW_ENTRY_METER:
        get_meter(in, entry);
        return;
    case GW_ENTRY_BIND:
        get_bind(in, entry);
        return;
    case GW_ENTRY_UNBIND:
        entry->binding = get_u32(in);
        return;
    case GW_ENTRY_TARIFF:
        get_tariff(in, entry);
        return;
    case GW_ENTRY_CRITICAL_DAY:
        entry->tariff = get_u32(in);
        entry->critical_day = (int32_t)get_i64(in);
        return;
    case GW_ENTRY_START:
        return;
    }
    in->overrun = true; /* A kind that this version does not know. */
}

enum gw_status gw_block_next(struct gw_block_reader *reader, struct gw_entry *entry)
{
    if (reader->left == 0) {
        return reader->pos == reader->len ? GW_END : GW_CORRUPT;
    }
    struct mt_cursor in = mt_cursor_over(reader->bytes + reader->pos, reader->len - reader->pos);
    uint8_t byte0 = mt_cursor_u8(&in);
    uint8_t kind = byte0 & 0x0fu;
    entry->kind = (enum gw_entry_kind)kind;
    entry->block = reader->number;
    entry->block_time_us = reader->time_us;
    entry->at = (uint32_t)reader->pos;
    entry->previous_block = 0;
    get_entry(&in, entry, byte0);
    if (in.overrun || (kind != GW_ENTRY_READINGS && byte0 != kind)) {
        return GW_CORRUPT;
    }
    reader->last = reader->pos;
    reader->pos = reader->len - mt_cursor_left(&in);
    reader->left--;
    reader->count++;
    return GW_OK;
}
