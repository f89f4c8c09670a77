/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a factory writes into the meter; see setup.h. */
#include "firmware/app/setup.h"

#include <string.h>

#include "meters/name.h"

#define SECONDS_MAX 86400u
#define MILLISECONDS_MAX 60000u
#define BYTE_MAX 255u

struct fw_setup_word fw_setup_split(const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL) {
        return (struct fw_setup_word){text, strlen(text), ""};
    }
    return (struct fw_setup_word){text, (size_t)(equals - text), equals + 1};
}

bool fw_setup_is(const struct fw_setup_word *word, const char *key)
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
        uint32_t digit = (uint32_t)(*at - '0');
        if (value > max / 10u || digit > max - value * 10u) {
            return false;
        }
        value = value * 10u + digit;
    }
    *text = at;
    *number = value;
    return true;
}

bool fw_setup_number(uint32_t *number, const char *text, uint32_t max)
{
    uint32_t value;
    if (!read_number(&value, &text, max) || *text != '\0') {
        return false;
    }
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

bool fw_setup_address(uint8_t address[4], const char *text)
{
    return read_address(address, &text) && *text == '\0';
}

static bool read_gateway(struct fw_setup *setup, const char *text)
{
    uint8_t address[4];
    uint32_t port;
    if (!read_address(address, &text) || *text++ != ':' ||
        !fw_setup_number(&port, text, UINT16_MAX) || port == 0) {
        return false;
    }
    memcpy(setup->gateway, address, sizeof(address));
    setup->gateway_port = (uint16_t)port;
    return true;
}

/* A number of units of unit_us; at least `min` of them. */
static bool read_time(int64_t *us, const char *text, int64_t unit_us, uint32_t min)
{
    uint32_t count;
    uint32_t max = unit_us == FW_US_PER_S ? SECONDS_MAX : MILLISECONDS_MAX;
    if (!fw_setup_number(&count, text, max) || count < min) {
        return false;
    }
    *us = (int64_t)count * unit_us;
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

bool fw_setup_key(struct fw_setup *setup, const char digits[FW_SETUP_KEY_DIGITS])
{
    uint8_t *key = setup->app.meter.root_key;
    bool good = true;
    for (uint32_t i = 0; good && i < MT_KEY_BYTES; i++) {
        uint8_t high = 0;
        uint8_t low = 0;
        good = read_digit(&high, digits[2 * i]) && read_digit(&low, digits[2 * i + 1]);
        key[i] = (uint8_t)(high << 4 | low);
    }
    return good;
}

static bool read_name(struct fw_setup *setup, const char *text)
{
    struct mt_identity identity;
    uint8_t key[MT_KEY_BYTES];
    if (mt_name_parse(&identity, text, strlen(text)) != MT_OK || identity.medium > MT_GAS) {
        return false;
    }
    memcpy(key, setup->app.meter.root_key, sizeof(key));
    fw_app_config_default(&setup->app, (enum mt_medium)identity.medium);
    setup->app.meter.identity = identity;
    memcpy(setup->app.meter.root_key, key, sizeof(key));
    mt_key_wipe(key, sizeof(key));
    return true;
}

static bool read_choice(bool *choice, const char *text)
{
    bool yes = strcmp(text, "yes") == 0;
    if (!yes && strcmp(text, "no") != 0) {
        return false;
    }
    *choice = yes;
    return true;
}

/* All that is a time: its word, its place, its unit and its least value. */
static bool take_time(struct fw_setup *setup, const struct fw_setup_word *word)
{
    struct fw_config *meter = &setup->app.meter;
    struct fw_app_net *net = &setup->app.net;
    const struct {
        const char *key;
        int64_t *us;
        int64_t unit_us;
        uint32_t min;
    } rows[] = {
        {"interval", &meter->interval_us, FW_US_PER_S, 1},
        {"spread", &meter->spread_us, FW_US_PER_S, 0},
        {"retry", &meter->retry_us, FW_US_PER_S, 1},
        {"idle", &net->idle_us, FW_US_PER_S, 1},
        {"shake", &net->shake_us, FW_US_PER_S, 1},
        {"ack", &net->timing.ack_us, FW_US_PER_S / 1000, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (fw_setup_is(word, rows[i].key)) {
            return read_time(rows[i].us, word->value, rows[i].unit_us, rows[i].min);
        }
    }
    return false;
}

bool fw_setup_take(struct fw_setup *setup, const struct fw_setup_word *word)
{
    if (fw_setup_is(word, "name")) {
        return read_name(setup, word->value);
    }
    if (fw_setup_is(word, "gateway")) {
        return read_gateway(setup, word->value);
    }
    if (fw_setup_is(word, "report")) {
        return fw_setup_number(&setup->app.meter.report_count, word->value, FW_READINGS_MAX);
    }
    if (fw_setup_is(word, "observe")) {
        return read_choice(&setup->app.net.observe, word->value);
    }
    return take_time(setup, word);
}

void fw_setup_init(struct fw_setup *setup)
{
    memset(setup, 0, sizeof(*setup));
}

const char *fw_setup_finish(struct fw_setup *setup)
{
    static const uint8_t no_key[MT_KEY_BYTES];
    struct fw_config *meter = &setup->app.meter;
    struct fw_app_net *net = &setup->app.net;
    if (meter->identity.number[0] == '\0') {
        return "name= is missing";
    }
    if (memcmp(meter->root_key, no_key, sizeof(no_key)) == 0) {
        return "key= is missing";
    }
    /* A record is not later than the next one, and a first pause is not longer than the longest. */
    if (meter->grace_us > meter->interval_us) {
        meter->grace_us = meter->interval_us;
    }
    if (meter->retry_us_max < meter->retry_us) {
        meter->retry_us_max = meter->retry_us;
    }
    if (net->shake_us_max < net->shake_us) {
        net->shake_us_max = net->shake_us;
    }
    return setup->gateway_port == 0 ? "gateway= is missing" : NULL;
}
