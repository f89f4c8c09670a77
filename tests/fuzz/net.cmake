# SPDX-License-Identifier: GPL-3.0-or-later
if(TARGET gw_topic)
    meterpay_fuzz_target(mqtt_wire LIBS gw_topic)
endif()
