# SPDX-License-Identifier: GPL-3.0-or-later
#
# meterpay_tariff_file: tariff packs from YAML files.

meterpay_find_package_config(yaml yaml-0.1)
add_library(meterpay_tariff_file STATIC
    ${CMAKE_CURRENT_LIST_DIR}/tariff_file.c
    ${CMAKE_CURRENT_LIST_DIR}/tariff_find.c
    ${CMAKE_CURRENT_LIST_DIR}/yaml_reader.c)
target_link_libraries(meterpay_tariff_file
    PUBLIC meterpay::core
    PRIVATE meterpay::meters meterpay::yaml)
