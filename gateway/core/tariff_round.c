/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two roundings of the ledger: a bill line to whole fen, and a whole shared over parts. */
#include "gateway/core/tariff.h"

#define UFEN_PER_FEN 1000000ll
#define SPLIT_PARTS_MAX 16u

int64_t gw_round_fen(int64_t ufen, int64_t round_fen)
{
    MT_CHECK(round_fen >= 1 && round_fen <= GW_TARIFF_ROUND_FEN_MAX);
    int64_t unit_ufen = round_fen * UFEN_PER_FEN;
    int64_t units = ufen / unit_ufen;
    int64_t rest = ufen % unit_ufen;
    /* Halves of the rest, not doubles: nothing here can overflow. */
    if (rest >= unit_ufen - rest) {
        units++;
    } else if (-rest >= unit_ufen + rest) {
        units--;
    }
    return units * round_fen;
}

/** The part with the largest remainder, the first of equals; it is taken out of the running. */
static uint32_t take_largest(unsigned __int128 *remainders, uint32_t count)
{
    uint32_t largest = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (remainders[i] > remainders[largest]) {
            largest = i;
        }
    }
    remainders[largest] = 0;
    return largest;
}

void gw_split_fen(int64_t *parts_fen, int64_t whole_fen, const int64_t *weights, uint32_t count)
{
    MT_CHECK(count >= 1 && count <= SPLIT_PARTS_MAX);
    unsigned __int128 weight_sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        MT_CHECK(weights[i] >= 0);
        weight_sum += (uint64_t)weights[i];
    }
    MT_CHECK(weight_sum > 0);
    uint64_t whole = whole_fen < 0 ? 0 - (uint64_t)whole_fen : (uint64_t)whole_fen;
    uint64_t parts[SPLIT_PARTS_MAX];
    unsigned __int128 remainders[SPLIT_PARTS_MAX];
    uint64_t left = whole;
    for (uint32_t i = 0; i < count; i++) {
        unsigned __int128 product = (unsigned __int128)whole * (uint64_t)weights[i];
        parts[i] = (uint64_t)(product / weight_sum);
        remainders[i] = product - weight_sum * parts[i];
        left -= parts[i];
    }
    /* The remainders sum to left x weight_sum and each is less than weight_sum: fewer units are left
     * than parts with a remainder, so none gets two.
     */
    for (; left > 0; left--) {
        parts[take_largest(remainders, count)]++;
    }
    for (uint32_t i = 0; i < count; i++) {
        parts_fen[i] = whole_fen < 0 ? (int64_t)(0 - parts[i]) : (int64_t)parts[i];
    }
}
