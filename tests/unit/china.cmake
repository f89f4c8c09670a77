# SPDX-License-Identifier: GPL-3.0-or-later
foreach(name dlt698)
    meterpay_unit_test(${name} LIBS meterpay::meters)
endforeach()
