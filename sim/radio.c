/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The road. */
#include "sim/radio.h"

#include <stdlib.h>
#include <string.h>

#include "meters/check.h"

#define NONE UINT32_MAX

bool sim_radio_init(struct sim_radio *radio, uint64_t seed, const struct sim_radio_faults *faults,
                    uint32_t packets_max)
{
    MT_CHECK(radio != NULL && faults != NULL && packets_max <= SIM_RADIO_PACKETS_MAX);
    MT_CHECK(faults->delay_us_min >= 0 && faults->delay_us_min <= faults->delay_us_max);
    *radio = (struct sim_radio){.faults = *faults, .random = {seed}};
    radio->packets = calloc(packets_max, sizeof(*radio->packets));
    if (radio->packets == NULL || !sim_agenda_init(&radio->agenda, packets_max)) {
        free(radio->packets);
        radio->packets = NULL;
        return false;
    }
    for (uint32_t i = 0; i < packets_max; i++) {
        radio->packets[i].meter = i + 1 < packets_max ? i + 1 : NONE;
    }
    radio->free_first = 0;
    return true;
}

void sim_radio_deinit(struct sim_radio *radio)
{
    uint32_t number;
    int64_t due_us;
    while (sim_agenda_first(&number, &due_us, &radio->agenda)) {
        sim_agenda_remove(&radio->agenda, number);
        free(radio->packets[number].bytes);
    }
    sim_agenda_deinit(&radio->agenda);
    free(radio->packets);
    radio->packets = NULL;
}

static bool happens(struct sim_radio *radio, uint32_t ppm)
{
    return ppm > 0 && sim_chance(sim_random_next(&radio->random), ppm);
}

static int64_t travel_us(struct sim_radio *radio)
{
    const struct sim_radio_faults *faults = &radio->faults;
    int64_t most_us = faults->delay_us_max;
    if (faults->late_us_max > most_us && happens(radio, faults->reorder_ppm)) {
        most_us = faults->late_us_max;
        radio->late++;
    }
    return sim_between(sim_random_next(&radio->random), faults->delay_us_min, most_us);
}

void sim_radio_post(struct sim_radio *radio, const struct sim_packet *packet, int64_t due_us)
{
    uint32_t number = radio->free_first;
    uint8_t *bytes = number != NONE ? malloc(packet->len > 0 ? packet->len : 1) : NULL;
    if (bytes == NULL) {
        radio->lost++;
        return;
    }
    if (packet->len > 0) {
        memcpy(bytes, packet->bytes, packet->len);
    }
    radio->free_first = radio->packets[number].meter;
    radio->packets[number] = *packet;
    radio->packets[number].bytes = bytes;
    sim_agenda_set(&radio->agenda, number, due_us);
}

static void put(struct sim_radio *radio, const struct sim_packet *packet, int64_t now_us)
{
    sim_radio_post(radio, packet, now_us + travel_us(radio));
}

void sim_radio_send(struct sim_radio *radio, const struct sim_packet *packet, int64_t now_us)
{
    MT_CHECK(radio != NULL && packet != NULL && packet->len <= SIM_RADIO_PACKET_BYTES_MAX);
    if (happens(radio, radio->faults.loss_ppm)) {
        radio->lost++;
    } else {
        put(radio, packet, now_us);
    }
    if (happens(radio, radio->faults.duplicate_ppm)) {
        radio->duplicated++;
        put(radio, packet, now_us);
    }
}

bool sim_radio_next(int64_t *due_us, const struct sim_radio *radio)
{
    uint32_t number;
    return sim_agenda_first(&number, due_us, &radio->agenda);
}

static void release(struct sim_radio *radio, uint32_t number)
{
    sim_agenda_remove(&radio->agenda, number);
    radio->packets[number].bytes = NULL;
    radio->packets[number].meter = radio->free_first;
    radio->free_first = number;
}

bool sim_radio_take(struct sim_packet *packet, struct sim_radio *radio, int64_t now_us)
{
    uint32_t number;
    int64_t due_us;
    if (!sim_agenda_first(&number, &due_us, &radio->agenda) || due_us > now_us) {
        return false;
    }
    *packet = radio->packets[number];
    release(radio, number);
    return true;
}

void sim_radio_forget(struct sim_radio *radio, uint32_t meter)
{
    for (uint32_t at = 0; at < radio->agenda.count;) {
        uint32_t number = radio->agenda.heap[at];
        if (radio->packets[number].down && radio->packets[number].meter == meter) {
            free(radio->packets[number].bytes);
            release(radio, number);
            at = 0; /* the heap moved */
        } else {
            at++;
        }
    }
}
