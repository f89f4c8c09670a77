/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/judge.h"

#include "gateway/core/civil.h"
#include "gateway/core/stretch.h"

/* A step of 15 minutes on top of the time passed: meters stamp a reading with the end of an interval
 * that began before. */
#define RANGE_SLACK_US (15ll * GW_US_PER_MIN)
/* Given times go up by a second a reading. So far beyond the gateway's own they may get: a meter that
 * sends without end must not drag its time into days whose prices are not known yet. */
#define GIVEN_AHEAD_US (15ll * GW_US_PER_MIN)

bool gw_is_accepted(uint8_t verdict)
{
    return verdict <= GW_ACCEPTED_LATE;
}

/* ---- registers ---------------------------------------------------------------------------------- */

static int64_t width_of(const struct gw_case *c)
{
    return (int64_t)c->meter->register_width;
}

static bool is_plausible(const struct gw_meter *meter, int64_t units, int64_t time_us)
{
    const int64_t hour_us = GW_US_PER_HOUR;
    __int128 most = (__int128)(int64_t)meter->max_per_hour * (time_us + RANGE_SLACK_US) / hour_us;
    return units <= most;
}

static enum gw_verdict from_usage(enum gw_usage_verdict verdict)
{
    switch (verdict) {
    case GW_USAGE_DONE:
        return GW_ACCEPTED;
    case GW_USAGE_NO_TARIFF:
        return GW_REFUSED_NO_TARIFF;
    case GW_USAGE_CLOSED:
        return GW_REFUSED_TOO_LATE;
    case GW_USAGE_TOO_LARGE:
        return GW_REFUSED_RANGE;
    }
    return GW_REFUSED_RANGE;
}

static enum gw_verdict add(const struct gw_case *c, struct gw_usage *usage,
                           const struct gw_terms *terms, const struct gw_interval *interval)
{
    const struct gw_tariff *tariff = gw_tariff_of(c->core, c->meter->tariff);
    if (interval->units < 0) {
        return GW_REFUSED_BACKWARD;
    }
    return from_usage(gw_usage_add(usage, tariff, terms, interval));
}

/* ---- forward ------------------------------------------------------------------------------------- */

static enum gw_verdict take_forward(const struct gw_case *c, struct gw_work *work,
                                    const struct mt_reading *reading, enum gw_verdict verdict)
{
    if (work->has_reading) {
        struct gw_interval interval =
            gw_stretch(width_of(c), &work->last, reading, (uint8_t)verdict, 1);
        enum gw_verdict added = add(c, &work->usage, &work->terms, &interval);
        if (added != GW_ACCEPTED) {
            return added;
        }
    }
    work->has_reading = true;
    work->last = *reading;
    work->last_verdict = (uint8_t)verdict;
    return verdict;
}

/* A first reading before the tariff begins would hold up the meter for ever: every stretch after it
 * would start where nothing can be rated. */
static bool can_start(const struct gw_case *c, const struct gw_work *work,
                      const struct mt_reading *reading)
{
    struct gw_cell cell;
    return gw_tariff_cell(&cell, gw_tariff_of(c->core, c->meter->tariff), &work->terms,
                          reading->time_us);
}

static enum gw_verdict judge_forward(const struct gw_case *c, struct gw_work *work,
                                     const struct mt_reading *reading, enum gw_verdict verdict)
{
    if (!work->has_reading && !can_start(c, work, reading)) {
        return GW_REFUSED_NO_TARIFF;
    }
    if (work->has_reading) {
        int64_t step = gw_register_step(work->last.total, reading->total, width_of(c));
        bool went_down = reading->total < work->last.total;
        bool plausible = is_plausible(c->meter, step, reading->time_us - work->last.time_us);
        if (step < 0 || (went_down && !plausible)) {
            return GW_REFUSED_BACKWARD;
        }
        if (!plausible) {
            return GW_REFUSED_RANGE;
        }
        if (went_down && verdict == GW_ACCEPTED) {
            verdict = GW_ACCEPTED_ROLLOVER;
        }
    }
    return take_forward(c, work, reading, verdict);
}

/* ---- late ------------------------------------------------------------------------------------------ */

static void consider(struct gw_bracket *bracket, bool *has_before, const struct gw_entry_reading *r,
                     int64_t time_us)
{
    if (!gw_is_accepted(r->verdict)) {
        return;
    }
    if (r->reading.time_us > time_us) {
        if (r->reading.time_us < bracket->after.reading.time_us) {
            bracket->after = *r;
        }
    } else if (!*has_before || r->reading.time_us > bracket->before.reading.time_us) {
        bracket->before = *r;
        *has_before = true;
    }
}

enum gw_status gw_core_read_block(void *self, uint64_t number, uint8_t *bytes, size_t *len,
                                  size_t max)
{
    struct gw_core *core = self;
    if (number != core->number) {
        return core->store->block_read(core->store->self, number, bytes, len, max);
    }
    if (core->replaying) {
        *len = gw_block_head(bytes, max, core->replay, core->replay->last);
        return *len > 0 ? GW_OK : GW_FULL;
    }
    size_t sealed = gw_block_seal(&core->writer, 0, 0);
    if (sealed > max) {
        return GW_FULL;
    }
    __builtin_memcpy(bytes, core->block_buffer, sealed);
    *len = sealed;
    return GW_OK;
}

/* True once nothing older can lie nearer: readings that came in time are in order of time. */
static bool consider_entry(struct gw_bracket *bracket, bool *has_before,
                           const struct gw_entry *entry, int64_t time_us)
{
    bool settled = false;
    for (uint32_t i = 0; entry->kind == GW_ENTRY_READINGS && i < entry->reading_count; i++) {
        const struct gw_entry_reading *r = &entry->readings[i];
        consider(bracket, has_before, r, time_us);
        settled = settled || (gw_is_accepted(r->verdict) && r->verdict != GW_ACCEPTED_LATE &&
                              r->reading.time_us <= time_us);
    }
    return settled;
}

/* What was found once is found again when blocks are read back, however long it takes. */
static bool may_walk(const struct gw_case *c, const struct gw_history *walk)
{
    return c->core->replaying || c->walked_bytes + walk->work_bytes < GW_WALK_MESSAGE_BYTES_MAX;
}

/* Find the accepted readings around a time. Returns false when there is none before it. */
static bool find_bracket(struct gw_case *c, const struct gw_work *work, int64_t time_us)
{
    struct gw_bracket *b = &c->bracket;
    if (b->known && b->before.reading.time_us <= time_us && time_us < b->after.reading.time_us) {
        return true;
    }
    bool has_before = false;
    b->known = false;
    b->after = (struct gw_entry_reading){.reading = work->last, .verdict = work->last_verdict};
    for (uint32_t i = 0; i < c->done_count; i++) {
        consider(b, &has_before, &c->done[i], time_us);
    }
    struct gw_store_port port = {.self = c->core, .block_read = gw_core_read_block};
    struct gw_history walk;
    gw_history_begin(&walk, &port, c->core->past_buffer, GW_BLOCK_BYTES_MAX, c->slot,
                     c->meter->last_block);
    bool settled = false;
    enum gw_status status = GW_OK;
    while (!settled && status == GW_OK && may_walk(c, &walk)) {
        status = gw_history_next(&walk, c->core->past);
        settled = status == GW_OK && consider_entry(b, &has_before, c->core->past, time_us);
    }
    c->walked_bytes += walk.work_bytes;
    c->core->walked_bytes += walk.work_bytes;
    if (status < 0) {
        c->status = status;
        return false;
    }
    b->known = settled && has_before;
    return b->known;
}

/* Split the stretch around the reading in two. */
static enum gw_verdict take_late(struct gw_case *c, struct gw_work *work,
                                 const struct mt_reading *reading)
{
    const struct gw_bracket *b = &c->bracket;
    const struct gw_entry_reading *after = &b->after;
    struct gw_interval whole =
        gw_stretch(width_of(c), &b->before.reading, &after->reading, after->verdict, -1);
    struct gw_interval first =
        gw_stretch(width_of(c), &b->before.reading, reading, GW_ACCEPTED_LATE, 1);
    struct gw_interval second =
        gw_stretch(width_of(c), reading, &after->reading, after->verdict, 1);
    if (first.units < 0 || second.units < 0 || first.units + second.units != whole.units) {
        return GW_REFUSED_BACKWARD;
    }
    struct gw_usage usage = work->usage;
    const struct gw_interval *steps[] = {&first, &second, &whole};
    for (uint32_t i = 0; i < 3; i++) {
        enum gw_verdict verdict = add(c, &usage, &work->terms, steps[i]);
        if (verdict != GW_ACCEPTED) {
            return verdict;
        }
    }
    work->usage = usage;
    c->bracket.before = (struct gw_entry_reading){.reading = *reading, .verdict = GW_ACCEPTED_LATE};
    return GW_ACCEPTED_LATE;
}

static enum gw_verdict judge_late(struct gw_case *c, struct gw_work *work,
                                  const struct mt_reading *reading)
{
    bool too_old = work->last.time_us - reading->time_us > c->core->config.settle.late_window_us;
    if (too_old || !find_bracket(c, work, reading->time_us)) {
        return GW_REFUSED_TOO_LATE;
    }
    const struct mt_reading *before = &c->bracket.before.reading;
    if (before->time_us == reading->time_us) {
        return before->total == reading->total ? GW_DUPLICATE : GW_REFUSED_CONFLICT;
    }
    return take_late(c, work, reading);
}

/* ---- both ------------------------------------------------------------------------------------------- */

/* The time that counts. A meter without a clock, or whose clock is off, is given the gateway's, always
 * after its last reading. */
static enum gw_verdict settle_time(const struct gw_case *c, const struct gw_work *work,
                                   struct mt_reading *reading)
{
    const struct gw_settle_rules *rules = &c->core->config.settle;
    int64_t now_us = c->core->now_us;
    int64_t off_us = reading->time_us - now_us;
    bool none = reading->time_us == 0;
    if (!none && (off_us > rules->clock_years_us || -off_us > rules->clock_years_us)) {
        return GW_REFUSED_CLOCK;
    }
    bool doubted = (reading->flags & MT_FLAG_CLOCK_DOUBT) != 0 && -off_us > rules->clock_ahead_us;
    bool ahead = off_us > rules->clock_ahead_us;
    if (!none && !doubted && !ahead) {
        return GW_ACCEPTED;
    }
    int64_t whole_us = now_us - now_us % GW_US_PER_S;
    if (none && work->has_reading && whole_us <= work->last.time_us &&
        reading->total == work->last.total) {
        reading->time_us = work->last.time_us; /* The same frame again. */
        return GW_ACCEPTED;
    }
    int64_t after_us = work->has_reading ? work->last.time_us + GW_US_PER_S : whole_us;
    if (after_us > now_us + rules->clock_ahead_us + GIVEN_AHEAD_US) {
        return GW_REFUSED_CLOCK;
    }
    reading->time_us = whole_us > after_us ? whole_us : after_us;
    return none ? GW_ACCEPTED : GW_ACCEPTED_DOUBTFUL;
}

enum gw_verdict gw_judge(struct gw_case *c, struct gw_work *work, struct mt_reading *reading)
{
    enum gw_verdict verdict = settle_time(c, work, reading);
    if (verdict == GW_REFUSED_CLOCK) {
        return verdict;
    }
    if (!work->has_reading || reading->time_us > work->last.time_us) {
        return judge_forward(c, work, reading, verdict);
    }
    if (reading->time_us == work->last.time_us) {
        return reading->total == work->last.total ? GW_DUPLICATE : GW_REFUSED_CONFLICT;
    }
    return judge_late(c, work, reading);
}

bool gw_retake(struct gw_case *c, struct gw_work *work, const struct gw_entry_reading *r)
{
    bool is_newer = !work->has_reading || r->reading.time_us > work->last.time_us;
    bool is_late = r->verdict == GW_ACCEPTED_LATE;
    if (is_newer == is_late || (is_late && r->reading.time_us == work->last.time_us)) {
        return false;
    }
    if (!is_late) {
        return take_forward(c, work, &r->reading, (enum gw_verdict)r->verdict) == r->verdict;
    }
    return find_bracket(c, work, r->reading.time_us) &&
           c->bracket.before.reading.time_us < r->reading.time_us &&
           take_late(c, work, &r->reading) == GW_ACCEPTED_LATE;
}
