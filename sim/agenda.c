/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The heap. Ties go by number, so that a run repeats exactly. */
#include "sim/agenda.h"

#include <stddef.h>
#include <stdlib.h>

#include "meters/check.h"

bool sim_agenda_init(struct sim_agenda *agenda, uint32_t max)
{
    MT_CHECK(agenda != NULL && max > 0 && max < SIM_AGENDA_NOT_THERE);
    *agenda = (struct sim_agenda){.max = max};
    agenda->heap = calloc(max, sizeof(*agenda->heap));
    agenda->place = calloc(max, sizeof(*agenda->place));
    agenda->due_us = calloc(max, sizeof(*agenda->due_us));
    if (agenda->heap == NULL || agenda->place == NULL || agenda->due_us == NULL) {
        sim_agenda_deinit(agenda);
        return false;
    }
    for (uint32_t i = 0; i < max; i++) {
        agenda->place[i] = SIM_AGENDA_NOT_THERE;
    }
    return true;
}

void sim_agenda_deinit(struct sim_agenda *agenda)
{
    free(agenda->heap);
    free(agenda->place);
    free(agenda->due_us);
    *agenda = (struct sim_agenda){0};
}

static bool before(const struct sim_agenda *agenda, uint32_t a, uint32_t b)
{
    int64_t a_us = agenda->due_us[a];
    int64_t b_us = agenda->due_us[b];
    return a_us < b_us || (a_us == b_us && a < b);
}

static void put(struct sim_agenda *agenda, uint32_t place, uint32_t number)
{
    agenda->heap[place] = number;
    agenda->place[number] = place;
}

static void rise(struct sim_agenda *agenda, uint32_t place)
{
    uint32_t number = agenda->heap[place];
    while (place > 0 && before(agenda, number, agenda->heap[(place - 1) / 2])) {
        put(agenda, place, agenda->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(agenda, place, number);
}

static void sink(struct sim_agenda *agenda, uint32_t place)
{
    uint32_t number = agenda->heap[place];
    for (uint32_t child = 2 * place + 1; child < agenda->count; child = 2 * place + 1) {
        if (child + 1 < agenda->count &&
            before(agenda, agenda->heap[child + 1], agenda->heap[child])) {
            child++;
        }
        if (!before(agenda, agenda->heap[child], number)) {
            break;
        }
        put(agenda, place, agenda->heap[child]);
        place = child;
    }
    put(agenda, place, number);
}

void sim_agenda_set(struct sim_agenda *agenda, uint32_t number, int64_t due_us)
{
    MT_CHECK(number < agenda->max);
    agenda->due_us[number] = due_us;
    if (agenda->place[number] == SIM_AGENDA_NOT_THERE) {
        put(agenda, agenda->count++, number);
    }
    rise(agenda, agenda->place[number]);
    sink(agenda, agenda->place[number]);
}

void sim_agenda_remove(struct sim_agenda *agenda, uint32_t number)
{
    MT_CHECK(number < agenda->max);
    uint32_t place = agenda->place[number];
    if (place == SIM_AGENDA_NOT_THERE) {
        return;
    }
    uint32_t last = agenda->heap[--agenda->count];
    agenda->place[number] = SIM_AGENDA_NOT_THERE;
    if (last != number) {
        put(agenda, place, last);
        rise(agenda, place);
        sink(agenda, agenda->place[last]);
    }
}

bool sim_agenda_first(uint32_t *number, int64_t *due_us, const struct sim_agenda *agenda)
{
    if (agenda->count == 0) {
        return false;
    }
    *number = agenda->heap[0];
    *due_us = agenda->due_us[*number];
    return true;
}
