/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Protocols by name, and frames that tell their protocol themselves. */
#include "meters/registry.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

static struct mt_frame frame;

/* Made by hand from the standards' layouts: 123456.78 kWh and 123.45 m3. */
static const char power_hex[] = "6878563412000068910833333433AB8967452A16";
static const char water_hex[] =
    "6810907856341200008116901F05452301002C000001002C5634122902242005003916";

static enum mt_status decode(size_t *used, const char *hex)
{
    static uint8_t bytes[512];
    size_t len = unhex(bytes, sizeof(bytes), hex);
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    return mt_decode(&frame, used, NULL, &input);
}

static void protocols_are_found_by_their_exact_name(void)
{
    CU_ASSERT_PTR_EQUAL(mt_protocol_find("dlt645xx", 6), mt_protocol_at(0));
    CU_ASSERT_STRING_EQUAL(mt_protocol_find("cjt188", 6)->name, "cjt188");
    CU_ASSERT_PTR_NULL(mt_protocol_find("dlt64", 5));
    CU_ASSERT_PTR_NULL(mt_protocol_find("DLT645", 6));
    CU_ASSERT_PTR_NULL(mt_protocol_find(NULL, 0));
    size_t count = 0;
    for (; mt_protocol_at(count) != NULL; count++) {
        const struct mt_protocol *protocol = mt_protocol_at(count);
        CU_ASSERT_TRUE(strlen(protocol->name) <= MT_PROTOCOL_NAME_MAX);
        /* One name, one protocol. */
        CU_ASSERT_PTR_EQUAL(mt_protocol_find(protocol->name, strlen(protocol->name)), protocol);
    }
    CU_ASSERT_TRUE(count > 2);
}

static void a_frame_tells_its_protocol(void)
{
    size_t used;
    CU_ASSERT_EQUAL(decode(&used, power_hex), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "dlt645");
    CU_ASSERT_EQUAL(used, strlen(power_hex) / 2);
    CU_ASSERT_EQUAL(decode(&used, water_hex), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "cjt188");
    CU_ASSERT_EQUAL(used, strlen(water_hex) / 2);
}

static void frames_of_both_kinds_come_one_after_the_other(void)
{
    char hex[512];
    uint8_t bytes[256];
    snprintf(hex, sizeof(hex), "FEFE%s00%s", water_hex, power_hex);
    size_t len = unhex(bytes, sizeof(bytes), hex);
    struct mt_input input = {.bytes = bytes, .len = len};
    size_t used;
    CU_ASSERT_EQUAL(mt_decode(&frame, &used, NULL, &input), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "cjt188");
    input = (struct mt_input){.bytes = bytes + used, .len = len - used};
    CU_ASSERT_EQUAL(mt_decode(&frame, &used, NULL, &input), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "dlt645");
    CU_ASSERT_EQUAL(used, input.len);
}

static void what_is_no_frame_is_told_apart(void)
{
    size_t used = 99;
    CU_ASSERT_EQUAL(decode(&used, ""), MT_NOT_FOUND);
    CU_ASSERT_EQUAL(used, 0);
    CU_ASSERT_EQUAL(decode(&used, "FEFE00112233"), MT_NOT_FOUND);
    CU_ASSERT_EQUAL(used, 6);
    CU_ASSERT_EQUAL(decode(&used, "FEFE68"), MT_NEED_MORE);
    CU_ASSERT_EQUAL(used, 2);
    CU_ASSERT_EQUAL(decode(&used, "6878563412000068910833333433AB8967452B16"), MT_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(used, 20);
}

static void every_status_has_a_sentence(void)
{
    for (int status = MT_NOT_FOUND; status <= MT_NEED_MORE; status++) {
        CU_ASSERT_STRING_NOT_EQUAL(mt_status_text((enum mt_status)status), "unknown status");
    }
    CU_ASSERT_STRING_EQUAL(mt_status_text((enum mt_status) - 99), "unknown status");
}

static const struct unit_test tests[] = {
    {"protocols_are_found_by_their_exact_name", protocols_are_found_by_their_exact_name},
    {"a_frame_tells_its_protocol", a_frame_tells_its_protocol},
    {"frames_of_both_kinds_come_one_after_the_other",
     frames_of_both_kinds_come_one_after_the_other},
    {"what_is_no_frame_is_told_apart", what_is_no_frame_is_told_apart},
    {"every_status_has_a_sentence", every_status_has_a_sentence},
};
UNIT_MAIN("registry", tests)
