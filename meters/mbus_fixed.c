/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fixed data structure; see the header. */
#include "meters/mbus_fixed.h"

#include "meters/bcd.h"
#include "meters/mbus_number.h"

#define STATUS_BINARY 0x01u
#define STATUS_STORED 0x02u
#define UNIT_MASK 0x3Fu
#define UNIT_SAME_STORED 0x3Eu
#define NONE MT_MBUS_NO_REGISTER

/* EN 1434-3, table of physical units; each next code is ten times as much. */
static const struct mt_mbus_quantity units[] = {
    {0x02, 0x04, 0, MT_MBUS_NUMBER, MT_MBUS_ENERGY, "energy", "Wh"},
    {0x05, 0x07, 0, MT_MBUS_NUMBER, MT_MBUS_ENERGY, "energy", "kWh"},
    {0x08, 0x0A, 0, MT_MBUS_NUMBER, MT_MBUS_ENERGY, "energy", "MWh"},
    {0x0B, 0x0D, 0, MT_MBUS_NUMBER, MT_MBUS_ENERGY, "energy", "kJ"},
    {0x0E, 0x10, 0, MT_MBUS_NUMBER, MT_MBUS_ENERGY, "energy", "MJ"},
    {0x11, 0x13, 0, MT_MBUS_NUMBER, MT_MBUS_ENERGY, "energy", "GJ"},
    {0x14, 0x16, 0, MT_MBUS_NUMBER, NONE, "power", "W"},
    {0x17, 0x19, 0, MT_MBUS_NUMBER, NONE, "power", "kW"},
    {0x1A, 0x1C, 0, MT_MBUS_NUMBER, NONE, "power", "MW"},
    {0x1D, 0x1F, 0, MT_MBUS_NUMBER, NONE, "power", "kJ/h"},
    {0x20, 0x22, 0, MT_MBUS_NUMBER, NONE, "power", "MJ/h"},
    {0x23, 0x25, 0, MT_MBUS_NUMBER, NONE, "power", "GJ/h"},
    {0x26, 0x28, -3, MT_MBUS_NUMBER, MT_MBUS_VOLUME, "volume", "l"},
    {0x29, 0x2B, 0, MT_MBUS_NUMBER, MT_MBUS_VOLUME, "volume", "l"},
    {0x2C, 0x2E, 0, MT_MBUS_NUMBER, MT_MBUS_VOLUME, "volume", "m3"},
    {0x2F, 0x31, -3, MT_MBUS_NUMBER, NONE, "flow", "l/h"},
    {0x32, 0x34, 0, MT_MBUS_NUMBER, NONE, "flow", "l/h"},
    {0x35, 0x37, 0, MT_MBUS_NUMBER, NONE, "flow", "m3/h"},
    {0x38, 0x38, -3, MT_MBUS_NUMBER, NONE, "temperature", "C"},
    {0x39, 0x39, 0, MT_MBUS_NUMBER, MT_MBUS_COST_UNITS, "heat cost units", "units"},
    {0x3F, 0x3F, 0, MT_MBUS_NUMBER, NONE, "counter", ""},
};

static const struct mt_mbus_quantity *unit_of(uint8_t code)
{
    static const struct mt_mbus_quantity other = {0,    UNIT_MASK, 0, MT_MBUS_OPAQUE,
                                                  NONE, "counter", ""};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (code >= units[i].first && code <= units[i].last) {
            return &units[i];
        }
    }
    return &other;
}

/* The four bits of the medium as a device type: from A on they repeat 3 to 8 but for one. */
static uint8_t type_of(uint8_t medium)
{
    static const uint8_t types[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 0xF, 3, 4, 6, 7, 8, 0xF};
    return types[medium & 0xF];
}

static enum mt_status read_counter(struct mt_mbus_reader *reader, struct mt_cursor *c, uint8_t code,
                                   bool is_binary, bool is_stored)
{
    const uint8_t *p = mt_cursor_take(c, 4);
    if (p == NULL) {
        return MT_BAD_LAYOUT;
    }
    const struct mt_mbus_quantity *quantity = unit_of(code);
    struct mt_value value = {.name = quantity->name,
                             .unit = quantity->unit,
                             .storage = is_stored ? 1 : 0,
                             .obis = {.f = MT_OBIS_CURRENT}};
    bool msb_first = reader->msb_first;
    const uint8_t bytes[4] = {msb_first ? p[3] : p[0], msb_first ? p[2] : p[1],
                              msb_first ? p[1] : p[2], msb_first ? p[0] : p[3]};
    struct mt_mbus_record record = {.field = is_binary ? 0x4 : 0xC,
                                    .quantity = quantity,
                                    .exponent = quantity->exponent};
    record.exponent += quantity->kind == MT_MBUS_NUMBER ? code - quantity->first : 0;
    mt_trace_field(reader->trace, p, 4, "counter", quantity->name);
    enum mt_status status = mt_mbus_number(&value, &record, bytes, sizeof(bytes), 0);
    if (status != MT_OK) {
        mt_trace_fault(reader->trace, p, 4, "a digit of the counter is none");
        return status;
    }
    mt_mbus_note(reader, &value, (enum mt_mbus_register)quantity->reg);
    return MT_OK;
}

enum mt_status mt_mbus_fixed(struct mt_mbus_reader *reader, struct mt_cursor *c)
{
    MT_CHECK(reader != NULL && reader->frame != NULL && c != NULL);
    struct mt_frame *frame = reader->frame;
    const uint8_t *p = mt_cursor_take(c, 8);
    if (p == NULL || mt_cursor_left(c) != 8) {
        mt_trace_fault(reader->trace, c->end, 0, "fixed data have 16 bytes");
        return MT_BAD_LAYOUT;
    }
    uint8_t type = type_of((uint8_t)(p[6] >> 6 | p[7] >> 6 << 2));
    const uint8_t number[4] = {reader->msb_first ? p[3] : p[0], reader->msb_first ? p[2] : p[1],
                               reader->msb_first ? p[1] : p[2], reader->msb_first ? p[0] : p[3]};
    frame->identity = (struct mt_identity){.medium = (uint8_t)mt_mbus_medium(type)};
    mt_bcd_address_text(frame->identity.number, number, sizeof(number));
    uint8_t status_byte = p[5];
    frame->flags |= mt_mbus_status_flags(status_byte);
    mt_trace_field(reader->trace, p, 4, "number", "packed digits");
    mt_trace_field(reader->trace, p + 4, 1, "access number", NULL);
    mt_trace_field(reader->trace, p + 5, 1, "status",
                   (status_byte & STATUS_BINARY) != 0 ? "counters in binary"
                                                      : "counters in digits");
    mt_trace_field(reader->trace, p + 6, 2, "medium and units", mt_mbus_type_text(type));
    bool is_binary = (status_byte & STATUS_BINARY) != 0;
    bool is_stored = (status_byte & STATUS_STORED) != 0;
    uint8_t first = p[6] & UNIT_MASK;
    uint8_t second = p[7] & UNIT_MASK;
    enum mt_status status = read_counter(reader, c, first, is_binary, is_stored);
    if (status != MT_OK) {
        return status;
    }
    return second == UNIT_SAME_STORED ? read_counter(reader, c, first, is_binary, true)
                                      : read_counter(reader, c, second, is_binary, is_stored);
}
