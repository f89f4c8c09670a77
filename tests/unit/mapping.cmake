# SPDX-License-Identifier: GPL-3.0-or-later
if(TARGET gw_mapping)
    meterpay_unit_test(mapping LIBS gw_mapping)
    target_compile_definitions(test_mapping PRIVATE
        METERPAY_MAPPINGS="${PROJECT_SOURCE_DIR}/gateway/mappings")
endif()
