/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration file: defaults, exact values, complaints with line and advice, and the written file. */
#include <stdlib.h>

#include "gateway/adapters/config.h"
#include "tests/support/unit.h"

static struct gw_config config;
static char why[GW_CONFIG_WHY_BYTES];

static enum gw_status parse(const char *text)
{
    why[0] = '\0';
    memset(&config, 0xaa, sizeof(config));
    return gw_config_parse(&config, why, "/srv/gw", "test.yaml", text, strlen(text));
}

static void an_empty_file_is_the_default_gateway(void)
{
    CU_ASSERT_EQUAL(parse(""), GW_OK);
    CU_ASSERT_STRING_EQUAL(config.gateway_id, "gw1");
    CU_ASSERT_STRING_EQUAL(config.store_file, "/srv/gw/store.db");
    CU_ASSERT_STRING_EQUAL(config.http_socket, "/srv/gw/api.sock");
    CU_ASSERT_STRING_EQUAL(config.clock_file, "");
    CU_ASSERT_EQUAL(config.meters_max, 10000);
    CU_ASSERT_EQUAL(config.order_min_fen, 1000);
    CU_ASSERT_EQUAL(config.order_after_us, 24ll * 3600 * 1000000);
    CU_ASSERT_EQUAL(config.free_min_bytes, 256ll * 1024 * 1024);
    CU_ASSERT_TRUE(config.mqtt_enabled);
    CU_ASSERT_FALSE(config.operator_enabled);
    CU_ASSERT_EQUAL(config.http_port, 0);
    CU_ASSERT_EQUAL(config.log_level, GW_LOG_INFO);
}

static void every_kind_of_value_is_read_exactly(void)
{
    CU_ASSERT_EQUAL(parse("gateway: {id: gw7, site: Zhan_jiang-1, log_level: debug}\n"
                          "store: {file: /data/x.db, free_min: 2GiB}\n"
                          "limits: {meters: 4194304}\n"
                          "settle: {order_min: 0.07, order_after: 90s, late_window: 3d}\n"
                          "mqtt: {enabled: false}\n"
                          "operator: {timeout: 250ms}\n"),
                    GW_OK);
    CU_ASSERT_STRING_EQUAL(config.gateway_id, "gw7");
    CU_ASSERT_STRING_EQUAL(config.site, "Zhan_jiang-1");
    CU_ASSERT_EQUAL(config.log_level, GW_LOG_DEBUG);
    CU_ASSERT_STRING_EQUAL(config.store_file, "/data/x.db");
    CU_ASSERT_EQUAL(config.free_min_bytes, 2147483648ll);
    CU_ASSERT_EQUAL(config.meters_max, 4194304);
    CU_ASSERT_EQUAL(config.order_min_fen, 7);
    CU_ASSERT_EQUAL(config.order_after_us, 90000000ll);
    CU_ASSERT_EQUAL(config.late_window_us, 259200000000ll);
    CU_ASSERT_EQUAL(config.operator_timeout_us, 250000);
    CU_ASSERT_FALSE(config.mqtt_enabled);
}

static void amounts_have_at_most_two_decimals(void)
{
    CU_ASSERT_EQUAL(parse("settle: {order_min: 12.5}"), GW_OK);
    CU_ASSERT_EQUAL(config.order_min_fen, 1250);
    CU_ASSERT_EQUAL(parse("settle: {order_min: 12}"), GW_OK);
    CU_ASSERT_EQUAL(config.order_min_fen, 1200);
    CU_ASSERT_EQUAL(parse("settle: {order_min: 0.005}"), GW_INVALID);
    CU_ASSERT_EQUAL(parse("settle: {order_min: 0.}"), GW_INVALID);
    CU_ASSERT_EQUAL(parse("settle: {order_min: 1e3}"), GW_INVALID);
    CU_ASSERT_EQUAL(parse("settle: {order_min: -1}"), GW_INVALID);
    CU_ASSERT_EQUAL(parse("settle: {order_min: 99999999999999999999}"), GW_INVALID);
}

/* A refusal names the file and the line, and holds a word of the advice. */
static void expect_refusal(const char *text, const char *begins, const char *holds)
{
    struct gw_config before;
    memset(&config, 0x55, sizeof(config));
    before = config;
    CU_ASSERT_EQUAL(gw_config_parse(&config, why, "/srv/gw", "test.yaml", text, strlen(text)),
                    GW_INVALID);
    CU_ASSERT_EQUAL(memcmp(&before, &config, sizeof(config)), 0);
    if (strncmp(why, begins, strlen(begins)) != 0 || strstr(why, holds) == NULL) {
        printf("    unexpected: %s\n", why);
        CU_FAIL("the complaint is another");
    }
}

static void complaints_name_the_line_and_say_what_to_do(void)
{
    expect_refusal("gateway:\n  id: gw1\nlimits:\n  metres: 5\n", "test.yaml:4: ", "meters");
    expect_refusal("mttq:\n  port: 5\n", "test.yaml:1: ", "mqtt");
    expect_refusal("gateway:\n  id: GW\n", "test.yaml:2: gateway.id", "a-z");
    expect_refusal("gateway:\n  id: gateway-number-one\n", "test.yaml:2: gateway.id", "1 to 12");
    expect_refusal("limits:\n  meters: many\n", "test.yaml:2: limits.meters is 'many'", "10000");
    expect_refusal("limits:\n  meters: 0\n", "test.yaml:2: limits.meters", "1 to 4194304");
    expect_refusal("limits:\n  meters: 1.0\n", "test.yaml:2: ", "whole number");
    expect_refusal("limits:\n  meters: [1]\n", "test.yaml:2: ", "one value");
    expect_refusal("limits: 5\n", "test.yaml:1: ", "indented");
    expect_refusal("settle:\n  order_after: 24\n", "test.yaml:2: ", "24h");
    expect_refusal("settle:\n  order_after: 24 h\n", "test.yaml:2: ", "24h");
    expect_refusal("coap:\n  enabled: yes\n", "test.yaml:2: ", "true or false");
    expect_refusal("coap:\n  port: 5\n  port: 6\n", "test.yaml:3: ", "second time");
    expect_refusal("gateway:\n\tid: gw1\n", "test.yaml:2: ", "spaces");
    expect_refusal("- a\n- b\n", "test.yaml:1: ", "sections");
    expect_refusal("gateway: {log_level: loud}", "test.yaml:1: ", "debug");
}

static void what_no_field_can_know_alone_is_checked(void)
{
    expect_refusal("mqtt: {queue: 3MiB}", "test.yaml:", "powers of two");
    expect_refusal("settle: {clock_ahead: 400d, clock_years: 2d}", "test.yaml:", "clock_years");
    expect_refusal("operator: {enabled: true, url: \"\"}", "test.yaml:", "operator.enabled");
    expect_refusal("http: {port: 80, token_file: \"\"}", "test.yaml:", "token_file");
    expect_refusal("mqtt: {host: \"\"}", "test.yaml:", "host or a socket");
}

static void a_path_that_cannot_be_a_socket_is_refused(void)
{
    char text[400];
    char path[130];
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    snprintf(text, sizeof(text), "http: {socket: /%s}", path);
    expect_refusal(text, "test.yaml:1: http.socket", "107");
}

static void a_nul_inside_a_value_does_not_hide_the_rest(void)
{
    expect_refusal("gateway: {id: \"gw1\\0evil\"}", "test.yaml:1: ", "one value");
}

static char *written(const struct gw_config_setting *settings, uint32_t count,
                     enum gw_status expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_EQUAL(gw_config_write(out, settings, count), expected);
    fclose(out);
    return text;
}

static void the_written_file_reads_back_as_the_defaults(void)
{
    static struct gw_config expected;
    char *text = written(NULL, 0, GW_OK);
    CU_ASSERT_EQUAL(parse(""), GW_OK);
    expected = config;
    CU_ASSERT_EQUAL(parse(text), GW_OK);
    CU_ASSERT_EQUAL(memcmp(&expected, &config, sizeof(config)), 0);
    free(text);
}

/* Every default stands in the file behind a #: taking the # away must change nothing. */
static void every_commented_default_is_what_it_says(void)
{
    static struct gw_config expected;
    char *text = written(NULL, 0, GW_OK);
    CU_ASSERT_EQUAL(parse(""), GW_OK);
    expected = config;
    for (char *line = strstr(text, "  #"); line != NULL; line = strstr(line + 1, "  #")) {
        if (line[3] != ' ') {
            memmove(line + 2, line + 3, strlen(line + 3) + 1);
        }
    }
    CU_ASSERT_EQUAL(parse(text), GW_OK);
    CU_ASSERT_STRING_EQUAL(why, "");
    CU_ASSERT_EQUAL(memcmp(&expected, &config, sizeof(config)), 0);
    free(text);
}

static void settings_are_written_so_that_they_read_back(void)
{
    static const struct gw_config_setting settings[] = {
        {"gateway.id", "gw9"},
        {"store.file", "/a b/\"quoted\" \\ store: #1.db"},
        {"operator.url", "https://[::1]:8443"},
        {"settle.order_min", "1.50"},
    };
    char *text = written(settings, 4, GW_OK);
    CU_ASSERT_EQUAL(parse(text), GW_OK);
    CU_ASSERT_STRING_EQUAL(config.gateway_id, "gw9");
    CU_ASSERT_STRING_EQUAL(config.store_file, "/a b/\"quoted\" \\ store: #1.db");
    CU_ASSERT_STRING_EQUAL(config.operator_url, "https://[::1]:8443");
    CU_ASSERT_EQUAL(config.order_min_fen, 150);
    free(text);
}

static void a_setting_of_no_field_is_told(void)
{
    static const struct gw_config_setting settings[] = {{"gateway.colour", "red"}};
    free(written(settings, 1, GW_INVALID));
}

static void a_missing_file_says_how_to_make_one(void)
{
    CU_ASSERT_EQUAL(gw_config_load(&config, why, "/nonexistent", NULL), GW_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "meterpay init"));
}

static const struct unit_test tests[] = {
    {"an_empty_file_is_the_default_gateway", an_empty_file_is_the_default_gateway},
    {"every_kind_of_value_is_read_exactly", every_kind_of_value_is_read_exactly},
    {"amounts_have_at_most_two_decimals", amounts_have_at_most_two_decimals},
    {"complaints_name_the_line_and_say_what_to_do", complaints_name_the_line_and_say_what_to_do},
    {"what_no_field_can_know_alone_is_checked", what_no_field_can_know_alone_is_checked},
    {"a_path_that_cannot_be_a_socket_is_refused", a_path_that_cannot_be_a_socket_is_refused},
    {"a_nul_inside_a_value_does_not_hide_the_rest", a_nul_inside_a_value_does_not_hide_the_rest},
    {"the_written_file_reads_back_as_the_defaults", the_written_file_reads_back_as_the_defaults},
    {"every_commented_default_is_what_it_says", every_commented_default_is_what_it_says},
    {"settings_are_written_so_that_they_read_back", settings_are_written_so_that_they_read_back},
    {"a_setting_of_no_field_is_told", a_setting_of_no_field_is_told},
    {"a_missing_file_says_how_to_make_one", a_missing_file_says_how_to_make_one},
};
UNIT_MAIN("config", tests)
