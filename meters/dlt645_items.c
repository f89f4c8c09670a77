/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data identifiers of DL/T 645-2007 (annex A) and -1997 (annex A); see the header. */
#include "meters/dlt645_items.h"

#include <string.h>

#define BLOCK 0xFFu
#define TARIFF_MAX 63u     /* 2007, table A.1: tariffs 1 to 63 */
#define SETTLEMENT_MAX 12u /* ... settlements back */
#define FREEZES_MAX 0xFEu

/* A kind of energy, by its DI2 (2007, table A.1). C is value group C of its OBIS code. Only the
 * combined kinds have a sign in the highest bit; elsewhere an 8 there is a digit. */
struct energy {
    uint8_t di2;
    bool is_signed;
    uint8_t c;
    const char *name;
    const char *unit;
    const char *demand_unit;
};

static const struct energy energies[] = {
    {0x00, true, 15, "combined active energy", "kWh", "kW"},
    {0x01, false, 1, "forward active energy", "kWh", "kW"},
    {0x02, false, 2, "reverse active energy", "kWh", "kW"},
    {0x03, true, 3, "combined reactive energy 1", "kvarh", "kvar"},
    {0x04, true, 4, "combined reactive energy 2", "kvarh", "kvar"},
    {0x05, false, 5, "quadrant I reactive energy", "kvarh", "kvar"},
    {0x06, false, 6, "quadrant II reactive energy", "kvarh", "kvar"},
    {0x07, false, 7, "quadrant III reactive energy", "kvarh", "kvar"},
    {0x08, false, 8, "quadrant IV reactive energy", "kvarh", "kvar"},
    {0x09, false, 9, "forward apparent energy", "kVAh", "kVA"},
    {0x0A, false, 10, "reverse apparent energy", "kVAh", "kVA"},
    {0x80, false, 0, "correlated energy", "kWh", "kW"},
    {0x81, false, 0, "forward fundamental energy", "kWh", "kW"},
    {0x82, false, 0, "reverse fundamental energy", "kWh", "kW"},
    {0x83, false, 0, "forward harmonic energy", "kWh", "kW"},
    {0x84, false, 0, "reverse harmonic energy", "kWh", "kW"},
    {0x85, false, 0, "copper loss energy", "kWh", "kW"},
    {0x86, false, 0, "iron loss energy", "kWh", "kW"},
    {0x15, false, 21, "phase A forward active energy", "kWh", "kW"},
    {0x16, false, 22, "phase A reverse active energy", "kWh", "kW"},
    {0x17, true, 23, "phase A combined reactive energy 1", "kvarh", "kvar"},
    {0x18, true, 24, "phase A combined reactive energy 2", "kvarh", "kvar"},
    {0x29, false, 41, "phase B forward active energy", "kWh", "kW"},
    {0x2A, false, 42, "phase B reverse active energy", "kWh", "kW"},
    {0x2B, true, 43, "phase B combined reactive energy 1", "kvarh", "kvar"},
    {0x2C, true, 44, "phase B combined reactive energy 2", "kvarh", "kvar"},
    {0x3D, false, 61, "phase C forward active energy", "kWh", "kW"},
    {0x3E, false, 62, "phase C reverse active energy", "kWh", "kW"},
    {0x3F, true, 63, "phase C combined reactive energy 1", "kvarh", "kvar"},
    {0x40, true, 64, "phase C combined reactive energy 2", "kvarh", "kvar"},
};

/* A value of a fixed place. Rows that differ in DI1 only form the block DI1 = FF, in this order. */
struct variable {
    uint32_t data_id;
    uint8_t bytes;
    int8_t exponent;
    bool is_signed;
    uint8_t c;
    uint8_t d;
    const char *unit;
    const char *name;
};

/* 2007, table A.3 (variables), parts of A.1 (remaining energy and money) and A.5 (constants).
 * Currents, powers and power factors carry their direction in the highest bit. */
static const struct variable variables_2007[] = {
    {0x02010100, 2, -1, false, 32, 7, "V", "voltage A"},
    {0x02010200, 2, -1, false, 52, 7, "V", "voltage B"},
    {0x02010300, 2, -1, false, 72, 7, "V", "voltage C"},
    {0x02020100, 3, -3, true, 31, 7, "A", "current A"},
    {0x02020200, 3, -3, true, 51, 7, "A", "current B"},
    {0x02020300, 3, -3, true, 71, 7, "A", "current C"},
    {0x02030000, 3, -4, true, 16, 7, "kW", "active power"},
    {0x02030100, 3, -4, true, 36, 7, "kW", "active power A"},
    {0x02030200, 3, -4, true, 56, 7, "kW", "active power B"},
    {0x02030300, 3, -4, true, 76, 7, "kW", "active power C"},
    {0x02040000, 3, -4, true, 3, 7, "kvar", "reactive power"},
    {0x02040100, 3, -4, true, 23, 7, "kvar", "reactive power A"},
    {0x02040200, 3, -4, true, 43, 7, "kvar", "reactive power B"},
    {0x02040300, 3, -4, true, 63, 7, "kvar", "reactive power C"},
    {0x02050000, 3, -4, true, 9, 7, "kVA", "apparent power"},
    {0x02050100, 3, -4, true, 29, 7, "kVA", "apparent power A"},
    {0x02050200, 3, -4, true, 49, 7, "kVA", "apparent power B"},
    {0x02050300, 3, -4, true, 69, 7, "kVA", "apparent power C"},
    {0x02060000, 2, -3, true, 13, 7, "", "power factor"},
    {0x02060100, 2, -3, true, 33, 7, "", "power factor A"},
    {0x02060200, 2, -3, true, 53, 7, "", "power factor B"},
    {0x02060300, 2, -3, true, 73, 7, "", "power factor C"},
    {0x02070100, 2, -1, false, 0, 0, "deg", "phase angle A"},
    {0x02070200, 2, -1, false, 0, 0, "deg", "phase angle B"},
    {0x02070300, 2, -1, false, 0, 0, "deg", "phase angle C"},
    {0x02080100, 2, -2, false, 0, 0, "%", "voltage distortion A"},
    {0x02080200, 2, -2, false, 0, 0, "%", "voltage distortion B"},
    {0x02080300, 2, -2, false, 0, 0, "%", "voltage distortion C"},
    {0x02090100, 2, -2, false, 0, 0, "%", "current distortion A"},
    {0x02090200, 2, -2, false, 0, 0, "%", "current distortion B"},
    {0x02090300, 2, -2, false, 0, 0, "%", "current distortion C"},
    {0x02800001, 3, -3, true, 91, 7, "A", "neutral current"},
    {0x02800002, 2, -2, false, 14, 7, "Hz", "frequency"},
    {0x02800003, 3, -4, true, 16, 24, "kW", "average active power of a minute"},
    {0x02800004, 3, -4, true, 16, 4, "kW", "active demand"},
    {0x02800005, 3, -4, true, 3, 4, "kvar", "reactive demand"},
    {0x02800006, 3, -4, true, 9, 4, "kVA", "apparent demand"},
    {0x02800007, 2, -1, true, 0, 0, "Cel", "temperature inside the meter"},
    {0x02800008, 2, -2, false, 0, 0, "V", "clock battery voltage"},
    {0x02800009, 2, -2, false, 0, 0, "V", "reading battery voltage"},
    {0x0280000A, 4, 0, false, 0, 0, "min", "battery working time"},
    {0x0280000B, 4, -4, false, 0, 0, "CNY/kWh", "price of the current block"},
    {0x00900100, 4, -2, false, 0, 0, "kWh", "remaining energy"},
    {0x00900101, 4, -2, false, 0, 0, "kWh", "overdrawn energy"},
    {0x00900200, 4, -2, false, 0, 0, "CNY", "remaining money"},
    {0x00900201, 4, -2, false, 0, 0, "CNY", "overdrawn money"},
    {0x04000409, 3, 0, false, 0, 0, "imp/kWh", "active constant"},
    {0x0400040A, 3, 0, false, 0, 0, "imp/kvarh", "reactive constant"},
};

/* 1997, tables of B6 (variables) and C0 (constants). */
static const struct variable variables_1997[] = {
    {0xB611, 2, 0, false, 32, 7, "V", "voltage A"},
    {0xB612, 2, 0, false, 52, 7, "V", "voltage B"},
    {0xB613, 2, 0, false, 72, 7, "V", "voltage C"},
    {0xB621, 2, -2, false, 31, 7, "A", "current A"},
    {0xB622, 2, -2, false, 51, 7, "A", "current B"},
    {0xB623, 2, -2, false, 71, 7, "A", "current C"},
    {0xB630, 3, -4, false, 16, 7, "kW", "active power"},
    {0xB631, 3, -4, false, 36, 7, "kW", "active power A"},
    {0xB632, 3, -4, false, 56, 7, "kW", "active power B"},
    {0xB633, 3, -4, false, 76, 7, "kW", "active power C"},
    {0xB640, 2, -2, false, 3, 7, "kvar", "reactive power"},
    {0xB641, 2, -2, false, 23, 7, "kvar", "reactive power A"},
    {0xB642, 2, -2, false, 43, 7, "kvar", "reactive power B"},
    {0xB643, 2, -2, false, 63, 7, "kvar", "reactive power C"},
    {0xB650, 2, -3, false, 13, 7, "", "power factor"},
    {0xB651, 2, -3, false, 33, 7, "", "power factor A"},
    {0xB652, 2, -3, false, 53, 7, "", "power factor B"},
    {0xB653, 2, -3, false, 73, 7, "", "power factor C"},
    {0xC030, 3, 0, false, 0, 0, "imp/kWh", "active constant"},
    {0xC031, 3, 0, false, 0, 0, "imp/kvarh", "reactive constant"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct energy *find_energy(uint8_t di2)
{
    for (size_t i = 0; i < COUNT(energies); i++) {
        if (energies[i].di2 == di2) {
            return &energies[i];
        }
    }
    return NULL;
}

/* XXXXXX.XX in four bytes. The first field's tariff is E; F is the period. */
static void energy_item(struct mt_dlt645_item *item, const struct energy *energy, bool is_run,
                        uint8_t e, uint8_t f)
{
    *item = (struct mt_dlt645_item){.is_run = is_run, .field_count = 1};
    item->fields[0] = (struct mt_dlt645_field){.name = energy->name,
                                               .unit = energy->unit,
                                               .exponent = -2,
                                               .format = {4, energy->is_signed},
                                               .obis = {energy->c, energy->c ? 8 : 0, e, f}};
    bool current_total = e == 0 && f == MT_OBIS_CURRENT;
    item->is_billed = current_total && energy->di2 == 0x01;
    item->is_total = current_total && energy->di2 <= 0x01;
}

/* XX.XXXX in three bytes, and `skip` bytes that say when. */
static void demand_item(struct mt_dlt645_item *item, const struct energy *energy, bool is_run,
                        uint8_t e, uint8_t f)
{
    *item = (struct mt_dlt645_item){.is_run = is_run, .skip = 5, .field_count = 1};
    item->fields[0] = (struct mt_dlt645_field){.name = "maximum demand",
                                               .unit = energy->demand_unit,
                                               .exponent = -4,
                                               .format = {3, energy->is_signed},
                                               .obis = {energy->c, energy->c ? 6 : 0, e, f}};
}

/* 00 and 01: energy and maximum demand. DI2 kind, DI1 tariff, DI0 settlements back. */
static enum mt_status register_item(struct mt_dlt645_item *item, uint32_t data_id)
{
    const struct energy *energy = find_energy((uint8_t)(data_id >> 16));
    uint8_t di1 = (uint8_t)(data_id >> 8);
    uint8_t di0 = (uint8_t)data_id;
    if (energy == NULL || (di1 > TARIFF_MAX && di1 != BLOCK) || di0 > SETTLEMENT_MAX) {
        return MT_UNSUPPORTED;
    }
    uint8_t e = di1 == BLOCK ? 0 : di1;
    uint8_t f = di0 == 0 ? MT_OBIS_CURRENT : di0;
    if (data_id >> 24 == 0) {
        energy_item(item, energy, di1 == BLOCK, e, f);
    } else {
        demand_item(item, energy, di1 == BLOCK, e, f);
    }
    return MT_OK;
}

/* 05: frozen registers (table A.6). DI2 why, DI1 what, DI0 how many freezes back. */
static enum mt_status frozen_item(struct mt_dlt645_item *item, uint32_t data_id)
{
    uint8_t what = (uint8_t)(data_id >> 8);
    uint8_t back = (uint8_t)data_id;
    if ((uint8_t)(data_id >> 16) > 7 || back < 1 || back > FREEZES_MAX) {
        return MT_UNSUPPORTED;
    }
    if (what >= 1 && what <= 8) {
        energy_item(item, find_energy(what), true, 0, back);
        return MT_OK;
    }
    if (what == 9 || what == 10) { /* forward and reverse maximum demand */
        demand_item(item, find_energy(what - 8), true, 0, back);
        return MT_OK;
    }
    return MT_UNSUPPORTED;
}

static void add_variable(struct mt_dlt645_item *item, const struct variable *v)
{
    MT_CHECK(item->field_count < COUNT(item->fields));
    item->fields[item->field_count++] =
        (struct mt_dlt645_field){.name = v->name,
                                 .unit = v->unit,
                                 .exponent = v->exponent,
                                 .format = {v->bytes, v->is_signed},
                                 .obis = {v->c, v->d, 0, MT_OBIS_CURRENT}};
}

/* One row, or with `block` all rows that are alike under the mask. */
static enum mt_status variable_item(struct mt_dlt645_item *out, const struct variable *rows,
                                    size_t count, uint32_t data_id, uint32_t mask)
{
    struct mt_dlt645_item item = {0};
    for (size_t i = 0; i < count; i++) {
        if (((rows[i].data_id ^ data_id) & mask) == 0) {
            add_variable(&item, &rows[i]);
        }
    }
    if (item.field_count == 0) {
        return MT_UNSUPPORTED;
    }
    *out = item;
    return MT_OK;
}

static enum mt_status item_2007(struct mt_dlt645_item *out, uint32_t data_id)
{
    bool block = (uint8_t)(data_id >> 8) == BLOCK;
    switch (data_id >> 24) {
    case 0x00:
    case 0x01:
        if (data_id >> 16 != 0x0090) {
            return register_item(out, data_id);
        }
        break;
    case 0x02:
    case 0x04:
        break;
    case 0x05:
        return frozen_item(out, data_id);
    default: /* a number from the wire, not an enum: events, load records, and what is unknown */
        return MT_UNSUPPORTED;
    }
    return variable_item(out, variables_2007, COUNT(variables_2007), data_id,
                         block ? 0xFFFF00FFu : UINT32_MAX);
}

/* The kinds of a 1997 group, in the order of the low byte's high nibble, from 1. */
static const uint8_t active_1997[] = {1, 2};
static const uint8_t reactive_1997[] = {3, 4, 5, 8, 6, 7}; /* forward, reverse, I, IV, II, III */

static void energy_1997(struct energy *out, bool is_reactive, size_t direction)
{
    *out = *find_energy(is_reactive ? reactive_1997[direction - 1] : active_1997[direction - 1]);
    out->is_signed = false; /* the 1997 edition has no signs */
    if (is_reactive && direction <= 2) {
        out->name = direction == 1 ? "forward reactive energy" : "reverse reactive energy";
    }
}

/* One register or one block of a 1997 group. */
static void kind_1997(struct mt_dlt645_item *out, const struct energy *energy, uint8_t data_low,
                      uint8_t data_high)
{
    uint8_t tariff = data_low & 0xF;
    uint8_t months = data_high >> 2 & 3;
    bool block = tariff == 0xF;
    uint8_t f = months == 0 ? MT_OBIS_CURRENT : months;
    if (data_high >> 4 == 9) {
        energy_item(out, energy, block, block ? 0 : tariff, f);
    } else {
        demand_item(out, energy, block, block ? 0 : tariff, f);
        out->skip = 0; /* the moment has an identifier of its own here */
    }
}

/* 1997: high byte 9x energy or Ax maximum demand, bits 3-2 the month back, bits 1-0 active or
 * reactive; high nibble of the low byte the direction, low nibble the tariff, F the block. FF is
 * the set of all blocks of the group. */
static enum mt_status register_1997(struct mt_dlt645_item *out, uint32_t data_id)
{
    uint8_t high = (uint8_t)(data_id >> 8);
    uint8_t low = (uint8_t)data_id;
    bool is_reactive = (high & 3) == 1;
    bool is_set = low == 0xFF;
    size_t directions = is_reactive ? COUNT(reactive_1997) : COUNT(active_1997);
    size_t direction = is_set ? 1 : low >> 4;
    if ((high & 3) > 1 || (high >> 2 & 3) > 2 || direction < 1 || direction > directions) {
        return MT_UNSUPPORTED;
    }
    struct energy energy;
    energy_1997(&energy, is_reactive, direction);
    kind_1997(out, &energy, low, high);
    for (direction = 2; is_set && direction <= directions; direction++) {
        struct mt_dlt645_item next;
        energy_1997(&energy, is_reactive, direction);
        kind_1997(&next, &energy, low, high);
        out->fields[out->field_count++] = next.fields[0];
    }
    return MT_OK;
}

static enum mt_status item_1997(struct mt_dlt645_item *out, uint32_t data_id)
{
    uint32_t kind = data_id >> 12;
    if (kind == 0x9 || kind == 0xA) {
        return register_1997(out, data_id);
    }
    bool block = kind == 0xB && (data_id & 0xF) == 0xF;
    return variable_item(out, variables_1997, COUNT(variables_1997), data_id,
                         block ? 0xFFFFFFF0u : UINT32_MAX);
}

enum mt_status mt_dlt645_item(struct mt_dlt645_item *out, uint32_t data_id,
                              enum mt_dlt645_edition edition)
{
    MT_CHECK(out != NULL);
    return edition == MT_DLT645_2007 ? item_2007(out, data_id) : item_1997(out, data_id);
}

bool mt_dlt645_field_at(struct mt_dlt645_field *out, const struct mt_dlt645_item *item, size_t run,
                        size_t index)
{
    MT_CHECK(out != NULL && item != NULL && item->field_count >= 1);
    size_t field = item->is_run ? run : index;
    if (field >= item->field_count || (item->is_run && index > TARIFF_MAX)) {
        return false;
    }
    *out = item->fields[field];
    if (item->is_run) {
        out->obis.e = (uint8_t)index;
    }
    return true;
}
