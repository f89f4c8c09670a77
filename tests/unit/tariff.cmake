# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET meterpay_core)
    meterpay_unit_test(civil LIBS meterpay::core)
    meterpay_unit_test(tariff LIBS meterpay::core)
    meterpay_unit_test(tariff_cells LIBS meterpay::core)
    meterpay_unit_test(usage LIBS meterpay::core)
endif()
if(TARGET meterpay_tariff_file)
    meterpay_unit_test(tariff_file LIBS meterpay_tariff_file)
    if(EXISTS ${PROJECT_SOURCE_DIR}/gateway/ctl/rate.c)
        meterpay_unit_test(rate
            LIBS meterpay_tariff_file
            SOURCES ${PROJECT_SOURCE_DIR}/gateway/ctl/rate.c)
    endif()
endif()
