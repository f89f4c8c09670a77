/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/modbus_map.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meters/limits.h"

#define PATH_BYTES 640u
#define MICRO 1000000

static const char *const type_words[GW_MODBUS_TYPES] = {"u16", "i16", "u32",
                                                        "i32", "u64", "float32"};

uint32_t gw_modbus_words(const struct gw_modbus_register *reg)
{
    static const uint8_t words[GW_MODBUS_TYPES] = {1, 1, 2, 2, 4, 2};
    MT_CHECK(reg->type < GW_MODBUS_TYPES);
    return words[reg->type];
}

/* ---- the file ------------------------------------------------------------------------------------ */

static void read_unit(struct gw_yaml *yaml, struct gw_modbus_register *reg,
                      const gw_yaml_node *node, uint8_t medium)
{
    static const char *const words[] = {"Wh", "kWh", "MWh", "ml", "l", "m3"};
    static const int64_t sizes[] = {1, 1000, 1000000, 1, 1000, 1000000};
    uint32_t unit = gw_yaml_word(yaml, node, words, 6);
    bool is_energy = unit < 3;
    if (!gw_yaml_failed(yaml) && is_energy != (medium == MT_POWER || medium == MT_HEAT)) {
        gw_yaml_fail(yaml, node, "%s is no unit of this medium", words[unit]);
    }
    reg->unit_size = sizes[unit];
}

static void read_register(struct gw_yaml *yaml, struct gw_modbus_register *reg,
                          const gw_yaml_node *node, uint8_t medium)
{
    static const char *const keys[] = {"address", "type", "order", "scale", "unit", "is"};
    static const char *const orders[] = {"high", "low"};
    static const char *const roles[] = {"total", "band1", "band2", "band3", "band4"};
    static const struct gw_yaml_number address = {.what = "a register's address",
                                                  .min = 0,
                                                  .max = 65535};
    static const struct gw_yaml_number scale = {
        .what = "a scale from 0.000001 to 1000000", .scale = 6, .min = 1, .max = 1000000000000};
    gw_yaml_keys(yaml, node, keys, 6);
    reg->address = (uint16_t)gw_yaml_decimal(yaml, gw_yaml_need(yaml, node, "address"), &address);
    reg->type =
        (uint8_t)gw_yaml_word(yaml, gw_yaml_need(yaml, node, "type"), type_words, GW_MODBUS_TYPES);
    const gw_yaml_node *order = gw_yaml_get(yaml, node, "order");
    reg->low_first = order != NULL && gw_yaml_word(yaml, order, orders, 2) == 1;
    const gw_yaml_node *factor = gw_yaml_get(yaml, node, "scale");
    reg->scale_micro = factor != NULL ? gw_yaml_decimal(yaml, factor, &scale) : MICRO;
    read_unit(yaml, reg, gw_yaml_need(yaml, node, "unit"), medium);
    reg->band = (uint8_t)gw_yaml_word(yaml, gw_yaml_need(yaml, node, "is"), roles, 5);
    if (!gw_yaml_failed(yaml) && reg->address + gw_modbus_words(reg) > 65536) {
        gw_yaml_fail(yaml, node, "the number ends behind the last register, 65535");
    }
}

static void read_registers(struct gw_yaml *yaml, struct gw_modbus_map *map,
                           const gw_yaml_node *list)
{
    uint32_t seen = 0;
    map->count = gw_yaml_count(yaml, list);
    if (!gw_yaml_is_list(list) || map->count < 1 || map->count > GW_MODBUS_REGISTERS_MAX) {
        gw_yaml_fail(yaml, list, "registers are a list of 1 to %u", GW_MODBUS_REGISTERS_MAX);
    }
    for (uint32_t i = 0; !gw_yaml_failed(yaml) && i < map->count; i++) {
        const gw_yaml_node *item = gw_yaml_item(yaml, list, i);
        read_register(yaml, &map->registers[i], item, map->medium);
        if ((seen >> map->registers[i].band & 1u) != 0) {
            gw_yaml_fail(yaml, item, "two registers are the same thing");
        }
        seen |= 1u << map->registers[i].band;
    }
    if (!gw_yaml_failed(yaml) && (seen & 1u) == 0) {
        gw_yaml_fail(yaml, list, "none of the registers is the total");
    }
}

enum gw_status gw_modbus_map_parse(struct gw_modbus_map *map, char *why,
                                   const struct gw_yaml_source *source)
{
    static const char *const keys[] = {"name", "about", "medium", "table", "registers"};
    static const char *const media[] = {"power", "water", "gas", "heat"};
    static const char *const tables[] = {"input", "holding"};
    struct gw_modbus_map read = {.count = 0};
    struct gw_yaml *yaml = gw_yaml_open(why, GW_YAML_WHY_MAX, source);
    if (yaml == NULL) {
        return GW_FULL;
    }
    const gw_yaml_node *root = gw_yaml_root(yaml);
    gw_yaml_keys(yaml, root, keys, 5);
    gw_yaml_copy(yaml, read.name, sizeof(read.name), gw_yaml_need(yaml, root, "name"),
                 "a map's name");
    read.medium = (uint8_t)gw_yaml_word(yaml, gw_yaml_need(yaml, root, "medium"), media, 4);
    read.holding = gw_yaml_word(yaml, gw_yaml_need(yaml, root, "table"), tables, 2) == 1;
    read_registers(yaml, &read, gw_yaml_need(yaml, root, "registers"));
    bool failed = gw_yaml_failed(yaml);
    gw_yaml_close(yaml);
    if (!failed) {
        *map = read;
    }
    return failed ? GW_INVALID : GW_OK;
}

static FILE *open_beside_program(char path[PATH_BYTES], const char *name)
{
    /* The source tree of build/bin and build/<preset>/bin, an installed prefix, the system's own. */
    static const char *const below[] = {"/../../gateway/registers", "/../../../gateway/registers",
                                        "/../share/meterpay/registers"};
    char folder[PATH_BYTES / 2];
    ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    folder[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    FILE *file = NULL;
    for (size_t i = 0; file == NULL && i < sizeof(below) / sizeof(below[0]); i++) {
        (void)snprintf(path, PATH_BYTES, "%s%s/%s.yaml", folder, below[i], name);
        file = fopen(path, "re");
    }
    if (file == NULL) {
        (void)snprintf(path, PATH_BYTES, "/usr/share/meterpay/registers/%s.yaml", name);
        file = fopen(path, "re");
    }
    return file;
}

static bool is_plain(const char *name)
{
    size_t len = strlen(name);
    bool plain = len > 0 && len <= GW_MODBUS_NAME_MAX;
    for (size_t i = 0; plain && i < len; i++) {
        plain = isalnum((unsigned char)name[i]) || name[i] == '-' || name[i] == '_';
    }
    return plain;
}

enum gw_status gw_modbus_map_load(struct gw_modbus_map *map, char *why, const char *dir,
                                  const char *name)
{
    static const size_t text_max = 16384;
    char path[PATH_BYTES];
    FILE *file = NULL;
    if (is_plain(name)) {
        int used = snprintf(path, sizeof(path), "%s/registers/%s.yaml", dir, name);
        file = used > 0 && (size_t)used < sizeof(path) ? fopen(path, "re") : NULL;
        file = file != NULL ? file : open_beside_program(path, name);
    }
    if (file == NULL) {
        (void)snprintf(why, GW_YAML_WHY_MAX,
                       "there is no register map '%.40s' in %.200s/registers or among the shipped "
                       "ones",
                       name, dir);
        return GW_END;
    }
    char *text = malloc(text_max);
    size_t len = text != NULL ? fread(text, 1, text_max, file) : 0;
    enum gw_status status = text != NULL ? GW_INVALID : GW_FULL;
    if (len == text_max || ferror(file) != 0) {
        (void)snprintf(why, GW_YAML_WHY_MAX, "%.300s cannot be read, or is over 16 KiB", path);
    } else if (text != NULL) {
        struct gw_yaml_source source = {.name = path, .text = text, .len = len};
        status = gw_modbus_map_parse(map, why, &source);
    }
    (void)fclose(file); /* it was only read */
    free(text);
    return status;
}

/* ---- the bits --------------------------------------------------------------------------------------- */

static uint64_t join(const struct gw_modbus_register *reg, const uint16_t *words)
{
    uint32_t count = gw_modbus_words(reg);
    uint64_t bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        bits = bits << 16 | words[reg->low_first ? count - 1u - i : i];
    }
    return bits;
}

/* An IEEE 754 single's mantissa and power of two. False for infinities and NaN. */
static bool split_float(int64_t *mantissa, int *power, uint32_t bits)
{
    uint32_t exponent = bits >> 23 & 0xffu;
    uint32_t fraction = bits & 0x7fffffu;
    if (exponent == 0xffu) {
        return false;
    }
    int64_t size = exponent == 0 ? fraction : fraction | 0x800000u;
    *mantissa = bits >> 31 != 0 ? -size : size;
    *power = exponent == 0 ? -149 : (int)exponent - 150;
    return true;
}

enum mt_status gw_modbus_units(int64_t *units, const struct gw_modbus_register *reg,
                               const uint16_t *words)
{
    uint64_t bits = join(reg, words);
    int64_t number = 0;
    int power = 0;
    bool known = true;
    switch ((enum gw_modbus_type)reg->type) {
    case GW_MODBUS_U16:
    case GW_MODBUS_U32:
        number = (int64_t)bits;
        break;
    case GW_MODBUS_I16:
        number = (int16_t)bits;
        break;
    case GW_MODBUS_I32:
        number = (int32_t)bits;
        break;
    case GW_MODBUS_U64:
        known = bits <= INT64_MAX;
        number = known ? (int64_t)bits : 0;
        break;
    case GW_MODBUS_FLOAT32:
        known = split_float(&number, &power, (uint32_t)bits);
        break;
    case GW_MODBUS_TYPES:
        known = false;
        break;
    }
    /* 60 bits of number and 40 of scale, or 24 and 40 with 40 of power; 20 of unit: below 2^128. */
    if (!known || number < 0 || number > MT_REGISTER_MAX * 1000 || power > 40) {
        return MT_BAD_RANGE;
    }
    unsigned __int128 size = (unsigned __int128)(uint64_t)number * (uint64_t)reg->scale_micro;
    size *= (uint64_t)reg->unit_size;
    size = power >= 0 ? size << power : (power > -128 ? size >> -power : 0);
    size /= MICRO;
    if (size > MT_REGISTER_MAX) {
        return MT_BAD_RANGE;
    }
    *units = (int64_t)size;
    return MT_OK;
}
