/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Binary-coded decimals; see the header. */
#include "meters/bcd.h"

#include <string.h>

#define SIGN 0x80u

static void format_check(const struct mt_bcd_format *format)
{
    MT_CHECK(format != NULL);
    MT_CHECK(format->bytes >= 1 && format->bytes <= MT_BCD_BYTES_MAX);
}

int mt_bcd_pair(uint8_t byte)
{
    int high = byte >> 4;
    int low = byte & 0xF;
    return high > 9 || low > 9 ? -1 : high * 10 + low;
}

enum mt_status mt_bcd_read(int64_t *value, bool *absent, struct mt_cursor *c,
                           const struct mt_bcd_format *format)
{
    MT_CHECK(value != NULL && absent != NULL);
    format_check(format);
    const uint8_t *field = mt_cursor_take(c, format->bytes);
    if (field == NULL) {
        return MT_NEED_MORE;
    }
    uint8_t top = field[format->bytes - 1];
    bool minus = format->is_signed && (top & SIGN) != 0;
    uint8_t all = 0xFF;
    int64_t number = 0;
    bool digits = true;
    for (size_t i = format->bytes; i > 0; i--) {
        bool is_top = i == format->bytes;
        int pair = mt_bcd_pair(is_top && minus ? (uint8_t)(top & ~SIGN) : field[i - 1]);
        all &= field[i - 1];
        digits = digits && pair >= 0;
        number = number * 100 + pair;
    }
    if (all == 0xFF) {
        *value = 0;
        *absent = true;
        return MT_OK;
    }
    if (!digits) {
        return MT_BAD_DIGIT;
    }
    *value = minus ? -number : number;
    *absent = false;
    return MT_OK;
}

enum mt_status mt_bcd_write(struct mt_writer *w, int64_t value, const struct mt_bcd_format *format)
{
    format_check(format);
    uint8_t field[MT_BCD_BYTES_MAX];
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    for (size_t i = 0; i < format->bytes; i++) {
        field[i] = (uint8_t)(rest / 10 % 10 << 4 | rest % 10);
        rest /= 100;
    }
    uint8_t *top = &field[format->bytes - 1];
    if (rest > 0 || (value < 0 && !format->is_signed) ||
        (format->is_signed && (*top & SIGN) != 0)) {
        return MT_BAD_RANGE;
    }
    *top |= value < 0 ? SIGN : 0;
    mt_writer_bytes(w, field, format->bytes);
    return MT_OK;
}

static const char hex_digits[] = "0123456789ABCDEF";

void mt_bcd_address_text(char *text, const uint8_t *address, size_t len)
{
    MT_CHECK(text != NULL && address != NULL);
    for (size_t i = len; i > 0; i--) {
        *text++ = hex_digits[address[i - 1] >> 4];
        *text++ = hex_digits[address[i - 1] & 0xF];
    }
    *text = '\0';
}

enum mt_status mt_bcd_address_parse(uint8_t *address, size_t len, const char *text)
{
    MT_CHECK(address != NULL && text != NULL);
    MT_CHECK(len <= MT_BCD_BYTES_MAX);
    uint8_t bytes[MT_BCD_BYTES_MAX];
    if (strnlen(text, 2 * len + 1) != 2 * len) {
        return MT_BAD_DIGIT;
    }
    for (size_t i = 0; i < len; i++) {
        const char *high = strchr(hex_digits, text[2 * i]);
        const char *low = strchr(hex_digits, text[2 * i + 1]);
        if (high == NULL || low == NULL) {
            return MT_BAD_DIGIT;
        }
        bytes[len - 1 - i] = (uint8_t)((high - hex_digits) << 4 | (low - hex_digits));
    }
    memcpy(address, bytes, len);
    return MT_OK;
}
