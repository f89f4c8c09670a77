/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/result.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/app/api_tools.h"
#include "gateway/app/api_views.h"

/* ---- as JSON --------------------------------------------------------------------------------------- */

static json_t *sums_json(const struct gw_match_sums *sums)
{
    json_t *object = json_object();
    gw_api_put_int(object, "debits", (int64_t)sums->count[GW_ORDER_DEBIT]);
    gw_api_put_fen(object, "debit", sums->fen[GW_ORDER_DEBIT]);
    gw_api_put_int(object, "refunds", (int64_t)sums->count[GW_ORDER_REFUND]);
    gw_api_put_fen(object, "refund", sums->fen[GW_ORDER_REFUND]);
    return object;
}

static json_t *side_json(const struct gw_match_order *order, bool here)
{
    json_t *object = json_object();
    gw_api_put_text(object, "kind", gw_order_kind_name((enum gw_order_kind)order->kind));
    gw_api_put_text(object, "state",
                    here ? gw_order_state_name((enum gw_order_state)order->state) : "done");
    gw_api_put_fen(object, "amount", order->amount_fen);
    gw_api_put_time(object, "time", order->time_us);
    gw_api_put_int(object, here ? "block" : "seq", (int64_t)order->place);
    return object;
}

static json_t *difference_json(const struct gw_difference *d, struct gw_directory *directory)
{
    char household[GW_HOUSEHOLD_ID_MAX + 1] = "";
    uint64_t number = d->has_here ? d->here.number : d->there.number;
    json_t *object = json_object();
    gw_api_put_text(object, "class", gw_match_verdict_name((enum gw_match_verdict)d->verdict));
    gw_api_put(object, "order", number != 0 ? json_integer((json_int_t)number) : NULL);
    gw_api_put(object, "key", d->key[0] != '\0' ? json_string(d->key) : NULL);
    if (d->has_here) {
        (void)gw_directory_household(household, directory,
                                     d->here.household); /* empty if unknown */
    }
    gw_api_put(object, "household", d->has_here ? json_string(household) : NULL);
    gw_api_put(object, "here", d->has_here ? side_json(&d->here, true) : NULL);
    gw_api_put(object, "there", d->has_there ? side_json(&d->there, false) : NULL);
    return object;
}

/* What people read first. */
static const char *result_word(const uint64_t verdicts[GW_MATCH_VERDICTS])
{
    const char *word = verdicts[GW_MATCH_OPEN_HERE] > 0 ? "open" : "equal";
    for (int i = GW_MATCH_ONLY_HERE; i < GW_MATCH_VERDICTS; i++) {
        word = verdicts[i] > 0 && i != GW_MATCH_OPEN_HERE ? "differs" : word;
    }
    return word;
}

json_t *gw_result_json(const struct gw_match *match, int32_t day, int64_t now_us,
                       struct gw_directory *directory)
{
    char text[GW_FORMAT_MAX];
    json_t *object = json_object();
    json_t *orders = json_object();
    json_t *list = json_array();
    if (object == NULL || orders == NULL || list == NULL) {
        json_decref(object);
        json_decref(orders);
        json_decref(list);
        return NULL;
    }
    gw_format_day(text, day);
    gw_api_put_text(object, "day", text);
    gw_api_put_text(object, "result", result_word(match->verdicts));
    gw_api_put_time(object, "compared", now_us);
    gw_api_put(object, "here", sums_json(&match->sums_here));
    gw_api_put(object, "there", sums_json(&match->sums_there));
    for (int i = 0; i < GW_MATCH_VERDICTS; i++) {
        gw_api_put_int(orders, gw_match_verdict_name((enum gw_match_verdict)i),
                       (int64_t)match->verdicts[i]);
    }
    gw_api_put(object, "orders", orders);
    gw_api_put_int(object, "other_day", (int64_t)match->other_day);
    gw_api_put_int(object, "times_off", (int64_t)match->times_off);
    for (uint32_t i = 0; i < match->listed_count; i++) {
        (void)json_array_append_new(list, difference_json(&match->listed[i], directory));
    }
    gw_api_put(object, "differences", list);
    gw_api_put(object, "accepted", NULL);
    return object;
}

bool gw_result_summary(struct gw_result_summary *summary, const json_t *result)
{
    const json_t *orders = json_object_get(result, "orders");
    const char *day = json_string_value(json_object_get(result, "day"));
    struct gw_result_summary read = {.accepted =
                                         json_is_object(json_object_get(result, "accepted"))};
    if (day == NULL || !gw_parse_day(&read.day, day)) {
        return false;
    }
    read.compared_us = json_integer_value(json_object_get(result, "compared_us"));
    for (int i = 0; i < GW_MATCH_VERDICTS; i++) {
        json_t *count = json_object_get(orders, gw_match_verdict_name((enum gw_match_verdict)i));
        if (!json_is_integer(count) || json_integer_value(count) < 0) {
            return false;
        }
        read.verdicts[i] = (uint64_t)json_integer_value(count);
    }
    *summary = read;
    return true;
}

uint64_t gw_result_differences(const struct gw_result_summary *summary)
{
    uint64_t sum = 0;
    for (int i = GW_MATCH_ONLY_HERE; i < GW_MATCH_VERDICTS; i++) {
        sum += i != GW_MATCH_OPEN_HERE ? summary->verdicts[i] : 0;
    }
    return sum;
}

/* ---- files ------------------------------------------------------------------------------------------- */

static bool path_of(char path[GW_RESULT_PATH_MAX], const char *dir, int32_t day, const char *end)
{
    char text[GW_FORMAT_MAX];
    gw_format_day(text, day);
    int n = snprintf(path, GW_RESULT_PATH_MAX, "%s/%s%s", dir, text, end);
    return n > 0 && (size_t)n < GW_RESULT_PATH_MAX;
}

static bool sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
    return synced;
}

enum gw_status gw_result_write(const char *dir, int32_t day, const json_t *result)
{
    char path[GW_RESULT_PATH_MAX];
    char temporary[GW_RESULT_PATH_MAX];
    if (!path_of(path, dir, day, ".json") || !path_of(temporary, dir, day, ".part")) {
        return GW_IO;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && json_dumpfd(result, fd, JSON_INDENT(1)) == 0 && fsync(fd) == 0;
    int error = errno;
    good = fd >= 0 && close(fd) == 0 && good;
    good = good && rename(temporary, path) == 0;
    if (!good) {
        (void)unlink(temporary); /* nobody reads it */
        return error == ENOSPC ? GW_FULL : GW_IO;
    }
    return sync_directory(dir) ? GW_OK : GW_IO;
}

json_t *gw_result_read(const char *dir, int32_t day)
{
    char path[GW_RESULT_PATH_MAX];
    struct gw_result_summary summary;
    json_t *result = path_of(path, dir, day, ".json") ? json_load_file(path, 0, NULL) : NULL;
    if (result == NULL || !gw_result_summary(&summary, result) || summary.day != day) {
        json_decref(result);
        return NULL;
    }
    return result;
}

/* Put a day among the newest: ascending, the oldest falls out. */
static void insert(int32_t *days, uint32_t *count, uint32_t max, int32_t day)
{
    if (*count == max) {
        if (day <= days[0]) {
            return;
        }
        memmove(days, days + 1, (max - 1) * sizeof(*days));
        (*count)--;
    }
    uint32_t at = *count;
    while (at > 0 && days[at - 1] > day) {
        days[at] = days[at - 1];
        at--;
    }
    days[at] = day;
    (*count)++;
}

enum gw_status gw_result_days(int32_t *days, uint32_t *count, uint32_t max, const char *dir)
{
    MT_CHECK(max > 0);
    DIR *opened = opendir(dir);
    if (opened == NULL) {
        return GW_IO;
    }
    *count = 0;
    for (const struct dirent *entry = readdir(opened); entry != NULL; entry = readdir(opened)) {
        char text[11] = "";
        int32_t day = 0;
        if (strlen(entry->d_name) == 15 && strcmp(entry->d_name + 10, ".json") == 0) {
            memcpy(text, entry->d_name, 10);
        }
        if (gw_parse_day(&day, text)) {
            insert(days, count, max, day);
        }
    }
    (void)closedir(opened); /* only read */
    return GW_OK;
}
