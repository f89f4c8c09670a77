/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the value information bytes of M-Bus stand for (EN 13757-3, 6.4: tables of VIF, FB and FD,
 *  and of the combinable VIFEs). For the M-Bus files of this folder only.
 */
#ifndef METERS_MBUS_VIF_H
#define METERS_MBUS_VIF_H

#include <stdint.h>

/** How the data of a quantity are to be read. */
enum mt_mbus_kind {
    MT_MBUS_NUMBER,   /**< Signed; the unit times a power of ten. */
    MT_MBUS_DURATION, /**< Signed; the code's low two bits choose s, min, h or d. */
    MT_MBUS_BITS,     /**< Unsigned: flags, numbers that name something. */
    MT_MBUS_DATE,     /**< Type G, or F where it has four bytes. */
    MT_MBUS_CLOCK,    /**< Types F, I and J. */
    MT_MBUS_OPAQUE,   /**< Stepped over. */
};

/** Which of the quantities that are billed it is. */
enum mt_mbus_register {
    MT_MBUS_NO_REGISTER,
    MT_MBUS_ENERGY,
    MT_MBUS_VOLUME,
    MT_MBUS_COST_UNITS, /**< Of a heat cost allocator. */
    MT_MBUS_REGISTERS,  /**< Their count; none of them. */
};

/** Rows first to last of a table of codes. */
struct mt_mbus_quantity {
    uint8_t first;
    uint8_t last;
    int exponent;     /**< Of the first code; each next one is ten times as much. */
    uint8_t kind;     /**< enum mt_mbus_kind. */
    uint8_t reg;      /**< enum mt_mbus_register. */
    const char *name; /**< Static, like unit. */
    const char *unit;
};

/** Which table a code belongs to. */
enum mt_mbus_table { MT_MBUS_VIF, MT_MBUS_VIF_FB, MT_MBUS_VIF_FD };

/** The row of a code without its extension bit; the row of "unknown" for one that is reserved.
 *  Never NULL; static. */
const struct mt_mbus_quantity *mt_mbus_quantity_of(enum mt_mbus_table table, uint8_t code);

/** What a combinable VIFE does to the meaning of a record. */
enum mt_mbus_effect {
    MT_MBUS_SCALES, /**< 70..77, 7D: a power of ten. */
    MT_MBUS_KEEPS,  /**< The value is still the register: 3B forward only, 3E at base conditions. */
    MT_MBUS_TURNS,  /**< 3C: the backward register. */
    MT_MBUS_ERROR,  /**< 01..1F: the meter tells why it has no value. */
    MT_MBUS_CHANGES, /**< Something else: a limit, a date, a part, a raw volume. */
    MT_MBUS_OWN,     /**< 7F: the VIFEs that follow are the maker's. */
    MT_MBUS_TABLE,   /**< 7C: the next one is of the extension table: phases, quadrants. */
};

/** The effect of a VIFE without its extension bit.
 *
 *  Out: *exponent  the power of ten of MT_MBUS_SCALES, else 0;
 *       *meaning   static.
 */
enum mt_mbus_effect mt_mbus_vife(int *exponent, const char **meaning, uint8_t code);

#endif
