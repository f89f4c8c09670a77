/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which path is which route, and complaints. The server itself is tested over its socket, in e2e. */
#include "gateway/adapters/http.h"
#include "tests/support/unit.h"

static char params[GW_HTTP_PARAMS_MAX][GW_HTTP_PARAM_BYTES_MAX + 1];

static void a_plain_path_matches_itself_only(void)
{
    CU_ASSERT_TRUE(gw_http_match(params, "/v1/status", "/v1/status"));
    CU_ASSERT_FALSE(gw_http_match(params, "/v1/status", "/v1/status/"));
    CU_ASSERT_FALSE(gw_http_match(params, "/v1/status", "/v1/statu"));
    CU_ASSERT_FALSE(gw_http_match(params, "/v1/status", ""));
    CU_ASSERT_FALSE(gw_http_match(params, "/v1/status", "/v1/Status"));
}

static void a_part_in_braces_stands_for_one_part(void)
{
    CU_ASSERT_TRUE(
        gw_http_match(params, "/v1/meters/{meter}/readings", "/v1/meters/pA-1/readings"));
    CU_ASSERT_STRING_EQUAL(params[0], "pA-1");
    CU_ASSERT_FALSE(gw_http_match(params, "/v1/meters/{meter}", "/v1/meters/"));
    CU_ASSERT_FALSE(gw_http_match(params, "/v1/meters/{meter}", "/v1/meters/a/b"));
    CU_ASSERT_FALSE(gw_http_match(params, "/v1/meters/{meter}/readings", "/v1/meters//readings"));
}

static void two_parts_come_in_the_paths_order(void)
{
    CU_ASSERT_TRUE(gw_http_match(params, "/h/{household}/w/{wallet}", "/h/home-1/w/x"));
    CU_ASSERT_STRING_EQUAL(params[0], "home-1");
    CU_ASSERT_STRING_EQUAL(params[1], "x");
}

static void a_part_that_is_too_long_is_no_match(void)
{
    char path[8 + GW_HTTP_PARAM_BYTES_MAX + 2] = "/m/";
    memset(path + 3, 'a', GW_HTTP_PARAM_BYTES_MAX);
    CU_ASSERT_TRUE(gw_http_match(params, "/m/{meter}", path));
    CU_ASSERT_EQUAL(strlen(params[0]), GW_HTTP_PARAM_BYTES_MAX);
    path[3 + GW_HTTP_PARAM_BYTES_MAX] = 'a';
    CU_ASSERT_FALSE(gw_http_match(params, "/m/{meter}", path));
}

static void parts_are_untouched_without_a_match(void)
{
    memset(params, 'x', sizeof(params));
    CU_ASSERT_FALSE(gw_http_match(params, "/m/{meter}/a", "/m/1/b"));
    CU_ASSERT_EQUAL(params[0][0], 'x');
}

static void a_complaint_replaces_the_answer(void)
{
    struct gw_http_reply reply = {.status = 200, .json = json_object()};
    gw_http_fail(&reply, 404, "no_such_meter", "There is no %s.", "meter");
    CU_ASSERT_EQUAL(reply.status, 404);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(reply.json, "error")),
                           "no_such_meter");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(reply.json, "reason")),
                           "There is no meter.");
    json_decref(reply.json);
}

static void bytes_that_are_no_utf8_do_not_silence_a_complaint(void)
{
    struct gw_http_reply reply = {0};
    gw_http_fail(&reply, 404, "no_such_meter", "There is no %s.", "\xff\xfe");
    CU_ASSERT_PTR_NOT_NULL(reply.json);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(reply.json, "error")),
                           "no_such_meter");
    json_decref(reply.json);
}

static const struct unit_test tests[] = {
    {"a_plain_path_matches_itself_only", a_plain_path_matches_itself_only},
    {"a_part_in_braces_stands_for_one_part", a_part_in_braces_stands_for_one_part},
    {"two_parts_come_in_the_paths_order", two_parts_come_in_the_paths_order},
    {"a_part_that_is_too_long_is_no_match", a_part_that_is_too_long_is_no_match},
    {"parts_are_untouched_without_a_match", parts_are_untouched_without_a_match},
    {"a_complaint_replaces_the_answer", a_complaint_replaces_the_answer},
    {"bytes_that_are_no_utf8_do_not_silence_a_complaint",
     bytes_that_are_no_utf8_do_not_silence_a_complaint},
};
UNIT_MAIN("http", tests)
