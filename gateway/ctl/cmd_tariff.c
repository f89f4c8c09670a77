/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay tariff list`, `load` and `announce`. `tariff check` is in cmd_tariff_check.c. */
#include <stdlib.h>
#include <string.h>

#include "gateway/adapters/tariff_file.h"
#include "gateway/ctl/client.h"
#include "gateway/ctl/input.h"

/* Payees or versions as one text. */
static void join(char *text, size_t max, const json_t *list, const char *member)
{
    size_t i = 0;
    size_t used = 0;
    json_t *item = NULL;
    *text = '\0';
    json_array_foreach((json_t *)list, i, item)
    {
        const char *one = member != NULL ? gw_ctl_text(item, member) : json_string_value(item);
        int n =
            snprintf(text + used, max - used, "%s%s", i > 0 ? ", " : "", one != NULL ? one : "-");
        used += n > 0 ? (size_t)n : 0;
        if (used >= max) {
            return; /* cut: the table's cells are bounded */
        }
    }
}

static void print_list(const json_t *reply)
{
    static const char *const titles[] = {"TARIFF", "MEDIUM", "PAYEES", "VERSIONS", "CRITICAL DAYS"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 5);
    size_t i = 0;
    json_t *tariff = NULL;
    char text[96];
    json_array_foreach(json_object_get(reply, "tariffs"), i, tariff)
    {
        gw_ctl_table_cell(table, gw_ctl_text(tariff, "tariff"));
        gw_ctl_table_cell(table, gw_ctl_text(tariff, "medium"));
        join(text, sizeof(text), json_object_get(tariff, "payees"), NULL);
        gw_ctl_table_cell(table, text);
        join(text, sizeof(text), json_object_get(tariff, "versions"), "id");
        gw_ctl_table_cell(table, text);
        gw_ctl_table_cell_int(table,
                              (long long)json_array_size(json_object_get(tariff, "critical_days")));
    }
    gw_ctl_table_end(table, "No tariffs. `meterpay tariff load` loads one.");
}

int gw_cmd_tariff_list(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "",
        .about = "Lists the tariffs that meters can be registered with.\n",
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/tariffs");
    int result = gw_ctl_get(&reply, &args, &path);
    if (result == GW_CTL_OK && args.json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        print_list(reply);
    }
    json_decref(reply);
    return result;
}

/* Checked here first, so that a complaint names the file and its line. */
static int load(const struct gw_ctl_args *args, const char *pack)
{
    static struct gw_tariff tariff; /* large */
    char file[GW_TARIFF_PATH_MAX];
    char why[GW_YAML_WHY_MAX];
    size_t len = 0;
    if (gw_tariff_file_find(file, why, sizeof(why), pack) != GW_OK) {
        return gw_ctl_misuse("%s", why);
    }
    if (gw_tariff_file_load(&tariff, NULL, why, sizeof(why), file) != GW_OK) {
        return gw_ctl_no("%s", why);
    }
    char *text = gw_ctl_read_file(&len, file, GW_YAML_BYTES_MAX);
    if (text == NULL) {
        return GW_CTL_USAGE;
    }
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_path_begin(&path, "/v1/tariffs");
    struct gw_ctl_request request = {
        .method = "POST", .path = &path, .text = text, .text_len = len};
    int result = gw_ctl_ask(&reply, args, &request);
    if (result == GW_CTL_OK && args->json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        printf("loaded %s\n", gw_ctl_text(reply, "tariff"));
    }
    json_decref(reply);
    free(text);
    return result;
}

int gw_cmd_tariff_load(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "PACK...",
        .about =
            "Loads tariff packs, or packs with newer versions of tariffs that are loaded. PACK is "
            "a\n"
            "file, or the name of a shipped one such as zhejiang-power. What is in force already\n"
            "may not change: give new prices a later date.\n",
        .rest_min = 1,
        .rest_max = 16,
    };
    struct gw_ctl_args args;
    int result = GW_CTL_OK;
    gw_ctl_parse(&args, argc, argv, &syntax);
    for (int i = 0; i < args.rest_count && result == GW_CTL_OK; i++) {
        result = load(&args, args.rest[i]);
    }
    return result;
}

int gw_cmd_tariff_announce(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "TARIFF DATE",
        .about = "Announces a critical-peak day, such as one that is forecast to be hot, until the "
                 "evening\n"
                 "before: a day that has begun cannot be announced.\n",
        .rest_min = 2,
        .rest_max = 2,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/tariffs");
    gw_ctl_path_part(&path, args.rest[0]);
    gw_ctl_path_part(&path, "critical-days");
    json_t *body = json_pack("{s:s}", "date", args.rest[1]);
    struct gw_ctl_request request = {.method = "POST", .path = &path, .json = body};
    int result = gw_ctl_ask(&reply, &args, &request);
    json_decref(body);
    if (result == GW_CTL_OK && args.json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        printf("announced %s for %s\n", args.rest[1], args.rest[0]);
    }
    json_decref(reply);
    return result;
}
