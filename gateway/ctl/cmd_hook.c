/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay hook add`, `list` and `remove`: which platforms may push over HTTP. */
#include "gateway/ctl/client.h"
#include "gateway/ctl/input.h"
#include "gateway/ctl/secret.h"

static char *header;
static char *new_secret;
static char *secret_file;

static const struct poptOption add_options[] = {
    {"header", '\0', POPT_ARG_STRING, &header, 0,
     "with hmac-sha256: the header that holds the signature", "NAME"},
    {"new-secret", '\0', POPT_ARG_STRING, &new_secret, 0,
     "make the secret, and write it into this new file", "FILE"},
    {"secret-file", '\0', POPT_ARG_STRING, &secret_file, 0,
     "the secret is this file's first line, 16 to 128 characters", "FILE"},
    POPT_TABLEEND,
};

static void print_added(const json_t *hook)
{
    printf("%s is served at %s; give the platform that address and the secret\n",
           gw_ctl_text(hook, "hook"), gw_ctl_text(hook, "path"));
}

int gw_cmd_hook_add(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = add_options,
        .usage = "HOOK SCHEME (--new-secret FILE | --secret-file FILE) [--header NAME]",
        .about =
            "Lets a platform push to /hook/HOOK. SCHEME is how it proves itself with the "
            "secret:\n"
            "token (Authorization: Bearer SECRET, or ?token=SECRET), hmac-sha256 (of the body, "
            "in hex, in\n"
            "the header) or onenet (its own). A mapping must be for the hook; docs/mappings.md "
            "lists them.\n",
        .rest_min = 2,
        .rest_max = 2,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    gw_ctl_parse(&args, argc, argv, &syntax);
    const struct gw_ctl_secret secret = {.member = "secret",
                                         .new_file = new_secret,
                                         .file = secret_file};
    if (new_secret == NULL && secret_file == NULL) {
        return gw_ctl_misuse("a hook needs its secret: --new-secret FILE or --secret-file FILE.");
    }
    json_t *body = json_pack("{s:s, s:s}", "hook", args.rest[0], "scheme", args.rest[1]);
    if (body == NULL) {
        return gw_ctl_misuse("the names must be UTF-8.");
    }
    if (header != NULL) {
        (void)json_object_set_new(body, "header", json_string(header));
    }
    int result = gw_ctl_secret_put(body, &secret);
    if (result == GW_CTL_OK) {
        gw_ctl_path_begin(&path, "/v1/hooks");
        const struct gw_ctl_request request = {.method = "POST", .path = &path, .json = body};
        result = gw_ctl_show(&args, &request, print_added);
        if (result != GW_CTL_OK) {
            gw_ctl_secret_undo(&secret);
        }
    }
    json_decref(body);
    return result;
}

static void print_hooks(const json_t *reply)
{
    static const char *const titles[] = {"HOOK", "PATH", "SCHEME", "HEADER"};
    static const char *const members[] = {"hook", "path", "scheme", "header"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 4);
    size_t i = 0;
    const json_t *hook = NULL;
    json_array_foreach(json_object_get(reply, "hooks"), i, hook)
    {
        for (size_t m = 0; m < 4; m++) {
            gw_ctl_table_cell(table, gw_ctl_text(hook, members[m]));
        }
    }
    gw_ctl_table_end(table, "No platform may push: meterpay hook add.");
    if (i > 0 && !json_is_true(json_object_get(reply, "listening"))) {
        printf("Nobody listens: set webhook.enabled in the configuration, and restart.\n");
    }
}

int gw_cmd_hook_list(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "",
        .about = "Lists the web hooks that platforms may push to.\n",
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/hooks");
    const struct gw_ctl_request request = {.method = "GET", .path = &path};
    return gw_ctl_show(&args, &request, print_hooks);
}

static void print_removed(const json_t *reply)
{
    printf("%s is no hook any more\n", gw_ctl_text(reply, "hook"));
}

int gw_cmd_hook_remove(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "HOOK",
        .about = "Ends a web hook, at once: what comes there is answered with 404. What was billed "
                 "stays.\n",
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/hooks");
    gw_ctl_path_part(&path, args.rest[0]);
    const struct gw_ctl_request request = {.method = "DELETE", .path = &path};
    return gw_ctl_show(&args, &request, print_removed);
}
