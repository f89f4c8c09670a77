/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checksums against the check values of their definitions. */
#include "meters/checksum.h"
#include "tests/support/guard_page.h"
#include "tests/support/unit.h"

uint32_t portable_crc32c(uint32_t crc, const uint8_t *bytes, size_t len);

static const uint8_t digits[] = "123456789";
#define DIGITS_LEN (sizeof(digits) - 1)

static void sum8_adds_modulo_256(void)
{
    CU_ASSERT_EQUAL(mt_sum8(NULL, 0), 0);
    CU_ASSERT_EQUAL(mt_sum8(digits, DIGITS_LEN), (uint8_t)(9 * '5'));
    const uint8_t wraps[] = {0xFF, 0x02};
    CU_ASSERT_EQUAL(mt_sum8(wraps, sizeof(wraps)), 0x01);
}

static void crc16_x25_gives_its_check_value(void)
{
    CU_ASSERT_EQUAL(mt_crc16_x25(digits, DIGITS_LEN), 0x906E);
    CU_ASSERT_EQUAL(mt_crc16_x25(NULL, 0), 0);
}

/* RFC 3720, B.4; its CRCs are written low byte first. */
static void crc32c_gives_the_vectors_of_iscsi(void)
{
    uint8_t bytes[32] = {0};
    CU_ASSERT_EQUAL(mt_crc32c(0, digits, DIGITS_LEN), 0xE3069283);
    CU_ASSERT_EQUAL(mt_crc32c(0, bytes, 32), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof(bytes));
    CU_ASSERT_EQUAL(mt_crc32c(0, bytes, 32), 0x62A8AB43);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    CU_ASSERT_EQUAL(mt_crc32c(0, bytes, 32), 0x46DD794E);
}

static void crc32c_goes_on_where_it_stopped(void)
{
    for (size_t cut = 0; cut <= DIGITS_LEN; cut++) {
        uint32_t crc = mt_crc32c(0, digits, cut);
        CU_ASSERT_EQUAL(mt_crc32c(crc, digits + cut, DIGITS_LEN - cut), 0xE3069283);
    }
}

static void both_crc32c_agree_for_every_length_and_alignment(void)
{
    uint8_t bytes[80];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t start = 0; start < 8; start++) {
        for (size_t len = 0; len + start <= sizeof(bytes); len++) {
            const uint8_t *at = guard_end(bytes + start, len);
            CU_ASSERT_EQUAL(mt_crc32c(0, at, len), portable_crc32c(0, at, len));
        }
    }
}

static const struct unit_test tests[] = {
    {"sum8_adds_modulo_256", sum8_adds_modulo_256},
    {"crc16_x25_gives_its_check_value", crc16_x25_gives_its_check_value},
    {"crc32c_gives_the_vectors_of_iscsi", crc32c_gives_the_vectors_of_iscsi},
    {"crc32c_goes_on_where_it_stopped", crc32c_goes_on_where_it_stopped},
    {"both_crc32c_agree_for_every_length_and_alignment",
     both_crc32c_agree_for_every_length_and_alignment},
};
UNIT_MAIN("checksum", tests)
