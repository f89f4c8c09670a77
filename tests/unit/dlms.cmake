# SPDX-License-Identifier: GPL-3.0-or-later
foreach(name dlms sml)
    meterpay_unit_test(${name} LIBS meterpay::meters)
endforeach()

# The second implementation that ciphered messages are made with.
find_package(OpenSSL REQUIRED)
target_link_libraries(test_dlms PRIVATE OpenSSL::Crypto)
