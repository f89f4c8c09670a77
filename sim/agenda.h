/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is due when: a binary heap of (time, number), with at most one entry for each number. */
#ifndef SIM_AGENDA_H
#define SIM_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_AGENDA_NOT_THERE UINT32_MAX

struct sim_agenda {
    uint32_t count;
    uint32_t max;
    uint32_t *heap;  /**< Owned: numbers, the earliest first. */
    uint32_t *place; /**< Owned: place of each number in the heap, or SIM_AGENDA_NOT_THERE. */
    int64_t *due_us; /**< Owned: by number. */
};

/** Room for the numbers 0 to max - 1. Returns false when there is no memory. */
bool sim_agenda_init(struct sim_agenda *agenda, uint32_t max);
void sim_agenda_deinit(struct sim_agenda *agenda);

/** Put a number in, or move it to another time. */
void sim_agenda_set(struct sim_agenda *agenda, uint32_t number, int64_t due_us);

/** Take a number out; one that is not in is left alone. */
void sim_agenda_remove(struct sim_agenda *agenda, uint32_t number);

/** The earliest entry; of equal times the lowest number. False when there is none. */
bool sim_agenda_first(uint32_t *number, int64_t *due_us, const struct sim_agenda *agenda);

#endif
