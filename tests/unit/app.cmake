# SPDX-License-Identifier: GPL-3.0-or-later
#
# The daemon, its API and the command line.

if(TARGET meterpay_core)
    meterpay_unit_test(bill LIBS meterpay::core)
    meterpay_unit_test(stretch LIBS meterpay::core)
endif()
if(TARGET gw_config)
    meterpay_unit_test(config LIBS gw_config meterpay::core)
endif()
if(TARGET gw_http)
    meterpay_unit_test(http LIBS gw_http)
endif()
if(TARGET meterpay_format)
    meterpay_unit_test(format LIBS meterpay_format)
endif()
if(TARGET meterpay)
    meterpay_unit_test(decode_command
        LIBS meterpay_format meterpay::meters meterpay::jansson
        SOURCES ${PROJECT_SOURCE_DIR}/gateway/ctl/decode.c ${PROJECT_SOURCE_DIR}/gateway/ctl/explain.c)
endif()
if(TARGET meterpay_app)
    meterpay_unit_test(row LIBS meterpay_app)
    meterpay_unit_test(log LIBS meterpay_app)
    meterpay_unit_test(calls LIBS meterpay_app)
    meterpay_unit_test(match LIBS meterpay_app)
    meterpay_unit_test(result LIBS meterpay_app)
    meterpay_find_package_config(yaml yaml-0.1)
    meterpay_unit_test(api_openapi LIBS meterpay_app meterpay::yaml)
endif()
