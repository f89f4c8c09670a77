# SPDX-License-Identifier: GPL-3.0-or-later
if(TARGET meterpay::meters)
    foreach(name openpaygo lwm2m senml_frame)
        meterpay_fuzz_target(${name} LIBS meterpay::meters)
    endforeach()
endif()
