/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What needs a person's attention: raised and cleared by whoever watches, shown by status and alarms.
 *
 *  An alarm keeps since when, how often and why it was raised. Raising and clearing are logged, once
 *  each. Any thread.
 */
#ifndef GATEWAY_APP_ALARMS_H
#define GATEWAY_APP_ALARMS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum gw_alarm {
    GW_ALARM_INTAKE_STOPPED, /**< The disk is full: no message is taken. */
    GW_ALARM_COMMIT_FAILED,  /**< The store failed; what it holds is read again. */
    GW_ALARM_STORE_DAMAGED,  /**< Images of state were not as written; blocks were read instead. */
    GW_ALARM_CLOCK_BEHIND,   /**< The clock is before the store's newest block: intake waits. */
    GW_ALARM_CLOCK_STEPPED,  /**< The machine's clock jumped: the steady one is followed. */
    GW_ALARM_DISK_LOW,       /**< Less room than store.free_min. */
    GW_ALARM_MQTT_DOWN,      /**< No connection to the broker. */
    GW_ALARM_BROKER_GRANTS,  /**< What foreign devices may at the broker is not up to date. */
    GW_ALARM_BROKER_KEYS,    /**< The broker's key file could not be brought up to date. */
    GW_ALARM_OPERATOR_TRUST, /**< The operator does not believe our keys, or we not its. */
    GW_ALARM_OPERATOR_GARBLED,  /**< The operator's answers contradict the orders. */
    GW_ALARM_ORDERS_UNSURE,     /**< Orders whose outcome nobody knows. */
    GW_ALARM_RECONCILE_DIFFERS, /**< A day's orders are not the same in the operator's books. */
    GW_ALARM_RECONCILE_LATE,    /**< A day could not be reconciled with the operator. */
    GW_ALARM_LEDGER,            /**< The last ledger check found a broken invariant. */
    GW_ALARM_COUNT
};

#define GW_ALARM_TEXT_MAX 240u

struct gw_alarm_view {
    bool raised;
    int64_t since_us; /**< When it was raised; 0: never. */
    int64_t cleared_us;
    uint64_t count; /**< Times raised since the start. */
    char text[GW_ALARM_TEXT_MAX];
};

struct gw_alarms {
    pthread_mutex_t lock;
    struct gw_alarm_view views[GW_ALARM_COUNT];
};

void gw_alarms_init(struct gw_alarms *alarms);
void gw_alarms_deinit(struct gw_alarms *alarms);

/** Raise, or renew the text of one that is raised. */
void gw_alarm_raise(struct gw_alarms *alarms, enum gw_alarm which, int64_t now_us,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
void gw_alarm_clear(struct gw_alarms *alarms, enum gw_alarm which, int64_t now_us);
/** Raise with text when the condition holds, else clear. */
void gw_alarm_set(struct gw_alarms *alarms, enum gw_alarm which, int64_t now_us, bool holds,
                  const char *text);

void gw_alarm_view(struct gw_alarm_view *view, struct gw_alarms *alarms, enum gw_alarm which);
/** "disk_low" and so on. Never NULL. */
const char *gw_alarm_name(enum gw_alarm which);
/** What to do about it. Never NULL. */
const char *gw_alarm_advice(enum gw_alarm which);

#endif
