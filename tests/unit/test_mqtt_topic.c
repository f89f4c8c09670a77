/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/mqtt_topic.h"

#include <stdlib.h>

#include "gateway/core/core.h"
#include "tests/support/unit.h"

static const char prefix[] = "meterpay/east-1/";

struct row {
    const char *topic;
    bool ours;
    uint8_t form;
    const char *name;
    const char *protocol; /* NULL: none */
};

static const struct row rows[] = {
    {"meterpay/east-1/pHXE-000012345678/up", true, GW_FORM_COSE, "pHXE-000012345678", NULL},
    {"meterpay/east-1/pHXE-1/signed", true, GW_FORM_SIGNED, "pHXE-1", NULL},
    {"meterpay/east-1/pHXE-1/json", true, GW_FORM_JSON, "pHXE-1", NULL},
    {"meterpay/east-1/pHXE-1/cbor", true, GW_FORM_CBOR, "pHXE-1", NULL},
    {"meterpay/east-1/pHXE-1/raw/dlt645", true, GW_FORM_RAW, "pHXE-1", "dlt645"},
    {"meterpay/east-1/pHXE-1/raw/auto", true, GW_FORM_RAW, "pHXE-1", NULL},
    {"meterpay/east-1/pHXE-1/raw/", false, 0, NULL, NULL},
    {"meterpay/east-1/pHXE-1/raw", false, 0, NULL, NULL},
    {"meterpay/east-1/pHXE-1/raw/a/b", false, 0, NULL, NULL},
    {"meterpay/east-1/pHXE-1/down", false, 0, NULL, NULL},
    {"meterpay/east-1/pHXE-1/upp", false, 0, NULL, NULL},
    {"meterpay/east-1/pHXE-1/u", false, 0, NULL, NULL},
    {"meterpay/east-1/pHXE-1/", false, 0, NULL, NULL},
    {"meterpay/east-1/pHXE-1", false, 0, NULL, NULL},
    {"meterpay/east-1//up", false, 0, NULL, NULL},
    {"meterpay/east-1/", false, 0, NULL, NULL},
    {"meterpay/east-1", false, 0, NULL, NULL},
    {"meterpay/east-10/pHXE-1/up", false, 0, NULL, NULL},
    {"Meterpay/east-1/pHXE-1/up", false, 0, NULL, NULL},
    {"", false, 0, NULL, NULL},
};

static void every_topic_is_taken_apart_or_refused(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct gw_topic got;
        memset(&got, 0x55, sizeof got);
        struct gw_topic before = got;
        bool ours = gw_topic_parse(&got, row->topic, strlen(row->topic), prefix);
        CU_ASSERT_EQUAL(ours, row->ours);
        if (!ours) {
            CU_ASSERT_EQUAL(memcmp(&got, &before, sizeof got), 0);
            continue;
        }
        CU_ASSERT_EQUAL(got.form, row->form);
        CU_ASSERT_EQUAL(got.name_len, strlen(row->name));
        CU_ASSERT_EQUAL(memcmp(got.name, row->name, got.name_len), 0);
        CU_ASSERT_EQUAL(got.protocol == NULL, row->protocol == NULL);
        if (row->protocol != NULL && got.protocol != NULL) {
            CU_ASSERT_EQUAL(got.protocol_len, strlen(row->protocol));
            CU_ASSERT_EQUAL(memcmp(got.protocol, row->protocol, got.protocol_len), 0);
        }
    }
}

static void every_prefix_of_a_topic_is_read_within_its_length(void)
{
    static const char topic[] = "meterpay/east-1/pHXE-1/raw/dlt645";
    for (size_t len = 0; len < sizeof topic - 1; len++) {
        char *exact = malloc(len + 1); /* one byte past it belongs to nobody: the sanitizer looks */
        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, topic, len);
        struct gw_topic got;
        bool ours = gw_topic_parse(&got, exact, len, prefix);
        CU_ASSERT_EQUAL(ours, len > strlen("meterpay/east-1/pHXE-1/raw/"));
        free(exact);
    }
}

static void the_filters_match_the_topics_that_parse(void)
{
    static const char *const expected[] = {
        "meterpay/east-1/+/up",   "meterpay/east-1/+/signed", "meterpay/east-1/+/json",
        "meterpay/east-1/+/cbor", "meterpay/east-1/+/raw/+",
    };
    char topic[GW_TOPIC_BYTES_MAX];
    unsigned n = 0;
    while (gw_topic_up(topic, prefix, "+", n)) {
        CU_ASSERT_TRUE_FATAL(n < 5);
        CU_ASSERT_STRING_EQUAL(topic, expected[n]);
        n++;
    }
    CU_ASSERT_EQUAL(n, 5);
}

static void a_name_that_would_lead_elsewhere_gets_no_topic(void)
{
    char topic[GW_TOPIC_BYTES_MAX];
    CU_ASSERT_TRUE(gw_topic_down(topic, prefix, "pHXE-1", 6));
    CU_ASSERT_STRING_EQUAL(topic, "meterpay/east-1/pHXE-1/down");
    CU_ASSERT_FALSE(gw_topic_down(topic, prefix, "pHXE/1", 6));
    CU_ASSERT_FALSE(gw_topic_down(topic, prefix, "pHXE+1", 6));
    CU_ASSERT_FALSE(gw_topic_down(topic, prefix, "#", 1));
    CU_ASSERT_FALSE(gw_topic_down(topic, prefix, "", 0));
    CU_ASSERT_FALSE(gw_topic_down(topic, prefix, "AAAAAAAAAAAAAAAAAAAAAAAAAAA", 27));
}

static void root_and_site_are_words(void)
{
    CU_ASSERT_TRUE(gw_topic_part_valid("east-1"));
    CU_ASSERT_TRUE(gw_topic_part_valid("A_b.9"));
    CU_ASSERT_TRUE(gw_topic_part_valid("12345678901234567890123456789012"));
    CU_ASSERT_FALSE(gw_topic_part_valid("123456789012345678901234567890123"));
    CU_ASSERT_FALSE(gw_topic_part_valid(""));
    CU_ASSERT_FALSE(gw_topic_part_valid("a/b"));
    CU_ASSERT_FALSE(gw_topic_part_valid("a b"));
    CU_ASSERT_FALSE(gw_topic_part_valid("+"));
    CU_ASSERT_FALSE(gw_topic_part_valid("x\ny"));
}

static const struct unit_test tests[] = {
    {"every_topic_is_taken_apart_or_refused", every_topic_is_taken_apart_or_refused},
    {"every_prefix_of_a_topic_is_read_within_its_length",
     every_prefix_of_a_topic_is_read_within_its_length},
    {"the_filters_match_the_topics_that_parse", the_filters_match_the_topics_that_parse},
    {"a_name_that_would_lead_elsewhere_gets_no_topic",
     a_name_that_would_lead_elsewhere_gets_no_topic},
    {"root_and_site_are_words", root_and_site_are_words},
};
UNIT_MAIN("mqtt_topic", tests)
