/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the files of the meter share. For this folder only. */
#ifndef FIRMWARE_CORE_INTERNAL_H
#define FIRMWARE_CORE_INTERNAL_H

#include "firmware/core/meter.h"

#define FW_CHECKPOINT_SECTORS 2u

/** True when every field is within its range and the board has room for it. */
bool fw_config_valid(const struct fw_config *config, const struct fw_hal *hal);

/** Check what must hold before and after every call. */
void fw_meter_check(const struct fw_meter *meter);

/** Write meter->now as a checkpoint. Returns FW_OK or FW_IO; a failure is counted in stats, and where the
 *  caller can go on without it he does. */
enum fw_status fw_meter_save(struct fw_meter *meter);

/** The next message counter, set aside durably. Returns FW_OK or FW_IO. */
MT_MUST_USE enum fw_status fw_meter_take_counter(uint32_t *counter, struct fw_meter *meter);

/** A number between 0 and 2^32 - 1; 0 when the board has no entropy now. */
uint32_t fw_meter_chance(struct fw_meter *meter);

/* ---- uplink.c -------------------------------------------------------------------------------- */

/** There may be something to send. */
void fw_uplink_work(struct fw_meter *meter, int64_t now_us);

/** The link's timer, when it rang. */
void fw_uplink_step(struct fw_meter *meter, int64_t now_us);

/** A receipt came, and the journal knows it already: does it answer what is out? */
void fw_uplink_receipt(struct fw_meter *meter, const struct mt_receipt *receipt, int64_t now_us);

/* ---- command.c ------------------------------------------------------------------------------- */

/** Take an authentic, fresh command. Saves it before anything else happens. */
enum fw_down_verdict fw_command_take(struct fw_meter *meter, const struct mt_command *command,
                                     uint64_t counter, int64_t now_us);

/** Carry out what is armed. */
void fw_command_step(struct fw_meter *meter, int64_t now_us);

/** The gateway has the proof of command id. */
void fw_command_proven(struct fw_meter *meter, uint32_t id);

#endif
