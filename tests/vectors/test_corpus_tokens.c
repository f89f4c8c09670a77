/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenPAYGO tokens: each is made and taken as its row has it. */
#include "meters/openpaygo.h"
#include "tests/vectors/corpus.h"

static bool truth(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static uint32_t number(const json_t *object, const char *name)
{
    return (uint32_t)json_number_value(json_object_get(object, name)); /* null: 0 */
}

static enum mt_token_kind kind_of(const char *text)
{
    return strcmp(text, "ADD_TIME") == 0       ? MT_TOKEN_ADD
           : strcmp(text, "SET_TIME") == 0     ? MT_TOKEN_SET
           : strcmp(text, "DISABLE_PAYG") == 0 ? MT_TOKEN_DISABLE
                                               : MT_TOKEN_SYNC;
}

static void check_token(const struct row *row)
{
    const json_t *want = row->expected;
    const char *digits = text_of(want, "token");
    struct mt_token_order order = {.starting_code = number(want, "starting_code"),
                                   .count = number(want, "count"),
                                   .kind = kind_of(text_of(want, "token_type")),
                                   .value = number(want, "value_raw"),
                                   .extended = truth(want, "extended_token"),
                                   .restricted = truth(want, "restricted_digit_set")};
    char text[MT_TOKEN_TEXT_MAX + 1];
    uint32_t count = 0;
    expect(row->key_len == MT_KEY_BYTES, row, "the key's length");
    expect(mt_openpaygo_build(text, &count, row->key, &order) == MT_OK, row, "it can be made");
    expect(strcmp(text, digits) == 0, row, "another token is made");
    expect(count == number(want, "new_count"), row, "the count differs");
    struct mt_openpaygo meter;
    struct mt_token token = {0};
    expect(mt_openpaygo_init(&meter, order.starting_code, order.count) == MT_OK, row, "the start");
    const char *keyed = (const char *)row->bytes;
    expect(mt_openpaygo_take(&meter, &token, row->key, keyed, row->len) == MT_TOKEN_GOOD, row,
           "it is taken");
    expect(token.kind == order.kind && token.value == order.value && token.count == count &&
               token.extended == order.extended,
           row, "it says something else");
    expect(mt_openpaygo_take(&meter, &token, row->key, keyed, row->len) == MT_TOKEN_USED, row,
           "it is taken twice");
}

CORPUS_TEST(tokens, "openpaygo.tsv", check_token)

static const struct unit_test tests[] = {
    {"tokens", tokens},
};

UNIT_MAIN("corpus_tokens", tests)
