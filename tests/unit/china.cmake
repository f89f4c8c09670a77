# SPDX-License-Identifier: GPL-3.0-or-later
foreach(name dlt698 maker_layout maker_lora)
    meterpay_unit_test(${name} LIBS meterpay::meters)
endforeach()
