# SPDX-License-Identifier: GPL-3.0-or-later
if(TARGET meterpay::meters)
    meterpay_fuzz_target(wmbus LIBS meterpay::meters)
endif()
