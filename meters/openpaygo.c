/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenPAYGO Token; see the header. Names of the specification: a code is a link of the chain, its
 * base the digits that a value is put into. */
#include "meters/wolfcrypt.h"

#include "meters/openpaygo.h"

#include <string.h>
#include <wolfssl/wolfcrypt/siphash.h>

#define HASH_BYTES 8u
#define SHORT_BITS 30u
#define EXTENDED_BITS 40u
#define VALUE_DISABLE 998u
#define VALUE_SYNC 999u
#define DIGITS_OF_FOUR 4u
#define PAUSE_DOUBLED_MAX 10u /* 17 hours: longer ones would only punish */

_Static_assert(SIPHASH_KEY_SIZE == MT_KEY_BYTES, "the key is SipHash's");
_Static_assert(MT_TOKEN_OLDER_MAX == 16, "one bit of the state for each");

/* What tells the two lengths of tokens apart. */
struct layout {
    uint64_t base;    /* one more than the largest value */
    uint64_t codes;   /* one more than the largest code */
    uint8_t digits;   /* on a pad with ten keys */
    uint8_t bits;     /* two for each digit on a pad with four */
    bool is_extended; /* its code is hashed whole, not twice its half */
};

static const struct layout short_layout = {1000, 1000000000, 9, SHORT_BITS, false};
static const struct layout extended_layout = {1000000, INT64_C(1000000000000), 12, EXTENDED_BITS,
                                              true};

static void put_be(uint8_t *bytes, uint64_t value, size_t len)
{
    for (size_t i = len; i > 0; i--) {
        bytes[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

/* SipHash-2-4 as a number: its output's bytes have the lowest first. */
static uint64_t hash(const uint8_t key[MT_KEY_BYTES], const uint8_t *bytes, uint32_t len)
{
    uint8_t out[HASH_BYTES];
    /* It fails only for arguments that are fixed here. */
    MT_CHECK(wc_SipHash(key, bytes, len, out, sizeof(out)) == 0);
    uint64_t value = 0;
    for (size_t i = HASH_BYTES; i > 0; i--) {
        value = value << 8 | out[i - 1];
    }
    return value;
}

/* A hash cut to the bits of a code; what has a digit too many is moved down (specification: "to 29.5
 * bits", "to 40 bits"). */
static uint64_t code_of_hash(uint64_t hashed, const struct layout *l)
{
    uint64_t code = l->is_extended ? hashed >> (64 - EXTENDED_BITS)
                                   : ((hashed >> 32 ^ hashed) & UINT32_MAX) >> (32 - SHORT_BITS);
    uint64_t surplus = (UINT64_C(1) << l->bits) - l->codes;
    return code >= l->codes ? code - surplus - 1 : code;
}

static uint64_t next_code(uint64_t code, const uint8_t key[MT_KEY_BYTES], const struct layout *l)
{
    uint8_t bytes[HASH_BYTES];
    put_be(bytes, l->is_extended ? code : code << 32 | code, sizeof(bytes));
    return code_of_hash(hash(key, bytes, sizeof(bytes)), l);
}

static uint64_t with_base(uint64_t code, uint64_t base, const struct layout *l)
{
    return code - code % l->base + base;
}

uint32_t mt_openpaygo_starting_code(const uint8_t key[MT_KEY_BYTES])
{
    MT_CHECK(key != NULL);
    return (uint32_t)code_of_hash(hash(key, key, MT_KEY_BYTES), &short_layout);
}

enum mt_status mt_openpaygo_init(struct mt_openpaygo *state, uint32_t starting_code, uint32_t count)
{
    MT_CHECK(state != NULL);
    if (starting_code > MT_TOKEN_STARTING_CODE_MAX || count > MT_TOKEN_COUNT_MAX) {
        return MT_BAD_RANGE;
    }
    *state = (struct mt_openpaygo){starting_code, count, UINT16_MAX};
    return MT_OK;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The number that the digits stand for, and the kind of token they are. Returns NULL for neither. */
static const struct layout *read_digits(uint64_t *number, const char *text, size_t len)
{
    const struct layout *l = len == 9 || len == 15    ? &short_layout
                             : len == 12 || len == 20 ? &extended_layout
                                                      : NULL;
    if (l == NULL) {
        return NULL;
    }
    bool four_keys = len != l->digits;
    char first = four_keys ? '1' : '0';
    char last = four_keys ? '4' : '9';
    uint64_t factor = four_keys ? DIGITS_OF_FOUR : 10;
    *number = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < first || text[i] > last) {
            return NULL;
        }
        *number = *number * factor + (uint64_t)(text[i] - first);
    }
    return l;
}

/* What a value at a count means. Returns false for the values that no seller may put there. */
static bool meaning(struct mt_token *out, uint32_t value, uint32_t count, const struct layout *l)
{
    bool sets = count % 2 == 1;
    *out = (struct mt_token){.value = value, .count = count, .extended = l->is_extended};
    out->kind = sets ? MT_TOKEN_SET : MT_TOKEN_ADD;
    if (sets && (value == VALUE_DISABLE || value == VALUE_SYNC)) {
        out->kind = value == VALUE_SYNC ? MT_TOKEN_SYNC : MT_TOKEN_DISABLE;
        out->value = 0;
        return true;
    }
    return l->is_extended || value <= MT_TOKEN_VALUE_MAX;
}

/* May a token of this meter be used now? */
static bool is_fresh(const struct mt_openpaygo *state, const struct mt_token *token)
{
    if (token->count > state->count) {
        uint32_t jump = token->count - state->count;
        return jump <= (token->kind == MT_TOKEN_SYNC ? MT_TOKEN_SYNC_JUMP_MAX : MT_TOKEN_JUMP_MAX);
    }
    uint32_t back = state->count - token->count;
    return token->kind == MT_TOKEN_ADD && back < MT_TOKEN_OLDER_MAX &&
           (state->used >> back & 1u) == 0;
}

static void mark_used(struct mt_openpaygo *state, const struct mt_token *token)
{
    if (token->count <= state->count) {
        state->used |= (uint16_t)(1u << (state->count - token->count));
        return;
    }
    uint32_t jump = token->count - state->count;
    uint32_t older = jump < MT_TOKEN_OLDER_MAX ? (uint32_t)state->used << jump : 0;
    /* Whatever is no addition ends what came before it: those tokens are void from now on. */
    state->used = token->kind == MT_TOKEN_ADD ? (uint16_t)(older | 1u) : UINT16_MAX;
    state->count = token->count;
}

static bool state_is_possible(const struct mt_openpaygo *state)
{
    return state->starting_code <= MT_TOKEN_STARTING_CODE_MAX &&
           state->count <= MT_TOKEN_COUNT_MAX && (state->used & 1u) != 0;
}

enum mt_token_verdict mt_openpaygo_take(struct mt_openpaygo *state, struct mt_token *out,
                                        const uint8_t key[MT_KEY_BYTES], const char *text,
                                        size_t len)
{
    MT_CHECK(state != NULL && state_is_possible(state));
    MT_CHECK(out != NULL && key != NULL && (text != NULL || len == 0));
    uint64_t number;
    const struct layout *l = read_digits(&number, text, len);
    if (l == NULL) {
        return MT_TOKEN_NONE;
    }
    uint64_t base = number % l->base;
    uint32_t value = (uint32_t)((base + l->base - state->starting_code % l->base) % l->base);
    uint64_t code = with_base(state->starting_code, base, l);
    uint32_t last =
        state->count + (value == VALUE_SYNC ? MT_TOKEN_SYNC_JUMP_MAX : MT_TOKEN_JUMP_MAX);
    last = last < MT_TOKEN_COUNT_MAX ? last : MT_TOKEN_COUNT_MAX;
    bool known = false;
    /* The chain depends on the value, so none of it can be kept: it is walked from its start. */
    for (uint32_t count = 0; count <= last; count++) {
        struct mt_token token;
        if (with_base(code, base, l) == number && meaning(&token, value, count, l)) {
            if (is_fresh(state, &token)) {
                mark_used(state, &token);
                *out = token;
                return MT_TOKEN_GOOD;
            }
            known = known || count <= state->count;
        }
        code = next_code(code, key, l);
    }
    return known ? MT_TOKEN_USED : MT_TOKEN_WRONG;
}

/* ---- making --------------------------------------------------------------------------------- */

static bool order_is_possible(const struct mt_token_order *order)
{
    if (order->starting_code > MT_TOKEN_STARTING_CODE_MAX ||
        order->count > MT_TOKEN_COUNT_MAX - 2) {
        return false;
    }
    uint32_t max = order->extended ? MT_TOKEN_EXTENDED_VALUE_MAX : MT_TOKEN_VALUE_MAX;
    switch (order->kind) {
    case MT_TOKEN_ADD:
        return order->value <= max;
    case MT_TOKEN_SET:
        return order->value <= max && order->value != VALUE_DISABLE && order->value != VALUE_SYNC;
    case MT_TOKEN_DISABLE:
    case MT_TOKEN_SYNC:
        return order->value == 0;
    }
    return false;
}

static void write_digits(char *text, uint64_t number, const struct layout *l, bool four_keys)
{
    size_t len = four_keys ? l->bits / 2u : l->digits;
    uint64_t factor = four_keys ? DIGITS_OF_FOUR : 10;
    for (size_t i = len; i > 0; i--) {
        text[i - 1] = (char)((four_keys ? '1' : '0') + (char)(number % factor));
        number /= factor;
    }
    text[len] = '\0';
}

enum mt_status mt_openpaygo_build(char text[MT_TOKEN_TEXT_MAX + 1], uint32_t *count,
                                  const uint8_t key[MT_KEY_BYTES],
                                  const struct mt_token_order *order)
{
    MT_CHECK(text != NULL && count != NULL);
    MT_CHECK(key != NULL && order != NULL);
    if (!order_is_possible(order)) {
        return MT_BAD_RANGE;
    }
    const struct layout *l = order->extended ? &extended_layout : &short_layout;
    uint64_t value = order->kind == MT_TOKEN_DISABLE ? VALUE_DISABLE
                     : order->kind == MT_TOKEN_SYNC  ? VALUE_SYNC
                                                     : order->value;
    /* Additions are even, everything else is odd: the next of its kind. */
    bool odd = order->kind != MT_TOKEN_ADD;
    uint32_t place = order->count + (order->count % 2 == (odd ? 1u : 0u) ? 2 : 1);
    uint64_t base = (order->starting_code % l->base + value) % l->base;
    uint64_t code = with_base(order->starting_code, base, l);
    for (uint32_t i = 0; i < place; i++) {
        code = next_code(code, key, l);
    }
    write_digits(text, with_base(code, base, l), l, order->restricted);
    *count = place;
    return MT_OK;
}

uint32_t mt_openpaygo_pause_s(uint32_t wrong_count)
{
    uint32_t doubled = wrong_count < PAUSE_DOUBLED_MAX ? wrong_count : PAUSE_DOUBLED_MAX;
    return wrong_count == 0 ? 0 : 60u << doubled;
}
