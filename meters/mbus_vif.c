/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of EN 13757-3, 6.4; see the header.
 *
 * Units are chosen so that every exponent stays within those of struct mt_value: joules are given
 * as kJ, flows of a minute in litres. */
#include "meters/mbus_vif.h"

#include <stddef.h>

#define NUMBER MT_MBUS_NUMBER
#define DURATION MT_MBUS_DURATION
#define BITS MT_MBUS_BITS
#define NONE MT_MBUS_NO_REGISTER

static const struct mt_mbus_quantity unknown = {0, 0x7F, 0, MT_MBUS_OPAQUE, NONE, "unknown", ""};

/* Table 10: primary VIFs. */
static const struct mt_mbus_quantity primary[] = {
    {0x00, 0x07, -3, NUMBER, MT_MBUS_ENERGY, "energy", "Wh"},
    {0x08, 0x0F, -3, NUMBER, MT_MBUS_ENERGY, "energy", "kJ"},
    {0x10, 0x17, -6, NUMBER, MT_MBUS_VOLUME, "volume", "m3"},
    {0x18, 0x1F, -3, NUMBER, NONE, "mass", "kg"},
    {0x20, 0x23, 0, DURATION, NONE, "on time", ""},
    {0x24, 0x27, 0, DURATION, NONE, "operating time", ""},
    {0x28, 0x2F, -3, NUMBER, NONE, "power", "W"},
    {0x30, 0x37, -3, NUMBER, NONE, "power", "kJ/h"},
    {0x38, 0x3F, -6, NUMBER, NONE, "flow", "m3/h"},
    {0x40, 0x47, -4, NUMBER, NONE, "flow", "l/min"},
    {0x48, 0x4F, -6, NUMBER, NONE, "flow", "l/s"},
    {0x50, 0x57, -3, NUMBER, NONE, "mass flow", "kg/h"},
    {0x58, 0x5B, -3, NUMBER, NONE, "flow temperature", "C"},
    {0x5C, 0x5F, -3, NUMBER, NONE, "return temperature", "C"},
    {0x60, 0x63, -3, NUMBER, NONE, "temperature difference", "K"},
    {0x64, 0x67, -3, NUMBER, NONE, "external temperature", "C"},
    {0x68, 0x6B, -3, NUMBER, NONE, "pressure", "bar"},
    {0x6C, 0x6C, 0, MT_MBUS_DATE, NONE, "date", ""},
    {0x6D, 0x6D, 0, MT_MBUS_CLOCK, NONE, "date and time", ""},
    {0x6E, 0x6E, 0, NUMBER, MT_MBUS_COST_UNITS, "heat cost units", "units"},
    {0x70, 0x73, 0, DURATION, NONE, "averaging time", ""},
    {0x74, 0x77, 0, DURATION, NONE, "age of the values", ""},
    {0x78, 0x78, 0, BITS, NONE, "fabrication number", ""},
    {0x79, 0x79, 0, BITS, NONE, "identification", ""},
    {0x7A, 0x7A, 0, BITS, NONE, "bus address", ""},
    {0x7F, 0x7F, 0, NUMBER, NONE, "maker's own", ""},
};

/* Table 14: after FB. */
static const struct mt_mbus_quantity after_fb[] = {
    {0x00, 0x01, -1, NUMBER, MT_MBUS_ENERGY, "energy", "MWh"},
    {0x02, 0x03, 0, NUMBER, NONE, "reactive energy", "kvarh"},
    {0x04, 0x05, 0, NUMBER, NONE, "apparent energy", "kVAh"},
    {0x08, 0x09, -1, NUMBER, MT_MBUS_ENERGY, "energy", "GJ"},
    {0x0C, 0x0F, -1, NUMBER, MT_MBUS_ENERGY, "energy", "Mcal"},
    {0x10, 0x11, 2, NUMBER, MT_MBUS_VOLUME, "volume", "m3"},
    {0x14, 0x17, -3, NUMBER, NONE, "reactive power", "kvar"},
    {0x18, 0x19, 2, NUMBER, NONE, "mass", "t"},
    {0x1A, 0x1B, -1, NUMBER, NONE, "relative humidity", "%"},
    {0x20, 0x20, 0, NUMBER, MT_MBUS_VOLUME, "volume", "ft3"},
    {0x21, 0x21, -1, NUMBER, MT_MBUS_VOLUME, "volume", "ft3"},
    {0x28, 0x29, -1, NUMBER, NONE, "power", "MW"},
    {0x2A, 0x2A, -1, NUMBER, NONE, "phase angle of voltages", "deg"},
    {0x2B, 0x2B, -1, NUMBER, NONE, "phase angle of voltage and current", "deg"},
    {0x2C, 0x2F, -3, NUMBER, NONE, "frequency", "Hz"},
    {0x30, 0x31, -1, NUMBER, NONE, "power", "GJ/h"},
    {0x34, 0x37, -3, NUMBER, NONE, "apparent power", "kVA"},
    {0x74, 0x77, -3, NUMBER, NONE, "temperature limit", "C"},
    {0x78, 0x7F, -3, NUMBER, NONE, "cumulated maximum power", "W"},
};

/* Table 12: after FD. */
static const struct mt_mbus_quantity after_fd[] = {
    {0x00, 0x03, -3, NUMBER, NONE, "credit", ""},
    {0x04, 0x07, -3, NUMBER, NONE, "debit", ""},
    {0x08, 0x08, 0, BITS, NONE, "access number", ""},
    {0x09, 0x09, 0, BITS, NONE, "device type", ""},
    {0x0A, 0x0A, 0, BITS, NONE, "manufacturer", ""},
    {0x0B, 0x0B, 0, BITS, NONE, "parameter set", ""},
    {0x0C, 0x0C, 0, BITS, NONE, "model or version", ""},
    {0x0D, 0x0D, 0, BITS, NONE, "hardware version", ""},
    {0x0E, 0x0E, 0, BITS, NONE, "firmware version", ""},
    {0x0F, 0x0F, 0, BITS, NONE, "software version", ""},
    {0x10, 0x10, 0, BITS, NONE, "customer location", ""},
    {0x11, 0x11, 0, BITS, NONE, "customer", ""},
    {0x12, 0x16, 0, MT_MBUS_OPAQUE, NONE, "access code", ""},
    {0x17, 0x17, 0, BITS, NONE, "error flags", ""},
    {0x18, 0x18, 0, BITS, NONE, "error mask", ""},
    {0x19, 0x19, 0, MT_MBUS_OPAQUE, NONE, "security key", ""},
    {0x1A, 0x1A, 0, BITS, NONE, "digital output", ""},
    {0x1B, 0x1B, 0, BITS, NONE, "digital input", ""},
    {0x1C, 0x1C, 0, BITS, NONE, "baud rate", ""},
    {0x1D, 0x1D, 0, BITS, NONE, "response delay", ""},
    {0x1E, 0x1E, 0, BITS, NONE, "retries", ""},
    {0x1F, 0x1F, 0, BITS, NONE, "remote control", ""},
    {0x20, 0x20, 0, BITS, NONE, "first storage number", ""},
    {0x21, 0x21, 0, BITS, NONE, "last storage number", ""},
    {0x22, 0x22, 0, BITS, NONE, "size of a storage block", ""},
    {0x23, 0x23, 0, BITS, NONE, "descriptor", ""},
    {0x24, 0x27, 0, DURATION, NONE, "storage interval", ""},
    {0x28, 0x28, 0, NUMBER, NONE, "storage interval", "months"},
    {0x29, 0x29, 0, NUMBER, NONE, "storage interval", "years"},
    {0x2C, 0x2F, 0, DURATION, NONE, "time since the last readout", ""},
    {0x30, 0x30, 0, MT_MBUS_DATE, NONE, "start of tariff", ""},
    {0x31, 0x33, 0, DURATION, NONE, "duration of tariff", ""},
    {0x34, 0x37, 0, DURATION, NONE, "period of tariff", ""},
    {0x38, 0x38, 0, NUMBER, NONE, "period of tariff", "months"},
    {0x39, 0x39, 0, NUMBER, NONE, "period of tariff", "years"},
    {0x3A, 0x3A, 0, NUMBER, NONE, "plain number", ""},
    {0x3C, 0x3F, 0, DURATION, NONE, "sending interval", ""},
    {0x40, 0x42, 0, NUMBER, NONE, "voltage", "nV"},
    {0x43, 0x4F, -6, NUMBER, NONE, "voltage", "V"},
    {0x50, 0x55, 0, NUMBER, NONE, "current", "pA"},
    {0x56, 0x5F, -6, NUMBER, NONE, "current", "A"},
    {0x60, 0x60, 0, BITS, NONE, "resets", ""},
    {0x61, 0x61, 0, BITS, NONE, "cumulation counter", ""},
    {0x62, 0x62, 0, BITS, NONE, "control signal", ""},
    {0x63, 0x63, 0, BITS, NONE, "day of week", ""},
    {0x64, 0x64, 0, BITS, NONE, "week number", ""},
    {0x65, 0x65, 0, MT_MBUS_OPAQUE, NONE, "time of day change", ""},
    {0x66, 0x66, 0, BITS, NONE, "state of parameter activation", ""},
    {0x67, 0x67, 0, MT_MBUS_OPAQUE, NONE, "supplier's own", ""},
    {0x68, 0x68, 0, NUMBER, NONE, "time since the last cumulation", "h"},
    {0x69, 0x69, 0, NUMBER, NONE, "time since the last cumulation", "d"},
    {0x6A, 0x6A, 0, NUMBER, NONE, "time since the last cumulation", "months"},
    {0x6B, 0x6B, 0, NUMBER, NONE, "time since the last cumulation", "years"},
    {0x6C, 0x6C, 0, NUMBER, NONE, "operating time of the battery", "h"},
    {0x6D, 0x6D, 0, NUMBER, NONE, "operating time of the battery", "d"},
    {0x6E, 0x6E, 0, NUMBER, NONE, "operating time of the battery", "months"},
    {0x6F, 0x6F, 0, NUMBER, NONE, "operating time of the battery", "years"},
    {0x70, 0x70, 0, MT_MBUS_DATE, NONE, "date of battery change", ""},
    {0x71, 0x71, 0, NUMBER, NONE, "received level", "dBm"},
    {0x74, 0x74, 0, NUMBER, NONE, "remaining battery time", "d"},
    {0x75, 0x75, 0, BITS, NONE, "stops", ""},
    {0x76, 0x76, 0, MT_MBUS_OPAQUE, NONE, "maker's own", ""},
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

const struct mt_mbus_quantity *mt_mbus_quantity_of(enum mt_mbus_table table, uint8_t code)
{
    const struct mt_mbus_quantity *rows = primary;
    size_t count = ROWS(primary);
    if (table == MT_MBUS_VIF_FB) {
        rows = after_fb;
        count = ROWS(after_fb);
    } else if (table == MT_MBUS_VIF_FD) {
        rows = after_fd;
        count = ROWS(after_fd);
    }
    for (size_t i = 0; i < count && rows[i].first <= code; i++) {
        if (code <= rows[i].last) {
            return &rows[i];
        }
    }
    return &unknown;
}

/* Table 15: combinable VIFEs. Codes between the rows are reserved: nothing is known of the value. */
static const struct {
    uint8_t first;
    uint8_t last;
    uint8_t effect;
    const char *meaning;
} combinable[] = {
    {0x00, 0x00, MT_MBUS_KEEPS, "no error"},
    {0x01, 0x1F, MT_MBUS_ERROR, "the meter has no value: an error code"},
    {0x20, 0x27, MT_MBUS_CHANGES, "per time or revolution"},
    {0x28, 0x2B, MT_MBUS_CHANGES, "increment per pulse"},
    {0x2C, 0x38, MT_MBUS_CHANGES, "per unit, or times a unit"},
    {0x39, 0x39, MT_MBUS_CHANGES, "start date of"},
    {0x3A, 0x3A, MT_MBUS_CHANGES, "uncorrected: at metering conditions"},
    {0x3B, 0x3B, MT_MBUS_KEEPS, "forward flow only"},
    {0x3C, 0x3C, MT_MBUS_TURNS, "backward flow only"},
    {0x3D, 0x3D, MT_MBUS_CHANGES, "in units that are not metric"},
    {0x3E, 0x3E, MT_MBUS_KEEPS, "at base conditions"},
    {0x3F, 0x3F, MT_MBUS_CHANGES, "OBIS declaration"},
    {0x40, 0x6F, MT_MBUS_CHANGES, "limit, its date, duration or count"},
    {0x70, 0x77, MT_MBUS_SCALES, "times a power of ten"},
    {0x78, 0x7B, MT_MBUS_CHANGES, "additive constant"},
    {0x7C, 0x7C, MT_MBUS_TABLE, "of the extension table"},
    {0x7D, 0x7D, MT_MBUS_SCALES, "times 1000"},
    {0x7E, 0x7E, MT_MBUS_CHANGES, "future value"},
    {0x7F, 0x7F, MT_MBUS_OWN, "maker's own"},
};

enum mt_mbus_effect mt_mbus_vife(int *exponent, const char **meaning, uint8_t code)
{
    *exponent = 0;
    for (size_t i = 0; i < ROWS(combinable); i++) {
        if (code < combinable[i].first || code > combinable[i].last) {
            continue;
        }
        *meaning = combinable[i].meaning;
        if (combinable[i].effect == MT_MBUS_SCALES) {
            *exponent = code == 0x7D ? 3 : code - 0x70 - 6;
        }
        return combinable[i].effect;
    }
    *meaning = "reserved";
    return MT_MBUS_CHANGES;
}
