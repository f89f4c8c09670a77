# SPDX-License-Identifier: GPL-3.0-or-later
if(TARGET gw_mapping)
    meterpay_unit_test(mapping LIBS gw_mapping)
    target_compile_definitions(test_mapping PRIVATE
        METERPAY_MAPPINGS="${PROJECT_SOURCE_DIR}/gateway/mappings")
endif()

if(TARGET gw_source)
    foreach(name source sparkplug)
        meterpay_unit_test(${name} LIBS gw_source)
        target_compile_definitions(test_${name} PRIVATE
            METERPAY_MAPPINGS="${PROJECT_SOURCE_DIR}/gateway/mappings")
    endforeach()
endif()

if(TARGET gw_hook)
    meterpay_unit_test(hook LIBS gw_hook)
endif()
