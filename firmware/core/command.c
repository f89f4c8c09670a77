/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Valve commands: taken, saved, carried out, proven. */
#include "firmware/core/internal.h"

#define STUCK_PAUSE_US (10 * FW_US_PER_S) /* between two tries to move a valve */
#define WAITING_PAUSE_US (60 * FW_US_PER_S)

static void change(struct fw_meter *meter, enum fw_valve_event event)
{
    enum fw_valve_state next;
    bool possible = fw_valve_next(&next, meter->now.valve.state, event);
    MT_CHECK(possible);
    meter->now.valve.state = next;
}

static enum fw_down_verdict arm(struct fw_meter *meter, const struct mt_command *command,
                                uint64_t counter, int64_t now_us)
{
    int64_t time_us;
    if (meter->now.valve.has_id && counter <= meter->now.valve.counter) {
        return FW_DOWN_OUTDATED;
    }
    if (!fw_meter_time(&time_us, meter, now_us) || time_us > command->expires_us) {
        return FW_DOWN_EXPIRED;
    }
    change(meter, FW_VALVE_EV_COMMAND);
    meter->now.valve.has_id = true;
    meter->now.valve.id = command->id;
    meter->now.valve.position = command->valve;
    meter->now.valve.expires_us = command->expires_us;
    meter->now.valve.counter = counter;
    return FW_DOWN_COMMAND;
}

enum fw_down_verdict fw_command_take(struct fw_meter *meter, const struct mt_command *command,
                                     uint64_t counter, int64_t now_us)
{
    struct fw_valve_order before = meter->now.valve;
    enum fw_down_verdict verdict = FW_DOWN_COMMAND;
    if (meter->hal->valve_set == NULL) {
        return FW_DOWN_NO_VALVE;
    }
    if (before.has_id && before.id == command->id) {
        change(meter, FW_VALVE_EV_REPEAT);
    } else {
        verdict = arm(meter, command, counter, now_us);
    }
    if (verdict != FW_DOWN_COMMAND) {
        return verdict;
    }
    if (fw_meter_save(meter) != FW_OK) {
        meter->now.valve = before;
        return FW_DOWN_STORAGE;
    }
    meter->stats.commands++;
    meter->valve_up_us = now_us;
    fw_uplink_work(meter, now_us);
    return FW_DOWN_COMMAND;
}

static void settle(struct fw_meter *meter, enum fw_valve_event event, int64_t now_us)
{
    change(meter, event);
    /* Not saved: after a cut the command is carried out again, which leaves the valve where it is. */
    (void)fw_meter_save(meter);
    fw_uplink_work(meter, now_us);
}

static void move(struct fw_meter *meter, int64_t now_us)
{
    enum fw_valve position = (enum fw_valve)meter->now.valve.position;
    if (meter->hal->valve_set(meter->hal->context, position) == FW_OK) {
        settle(meter, FW_VALVE_EV_MOVED, now_us);
    } else {
        change(meter, FW_VALVE_EV_STUCK);
        meter->valve_up_us = now_us + STUCK_PAUSE_US;
    }
}

/* Opening gas from afar could feed a fire: somebody has to stand there. */
static bool needs_hand(const struct fw_meter *meter)
{
    return meter->config.confirm_open && meter->now.valve.position != FW_VALVE_SHUT &&
           meter->hal->valve_get(meter->hal->context) == FW_VALVE_SHUT;
}

void fw_command_step(struct fw_meter *meter, int64_t now_us)
{
    enum fw_valve_state state = meter->now.valve.state;
    int64_t time_us;
    if ((state != FW_VALVE_ARMED && state != FW_VALVE_WAITING) || now_us < meter->valve_up_us) {
        return;
    }
    if (meter->hal->valve_set == NULL || !fw_meter_time(&time_us, meter, now_us)) {
        /* Without the time nobody can tell whether the command still holds: a receipt brings it. */
        meter->valve_up_us = now_us + STUCK_PAUSE_US;
    } else if (time_us > meter->now.valve.expires_us) {
        settle(meter, FW_VALVE_EV_EXPIRED, now_us);
    } else if (state == FW_VALVE_WAITING) {
        meter->valve_up_us = now_us + WAITING_PAUSE_US;
    } else if (needs_hand(meter)) {
        settle(meter, FW_VALVE_EV_HAND_NEEDED, now_us);
        meter->valve_up_us = now_us + WAITING_PAUSE_US;
    } else {
        move(meter, now_us);
    }
}

void fw_meter_confirm(struct fw_meter *meter, int64_t now_us)
{
    fw_meter_check(meter);
    int64_t time_us;
    if (meter->now.valve.state == FW_VALVE_WAITING && fw_meter_time(&time_us, meter, now_us) &&
        time_us <= meter->now.valve.expires_us) {
        move(meter, now_us);
    }
    fw_meter_check(meter);
}

void fw_command_proven(struct fw_meter *meter, uint32_t id)
{
    if (meter->now.valve.state == FW_VALVE_PROVING && meter->now.valve.id == id) {
        change(meter, FW_VALVE_EV_PROVEN);
    }
}
