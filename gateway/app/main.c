/* SPDX-License-Identifier: GPL-3.0-or-later */
/** `meterpayd`: options, least privilege, signals. */
#include <fcntl.h>
#include <popt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/app/app.h"
#include "gateway/app/log.h"

/* Exit statuses, also in the help text. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_MISUSE = 2 };

struct options {
    char *dir;
    char *config;
    int check;
    int version;
};

/* Memory holds meters' keys: no core dumps, nothing for others to read, no new privileges. */
static void give_up_privileges(void)
{
    struct rlimit none = {0, 0};
    (void)umask(077);
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        gw_log(GW_LOG_WARN, "privileges", "text=\"they could not be given up\"");
    }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* cannot fail with this value */
#endif
}

/* Blocked in every thread, read from a descriptor by the core's. */
static int open_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* cannot fail with this set */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int read_options(struct options *options, int argc, const char **argv)
{
    struct poptOption own[] = {
        {"dir", 'd', POPT_ARG_STRING, &options->dir, 0,
         "the gateway's directory, as `meterpay init` makes it (else $METERPAY_DIR)", "DIR"},
        {"config", 'c', POPT_ARG_STRING, &options->config, 0,
         "the configuration (DIR/" GW_CONFIG_NAME ")", "FILE"},
        {"check-config", '\0', POPT_ARG_NONE, &options->check, 0,
         "read the configuration, say what is wrong with it, and end", NULL},
        {"version", '\0', POPT_ARG_NONE, &options->version, 0, "print the version and end", NULL},
        POPT_TABLEEND,
    };
    const struct poptOption table[] = {{NULL, '\0', POPT_ARG_INCLUDE_TABLE, own, 0, NULL, NULL},
                                       POPT_AUTOHELP POPT_TABLEEND};
    poptContext context = poptGetContext("meterpayd", argc, argv, table, 0);
    poptSetOtherOptionHelp(context, "--dir DIR\n\n"
                                    "The gateway's daemon. It runs in the foreground, prints one "
                                    "line when it is ready, logs to\n"
                                    "stderr and stops on SIGTERM or SIGINT. Exit status: 0 "
                                    "stopped; 1 failed; 2 wrong usage or\n"
                                    "configuration.\n");
    int code = poptGetNextOpt(context);
    const char *extra = code == -1 ? poptGetArg(context) : NULL;
    if (code < -1) {
        fprintf(stderr, "meterpayd: %s: %s. Try meterpayd --help.\n",
                poptBadOption(context, POPT_BADOPTION_NOALIAS), poptStrerror(code));
    } else if (extra != NULL) {
        fprintf(stderr, "meterpayd: unexpected argument: %s. Try meterpayd --help.\n", extra);
    }
    bool fine = code == -1 && extra == NULL;
    poptFreeContext(context);
    return fine ? EXIT_DONE : EXIT_MISUSE;
}

static int serve(const struct gw_config *config)
{
    char why[GW_APP_WHY_BYTES] = "it could not be opened";
    struct gw_app *app = NULL;
    int signal_fd = open_signals();
    if (gw_app_open(&app, why, config) != GW_OK) {
        fprintf(stderr, "meterpayd: %s\n", why);
        if (signal_fd >= 0) {
            (void)close(signal_fd); /* only read from */
        }
        return EXIT_FAILED;
    }
    printf("meterpayd: ready, API at %s\n", config->http_socket);
    (void)fflush(stdout); /* whoever waits for the line has gone, if it fails */
    gw_log(GW_LOG_INFO, "ready", "gateway=%s site=%s", config->gateway_id, config->site);
    enum gw_status status = gw_app_run(app, signal_fd);
    gw_log(GW_LOG_INFO, "stopping", "reason=%s", status == GW_OK ? "asked" : "failed");
    gw_app_close(app);
    if (signal_fd >= 0) {
        (void)close(signal_fd); /* only read from */
    }
    return status == GW_OK ? EXIT_DONE : EXIT_FAILED;
}

/* The directory's name in full, so that it stays right whatever the working directory is. */
static int read_config(struct gw_config *config, const struct options *options)
{
    const char *dir = options->dir != NULL ? options->dir : getenv("METERPAY_DIR");
    char why[GW_CONFIG_WHY_BYTES];
    if (dir == NULL) {
        fprintf(stderr,
                "meterpayd: which directory? Give --dir DIR; `meterpay init DIR` makes one.\n");
        return EXIT_MISUSE;
    }
    char *full = realpath(dir, NULL);
    if (full == NULL) {
        fprintf(stderr, "meterpayd: %s: no such directory; `meterpay init %s` makes it.\n", dir,
                dir);
        return EXIT_MISUSE;
    }
    enum gw_status status = gw_config_load(config, why, full, options->config);
    free(full);
    if (status != GW_OK) {
        fprintf(stderr, "meterpayd: %s\n", why);
        return EXIT_MISUSE;
    }
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    static struct gw_config config; /* large */
    struct options options = {0};
    int status = read_options(&options, argc, (const char **)argv);
    if (status == EXIT_DONE && options.version != 0) {
        printf("meterpayd %s\n", METERPAY_VERSION);
    } else if (status == EXIT_DONE) {
        status = read_config(&config, &options);
        if (status == EXIT_DONE && options.check != 0) {
            printf("meterpayd: the configuration is good\n");
        } else if (status == EXIT_DONE) {
            give_up_privileges();
            status = serve(&config);
        }
    }
    free(options.dir);
    free(options.config);
    return status;
}
