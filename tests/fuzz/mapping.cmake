# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET gw_mapping)
    meterpay_fuzz_target(mapping LIBS gw_mapping)
endif()

if(TARGET gw_hook)
    meterpay_fuzz_target(hook LIBS gw_hook)
endif()

if(TARGET gw_source)
    meterpay_fuzz_target(sparkplug LIBS gw_source)
endif()
