/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay source add`, `list`, `remove` and `refusals`: which foreign device is which meter. */
#include "gateway/ctl/client.h"
#include "gateway/ctl/input.h"
#include "gateway/ctl/secret.h"

static char *channel;
static char *unit;
static char *user;
static char *new_password;
static char *password_file;

/* ---- add ------------------------------------------------------------------------------------------------ */

static const struct poptOption add_options[] = {
    {"channel", 'c', POPT_ARG_STRING, &channel, 0,
     "which value of the device, where it has several", "TEXT"},
    {"unit", 'u', POPT_ARG_STRING, &unit, 0, "what it counts in, where nothing else says so",
     "UNIT"},
    {"user", '\0', POPT_ARG_STRING, &user, 0,
     "who publishes it at the broker: may write to this device's topics, and to no others", "NAME"},
    {"new-password", '\0', POPT_ARG_STRING, &new_password, 0,
     "make a password for the user, and write it into this new file", "FILE"},
    {"password-file", '\0', POPT_ARG_STRING, &password_file, 0,
     "the user's password is this file's first line, 12 to 64 characters", "FILE"},
    POPT_TABLEEND,
};

static void put_optional(json_t *body, const char *name, const char *value)
{
    if (value != NULL) {
        (void)json_object_set_new(body, name, json_string(value));
    }
}

static void print_bound(const json_t *source)
{
    printf("%s of %s is %s\n", gw_ctl_text(source, "device"), gw_ctl_text(source, "mapping"),
           gw_ctl_text(source, "meter"));
}

int gw_cmd_source_add(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = add_options,
        .usage = "MAPPING DEVICE METER [--channel TEXT] [--unit UNIT] [--user NAME "
                 "[--new-password FILE]]",
        .about =
            "Says that a foreign device is a meter: what it publishes at the broker, or what its "
            "platform\n"
            "brings, is billed as that meter's. The meter must accept its carrier's word. "
            "docs/mappings.md\n"
            "lists the mappings. At once in force.\n",
        .rest_min = 3,
        .rest_max = 3,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    gw_ctl_parse(&args, argc, argv, &syntax);
    json_t *body = json_pack("{s:s, s:s, s:s}", "mapping", args.rest[0], "device", args.rest[1],
                             "meter", args.rest[2]);
    if (body == NULL) {
        return gw_ctl_misuse("the names must be UTF-8.");
    }
    put_optional(body, "channel", channel);
    put_optional(body, "unit", unit);
    put_optional(body, "user", user);
    const struct gw_ctl_secret secret = {.member = "password",
                                         .new_file = new_password,
                                         .file = password_file};
    int result = gw_ctl_secret_put(body, &secret);
    if (result == GW_CTL_OK) {
        gw_ctl_path_begin(&path, "/v1/sources");
        const struct gw_ctl_request request = {.method = "POST", .path = &path, .json = body};
        result = gw_ctl_show(&args, &request, print_bound);
        if (result != GW_CTL_OK) {
            gw_ctl_secret_undo(&secret);
        }
    }
    json_decref(body);
    return result;
}

/* ---- list, remove, refusals ------------------------------------------------------------------------------ */

static void print_sources(const json_t *list)
{
    static const char *const titles[] = {"METER", "MAPPING", "DEVICE", "CHANNEL", "UNIT", "USER"};
    static const char *const members[] = {"meter", "mapping", "device", "channel", "unit", "user"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 6);
    size_t i = 0;
    const json_t *source = NULL;
    json_array_foreach(list, i, source)
    {
        for (size_t m = 0; m < 6; m++) {
            gw_ctl_table_cell(table, gw_ctl_text(source, members[m]));
        }
    }
    gw_ctl_table_end(table, "No foreign device is bound: meterpay source add.");
}

/* All pages as one list, owned by the caller; NULL with a complaint. */
static json_t *fetch_sources(int *result, const struct gw_ctl_args *args)
{
    json_t *all = json_array();
    char after[32] = "0";
    for (bool more = true; more;) {
        struct gw_ctl_path path;
        json_t *reply = NULL;
        gw_ctl_path_begin(&path, "/v1/sources");
        gw_ctl_path_query(&path, "limit", "1000");
        gw_ctl_path_query(&path, "after", after);
        *result = gw_ctl_get(&reply, args, &path);
        if (*result != GW_CTL_OK) {
            json_decref(all);
            return NULL;
        }
        (void)json_array_extend(all, json_object_get(reply, "sources"));
        more = json_is_integer(json_object_get(reply, "next"));
        (void)snprintf(after, sizeof(after), "%lld", gw_ctl_int(reply, "next"));
        json_decref(reply);
    }
    return all;
}

int gw_cmd_source_list(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "",
        .about = "Lists the foreign devices that are bound to meters.\n",
    };
    struct gw_ctl_args args;
    int result = GW_CTL_OK;
    gw_ctl_parse(&args, argc, argv, &syntax);
    json_t *all = fetch_sources(&result, &args);
    if (all != NULL && args.json) {
        json_t *reply = json_pack("{s:O}", "sources", all);
        gw_ctl_print_json(reply);
        json_decref(reply);
    } else if (all != NULL) {
        print_sources(all);
    }
    json_decref(all);
    return result;
}

static void print_removed(const json_t *reply)
{
    printf("%s has no foreign device any more\n", gw_ctl_text(reply, "meter"));
}

int gw_cmd_source_remove(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "METER",
        .about = "Unbinds a meter's foreign device. What was billed stays. The broker's user goes "
                 "with its last\n"
                 "device; a connection that it has open may stay until it is closed, and what it "
                 "says is not\n"
                 "taken any more.\n",
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/sources");
    gw_ctl_path_part(&path, args.rest[0]);
    const struct gw_ctl_request request = {.method = "DELETE", .path = &path};
    return gw_ctl_show(&args, &request, print_removed);
}

static void print_refusals(const json_t *reply)
{
    static const char *const titles[] = {"TIME", "MAPPING", "DEVICE", "CHANNEL", "VERDICT", "WHY"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 6);
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(json_object_get(reply, "refusals"), i, row)
    {
        char time[32];
        gw_ctl_table_cell(table, gw_ctl_time(time, row, "time"));
        gw_ctl_table_cell(table, gw_ctl_text(row, "mapping"));
        gw_ctl_table_cell(table, gw_ctl_text(row, "device"));
        gw_ctl_table_cell(table, gw_ctl_text(row, "channel"));
        gw_ctl_table_cell(table, gw_ctl_text(row, "verdict"));
        gw_ctl_table_cell(table, gw_ctl_text(row, "why"));
    }
    gw_ctl_table_end(table, "No foreign message was refused since the start.");
}

int gw_cmd_source_refusals(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "",
        .about = "Shows the newest foreign messages that gave no reading, and why. What came "
                 "through and "
                 "was\n"
                 "refused as a reading is among `meterpay refusals`.\n",
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/source-refusals");
    const struct gw_ctl_request request = {.method = "GET", .path = &path};
    return gw_ctl_show(&args, &request, print_refusals);
}
