/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/ctl/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "gateway/app/format.h"
#include "gateway/ctl/input.h"

#define RANDOM_BYTES 16u
#define FILE_BYTES_MAX 256u

/* A new secret, in its file before anybody needs it. */
static int make(char text[2 * RANDOM_BYTES + 1], const char *path)
{
    uint8_t bytes[RANDOM_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return gw_ctl_misuse("%s: %s", path, strerror(errno));
    }
    bool made = getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes);
    gw_format_hex(text, bytes, sizeof(bytes));
    made = made && write(fd, text, 2 * RANDOM_BYTES) == (ssize_t)(2 * RANDOM_BYTES) &&
           write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    made = close(fd) == 0 && made;
    explicit_bzero(bytes, sizeof(bytes));
    if (!made) {
        (void)unlink(path); /* half a secret is none */
        return gw_ctl_misuse("%s: it could not be written.", path);
    }
    return GW_CTL_OK;
}

int gw_ctl_secret_put(json_t *body, const struct gw_ctl_secret *secret)
{
    char made[2 * RANDOM_BYTES + 1] = "";
    size_t len = 0;
    if (secret->new_file != NULL && secret->file != NULL) {
        return gw_ctl_misuse("give --new-%s or --%s-file, not both.", secret->member,
                             secret->member);
    }
    if (secret->new_file != NULL) {
        int result = make(made, secret->new_file);
        if (result == GW_CTL_OK) {
            (void)json_object_set_new(body, secret->member, json_string(made));
        }
        explicit_bzero(made, sizeof(made));
        return result;
    }
    if (secret->file != NULL) {
        char *text = gw_ctl_read_file(&len, secret->file, FILE_BYTES_MAX);
        if (text == NULL) {
            return GW_CTL_USAGE;
        }
        text[strcspn(text, "\r\n")] = '\0';
        (void)json_object_set_new(body, secret->member, json_string(text));
        explicit_bzero(text, len);
        free(text);
    }
    return GW_CTL_OK;
}

void gw_ctl_secret_undo(const struct gw_ctl_secret *secret)
{
    if (secret->new_file != NULL) {
        (void)unlink(secret->new_file); /* nobody's */
    }
}
