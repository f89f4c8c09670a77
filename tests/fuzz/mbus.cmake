# SPDX-License-Identifier: GPL-3.0-or-later
if(TARGET meterpay::meters)
    meterpay_fuzz_target(mbus LIBS meterpay::meters)
endif()
