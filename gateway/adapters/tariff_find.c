/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tariff packs on disk: where the shipped ones are, and a file's bytes. */
#include "gateway/adapters/tariff_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/adapters/shipped.h"

/** Put the path together; true when it fits and a file can be read there. */
static bool try_folder(char path[GW_TARIFF_PATH_MAX], const char *folder, const char *pack)
{
    char candidate[GW_TARIFF_PATH_MAX];
    int len = snprintf(candidate, sizeof(candidate), "%s/%s.yaml", folder, pack);
    if (len < 0 || (size_t)len >= sizeof(candidate) || access(candidate, R_OK) != 0) {
        return false;
    }
    memcpy(path, candidate, (size_t)len + 1);
    return true;
}

static bool find_shipped(char path[GW_TARIFF_PATH_MAX], const char *pack)
{
    char folder[GW_SHIPPED_PATH_MAX];
    return gw_shipped_folder(folder, "tariffs") && try_folder(path, folder, pack);
}

enum gw_status gw_tariff_file_find(char path[GW_TARIFF_PATH_MAX], char *why, size_t why_max,
                                   const char *pack)
{
    if (pack[0] != '\0' && (strchr(pack, '/') != NULL || strchr(pack, '.') != NULL)) {
        if (strlen(pack) >= GW_TARIFF_PATH_MAX) {
            (void)snprintf(why, why_max, "the path is too long"); /* cut is fine */
            return GW_END;
        }
        memcpy(path, pack, strlen(pack) + 1);
        return GW_OK;
    }
    const char *own = getenv("METERPAY_TARIFFS");
    bool has_own = own != NULL && own[0] != '\0';
    bool found = has_own ? try_folder(path, own, pack) : find_shipped(path, pack);
    if (found) {
        return GW_OK;
    }
    (void)snprintf(why, why_max,
                   "there is no tariff named '%.40s' in %s; give a shipped name such as "
                   "zhejiang-power, or a file such as ./my-tariff.yaml",
                   pack, has_own ? own : "gateway/tariffs or /usr/share/meterpay/tariffs");
    return GW_END; /* a sentence that was cut is still one */
}

/** Read up to max bytes of a file. Returns GW_OK, or GW_IO with errno's words in why. */
static enum gw_status read_bytes(char *text, size_t *len, size_t max, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return GW_IO;
    }
    *len = fread(text, 1, max, file);
    enum gw_status status = ferror(file) != 0 ? GW_IO : GW_OK;
    int error = errno;
    (void)fclose(file); /* only read from: nothing can be lost */
    errno = error;
    return status;
}

enum gw_status gw_tariff_file_load(struct gw_tariff *tariff, struct gw_tariff_note *note, char *why,
                                   size_t why_max, const char *path)
{
    /* One byte more than is accepted, so that a larger file is seen to be larger. */
    size_t max = GW_YAML_BYTES_MAX + 1u;
    char *text = malloc(max);
    if (text == NULL) {
        (void)snprintf(why, why_max, "%s: out of memory", path); /* cut is fine */
        return GW_IO;
    }
    size_t len = 0;
    enum gw_status status = read_bytes(text, &len, max, path);
    if (status != GW_OK) {
        (void)snprintf(why, why_max, "%s: %s", path, strerror(errno)); /* cut is fine */
    } else {
        struct gw_yaml_source source = {.name = path, .text = text, .len = len};
        status = gw_tariff_file_parse(tariff, note, why, why_max, &source);
    }
    free(text);
    return status;
}
