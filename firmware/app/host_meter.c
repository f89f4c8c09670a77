/* SPDX-License-Identifier: GPL-3.0-or-later */
/* meter: one meter on the host, over a real socket, its storage in a file.
 *
 *      meter CONFIGURATION
 *
 *  The file has one word "key=value" a line, as firmware/app/setup.h says, and besides
 *      key=FILE         the root key: 32 hexadecimal digits
 *      storage=FILE     the flash; it is made when it is not there
 *      dtls=1.2|1.3|no  the version; "no" is CoAP in the clear, for a gateway on this machine
 *      serial=TTY       a line of collectors: it answers DL/T 645 or CJ/T 188 there, at 2400 8E1
 *      clock=host       the machine's clock stands for a battery-backed one
 *  It is spoken to on standard input, as firmware/app/console.h says, and ends with its end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "firmware/app/console.h"
#include "firmware/app/serial_view.h"
#include "firmware/app/setup.h"
#include "firmware/port/host/host.h"

#define LINE_MAX_BYTES 512u
#define SECTORS 64u
#define SECTOR_BYTES 4096u
#define DATAGRAMS_AT_A_TIME 64u
#define WAIT_MS_MAX 60000
#define PTY_MAJOR_FIRST 136 /* the kernel's list of devices: slaves of pseudo-terminals */
#define PTY_MAJOR_LAST 143
#define STATUS_SETUP 64
#define STATUS_STORAGE 65
#define STATUS_NETWORK 66

static struct {
    struct fw_setup setup;
    char storage[LINE_MAX_BYTES];
    char tty[LINE_MAX_BYTES]; /* empty: no serial port */
    bool host_clock;
    struct fw_host host;
    struct fw_app app;
    struct fw_console console;
    struct fw_serial serial;
    int socket;
    int line; /* the serial port; -1: none */
    uint8_t datagram[FW_DTLS_DATAGRAM_MAX + 1];
} m;

static int64_t now_us(void)
{
    struct timespec now;
    MT_CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * FW_US_PER_S + now.tv_nsec / 1000;
}

static _Noreturn void stop(int status, const char *what, const char *why)
{
    printf("stopped: %s%s\n", what, why);
    exit(status);
}

/* ---- configuration ---------------------------------------------------------------------------- */

static bool take_key(const char *path)
{
    char digits[FW_SETUP_KEY_DIGITS];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    bool good = read(file, digits, sizeof(digits)) == (ssize_t)sizeof(digits) &&
                fw_setup_key(&m.setup, digits);
    (void)close(file); /* it was only read */
    mt_key_wipe(digits, sizeof(digits));
    return good;
}

static bool take_version(const char *text)
{
    const struct fw_dtls_version **version = &m.setup.app.net.version;
    if (strcmp(text, "1.2") == 0) {
        *version = &fw_dtls_12;
    } else if (strcmp(text, "1.3") == 0) {
        *version = &fw_dtls_13;
    } else if (strcmp(text, "no") == 0) {
        *version = NULL;
    } else {
        return false;
    }
    return true;
}

static bool take_word(const struct fw_setup_word *word)
{
    if (fw_setup_is(word, "key")) {
        return take_key(word->value);
    }
    if (fw_setup_is(word, "storage")) {
        memcpy(m.storage, word->value, strlen(word->value) + 1); /* a line is no longer */
        return true;
    }
    if (fw_setup_is(word, "serial")) {
        memcpy(m.tty, word->value, strlen(word->value) + 1);
        return true;
    }
    if (fw_setup_is(word, "dtls")) {
        return take_version(word->value);
    }
    if (fw_setup_is(word, "clock")) {
        m.host_clock = strcmp(word->value, "host") == 0;
        return m.host_clock;
    }
    return fw_setup_take(&m.setup, word);
}

static void read_setup(const char *path)
{
    char line[LINE_MAX_BYTES];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        stop(STATUS_SETUP, path, ": cannot be opened");
    }
    fw_setup_init(&m.setup);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        struct fw_setup_word word = fw_setup_split(line);
        if (line[0] != '\0' && line[0] != '#' && !take_word(&word)) {
            stop(STATUS_SETUP, "configuration: ", line);
        }
    }
    (void)fclose(file); /* it was only read */
    const char *missing = fw_setup_finish(&m.setup);
    if (missing != NULL) {
        stop(STATUS_SETUP, "configuration: ", missing);
    }
    if (m.storage[0] == '\0') {
        stop(STATUS_SETUP, "configuration: ", "storage= is missing");
    }
}

/* ---- the board -------------------------------------------------------------------------------- */

static enum fw_status link_send(void *owner, enum fw_frame frame, const uint8_t *bytes, size_t len)
{
    return fw_app_link_send(owner, frame, bytes, len);
}

static bool read_clock(void *owner, int64_t *time_us)
{
    struct timespec now;
    (void)owner;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return false;
    }
    *time_us = (int64_t)now.tv_sec * FW_US_PER_S + now.tv_nsec / 1000;
    return true;
}

static enum fw_status send_datagram(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    return send(m.socket, bytes, len, 0) == (ssize_t)len ? FW_OK : FW_IO;
}

static void start_storage(void)
{
    struct fw_host_config config = {
        .path = m.storage,
        .sector_count = SECTORS,
        .sector_bytes = SECTOR_BYTES,
        .owner = &m.app,
        .send = link_send,
        .rtc = m.host_clock ? read_clock : NULL,
    };
    const char *why;
    if (getrandom(&config.seed, sizeof(config.seed), 0) != (ssize_t)sizeof(config.seed)) {
        stop(STATUS_STORAGE, "entropy: ", strerror(errno));
    }
    if (fw_host_init(&m.host, &config, &why) != FW_OK) {
        stop(STATUS_STORAGE, "storage: ", why);
    }
}

static void start_socket(void)
{
    struct sockaddr_in gateway = {.sin_family = AF_INET, .sin_port = htons(m.setup.gateway_port)};
    memcpy(&gateway.sin_addr, m.setup.gateway, sizeof(m.setup.gateway));
    m.socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (m.socket < 0 ||
        connect(m.socket, (const struct sockaddr *)&gateway, sizeof(gateway)) != 0) {
        stop(STATUS_NETWORK, "network: ", strerror(errno));
    }
}

/* ---- the serial port --------------------------------------------------------------------------- */

/* Pseudo-terminals have no parity, and complain when they are asked for nothing else. */
static bool is_pseudo(int line)
{
    struct stat about;
    return fstat(line, &about) == 0 && major(about.st_rdev) >= PTY_MAJOR_FIRST &&
           major(about.st_rdev) <= PTY_MAJOR_LAST;
}

static void start_serial(void)
{
    struct termios settings;
    m.line = -1;
    if (m.tty[0] == '\0') {
        return;
    }
    if (!fw_serial_init(&m.serial, &m.setup.app.meter.identity)) {
        stop(STATUS_SETUP, "serial: ", "the meter's number has no address in these protocols");
    }
    m.line = open(m.tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (m.line < 0 || tcgetattr(m.line, &settings) != 0) {
        stop(STATUS_SETUP, m.tty, ": is no serial port that can be opened");
    }
    cfmakeraw(&settings);
    settings.c_cflag |= (is_pseudo(m.line) ? 0 : PARENB) | CLOCAL | CREAD;
    (void)cfsetspeed(&settings, B2400); /* a speed that every port has */
    if (tcsetattr(m.line, TCSANOW, &settings) != 0) {
        stop(STATUS_SETUP, m.tty, ": cannot be set to 2400 8E1");
    }
}

/* Returns: false when the line is gone. */
static bool take_line(void)
{
    uint8_t bytes[64];
    uint8_t reply[FW_SERIAL_REPLY_MAX];
    struct fw_serial_view view;
    ssize_t len = read(m.line, bytes, sizeof(bytes));
    if (len <= 0) {
        return len < 0 && (errno == EAGAIN || errno == EINTR);
    }
    fw_serial_view_of(&view, &m.app.meter, now_us());
    size_t reply_len = fw_serial_take(&m.serial, reply, bytes, (size_t)len, &view, now_us());
    if (reply_len > 0) {
        (void)write(m.line, reply, reply_len); /* a collector that hears nothing asks again */
    }
    return true;
}

/* ---- the loop --------------------------------------------------------------------------------- */

static void say(void *context, const char *line)
{
    (void)context;
    puts(line);
}

/* Returns: false at the end of the input, or when it says so. */
static bool take_input(void)
{
    char bytes[256];
    ssize_t len = read(STDIN_FILENO, bytes, sizeof(bytes));
    for (ssize_t i = 0; i < len; i++) {
        if (!fw_console_take(&m.console, (uint8_t)bytes[i], now_us())) {
            return false;
        }
    }
    return len > 0;
}

/* Refused ports and the like are as datagrams that were lost. */
static void take_datagrams(void)
{
    for (uint32_t i = 0; i < DATAGRAMS_AT_A_TIME; i++) {
        ssize_t len = recv(m.socket, m.datagram, sizeof(m.datagram), 0);
        if (len < 0) {
            return;
        }
        fw_app_datagram(&m.app, m.datagram, (size_t)len, now_us());
    }
}

static void run(void)
{
    struct pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = m.socket, .events = POLLIN},
                             {.fd = m.line, .events = POLLIN}};
    for (;;) {
        int64_t wait_us = fw_app_step(&m.app, now_us()) - now_us();
        int64_t wait_ms = wait_us <= 0 ? 0 : (wait_us + 999) / 1000;
        fw_console_news(&m.console, now_us());
        (void)fflush(stdout); /* nobody reads: then nobody does */
        (void)poll(waits, 3, wait_ms < WAIT_MS_MAX ? (int)wait_ms : WAIT_MS_MAX);
        if ((waits[1].revents & (POLLIN | POLLERR)) != 0) {
            take_datagrams();
        }
        if (waits[2].revents != 0 && !take_line()) {
            waits[2].fd = -1;
        }
        if ((waits[0].revents & (POLLIN | POLLHUP)) != 0 && !take_input()) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: meter CONFIGURATION\n");
        return STATUS_SETUP;
    }
    read_setup(argv[1]);
    start_serial();
    start_socket();
    start_storage();
    const struct fw_udp udp = {.send = send_datagram};
    enum fw_status status = fw_app_init(&m.app, &m.setup.app, &m.host.hal, &udp, now_us());
    mt_key_wipe(m.setup.app.meter.root_key, sizeof(m.setup.app.meter.root_key));
    if (status != FW_OK) {
        stop(STATUS_STORAGE, "meter: ",
             status == FW_INVALID ? "the configuration cannot work" : "the storage failed");
    }
    m.console = (struct fw_console){.app = &m.app, .say = say};
    fw_console_init(&m.console);
    run();
    (void)fflush(stdout); /* as above */
    fw_app_deinit(&m.app);
    fw_host_deinit(&m.host);
    (void)close(m.socket); /* nothing waits in it */
    return 0;
}
