/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/shipped.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool try_folder(char path[GW_SHIPPED_PATH_MAX], const char *above, const char *kind)
{
    char candidate[GW_SHIPPED_PATH_MAX];
    int len = snprintf(candidate, sizeof(candidate), "%s%s", above, kind);
    if (len < 0 || (size_t)len >= sizeof(candidate) || access(candidate, X_OK) != 0) {
        return false;
    }
    memcpy(path, candidate, (size_t)len + 1);
    return true;
}

bool gw_shipped_folder(char path[GW_SHIPPED_PATH_MAX], const char *kind)
{
    /* From the program's folder: build/bin, build/<preset>/bin, an installed prefix. */
    static const char *const beside[] = {"/../../gateway/", "/../../../gateway/",
                                         "/../share/meterpay/"};
    char above[GW_SHIPPED_PATH_MAX];
    char program[GW_SHIPPED_PATH_MAX / 2];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    for (size_t i = 0; slash != NULL && i < sizeof(beside) / sizeof(beside[0]); i++) {
        (void)snprintf(above, sizeof(above), "%s%s", program, beside[i]); /* it fits */
        if (try_folder(path, above, kind)) {
            return true;
        }
    }
    return try_folder(path, "/usr/share/meterpay/", kind);
}
