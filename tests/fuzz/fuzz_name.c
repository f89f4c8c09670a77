/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a meter's name: refused, or it is the one spelling of its identity. The same text is
 * tried as a decimal: what is read is written back as the same number. */
#include <string.h>

#include "meters/decimal.h"
#include "meters/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decimal_comes_back(const char *text, size_t len)
{
    struct mt_decimal number;
    struct mt_decimal back;
    if (mt_decimal_parse(&number, text, len) != MT_OK || number.exponent < -30 ||
        number.exponent > 30) {
        return;
    }
    char written[MT_DECIMAL_TEXT_MAX];
    size_t written_len = mt_decimal_format(written, number.mantissa, number.exponent);
    MT_CHECK(mt_decimal_parse(&back, written, written_len) == MT_OK);
    MT_CHECK(back.mantissa == number.mantissa && back.exponent == number.exponent);
    int64_t exact;
    int64_t floored;
    if (mt_decimal_scaled(&exact, &number, 3) == MT_OK) {
        MT_CHECK(mt_decimal_floored(&floored, &number, 3) == MT_OK);
        MT_CHECK(exact == floored);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mt_identity identity;
    if (mt_name_parse(&identity, (const char *)data, size) == MT_OK) {
        char text[MT_NAME_MAX + 1];
        size_t len = mt_name_format(text, &identity);
        MT_CHECK(len == size);
        MT_CHECK(memcmp(text, data, size) == 0);
    }
    decimal_comes_back((const char *)data, size);
    return 0;
}
