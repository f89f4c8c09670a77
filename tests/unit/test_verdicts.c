/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a frame that is refused: the same whether its protocol was named or recognised, and
 * another for each reason. Contents are made by hand from the standards; what has to be right so that
 * only one thing is wrong (lengths, checksums) is put around them here. */
#include <stdio.h>
#include <string.h>

#include "meters/dlt698.h"
#include "meters/mbus.h"
#include "meters/registry.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

#define BYTES_MAX 2048u

static struct mt_frame frame;

static const uint8_t key[32] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A,
                                0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25,
                                0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F};
static const uint8_t other_key[32] = {1};

static const struct mt_protocol *named(const char *name)
{
    const struct mt_protocol *protocol = mt_protocol_find(name, strlen(name));
    CU_ASSERT_PTR_NOT_NULL_FATAL(protocol);
    return protocol;
}

/* ---- a frame of each protocol --------------------------------------------------------------------- */

/* What a protocol can send; has_sum: every byte of it is under a checksum of its own. */
static const struct sample {
    const char *protocol;
    uint8_t medium;
    const char *maker;
    const char *number;
    size_t key_len; /* of the key that it encrypts with; 0: it does not */
    bool has_sum;
    bool is_named_only; /* nothing in it says what it is */
} samples[] = {
    {"dlt645", MT_POWER, "", "000012345678", 0, true, false},
    {"cat1", MT_WATER, "", "00000012345678", 0, true, false},
    {"axioma-lora", MT_WATER, "", "", 0, false, true},
    {"elvaco-lora", MT_HEAT, "", "12345678", 0, false, true},
    {"kamstrup-lora", MT_WATER, "KAM", "12345678", 0, false, true},
    {"dlt698", MT_POWER, "", "000012345678", 0, true, false},
    {"cjt188", MT_WATER, "", "00000012345678", 0, true, false},
    {"dlms", MT_POWER, "", "12345678", 32, true, false},
    {"mbus", MT_WATER, "HXE", "12345678", 16, true, false},
    {"p1", MT_POWER, "HXE", "12345678", 0, true, false},
    {"iec62056", MT_POWER, "HXE", "12345678", 0, true, false},
    {"sml", MT_POWER, "HXE", "0A014858450012345678", 0, true, false},
    {"wmbus", MT_WATER, "HXE", "12345678", 16, false, false},
    {"senml", MT_POWER, "", "12345678", 0, false, false},
    {"lwm2m", MT_WATER, "", "", 0, false, false},
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static size_t build(uint8_t bytes[BYTES_MAX], const struct sample *s, bool with_key)
{
    size_t len = 0;
    struct mt_sending sending = {.identity = {.medium = s->medium},
                                 .reading = {.total = 123000000,
                                             .time_us = INT64_C(1777420800000000)},
                                 .key = with_key ? key : NULL,
                                 .key_len = with_key ? s->key_len : 0,
                                 .counter = 1};
    strcpy(sending.identity.maker, s->maker);
    strcpy(sending.identity.number, s->number);
    enum mt_status built = named(s->protocol)->build(bytes, &len, BYTES_MAX, &sending);
    if (built != MT_OK) {
        printf("    %s: %d\n", s->protocol, (int)built);
    }
    CU_ASSERT_EQUAL_FATAL(built, MT_OK);
    return len;
}

static enum mt_status decode(const struct mt_protocol *protocol, const uint8_t *bytes, size_t len,
                             const uint8_t *with, size_t with_len)
{
    size_t used;
    struct mt_input input = {
        .bytes = guard_end(bytes, len), .len = len, .key = with, .key_len = with_len};
    frame = (struct mt_frame){.value_count = 99};
    enum mt_status status = mt_decode(&frame, &used, protocol, &input);
    CU_ASSERT_TRUE(used <= len);
    return status;
}

/* What `decode --explain` shows: a refusal has a sentence of its own, which is about bytes of the frame
 * or of what was made from it. */
struct listener {
    struct mt_trace trace;
    unsigned fields, faults;
};

static void on_field(struct mt_trace *trace, const uint8_t *at, size_t len, const char *what,
                     const char *meaning)
{
    (void)at; /* where it is does not count here */
    (void)len;
    (void)meaning;
    CU_ASSERT_PTR_NOT_NULL(what);
    ((struct listener *)trace)->fields++;
}

static void on_layer(struct mt_trace *trace, const uint8_t *bytes, size_t len, const char *what)
{
    (void)trace; /* nor do layers */
    (void)bytes;
    (void)len;
    (void)what;
}

static void on_fault(struct mt_trace *trace, const uint8_t *at, size_t len, const char *why)
{
    (void)at; /* as above */
    (void)len;
    CU_ASSERT_TRUE(why != NULL && strlen(why) > 10);
    ((struct listener *)trace)->faults++;
}

static void expect_explained(const struct mt_protocol *protocol, const uint8_t *bytes, size_t len,
                             const uint8_t *with, size_t with_len)
{
    struct listener l = {.trace = {on_field, on_layer, on_fault}};
    struct mt_input input = {.bytes = guard_end(bytes, len),
                             .len = len,
                             .key = with,
                             .key_len = with_len,
                             .trace = &l.trace};
    size_t used;
    enum mt_status status = mt_decode(&frame, &used, protocol, &input);
    bool is_refused = status != MT_OK && status != MT_NO_READING && status != MT_NOT_FOUND;
    if (is_refused && l.faults == 0) {
        printf("    %s, %zu bytes: %d without a reason\n",
               protocol != NULL ? protocol->name : "recognised", len, (int)status);
    }
    CU_ASSERT_TRUE(!is_refused || l.faults > 0);
    CU_ASSERT_TRUE(status != MT_OK || l.faults == 0);
    CU_ASSERT_TRUE(status != MT_OK || l.fields > 0);
}

/* By name, and recognised where that can be. */
static void expect(const struct sample *s, enum mt_status wanted, const uint8_t *bytes, size_t len)
{
    enum mt_status by_name = decode(named(s->protocol), bytes, len, NULL, 0);
    enum mt_status found = s->is_named_only ? wanted : decode(NULL, bytes, len, NULL, 0);
    if (by_name != wanted || found != wanted) {
        printf("    %s, %zu bytes: %d by name, %d recognised, not %d\n", s->protocol, len,
               (int)by_name, (int)found, (int)wanted);
    }
    CU_ASSERT_EQUAL(by_name, wanted);
    CU_ASSERT_EQUAL(found, wanted);
    expect_explained(named(s->protocol), bytes, len, NULL, 0);
    expect_explained(s->is_named_only ? named(s->protocol) : NULL, bytes, len, NULL, 0);
}

static void every_protocol_is_in_the_table(void)
{
    for (size_t i = 0; mt_protocol_at(i) != NULL; i++) {
        CU_ASSERT_TRUE_FATAL(i < SAMPLES);
        CU_ASSERT_STRING_EQUAL(samples[i].protocol, mt_protocol_at(i)->name);
    }
}

static void a_whole_frame_is_decoded(void)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        uint8_t bytes[BYTES_MAX];
        expect(&samples[i], MT_OK, bytes, build(bytes, &samples[i], false));
        CU_ASSERT_TRUE(frame.has_reading);
    }
}

/* With a few bytes of it the protocol is known, and the rest is missed. What has no length of its own,
 * nor an end mark, is whole with each record. */
static void a_frame_that_is_cut_is_truncated(void)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        uint8_t bytes[BYTES_MAX];
        const struct sample *s = &samples[i];
        bool has_end =
            s->has_sum || strcmp(s->protocol, "wmbus") == 0 || strcmp(s->protocol, "lwm2m") == 0;
        size_t len = build(bytes, s, false);
        bool is_text = strcmp(s->protocol, "p1") == 0; /* its last line end says nothing */
        for (size_t n = 16; has_end && n < len - (is_text ? 3 : 0); n++) {
            expect(s, MT_NEED_MORE, bytes, n);
        }
    }
}

/* Any byte of the contents, which no length and no mark is among: the frame is whole, so it is not
 * "truncated" whatever else may seem to begin in it. */
static void a_damaged_frame_is_said_to_be_damaged(void)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        uint8_t bytes[BYTES_MAX];
        const struct sample *s = &samples[i];
        size_t len = build(bytes, s, false);
        unsigned told = 0;
        unsigned tried = 0;
        for (size_t bit = 0; s->has_sum && bit < len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (decode(named(s->protocol), bytes, len, NULL, 0) == MT_BAD_CHECKSUM) {
                enum mt_status found = decode(NULL, bytes, len, NULL, 0);
                if (found != MT_BAD_CHECKSUM) {
                    printf("    %s, bit %zu: %d\n", s->protocol, bit, (int)found);
                }
                CU_ASSERT_EQUAL(found, MT_BAD_CHECKSUM);
                expect_explained(NULL, bytes, len, NULL, 0);
                told++;
            }
            tried++;
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        CU_ASSERT_TRUE(told * 10 >= tried * 7); /* the others are lengths, marks and line ends */
    }
}

/* In M-Bus and its like 68H begins a frame, and in these frames it stands among the data. */
static void what_seems_to_begin_in_a_damaged_frame_is_no_torn_one(void)
{
    uint8_t bytes[64];
    const struct sample *dlt645 = &samples[0];
    /* 00010000: 35353535H of data, which are 68H on the wire; a sum that is wrong by one. */
    size_t len = unhex(bytes, sizeof(bytes), "68 785634120000 68 91 08 33333433 68686868 EB 16");
    expect(dlt645, MT_BAD_CHECKSUM, bytes, len);
    bytes[len - 2]--;
    expect(dlt645, MT_OK, bytes, len);
    /* Behind a broken frame one may begin. */
    bytes[len - 2]++;
    len += unhex(bytes + len, 16, "FE FE 68 785634");
    expect(dlt645, MT_NEED_MORE, bytes, len);
}

static void keys_that_are_missing_or_wrong_are_told_apart(void)
{
    unsigned with_keys = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        uint8_t bytes[BYTES_MAX];
        for (unsigned auto_too = 0; s->key_len > 0 && auto_too < 2; auto_too++) {
            const struct mt_protocol *protocol = auto_too != 0 ? NULL : named(s->protocol);
            size_t len = build(bytes, s, true);
            CU_ASSERT_EQUAL(decode(protocol, bytes, len, key, s->key_len), MT_OK);
            CU_ASSERT_EQUAL(decode(protocol, bytes, len, other_key, s->key_len), MT_NOT_AUTHENTIC);
            CU_ASSERT_EQUAL(decode(protocol, bytes, len, NULL, 0), MT_NO_KEY);
            expect_explained(protocol, bytes, len, other_key, s->key_len);
            expect_explained(protocol, bytes, len, NULL, 0);
            with_keys++;
        }
    }
    CU_ASSERT_EQUAL(with_keys, 6);
}

/* ---- contents that are wrong ------------------------------------------------------------------------ */

enum around { NOTHING, SUM, MBUS, WMBUS, DLT698, WRAPPER, P1, BLOCK, SML, TEXT };

static uint16_t reflected(uint16_t start, uint16_t polynomial, const uint8_t *bytes, size_t len)
{
    uint16_t crc = start;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc & 1) != 0 ? crc >> 1 ^ polynomial : crc >> 1);
        }
    }
    return crc;
}

/* Give contents what a frame of their protocol has around them. */
static size_t put_around(uint8_t out[BYTES_MAX], enum around around, const uint8_t *in, size_t len)
{
    size_t out_len = 0;
    uint8_t sum = 0;
    memcpy(out, in, len);
    switch (around) {
    case NOTHING:
    case TEXT:
        return len;
    case SUM:
        for (size_t i = 0; i < len; i++) {
            sum = (uint8_t)(sum + in[i]);
        }
        out[len] = sum;
        out[len + 1] = 0x16;
        return len + 2;
    case MBUS: {
        const struct mt_mbus_long answer = {0x08, 5, 0x72, in, len};
        CU_ASSERT_EQUAL_FATAL(mt_mbus_build_long(out, &out_len, BYTES_MAX, &answer), MT_OK);
        return out_len;
    }
    case WMBUS:
        out[0] = (uint8_t)len;
        memcpy(out + 1, in, len);
        return len + 1;
    case DLT698: {
        const struct mt_dlt698_frame link = {
            .number = "000012345678", .control = 0xC3, .apdu = in, .apdu_len = len};
        CU_ASSERT_EQUAL_FATAL(mt_dlt698_build(out, &out_len, MT_DLT698_FRAME_MAX, &link), MT_OK);
        return out_len;
    }
    case WRAPPER:
        out_len = unhex(out, 7, "00010001000100");
        out[out_len++] = (uint8_t)len;
        memcpy(out + out_len, in, len);
        return out_len + len;
    case P1: /* CRC-16/ARC in capitals */
        return len +
               (size_t)snprintf((char *)out + len, 8, "%04X\r\n", reflected(0, 0xA001, in, len));
    case BLOCK: /* "/ABC5" line, STX, contents, ETX, XOR of all but STX */
        out_len = (size_t)snprintf((char *)out, 16, "/ABC5X\r\n\x02");
        memcpy(out + out_len, in, len);
        out[out_len + len] = 0x03;
        for (size_t i = 0; i <= len; i++) {
            sum ^= out[out_len + i];
        }
        out[out_len + len + 1] = sum;
        return out_len + len + 2;
    case SML: {
        out_len = unhex(out, 8, "1B1B1B1B01010101");
        memcpy(out + out_len, in, len);
        uint8_t pad = (uint8_t)((4 - len % 4) % 4);
        memset(out + out_len + len, 0, pad);
        out_len += len + pad;
        out_len += unhex(out + out_len, 5, "1B1B1B1B1A");
        out[out_len++] = pad;
        uint16_t crc = (uint16_t)~reflected(0xFFFF, 0x8408, out, out_len);
        out[out_len++] = (uint8_t)crc;
        out[out_len++] = (uint8_t)(crc >> 8);
        return out_len;
    }
    }
    return 0;
}

#define DLT645_HEAD "68 785634120000 68 91"
#define CJT188_HEAD "68 10 90785634120000 81"
#define MBUS_HEAD "78563412 2D2C 01 07 2A 00 0000"
#define WMBUS_HEAD "44 4304 78563412 01 07 7A 2A 00 0000"
#define DLMS_HEAD "0F 00000001 00"
#define CAT1_HEAD "68 10 34120000000000 03 97 0000 0002 46 "
#define ZEROS_29 "0000000000000000000000000000000000000000000000000000000000"
#define P1_HEAD "/ABC5X\r\n\r\n0-0:96.1.1(3132)\r\n"

static const struct wrong {
    const char *protocol;
    enum around around;
    const char *contents; /* hexadecimal; text for P1, BLOCK and TEXT */
    enum mt_status status;
} wrongs[] = {
    {"dlt645", SUM, DLT645_HEAD "08 33333433 41333333", MT_BAD_DIGIT},
    {"dlt645", SUM, DLT645_HEAD "07 33333433 333333", MT_BAD_LAYOUT},
    {"dlt645", SUM, DLT645_HEAD "0A 34373337 AB8967453333", MT_UNSUPPORTED},
    {"dlt645", SUM, "68 785634120000 68 D1 01 35", MT_NO_READING},
    {"cjt188", SUM, CJT188_HEAD "16 901F05 0A0000002C 000001002C 56341229022420 0000",
     MT_BAD_DIGIT},
    {"cjt188", SUM, CJT188_HEAD "16 901F05 4523010005 0000010005 56341229022420 0000", MT_BAD_UNIT},
    {"cjt188", SUM, CJT188_HEAD "09 901F05 4523010000 FF", MT_UNSUPPORTED},
    {"cat1", SUM, CAT1_HEAD "01 03060300" ZEROS_29 ZEROS_29 "00000000000000", MT_UNSUPPORTED},
    {"dlt698", DLT698, "850105 00100201 01 06000001F4 00 00 00", MT_BAD_LAYOUT},
    {"dlt698", DLT698, "77", MT_UNSUPPORTED},
    {"dlt698", DLT698, "850105 00100201 00 04 0000", MT_NO_READING},
    {"mbus", MBUS, MBUS_HEAD "0C13 1A000000", MT_BAD_DIGIT},
    {"mbus", MBUS, MBUS_HEAD "0C13 110000", MT_BAD_LAYOUT},
    {"mbus", MBUS, MBUS_HEAD "0F 0102", MT_UNSUPPORTED},
    {"wmbus", WMBUS, WMBUS_HEAD "0C13 1A000000", MT_BAD_DIGIT},
    {"wmbus", WMBUS, WMBUS_HEAD "0C13 110000", MT_BAD_LAYOUT},
    {"wmbus", WMBUS, WMBUS_HEAD "0F 0102", MT_UNSUPPORTED},
    {"dlms", WRAPPER, DLMS_HEAD "0203 0906 0100010800FF 06000186A1 0202 0F00 161B", MT_BAD_UNIT},
    {"dlms", WRAPPER, DLMS_HEAD "0203 0906 0100010800FF 06000186A1 0202 0F00", MT_BAD_LAYOUT},
    {"dlms", WRAPPER, DLMS_HEAD "13 00 00", MT_UNSUPPORTED},
    {"p1", P1, P1_HEAD "1-0:1.8.0(00185.0x0*kWh)\r\n!", MT_BAD_DIGIT},
    {"p1", P1, P1_HEAD "1-0:1.8.0(00185.000*kXh)\r\n!", MT_BAD_UNIT},
    {"p1", P1, P1_HEAD "1-0:1.8.0(00185.000*kWh\r\n!", MT_BAD_LAYOUT},
    {"p1", P1, "/ABC5X\r\n\r\n0-0:96.1.1(3132)\r\n!", MT_NO_READING},
    {"iec62056", BLOCK, "1.8.0(00185.0x0*kWh)\r\n!\r\n", MT_BAD_DIGIT},
    {"iec62056", BLOCK, "1.8.0(00185.000*kXh)\r\n!\r\n", MT_BAD_UNIT},
    {"iec62056", BLOCK, "1.8.0(00185.000*kWh\r\n!\r\n", MT_BAD_LAYOUT},
    {"sml", SML, "7605000000016200", MT_BAD_LAYOUT},
    {"senml", TEXT, "[{\"n\":\"energy\",\"u\":\"Wh\",\"v\":12,5}]", MT_BAD_LAYOUT},
    {"lwm2m", TEXT, "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\",\"v\":\"a\"}]}", MT_BAD_LAYOUT},
    {"axioma-lora", NOTHING, "02" ZEROS_29 "000000000000000000000000000000000000000000",
     MT_UNSUPPORTED},
    {"elvaco-lora", NOTHING, "00 0C06 1A000000", MT_BAD_DIGIT},
    {"elvaco-lora", NOTHING, "00 0406 87D612", MT_BAD_LAYOUT},
    {"elvaco-lora", NOTHING, "00 0F 0102", MT_BAD_LAYOUT},
    {"kamstrup-lora", NOTHING, "78 4413 87D612", MT_BAD_LAYOUT},
    {"kamstrup-lora", NOTHING, "79 4413 87D61200", MT_UNSUPPORTED},
    {"kamstrup-lora", NOTHING, "78 4413 00000080", MT_NO_READING},
};

static const struct sample *sample_of(const char *protocol)
{
    size_t i = 0;
    while (i < SAMPLES && strcmp(samples[i].protocol, protocol) != 0) {
        i++;
    }
    CU_ASSERT_TRUE_FATAL(i < SAMPLES);
    return &samples[i];
}

static void wrong_contents_of_a_whole_frame_have_verdicts_of_their_own(void)
{
    bool seen[SAMPLES] = {false};
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        const struct wrong *w = &wrongs[i];
        uint8_t contents[512];
        uint8_t bytes[BYTES_MAX];
        bool is_text = w->around == P1 || w->around == BLOCK || w->around == TEXT;
        size_t len = is_text ? strlen(w->contents) : 0;
        if (is_text) {
            memcpy(contents, w->contents, len);
        } else {
            len = unhex(contents, sizeof(contents), w->contents);
        }
        expect(sample_of(w->protocol), w->status, bytes,
               put_around(bytes, w->around, contents, len));
        seen[sample_of(w->protocol) - samples] = true;
    }
    for (size_t i = 0; i < SAMPLES; i++) {
        CU_ASSERT_TRUE(seen[i]);
    }
}

static void what_is_of_no_protocol_is_not_found(void)
{
    static const char *const texts[] = {
        "hello, this is a line about kWh and nothing that is metered", "GET /3424/0/ HTTP/1.1",
        "{\"power\": 12.5}", "0,1,2,3"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CU_ASSERT_EQUAL(decode(NULL, (const uint8_t *)texts[i], strlen(texts[i]), NULL, 0),
                        MT_NOT_FOUND);
    }
}

static const struct unit_test tests[] = {
    {"every_protocol_is_in_the_table", every_protocol_is_in_the_table},
    {"a_whole_frame_is_decoded", a_whole_frame_is_decoded},
    {"a_frame_that_is_cut_is_truncated", a_frame_that_is_cut_is_truncated},
    {"a_damaged_frame_is_said_to_be_damaged", a_damaged_frame_is_said_to_be_damaged},
    {"what_seems_to_begin_in_a_damaged_frame_is_no_torn_one",
     what_seems_to_begin_in_a_damaged_frame_is_no_torn_one},
    {"keys_that_are_missing_or_wrong_are_told_apart",
     keys_that_are_missing_or_wrong_are_told_apart},
    {"wrong_contents_of_a_whole_frame_have_verdicts_of_their_own",
     wrong_contents_of_a_whole_frame_have_verdicts_of_their_own},
    {"what_is_of_no_protocol_is_not_found", what_is_of_no_protocol_is_not_found},
};
UNIT_MAIN("verdicts", tests)
