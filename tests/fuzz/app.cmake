# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET gw_config)
    meterpay_fuzz_target(config LIBS gw_config meterpay::core)
endif()
