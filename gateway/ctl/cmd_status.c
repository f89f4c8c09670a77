/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay status` and `meterpay alarms`. */
#include <string.h>

#include "gateway/ctl/client.h"

static void print_alarms(const json_t *alarms)
{
    char since[32];
    char cleared[32];
    size_t i = 0;
    json_t *alarm = NULL;
    json_array_foreach((json_t *)alarms, i, alarm)
    {
        bool raised = json_is_true(json_object_get(alarm, "raised"));
        printf("%s %s since %s: %s\n", raised ? "ALARM" : "past ", gw_ctl_text(alarm, "alarm"),
               gw_ctl_time(since, alarm, "since"), gw_ctl_text(alarm, "text"));
        if (raised) {
            printf("      %s\n", gw_ctl_text(alarm, "advice"));
        } else {
            printf("      cleared %s; raised %lld times since the start\n",
                   gw_ctl_time(cleared, alarm, "cleared"), gw_ctl_int(alarm, "count"));
        }
    }
}

static void print_reconcile(const json_t *reconcile)
{
    char next[32];
    const char *problem = gw_ctl_text(reconcile, "problem");
    bool any = json_is_string(json_object_get(reconcile, "last"));
    printf("reconciled %s%s, %lld days differ; next %s%s%s\n", any ? "up to " : "no day yet",
           any ? gw_ctl_text(reconcile, "last") : "", gw_ctl_int(reconcile, "days_differ"),
           gw_ctl_time(next, reconcile, "next"), *problem != '\0' ? "; last trouble: " : "",
           problem);
}

/* Only where somebody uses them. */
static void print_sources(const json_t *sources)
{
    bool up = json_is_true(json_object_get(sources, "connected"));
    long long refused = 0;
    const char *name = NULL;
    json_t *count = NULL;
    json_object_foreach(json_object_get(sources, "refused"), name, count)
    {
        refused += json_integer_value(count);
    }
    if (gw_ctl_int(sources, "bindings") > 0 || gw_ctl_int(sources, "messages") > 0) {
        printf("sources    %lld foreign devices, %lld messages, %lld handed on, %lld refused, %lld "
               "unbound%s%s\n",
               gw_ctl_int(sources, "bindings"), gw_ctl_int(sources, "messages"),
               gw_ctl_int(sources, "handed_on"), refused, gw_ctl_int(sources, "unbound"),
               up ? "" : "; NOT connected: ", up ? "" : gw_ctl_text(sources, "why"));
    }
}

/* Only where somebody uses it. */
static void print_webhook(const json_t *webhook)
{
    if (json_is_true(json_object_get(webhook, "enabled"))) {
        const char *advice = gw_ctl_text(webhook, "last_refused_advice");
        printf("webhook    %lld pushes, %lld not proven, %lld told to come again%s%s%s%s\n",
               gw_ctl_int(webhook, "pushes"),
               gw_ctl_int(webhook, "unsigned") + gw_ctl_int(webhook, "forged") +
                   gw_ctl_int(webhook, "sealed"),
               gw_ctl_int(webhook, "busy"), *advice != '\0' ? "; last refused at " : "",
               gw_ctl_text(webhook, "last_refused_hook"), *advice != '\0' ? ": " : "", advice);
    }
}

static void print_links(const json_t *status)
{
    char since[32];
    const json_t *mqtt = json_object_get(status, "mqtt");
    const json_t *coap = json_object_get(status, "coap");
    const json_t *wallets = json_object_get(status, "operator");
    if (json_is_object(mqtt)) {
        bool up = json_is_true(json_object_get(mqtt, "connected"));
        printf("mqtt       %s since %s, %lld messages, %lld receipts%s%s\n",
               up ? "connected" : "NOT connected", gw_ctl_time(since, mqtt, "since"),
               gw_ctl_int(mqtt, "messages"), gw_ctl_int(mqtt, "receipts"), up ? "" : ": ",
               up ? "" : gw_ctl_text(mqtt, "why"));
    } else {
        printf("mqtt       off\n");
    }
    print_sources(json_object_get(status, "sources"));
    print_webhook(json_object_get(status, "webhook"));
    if (json_is_object(coap)) {
        printf("coap       %lld sessions, %lld messages, %lld answers\n",
               gw_ctl_int(coap, "sessions"), gw_ctl_int(coap, "messages"),
               gw_ctl_int(coap, "answers"));
    } else {
        printf("coap       off\n");
    }
    if (json_is_object(wallets)) {
        const char *problem = gw_ctl_text(wallets, "problem");
        printf(
            "operator   %lld sent, %lld asked, %lld done, %lld refused, %lld without answer%s%s\n",
            gw_ctl_int(wallets, "sent"), gw_ctl_int(wallets, "asked"), gw_ctl_int(wallets, "done"),
            gw_ctl_int(wallets, "refused"), gw_ctl_int(wallets, "no_answer"),
            *problem != '\0' ? "; last trouble: " : "", problem);
    } else {
        printf("operator   off\n");
    }
    print_reconcile(json_object_get(status, "reconcile"));
}

static void print_status(const json_t *status)
{
    char time[32];
    char started[32];
    const json_t *messages = json_object_get(status, "messages");
    const json_t *money = json_object_get(status, "money");
    const json_t *orders = json_object_get(status, "orders");
    const json_t *registry = json_object_get(status, "registry");
    const json_t *store = json_object_get(status, "store");
    const json_t *alarms = json_object_get(status, "alarms");
    printf("gateway    %s, site %s, %s; version %s\n", gw_ctl_text(status, "gateway"),
           gw_ctl_text(status, "site"), gw_ctl_text(status, "state"),
           gw_ctl_text(status, "version"));
    printf("time       %s, started %s", gw_ctl_time(time, status, "time"),
           gw_ctl_time(started, status, "started"));
    if (gw_ctl_int(status, "clock_speed") != 1) {
        printf(", simulated at %lld times real time", gw_ctl_int(status, "clock_speed"));
    }
    printf("\nreadings   %lld; messages refused since the start: %lld\n",
           gw_ctl_int(status, "readings"), gw_ctl_int(messages, "refused"));
    printf("money      %s yuan charged, %s settled, %s in open orders\n",
           gw_ctl_text(money, "charged_yuan"), gw_ctl_text(money, "settled_yuan"),
           gw_ctl_text(money, "ordered_yuan"));
    printf("orders     %lld open, %lld unsure, %lld done, %lld refused\n",
           gw_ctl_int(orders, "open"), gw_ctl_int(orders, "unsure"), gw_ctl_int(orders, "done"),
           gw_ctl_int(orders, "refused"));
    printf("registry   %lld of %lld meters, %lld of %lld households, %lld tariffs\n",
           gw_ctl_int(registry, "meters"), gw_ctl_int(registry, "meters_max"),
           gw_ctl_int(registry, "households"), gw_ctl_int(registry, "households_max"),
           gw_ctl_int(registry, "tariffs"));
    printf(
        "store      block %lld, %lld KiB, log %lld KiB, %lld MiB free on the disk; longest commit "
        "of the last minute %lld us\n",
        gw_ctl_int(store, "block"), gw_ctl_int(store, "database_bytes") / 1024,
        gw_ctl_int(store, "log_bytes") / 1024, gw_ctl_int(store, "disk_free_bytes") / 1048576,
        gw_ctl_int(store, "commit_us_max"));
    print_links(status);
    if (json_array_size(alarms) == 0) {
        printf("alarms     none\n");
    } else {
        print_alarms(alarms);
    }
}

static int show(const struct gw_ctl_args *args, const char *start,
                void (*print)(const json_t *reply))
{
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_path_begin(&path, start);
    int result = gw_ctl_get(&reply, args, &path);
    if (result != GW_CTL_OK) {
        return result;
    }
    if (args->json) {
        gw_ctl_print_json(reply);
    } else {
        print(reply);
    }
    json_decref(reply);
    return GW_CTL_OK;
}

int gw_cmd_status(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "",
        .about =
            "What the gateway is doing: readings, refusals, money, orders, adapters and alarms.\n",
    };
    struct gw_ctl_args args;
    gw_ctl_parse(&args, argc, argv, &syntax);
    return show(&args, "/v1/status", print_status);
}

static void print_alarm_list(const json_t *reply)
{
    const json_t *alarms = json_object_get(reply, "alarms");
    if (json_array_size(alarms) == 0) {
        printf("No alarm, now or since the start.\n");
    }
    print_alarms(alarms);
}

int gw_cmd_alarms(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "",
        .about = "What needs a person's attention, with advice, and what did since the start.\n",
    };
    struct gw_ctl_args args;
    gw_ctl_parse(&args, argc, argv, &syntax);
    return show(&args, "/v1/alarms", print_alarm_list);
}
