/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter on a board: the HAL's functions and the main loop. What a test says to it on the serial port is
 * in firmware/app/console.h. */
#include <string.h>

#include "firmware/app/console.h"
#include "firmware/port/cortex-m/board.h"
#include "firmware/port/cortex-m/core.h"
#include "firmware/port/cortex-m/net.h"
#include "firmware/port/cortex-m/noise.h"
#include "firmware/port/cortex-m/say.h"
#include "firmware/port/cortex-m/semihost.h"
#include "firmware/port/cortex-m/setup.h"

#define STATUS_SETUP 64
#define STATUS_STORAGE 65
#define STATUS_NETWORK 66

static struct fw_board_setup setup;
static struct fw_hal hal;
static struct fw_app app;
static struct fw_console console;
static enum fw_valve valve = FW_VALVE_OPEN;

static int64_t now_us(void)
{
    return (int64_t)fw_core_time_us();
}

static void say_line(void *context, const char *line)
{
    (void)context;
    fw_say_text(line);
    fw_say_end();
}

static void say_peaks(void *context, struct fw_text *status)
{
    (void)context;
    fw_text_pair(status, "stack_peak", fw_core_stack_peak());
    fw_text_pair(status, "heap_peak", fw_core_heap_peak());
}

/* ---- the HAL ---------------------------------------------------------------------------------- */

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
    fw_say_text(position == FW_VALVE_OPEN ? "valve open=1" : "valve open=0");
    fw_say_end();
    return FW_OK;
}

static enum fw_valve hal_valve_get(void *context)
{
    (void)context;
    return valve;
}

static enum fw_status hal_link_send(void *context, enum fw_frame frame, const uint8_t *bytes,
                                    size_t len)
{
    (void)context;
    return fw_app_link_send(&app, frame, bytes, len);
}

static enum fw_status send_datagram(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    return fw_net_send(bytes, len);
}

static void take_datagram(void *owner, const uint8_t *bytes, size_t len)
{
    (void)owner;
    fw_app_datagram(&app, bytes, len, now_us());
}

/* ---- the start -------------------------------------------------------------------------------- */

static _Noreturn void stop(int status, const char *what, const char *why)
{
    fw_say_text("stopped: ");
    fw_say_text(what);
    fw_say_text(why);
    fw_say_end();
    fw_semihost_exit(status);
}

static void start_board(void)
{
    fw_board_start();
    fw_core_start();
    const char *wrong = fw_board_setup_read(&setup);
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

static void start_meter(void)
{
    const struct fw_udp udp = {.send = send_datagram};
    enum fw_status status = fw_app_init(&app, &setup.meter.app, &hal, &udp, now_us());
    mt_key_wipe(setup.meter.app.meter.root_key, sizeof(setup.meter.app.meter.root_key));
    if (status != FW_OK) {
        stop(STATUS_STORAGE, "meter: ",
             status == FW_INVALID ? "the configuration cannot work" : "the storage failed");
    }
}

static void start_net(void)
{
    struct fw_net_config config = {
        .gateway_port = setup.meter.gateway_port,
        .mac = {0x02, 0x4D, 0x50, 0, 0, setup.address[3]},
        .receive = take_datagram,
    };
    memcpy(config.address, setup.address, sizeof(config.address));
    memcpy(config.router, setup.router, sizeof(config.router));
    memcpy(config.gateway, setup.meter.gateway, sizeof(config.gateway));
    if (fw_net_start(&config) != FW_OK) {
        stop(STATUS_NETWORK, "network: ", "the Ethernet controller does not answer");
    }
}

/* ---- the loop --------------------------------------------------------------------------------- */

/* Returns true when a byte was there. */
static bool poll_serial(void)
{
    uint8_t byte;
    bool any = false;
    while (fw_board_get(&byte)) {
        any = true;
        if (!fw_console_take(&console, byte, now_us())) {
            fw_semihost_exit(0);
        }
    }
    return any;
}

_Noreturn void fw_main(void)
{
    start_board();
    start_meter();
    start_net();
    fw_say_text("board ");
    fw_say_text(fw_board_name);
    fw_say_end();
    console = (struct fw_console){.app = &app, .say = say_line, .more = say_peaks};
    fw_console_init(&console);
    int64_t next_us = 0;
    for (;;) {
        bool busy = fw_net_poll();
        busy |= poll_serial();
        if (busy || now_us() >= next_us) {
            next_us = fw_app_step(&app, now_us());
            fw_console_news(&console, now_us());
        }
        fw_board_watchdog();
        if (!busy) {
            fw_core_sleep();
        }
    }
}
