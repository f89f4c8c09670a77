/* SPDX-License-Identifier: GPL-3.0-or-later */
/** meterpay-operator: a stand-in for a wallet operator, as a process of its own.
 *
 *  docs/operator-api.md describes what it offers. This file reads the options, opens everything, and
 *  then waits: for a signal to stop, or for the fault "down" to stop listening for a while.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <popt.h>

#include "sim/operator/operator.h"

#define API_CONNECTIONS_MAX 256u
#define ADMIN_CONNECTIONS_MAX 16u
#define DEFAULT_PORT 18443

struct options {
    char *dir;
    char *address;
    int port;
    char *admin_socket;
    char *clock;
    char *classes;
};

/** The running program. */
struct program {
    struct sim_operator op;
    struct options options;
    uint16_t port;
    struct sim_http *api;
    struct sim_http *admin;
    int signal_fd;
    int lock_fd;
    char error[SIM_HTTP_ERROR_BYTES];
};

static bool complain(const char *text)
{
    (void)fprintf(stderr, "meterpay-operator: %s\n", text);
    return false;
}

/* Returns -1 to go on, or the exit code. */
static int read_options(struct options *options, int argc, const char **argv)
{
    struct poptOption table[] = {
        {"dir", 'd', POPT_ARG_STRING, &options->dir, 0,
         "Folder of the operator: its database, tls/ and gateways/ (made by make_certs.sh)", "DIR"},
        {"port", 'p', POPT_ARG_INT, &options->port, 0,
         "Port of the API for gateways; 0 takes any free one (default 18443)", "N"},
        {"bind", 'b', POPT_ARG_STRING, &options->address, 0,
         "Address of the API for gateways (default 127.0.0.1)", "ADDRESS"},
        {"admin-socket", 'a', POPT_ARG_STRING, &options->admin_socket, 0,
         "Unix socket of the API for staff, reachable by this user only (default DIR/admin.sock)",
         "PATH"},
        {"clock", 'c', POPT_ARG_STRING, &options->clock, 0,
         "Simulated time, from a clock file shared with gateway and fleet (default: real time)",
         "FILE"},
        {"classes", 0, POPT_ARG_STRING, &options->classes, 0,
         "Table of wallet classes (default: DIR/wallet-classes.yaml, else the shipped one)",
         "FILE"},
        POPT_AUTOHELP POPT_TABLEEND};
    poptContext context = poptGetContext("meterpay-operator", argc, argv, table, 0);
    poptSetOtherOptionHelp(context, "--dir DIR [OPTION...]");
    int rc = poptGetNextOpt(context);
    int exit_code = -1;
    if (rc < -1) {
        (void)fprintf(stderr, "meterpay-operator: %s: %s\n",
                      poptBadOption(context, POPT_BADOPTION_NOALIAS), poptStrerror(rc));
        exit_code = 2;
    } else if (poptPeekArg(context) != NULL) {
        (void)fprintf(stderr, "meterpay-operator: %s: there are only options; see --help\n",
                      poptPeekArg(context));
        exit_code = 2;
    } else if (options->dir == NULL) {
        (void)complain("--dir DIR is missing; see --help");
        exit_code = 2;
    } else if (options->port < 0 || options->port > 65535) {
        (void)complain("--port must be 0 to 65535");
        exit_code = 2;
    }
    (void)poptFreeContext(context);
    return exit_code;
}

static void free_options(struct options *options)
{
    free(options->dir);
    free(options->address);
    free(options->admin_socket);
    free(options->clock);
    free(options->classes);
}

static bool join(char path[4096], const char *folder, const char *name)
{
    int n = snprintf(path, 4096, "%s/%s", folder, name);
    return n > 0 && n < 4096 ? true : complain("the path of --dir is too long");
}

static bool load_classes(struct program *program)
{
    char path[4096];
    char error[SIM_CLASSES_ERROR_BYTES];
    const char *chosen = program->options.classes;
    if (!join(path, program->options.dir, "wallet-classes.yaml")) {
        return false;
    }
    if (chosen == NULL) {
        chosen = access(path, R_OK) == 0 ? path : SIM_CLASSES_FILE;
    }
    return sim_classes_load(&program->op.classes, error, chosen) == GW_OK ? true : complain(error);
}

/* Two processes on one database would both believe to be the only writer. */
static bool lock_folder(struct program *program)
{
    char path[4096];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (mkdir(program->options.dir, 0700) != 0 && errno != EEXIST) {
        (void)fprintf(stderr, "meterpay-operator: %s: %s\n", program->options.dir, strerror(errno));
        return false;
    }
    if (!join(path, program->options.dir, "lock")) {
        return false;
    }
    program->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (program->lock_fd < 0) {
        (void)fprintf(stderr, "meterpay-operator: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (fcntl(program->lock_fd, F_SETLK, &lock) != 0) {
        return complain("another meterpay-operator is running on this folder");
    }
    return true;
}

static bool open_books(struct program *program)
{
    char path[4096];
    struct sim_operator *op = &program->op;
    if (gw_clock_open(&op->clock, program->error, program->options.clock) != GW_OK) {
        return complain(program->error);
    }
    if (!join(path, program->options.dir, "operator.db")) {
        return false;
    }
    if (sim_book_open(&op->book, program->error, path, &op->classes) != GW_OK) {
        return complain(program->error);
    }
    if (gw_clock_now_us(&op->clock) < sim_book_last_us(op->book)) {
        (void)complain("the clock is before the newest entry of the books: until it has caught up, "
                       "everything happens at that entry's time");
    }
    return sim_writer_open(&op->writer, op->book, &op->clock) == GW_OK
               ? true
               : complain("no memory or thread for the writer");
}

static bool open_api(struct program *program)
{
    char tls[4096];
    if (!join(tls, program->options.dir, "tls")) {
        return false;
    }
    int fd =
        sim_listen_tcp(&program->port, program->error,
                       program->options.address == NULL ? "127.0.0.1" : program->options.address);
    if (fd < 0) {
        return complain(program->error);
    }
    struct sim_http_config config = {
        .handler = sim_api_handle,
        .arg = &program->op,
        .listen_fd = fd,
        .body_bytes_max = SIM_API_BODY_BYTES_MAX,
        .connections_max = API_CONNECTIONS_MAX,
        .tls_folder = tls,
    };
    return sim_http_open(&program->api, program->error, &config) == GW_OK
               ? true
               : complain(program->error);
}

static bool open_admin(struct program *program)
{
    char path[4096];
    if (!join(path, program->options.dir, "admin.sock")) {
        return false;
    }
    int fd = sim_listen_unix(program->error, program->options.admin_socket == NULL
                                                 ? path
                                                 : program->options.admin_socket);
    if (fd < 0) {
        return complain(program->error);
    }
    struct sim_http_config config = {
        .handler = sim_admin_handle,
        .arg = &program->op,
        .listen_fd = fd,
        .body_bytes_max = SIM_ADMIN_BODY_BYTES_MAX,
        .connections_max = ADMIN_CONNECTIONS_MAX,
    };
    return sim_http_open(&program->admin, program->error, &config) == GW_OK
               ? true
               : complain(program->error);
}

/* Signals arrive at a descriptor, so that every thread goes on undisturbed. */
static bool open_signals(struct program *program)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        return complain("signals cannot be set up");
    }
    program->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    program->op.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return program->signal_fd >= 0 && program->op.wake_fd >= 0
               ? true
               : complain("no file descriptor left");
}

static bool open_all(struct program *program)
{
    struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE,
                    &no_core); /* keys are in memory; without it a dump may hold them */
    (void)umask(077);
    program->op.dir = program->options.dir;
    sim_faults_init(&program->op.faults);
    (void)pthread_mutex_init(&program->op.gateways_lock, NULL);
    return open_signals(program) && lock_folder(program) && load_classes(program) &&
           open_books(program) && open_admin(program) && open_api(program);
}

static void close_api(struct program *program)
{
    sim_faults_stop(&program->op.faults); /* wakes handlers that are slow on purpose */
    sim_http_close(program->api);
    program->api = NULL;
    sim_faults_resume(&program->op.faults);
}

static void close_all(struct program *program)
{
    close_api(program);
    sim_http_close(program->admin);
    sim_writer_close(program->op.writer);
    sim_book_close(program->op.book);
    for (uint32_t i = 0; i < program->op.gateway_count; i++) {
        gw_sign_key_close(program->op.gateways[i].key);
    }
    (void)pthread_mutex_destroy(&program->op.gateways_lock);
    sim_faults_deinit(&program->op.faults);
    int fds[] = {program->signal_fd, program->op.wake_fd, program->lock_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
}

/* Wait for a signal, a new fault, or the end of a time (-1: for ever). True: a signal came. */
static bool wait_ms(struct program *program, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = program->signal_fd, .events = POLLIN},
                            {.fd = program->op.wake_fd, .events = POLLIN}};
    uint64_t count = 0;
    if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR) {
        return !complain("poll failed");
    }
    if ((fds[1].revents & POLLIN) != 0 &&
        read(program->op.wake_fd, &count, sizeof count) != sizeof count) {
        return !complain("the wake-up cannot be read");
    }
    return (fds[0].revents & POLLIN) != 0;
}

/* Be away from the network for that long by the operator's clock. False: stop altogether. */
static bool stay_down(struct program *program, int64_t seconds)
{
    int64_t until_us = gw_clock_now_us(&program->op.clock) + seconds * 1000000;
    close_api(program);
    (void)fprintf(stderr, "meterpay-operator: down for %lld s by its clock\n", (long long)seconds);
    for (;;) {
        int64_t left_us = until_us - gw_clock_now_us(&program->op.clock);
        int64_t real_ms = (gw_clock_real_span_us(&program->op.clock, left_us) + 999) / 1000;
        if (left_us <= 0) {
            break;
        }
        if (wait_ms(program, real_ms > 3600000 ? 3600000 : (int)real_ms)) {
            return false;
        }
    }
    if (!open_api(program)) {
        return false;
    }
    (void)fprintf(stderr, "meterpay-operator: up again\n");
    return true;
}

static void serve(struct program *program)
{
    bool running = true;
    (void)printf("meterpay-operator: ready on https://%s:%u\n",
                 program->options.address == NULL ? "127.0.0.1" : program->options.address,
                 (unsigned)program->port);
    (void)fflush(stdout);
    while (running && !wait_ms(program, -1)) {
        int64_t down_s = sim_faults_take_down(&program->op.faults);
        if (down_s > 0) {
            running = stay_down(program, down_s);
        }
    }
}

int main(int argc, char **argv)
{
    struct program *program = calloc(1, sizeof *program);
    if (program == NULL) {
        (void)complain("out of memory");
        return 1;
    }
    program->options.port = DEFAULT_PORT;
    program->signal_fd = -1;
    program->lock_fd = -1;
    program->op.wake_fd = -1;
    int exit_code = read_options(&program->options, argc, (const char **)argv);
    if (exit_code < 0) {
        program->port = (uint16_t)program->options.port;
        exit_code = 1;
        if (open_all(program)) {
            serve(program);
            exit_code = 0;
        }
        close_all(program);
    }
    free_options(&program->options);
    free(program);
    return exit_code;
}
