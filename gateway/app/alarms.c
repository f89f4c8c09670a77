/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/alarms.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/app/log.h"

static const struct {
    const char *name;
    const char *advice;
} texts[GW_ALARM_COUNT] = {
    [GW_ALARM_INTAKE_STOPPED] = {"intake_stopped",
                                 "Make room on the store's disk; intake goes on by itself within a "
                                 "second. Meters keep their readings and send them again."},
    [GW_ALARM_COMMIT_FAILED] = {"commit_failed",
                                "Check the store's disk and file system; nothing that was "
                                "acknowledged is lost."},
    [GW_ALARM_STORE_DAMAGED] =
        {"store_damaged", "Nothing is lost, but the disk gave back other bytes than were written: "
                          "check it, and take a backup to another one."},
    [GW_ALARM_CLOCK_BEHIND] =
        {"clock_behind",
         "Set the machine's clock; intake goes on by itself within a second. If the clock is "
         "right, it was ahead when the store was written: see \"The clock\" in the user guide."},
    [GW_ALARM_CLOCK_STEPPED] =
        {"clock_stepped",
         "Nothing waits. Set the machine's clock; if what it says is right, tell the gateway: "
         "`meterpay clock accept`."},
    [GW_ALARM_DISK_LOW] = {"disk_low",
                           "Make room on the store's disk, or move the store to a larger one."},
    [GW_ALARM_MQTT_DOWN] = {"mqtt_down", "Start the broker, or correct mqtt.host, mqtt.port and "
                                         "mqtt.password_file in the configuration."},
    [GW_ALARM_BROKER_GRANTS] =
        {"broker_grants", "Check mqtt.broker_dir, then add or remove a source, or restart: until "
                          "then the broker lets foreign devices do what they could before."},
    [GW_ALARM_BROKER_KEYS] =
        {"broker_keys", "Check mqtt.broker_dir: new meters cannot connect over MQTT until the "
                        "broker has their keys."},
    [GW_ALARM_OPERATOR_TRUST] =
        {"operator_trust", "Check the operator's certificates, our signing key and the clock; "
                           "orders wait meanwhile."},
    [GW_ALARM_OPERATOR_GARBLED] =
        {"operator_garbled", "Ask the operator: its answers do not fit the orders. Orders stay "
                             "unsure until it answers well."},
    [GW_ALARM_ORDERS_UNSURE] = {"orders_unsure",
                                "The operator does not answer. Each order is asked about until it "
                                "does; nothing is sent twice."},
    [GW_ALARM_RECONCILE_DIFFERS] =
        {"reconcile_differs",
         "`meterpay reconcile DAY` names the orders; clear them up with the operator, then let it "
         "be compared again (--again), or accept it with a note (--accept)."},
    [GW_ALARM_RECONCILE_LATE] =
        {"reconcile_late", "Ask the operator for the day's statement; it is fetched again until "
                           "it comes. Orders go on meanwhile."},
    [GW_ALARM_LEDGER] = {"ledger",
                         "Stop the gateway, keep a copy of its store, and report it: the books "
                         "contradict themselves."},
};

void gw_alarms_init(struct gw_alarms *alarms)
{
    memset(alarms, 0, sizeof(*alarms));
    (void)pthread_mutex_init(&alarms->lock, NULL); /* cannot fail without attributes */
}

void gw_alarms_deinit(struct gw_alarms *alarms)
{
    (void)pthread_mutex_destroy(&alarms->lock);
}

void gw_alarm_raise(struct gw_alarms *alarms, enum gw_alarm which, int64_t now_us,
                    const char *format, ...)
{
    struct gw_alarm_view *view = &alarms->views[which];
    char text[GW_ALARM_TEXT_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    (void)pthread_mutex_lock(&alarms->lock);
    bool is_new = !view->raised;
    if (is_new) {
        view->raised = true;
        view->since_us = now_us;
        view->count++;
    }
    memcpy(view->text, text, sizeof(text));
    (void)pthread_mutex_unlock(&alarms->lock);
    if (is_new) {
        gw_log(GW_LOG_WARN, "alarm_raised", "alarm=%s text=\"%s\"", texts[which].name, text);
    }
}

void gw_alarm_clear(struct gw_alarms *alarms, enum gw_alarm which, int64_t now_us)
{
    struct gw_alarm_view *view = &alarms->views[which];
    (void)pthread_mutex_lock(&alarms->lock);
    bool was_raised = view->raised;
    if (was_raised) {
        view->raised = false;
        view->cleared_us = now_us;
    }
    (void)pthread_mutex_unlock(&alarms->lock);
    if (was_raised) {
        gw_log(GW_LOG_INFO, "alarm_cleared", "alarm=%s", texts[which].name);
    }
}

void gw_alarm_set(struct gw_alarms *alarms, enum gw_alarm which, int64_t now_us, bool holds,
                  const char *text)
{
    if (holds) {
        gw_alarm_raise(alarms, which, now_us, "%s", text);
    } else {
        gw_alarm_clear(alarms, which, now_us);
    }
}

void gw_alarm_view(struct gw_alarm_view *view, struct gw_alarms *alarms, enum gw_alarm which)
{
    (void)pthread_mutex_lock(&alarms->lock);
    *view = alarms->views[which];
    (void)pthread_mutex_unlock(&alarms->lock);
}

const char *gw_alarm_name(enum gw_alarm which)
{
    return texts[which].name;
}

const char *gw_alarm_advice(enum gw_alarm which)
{
    return texts[which].advice;
}
