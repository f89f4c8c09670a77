/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The table of wallet classes: limits as data with the date from which they hold.
 *
 *  Read once at start from a YAML file (wallet-classes.yaml explains its form). Never written.
 */
#ifndef SIM_OPERATOR_CLASSES_H
#define SIM_OPERATOR_CLASSES_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/status.h"
#include "meters/check.h"
#include "sim/operator/rules.h"

#define SIM_CLASSES_MAX 256u
#define SIM_CLASSES_ERROR_BYTES 512u

/** Limits of one type and class from one day on. */
struct sim_class_entry {
    enum sim_wallet_type type;
    uint8_t class_number; /**< 1..4 */
    int32_t from_day;
    struct sim_limits limits;
};

struct sim_classes {
    uint32_t count;
    struct sim_class_entry entries[SIM_CLASSES_MAX];
};

/** Read a table from a file.
 *
 *  Returns: GW_OK; GW_IO (cannot be read); GW_INVALID (not such a table; *classes is untouched).
 *  Out:     error  on failure: file, line and what to do.
 */
MT_MUST_USE enum gw_status sim_classes_load(struct sim_classes *classes,
                                            char error[SIM_CLASSES_ERROR_BYTES], const char *path);

/** The limits of a type and class on a local day: of the entry with the latest date not after it.
 *
 *  Returns: true and *limits; false where no entry holds yet, and *limits is untouched.
 */
bool sim_classes_find(struct sim_limits *limits, const struct sim_classes *classes,
                      enum sim_wallet_type type, uint8_t class_number, int32_t day);

/** "I".."IV", or 0 for any other text. */
uint8_t sim_class_number(const char *text);
/** "I".."IV" of 1..4. */
const char *sim_class_text(uint8_t class_number);

/** The local day of a text "2026-01-31". Returns false when it is no such date of 1970-2199. */
MT_MUST_USE bool sim_day_parse(int32_t *day, const char *text);
/** The other way, into 11 bytes. */
void sim_day_format(char text[11], int32_t day);

#endif
