/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Building, sending and repeating messages.
 *
 * One message is out at a time and is repeated with the same bytes, so it costs one counter however
 * often it is sent, and the gateway can tell a repetition from news. Records come first, then
 * snapshots: one that the gateway never answers (no key known there) must not hold back readings.
 */
#include "firmware/core/internal.h"

/* After this many repetitions the message is built anew, with what has come since: should the gateway
 * refuse those very bytes, the meter is not stuck on them. */
#define ATTEMPTS_MAX 8u
/* A meter that does not know the time stamps its greeting with one that nobody can take for real:
 * RFC 8428, 4.5.3 takes seconds below 2^28 for relative ones, so just above. */
#define NO_TIME_US ((1ll << 28) * FW_US_PER_S)

static bool has_proof(const struct fw_meter *meter)
{
    return meter->now.valve.state == FW_VALVE_PROVING;
}

static bool snapshot_next(struct fw_record *record, struct fw_meter *meter)
{
    return meter->config.has_sign &&
           fw_journal_day_after(record, &meter->journal, meter->now.day_proven_us) == FW_OK;
}

static bool has_records(const struct fw_meter *meter)
{
    return fw_journal_pending(&meter->journal) || has_proof(meter) || !meter->clock.known;
}

static bool has_anything(struct fw_meter *meter)
{
    struct fw_record record;
    return has_records(meter) || snapshot_next(&record, meter);
}

/* A report starts for a full set of records, for a day end, and at once for proofs and the time. */
static bool is_worth_it(struct fw_meter *meter)
{
    struct fw_record record;
    if (has_proof(meter) || !meter->clock.known || snapshot_next(&record, meter)) {
        return true;
    }
    return fw_journal_pending_max(&meter->journal) >= meter->config.report_count ||
           meter->journal.days_at < meter->journal.days.end;
}

/* The readings that fit into one message, and the bytes that they make. */
static enum mt_status encode_readings(size_t *plain_len, struct fw_meter *meter)
{
    struct mt_message *message = &meter->work->message;
    uint32_t fits = message->count;
    enum mt_status st;
    do {
        message->count = fits;
        st = mt_message_encode(meter->work->plain, plain_len, meter->config.message_bytes_max,
                               message, (enum mt_medium)meter->config.identity.medium);
        fits -= (fits + 3) / 4;
    } while (st == MT_TOO_LARGE && fits > 0);
    return st;
}

/* The one reading of a meter that wants to know the time. Its number is used up, in the journal too. */
static enum fw_status put_greeting(struct mt_message *message, struct fw_meter *meter)
{
    message->seq_first = meter->journal.next_seq;
    message->count = 1;
    message->readings[0] = (struct mt_reading){
        .time_us = NO_TIME_US,
        .total = meter->now.total,
        .flags = MT_FLAG_CLOCK_DOUBT,
    };
    if (meter->journal.next_seq == UINT32_MAX) {
        return FW_IO;
    }
    meter->journal.next_seq++;
    return fw_meter_save(meter);
}

/* Gather what a message of records carries. FW_GONE: nothing. */
static enum fw_status gather(struct fw_meter *meter)
{
    struct mt_message *message = &meter->work->message;
    enum fw_status st = fw_journal_collect(message, &meter->journal, FW_READINGS_MAX);
    if (st != FW_OK) {
        return st;
    }
    message->has_seq = true;
    message->has_proof = has_proof(meter);
    message->proof_id = meter->now.valve.id;
    message->proof_state = 0;
    if (message->has_proof) {
        message->proof_state = (uint8_t)meter->hal->valve_get(meter->hal->context);
    }
    if (message->count == 0 && !meter->clock.known) {
        return put_greeting(message, meter);
    }
    return message->count > 0 || message->has_proof ? FW_OK : FW_GONE;
}

static enum fw_status build_records(struct fw_meter *meter)
{
    struct fw_uplink *out = &meter->out;
    const struct mt_message *message = &meter->work->message;
    size_t plain_len;
    uint32_t counter;
    enum fw_status st = gather(meter);
    if (st != FW_OK) {
        return st;
    }
    if (encode_readings(&plain_len, meter) != MT_OK) {
        return FW_INVALID; /* a single reading always fits: see the check of message_bytes_max */
    }
    st = fw_meter_take_counter(&counter, meter);
    if (st != FW_OK) {
        return st;
    }
    struct mt_cose_seal_args args = {
        .plain = meter->work->plain,
        .plain_len = plain_len,
        .counter = counter,
        .key = meter->up_key,
        .identity = &meter->config.identity,
    };
    if (mt_cose_seal(out->bytes, &out->len, sizeof(out->bytes), &args) != MT_OK) {
        return FW_IO;
    }
    out->frame = FW_FRAME_UP;
    out->seq_end = message->seq_first + message->count;
    out->has_proof = message->has_proof;
    out->proof_id = message->proof_id;
    out->day_us = 0;
    return FW_OK;
}

static enum fw_status build_snapshot(struct fw_meter *meter, const struct fw_record *record)
{
    struct fw_uplink *out = &meter->out;
    struct mt_snapshot snapshot = {
        .day = fw_local_date(record->reading.time_us - 1), /* the day that ended then */
        .time_us = record->reading.time_us,
        .total = record->reading.total,
        .seq = record->seq,
    };
    size_t plain_len;
    if (mt_snapshot_encode(meter->work->plain, &plain_len, sizeof(meter->work->plain), &snapshot,
                           (enum mt_medium)meter->config.identity.medium) != MT_OK) {
        return FW_INVALID;
    }
    struct mt_cose_seal_args args = {
        .plain = meter->work->plain,
        .plain_len = plain_len,
        .identity = &meter->config.identity,
    };
    if (mt_cose_sign(out->bytes, &out->len, sizeof(out->bytes), &args, meter->config.sign_secret) !=
        MT_OK) {
        return FW_IO;
    }
    out->frame = FW_FRAME_SIGNED;
    out->seq_end = record->seq + 1;
    out->has_proof = false;
    out->day_us = record->reading.time_us;
    meter->snapshot_tries++;
    return FW_OK;
}

/* FW_GONE: nothing to send now. */
static enum fw_status build(struct fw_meter *meter, int64_t now_us)
{
    struct fw_record record;
    enum fw_status st = has_records(meter) ? build_records(meter) : FW_GONE;
    if (st == FW_GONE && now_us >= meter->snapshot_up_us && snapshot_next(&record, meter)) {
        st = build_snapshot(meter, &record);
    }
    if (st == FW_OK) {
        meter->out.attempts = 0;
    }
    return st;
}

static int64_t pause_us(struct fw_meter *meter, uint32_t attempts)
{
    return fw_link_pause_us(attempts, meter->config.retry_us, meter->config.retry_us_max,
                            fw_meter_chance(meter));
}

static void transmit(struct fw_meter *meter, int64_t now_us)
{
    struct fw_uplink *out = &meter->out;
    enum fw_status st =
        meter->hal->link_send(meter->hal->context, out->frame, out->bytes, out->len);
    meter->stats.link_errors += st == FW_OK ? 0 : 1;
    if (out->attempts == 0) {
        meter->stats.sent++;
    } else {
        meter->stats.repeated++;
    }
    out->attempts++;
    out->sent_up_us = now_us;
    meter->link_up_us = now_us + pause_us(meter, out->attempts);
    if (out->frame == FW_FRAME_SIGNED) {
        meter->snapshot_up_us = now_us + pause_us(meter, meter->snapshot_tries);
    }
}

static void run(struct fw_meter *meter, enum fw_link_event event, int64_t now_us)
{
    struct fw_link_edge edge;
    bool possible = fw_link_next(&edge, meter->link, event);
    MT_CHECK(possible);
    meter->link = edge.next;
    switch (edge.action) {
    case FW_LINK_DO_NOTHING:
        break;
    case FW_LINK_DO_SPREAD:
        meter->link_up_us =
            now_us + meter->config.spread_us / 65536 * (int64_t)(fw_meter_chance(meter) & 0xFFFF);
        break;
    case FW_LINK_DO_CONTINUE:
        /* After a repeated message its other answers may still be on the way. They must not be taken
         * for answers to the next one, where only the moment tells them apart. */
        meter->link_up_us = now_us + (meter->hold ? meter->config.retry_us : 0);
        break;
    case FW_LINK_DO_SEND:
    case FW_LINK_DO_REPEAT:
        transmit(meter, now_us);
        break;
    }
}

/* The timer rang and something may be waiting. Without storage it is tried again after a pause. */
static void step_spread(struct fw_meter *meter, int64_t now_us)
{
    enum fw_status st = build(meter, now_us);
    if (st == FW_OK) {
        run(meter, FW_LINK_EV_TIMER, now_us);
    } else if (st == FW_GONE) {
        run(meter, FW_LINK_EV_NOTHING, now_us);
    } else {
        meter->stats.storage_errors++;
        meter->link_up_us = now_us + meter->config.retry_us;
    }
}

/* A snapshot yields to readings at its first repetition, so that it never holds them up. */
static void step_sent(struct fw_meter *meter, int64_t now_us)
{
    bool give_up = meter->out.frame == FW_FRAME_SIGNED || meter->out.attempts >= ATTEMPTS_MAX;
    if (give_up) {
        meter->hold = false;
    }
    run(meter, give_up ? FW_LINK_EV_GIVE_UP : FW_LINK_EV_TIMER, now_us);
}

void fw_uplink_work(struct fw_meter *meter, int64_t now_us)
{
    if (is_worth_it(meter)) {
        run(meter, FW_LINK_EV_WORK, now_us);
    }
}

void fw_uplink_step(struct fw_meter *meter, int64_t now_us)
{
    if (meter->link == FW_LINK_SENT && now_us >= meter->link_up_us) {
        step_sent(meter, now_us);
    }
    if (meter->link == FW_LINK_SPREAD && now_us >= meter->link_up_us) {
        step_spread(meter, now_us);
    }
}

static void answered(struct fw_meter *meter, int64_t now_us)
{
    const struct fw_uplink *out = &meter->out;
    meter->stats.answered++;
    meter->hold = out->attempts > 1;
    if (out->has_proof) {
        fw_command_proven(meter, out->proof_id);
    }
    if (out->frame == FW_FRAME_SIGNED) {
        meter->stats.snapshots++;
        meter->snapshot_tries = 0;
        meter->snapshot_up_us = now_us;
        meter->now.day_proven_us = out->day_us;
    }
    run(meter, has_anything(meter) ? FW_LINK_EV_ANSWER_MORE : FW_LINK_EV_ANSWER_LAST, now_us);
}

void fw_uplink_receipt(struct fw_meter *meter, const struct mt_receipt *receipt, int64_t now_us)
{
    if (meter->link == FW_LINK_SENT && receipt->next_seq >= meter->out.seq_end) {
        answered(meter, now_us);
    }
}
