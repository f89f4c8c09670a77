/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Who the meters of a simulated street are: names, keys, households, terms.
 *
 *  Everything follows from the seed and the meter's index. A home has three meters, in the order power,
 *  water, gas, so meter i belongs to home i / 3. The keys are derived from the seed, which whoever reads
 *  the command line knows: they are for simulation, never for a meter on a wall.
 */
#ifndef SIM_SPEC_H
#define SIM_SPEC_H

#include "firmware/core/calendar.h"
#include "meters/cose.h"
#include "meters/keys.h"
#include "meters/name.h"
#include "sim/foreign.h"

#define SIM_METERS_PER_HOME 3u
#define SIM_METERS_MAX 999999u
#define SIM_HOUSEHOLD_MAX 24u
#define SIM_TARIFF_MAX 31u

enum sim_via { SIM_VIA_MQTT = 0, SIM_VIA_COAP = 1, SIM_VIA_BOTH = 2, SIM_VIA_NONE = 3 };

/** Names of the tariffs by medium. */
struct sim_tariffs {
    char name[3][SIM_TARIFF_MAX + 1];
};

struct sim_spec {
    uint32_t index;
    uint32_t home;
    struct mt_identity identity;
    char name[MT_NAME_MAX + 1];
    uint8_t root_key[MT_KEY_BYTES];
    uint8_t sign_secret[MT_SIGN_SECRET_BYTES];
    char household[SIM_HOUSEHOLD_MAX + 1]; /**< "home-0001" and up. */
    uint8_t people;
    bool low_income;
    bool time_of_use;     /**< The household chose time of use for its power. */
    int64_t max_per_hour; /**< Wh or ml that such a meter can measure in an hour. */
    int64_t register_width;
    enum sim_via via;           /**< MQTT or CoAP. */
    struct sim_foreign foreign; /**< Another maker's meter; its protocol is NULL for our own. */
    uint8_t raw_key[SIM_FOREIGN_KEY_MAX]; /**< Of that protocol: foreign.key_len bytes. */
};

/** The meter of an index, 0 to SIM_METERS_MAX - 1. `via` SIM_VIA_BOTH gives each home some of both. */
void sim_spec_make(struct sim_spec *spec, uint64_t seed, uint32_t index, enum sim_via via);

/** Make it another maker's meter, which sends frames of a protocol, if that carries its medium; else it
 *  stays as it is. Name and keys change; what its home uses does not.
 *
 *  In: protocol  NULL: nothing is changed.
 */
void sim_spec_speak(struct sim_spec *spec, uint64_t seed, const struct mt_protocol *protocol);

/** The calendar that every simulated power meter keeps: Guangdong's bands (sharp from July to September). */
void sim_spec_calendar(struct fw_calendar *calendar);

/** The line of a meter for `meterpay meter add --from`: one JSON object and a newline.
 *
 *  Returns: characters written without the NUL; 0 when they do not fit in text_max.
 */
size_t sim_spec_line(char *text, size_t text_max, const struct sim_spec *spec,
                     const struct sim_tariffs *tariffs);
#define SIM_SPEC_LINE_MAX 512u

#endif
