/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenPAYGO tokens. The expected digits were made by a second implementation of the specification, with
 * a SipHash of its own, for the key 00..0F and the starting code 123456789. */
#include "meters/openpaygo.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

#define STARTING_CODE 123456789u

static const uint8_t key[MT_KEY_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Additions of 7, short; the index is half of the count. */
static const struct {
    uint32_t count;
    const char *digits;
} sevens[] = {{2, "842101796"},  {4, "341757796"},  {6, "400932796"},  {8, "980157796"},
              {10, "278282796"}, {40, "954828796"}, {64, "337079796"}, {66, "721907796"}};

static const struct vector {
    struct mt_token_order order;
    const char *digits;
} vectors[] = {
    {{STARTING_CODE, 4, MT_TOKEN_ADD, 30, false, false}, "360213819"},
    {{STARTING_CODE, 4, MT_TOKEN_ADD, 30, false, true}, "222243123421434"},
    {{STARTING_CODE, 4, MT_TOKEN_ADD, 30, true, false}, "956420456819"},
    {{STARTING_CODE, 4, MT_TOKEN_ADD, 30, true, true}, "42433344123311122414"},
    {{STARTING_CODE, 4, MT_TOKEN_SET, 30, false, false}, "933996819"},
    {{STARTING_CODE, 4, MT_TOKEN_SET, 30, false, true}, "424333433321214"},
    {{STARTING_CODE, 4, MT_TOKEN_SET, 30, true, false}, "982390456819"},
    {{STARTING_CODE, 4, MT_TOKEN_SET, 30, true, true}, "43213434113141124414"},
    {{STARTING_CODE, 4, MT_TOKEN_DISABLE, 0, false, false}, "488215787"},
    {{STARTING_CODE, 4, MT_TOKEN_DISABLE, 0, false, true}, "242123232214334"},
    {{STARTING_CODE, 4, MT_TOKEN_DISABLE, 0, true, false}, "940939457787"},
    {{STARTING_CODE, 4, MT_TOKEN_DISABLE, 0, true, true}, "42341221224134214434"},
    {{STARTING_CODE, 4, MT_TOKEN_SYNC, 0, false, false}, "170190788"},
    {{STARTING_CODE, 4, MT_TOKEN_SYNC, 0, false, true}, "133132143244121"},
    {{STARTING_CODE, 4, MT_TOKEN_SYNC, 0, true, false}, "442734457788"},
    {{STARTING_CODE, 4, MT_TOKEN_SYNC, 0, true, true}, "23241222112434143441"},
    {{STARTING_CODE, 0, MT_TOKEN_ADD, 250000, true, false}, "910405706789"},
    {{STARTING_CODE, 2, MT_TOKEN_ADD, 999, true, false}, "888144457788"},
    {{0, 0, MT_TOKEN_ADD, 0, false, false}, "386666000"},
    {{999999999, 0, MT_TOKEN_ADD, 995, false, true}, "241124133343313"},
};

static struct mt_openpaygo meter_at(uint32_t count)
{
    struct mt_openpaygo meter;
    CU_ASSERT_EQUAL_FATAL(mt_openpaygo_init(&meter, STARTING_CODE, count), MT_OK);
    return meter;
}

static struct mt_token token;

static enum mt_token_verdict take(struct mt_openpaygo *meter, const char *digits)
{
    size_t len = strlen(digits);
    return mt_openpaygo_take(meter, &token, key, (const char *)guard_end(digits, len), len);
}

static void tokens_are_made_as_the_specification_has_it(void)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char text[MT_TOKEN_TEXT_MAX + 1];
        uint32_t count;
        const struct vector *v = &vectors[i];
        CU_ASSERT_EQUAL_FATAL(mt_openpaygo_build(text, &count, key, &v->order), MT_OK);
        CU_ASSERT_STRING_EQUAL(text, v->digits);
        CU_ASSERT_EQUAL(count % 2, v->order.kind == MT_TOKEN_ADD ? 0 : 1);
    }
    CU_ASSERT_EQUAL(mt_openpaygo_starting_code(key), 440014313);
}

static void a_token_says_what_was_ordered(void)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *v = &vectors[i];
        struct mt_openpaygo meter;
        CU_ASSERT_EQUAL(mt_openpaygo_init(&meter, v->order.starting_code, v->order.count), MT_OK);
        CU_ASSERT_EQUAL(take(&meter, v->digits), MT_TOKEN_GOOD);
        CU_ASSERT_EQUAL(token.kind, v->order.kind);
        CU_ASSERT_EQUAL(token.value, v->order.value);
        CU_ASSERT_EQUAL(token.extended, v->order.extended);
        CU_ASSERT_EQUAL(meter.count, token.count);
        CU_ASSERT_EQUAL(take(&meter, v->digits), MT_TOKEN_USED);
    }
}

static void a_token_is_good_once_for_ever(void)
{
    struct mt_openpaygo meter = meter_at(0);
    for (size_t i = 0; i < 7; i++) {
        CU_ASSERT_EQUAL(take(&meter, sevens[i].digits), MT_TOKEN_GOOD);
        CU_ASSERT_EQUAL(token.count, sevens[i].count);
        CU_ASSERT_EQUAL(token.value, 7);
        for (size_t back = 0; back <= i; back++) {
            struct mt_openpaygo before = meter;
            CU_ASSERT_EQUAL(take(&meter, sevens[back].digits), MT_TOKEN_USED);
            CU_ASSERT_EQUAL(memcmp(&meter, &before, sizeof(meter)), 0);
        }
    }
}

static void additions_may_come_in_another_order(void)
{
    static const size_t order[] = {4, 0, 2, 3, 1};
    struct mt_openpaygo meter = meter_at(0);
    for (size_t i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(take(&meter, sevens[order[i]].digits), MT_TOKEN_GOOD);
        CU_ASSERT_EQUAL(take(&meter, sevens[order[i]].digits), MT_TOKEN_USED);
        CU_ASSERT_EQUAL(meter.count, 10);
    }
    /* Sixteen back, and no further: 40 leaves 25 to 39 open, and 10 is past. */
    meter = meter_at(0);
    CU_ASSERT_EQUAL(take(&meter, sevens[5].digits), MT_TOKEN_GOOD);
    CU_ASSERT_EQUAL(take(&meter, sevens[4].digits), MT_TOKEN_USED);
}

static void the_oldest_open_token_is_fifteen_back(void)
{
    char text[MT_TOKEN_TEXT_MAX + 1];
    uint32_t count;
    for (uint32_t back = 14; back <= 16; back += 2) {
        struct mt_openpaygo meter = meter_at(0);
        CU_ASSERT_EQUAL(take(&meter, sevens[5].digits), MT_TOKEN_GOOD);
        struct mt_token_order order = {STARTING_CODE, 40 - back - 2, MT_TOKEN_ADD, 7, false, false};
        CU_ASSERT_EQUAL(mt_openpaygo_build(text, &count, key, &order), MT_OK);
        CU_ASSERT_EQUAL(count, 40 - back);
        CU_ASSERT_EQUAL(take(&meter, text), back < 16 ? MT_TOKEN_GOOD : MT_TOKEN_USED);
    }
}

static void what_a_meter_was_given_at_its_start_is_used(void)
{
    struct mt_openpaygo meter = meter_at(10);
    for (size_t i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(take(&meter, sevens[i].digits), MT_TOKEN_USED);
    }
    CU_ASSERT_EQUAL(take(&meter, sevens[5].digits), MT_TOKEN_GOOD);
}

static void setting_voids_the_additions_before_it(void)
{
    struct mt_openpaygo meter = meter_at(0);
    CU_ASSERT_EQUAL(take(&meter, "933996819"), MT_TOKEN_GOOD); /* sets 30, count 5 */
    CU_ASSERT_EQUAL(token.kind, MT_TOKEN_SET);
    CU_ASSERT_EQUAL(meter.count, 5);
    CU_ASSERT_EQUAL(take(&meter, sevens[0].digits), MT_TOKEN_USED);
    CU_ASSERT_EQUAL(take(&meter, sevens[1].digits), MT_TOKEN_USED);
    CU_ASSERT_EQUAL(take(&meter, sevens[2].digits), MT_TOKEN_GOOD);
    /* One that sets is never taken late, for it would void what was paid since. */
    meter = meter_at(0);
    CU_ASSERT_EQUAL(take(&meter, sevens[2].digits), MT_TOKEN_GOOD);
    CU_ASSERT_EQUAL(take(&meter, "933996819"), MT_TOKEN_USED);
}

static void a_synchronisation_goes_ahead_and_never_back(void)
{
    struct mt_openpaygo meter = meter_at(0);
    CU_ASSERT_EQUAL(take(&meter, "512589788"), MT_TOKEN_GOOD); /* count 99 */
    CU_ASSERT_EQUAL(token.kind, MT_TOKEN_SYNC);
    CU_ASSERT_EQUAL(meter.count, 99);
    CU_ASSERT_EQUAL(take(&meter, "170190788"), MT_TOKEN_USED); /* count 5 */
    CU_ASSERT_EQUAL(meter.count, 99);
    for (size_t i = 0; i < sizeof(sevens) / sizeof(sevens[0]); i++) {
        CU_ASSERT_EQUAL(take(&meter, sevens[i].digits), MT_TOKEN_USED);
    }
    meter = meter_at(0);
    CU_ASSERT_EQUAL(take(&meter, "930468788"), MT_TOKEN_WRONG); /* count 101: too far */
    meter = meter_at(1);
    CU_ASSERT_EQUAL(take(&meter, "930468788"), MT_TOKEN_GOOD);
}

static void a_token_may_be_sixty_four_ahead(void)
{
    struct mt_openpaygo meter = meter_at(0);
    CU_ASSERT_EQUAL(take(&meter, sevens[6].digits), MT_TOKEN_GOOD); /* count 64 */
    meter = meter_at(1);
    CU_ASSERT_EQUAL(take(&meter, sevens[7].digits), MT_TOKEN_WRONG); /* count 66 */
    meter = meter_at(2);
    CU_ASSERT_EQUAL(take(&meter, sevens[7].digits), MT_TOKEN_GOOD);
}

static void values_that_no_seller_may_send_are_wrong(void)
{
    struct mt_openpaygo meter = meter_at(0);
    CU_ASSERT_EQUAL(take(&meter, "191750785"), MT_TOKEN_WRONG); /* adds 996 */
    CU_ASSERT_EQUAL(take(&meter, "752442788"), MT_TOKEN_WRONG); /* adds 999, no synchronisation */
    CU_ASSERT_EQUAL(take(&meter, "705119786"), MT_TOKEN_WRONG); /* sets 997 */
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_openpaygo meter = meter_at(0);
    return mt_openpaygo_take(&meter, &token, key, (const char *)bytes, len) == MT_TOKEN_GOOD;
}

static void no_part_and_no_flipped_bit_of_a_token_is_one(void)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        if (vectors[i].order.starting_code == STARTING_CODE) {
            size_t len = strlen(vectors[i].digits);
            expect_every_prefix_refused(accepts, (const uint8_t *)vectors[i].digits, len);
            expect_every_flipped_bit_refused(accepts, (const uint8_t *)vectors[i].digits, len);
        }
    }
}

static void what_is_no_token_is_told_from_a_wrong_one(void)
{
    static const char *const none[] = {
        "",           "84210179",        "8421017966",      "84210179x",
        "842 101796", "222243123421430", "222243123421435", "22224312342143-"};
    struct mt_openpaygo meter = meter_at(0);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        CU_ASSERT_EQUAL(take(&meter, none[i]), MT_TOKEN_NONE);
    }
    CU_ASSERT_EQUAL(take(&meter, "842101797"), MT_TOKEN_WRONG);
    CU_ASSERT_EQUAL(take(&meter, "444444444444444"), MT_TOKEN_WRONG); /* more than nine digits */
    uint8_t other[MT_KEY_BYTES] = {1};
    CU_ASSERT_EQUAL(mt_openpaygo_take(&meter, &token, other, sevens[0].digits, 9), MT_TOKEN_WRONG);
    CU_ASSERT_EQUAL(meter.count, 0);
}

static void what_cannot_be_ordered_is_refused(void)
{
    static const struct mt_token_order wrong[] = {
        {1000000000, 0, MT_TOKEN_ADD, 1, false, false},
        {1, MT_TOKEN_COUNT_MAX - 1, MT_TOKEN_ADD, 1, false, false},
        {1, 0, MT_TOKEN_ADD, 996, false, false},
        {1, 0, MT_TOKEN_SET, 998, false, false},
        {1, 0, MT_TOKEN_ADD, 1000000, true, false},
        {1, 0, MT_TOKEN_SET, 998, true, false},
        {1, 0, MT_TOKEN_SET, 999, true, false},
        {1, 0, MT_TOKEN_DISABLE, 1, false, false},
        {1, 0, MT_TOKEN_SYNC, 999, false, false},
    };
    char text[MT_TOKEN_TEXT_MAX + 1] = "untouched";
    uint32_t count = 77;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CU_ASSERT_EQUAL(mt_openpaygo_build(text, &count, key, &wrong[i]), MT_BAD_RANGE);
    }
    CU_ASSERT_STRING_EQUAL(text, "untouched");
    CU_ASSERT_EQUAL(count, 77);
    struct mt_openpaygo meter = meter_at(3);
    CU_ASSERT_EQUAL(mt_openpaygo_init(&meter, 1000000000, 0), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(mt_openpaygo_init(&meter, 0, MT_TOKEN_COUNT_MAX + 1), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(meter.count, 3);
}

/* Whatever is ordered comes out once, in chains of any length, from any starting code. */
static void orders_at_random_come_out_once(void)
{
    uint64_t random = 20261123;
    printf("    seed %llu\n", (unsigned long long)random);
    for (unsigned i = 0; i < 300; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        struct mt_token_order order = {.starting_code = (uint32_t)(random >> 20) % 1000000000u,
                                       .count = (uint32_t)(random >> 40) % 300u,
                                       .kind = (enum mt_token_kind)(random >> 50 & 3u),
                                       .extended = (random >> 60 & 1u) != 0,
                                       .restricted = (random >> 61 & 1u) != 0};
        if (order.kind <= MT_TOKEN_SET) {
            order.value = (uint32_t)(random >> 33) % (order.extended ? 1000000u : 996u);
            order.value -= order.value == 998 || order.value == 999 ? 5 : 0;
        }
        char text[MT_TOKEN_TEXT_MAX + 1];
        uint32_t count;
        struct mt_openpaygo meter;
        CU_ASSERT_EQUAL(mt_openpaygo_build(text, &count, key, &order), MT_OK);
        CU_ASSERT_EQUAL(mt_openpaygo_init(&meter, order.starting_code, order.count), MT_OK);
        CU_ASSERT_EQUAL(take(&meter, text), MT_TOKEN_GOOD);
        CU_ASSERT_EQUAL(token.count, count);
        CU_ASSERT_EQUAL(token.kind, order.kind);
        CU_ASSERT_EQUAL(token.value, order.value);
        CU_ASSERT_EQUAL(take(&meter, text), MT_TOKEN_USED);
    }
}

static void the_end_of_a_chain_is_its_end(void)
{
    char text[MT_TOKEN_TEXT_MAX + 1];
    uint32_t count;
    struct mt_token_order order = {STARTING_CODE, MT_TOKEN_COUNT_MAX - 3, MT_TOKEN_ADD, 5, false,
                                   false};
    CU_ASSERT_EQUAL(mt_openpaygo_build(text, &count, key, &order), MT_OK);
    struct mt_openpaygo meter = meter_at(MT_TOKEN_COUNT_MAX - 3);
    CU_ASSERT_EQUAL(take(&meter, text), MT_TOKEN_GOOD);
    meter = meter_at(MT_TOKEN_COUNT_MAX);
    CU_ASSERT_EQUAL(take(&meter, text), MT_TOKEN_USED);
}

static void the_pause_doubles_and_ends(void)
{
    CU_ASSERT_EQUAL(mt_openpaygo_pause_s(0), 0);
    CU_ASSERT_EQUAL(mt_openpaygo_pause_s(1), 120);
    CU_ASSERT_EQUAL(mt_openpaygo_pause_s(2), 240);
    CU_ASSERT_EQUAL(mt_openpaygo_pause_s(10), 61440);
    CU_ASSERT_EQUAL(mt_openpaygo_pause_s(UINT32_MAX), 61440);
}

static const struct unit_test tests[] = {
    {"tokens_are_made_as_the_specification_has_it", tokens_are_made_as_the_specification_has_it},
    {"a_token_says_what_was_ordered", a_token_says_what_was_ordered},
    {"a_token_is_good_once_for_ever", a_token_is_good_once_for_ever},
    {"additions_may_come_in_another_order", additions_may_come_in_another_order},
    {"the_oldest_open_token_is_fifteen_back", the_oldest_open_token_is_fifteen_back},
    {"what_a_meter_was_given_at_its_start_is_used", what_a_meter_was_given_at_its_start_is_used},
    {"setting_voids_the_additions_before_it", setting_voids_the_additions_before_it},
    {"a_synchronisation_goes_ahead_and_never_back", a_synchronisation_goes_ahead_and_never_back},
    {"a_token_may_be_sixty_four_ahead", a_token_may_be_sixty_four_ahead},
    {"values_that_no_seller_may_send_are_wrong", values_that_no_seller_may_send_are_wrong},
    {"no_part_and_no_flipped_bit_of_a_token_is_one", no_part_and_no_flipped_bit_of_a_token_is_one},
    {"what_is_no_token_is_told_from_a_wrong_one", what_is_no_token_is_told_from_a_wrong_one},
    {"what_cannot_be_ordered_is_refused", what_cannot_be_ordered_is_refused},
    {"orders_at_random_come_out_once", orders_at_random_come_out_once},
    {"the_end_of_a_chain_is_its_end", the_end_of_a_chain_is_its_end},
    {"the_pause_doubles_and_ends", the_pause_doubles_and_ends},
};

UNIT_MAIN("openpaygo", tests)
