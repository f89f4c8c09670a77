/* SPDX-License-Identifier: GPL-3.0-or-later */
/** OpenPAYGO Token: digits that a household keys in, which credit its meter without a network.
 *
 *  A token is one link of a SipHash-2-4 chain over the meter's starting code, with a value put into
 *  its last three digits (six in an extended token). Even links add, odd ones set, disable or
 *  synchronise. Who holds the meter's key makes tokens; who does not guesses one of a million.
 *
 *      9 digits, 12 extended;  on pads with four keys: 15 and 20 of the digits 1 to 4
 *
 *  A token is good once, for ever: the count never goes back, not even by a synchronisation, which
 *  the common implementations allow and by which used tokens become good again. Tokens that add may
 *  come in another order than they were made, within MT_TOKEN_OLDER_MAX. At odd links 998 and 999 are
 *  "disable" and "synchronise", in extended tokens too: none of those sets 998 or 999.
 *
 *  The caller saves the state before it gives any credit, and waits mt_openpaygo_pause_s() after
 *  wrong tokens: a short token has few digits to guess.
 */
#ifndef METERS_OPENPAYGO_H
#define METERS_OPENPAYGO_H

#include "meters/check.h"
#include "meters/keys.h"

#define MT_TOKEN_TEXT_MAX 20u /**< Digits of the longest token. */
#define MT_TOKEN_STARTING_CODE_MAX 999999999u
#define MT_TOKEN_COUNT_MAX 65535u /**< Links of a chain: a token is tried at each. */
#define MT_TOKEN_VALUE_MAX 995u   /**< Above it, a short token's value is a command. */
#define MT_TOKEN_EXTENDED_VALUE_MAX \
    999999u                         /**< Of tokens that add; see above for those that set. */
#define MT_TOKEN_JUMP_MAX 64u       /**< Links that a token may be ahead. */
#define MT_TOKEN_SYNC_JUMP_MAX 100u /**< The same for a synchronisation. */
#define MT_TOKEN_OLDER_MAX 16u      /**< Counts whose use is remembered, the last included. */

/** What a token does. */
enum mt_token_kind {
    MT_TOKEN_ADD,     /**< Add value to what is left. */
    MT_TOKEN_SET,     /**< What is left is value now. */
    MT_TOKEN_DISABLE, /**< Paid off: the meter asks for no token any more. */
    MT_TOKEN_SYNC,    /**< The count alone moves on. */
};

enum mt_token_verdict {
    MT_TOKEN_GOOD,
    MT_TOKEN_USED,  /**< Of this meter, and used already or too old. Costs no pause. */
    MT_TOKEN_WRONG, /**< Not of this meter, or too far ahead: counts for the pause. */
    MT_TOKEN_NONE,  /**< Not the digits of a token: a slip of the finger. */
};

/** What a meter keeps, durably. Its key is kept elsewhere. */
struct mt_openpaygo {
    uint32_t starting_code; /**< 0 to MT_TOKEN_STARTING_CODE_MAX. */
    uint32_t count;         /**< Of the newest token that was used; 0 to MT_TOKEN_COUNT_MAX. */
    uint16_t used;          /**< Bit i: the token of count - i is used; bit 0 is always set. */
};

/** What a good token said. */
struct mt_token {
    enum mt_token_kind kind;
    uint32_t value; /**< With MT_TOKEN_ADD and MT_TOKEN_SET: days, or what the seller counts in. */
    uint32_t count; /**< Its place in the chain. */
    bool extended;
};

/** A token to be made. */
struct mt_token_order {
    uint32_t starting_code; /**< As in struct mt_openpaygo. */
    uint32_t count;         /**< Of the token made last for this meter. */
    enum mt_token_kind kind;
    uint32_t value;  /**< With MT_TOKEN_ADD and MT_TOKEN_SET; else 0. */
    bool extended;   /**< Six digits of value instead of three. */
    bool restricted; /**< Digits 1 to 4 only. */
};

/** A meter's state when it is given its key: every token up to count is used.
 *
 *  Returns: MT_OK, or MT_BAD_RANGE with *state untouched.
 */
MT_MUST_USE enum mt_status mt_openpaygo_init(struct mt_openpaygo *state, uint32_t starting_code,
                                             uint32_t count);

/** The starting code of meters that were given none of their own: made from the key. */
uint32_t mt_openpaygo_starting_code(const uint8_t key[MT_KEY_BYTES]);

/** Take a token that was keyed in.
 *
 *  Returns: a verdict; *state and *out change only on MT_TOKEN_GOOD. Takes time in proportion to
 *           the count: two hashes of 8 bytes a token.
 *  In:      text  len characters, not NUL-terminated; borrowed for the call.
 */
MT_MUST_USE enum mt_token_verdict mt_openpaygo_take(struct mt_openpaygo *state,
                                                    struct mt_token *out,
                                                    const uint8_t key[MT_KEY_BYTES],
                                                    const char *text, size_t len);

/** Make a token.
 *
 *  Returns: MT_OK; MT_BAD_RANGE for a starting code, count or value that no token can have.
 *  Out:     text    its digits, NUL-terminated;
 *           *count  of it: that of the order for the next token. Both untouched unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_openpaygo_build(char text[MT_TOKEN_TEXT_MAX + 1], uint32_t *count,
                                              const uint8_t key[MT_KEY_BYTES],
                                              const struct mt_token_order *order);

/** Seconds to take no token after this many wrong ones in a row: minutes, doubled each time. */
uint32_t mt_openpaygo_pause_s(uint32_t wrong_count);

#endif
