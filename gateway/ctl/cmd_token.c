/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay token check`: what a token would do at a meter. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/ctl/ctl.h"
#include "gateway/ctl/decode.h"
#include "gateway/ctl/input.h"
#include "meters/openpaygo.h"

#define NOT_GIVEN INT64_C(-1)

static long long starting_code = NOT_GIVEN;
static long long last_count = NOT_GIVEN;
static char *key_hex;
static char *key_file;
static int restricted;

static const struct poptOption options[] = {
    {"starting-code", '\0', POPT_ARG_LONGLONG, &starting_code, 0,
     "the meter's starting code [made from its key]", "N"},
    {"count", '\0', POPT_ARG_LONGLONG, &last_count, 0, "count of the newest token that it took",
     "N"},
    {"restricted", '\0', POPT_ARG_NONE, &restricted, 0,
     "the meter's pad has the digits 1 to 4 only", NULL},
    {"key-file", '\0', POPT_ARG_STRING, &key_file, 0, "its key, from a file's first line", "FILE"},
    {"key", '\0', POPT_ARG_STRING, &key_hex, 0,
     "the key; for test keys: other users of this machine can see it", "HEX"},
    POPT_TABLEEND,
};

/* Returns GW_CTL_OK, or complains. */
static int read_key(uint8_t key[MT_KEY_BYTES])
{
    if ((key_hex == NULL) == (key_file == NULL)) {
        return gw_ctl_misuse("give the meter's key by --key-file.");
    }
    char text[2 * MT_KEY_BYTES + 1] = "";
    if (key_file != NULL && !gw_ctl_read_hex(text, MT_KEY_BYTES, key_file)) {
        return GW_CTL_USAGE;
    }
    size_t len = 0;
    bool fine = gw_decode_hex(key, &len, MT_KEY_BYTES, key_file != NULL ? text : key_hex);
    mt_key_wipe(text, sizeof(text));
    return fine && len == MT_KEY_BYTES
               ? GW_CTL_OK
               : gw_ctl_misuse("the key must be %u hexadecimal digits.", 2 * MT_KEY_BYTES);
}

/* Returns GW_CTL_OK, or complains. */
static int read_meter(struct mt_openpaygo *meter, const uint8_t key[MT_KEY_BYTES])
{
    if (starting_code == NOT_GIVEN) {
        starting_code = mt_openpaygo_starting_code(key);
    }
    if (starting_code < 0 || starting_code > (long long)MT_TOKEN_STARTING_CODE_MAX) {
        return gw_ctl_misuse("--starting-code must be 0 to %u.", MT_TOKEN_STARTING_CODE_MAX);
    }
    if (last_count < 0 || last_count > (long long)MT_TOKEN_COUNT_MAX ||
        mt_openpaygo_init(meter, (uint32_t)starting_code, (uint32_t)last_count) != MT_OK) {
        return gw_ctl_misuse("--count must be given, 0 to %u.", MT_TOKEN_COUNT_MAX);
    }
    return GW_CTL_OK;
}

static const char *reason_of(enum mt_token_verdict verdict)
{
    switch (verdict) {
    case MT_TOKEN_GOOD:
        return "good";
    case MT_TOKEN_USED:
        return "a token of this meter, used already or older than its count";
    case MT_TOKEN_WRONG:
        return "no token of this meter at this count: another meter's, a slip, or too far ahead";
    case MT_TOKEN_NONE:
        return "a token has 9 or 12 digits, or 15 or 20 of the digits 1 to 4";
    }
    return "unknown";
}

static void print_good(const struct mt_token *token, bool json)
{
    static const char *const kinds[] = {"add", "set", "disable", "sync"};
    static const char *const says[] = {"adds", "sets", "asks for no token any more", "moves on"};
    bool has_value = token->kind == MT_TOKEN_ADD || token->kind == MT_TOKEN_SET;
    if (json) {
        printf("{\"verdict\":\"good\",\"kind\":\"%s\",\"count\":%" PRIu32 ",\"extended\":%s",
               kinds[token->kind], token->count, token->extended ? "true" : "false");
        printf(has_value ? ",\"value\":%" PRIu32 "}\n" : ",\"value\":null}\n", token->value);
        return;
    }
    printf("good: the meter %s", says[token->kind]);
    if (has_value) {
        printf(" %" PRIu32, token->value);
    }
    printf("; its count is %" PRIu32 " then\n", token->count);
}

static int check(struct mt_openpaygo *meter, const uint8_t key[MT_KEY_BYTES],
                 const struct gw_ctl_args *args)
{
    static const char *const verdicts[] = {"good", "used", "wrong", "none"};
    struct mt_token token;
    const char *digits = args->rest[0];
    size_t len = strlen(digits);
    enum mt_token_verdict verdict = mt_openpaygo_take(meter, &token, key, digits, len);
    const char *reason = reason_of(verdict);
    if (restricted != 0 && (len == 9 || len == 12)) {
        verdict = MT_TOKEN_NONE;
        reason = "that meter takes 15 or 20 of the digits 1 to 4";
    }
    if (verdict == MT_TOKEN_GOOD) {
        print_good(&token, args->json);
        return GW_CTL_OK;
    }
    if (args->json) {
        printf("{\"verdict\":\"%s\",\"reason\":\"%s\"}\n", verdicts[verdict], reason);
        return GW_CTL_NO;
    }
    printf("%s: %s\n", verdicts[verdict], reason);
    return GW_CTL_NO;
}

int gw_cmd_token_check(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "--count N --key-file FILE [--starting-code N] [--restricted] TOKEN",
        .about =
            "Says what an OpenPAYGO token would do at a meter that took its last token at "
            "--count,\n"
            "and had no older one open. Nothing is changed. With --json one object:\n"
            "  {\"verdict\":\"good\",\"kind\":\"add\"|\"set\"|\"disable\"|\"sync\",\"count\",\n"
            "   \"extended\",\"value\"}   or   "
            "{\"verdict\":\"used\"|\"wrong\"|\"none\",\"reason\"}\n"
            "Exit status: 0 good; 1 anything else.\n",
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    struct mt_openpaygo meter;
    uint8_t key[MT_KEY_BYTES];
    gw_ctl_parse(&args, argc, argv, &syntax);
    int result = read_key(key);
    result = result == GW_CTL_OK ? read_meter(&meter, key) : result;
    result = result == GW_CTL_OK ? check(&meter, key, &args) : result;
    mt_key_wipe(key, sizeof(key));
    return result;
}
