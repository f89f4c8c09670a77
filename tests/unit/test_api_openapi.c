/* SPDX-License-Identifier: GPL-3.0-or-later */
/* docs/openapi.yaml and the daemon's table of routes name the same paths and methods. */
#include <yaml.h>

#include "gateway/app/api.h"
#include "tests/support/unit.h"

static yaml_document_t document;

static bool read_file(void)
{
    yaml_parser_t parser;
    FILE *file = fopen("docs/openapi.yaml", "r");
    if (file == NULL || yaml_parser_initialize(&parser) == 0) {
        return false;
    }
    yaml_parser_set_input_file(&parser, file);
    bool good = yaml_parser_load(&parser, &document) != 0;
    yaml_parser_delete(&parser);
    fclose(file);
    return good;
}

static yaml_node_t *member(const yaml_node_t *map, const char *name)
{
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        yaml_node_t *key = yaml_document_get_node(&document, p->key);
        if (strcmp((const char *)key->data.scalar.value, name) == 0) {
            return yaml_document_get_node(&document, p->value);
        }
    }
    return NULL;
}

/* The file's methods are in lower case. */
static bool same_method(const char *served, const char *described)
{
    size_t i = 0;
    while (served[i] != '\0' && (served[i] | 0x20) == described[i]) {
        i++;
    }
    return served[i] == '\0' && described[i] == '\0';
}

static bool is_served(const char *path, const char *method)
{
    for (uint32_t i = 0; i < gw_api_route_count; i++) {
        if (strcmp(gw_api_routes[i].path, path) == 0 &&
            same_method(gw_api_routes[i].method, method)) {
            return true;
        }
    }
    return false;
}

static void every_route_that_is_served_is_described(void)
{
    CU_ASSERT_TRUE_FATAL(read_file());
    const yaml_node_t *paths = member(yaml_document_get_root_node(&document), "paths");
    CU_ASSERT_PTR_NOT_NULL_FATAL(paths);
    for (uint32_t i = 0; i < gw_api_route_count; i++) {
        char method[16] = "";
        for (size_t c = 0; gw_api_routes[i].method[c] != '\0'; c++) {
            method[c] = (char)(gw_api_routes[i].method[c] | 0x20);
        }
        const yaml_node_t *path = member(paths, gw_api_routes[i].path);
        if (path == NULL || member(path, method) == NULL) {
            printf("    not described: %s %s\n", gw_api_routes[i].method, gw_api_routes[i].path);
            CU_FAIL("a route is not described");
        }
    }
    yaml_document_delete(&document);
}

static void every_route_that_is_described_is_served(void)
{
    size_t seen = 0;
    CU_ASSERT_TRUE_FATAL(read_file());
    const yaml_node_t *paths = member(yaml_document_get_root_node(&document), "paths");
    CU_ASSERT_PTR_NOT_NULL_FATAL(paths);
    for (yaml_node_pair_t *p = paths->data.mapping.pairs.start; p < paths->data.mapping.pairs.top;
         p++) {
        const char *path =
            (const char *)yaml_document_get_node(&document, p->key)->data.scalar.value;
        const yaml_node_t *methods = yaml_document_get_node(&document, p->value);
        for (yaml_node_pair_t *m = methods->data.mapping.pairs.start;
             m < methods->data.mapping.pairs.top; m++) {
            const char *method =
                (const char *)yaml_document_get_node(&document, m->key)->data.scalar.value;
            if (strcmp(method, "parameters") == 0) {
                continue;
            }
            seen++;
            if (!is_served(path, method)) {
                printf("    not served: %s %s\n", method, path);
                CU_FAIL("a described route is not served");
            }
        }
    }
    CU_ASSERT_EQUAL(seen, gw_api_route_count);
    yaml_document_delete(&document);
}

static const struct unit_test tests[] = {
    {"every_route_that_is_served_is_described", every_route_that_is_served_is_described},
    {"every_route_that_is_described_is_served", every_route_that_is_described_is_served},
};
UNIT_MAIN("api_openapi", tests)
