/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter's service line; see console.h. */
#include "firmware/app/console.h"

#include <string.h>

#define DIGITS_MAX 18u     /* fits int64_t */
#define DIGITS_OUT_MAX 20u /* of 2^63 and a sign */

void fw_text_put(struct fw_text *text, const char *words)
{
    size_t len = strlen(words);
    if (len < sizeof(text->text) - text->len) {
        memcpy(text->text + text->len, words, len + 1);
        text->len += len;
    }
}

static void put_number(struct fw_text *text, int64_t number)
{
    char digits[DIGITS_OUT_MAX + 1];
    char *at = digits + DIGITS_OUT_MAX;
    uint64_t rest = number < 0 ? 0u - (uint64_t)number : (uint64_t)number;
    *at = '\0';
    do {
        *--at = (char)('0' + rest % 10u);
        rest /= 10u;
    } while (rest != 0);
    if (number < 0) {
        *--at = '-';
    }
    fw_text_put(text, at);
}

void fw_text_pair(struct fw_text *text, const char *key, int64_t number)
{
    fw_text_put(text, " ");
    fw_text_put(text, key);
    fw_text_put(text, "=");
    put_number(text, number);
}

static void say_status(struct fw_console *console, const char *head, int64_t now_us)
{
    const struct fw_app *app = console->app;
    const struct fw_checkpoint *now = &app->meter.now;
    const struct fw_hal *hal = app->hal;
    struct fw_text text = {.len = 0};
    fw_text_put(&text, head);
    fw_text_pair(&text, "total", now->total);
    fw_text_pair(&text, "next_seq", now->next_seq);
    fw_text_pair(&text, "acked_seq", now->acked_seq);
    fw_text_pair(&text, "boots", now->boots);
    fw_text_pair(&text, "valve_open",
                 hal->valve_get != NULL && hal->valve_get(hal->context) == FW_VALVE_OPEN);
    fw_text_pair(&text, "up_us", now_us);
    fw_text_pair(&text, "state", app->state);
    fw_text_pair(&text, "handshakes", app->stats.handshakes);
    fw_text_pair(&text, "sessions", app->stats.sessions);
    fw_text_pair(&text, "posts", app->stats.posts);
    fw_text_pair(&text, "refused", app->stats.refused);
    fw_text_pair(&text, "failed", app->stats.failed);
    fw_text_pair(&text, "repeated", app->coap.stats.repeated);
    fw_text_pair(&text, "observing", app->coap.observing);
    fw_text_pair(&text, "down", app->stats.notifications);
    if (console->more != NULL) {
        console->more(console->context, &text);
    }
    console->say(console->context, text.text);
}

static bool read_units(int64_t *units, const char *text)
{
    int64_t value = 0;
    size_t len = strlen(text);
    if (len == 0 || len > DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *units = value;
    return true;
}

/* Count, and say the register after it. */
static void take_pulses(struct fw_console *console, const char *text, bool is_total, int64_t now_us)
{
    struct fw_meter *meter = &console->app->meter;
    int64_t units;
    bool good = read_units(&units, text);
    if (good && is_total) {
        units -= meter->now.total;
        good = units >= 0;
    }
    if (!good) {
        console->say(console->context, "refused");
        return;
    }
    fw_meter_count(meter, units, now_us);
    struct fw_text answer = {.len = 0};
    fw_text_put(&answer, "counted");
    fw_text_pair(&answer, "total", meter->now.total);
    console->say(console->context, answer.text);
}

static bool take_line(struct fw_console *console, int64_t now_us)
{
    struct fw_meter *meter = &console->app->meter;
    const char *line = console->line;
    if (strncmp(line, "pulse ", 6) == 0) {
        take_pulses(console, line + 6, false, now_us);
    } else if (strncmp(line, "total ", 6) == 0) {
        take_pulses(console, line + 6, true, now_us);
    } else if (strcmp(line, "status?") == 0) {
        say_status(console, "status", now_us);
    } else if (strcmp(line, "power fails") == 0) {
        bool saved = fw_meter_power_fail(meter) == FW_OK;
        console->say(console->context, saved ? "saved" : "not saved");
    } else if (strcmp(line, "confirm") == 0) {
        fw_meter_confirm(meter, now_us);
        console->say(console->context, "confirmed");
    } else if (strcmp(line, "exit") == 0) {
        say_status(console, "end", now_us);
        return false;
    } else {
        console->say(console->context, "refused");
    }
    return true;
}

void fw_console_init(struct fw_console *console)
{
    MT_CHECK(console->app != NULL && console->say != NULL);
    console->said_acked = console->app->meter.now.acked_seq;
    console->len = 0;
    say_status(console, "started", 0);
}

bool fw_console_take(struct fw_console *console, uint8_t byte, int64_t now_us)
{
    if (byte == '\n') {
        console->line[console->len] = '\0';
        console->len = 0;
        return take_line(console, now_us);
    }
    if (console->len + 1 < sizeof(console->line)) {
        console->line[console->len++] = (char)byte;
    }
    return true;
}

void fw_console_news(struct fw_console *console, int64_t now_us)
{
    if (console->app->meter.now.acked_seq != console->said_acked) {
        console->said_acked = console->app->meter.now.acked_seq;
        say_status(console, "acknowledged", now_us);
    }
}
