/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a factory would write into the meter; see setup.h. */
#include "firmware/port/cortex-m/setup.h"

#include <string.h>

#include "firmware/port/cortex-m/semihost.h"
#include "meters/name.h"

#define SECONDS_MAX 86400u
#define BYTE_MAX 255u
#define PORT_MAX 65535u
#define KEY_DIGITS (2u * MT_KEY_BYTES)

/* A word of the command line, in pieces. */
struct word {
    const char *key;
    size_t key_len;
    const char *value; /* ended by 0 */
};

static bool is(const struct word *word, const char *key)
{
    return strlen(key) == word->key_len && memcmp(word->key, key, word->key_len) == 0;
}

/* Read digits up to the end or to a character that is none; *text moves behind them. */
static bool read_number(uint32_t *number, const char **text, uint32_t max)
{
    uint32_t value = 0;
    const char *at = *text;
    if (*at < '0' || *at > '9') {
        return false;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10u + (uint32_t)(*at - '0');
        if (value > max) {
            return false;
        }
    }
    *text = at;
    *number = value;
    return true;
}

static bool read_address(uint8_t address[4], const char **text)
{
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t part;
        if (!read_number(&part, text, BYTE_MAX)) {
            return false;
        }
        address[i] = (uint8_t)part;
        if (i < 3 && *(*text)++ != '.') {
            return false;
        }
    }
    return true;
}

static bool read_whole_address(uint8_t address[4], const char *text)
{
    return read_address(address, &text) && *text == '\0';
}

static bool read_gateway(struct fw_setup *setup, const char *text)
{
    uint32_t port;
    if (!read_address(setup->gateway, &text) || *text++ != ':' ||
        !read_number(&port, &text, PORT_MAX) || *text != '\0') {
        return false;
    }
    setup->gateway_port = (uint16_t)port;
    return port != 0;
}

static bool read_seconds(int64_t *us, const char *text)
{
    uint32_t seconds;
    if (!read_number(&seconds, &text, SECONDS_MAX) || *text != '\0') {
        return false;
    }
    *us = (int64_t)seconds * FW_US_PER_S;
    return true;
}

static bool read_digit(uint8_t *nibble, char c)
{
    static const char digits[] = "0123456789abcdef";
    char lower = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    const char *at = memchr(digits, lower, sizeof(digits) - 1);
    if (at == NULL) {
        return false;
    }
    *nibble = (uint8_t)(at - digits);
    return true;
}

static bool read_key(uint8_t key[MT_KEY_BYTES], const char *path)
{
    int file = fw_semihost_open(path, false);
    char text[KEY_DIGITS];
    if (file < 0) {
        return false;
    }
    bool good = fw_semihost_read(file, text, sizeof(text));
    fw_semihost_close(file);
    for (uint32_t i = 0; good && i < MT_KEY_BYTES; i++) {
        uint8_t high = 0;
        uint8_t low = 0;
        good = read_digit(&high, text[2 * i]) && read_digit(&low, text[2 * i + 1]);
        key[i] = (uint8_t)(high << 4 | low);
    }
    mt_key_wipe(text, sizeof(text));
    return good;
}

static bool read_path(char path[FW_SETUP_PATH_MAX], const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len >= FW_SETUP_PATH_MAX) {
        return false;
    }
    memcpy(path, text, len + 1);
    return true;
}

/* The name decides the medium, and so the defaults of all others: it comes first. */
static bool read_name(struct fw_setup *setup, const char *text)
{
    struct mt_identity identity;
    if (mt_name_parse(&identity, text, strlen(text)) != MT_OK || identity.medium > MT_GAS) {
        return false;
    }
    fw_config_default(&setup->meter, (enum mt_medium)identity.medium);
    setup->meter.identity = identity;
    return true;
}

static bool take_word(struct fw_setup *setup, const struct word *word)
{
    const char *text = word->value;
    if (is(word, "name")) {
        return read_name(setup, text);
    }
    if (is(word, "key")) {
        return read_key(setup->meter.root_key, text);
    }
    if (is(word, "gateway")) {
        return read_gateway(setup, text);
    }
    if (is(word, "address")) {
        return read_whole_address(setup->address, text);
    }
    if (is(word, "router")) {
        return read_whole_address(setup->router, text);
    }
    if (is(word, "nor")) {
        return read_path(setup->backing, text);
    }
    if (is(word, "interval")) {
        return read_seconds(&setup->meter.interval_us, text);
    }
    if (is(word, "spread")) {
        return read_seconds(&setup->meter.spread_us, text);
    }
    if (is(word, "retry")) {
        return read_seconds(&setup->meter.retry_us, text);
    }
    if (is(word, "report")) {
        return read_number(&setup->meter.report_count, &text, FW_READINGS_MAX) && *text == '\0';
    }
    if (is(word, "clock")) {
        setup->host_clock = strcmp(text, "host") == 0;
        return setup->host_clock;
    }
    return false;
}

/* A record is not later than the next one, and the first pause is not longer than the longest. */
static void fit(struct fw_config *config)
{
    if (config->grace_us > config->interval_us) {
        config->grace_us = config->interval_us;
    }
    if (config->retry_us_max < config->retry_us) {
        config->retry_us_max = config->retry_us;
    }
}

static const char *check(const struct fw_setup *setup)
{
    static const uint8_t no_key[MT_KEY_BYTES];
    if (setup->meter.identity.number[0] == '\0') {
        return "name= is missing";
    }
    if (memcmp(setup->meter.root_key, no_key, sizeof(no_key)) == 0) {
        return "key= is missing";
    }
    return setup->gateway_port == 0 ? "gateway= is missing" : NULL;
}

const char *fw_setup_read(struct fw_setup *setup)
{
    static char line[FW_SETUP_TEXT_MAX];
    *setup = (struct fw_setup){.address = {10, 0, 2, 15}, .router = {10, 0, 2, 2}};
    if (!fw_semihost_arguments(line, sizeof(line))) {
        return "the command line is too long";
    }
    bool first = true; /* the program's own name */
    for (char *at = line; *at != '\0';) {
        char *end = at + strcspn(at, " ");
        bool last = *end == '\0';
        *end = '\0';
        const char *equals = strchr(at, '=');
        if (!first || equals != NULL) {
            struct word word = {at, 0, ""};
            if (equals != NULL) {
                word.key_len = (size_t)(equals - at);
                word.value = equals + 1;
            }
            if (!take_word(setup, &word)) {
                return at;
            }
        }
        first = false;
        at = last ? end : end + 1;
    }
    fit(&setup->meter);
    return check(setup);
}
