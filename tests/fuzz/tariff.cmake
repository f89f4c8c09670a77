# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET meterpay_tariff_file)
    meterpay_fuzz_target(tariff_file LIBS meterpay_tariff_file)
endif()
