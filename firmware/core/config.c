/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a meter is told when it starts: defaults, and whether it can work. */
#include "firmware/core/internal.h"

#define PROFILE_SECTORS_MIN 2u
#define MESSAGE_BYTES_MIN 256u /* one reading with all registers and a proof is under 200 */
#define RETRY_US_LONGEST (30 * FW_US_PER_DAY)
#define MINUTE_US (60 * FW_US_PER_S)

void fw_config_default(struct fw_config *config, enum mt_medium medium)
{
    MT_CHECK(config != NULL);
    *config = (struct fw_config){
        .identity.medium = (uint8_t)medium,
        .day_sectors = 2,
        .message_bytes_max = MT_MESSAGE_BYTES_MAX,
        .report_count = 1,
        .interval_us = 15 * MINUTE_US,
        .grace_us = 60 * FW_US_PER_S,
        .spread_us = 60 * FW_US_PER_S,
        .retry_us = 30 * FW_US_PER_S,
        .retry_us_max = 3600 * FW_US_PER_S,
        .round_us_max = 30 * FW_US_PER_S,
        .trust_us = 10 * FW_US_PER_DAY,
        .confirm_open = medium == MT_GAS,
    };
}

static bool times_valid(const struct fw_config *config)
{
    if (config->interval_us < FW_US_PER_S || config->interval_us % FW_US_PER_S != 0 ||
        FW_US_PER_DAY % config->interval_us != 0) {
        return false;
    }
    if (config->grace_us < 0 || config->grace_us > config->interval_us || config->spread_us < 0 ||
        config->spread_us > FW_US_PER_DAY) {
        return false;
    }
    return config->retry_us > 0 && config->retry_us <= config->retry_us_max &&
           config->retry_us_max <= RETRY_US_LONGEST && config->round_us_max > 0 &&
           config->trust_us > 0;
}

bool fw_config_valid(const struct fw_config *config, const struct fw_hal *hal)
{
    MT_CHECK(config != NULL && hal != NULL);
    if (config->identity.medium > MT_GAS || config->identity.maker[0] == '\0' ||
        config->identity.number[0] == '\0') {
        return false;
    }
    if (!fw_calendar_valid(&config->calendar) || !times_valid(config)) {
        return false;
    }
    if (config->message_bytes_max < MESSAGE_BYTES_MIN ||
        config->message_bytes_max > MT_MESSAGE_BYTES_MAX || config->report_count == 0) {
        return false;
    }
    uint32_t others = FW_CHECKPOINT_SECTORS + PROFILE_SECTORS_MIN;
    return config->day_sectors >= 2 && hal->nv_sector_count > others &&
           config->day_sectors <= hal->nv_sector_count - others;
}
