/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A bad road between meters and gateway: packets get lost, come twice, come late, overtake each other.
 *
 *  Nothing is sent here: packets are kept until their time, then handed to whoever asks.
 */
#ifndef SIM_RADIO_H
#define SIM_RADIO_H

#include <stddef.h>

#include "sim/agenda.h"
#include "sim/seed.h"

#define SIM_RADIO_PACKETS_MAX 65536u /**< On the road at a time; more are lost, as on any road. */
#define SIM_RADIO_PACKET_BYTES_MAX 4096u

/** How bad. Parts per million; times in microseconds. */
struct sim_radio_faults {
    uint32_t loss_ppm;
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm; /**< Delayed by up to late_us_max instead of delay_us_max. */
    int64_t delay_us_min;
    int64_t delay_us_max;
    int64_t late_us_max;
};

struct sim_packet {
    uint32_t meter;
    bool down;     /**< To the meter. */
    uint8_t frame; /**< enum fw_frame, upwards. */
    size_t len;
    uint8_t *bytes; /**< Owned by the radio. */
};

struct sim_radio {
    struct sim_radio_faults faults;
    struct sim_random random;
    struct sim_agenda agenda;
    struct sim_packet *packets; /**< Owned; free ones are chained through `meter`. */
    uint32_t free_first;
    uint64_t lost, duplicated, late;
};

/** Returns false when there is no memory. */
bool sim_radio_init(struct sim_radio *radio, uint64_t seed, const struct sim_radio_faults *faults,
                    uint32_t packets_max);
void sim_radio_deinit(struct sim_radio *radio);

/** Send a packet at now_us; its bytes are copied. */
void sim_radio_send(struct sim_radio *radio, const struct sim_packet *packet, int64_t now_us);

/** Let a packet arrive at a moment, whatever befalls others. */
void sim_radio_post(struct sim_radio *radio, const struct sim_packet *packet, int64_t due_us);

/** When the next packet arrives. False: none is on the road. */
bool sim_radio_next(int64_t *due_us, const struct sim_radio *radio);

/** Take the next packet off the road, if it is due by now_us. Its bytes are the caller's, to be freed. */
bool sim_radio_take(struct sim_packet *packet, struct sim_radio *radio, int64_t now_us);

/** Packets on their way down to a meter that lost power vanish. */
void sim_radio_forget(struct sim_radio *radio, uint32_t meter);

#endif
