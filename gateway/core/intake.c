/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message's way: who sent it -> is it authentic -> is it new -> what do its readings say -> what do
 * they cost -> the entry. Until the entry is emitted nothing is changed, so a refusal leaves no trace
 * but its count. */
#include <string.h>

#include "gateway/core/apply_internal.h"
#include "gateway/core/civil.h"
#include "gateway/core/judge.h"
#include "gateway/core/pack.h"
#include "meters/limits.h"
#include "meters/registry.h"

/* The numbers above stand for others in entries. No meter counts so far in its life. */
#define COUNTER_MAX (GW_COUNTER_IMPLIED - 1u)
#define SEQ_MAX (GW_SEQ_IMPLIED - 1u)

/* What is known of the message on its way. */
struct intake {
    struct gw_core *core;
    const struct gw_message *message;
    uint32_t slot;
    struct gw_meter *meter;
    struct mt_identity identity; /* With meter. */
    uint64_t counter;
};

/* ---- who, and is it authentic -------------------------------------------------------------------- */

static enum gw_verdict from_decoder(enum mt_status status)
{
    switch (status) {
    case MT_OK:
        return GW_ACCEPTED;
    case MT_NEED_MORE:
        return GW_REFUSED_TRUNCATED;
    case MT_BAD_CHECKSUM:
        return GW_REFUSED_CHECKSUM;
    case MT_BAD_DIGIT:
    case MT_BAD_UNIT:
        return GW_REFUSED_UNIT;
    case MT_BAD_LAYOUT:
    case MT_NOT_FOUND:
    case MT_BAD_RANGE:
        return GW_REFUSED_MALFORMED;
    case MT_UNSUPPORTED:
    case MT_NO_READING:
    case MT_NO_KEY:
        return GW_REFUSED_UNSUPPORTED;
    case MT_NOT_AUTHENTIC:
        return GW_REFUSED_AUTHENTIC;
    case MT_TOO_LARGE:
        return GW_REFUSED_TOO_LARGE;
    }
    return GW_REFUSED_MALFORMED;
}

static enum gw_verdict identify(struct intake *in)
{
    const struct gw_message *m = in->message;
    in->slot = gw_core_find_meter(in->core, m->name, m->name_len);
    bool claims_other = m->identity != NULL && (m->identity_len != m->name_len ||
                                                memcmp(m->identity, m->name, m->name_len) != 0);
    if (claims_other) {
        return GW_REFUSED_STRANGER;
    }
    if (in->slot == GW_NONE) {
        return GW_REFUSED_UNKNOWN;
    }
    in->meter = &in->core->meters[in->slot];
    gw_identity_unpack(&in->identity, in->meter);
    uint8_t needed = m->form <= GW_FORM_SIGNED ? GW_ACCEPT_COSE : GW_ACCEPT_CARRIER;
    if ((in->meter->accept & needed) == 0) {
        return GW_REFUSED_FORM;
    }
    if (m->len == 0) {
        return GW_REFUSED_TRUNCATED;
    }
    return m->len > GW_MESSAGE_BYTES_MAX ? GW_REFUSED_TOO_LARGE : GW_ACCEPTED;
}

static enum gw_verdict check_counter(const struct gw_meter *meter, uint64_t counter)
{
    if (counter > meter->counter_top) {
        return GW_ACCEPTED;
    }
    uint64_t behind = meter->counter_top - counter;
    if (behind >= 64u) {
        return GW_REFUSED_REPLAYED;
    }
    return (meter->counter_window >> behind & 1u) != 0 ? GW_DUPLICATE : GW_ACCEPTED;
}

static enum gw_verdict open_cose(struct intake *in)
{
    const struct gw_message *m = in->message;
    struct gw_core *core = in->core;
    struct mt_cose_encrypt0 outer;
    enum mt_status status = mt_cose_parse(&outer, m->bytes, m->len);
    size_t plain_len = 0;
    if (status == MT_OK) {
        status = mt_cose_open(core->plain, &plain_len, GW_MESSAGE_BYTES_MAX, &outer,
                              in->meter->up_key, &in->identity);
    }
    if (status != MT_OK) {
        return from_decoder(status);
    }
    in->counter = outer.counter;
    if (outer.counter > COUNTER_MAX) {
        return GW_REFUSED_MALFORMED;
    }
    enum gw_verdict verdict = check_counter(in->meter, outer.counter);
    if (verdict != GW_ACCEPTED) {
        return verdict;
    }
    verdict = from_decoder(mt_message_decode_cbor(core->message, core->plain, plain_len,
                                                  (enum mt_medium)in->meter->medium, core->now_us));
    bool numbers_end = verdict == GW_ACCEPTED && core->message->has_seq &&
                       core->message->seq_first > SEQ_MAX - core->message->count;
    return numbers_end ? GW_REFUSED_MALFORMED : verdict;
}

/* A raw frame's maker and number must be the meter's own; what it does not carry cannot contradict. */
static enum gw_verdict take_frame(struct intake *in, const struct mt_frame *frame)
{
    const struct mt_identity *own = &in->identity;
    const struct mt_identity *said = &frame->identity;
    struct mt_message *message = in->core->message;
    bool other = (said->number[0] != '\0' && strcmp(said->number, own->number) != 0) ||
                 (said->maker[0] != '\0' && strcmp(said->maker, own->maker) != 0) ||
                 said->medium != own->medium;
    if (other) {
        return GW_REFUSED_STRANGER;
    }
    if (!frame->has_reading) {
        return GW_ACCEPTED; /* Values for eyes, between those for a bill. */
    }
    if (in->meter->raw_key_blocks > 0 && !frame->with_key) {
        return GW_REFUSED_AUTHENTIC; /* Who has a key does not speak in the clear. */
    }
    if (message->count == MT_MESSAGE_READINGS_MAX) {
        return GW_REFUSED_TOO_LARGE;
    }
    if (frame->has_counter && in->meter->raw_key_blocks > 0) {
        enum gw_verdict verdict = check_counter(in->meter, frame->counter);
        if (verdict != GW_ACCEPTED) {
            return verdict;
        }
        bool higher = in->counter == GW_COUNTER_IMPLIED || frame->counter > in->counter;
        in->counter = higher ? frame->counter : in->counter;
    }
    message->readings[message->count++] = frame->reading;
    return GW_ACCEPTED;
}

/* An answer in several telegrams (M-Bus) has its register once: what looks like it in a later one is
 * another, also where the first is void. Returns whether telegrams that follow are part of an answer that
 * has had it. */
static bool settle_answer(struct mt_frame *frame, bool is_settled)
{
    is_settled = is_settled || frame->has_reading || frame->total_is_void;
    return frame->more_follows && is_settled;
}

/* All frames of the message: one that is damaged spoils it, bytes behind the last one do not. */
static enum gw_verdict decode_frames(struct intake *in, const struct mt_protocol *protocol)
{
    const struct gw_message *m = in->message;
    const struct gw_meter *meter = in->meter;
    size_t at = 0;
    bool is_settled = false;
    while (at < m->len) {
        struct mt_frame frame;
        size_t used = 0;
        struct mt_input input = {.bytes = m->bytes + at,
                                 .len = m->len - at,
                                 .key = meter->raw_key_blocks > 0 ? meter->raw_key : NULL,
                                 .key_len = (size_t)meter->raw_key_blocks * MT_KEY_BYTES,
                                 .formats = in->core->formats};
        enum mt_status status = mt_decode(&frame, &used, protocol, &input);
        bool behind = at > 0 && (status == MT_NOT_FOUND || status == MT_NEED_MORE);
        if (behind) {
            break;
        }
        if (status != MT_OK && status != MT_NO_READING) {
            return from_decoder(status);
        }
        frame.has_reading = frame.has_reading && !is_settled;
        enum gw_verdict verdict = take_frame(in, &frame);
        if (verdict != GW_ACCEPTED) {
            return verdict;
        }
        is_settled = settle_answer(&frame, is_settled);
        at += used > 0 ? used : m->len - at;
    }
    return in->core->message->count > 0 ? GW_ACCEPTED : GW_REFUSED_UNSUPPORTED;
}

static enum gw_verdict decode_raw(struct intake *in)
{
    const struct gw_message *m = in->message;
    const struct mt_protocol *protocol = NULL;
    if (m->protocol != NULL) {
        protocol = mt_protocol_find(m->protocol, m->protocol_len);
        if (protocol == NULL) {
            return GW_REFUSED_UNSUPPORTED;
        }
    }
    in->core->message->has_seq = false;
    in->core->message->has_proof = false;
    in->core->message->count = 0;
    in->counter = GW_COUNTER_IMPLIED;
    return decode_frames(in, protocol);
}

static enum gw_verdict decode_carrier(struct intake *in)
{
    const struct gw_message *m = in->message;
    enum mt_medium medium = (enum mt_medium)in->meter->medium;
    struct mt_message *out = in->core->message;
    enum gw_verdict verdict = GW_REFUSED_FORM;
    switch ((enum gw_form)m->form) {
    case GW_FORM_CBOR:
        verdict =
            from_decoder(mt_message_decode_cbor(out, m->bytes, m->len, medium, in->core->now_us));
        break;
    case GW_FORM_JSON:
        verdict = from_decoder(
            mt_message_decode_json(out, (const char *)m->bytes, m->len, medium, in->core->now_us));
        break;
    case GW_FORM_RAW:
        verdict = decode_raw(in);
        break;
    case GW_FORM_COSE:
    case GW_FORM_SIGNED:
    case GW_FORMS:
        break;
    }
    out->has_seq = false; /* Journals are for our own meters, which protect what they say. */
    return verdict;
}

/* ---- what it says ------------------------------------------------------------------------------------ */

static void sort_by_time(struct mt_message *message)
{
    for (uint32_t i = 1; i < message->count; i++) {
        if (message->readings[i].time_us >= message->readings[i - 1u].time_us) {
            continue;
        }
        struct mt_reading moved = message->readings[i];
        uint32_t at = i;
        while (at > 0 && message->readings[at - 1u].time_us > moved.time_us) {
            message->readings[at] = message->readings[at - 1u];
            at--;
        }
        message->readings[at] = moved;
    }
}

/* True when every sum that the postings go to can hold them. */
static bool sums_hold(const struct gw_core *core, const struct gw_meter *meter,
                      const struct gw_entry *entry)
{
    struct gw_household household = core->households[meter->household];
    int64_t meter_ufen = meter->charged_ufen;
    bool hold = true;
    for (uint32_t p = 0; hold && p < entry->payee_count; p++) {
        uint8_t payee = core->tariff_payee[meter->tariff][p];
        int64_t posted_ufen = entry->posted_ufen[p];
        int64_t payee_ufen = core->head->payee_charged_ufen[payee];
        uint32_t at = gw_household_payee(&household, payee);
        MT_CHECK(at != UINT32_MAX); /* check_meter() saw to it. */
        hold = gw_sum_add(&meter_ufen, posted_ufen, GW_METER_UFEN_MAX) &&
               gw_sum_add(&payee_ufen, posted_ufen, GW_PAYEE_UFEN_MAX) &&
               gw_sum_add(&household.charged_ufen[at], posted_ufen, GW_HOUSEHOLD_UFEN_MAX);
    }
    return hold;
}

/* What there is to post. Returns false when a sum cannot hold it. */
static bool post(struct gw_core *core, const struct gw_meter *meter, struct gw_entry *entry,
                 struct gw_work *work)
{
    struct gw_usage *usage = &work->usage;
    const struct gw_tariff *tariff = gw_tariff_of(core, meter->tariff);
    int64_t charged_ufen[GW_TARIFF_PAYEES_MAX];
    gw_usage_charge(charged_ufen, usage, tariff, &work->terms);
    bool any = false;
    for (uint32_t p = 0; p < tariff->payee_count; p++) {
        entry->posted_ufen[p] = charged_ufen[p] - usage->posted_ufen[p];
        usage->posted_ufen[p] = charged_ufen[p];
        any = any || entry->posted_ufen[p] != 0;
    }
    entry->payee_count = any ? tariff->payee_count : 0;
    return !any || sums_hold(core, meter, entry);
}

/* The verdict of a whole message: the worst news of its readings, or what most of them were. */
static enum gw_verdict sum_up(const struct gw_entry *entry, uint32_t duplicates)
{
    enum gw_verdict verdict = duplicates > 0 ? GW_DUPLICATE : GW_ACCEPTED;
    for (uint32_t i = 0; i < entry->reading_count; i++) {
        enum gw_verdict one = (enum gw_verdict)entry->readings[i].verdict;
        bool worse = one > verdict || (verdict == GW_DUPLICATE && gw_is_accepted((uint8_t)one));
        verdict = worse ? one : verdict;
    }
    return verdict;
}

/* Decoders promise it, and a block that breaks it could not be read back: so it is looked at again. */
static bool is_writable(const struct mt_reading *reading)
{
    bool good = reading->total >= 0 && reading->total <= MT_REGISTER_MAX && reading->time_us >= 0 &&
                reading->time_us <= MT_TIME_S_MAX * GW_US_PER_S;
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        good = good && ((reading->band_mask & (1u << b)) == 0 ||
                        (reading->band[b] >= 0 && reading->band[b] <= MT_REGISTER_MAX));
    }
    return good && reading->band_mask < 1u << MT_BANDS;
}

static enum gw_verdict check_readings(const struct mt_message *message)
{
    for (uint32_t i = 0; i < message->count; i++) {
        if (!is_writable(&message->readings[i])) {
            return GW_REFUSED_MALFORMED;
        }
    }
    return GW_ACCEPTED;
}

static enum gw_verdict judge_all(struct intake *in, struct gw_work *work, struct gw_entry *entry)
{
    struct gw_core *core = in->core;
    struct mt_message *message = core->message;
    struct gw_case c = {
        .core = core, .slot = in->slot, .meter = in->meter, .done = entry->readings};
    uint32_t duplicates = 0;
    sort_by_time(message);
    entry->reading_count = 0;
    for (uint32_t i = 0; i < message->count; i++) {
        c.done_count = entry->reading_count;
        struct mt_reading reading = message->readings[i];
        enum gw_verdict verdict = gw_judge(&c, work, &reading);
        if (c.status != GW_OK) {
            return GW_REFUSED_STOPPED;
        }
        if (verdict == GW_DUPLICATE) {
            duplicates++;
            core->verdicts[GW_DUPLICATE]++;
            continue;
        }
        core->verdicts[verdict]++;
        entry->readings[entry->reading_count++] =
            (struct gw_entry_reading){.reading = reading, .verdict = (uint8_t)verdict};
    }
    return sum_up(entry, duplicates);
}

/* Money beyond what a sum can hold: the readings are kept, and none of them counts. */
static enum gw_verdict give_up(struct gw_core *core, const struct gw_meter *meter,
                               struct gw_work *work, struct gw_entry *entry)
{
    gw_work_unpack(work, meter);
    entry->payee_count = 0;
    for (uint32_t i = 0; i < entry->reading_count; i++) {
        struct gw_entry_reading *r = &entry->readings[i];
        if (gw_is_accepted(r->verdict)) {
            core->verdicts[r->verdict]--;
            core->verdicts[GW_REFUSED_RANGE]++;
            r->verdict = GW_REFUSED_RANGE;
        }
    }
    return GW_REFUSED_RANGE;
}

static enum gw_verdict take_readings(struct intake *in)
{
    struct gw_core *core = in->core;
    const struct gw_message *m = in->message;
    struct gw_meter *meter = in->meter;
    struct gw_work work;
    gw_work_unpack(&work, meter);
    struct gw_entry *entry = core->entry;
    entry->kind = GW_ENTRY_READINGS;
    entry->block = core->number;
    entry->block_time_us = core->block_time_us;
    entry->previous_block = meter->last_block;
    entry->meter = in->slot;
    entry->transport = m->transport;
    entry->form = m->form;
    entry->counter = in->counter;
    entry->seq_first = core->message->has_seq ? core->message->seq_first : GW_NONE;
    enum gw_verdict verdict = judge_all(in, &work, entry);
    if (verdict == GW_REFUSED_STOPPED) {
        return verdict;
    }
    if (!post(core, meter, entry, &work)) {
        verdict = give_up(core, meter, &work, entry);
    }
    if (entry->reading_count > 0 || m->form == GW_FORM_COSE) {
        /* Duplicates of a journal leave the entry, but its numbers count as durable. */
        uint32_t end = entry->seq_first == GW_NONE ? 0 : entry->seq_first + core->message->count;
        uint32_t left = entry->seq_first + entry->reading_count;
        if (entry->seq_first != GW_NONE && left != end) {
            entry->seq_first = end - entry->reading_count;
        }
        gw_emit(core, entry, &work);
    }
    return verdict;
}

/* ---- day-end snapshots ----------------------------------------------------------------------------------- */

/* yyyymmdd of the local day that holds at_us. */
static uint32_t day_number(int64_t at_us)
{
    struct gw_date date = gw_date_of_day(gw_local_day(at_us));
    return (uint32_t)date.year * 10000u + date.month * 100u + date.day;
}

/* The meter's METER entry, which alone has the public key: memory keeps what every reading needs. */
static enum gw_status read_spec(struct gw_core *core, const struct gw_meter *meter, uint32_t slot)
{
    struct gw_block_reader reader;
    size_t len = 0;
    enum gw_status status =
        gw_core_read_block(core, meter->spec_block, core->past_buffer, &len, GW_BLOCK_BYTES_MAX);
    core->walked_bytes += GW_BLOCK_READ_BYTES + len;
    if (status == GW_OK) {
        status = gw_block_open(&reader, core->past_buffer, len);
    }
    if (status == GW_OK && meter->spec_at < len) {
        reader.pos = meter->spec_at;
        status = gw_block_next(&reader, core->past);
    }
    if (status != GW_OK) {
        return status < 0 ? status : GW_CORRUPT;
    }
    mt_key_wipe(core->past->meter_spec.root_key, sizeof(core->past->meter_spec.root_key));
    bool own = core->past->kind == GW_ENTRY_METER && core->past->meter == slot;
    return own ? GW_OK : GW_CORRUPT;
}

static enum gw_verdict take_snapshot(struct intake *in)
{
    const struct gw_message *m = in->message;
    struct gw_meter *meter = in->meter;
    if (!meter->has_sign_public) {
        return GW_REFUSED_FORM;
    }
    if (read_spec(in->core, meter, in->slot) != GW_OK) {
        return GW_REFUSED_STOPPED; /* As when a late reading's past cannot be read. */
    }
    const uint8_t *payload = NULL;
    size_t payload_len = 0;
    enum mt_status status = mt_cose_verify(&payload, &payload_len, m->bytes, m->len,
                                           in->core->past->meter_spec.sign_public, &in->identity);
    struct gw_entry *entry = in->core->entry;
    if (status == MT_OK) {
        status = mt_snapshot_decode(&entry->snapshot, payload, payload_len,
                                    (enum mt_medium)meter->medium);
    }
    if (status != MT_OK) {
        return from_decoder(status);
    }
    if (entry->snapshot.day <= meter->snapshot_day) {
        return GW_DUPLICATE;
    }
    if (entry->snapshot.time_us > in->core->now_us + GW_US_PER_DAY ||
        entry->snapshot.day > day_number(in->core->now_us + GW_US_PER_DAY)) {
        return GW_REFUSED_CLOCK; /* Else it would shut out every day before it. */
    }
    entry->kind = GW_ENTRY_SNAPSHOT;
    entry->block = in->core->number;
    entry->block_time_us = in->core->block_time_us;
    entry->previous_block = meter->last_block;
    entry->meter = in->slot;
    memcpy(entry->signature, m->bytes + m->len - MT_SIGNATURE_BYTES, MT_SIGNATURE_BYTES);
    gw_emit(in->core, entry, NULL);
    return GW_ACCEPTED;
}

/* ---- the answer --------------------------------------------------------------------------------------------- */

static void note_refusal(struct gw_core *core, const struct gw_message *m, enum gw_verdict verdict)
{
    struct gw_refusal_view *view = &core->refusals[core->refusal_count++ % GW_REFUSALS_KEPT];
    memset(view, 0, sizeof(*view));
    view->time_us = core->now_us;
    view->verdict = (uint8_t)verdict;
    view->transport = m->transport;
    view->bytes = m->len > UINT32_MAX ? UINT32_MAX : (uint32_t)m->len;
    for (size_t i = 0; i < m->name_len && i < MT_NAME_MAX; i++) {
        char c = m->name[i];
        view->name[i] = c >= 0x21 && c <= 0x7e ? c : '?';
    }
}

static void seal_receipt(const struct intake *in, struct gw_reply *reply)
{
    struct gw_core *core = in->core;
    const struct gw_meter *meter = in->meter;
    uint8_t plain[MT_RECEIPT_BYTES_MAX];
    size_t plain_len = 0;
    struct mt_receipt receipt = {.next_seq = meter->next_seq, .time_us = core->now_us};
    enum mt_status status = mt_receipt_encode(plain, &plain_len, sizeof(plain), &receipt);
    MT_CHECK(status == MT_OK);
    /* Each start has an epoch of its own, and an epoch 2^40 numbers: no nonce comes twice. */
    struct mt_cose_seal_args args = {
        .plain = plain,
        .plain_len = plain_len,
        .counter = core->head->down_epoch << 40 | ++core->down_counter,
        .key = meter->down_key,
        .identity = &in->identity,
    };
    size_t len = 0;
    status = mt_cose_seal(reply->receipt, &len, sizeof(reply->receipt), &args);
    MT_CHECK(status == MT_OK);
    reply->receipt_len = (uint8_t)len;
}

static void answer(struct intake *in, enum gw_verdict verdict)
{
    struct gw_core *core = in->core;
    const struct gw_message *m = in->message;
    struct gw_reply *reply = &core->replies[core->reply_count++];
    reply->reply = m->reply;
    reply->transport = m->transport;
    reply->verdict = (uint8_t)verdict;
    reply->receipt_len = 0;
    reply->name_len = 0;
    if (in->meter == NULL) {
        return;
    }
    reply->name_len = (uint8_t)m->name_len;
    memcpy(reply->name, m->name, m->name_len);
    reply->name[m->name_len] = '\0';
    bool told = gw_verdict_is_durable(verdict) || verdict == GW_DUPLICATE;
    if (told && m->form <= GW_FORM_SIGNED) {
        seal_receipt(in, reply);
    }
}

void gw_core_hint(const struct gw_core *core, const struct gw_message *messages, uint32_t count)
{
    const size_t line_bytes = 64;
    uint64_t hashes[GW_HINT_MAX];
    MT_CHECK(count <= GW_HINT_MAX);
    for (uint32_t i = 0; i < count; i++) {
        size_t len = messages[i].name_len <= MT_NAME_MAX ? messages[i].name_len : 0;
        hashes[i] = gw_index_hash(&core->meter_index, messages[i].name, len);
        gw_index_hint(&core->meter_index, hashes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct gw_probe probe;
        uint32_t slot = gw_index_first(&probe, &core->meter_index, hashes[i]);
        const uint8_t *meter = (const uint8_t *)&core->meters[slot == GW_NONE ? 0 : slot];
        for (size_t at = 0; slot != GW_NONE && at < sizeof(struct gw_meter); at += line_bytes) {
            __builtin_prefetch(meter + at, 1);
        }
    }
}

enum gw_verdict gw_core_message(struct gw_core *core, const struct gw_message *message)
{
    MT_CHECK(core != NULL && message != NULL && core->reply_count < GW_BATCH_MAX);
    MT_CHECK(message->transport < GW_TRANSPORTS);
    struct intake in = {.core = core, .message = message, .slot = GW_NONE};
    core->messages[message->transport]++;
    bool stopped = core->broken || gw_core_full(core);
    enum gw_verdict verdict = stopped ? GW_REFUSED_STOPPED : identify(&in);
    bool counted = false;
    if (verdict == GW_ACCEPTED && message->form == GW_FORM_SIGNED) {
        verdict = take_snapshot(&in);
    } else if (verdict == GW_ACCEPTED) {
        verdict = message->form == GW_FORM_COSE ? open_cose(&in) : decode_carrier(&in);
        verdict = verdict == GW_ACCEPTED ? check_readings(core->message) : verdict;
        if (verdict == GW_ACCEPTED) {
            verdict = take_readings(&in);
            counted = verdict != GW_REFUSED_STOPPED;
        }
    }
    if (!counted) {
        core->verdicts[verdict]++;
    }
    if (verdict >= GW_REFUSED_BACKWARD) {
        note_refusal(core, message, verdict);
    }
    answer(&in, verdict);
    return verdict;
}
