/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Meters of other makers: what they are called in a protocol of the registry, and what they send.
 *
 *  Each protocol has numbers, makers and media of its own. They are found by asking its builder, and
 *  kept only when its decoder gives the reading back: a new protocol needs no line here.
 */
#ifndef SIM_FOREIGN_H
#define SIM_FOREIGN_H

#include "meters/registry.h"

#define SIM_FOREIGN_KEY_MAX 32u
#define SIM_FOREIGN_BYTES_MAX 1024u /**< Of one frame. */

struct sim_foreign {
    const struct mt_protocol *protocol;
    struct mt_identity identity; /**< As the meter is registered. */
    struct mt_identity spoken;   /**< As it is built: some protocols carry no maker. */
    uint8_t key_len;             /**< Bytes of its key: 16, or 32 for DLMS; 0: it never encrypts. */
};

/** Find out how a protocol names a power, water, gas or heat meter of a number.
 *
 *  Returns: false when it has no builder or does not carry that medium; then *out is void.
 *  In:      number  0 to 99,999,999.
 */
MT_MUST_USE bool sim_foreign_make(struct sim_foreign *out, const struct mt_protocol *protocol,
                                  enum mt_medium medium, uint32_t number);

/** Build a frame.
 *
 *  Returns: as build() in struct mt_protocol.
 *  In:      key  foreign->key_len bytes, or NULL: in the clear. counter  never used twice with a key.
 */
MT_MUST_USE enum mt_status sim_foreign_build(uint8_t out[SIM_FOREIGN_BYTES_MAX], size_t *out_len,
                                             const struct sim_foreign *foreign,
                                             const struct mt_reading *reading, const uint8_t *key,
                                             uint32_t counter);

#endif
