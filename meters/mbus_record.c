/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Variable data records of M-Bus; see the header. */
#include "meters/mbus_record.h"

#include <string.h>

#include "meters/mbus_number.h"

#define EXTENDED 0x80u
#define FIELD_MASK 0x0Fu
#define FIELD_SPECIAL 0x0Fu
#define FIELD_LVAR 0x0Du
#define DIF_OWN 0x0Fu
#define DIF_OWN_MORE 0x1Fu
#define DIF_FILLER 0x2Fu
#define VIF_FB 0xFBu
#define VIF_FD 0xFDu
#define VIF_TEXT 0x7Cu
#define VIF_OWN 0x7Fu
#define BCD_BYTES_MAX 9u /* of a variable number */

static const char *const functions[] = {"instantaneous", "maximum", "minimum", "in error state"};

/* 6.3.3: DIF and its extensions. */
static enum mt_status read_dif(struct mt_mbus_record *out, struct mt_cursor *c,
                               struct mt_trace *trace)
{
    const uint8_t *at = c->at;
    uint8_t byte = mt_cursor_u8(c);
    if (c->overrun) {
        return MT_BAD_LAYOUT;
    }
    out->field = byte & FIELD_MASK;
    out->function = byte >> 4 & 3;
    out->storage = byte >> 6 & 1;
    mt_trace_field(trace, at, 1, "DIF", functions[out->function]);
    if (out->field == FIELD_SPECIAL) {
        mt_trace_fault(trace, at, 1, "this DIF is reserved, or for requests only");
        return MT_BAD_LAYOUT;
    }
    for (unsigned i = 0; (byte & EXTENDED) != 0; i++) {
        at = c->at;
        byte = mt_cursor_u8(c);
        if (i == MT_MBUS_DIFE_MAX || c->overrun) {
            mt_trace_fault(trace, at, c->overrun ? 0 : 1, "a record has at most 10 DIFEs");
            return MT_BAD_LAYOUT;
        }
        mt_trace_field(trace, at, 1, "DIFE", "storage, tariff, subunit");
        out->storage |= (uint64_t)(byte & 0xF) << (1 + 4 * i);
        out->tariff |= (uint32_t)(byte >> 4 & 3) << (2 * i);
        out->subunit |= (uint32_t)(byte >> 6 & 1) << i;
    }
    return MT_OK;
}

/* 6.4.4: a unit in plain text, its last letter first. Of these only the humidity of room sensors is
 * known by name. */
static const struct mt_mbus_quantity *read_text_unit(struct mt_cursor *c, struct mt_trace *trace)
{
    static const struct mt_mbus_quantity humidity = {
        VIF_TEXT, VIF_TEXT, 0, MT_MBUS_NUMBER, MT_MBUS_NO_REGISTER, "relative humidity", "%"};
    static const struct mt_mbus_quantity other = {
        VIF_TEXT, VIF_TEXT, 0, MT_MBUS_NUMBER, MT_MBUS_NO_REGISTER, "plain-text quantity", ""};
    const uint8_t *at = c->at;
    uint8_t len = mt_cursor_u8(c);
    const uint8_t *text = mt_cursor_take(c, len);
    if (text == NULL || c->overrun) {
        return &other;
    }
    mt_trace_field(trace, at, 1u + len, "unit in plain text", "from right to left");
    return len == 3 && memcmp(text, "HR%", 3) == 0 ? &humidity : &other;
}

/* 6.4.2: VIF, with the first extension where it only names a table. Returns the last byte read. */
static uint8_t read_vif(struct mt_mbus_record *out, struct mt_cursor *c, struct mt_trace *trace)
{
    const uint8_t *at = c->at;
    uint8_t byte = mt_cursor_u8(c);
    enum mt_mbus_table table = MT_MBUS_VIF;
    if (byte == VIF_FB || byte == VIF_FD) {
        table = byte == VIF_FB ? MT_MBUS_VIF_FB : MT_MBUS_VIF_FD;
        byte = mt_cursor_u8(c);
    }
    out->code = byte & (uint8_t)~EXTENDED;
    out->quantity = mt_mbus_quantity_of(table, out->code);
    out->exponent = out->quantity->exponent;
    if (out->quantity->kind == MT_MBUS_NUMBER) {
        out->exponent += out->code - out->quantity->first;
    }
    mt_trace_field(trace, at, (size_t)(c->at - at), "VIF", out->quantity->name);
    if (table == MT_MBUS_VIF && out->code == VIF_TEXT) {
        out->quantity = read_text_unit(c, trace);
        out->exponent = 0;
    }
    out->is_own = table == MT_MBUS_VIF && out->code == VIF_OWN;
    out->is_plain = !out->is_own;
    return byte;
}

static void apply_vife(struct mt_mbus_record *out, bool *from_table, const char **meaning,
                       uint8_t code)
{
    int exponent = 0;
    if (out->is_own || *from_table) {
        *meaning = out->is_own ? "maker's own" : "phase, quadrant or the like";
        out->is_plain = false;
        *from_table = false;
        return;
    }
    enum mt_mbus_effect effect = mt_mbus_vife(&exponent, meaning, code);
    out->exponent += exponent;
    out->is_error = out->is_error || effect == MT_MBUS_ERROR;
    out->is_reverse = out->is_reverse || effect == MT_MBUS_TURNS;
    out->is_own = effect == MT_MBUS_OWN;
    out->is_plain = out->is_plain && (effect == MT_MBUS_SCALES || effect == MT_MBUS_KEEPS ||
                                      effect == MT_MBUS_ERROR);
    *from_table = effect == MT_MBUS_TABLE;
}

enum mt_status mt_mbus_record_head(struct mt_mbus_record *out, struct mt_cursor *c,
                                   struct mt_trace *trace)
{
    MT_CHECK(out != NULL && c != NULL);
    *out = (struct mt_mbus_record){0};
    enum mt_status status = read_dif(out, c, trace);
    if (status != MT_OK) {
        return status;
    }
    uint8_t byte = read_vif(out, c, trace);
    bool from_table = false;
    for (unsigned i = 0; !c->overrun && (byte & EXTENDED) != 0; i++) {
        const uint8_t *at = c->at;
        const char *meaning = NULL;
        byte = mt_cursor_u8(c);
        if (i == MT_MBUS_VIFE_MAX) {
            mt_trace_fault(trace, at, c->overrun ? 0 : 1, "a record has at most 10 VIFEs");
            return MT_BAD_LAYOUT;
        }
        apply_vife(out, &from_table, &meaning, byte & (uint8_t)~EXTENDED);
        if (!c->overrun) {
            mt_trace_field(trace, at, 1, "VIFE", meaning);
        }
    }
    if (c->overrun) {
        mt_trace_fault(trace, c->end, 0, "the frame ends inside the head of a record");
        return MT_BAD_LAYOUT;
    }
    return MT_OK;
}

/* 6.3.3, table 5: variable length. Returns the number of bytes, or -1 for a reserved one. */
static int variable_len(uint8_t lvar)
{
    if (lvar < 0xC0) {
        return lvar; /* text */
    }
    if (lvar < 0xE0) { /* C0..C9 and D0..D9: so many bytes of digits */
        return (lvar & 0xF) <= BCD_BYTES_MAX ? lvar & 0xF : -1;
    }
    if (lvar < 0xF0) {
        return lvar - 0xE0; /* a binary number */
    }
    if (lvar <= 0xF4) {
        return 4 * (lvar - 0xEC);
    }
    return lvar == 0xF5 ? 48 : lvar == 0xF6 ? 64 : -1;
}

enum mt_status mt_mbus_record_data(const uint8_t **bytes, size_t *len, uint8_t *lvar,
                                   struct mt_cursor *c, const struct mt_mbus_record *record)
{
    static const uint8_t lengths[] = {0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6};
    MT_CHECK(bytes != NULL && len != NULL && lvar != NULL && c != NULL);
    MT_CHECK(record != NULL && record->field < sizeof(lengths));
    int wanted = lengths[record->field];
    *lvar = 0;
    if (record->field == FIELD_LVAR) {
        *lvar = mt_cursor_u8(c);
        wanted = variable_len(*lvar);
    }
    if (wanted < 0 || c->overrun) {
        return MT_BAD_LAYOUT;
    }
    *len = (size_t)wanted;
    *bytes = mt_cursor_take(c, *len);
    return c->overrun ? MT_BAD_LAYOUT : MT_OK;
}

void mt_mbus_reader_init(struct mt_mbus_reader *reader, struct mt_frame *frame,
                         struct mt_trace *trace)
{
    MT_CHECK(reader != NULL && frame != NULL);
    *reader = (struct mt_mbus_reader){.frame = frame, .trace = trace};
}

void mt_mbus_note(struct mt_mbus_reader *reader, const struct mt_value *value,
                  enum mt_mbus_register reg)
{
    MT_CHECK(reader != NULL && value != NULL && reg < MT_MBUS_REGISTERS);
    bool is_total = value->function == MT_INSTANTANEOUS && value->storage == 0 &&
                    value->tariff == 0 && value->subunit == 0;
    if (is_total && reg != MT_MBUS_NO_REGISTER && !reader->seen[reg]) {
        reader->seen[reg] = true;
        reader->registers[reg] = *value;
        reader->first = reader->first == MT_MBUS_NO_REGISTER ? (uint8_t)reg : reader->first;
    }
    struct mt_value *place = mt_frame_add(reader->frame);
    if (place != NULL) {
        *place = *value;
    }
}

/* The register that a record is, if it is one at all. */
static enum mt_mbus_register register_of(const struct mt_mbus_record *record)
{
    return record->is_plain && !record->is_reverse ? record->quantity->reg : MT_MBUS_NO_REGISTER;
}

static const char *name_of(const struct mt_mbus_record *record)
{
    if (record->is_reverse && record->quantity->reg != MT_MBUS_NO_REGISTER) {
        return record->quantity->reg == MT_MBUS_VOLUME ? "reverse volume" : "reverse energy";
    }
    if (!record->is_plain && record->quantity->reg == MT_MBUS_ENERGY) {
        return "energy, see its VIFE";
    }
    return !record->is_plain && record->quantity->reg == MT_MBUS_VOLUME ? "volume, see its VIFE"
                                                                        : record->quantity->name;
}

static uint8_t capped_u8(uint32_t number)
{
    return number > UINT8_MAX ? UINT8_MAX : (uint8_t)number;
}

static enum mt_status note_number(struct mt_mbus_reader *reader,
                                  const struct mt_mbus_record *record, const uint8_t *bytes,
                                  size_t len, uint8_t lvar)
{
    static const char *const durations[] = {"s", "min", "h", "d"};
    const struct mt_mbus_quantity *quantity = record->quantity;
    enum mt_mbus_register reg = register_of(record);
    struct mt_value value = {
        .name = name_of(record),
        .unit = quantity->kind == MT_MBUS_DURATION ? durations[record->code & 3] : quantity->unit,
        .function = record->function,
        .tariff = capped_u8(record->tariff),
        .subunit = capped_u8(record->subunit),
        .storage = record->storage > UINT16_MAX ? UINT16_MAX : (uint16_t)record->storage,
        .obis = {.f = MT_OBIS_CURRENT}};
    enum mt_status status = mt_mbus_number(&value, record, bytes, len, lvar);
    if (status != MT_OK) {
        bool is_total = value.function == MT_INSTANTANEOUS && value.storage == 0 &&
                        value.tariff == 0 && value.subunit == 0;
        if (is_total && reg != MT_MBUS_NO_REGISTER && !reader->seen[reg]) {
            mt_trace_fault(reader->trace, bytes, len,
                           status == MT_BAD_DIGIT ? "a digit of the register is none"
                                                  : "the register exceeds what is counted here");
            return status;
        }
        value.absent = true; /* display codes of a sensor that failed */
    }
    mt_mbus_note(reader, &value, reg);
    return MT_OK;
}

/* The clock: the first date and time that is now, and not the moment of something. */
static void note_clock(struct mt_mbus_reader *reader, const struct mt_mbus_record *record,
                       const uint8_t *bytes, size_t len)
{
    bool is_now = record->function == MT_INSTANTANEOUS && record->storage == 0 &&
                  record->tariff == 0 && record->subunit == 0 && record->is_plain;
    if (!is_now || reader->has_clock || (len != 4 && len != 6)) {
        return;
    }
    struct mt_frame *frame = reader->frame;
    reader->has_clock = true;
    frame->has_time = mt_mbus_clock(&frame->time_us, bytes, len) == MT_OK;
    frame->flags |= frame->has_time ? 0 : MT_FLAG_CLOCK_DOUBT;
}

/* One record's data, low byte first. */
static enum mt_status note_data(struct mt_mbus_reader *reader, const struct mt_mbus_record *record,
                                const uint8_t *bytes, size_t len, uint8_t lvar)
{
    bool is_text = record->field == FIELD_LVAR && (lvar < 0xC0 || lvar >= 0xE0);
    switch ((enum mt_mbus_kind)record->quantity->kind) {
    case MT_MBUS_NUMBER:
    case MT_MBUS_DURATION:
    case MT_MBUS_BITS:
        return is_text ? MT_OK : note_number(reader, record, bytes, len, lvar);
    case MT_MBUS_CLOCK:
        note_clock(reader, record, bytes, len);
        return MT_OK;
    case MT_MBUS_DATE:
    case MT_MBUS_OPAQUE:
        return MT_OK;
    }
    return MT_OK;
}

static enum mt_status read_record(struct mt_mbus_reader *reader, struct mt_cursor *heads,
                                  struct mt_cursor *data)
{
    struct mt_mbus_record record;
    const uint8_t *bytes;
    size_t len;
    uint8_t lvar;
    enum mt_status status = mt_mbus_record_head(&record, heads, reader->trace);
    if (status != MT_OK) {
        return status;
    }
    const uint8_t *at = data->at;
    status = mt_mbus_record_data(&bytes, &len, &lvar, data, &record);
    if (status != MT_OK) {
        mt_trace_fault(reader->trace, at, (size_t)(data->end - at),
                       "the frame ends inside the data of a record, or its length is reserved");
        return status;
    }
    if (data->at > at) {
        mt_trace_field(reader->trace, at, (size_t)(data->at - at), "data", record.quantity->name);
    }
    uint8_t turned[8];
    if (reader->msb_first && record.field != FIELD_LVAR && len <= sizeof(turned)) {
        for (size_t i = 0; i < len; i++) {
            turned[i] = bytes[len - 1 - i];
        }
        bytes = turned;
    }
    return note_data(reader, &record, bytes, len, lvar);
}

enum mt_status mt_mbus_records(struct mt_mbus_reader *reader, struct mt_cursor *heads,
                               struct mt_cursor *data)
{
    MT_CHECK(reader != NULL && reader->frame != NULL && heads != NULL && data != NULL);
    while (mt_cursor_left(heads) > 0) {
        uint8_t dif = mt_cursor_peek(heads);
        if (dif == DIF_FILLER) {
            mt_trace_field(reader->trace, heads->at, 1, "filler", NULL);
            (void)mt_cursor_u8(heads); /* its value is known */
            continue;
        }
        if (dif == DIF_OWN || dif == DIF_OWN_MORE) {
            mt_trace_field(reader->trace, heads->at, 1, "DIF",
                           dif == DIF_OWN ? "the maker's own bytes follow"
                                          : "more telegrams follow; the maker's own bytes");
            (void)mt_cursor_u8(heads); /* its value is known */
            reader->has_more = dif == DIF_OWN_MORE;
            size_t left = mt_cursor_left(data);
            reader->has_own = reader->has_own || left > 0;
            if (left > 0) {
                mt_trace_field(reader->trace, data->at, left, "maker's own", NULL);
            }
            (void)mt_cursor_take(data, left);                   /* all there is */
            (void)mt_cursor_take(heads, mt_cursor_left(heads)); /* the same */
            return MT_OK;
        }
        enum mt_status status = read_record(reader, heads, data);
        if (status != MT_OK) {
            return status;
        }
    }
    return MT_OK;
}

enum mt_status mt_mbus_finish(struct mt_mbus_reader *reader)
{
    MT_CHECK(reader != NULL && reader->frame != NULL);
    static const uint8_t own[] = {[MT_POWER] = MT_MBUS_ENERGY,
                                  [MT_WATER] = MT_MBUS_VOLUME,
                                  [MT_GAS] = MT_MBUS_VOLUME,
                                  [MT_HEAT] = MT_MBUS_ENERGY,
                                  [MT_MEDIUM_OTHER] = MT_MBUS_NO_REGISTER};
    struct mt_frame *frame = reader->frame;
    MT_CHECK(frame->identity.medium < sizeof(own));
    uint8_t reg = own[frame->identity.medium];
    bool is_billed = reg != MT_MBUS_NO_REGISTER && reader->seen[reg];
    reg = is_billed ? reg : reader->first;
    frame->has_total = reg != MT_MBUS_NO_REGISTER && !reader->registers[reg].absent;
    frame->total_is_void = is_billed && reader->registers[reg].absent;
    frame->more_follows = reader->has_more;
    if (frame->has_total) {
        frame->total = reader->registers[reg];
        if (is_billed) {
            /* Without one it is shown and not billed: joules, cubic feet, below zero. */
            (void)mt_frame_reading(frame);
        }
    }
    return frame->value_count == 0 && !frame->has_time && reader->has_own ? MT_UNSUPPORTED : MT_OK;
}
