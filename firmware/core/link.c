/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table behind the picture in the header, and the pause between attempts. */
#include "firmware/core/link.h"

#include <stddef.h>

struct row {
    enum fw_link_state state;
    enum fw_link_event event;
    struct fw_link_edge edge;
};

static const struct row rows[] = {
    {FW_LINK_QUIET, FW_LINK_EV_WORK, {FW_LINK_SPREAD, FW_LINK_DO_SPREAD}},

    {FW_LINK_SPREAD, FW_LINK_EV_WORK, {FW_LINK_SPREAD, FW_LINK_DO_NOTHING}},
    {FW_LINK_SPREAD, FW_LINK_EV_TIMER, {FW_LINK_SENT, FW_LINK_DO_SEND}},
    {FW_LINK_SPREAD, FW_LINK_EV_NOTHING, {FW_LINK_QUIET, FW_LINK_DO_NOTHING}},

    {FW_LINK_SENT, FW_LINK_EV_WORK, {FW_LINK_SENT, FW_LINK_DO_NOTHING}},
    {FW_LINK_SENT, FW_LINK_EV_TIMER, {FW_LINK_SENT, FW_LINK_DO_REPEAT}},
    {FW_LINK_SENT, FW_LINK_EV_ANSWER_MORE, {FW_LINK_SPREAD, FW_LINK_DO_CONTINUE}},
    {FW_LINK_SENT, FW_LINK_EV_GIVE_UP, {FW_LINK_SPREAD, FW_LINK_DO_CONTINUE}},
    {FW_LINK_SENT, FW_LINK_EV_ANSWER_LAST, {FW_LINK_QUIET, FW_LINK_DO_NOTHING}},
};

bool fw_link_next(struct fw_link_edge *edge, enum fw_link_state state, enum fw_link_event event)
{
    MT_CHECK(edge != NULL);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].state == state && rows[i].event == event) {
            *edge = rows[i].edge;
            return true;
        }
    }
    return false;
}

int64_t fw_link_pause_us(uint32_t attempts, int64_t base_us, int64_t longest_us, uint32_t chance)
{
    MT_CHECK(attempts > 0);
    MT_CHECK(base_us > 0 && base_us <= longest_us && longest_us < INT64_MAX / 4);
    int64_t pause_us = base_us;
    for (uint32_t i = 1; i < attempts && pause_us < longest_us; i++) {
        pause_us *= 2;
    }
    if (pause_us > longest_us) {
        pause_us = longest_us;
    }
    /* 65,536 steps of chance are plenty, and keep the product small. */
    int64_t part = (int64_t)(chance & 0xFFFFu);
    return pause_us + pause_us / 2 / 65536 * part;
}
