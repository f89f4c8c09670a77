/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table behind the picture in the header. */
#include "firmware/core/valve.h"

struct edge {
    enum fw_valve_state state;
    enum fw_valve_event event;
    enum fw_valve_state next;
};

static const struct edge edges[] = {
    {FW_VALVE_IDLE, FW_VALVE_EV_COMMAND, FW_VALVE_ARMED},
    {FW_VALVE_IDLE, FW_VALVE_EV_REPEAT, FW_VALVE_PROVING}, /* its proof got lost on the way */

    {FW_VALVE_ARMED, FW_VALVE_EV_COMMAND, FW_VALVE_ARMED},
    {FW_VALVE_ARMED, FW_VALVE_EV_REPEAT, FW_VALVE_ARMED},
    {FW_VALVE_ARMED, FW_VALVE_EV_MOVED, FW_VALVE_PROVING},
    {FW_VALVE_ARMED, FW_VALVE_EV_STUCK, FW_VALVE_ARMED},
    {FW_VALVE_ARMED, FW_VALVE_EV_HAND_NEEDED, FW_VALVE_WAITING},
    {FW_VALVE_ARMED, FW_VALVE_EV_EXPIRED, FW_VALVE_PROVING},

    {FW_VALVE_WAITING, FW_VALVE_EV_COMMAND, FW_VALVE_ARMED},
    {FW_VALVE_WAITING, FW_VALVE_EV_REPEAT, FW_VALVE_WAITING},
    {FW_VALVE_WAITING, FW_VALVE_EV_MOVED, FW_VALVE_PROVING},
    {FW_VALVE_WAITING, FW_VALVE_EV_STUCK, FW_VALVE_WAITING},
    {FW_VALVE_WAITING, FW_VALVE_EV_EXPIRED, FW_VALVE_PROVING},

    {FW_VALVE_PROVING, FW_VALVE_EV_COMMAND, FW_VALVE_ARMED},
    {FW_VALVE_PROVING, FW_VALVE_EV_REPEAT, FW_VALVE_PROVING},
    {FW_VALVE_PROVING, FW_VALVE_EV_PROVEN, FW_VALVE_IDLE},
};

bool fw_valve_next(enum fw_valve_state *next, enum fw_valve_state state, enum fw_valve_event event)
{
    MT_CHECK(next != NULL);
    for (unsigned i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        if (edges[i].state == state && edges[i].event == event) {
            *next = edges[i].next;
            return true;
        }
    }
    return false;
}
