/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/match.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 1024u

const char *gw_match_verdict_name(enum gw_match_verdict verdict)
{
    static const char *const names[GW_MATCH_VERDICTS] = {"equal",          "only_here",
                                                         "only_there",     "open_here",
                                                         "state_differs",  "kind_differs",
                                                         "amount_differs", "details_differ"};
    MT_CHECK((unsigned)verdict < GW_MATCH_VERDICTS);
    return names[verdict];
}

enum gw_status gw_match_init(struct gw_match *match, int64_t from_us, int64_t to_us,
                             int64_t slack_us)
{
    MT_CHECK(from_us < to_us && slack_us >= 0);
    *match = (struct gw_match){.from_us = from_us, .to_us = to_us, .slack_us = slack_us};
    match->listed = calloc(GW_MATCH_LISTED_MAX, sizeof(*match->listed));
    return match->listed != NULL ? GW_OK : GW_FULL;
}

void gw_match_deinit(struct gw_match *match)
{
    free(match->rows);
    free(match->here);
    free(match->listed);
    memset(match, 0, sizeof(*match));
}

/* Room for one more. Returns the array, moved if need be, or NULL. */
static void *grow(void *items, size_t count, size_t *room, size_t item_bytes)
{
    if (count < *room) {
        return items;
    }
    size_t wanted = *room == 0 ? ROOM_FIRST : 2 * *room;
    void *grown = wanted > GW_MATCH_ORDERS_MAX ? NULL : realloc(items, wanted * item_bytes);
    *room = grown != NULL ? wanted : *room;
    return grown;
}

static bool add_sum(struct gw_match_sums *sums, const struct gw_match_order *order)
{
    int64_t *fen = &sums->fen[order->kind];
    if (order->amount_fen > INT64_MAX - *fen) {
        return false;
    }
    *fen += order->amount_fen;
    sums->count[order->kind]++;
    return true;
}

/* Count what came of an order; keep it when it is a difference. */
static void conclude(struct gw_match *match, enum gw_match_verdict verdict,
                     const struct gw_match_order *here, const struct gw_match_order *there,
                     const char *key)
{
    match->verdicts[verdict]++;
    if (verdict == GW_MATCH_EQUAL || match->listed_count == GW_MATCH_LISTED_MAX) {
        return;
    }
    struct gw_difference *d = &match->listed[match->listed_count++];
    memset(d, 0, sizeof(*d));
    d->verdict = (uint8_t)verdict;
    d->has_here = here != NULL;
    d->has_there = there != NULL;
    if (here != NULL) {
        d->here = *here;
    }
    if (there != NULL) {
        d->there = *there;
    }
    size_t len = key != NULL ? strnlen(key, GW_ORDER_KEY_MAX) : 0;
    memcpy(d->key, len > 0 ? key : "", len);
}

enum gw_status gw_match_there(struct gw_match *match, const struct gw_match_order *order,
                              const char *key)
{
    MT_CHECK(order->kind <= GW_ORDER_REFUND && order->amount_fen > 0);
    struct gw_match_row *rows =
        grow(match->rows, match->row_count, &match->row_room, sizeof(*rows));
    if (rows == NULL) {
        return GW_FULL;
    }
    match->rows = rows;
    if (!add_sum(&match->sums_there, order)) {
        return GW_CORRUPT;
    }
    if (order->number == 0) {
        conclude(match, GW_MATCH_ONLY_THERE, NULL, order, key);
    } else {
        rows[match->row_count++] = (struct gw_match_row){.order = *order};
    }
    return GW_OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t an = *(const uint64_t *)a; /* the number is the first member of both */
    uint64_t bn = *(const uint64_t *)b;
    return an < bn ? -1 : an > bn;
}

void gw_match_sort(struct gw_match *match)
{
    _Static_assert(offsetof(struct gw_match_row, order) == 0 &&
                       offsetof(struct gw_match_order, number) == 0,
                   "rows and orders are compared by their first member");
    if (match->row_count > 0) {
        qsort(match->rows, match->row_count, sizeof(*match->rows), by_number);
    }
}

/* The first item with this number, or NULL. */
static void *first_of(void *items, size_t count, size_t item_bytes, uint64_t number)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (*(const uint64_t *)((const char *)items + middle * item_bytes) < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    void *item = low < count ? (char *)items + low * item_bytes : NULL;
    return item != NULL && *(const uint64_t *)item == number ? item : NULL;
}

/* The row of an order. One that comes twice in a statement is found once: the other is too much. */
static struct gw_match_row *row_of(const struct gw_match *match, uint64_t number)
{
    struct gw_match_row *row =
        first_of(match->rows, match->row_count, sizeof(*match->rows), number);
    return row != NULL && !row->found ? row : NULL;
}

void gw_match_open(struct gw_match *match, uint64_t number)
{
    struct gw_match_row *row = row_of(match, number);
    if (row != NULL) {
        row->open = true;
    }
}

static enum gw_match_verdict judge(const struct gw_match_order *here,
                                   const struct gw_match_order *there)
{
    if (here->state != GW_ORDER_DONE) {
        return GW_MATCH_STATE;
    }
    if (here->kind != there->kind) {
        return GW_MATCH_KIND;
    }
    if (here->amount_fen != there->amount_fen) {
        return GW_MATCH_AMOUNT;
    }
    return here->digest == there->digest ? GW_MATCH_EQUAL : GW_MATCH_DETAILS;
}

enum gw_status gw_match_here(struct gw_match *match, const struct gw_match_order *order)
{
    MT_CHECK(order->kind <= GW_ORDER_REFUND && order->amount_fen > 0);
    bool done = order->state == GW_ORDER_DONE;
    bool of_day = done && order->time_us >= match->from_us && order->time_us < match->to_us;
    struct gw_match_row *row = row_of(match, order->number);
    if (of_day && !add_sum(&match->sums_here, order)) {
        return GW_CORRUPT;
    }
    if (row != NULL) {
        enum gw_match_verdict verdict = judge(order, &row->order);
        row->found = true;
        match->rows_found++;
        match->times_off +=
            verdict == GW_MATCH_EQUAL && row->order.time_us - order->time_us > match->slack_us;
        conclude(match, verdict, order, &row->order, NULL);
        return GW_OK;
    }
    if (!of_day) {
        return GW_OK; /* another day's, or refused on both sides */
    }
    struct gw_match_order *here =
        grow(match->here, match->here_count, &match->here_room, sizeof(*here));
    if (here == NULL) {
        return GW_FULL;
    }
    match->here = here;
    here[match->here_count++] = *order;
    match->here_left++;
    match->here_sorted = false;
    return GW_OK;
}

size_t gw_match_left_there(const struct gw_match *match)
{
    return match->row_count - match->rows_found;
}

size_t gw_match_left_here(const struct gw_match *match)
{
    return match->here_left;
}

void gw_match_elsewhere(struct gw_match *match, uint64_t number)
{
    if (!match->here_sorted && match->here_count > 0) {
        qsort(match->here, match->here_count, sizeof(*match->here), by_number);
        match->here_sorted = true;
    }
    struct gw_match_order *order =
        first_of(match->here, match->here_count, sizeof(*match->here), number);
    if (number != 0 && order != NULL && order->amount_fen > 0) {
        order->amount_fen = 0; /* found: it is compared with the day that holds it */
        match->here_left--;
        match->other_day++;
    }
}

void gw_match_finish(struct gw_match *match)
{
    for (size_t i = 0; i < match->row_count; i++) {
        const struct gw_match_row *row = &match->rows[i];
        if (!row->found) {
            conclude(match, row->open ? GW_MATCH_OPEN_HERE : GW_MATCH_ONLY_THERE, NULL, &row->order,
                     NULL);
        }
    }
    for (size_t i = 0; i < match->here_count; i++) {
        if (match->here[i].amount_fen > 0) {
            conclude(match, GW_MATCH_ONLY_HERE, &match->here[i], NULL, NULL);
        }
    }
}

uint64_t gw_match_number(const char *key, const char *gateway_id)
{
    size_t len = strlen(gateway_id);
    uint64_t number = 0;
    if (strncmp(key, gateway_id, len) != 0 || key[len] != '-' || key[len + 1] == '0') {
        return 0;
    }
    const char *p = key + len + 1;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (number > (UINT64_MAX - digit) / 10u) {
            return 0;
        }
        number = number * 10u + digit;
    }
    return *p == '\0' ? number : 0;
}

/* FNV-1a, then mixed: parts are added up, so that their order does not count. */
static uint64_t hash(uint64_t seed, const char *text)
{
    uint64_t sum = 0xcbf29ce484222325ull ^ seed;
    for (const char *p = text; *p != '\0'; p++) {
        sum = (sum ^ (uint8_t)*p) * 0x100000001b3ull;
    }
    sum ^= sum >> 32;
    sum *= 0x9e3779b97f4a7c15ull;
    return sum ^ sum >> 29;
}

uint64_t gw_match_digest(const char *wallet, const struct gw_order_part *parts, uint32_t count)
{
    uint64_t sum = hash(0, wallet);
    for (uint32_t i = 0; i < count; i++) {
        sum += hash((uint64_t)parts[i].amount_fen * 0x9e3779b97f4a7c15ull, parts[i].payee);
    }
    return sum;
}
