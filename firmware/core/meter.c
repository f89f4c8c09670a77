/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter's life: start, counting, records, receipts. */
#include "firmware/core/meter.h"

#include <string.h>

#include "firmware/core/internal.h"

/* Counters that a meter skips when both checkpoint sectors are lost and only records are left: more than
 * it can have used since the newest of them. */
#define COUNTER_RESCUE (1u << 20)

void fw_meter_check(const struct fw_meter *meter)
{
    MT_CHECK(meter != NULL && meter->hal != NULL && meter->work != NULL);
    MT_CHECK(meter->counter <= meter->now.counter_reserved);
    MT_CHECK(meter->now.total >= 0);
    MT_CHECK(meter->link == FW_LINK_QUIET || meter->link == FW_LINK_SPREAD ||
             meter->link == FW_LINK_SENT);
}

static struct fw_log_place place_of(uint32_t first, uint32_t count, uint32_t slot_bytes)
{
    return (struct fw_log_place){.sector_first = first,
                                 .sector_count = count,
                                 .slot_bytes = slot_bytes};
}

/* The newest readable checkpoint. FW_GONE: there is none.
 *
 * What cannot be read behind it was torn by a cut, and then nothing came of it; or it rotted, and then its
 * counters were used. Nobody can tell, so they are skipped. */
static enum fw_status find_checkpoint(struct fw_checkpoint *checkpoint, const struct fw_log *log)
{
    uint8_t bytes[FW_CHECKPOINT_BYTES];
    uint32_t skipped = 0;
    for (uint32_t position = log->end; position > log->oldest; position--) {
        enum fw_status st = fw_log_read(bytes, log, position - 1);
        if (st == FW_OK && fw_checkpoint_decode(checkpoint, bytes)) {
            uint32_t room = UINT32_MAX - checkpoint->counter_reserved;
            uint32_t more = skipped * FW_COUNTER_RESERVE; /* a log has far fewer slots than 2^24 */
            checkpoint->counter_reserved += more < room ? more : room;
            return FW_OK;
        }
        if (st == FW_IO) {
            return FW_IO;
        }
        skipped++;
    }
    return FW_GONE;
}

/* What the newest record knows better than the checkpoint, because it was written later. */
static void take_newest_record(struct fw_meter *meter, bool has_checkpoint)
{
    const struct fw_record *newest = &meter->journal.newest;
    if (!meter->journal.has_newest) {
        return;
    }
    if (newest->reading.total > meter->now.total || !has_checkpoint) {
        meter->now.total = newest->reading.total;
        memcpy(meter->now.band, newest->reading.band, sizeof(meter->now.band));
    }
    if (newest->reading.time_us > meter->now.recorded_us) {
        meter->now.recorded_us = newest->reading.time_us;
    }
    if (!has_checkpoint) {
        meter->now.counter_reserved = newest->counter_reserved + COUNTER_RESCUE;
    }
}

static enum fw_status recover(struct fw_meter *meter)
{
    const struct fw_config *config = &meter->config;
    uint32_t profile_first = FW_CHECKPOINT_SECTORS + config->day_sectors;
    struct fw_log_place checkpoints = place_of(0, FW_CHECKPOINT_SECTORS, FW_CHECKPOINT_SLOT_BYTES);
    struct fw_journal_place journal = {
        .days = place_of(FW_CHECKPOINT_SECTORS, config->day_sectors, FW_RECORD_SLOT_BYTES),
        .profile = place_of(profile_first, meter->hal->nv_sector_count - profile_first,
                            FW_RECORD_SLOT_BYTES),
    };
    enum fw_status st = fw_log_open(&meter->checkpoints, meter->hal, &checkpoints);
    if (st != FW_OK) {
        return st;
    }
    st = find_checkpoint(&meter->now, &meter->checkpoints);
    bool has_checkpoint = st == FW_OK;
    if (st == FW_IO) {
        return st;
    }
    st =
        fw_journal_open(&meter->journal, meter->hal, &journal, has_checkpoint ? &meter->now : NULL);
    if (st != FW_OK) {
        return st;
    }
    take_newest_record(meter, has_checkpoint);
    return FW_OK;
}

static void start_clock(struct fw_meter *meter, int64_t now_us)
{
    int64_t time_us;
    fw_clock_init(&meter->clock, meter->config.round_us_max, meter->config.trust_us);
    if (meter->hal->rtc_read != NULL &&
        meter->hal->rtc_read(meter->hal->context, &time_us) == FW_OK && time_us > 0) {
        fw_clock_set(&meter->clock, time_us, now_us);
    }
}

/* Set aside counters for this boot: whatever was set aside before may have been used. */
static enum fw_status start_counter(struct fw_meter *meter)
{
    uint32_t start = meter->now.counter_reserved > 0 ? meter->now.counter_reserved : 1;
    if (start > UINT32_MAX - FW_COUNTER_RESERVE) {
        return FW_IO; /* used up: the meter needs a new root key */
    }
    meter->counter = start;
    meter->now.counter_reserved = start + FW_COUNTER_RESERVE;
    return FW_OK;
}

static uint8_t flags_now(const struct fw_meter *meter, int64_t now_us)
{
    unsigned flags = meter->flags;
    if (fw_clock_doubtful(&meter->clock, now_us)) {
        flags |= MT_FLAG_CLOCK_DOUBT;
    }
    if (meter->hal->valve_get != NULL &&
        meter->hal->valve_get(meter->hal->context) == FW_VALVE_SHUT) {
        flags |= MT_FLAG_VALVE_SHUT;
    }
    return (uint8_t)flags;
}

/* The boundary at or before a time, and whether it still wants its record. */
static bool wants_record(int64_t *boundary_us, const struct fw_meter *meter, int64_t time_us)
{
    *boundary_us = time_us - time_us % meter->config.interval_us;
    return *boundary_us > meter->now.recorded_us &&
           time_us - *boundary_us <= meter->config.grace_us;
}

static void record(struct fw_meter *meter, int64_t now_us)
{
    int64_t time_us;
    int64_t boundary_us;
    if (!fw_meter_time(&time_us, meter, now_us) || !wants_record(&boundary_us, meter, time_us)) {
        return;
    }
    struct mt_reading reading = {
        .time_us = boundary_us,
        .total = meter->now.total,
        .band_mask = fw_calendar_mask(&meter->config.calendar),
        .flags = flags_now(meter, now_us),
    };
    memcpy(reading.band, meter->now.band, sizeof(reading.band));
    if (fw_journal_append(&meter->journal, &reading, fw_local_midnight(boundary_us),
                          meter->now.counter_reserved) != FW_OK) {
        meter->stats.storage_errors++;
        return;
    }
    meter->now.recorded_us = boundary_us;
    meter->stats.records++;
    fw_uplink_work(meter, now_us);
}

/* When to look again. A record that the storage refused is tried each second within its grace. */
static void plan_record(struct fw_meter *meter, int64_t now_us)
{
    int64_t time_us;
    int64_t boundary_us;
    meter->record_up_us = INT64_MAX;
    if (!fw_meter_time(&time_us, meter, now_us)) {
        return;
    }
    if (wants_record(&boundary_us, meter, time_us)) {
        bool fresh = time_us == boundary_us;
        meter->record_up_us = now_us + (fresh ? 0 : FW_US_PER_S);
        return;
    }
    int64_t last_us = boundary_us > meter->now.recorded_us ? boundary_us : meter->now.recorded_us;
    meter->record_up_us = now_us + (last_us + meter->config.interval_us - time_us);
}

/* After the clock moved far back, times that lie ahead were never real. Without this the meter would
 * take no record until they come. A small step back keeps them: those records are out already. */
static void forget_future(struct fw_meter *meter, int64_t now_us)
{
    int64_t time_us;
    if (!fw_meter_time(&time_us, meter, now_us) ||
        meter->now.recorded_us - time_us <= meter->config.interval_us) {
        return;
    }
    meter->now.recorded_us = time_us;
    if (meter->now.day_proven_us > time_us) {
        meter->now.day_proven_us = time_us;
    }
}

enum fw_status fw_meter_init(struct fw_meter *meter, const struct fw_config *config,
                             const struct fw_hal *hal, struct fw_work *work, int64_t now_us)
{
    MT_CHECK(meter != NULL && config != NULL && work != NULL);
    if (!fw_hal_valid(hal) || !fw_config_valid(config, hal)) {
        return FW_INVALID;
    }
    memset(meter, 0, sizeof(*meter));
    meter->config = *config;
    meter->hal = hal;
    meter->work = work;
    meter->snapshot_up_us = now_us;
    meter->valve_up_us = now_us;
    if (mt_key_derive(meter->up_key, config->root_key, MT_KEY_UP, &config->identity) != MT_OK ||
        mt_key_derive(meter->down_key, config->root_key, MT_KEY_DOWN, &config->identity) != MT_OK) {
        return FW_INVALID;
    }
    enum fw_status st = recover(meter);
    if (st == FW_OK) {
        st = start_counter(meter);
    }
    if (st != FW_OK) {
        return st;
    }
    fw_window_init(&meter->window, meter->now.down_counter);
    start_clock(meter, now_us);
    forget_future(meter, now_us);
    meter->now.boots++;
    st = fw_meter_save(meter);
    if (st == FW_OK) {
        plan_record(meter, now_us);
        fw_uplink_work(meter, now_us);
        fw_meter_check(meter);
    }
    return st;
}

enum fw_status fw_meter_save(struct fw_meter *meter)
{
    uint8_t bytes[FW_CHECKPOINT_BYTES];
    meter->now.next_seq = meter->journal.next_seq;
    meter->now.acked_seq = meter->journal.acked_seq;
    meter->now.dropped_count = meter->journal.dropped_count;
    meter->now.down_counter = meter->window.highest;
    fw_checkpoint_encode(bytes, &meter->now);
    enum fw_status st = fw_log_append(&meter->checkpoints, bytes);
    meter->stats.storage_errors += st == FW_OK ? 0 : 1;
    return st;
}

enum fw_status fw_meter_take_counter(uint32_t *counter, struct fw_meter *meter)
{
    if (meter->counter == meter->now.counter_reserved) {
        if (meter->counter > UINT32_MAX - FW_COUNTER_RESERVE) {
            return FW_IO;
        }
        meter->now.counter_reserved += FW_COUNTER_RESERVE;
        if (fw_meter_save(meter) != FW_OK) {
            meter->now.counter_reserved -= FW_COUNTER_RESERVE;
            return FW_IO;
        }
    }
    *counter = meter->counter++;
    return FW_OK;
}

uint32_t fw_meter_chance(struct fw_meter *meter)
{
    uint32_t chance = 0;
    if (meter->hal->entropy(meter->hal->context, &chance, sizeof(chance)) != FW_OK) {
        return 0;
    }
    return chance;
}

bool fw_meter_time(int64_t *time_us, const struct fw_meter *meter, int64_t now_us)
{
    if (!meter->clock.known) {
        return false;
    }
    *time_us = fw_clock_time(&meter->clock, now_us);
    return true;
}

static void add(int64_t *reg, int64_t units)
{
    if (__builtin_add_overflow(*reg, units, reg)) {
        *reg = INT64_MAX;
    }
}

void fw_meter_count(struct fw_meter *meter, int64_t units, int64_t now_us)
{
    fw_meter_check(meter);
    MT_CHECK(units >= 0);
    const struct fw_calendar *calendar = &meter->config.calendar;
    int64_t time_us;
    add(&meter->now.total, units);
    if (fw_calendar_has_bands(calendar)) {
        uint8_t band = calendar->band_unknown;
        if (fw_meter_time(&time_us, meter, now_us) && time_us > 0) {
            band = fw_calendar_band(calendar, time_us - 1); /* it was used up before now */
        }
        add(&meter->now.band[band], units);
    }
}

void fw_meter_flag(struct fw_meter *meter, uint8_t flags)
{
    fw_meter_check(meter);
    meter->flags = flags & (MT_FLAG_TAMPER | MT_FLAG_LOW_BATTERY);
}

void fw_meter_step(struct fw_meter *meter, int64_t now_us)
{
    fw_meter_check(meter);
    fw_command_step(meter, now_us);
    record(meter, now_us);
    plan_record(meter, now_us);
    fw_uplink_step(meter, now_us);
    fw_meter_check(meter);
}

int64_t fw_meter_next_us(const struct fw_meter *meter)
{
    fw_meter_check(meter);
    int64_t next_us = meter->record_up_us;
    if (meter->link != FW_LINK_QUIET && meter->link_up_us < next_us) {
        next_us = meter->link_up_us;
    }
    bool valve =
        meter->now.valve.state == FW_VALVE_ARMED || meter->now.valve.state == FW_VALVE_WAITING;
    if (valve && meter->valve_up_us < next_us) {
        next_us = meter->valve_up_us;
    }
    return next_us;
}

/* A receipt tells the time only when no other message can have caused it: it covers new records that left
 * once. The answer to an earlier sending, late on its way, would set the clock back by as much. */
static bool tells_time(const struct fw_meter *meter, const struct mt_receipt *receipt)
{
    const struct fw_uplink *out = &meter->out;
    return meter->link == FW_LINK_SENT && out->frame == FW_FRAME_UP && out->attempts == 1 &&
           out->seq_end > meter->journal.acked_seq && receipt->next_seq >= out->seq_end;
}

static void take_receipt(struct fw_meter *meter, const struct mt_receipt *receipt, int64_t now_us)
{
    struct fw_clock_sample sample = {
        .gateway_us = receipt->time_us,
        .sent_up_us = meter->out.sent_up_us,
        .now_up_us = now_us,
    };
    bool has_time = tells_time(meter, receipt);
    fw_journal_acknowledge(&meter->journal, receipt->next_seq);
    fw_uplink_receipt(meter, receipt, now_us);
    /* Should it fail: records are sent again, the gateway knows them, and answers again. */
    (void)fw_meter_save(meter);
    if (!has_time || !fw_clock_correct(&meter->clock, &sample)) {
        return;
    }
    meter->stats.clock_moves++;
    forget_future(meter, now_us);
    plan_record(meter, now_us);
    if (meter->hal->rtc_write != NULL) {
        /* A clock that cannot be set is corrected anew by each receipt. */
        (void)meter->hal->rtc_write(meter->hal->context, fw_clock_time(&meter->clock, now_us));
    }
}

/* Authentic and fresh: the counter is taken, unless the command cannot be saved. */
static enum fw_down_verdict take_downlink(struct fw_meter *meter, const struct mt_downlink *down,
                                          uint64_t counter, int64_t now_us)
{
    struct fw_window before = meter->window;
    fw_window_take(&meter->window, counter);
    if (!down->is_command) {
        take_receipt(meter, &down->receipt, now_us);
        return FW_DOWN_RECEIPT;
    }
    enum fw_down_verdict verdict = fw_command_take(meter, &down->command, counter, now_us);
    if (verdict == FW_DOWN_STORAGE) {
        meter->window = before;
    }
    return verdict;
}

static enum fw_down_verdict open_downlink(struct fw_meter *meter, const uint8_t *bytes, size_t len,
                                          int64_t now_us)
{
    struct mt_cose_encrypt0 outer;
    struct mt_downlink down;
    uint8_t plain[FW_DOWN_BYTES_MAX];
    size_t plain_len;
    if (len > FW_DOWN_BYTES_MAX || mt_cose_parse(&outer, bytes, len) != MT_OK) {
        return FW_DOWN_MALFORMED;
    }
    if (!fw_window_fresh(&meter->window, outer.counter)) {
        return FW_DOWN_REPLAYED;
    }
    enum mt_status st = mt_cose_open(plain, &plain_len, sizeof(plain), &outer, meter->down_key,
                                     &meter->config.identity);
    if (st != MT_OK) {
        return st == MT_NOT_AUTHENTIC ? FW_DOWN_NOT_AUTHENTIC : FW_DOWN_MALFORMED;
    }
    if (mt_downlink_decode(&down, plain, plain_len) != MT_OK) {
        return FW_DOWN_MALFORMED;
    }
    return take_downlink(meter, &down, outer.counter, now_us);
}

enum fw_down_verdict fw_meter_downlink(struct fw_meter *meter, const uint8_t *bytes, size_t len,
                                       int64_t now_us)
{
    fw_meter_check(meter);
    MT_CHECK(bytes != NULL || len == 0);
    enum fw_down_verdict verdict = open_downlink(meter, bytes, len, now_us);
    meter->stats.down_refused += verdict == FW_DOWN_RECEIPT || verdict == FW_DOWN_COMMAND ? 0 : 1;
    fw_meter_check(meter);
    return verdict;
}

void fw_meter_link_up(struct fw_meter *meter, int64_t now_us)
{
    fw_meter_check(meter);
    /* Spread over a pause: when a broker comes back, so do all its meters at once. */
    int64_t soon_us =
        now_us + meter->config.retry_us / 65536 * (int64_t)(fw_meter_chance(meter) & 0xFFFF);
    if (meter->link == FW_LINK_SENT && soon_us < meter->link_up_us) {
        meter->link_up_us = soon_us;
    }
}

enum fw_status fw_meter_power_fail(struct fw_meter *meter)
{
    fw_meter_check(meter);
    return fw_meter_save(meter);
}
