/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Every limit of the gateway that sizes memory. Numbers of the configuration are bounded by these. */
#ifndef GATEWAY_CORE_LIMITS_H
#define GATEWAY_CORE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#define GW_METERS_MAX (4u * 1024u * 1024u)
#define GW_HOUSEHOLDS_MAX (4u * 1024u * 1024u)
#define GW_BINDINGS_MAX (8u * 1024u * 1024u)
#define GW_ORDERS_OPEN_MAX 1048576u
#define GW_TARIFFS_MAX 16u
#define GW_PAYEES_MAX 64u          /**< Payees of all tariffs together. */
#define GW_BATCH_MAX 1024u         /**< Messages of one batch. */
#define GW_MESSAGE_BYTES_MAX 2304u /**< Bytes of one message as it arrived: COSE around 2,048. */
#define GW_BLOCK_BYTES_MAX ((size_t)2 * 1024 * 1024)
#define GW_HOUSEHOLD_ID_MAX 24u
#define GW_OPERATOR_NAME_MAX 15u
/** Bytes of blocks (and 4 kB a block) that one message may make the gateway look through for where a
 *  late reading belongs, and one batch: what a hostile meter can cost, whatever it sends. */
#define GW_BLOCK_READ_BYTES 4096ull
#define GW_WALK_MESSAGE_BYTES_MAX 4194304ull
#define GW_WALK_BATCH_BYTES_MAX 8388608ull
/** Micro-fen that one meter, payee or payee of a household can have been charged, either way: each sum
 *  of them that is shown or settled then fits an int64. */
#define GW_METER_UFEN_MAX (INT64_MAX / 2)
#define GW_PAYEE_UFEN_MAX (INT64_MAX / 2)
#define GW_HOUSEHOLD_UFEN_MAX (INT64_MAX / 16)
#define GW_HOUSEHOLD_FEN_MAX (GW_HOUSEHOLD_UFEN_MAX / 1000000)
#define GW_SUM_FEN_MAX (INT64_MAX / 4) /**< Of all households, wallets and orders. */
/** Time of a block, us since 1970: 2200-01-01. Clocks that show more, or less than 0, are cut to it. */
#define GW_TIME_US_MAX (7258118400ll * 1000000)
/** Time of a reading: a meter without a clock is given one ahead of the gateway's by the rules at most. */
#define GW_READING_US_MAX (2 * GW_TIME_US_MAX)
#define GW_BLOCK_NUMBER_MAX ((1ull << 48) - 1) /**< Nine thousand years at a thousand a second. */
#define GW_METER_PER_HOUR_MAX 1000000000000ll  /**< Wh or ml. */
#define GW_RULE_US_MAX (100ll * 366 * 86400 * 1000000) /**< Times of the settle rules. */
#define GW_ANNOUNCE_DAYS_MAX 400 /**< Days ahead that a critical-peak day is announced. */
#define GW_REFUSALS_KEPT 1024u   /**< Newest refusals kept for the operator to look at. */

/** Sizes of this gateway, from its configuration; all memory of the core follows from them. */
struct gw_limits {
    uint32_t meters_max;
    uint32_t households_max;
    uint32_t bindings_max; /**< Bindings of wallets, ended ones included. */
    uint32_t orders_open_max;
};

#endif
