# SPDX-License-Identifier: GPL-3.0-or-later
foreach(name cursor checksum bcd calendar decimal cbor json name keys cose message downlink value
        registry dlt645 cjt188 p1 iec62056)
    meterpay_unit_test(${name} LIBS meterpay::meters)
endforeach()

# The second implementation that COSE and keys are compared with.
find_package(OpenSSL REQUIRED)
target_link_libraries(test_cose PRIVATE OpenSSL::Crypto)
target_link_libraries(test_keys PRIVATE OpenSSL::Crypto)

# Whichever CRC-32C the build did not pick is tested too, under another name.
target_sources(test_checksum PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/crc32c_portable.c)
meterpay_unit_test(verdicts LIBS meterpay::meters)
