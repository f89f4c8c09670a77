/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal over its two logs. */
#include "firmware/core/journal.h"

#include <string.h>

#include "firmware/core/limits.h"

_Static_assert(FW_RECORD_SLOT_BYTES - FW_LOG_CRC_BYTES == FW_RECORD_BYTES,
               "a record fills its slot");

static void journal_check(const struct fw_journal *journal)
{
    MT_CHECK(journal != NULL);
    MT_CHECK(journal->acked_seq > 0 && journal->acked_seq <= journal->next_seq);
    MT_CHECK(journal->profile_at <= journal->profile.end);
    MT_CHECK(journal->days_at <= journal->days.end);
}

/* Step over what is torn or of no known kind. FW_GONE: nothing readable from *position on. */
static enum fw_status next_record(struct fw_record *record, uint32_t *position,
                                  const struct fw_log *log)
{
    uint8_t bytes[FW_RECORD_BYTES];
    if (*position < log->oldest) {
        *position = log->oldest;
    }
    while (*position < log->end) {
        enum fw_status st = fw_log_read(bytes, log, *position);
        if (st == FW_OK && fw_record_decode(record, bytes)) {
            return FW_OK;
        }
        if (st == FW_IO) {
            return FW_IO;
        }
        (*position)++;
    }
    return FW_GONE;
}

/* The last readable record of a log. */
static enum fw_status last_record(struct fw_record *record, const struct fw_log *log)
{
    uint8_t bytes[FW_RECORD_BYTES];
    for (uint32_t position = log->end; position > log->oldest; position--) {
        enum fw_status st = fw_log_read(bytes, log, position - 1);
        if (st == FW_OK && fw_record_decode(record, bytes)) {
            return FW_OK;
        }
        if (st == FW_IO) {
            return FW_IO;
        }
    }
    return FW_GONE;
}

/* Move a position over records that the gateway has. An unreadable one stops it: better sent again. */
static void skip_acked(uint32_t *position, const struct fw_log *log, uint32_t acked_seq)
{
    struct fw_record record;
    while (next_record(&record, position, log) == FW_OK && record.seq < acked_seq) {
        (*position)++;
    }
}

static enum fw_status find_newest(struct fw_journal *journal)
{
    const struct fw_log *logs[] = {&journal->profile, &journal->days};
    for (unsigned i = 0; i < 2; i++) {
        struct fw_record record;
        enum fw_status st = last_record(&record, logs[i]);
        if (st == FW_IO) {
            return st;
        }
        if (st == FW_OK && (!journal->has_newest || record.seq > journal->newest.seq)) {
            journal->newest = record;
            journal->has_newest = true;
        }
    }
    return FW_OK;
}

enum fw_status fw_journal_open(struct fw_journal *journal, const struct fw_hal *hal,
                               const struct fw_journal_place *place,
                               const struct fw_checkpoint *saved)
{
    MT_CHECK(journal != NULL && place != NULL);
    struct fw_journal fresh = {.next_seq = 1, .acked_seq = 1};
    enum fw_status st = fw_log_open(&fresh.profile, hal, &place->profile);
    if (st == FW_OK) {
        st = fw_log_open(&fresh.days, hal, &place->days);
    }
    if (st == FW_OK) {
        st = find_newest(&fresh);
    }
    if (st != FW_OK) {
        return st;
    }
    if (saved != NULL) {
        fresh.next_seq = saved->next_seq;
        fresh.acked_seq = saved->acked_seq;
        fresh.dropped_count = saved->dropped_count;
    }
    if (fresh.has_newest && fresh.newest.seq >= fresh.next_seq) {
        fresh.next_seq = fresh.newest.seq + 1;
    }
    if (fresh.acked_seq > fresh.next_seq) {
        fresh.acked_seq = fresh.next_seq;
    }
    fresh.profile_at = fresh.profile.oldest;
    fresh.days_at = fresh.days.oldest;
    skip_acked(&fresh.profile_at, &fresh.profile, fresh.acked_seq);
    skip_acked(&fresh.days_at, &fresh.days, fresh.acked_seq);
    *journal = fresh;
    journal_check(journal);
    return FW_OK;
}

/* The ring went round over records that were pending: count them, and step over their places. */
static void count_dropped(uint32_t *position, const struct fw_log *log, uint32_t *dropped_count)
{
    if (*position < log->oldest) {
        *dropped_count += log->oldest - *position;
        *position = log->oldest;
    }
}

enum fw_status fw_journal_append(struct fw_journal *journal, const struct mt_reading *reading,
                                 bool day_end, uint32_t counter_reserved)
{
    journal_check(journal);
    MT_CHECK(reading != NULL);
    if (journal->next_seq == UINT32_MAX) {
        return FW_IO; /* 122,000 years of quarter-hours: only damaged storage gets here */
    }
    struct fw_record record = {
        .seq = journal->next_seq,
        .counter_reserved = counter_reserved,
        .reading = *reading,
    };
    uint8_t bytes[FW_RECORD_BYTES];
    struct fw_log *log = day_end ? &journal->days : &journal->profile;
    fw_record_encode(bytes, &record);
    enum fw_status st = fw_log_append(log, bytes);
    count_dropped(&journal->profile_at, &journal->profile, &journal->dropped_count);
    count_dropped(&journal->days_at, &journal->days, &journal->dropped_count);
    if (st == FW_OK) {
        journal->next_seq++;
        journal->newest = record;
        journal->has_newest = true;
    }
    journal_check(journal);
    return st;
}

void fw_journal_acknowledge(struct fw_journal *journal, uint32_t next_seq)
{
    journal_check(journal);
    if (next_seq <= journal->acked_seq) {
        return;
    }
    journal->acked_seq = next_seq;
    if (journal->next_seq < next_seq) {
        journal->next_seq = next_seq;
    }
    skip_acked(&journal->profile_at, &journal->profile, next_seq);
    skip_acked(&journal->days_at, &journal->days, next_seq);
    journal_check(journal);
}

bool fw_journal_pending(const struct fw_journal *journal)
{
    journal_check(journal);
    return journal->profile_at < journal->profile.end || journal->days_at < journal->days.end;
}

uint32_t fw_journal_pending_max(const struct fw_journal *journal)
{
    journal_check(journal);
    return journal->profile.end - journal->profile_at + journal->days.end - journal->days_at;
}

/* One of the two logs while they are read side by side. */
struct head {
    const struct fw_log *log;
    uint32_t position;
    bool has;
    struct fw_record record;
};

static enum fw_status head_fill(struct head *head, uint32_t acked_seq)
{
    enum fw_status st;
    do {
        st = next_record(&head->record, &head->position, head->log);
        head->has = st == FW_OK;
        head->position += st == FW_OK ? 1 : 0;
    } while (st == FW_OK && head->record.seq < acked_seq);
    return st == FW_GONE ? FW_OK : st;
}

enum fw_status fw_journal_collect(struct mt_message *message, const struct fw_journal *journal,
                                  uint32_t count_max)
{
    journal_check(journal);
    MT_CHECK(message != NULL);
    MT_CHECK(count_max <= FW_READINGS_MAX);
    struct head heads[2] = {
        {.log = &journal->profile, .position = journal->profile_at},
        {.log = &journal->days, .position = journal->days_at},
    };
    uint32_t count = 0;
    uint32_t seq_first = journal->next_seq;
    enum fw_status st = head_fill(&heads[0], journal->acked_seq);
    if (st == FW_OK) {
        st = head_fill(&heads[1], journal->acked_seq);
    }
    while (st == FW_OK && count < count_max && (heads[0].has || heads[1].has)) {
        bool second = !heads[0].has || (heads[1].has && heads[1].record.seq < heads[0].record.seq);
        struct head *lower = &heads[second ? 1 : 0];
        if (count > 0 && lower->record.seq != seq_first + count) {
            break;
        }
        seq_first = count == 0 ? lower->record.seq : seq_first;
        message->readings[count++] = lower->record.reading;
        st = head_fill(lower, journal->acked_seq);
    }
    if (st != FW_OK) {
        return st;
    }
    message->seq_first = seq_first;
    message->count = count;
    return FW_OK;
}

enum fw_status fw_journal_day_after(struct fw_record *record, const struct fw_journal *journal,
                                    int64_t after_us)
{
    journal_check(journal);
    MT_CHECK(record != NULL);
    struct fw_record found;
    uint32_t position = journal->days.oldest;
    enum fw_status st = next_record(&found, &position, &journal->days);
    while (st == FW_OK && found.reading.time_us <= after_us) {
        position++;
        st = next_record(&found, &position, &journal->days);
    }
    if (st == FW_OK && found.seq >= journal->acked_seq) {
        st = FW_GONE;
    }
    if (st == FW_OK) {
        *record = found;
    }
    return st;
}
