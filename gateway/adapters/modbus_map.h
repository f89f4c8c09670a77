/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Register maps of Modbus meters: which registers hold the total, and how their bits are a number.
 *
 *  Modbus says how registers travel and nothing about what they mean, so every model of a meter has a
 *  YAML file. The bits become Wh or ml by integers only, a float32's too: it names an exact binary
 *  fraction, whose part below a Wh or an ml is cut off.
 *
 *      name: sdm120
 *      about: Eastron SDM120 ...
 *      medium: power                  # power, water, gas or heat
 *      table: input                   # input (function 04) or holding (function 03)
 *      registers:
 *        - {address: 342, type: float32, order: high, scale: 1, unit: kWh, is: total}
 *
 *  type: u16 i16 u32 i32 u64 float32; order: which word comes first, high or low; scale: a decimal
 *  number above zero; is: total, band1 .. band4.
 *  Never: IO other than reading the file.
 */
#ifndef GATEWAY_ADAPTERS_MODBUS_MAP_H
#define GATEWAY_ADAPTERS_MODBUS_MAP_H

#include "gateway/adapters/yaml_reader.h"
#include "gateway/core/status.h"
#include "meters/reading.h"

#define GW_MODBUS_NAME_MAX 31u
#define GW_MODBUS_REGISTERS_MAX 5u /**< The total and four bands. */
#define GW_MODBUS_WORDS_MAX 4u     /**< 16-bit registers of one number. */

enum gw_modbus_type {
    GW_MODBUS_U16,
    GW_MODBUS_I16,
    GW_MODBUS_U32,
    GW_MODBUS_I32,
    GW_MODBUS_U64,
    GW_MODBUS_FLOAT32,
    GW_MODBUS_TYPES,
};

/** One number. */
struct gw_modbus_register {
    uint16_t address;    /**< Of its first register, as on the wire, from 0. */
    uint8_t type;        /**< enum gw_modbus_type. */
    bool low_first;      /**< The low word comes first. */
    uint8_t band;        /**< 0: the total; 1 to 4: that band. */
    int64_t scale_micro; /**< The number times this / 10^6 is in the unit; 1 to 10^12. */
    int64_t unit_size;   /**< Wh or ml of one unit: kWh 1000, m3 1000000. */
};

struct gw_modbus_map {
    char name[GW_MODBUS_NAME_MAX + 1];
    uint8_t medium; /**< enum mt_medium. */
    bool holding;   /**< Function 03; else 04. */
    uint32_t count;
    struct gw_modbus_register registers[GW_MODBUS_REGISTERS_MAX]; /**< The total is among them. */
};

/** How many 16-bit registers a number takes. */
uint32_t gw_modbus_words(const struct gw_modbus_register *reg);

/** Read a map from its text.
 *
 *  Returns: GW_OK; GW_INVALID with a sentence in why (GW_YAML_WHY_MAX bytes) that names file and line;
 *           GW_FULL without memory.
 *  Out:     *map  untouched unless GW_OK.
 */
MT_MUST_USE enum gw_status gw_modbus_map_parse(struct gw_modbus_map *map, char *why,
                                               const struct gw_yaml_source *source);

/** Read a map by its name: NAME.yaml in DIR/registers, else among the shipped ones.
 *
 *  Returns: as gw_modbus_map_parse(); GW_END when there is no such file, with a sentence in why.
 */
MT_MUST_USE enum gw_status gw_modbus_map_load(struct gw_modbus_map *map, char *why, const char *dir,
                                              const char *name);

/** A number of registers in Wh or ml.
 *
 *  Returns: MT_OK; MT_BAD_RANGE when it is below zero, above MT_REGISTER_MAX, or no number at all
 *           (an infinite float32 or a NaN, which meters send for "unknown").
 *  Out:     *units  untouched unless MT_OK.
 *  In:      words   gw_modbus_words() of them, as they came.
 */
MT_MUST_USE enum mt_status gw_modbus_units(int64_t *units, const struct gw_modbus_register *reg,
                                           const uint16_t *words);

#endif
