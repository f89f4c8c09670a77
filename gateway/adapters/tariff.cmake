# SPDX-License-Identifier: GPL-3.0-or-later
#
# meterpay_tariff_file: tariff packs from YAML files, and where what is shipped stands.

meterpay_find_package_config(yaml yaml-0.1)
add_library(meterpay_tariff_file STATIC
    ${CMAKE_CURRENT_LIST_DIR}/tariff_file.c
    ${CMAKE_CURRENT_LIST_DIR}/shipped.c
    ${CMAKE_CURRENT_LIST_DIR}/tariff_find.c
    ${CMAKE_CURRENT_LIST_DIR}/yaml_reader.c)
target_link_libraries(meterpay_tariff_file
    PUBLIC meterpay::core
    PRIVATE meterpay::meters meterpay::yaml)

# Where tariff_find.c looks for the shipped packs, from the program's folder.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/gateway/tariffs/
    DESTINATION share/meterpay/tariffs FILES_MATCHING PATTERN "*.yaml")
