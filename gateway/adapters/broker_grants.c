/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What foreign devices may at the broker: see gw_broker_grants in broker.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/adapters/broker_file.h"
#include "gateway/adapters/mqtt_topic.h"

#define LINE_BYTES 512u
#define NAME_BYTES (GW_TOPIC_ROOT_MAX + 1u)

static const char marker[] = "# Foreign devices: kept by meterpayd from sources.csv.";

/* Names, sorted, each once. */
struct users {
    char (*names)[NAME_BYTES];
    size_t count;
    size_t room;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool users_add(struct users *users, const char *name)
{
    size_t len = strlen(name);
    if (len >= NAME_BYTES) {
        return false;
    }
    if (users->count == users->room) {
        size_t room = users->room == 0 ? 64 : 2 * users->room;
        char(*names)[NAME_BYTES] = realloc(users->names, room * sizeof(*names));
        if (names == NULL) {
            return false;
        }
        users->names = names;
        users->room = room;
    }
    memcpy(users->names[users->count++], name, len + 1);
    return true;
}

static bool users_have(const struct users *users, const char *name)
{
    return users->count > 0 &&
           bsearch(name, users->names, users->count, sizeof(*users->names), by_name) != NULL;
}

/* A line of ours could not carry such a text. */
static bool topic_valid(const char *topic)
{
    size_t len = strlen(topic);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)topic[i] < 0x20 || topic[i] == 0x7F) {
            return false;
        }
    }
    return len > 0 && topic[len - 1] != ' ';
}

/* Copy a file's lines to the draft up to the marker; a file that is not there has none. */
static void copy_head(FILE *out, const char *path)
{
    char line[LINE_BYTES];
    FILE *in = fopen(path, "re");
    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        if (strncmp(line, marker, sizeof(marker) - 1) == 0) {
            break;
        }
        (void)fputs(line, out); /* its error flag is looked at in the end */
    }
    if (in != NULL) {
        (void)fclose(in); /* only read */
    }
}

static enum gw_status write_acl(struct users *users, char why[GW_BROKER_WHY_BYTES], const char *dir,
                                const struct gw_broker_rights *rights)
{
    struct gw_broker_draft draft;
    struct gw_broker_grant grant;
    enum gw_status status = GW_OK;
    if (!gw_broker_draft_open(&draft, dir, "acl")) {
        return gw_broker_io_failed(why, draft.temporary);
    }
    copy_head(draft.file, draft.path);
    (void)fprintf(draft.file, "%s\n", marker);
    while (status == GW_OK && rights->next(rights->arg, &grant)) {
        if (!gw_topic_part_valid(grant.user) || !topic_valid(grant.topic)) {
            (void)snprintf(why, GW_BROKER_WHY_BYTES, "the broker cannot have the user '%.40s'",
                           grant.user);
            status = GW_INVALID;
        } else if (!users_add(users, grant.user)) {
            (void)snprintf(why, GW_BROKER_WHY_BYTES, "there is no memory for the users");
            status = GW_FULL;
        } else {
            (void)fprintf(draft.file, "user %s\ntopic %s %s\nuser %s\ntopic %s %s\n", grant.user,
                          grant.is_command ? "read" : "write", grant.topic, rights->gateway,
                          grant.is_command ? "write" : "read", grant.topic);
        }
    }
    if (status != GW_OK) {
        gw_broker_draft_drop(&draft);
        return status;
    }
    return gw_broker_draft_finish(&draft, dir) ? GW_OK : gw_broker_io_failed(why, draft.path);
}

/* The gateway's line stays, and those of users that still have a grant and get no new one. */
static void copy_passwords(FILE *out, const char *path, const struct users *users,
                           const struct gw_broker_rights *rights)
{
    char line[LINE_BYTES];
    char name[NAME_BYTES];
    FILE *in = fopen(path, "re");
    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        size_t len = strcspn(line, ":");
        if (len >= sizeof(name) || line[len] != ':') {
            continue;
        }
        memcpy(name, line, len);
        name[len] = '\0';
        bool stays = strcmp(name, rights->gateway) == 0 || users_have(users, name);
        if (stays && (rights->user == NULL || strcmp(name, rights->user) != 0)) {
            (void)fputs(line, out); /* its error flag is looked at in the end */
        }
    }
    if (in != NULL) {
        (void)fclose(in); /* only read */
    }
}

static enum gw_status write_passwords(char why[GW_BROKER_WHY_BYTES], const char *dir,
                                      const struct users *users,
                                      const struct gw_broker_rights *rights)
{
    struct gw_broker_draft draft;
    if (!gw_broker_draft_open(&draft, dir, "passwords")) {
        return gw_broker_io_failed(why, draft.temporary);
    }
    copy_passwords(draft.file, draft.path, users, rights);
    if (rights->user != NULL &&
        !gw_broker_password_line(draft.file, rights->user, rights->password)) {
        gw_broker_draft_drop(&draft);
        (void)snprintf(why, GW_BROKER_WHY_BYTES, "the password cannot be hashed");
        return GW_IO;
    }
    return gw_broker_draft_finish(&draft, dir) ? GW_OK : gw_broker_io_failed(why, draft.path);
}

enum gw_status gw_broker_grants(char why[GW_BROKER_WHY_BYTES], const char *dir,
                                const struct gw_broker_rights *rights)
{
    struct users users = {.names = NULL};
    MT_CHECK((rights->user == NULL) == (rights->password == NULL));
    if (!gw_broker_path_valid(dir)) {
        (void)snprintf(why, GW_BROKER_WHY_BYTES, "the broker's directory must be an absolute path");
        return GW_INVALID;
    }
    enum gw_status status = write_acl(&users, why, dir, rights);
    if (status == GW_OK) {
        if (users.count > 0) {
            qsort(users.names, users.count, sizeof(*users.names), by_name);
        }
        status = write_passwords(why, dir, &users, rights);
    }
    free(users.names);
    return status;
}
