# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET meterpay_sim)
    meterpay_unit_test(foreign LIBS meterpay::sim)
endif()
