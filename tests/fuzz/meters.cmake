# SPDX-License-Identifier: GPL-3.0-or-later
if(TARGET meterpay::meters)
    foreach(name cose message_cbor message_json dlt645 cjt188 name p1 iec62056 explain)
        meterpay_fuzz_target(${name} LIBS meterpay::meters)
    endforeach()
endif()
