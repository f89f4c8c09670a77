/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The keys by name, the observers, and the codes. */
#include "gateway/adapters/coap_code.h"
#include "gateway/adapters/coap_keys.h"
#include "gateway/adapters/coap_observe.h"
#include "tests/support/unit.h"

static void a_key_is_found_by_its_name_only(void)
{
    struct gw_keys keys;
    const uint8_t one[MT_KEY_BYTES] = {1};
    const uint8_t two[MT_KEY_BYTES] = {2};
    uint8_t got[MT_KEY_BYTES] = {9};
    CU_ASSERT_TRUE_FATAL(gw_keys_init(&keys, 10));
    CU_ASSERT_FALSE(gw_keys_get(got, &keys, "pA-1", 4));
    CU_ASSERT_EQUAL(got[0], 9);
    CU_ASSERT_TRUE(gw_keys_put(&keys, "pA-1", 4, one));
    CU_ASSERT_TRUE(gw_keys_put(&keys, "pA-01", 5, two));
    CU_ASSERT_TRUE(gw_keys_get(got, &keys, "pA-1", 4));
    CU_ASSERT_EQUAL(got[0], 1);
    CU_ASSERT_TRUE(gw_keys_get(got, &keys, "pA-01", 5));
    CU_ASSERT_EQUAL(got[0], 2);
    CU_ASSERT_FALSE(gw_keys_get(got, &keys, "pA-", 3));
    CU_ASSERT_FALSE(gw_keys_get(got, &keys, "", 0));
    CU_ASSERT_TRUE(gw_keys_put(&keys, "pA-1", 4, two)); /* another key for it */
    CU_ASSERT_TRUE(gw_keys_get(got, &keys, "pA-1", 4));
    CU_ASSERT_EQUAL(got[0], 2);
    CU_ASSERT_EQUAL(keys.count, 2);
    CU_ASSERT_FALSE(gw_keys_put(&keys, "pAAAA-12345678901234567890", 26, one));
    CU_ASSERT_FALSE(gw_keys_put(&keys, "", 0, one));
    gw_keys_deinit(&keys);
}

static void as_many_keys_as_asked_for_and_no_more(void)
{
    enum { MAX = 5000 };
    struct gw_keys keys;
    char name[MT_NAME_MAX + 1];
    CU_ASSERT_TRUE_FATAL(gw_keys_init(&keys, MAX));
    for (unsigned i = 0; i < MAX; i++) {
        uint8_t key[MT_KEY_BYTES] = {(uint8_t)i, (uint8_t)(i >> 8)};
        int len = snprintf(name, sizeof name, "wHXE-%012u", i);
        CU_ASSERT_TRUE(gw_keys_put(&keys, name, (size_t)len, key));
    }
    const uint8_t key[MT_KEY_BYTES] = {0};
    CU_ASSERT_FALSE(gw_keys_put(&keys, "pA-1", 4, key));
    for (unsigned i = 0; i < MAX; i++) {
        uint8_t got[MT_KEY_BYTES] = {0};
        int len = snprintf(name, sizeof name, "wHXE-%012u", i);
        CU_ASSERT_TRUE(gw_keys_get(got, &keys, name, (size_t)len));
        CU_ASSERT_EQUAL((unsigned)(got[0] | got[1] << 8), i);
    }
    gw_keys_deinit(&keys);
}

static void one_observation_a_meter_and_a_session(void)
{
    struct gw_observers observers;
    int session;
    CU_ASSERT_TRUE_FATAL(gw_observers_init(&observers, 8));
    CU_ASSERT_PTR_NULL(gw_observer_find(&observers, "pA-1", 4));
    gw_observer_set(&observers, 3, "pA-1", 4)->session = &session;
    CU_ASSERT_PTR_EQUAL(gw_observer_find(&observers, "pA-1", 4), gw_observer_of(&observers, 3));
    gw_observer_set(&observers, 5, "pA-1", 4)->session = &session; /* another session of it */
    CU_ASSERT_PTR_NULL(gw_observer_of(&observers, 3));
    CU_ASSERT_PTR_EQUAL(gw_observer_find(&observers, "pA-1", 4), gw_observer_of(&observers, 5));
    CU_ASSERT_EQUAL(observers.count, 1);
    gw_observer_end(&observers, 5);
    gw_observer_end(&observers, 5);
    CU_ASSERT_EQUAL(observers.count, 0);
    CU_ASSERT_PTR_NULL(gw_observer_find(&observers, "pA-1", 4));
    gw_observers_deinit(&observers);
}

static void many_observers_are_each_found(void)
{
    enum { MAX = 300 };
    struct gw_observers observers;
    char name[MT_NAME_MAX + 1];
    int session;
    CU_ASSERT_TRUE_FATAL(gw_observers_init(&observers, MAX));
    for (uint32_t i = 1; i <= MAX; i++) {
        int len = snprintf(name, sizeof name, "gZZ-%u", i);
        gw_observer_set(&observers, i, name, (size_t)len)->session = &session;
    }
    for (uint32_t i = 1; i <= MAX; i += 2) {
        gw_observer_end(&observers, i);
    }
    for (uint32_t i = 1; i <= MAX; i++) {
        int len = snprintf(name, sizeof name, "gZZ-%u", i);
        const struct gw_observer *found = gw_observer_find(&observers, name, (size_t)len);
        CU_ASSERT_EQUAL(found == NULL, i % 2 == 1);
    }
    CU_ASSERT_EQUAL(observers.count, MAX / 2);
    gw_observers_deinit(&observers);
}

static void every_verdict_has_a_code_of_the_right_class(void)
{
    for (int v = 0; v < GW_VERDICT_COUNT; v++) {
        enum gw_verdict verdict = (enum gw_verdict)v;
        unsigned code = gw_coap_code(verdict, false);
        CU_ASSERT_EQUAL(gw_coap_code(verdict, true), 204);
        CU_ASSERT_EQUAL(code == 204, verdict <= GW_DUPLICATE);
        CU_ASSERT_TRUE(code == 204 || code / 100 == 4 || verdict == GW_REFUSED_STOPPED);
    }
    CU_ASSERT_EQUAL(gw_coap_code(GW_REFUSED_STRANGER, false), 403);
    CU_ASSERT_EQUAL(gw_coap_code(GW_REFUSED_UNKNOWN, false), 404);
    CU_ASSERT_EQUAL(gw_coap_code(GW_REFUSED_AUTHENTIC, false), 401);
    CU_ASSERT_EQUAL(gw_coap_code(GW_REFUSED_TOO_LARGE, false), 413);
    CU_ASSERT_EQUAL(gw_coap_code(GW_REFUSED_STOPPED, false), 503);
}

static const struct unit_test tests[] = {
    {"a_key_is_found_by_its_name_only", a_key_is_found_by_its_name_only},
    {"as_many_keys_as_asked_for_and_no_more", as_many_keys_as_asked_for_and_no_more},
    {"one_observation_a_meter_and_a_session", one_observation_a_meter_and_a_session},
    {"many_observers_are_each_found", many_observers_are_each_found},
    {"every_verdict_has_a_code_of_the_right_class", every_verdict_has_a_code_of_the_right_class},
};
UNIT_MAIN("coap_tables", tests)
