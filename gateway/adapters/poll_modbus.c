/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modbus by libmodbus, on a line that is open: RTU frames on a device and through TCP, or Modbus/TCP.
 *
 * libmodbus takes the descriptor; it neither opens nor closes it, so that one line can carry meters of
 * several protocols. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>

#include "gateway/adapters/poll_line.h"

static modbus_t *make_context(const struct gw_line *line, uint8_t address)
{
    const struct gw_line_plan *plan = line->plan;
    /* Device and host are for opening, which is done: the texts only have to be acceptable. */
    modbus_t *context = plan->modbus_tcp ? modbus_new_tcp("127.0.0.1", plan->port)
                                         : modbus_new_rtu("/dev/null", (int)plan->speed,
                                                          plan->parity, 8, plan->stop_bits);
    uint32_t wait_ms = plan->answer_ms + gw_line_frame_ms(plan, 16);
    if (context == NULL) {
        return NULL;
    }
    bool fine = modbus_set_socket(context, line->fd) == 0 &&
                modbus_set_slave(context, address) == 0 &&
                modbus_set_response_timeout(context, wait_ms / 1000u, wait_ms % 1000u * 1000u) == 0;
    if (!fine) {
        modbus_free(context);
        return NULL;
    }
    return context;
}

static bool read_registers(modbus_t *context, uint16_t *words, const struct gw_modbus_map *map,
                           uint32_t index)
{
    const struct gw_modbus_register *reg = &map->registers[index];
    int count = (int)gw_modbus_words(reg);
    int got = map->holding ? modbus_read_registers(context, reg->address, count, words)
                           : modbus_read_input_registers(context, reg->address, count, words);
    return got == count;
}

/* One question for each number. */
static enum gw_talk_said ask(struct gw_line *line, modbus_t *context, struct mt_reading *reading,
                             const struct gw_modbus_map *map)
{
    struct mt_reading read = {.time_us = 0};
    for (uint32_t i = 0; i < map->count; i++) {
        const struct gw_modbus_register *reg = &map->registers[i];
        uint16_t words[GW_MODBUS_WORDS_MAX] = {0};
        int64_t units = 0;
        if (!read_registers(context, words, map, i)) {
            bool refused = errno > MODBUS_ENOBASE && errno < EMBBADCRC;
            (void)snprintf(line->why, sizeof(line->why), "register %u: %s", reg->address,
                           modbus_strerror(errno));
            return refused ? GW_TALK_REFUSED : GW_TALK_SILENT;
        }
        if (gw_modbus_units(&units, reg, words) != MT_OK) {
            (void)snprintf(line->why, sizeof(line->why),
                           "register %u holds no number of energy or volume", reg->address);
            return GW_TALK_REFUSED;
        }
        if (reg->band == 0) {
            read.total = units;
        } else {
            read.band[reg->band - 1u] = units;
            read.band_mask |= (uint8_t)(1u << (reg->band - 1u));
        }
    }
    *reading = read;
    return GW_TALK_ANSWER;
}

enum gw_status gw_line_modbus(struct gw_line *line, enum gw_talk_said *said,
                              struct mt_reading *reading, uint8_t address,
                              const struct gw_modbus_map *map, uint8_t tries)
{
    enum gw_talk_said now = GW_TALK_SILENT;
    enum gw_status status = GW_OK;
    if (line->fd >= FD_SETSIZE) {
        (void)snprintf(line->why, sizeof(line->why), "too many files are open for Modbus");
        return GW_IO;
    }
    modbus_t *context = make_context(line, address);
    if (context == NULL) {
        (void)snprintf(line->why, sizeof(line->why), "Modbus cannot be set up on this line");
        return GW_IO;
    }
    for (uint8_t tried = 0; status == GW_OK && now == GW_TALK_SILENT && tried < tries; tried++) {
        status = gw_line_send(line, NULL, 0); /* only quietens the line */
        if (status == GW_OK) {
            now = ask(line, context, reading, map);
        }
        bool gone = errno == ECONNRESET || errno == EPIPE || errno == EBADF;
        if (status == GW_OK && now == GW_TALK_SILENT && gone) {
            status = GW_IO;
        }
    }
    modbus_free(context); /* the descriptor stays open */
    if (status == GW_OK) {
        *said = now;
    }
    return status;
}
