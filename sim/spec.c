/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names, keys and terms of simulated meters. */
#include "meters/wolfcrypt.h"

#include <wolfssl/wolfcrypt/hmac.h>

#include "sim/spec.h"

#include <stdio.h>
#include <string.h>

#include "sim/load.h"
#include "sim/seed.h"

#define TRUST_TEXT_MAX 128u

static const char salt[] = "meterpay simulated fleet 1";

static const struct {
    const char *maker;
    int64_t max_per_hour;
    int64_t register_width;
} kinds[] = {
    [MT_POWER] = {"HXE", 25000, 1000000000},     /* 25 kW; 999,999.999 kWh */
    [MT_WATER] = {"LXS", 5000000, 100000000000}, /* 5 m3/h; 99,999.999 m3 */
    [MT_GAS] = {"GOL", 10000000, 100000000000},
};

static void derive(uint8_t *key, size_t len, uint64_t seed, const char *purpose, const char *name)
{
    uint8_t secret[8];
    char info[64];
    for (unsigned i = 0; i < sizeof(secret); i++) {
        secret[i] = (uint8_t)(seed >> 8 * i);
    }
    int info_len = snprintf(info, sizeof(info), "%s %s", purpose, name);
    MT_CHECK(info_len > 0 && (size_t)info_len < sizeof(info));
    int result = wc_HKDF(WC_SHA256, secret, sizeof(secret), (const byte *)salt, sizeof(salt) - 1,
                         (const byte *)info, (word32)info_len, key, (word32)len);
    MT_CHECK(result == 0);
}

static enum sim_via via_of(enum sim_via via, uint32_t home, uint32_t medium)
{
    if (via == SIM_VIA_BOTH) {
        return (home + medium) % 2 == 0 ? SIM_VIA_MQTT : SIM_VIA_COAP;
    }
    return via;
}

void sim_spec_make(struct sim_spec *spec, uint64_t seed, uint32_t index, enum sim_via via)
{
    MT_CHECK(spec != NULL && index < SIM_METERS_MAX);
    uint32_t home = index / SIM_METERS_PER_HOME;
    uint32_t medium = index % SIM_METERS_PER_HOME;
    struct sim_home lives;
    sim_home_make(&lives, seed, home);
    memset(spec, 0, sizeof(*spec));
    spec->index = index;
    spec->home = home;
    spec->identity.medium = (uint8_t)medium;
    memcpy(spec->identity.maker, kinds[medium].maker, 4);
    /* Twelve digits as on a DL/T 645 meter, leading zeros and all; seeds do not share numbers. */
    uint64_t block = sim_hash(seed, SIM_WHAT_KEY, 0, 0) % 100000u;
    (void)snprintf(spec->identity.number, sizeof(spec->identity.number), "0%05llu%06u",
                   (unsigned long long)block, index + 1);
    (void)mt_name_format(spec->name, &spec->identity);
    derive(spec->root_key, sizeof(spec->root_key), seed, "root", spec->name);
    derive(spec->sign_secret, sizeof(spec->sign_secret), seed, "sign", spec->name);
    (void)snprintf(spec->household, sizeof(spec->household), "home-%04u", home + 1);
    spec->people = lives.people;
    spec->low_income = sim_chance(sim_hash(seed, SIM_WHAT_TERMS, home, 0), 50000);
    spec->time_of_use = sim_chance(sim_hash(seed, SIM_WHAT_TERMS, home, 1), 400000);
    spec->max_per_hour = kinds[medium].max_per_hour;
    spec->register_width = kinds[medium].register_width;
    spec->via = via_of(via, home, medium);
}

void sim_spec_speak(struct sim_spec *spec, uint64_t seed, const struct mt_protocol *protocol)
{
    MT_CHECK(spec != NULL && spec->index < SIM_METERS_MAX);
    struct sim_foreign foreign;
    /* Eight digits are what the shortest numbers hold: seeds share names more often then. */
    uint32_t block = (uint32_t)(sim_hash(seed, SIM_WHAT_KEY, 0, 0) % 100u);
    if (protocol == NULL ||
        !sim_foreign_make(&foreign, protocol, (enum mt_medium)spec->identity.medium,
                          block * 1000000u + spec->index + 1)) {
        return;
    }
    spec->foreign = foreign;
    spec->identity = foreign.identity;
    (void)mt_name_format(spec->name, &spec->identity);
    derive(spec->root_key, sizeof(spec->root_key), seed, "root", spec->name);
    derive(spec->sign_secret, sizeof(spec->sign_secret), seed, "sign", spec->name);
    derive(spec->raw_key, sizeof(spec->raw_key), seed, "raw", spec->name);
}

void sim_spec_calendar(struct fw_calendar *calendar)
{
    /* Bands 0 to 3: sharp, peak, flat, valley. */
    *calendar = (struct fw_calendar){
        .season_count = 2,
        .band_unknown = 2,
        .seasons =
            {{.month_mask = 0x01C0, /* July to September */
              .switch_count = 9,
              .switches = {{0, 3},
                           {8 * 60, 2},
                           {10 * 60, 1},
                           {11 * 60, 0},
                           {12 * 60, 2},
                           {14 * 60, 1},
                           {15 * 60, 0},
                           {17 * 60, 1},
                           {19 * 60, 2}}},
             {.month_mask = 0x0E3F,
              .switch_count = 6,
              .switches =
                  {{0, 3}, {8 * 60, 2}, {10 * 60, 1}, {12 * 60, 2}, {14 * 60, 1}, {19 * 60, 2}}}},
    };
}

static void hex(char *text, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}

/* What a meter's line says beside its key: how its messages are trusted. */
static void trust_text(char text[TRUST_TEXT_MAX], const struct sim_spec *spec)
{
    char digits[2 * SIM_FOREIGN_KEY_MAX + 1];
    if (spec->foreign.protocol == NULL) {
        uint8_t sign_public[MT_SIGN_PUBLIC_BYTES];
        enum mt_status st = mt_sign_public(sign_public, spec->sign_secret);
        MT_CHECK(st == MT_OK);
        hex(digits, sign_public, sizeof(sign_public));
        (void)snprintf(text, TRUST_TEXT_MAX, "\"sign_public\":\"%s\"", digits);
        return;
    }
    size_t key_len = spec->foreign.key_len;
    hex(digits, spec->raw_key, key_len);
    (void)snprintf(text, TRUST_TEXT_MAX, "\"accept\":\"carrier\"%s%s%s",
                   key_len > 0 ? ",\"raw_key\":\"" : "", digits, key_len > 0 ? "\"" : "");
    mt_key_wipe(digits, sizeof(digits));
}

size_t sim_spec_line(char *text, size_t text_max, const struct sim_spec *spec,
                     const struct sim_tariffs *tariffs)
{
    MT_CHECK(text != NULL && spec != NULL && tariffs != NULL);
    char key[2 * MT_KEY_BYTES + 1];
    char trust[TRUST_TEXT_MAX];
    hex(key, spec->root_key, sizeof(spec->root_key));
    trust_text(trust, spec);
    bool power = spec->identity.medium == MT_POWER;
    int len =
        snprintf(text, text_max,
                 "{\"meter\":\"%s\",\"key\":\"%s\",%s,"
                 "\"household\":\"%s\",\"tariff\":\"%s\",\"max_per_hour_units\":%lld,"
                 "\"register_width_units\":%lld,\"people\":%u,\"low_income\":%s%s}\n",
                 spec->name, key, trust, spec->household, tariffs->name[spec->identity.medium],
                 (long long)spec->max_per_hour, (long long)spec->register_width, spec->people,
                 spec->low_income ? "true" : "false",
                 power && spec->time_of_use ? ",\"tou_from\":\"2025-01-01\"" : "");
    mt_key_wipe(key, sizeof(key));
    mt_key_wipe(trust, sizeof(trust));
    return len > 0 && (size_t)len < text_max ? (size_t)len : 0;
}
