/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter on a board: the main loop, and what a test says to it on the serial port.
 *
 * A line in                 what it stands for
 *   pulse N                 N units went through since the last one
 *   total N                 the counting part's own total, which outlives the power: the difference counts
 *   status?                 answers with a line "status ..."
 *   power fails             the supply warns: registers are saved
 *   confirm                 a hand on the spot lets the valve open
 *   exit                    ends the emulator with status 0
 * Each is answered with one line, so that the sender knows that it was taken.
 */
#include <string.h>

#include "firmware/core/meter.h"
#include "firmware/port/cortex-m/board.h"
#include "firmware/port/cortex-m/core.h"
#include "firmware/port/cortex-m/net.h"
#include "firmware/port/cortex-m/noise.h"
#include "firmware/port/cortex-m/say.h"
#include "firmware/port/cortex-m/semihost.h"
#include "firmware/port/cortex-m/setup.h"

#define LINE_MAX 64u
#define STATUS_SETUP 64
#define STATUS_STORAGE 65
#define STATUS_NETWORK 66
#define DIGITS_MAX 18u /* fits int64_t */

static struct fw_setup setup;
static struct fw_hal hal;
static struct fw_meter meter;
static struct fw_work work;
static enum fw_valve valve = FW_VALVE_OPEN;
static char line[LINE_MAX];
static size_t line_len;
static uint32_t said_acked; /* acknowledged up to here, as the log last said */

static int64_t now_us(void)
{
    return (int64_t)fw_core_time_us();
}

static enum fw_status hal_entropy(void *context, void *bytes, uint32_t len)
{
    (void)context;
    return fw_noise(bytes, len);
}

static enum fw_status hal_rtc_read(void *context, int64_t *time_us)
{
    (void)context;
    *time_us = (int64_t)fw_semihost_time_s() * FW_US_PER_S;
    return FW_OK;
}

static enum fw_status hal_rtc_write(void *context, int64_t time_us)
{
    (void)context;
    (void)time_us;
    return FW_IO; /* the host's clock is the host's */
}

static enum fw_status hal_valve_set(void *context, enum fw_valve position)
{
    (void)context;
    if (position == FW_VALVE_THROTTLE) {
        return FW_IO; /* a valve with two ends */
    }
    valve = position;
    fw_say_text("valve");
    fw_say_pair("open", position == FW_VALVE_OPEN);
    fw_say_end();
    return FW_OK;
}

static enum fw_valve hal_valve_get(void *context)
{
    (void)context;
    return valve;
}

static _Noreturn void stop(int status, const char *what, const char *why)
{
    fw_say_text("stopped: ");
    fw_say_text(what);
    fw_say_text(why);
    fw_say_end();
    fw_semihost_exit(status);
}

static enum fw_status hal_link_send(void *context, enum fw_frame frame, const uint8_t *bytes,
                                    size_t len)
{
    (void)context;
    (void)frame;
    return fw_net_send(bytes, len);
}

static void take_datagram(void *owner, const uint8_t *bytes, size_t len)
{
    (void)owner;
    (void)fw_meter_downlink(&meter, bytes, len, now_us()); /* the statistics say what it was */
}

static void start_board(void)
{
    fw_board_start();
    fw_core_start();
    const char *wrong = fw_setup_read(&setup);
    if (wrong != NULL) {
        stop(STATUS_SETUP, "configuration: ", wrong);
    }
    hal.entropy = hal_entropy;
    hal.rtc_read = setup.host_clock ? hal_rtc_read : NULL;
    hal.rtc_write = setup.host_clock ? hal_rtc_write : NULL;
    hal.valve_set = hal_valve_set;
    hal.valve_get = hal_valve_get;
    hal.link_send = hal_link_send;
    if (fw_board_storage(&hal, setup.backing[0] != '\0' ? setup.backing : NULL) != FW_OK) {
        stop(STATUS_STORAGE, "storage: ", "the flash does not answer");
    }
}

static void start_net(void)
{
    struct fw_net_config config = {
        .gateway_port = setup.gateway_port,
        .mac = {0x02, 0x4D, 0x50, 0, 0, setup.address[3]},
        .receive = take_datagram,
    };
    memcpy(config.address, setup.address, sizeof(config.address));
    memcpy(config.router, setup.router, sizeof(config.router));
    memcpy(config.gateway, setup.gateway, sizeof(config.gateway));
    if (fw_net_start(&config) != FW_OK) {
        stop(STATUS_NETWORK, "network: ", "the Ethernet controller does not answer");
    }
}

static void say_status(const char *head)
{
    const struct fw_checkpoint *now = &meter.now;
    fw_say_text(head);
    fw_say_pair("total", now->total);
    fw_say_pair("next_seq", now->next_seq);
    fw_say_pair("acked_seq", now->acked_seq);
    fw_say_pair("boots", now->boots);
    fw_say_pair("valve_open", valve == FW_VALVE_OPEN);
    fw_say_pair("up_us", now_us());
    fw_say_pair("stack_peak", fw_core_stack_peak());
    fw_say_pair("heap_peak", fw_core_heap_peak());
    fw_say_end();
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
static void take_pulses(const char *text, bool is_total)
{
    int64_t units;
    bool good = read_units(&units, text);
    if (good && is_total) {
        units -= meter.now.total;
        good = units >= 0;
    }
    if (!good) {
        fw_say_text("refused");
        fw_say_end();
        return;
    }
    fw_meter_count(&meter, units, now_us());
    fw_say_text("counted");
    fw_say_pair("total", meter.now.total);
    fw_say_end();
}

static void take_line(void)
{
    if (strncmp(line, "pulse ", 6) == 0) {
        take_pulses(line + 6, false);
    } else if (strncmp(line, "total ", 6) == 0) {
        take_pulses(line + 6, true);
    } else if (strcmp(line, "status?") == 0) {
        say_status("status");
    } else if (strcmp(line, "power fails") == 0) {
        fw_say_text(fw_meter_power_fail(&meter) == FW_OK ? "saved" : "not saved");
        fw_say_end();
    } else if (strcmp(line, "confirm") == 0) {
        fw_meter_confirm(&meter, now_us());
        fw_say_text("confirmed");
        fw_say_end();
    } else if (strcmp(line, "exit") == 0) {
        say_status("end");
        fw_semihost_exit(0);
    } else {
        fw_say_text("refused");
        fw_say_end();
    }
}

/* Returns true when a byte was there. */
static bool poll_serial(void)
{
    uint8_t byte;
    bool any = false;
    while (fw_board_get(&byte)) {
        any = true;
        if (byte == '\n') {
            line[line_len] = '\0';
            line_len = 0;
            take_line();
        } else if (line_len + 1 < sizeof(line)) {
            line[line_len++] = (char)byte;
        }
    }
    return any;
}

static void say_news(void)
{
    if (meter.now.acked_seq != said_acked) {
        said_acked = meter.now.acked_seq;
        say_status("acknowledged");
    }
}

_Noreturn void fw_main(void)
{
    start_board();
    start_net();
    enum fw_status status = fw_meter_init(&meter, &setup.meter, &hal, &work, now_us());
    if (status != FW_OK) {
        stop(STATUS_STORAGE, "meter: ",
             status == FW_INVALID ? "the configuration cannot work" : "the storage failed");
    }
    said_acked = meter.now.acked_seq;
    fw_say_text("board ");
    fw_say_text(fw_board_name);
    fw_say_end();
    say_status("started");
    for (;;) {
        bool busy = fw_net_poll();
        busy |= poll_serial();
        if (now_us() >= fw_meter_next_us(&meter)) {
            fw_meter_step(&meter, now_us());
        }
        say_news();
        fw_board_watchdog();
        if (!busy) {
            fw_core_sleep();
        }
    }
}
