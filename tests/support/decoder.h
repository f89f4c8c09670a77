/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What every decoder must stand: cut, flipped and oversized input against an unmapped page. */
#ifndef TESTS_SUPPORT_DECODER_H
#define TESTS_SUPPORT_DECODER_H

#include <CUnit/CUnit.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/guard_page.h"

#define DECODER_BYTES_MAX 4096u

/** Does the decoder take these bytes for good? They end at an unmapped page. */
typedef bool decoder_accepts(const uint8_t *bytes, size_t len);

/** Hexadecimal text to bytes, spaces ignored. Returns the number of bytes; aborts when the text is
 *  none or does not fit. */
static inline size_t unhex(uint8_t *out, size_t max, const char *hex)
{
    size_t len = 0;
    for (; *hex != '\0'; hex++) {
        unsigned byte;
        if (isspace((unsigned char)*hex)) {
            continue;
        }
        if (len == max || sscanf(hex, "%2x", &byte) != 1 || !isxdigit((unsigned char)hex[1])) {
            abort();
        }
        out[len++] = (uint8_t)byte;
        hex++;
    }
    return len;
}

/** The whole is accepted; cut anywhere it is not. */
static inline void expect_every_prefix_refused(decoder_accepts *accepts, const uint8_t *bytes,
                                               size_t len)
{
    CU_ASSERT_TRUE(accepts(guard_end(bytes, len), len));
    CU_ASSERT_TRUE(accepts(guard_start(bytes, len), len));
    for (size_t n = 0; n < len; n++) {
        bool accepted = accepts(guard_end(bytes, n), n);
        if (accepted) {
            printf("    accepted with %zu of %zu bytes\n", n, len);
        }
        CU_ASSERT_FALSE(accepted);
    }
}

/** No flipped bit is accepted. */
static inline void expect_every_flipped_bit_refused(decoder_accepts *accepts, const uint8_t *bytes,
                                                    size_t len)
{
    for (size_t bit = 0; bit < len * 8; bit++) {
        uint8_t *copy = guard_end(bytes, len);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        bool accepted = accepts(copy, len);
        if (accepted) {
            printf("    accepted with bit %zu of byte %zu flipped\n", bit % 8, bit / 8);
        }
        CU_ASSERT_FALSE(accepted);
    }
}

/** Both of the above for frames in hexadecimal. */
static inline void expect_damage_refused(decoder_accepts *accepts, const char *const *frames,
                                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[DECODER_BYTES_MAX];
        size_t len = unhex(bytes, sizeof(bytes), frames[i]);
        expect_every_prefix_refused(accepts, bytes, len);
        expect_every_flipped_bit_refused(accepts, bytes, len);
    }
}

/** What was built are these bytes. */
static inline void expect_bytes(const uint8_t *out, size_t out_len, const char *hex)
{
    uint8_t expected[DECODER_BYTES_MAX];
    size_t len = unhex(expected, sizeof(expected), hex);
    CU_ASSERT_EQUAL(out_len, len);
    CU_ASSERT_EQUAL(memcmp(out, expected, len < out_len ? len : out_len), 0);
}

#endif
