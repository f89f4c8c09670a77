# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET gw_operator_https)
    meterpay_unit_test(clock LIBS gw_clock)
    meterpay_unit_test(operator_sign LIBS gw_operator_sign)
    meterpay_unit_test(operator_reply LIBS gw_operator_https)
endif()
if(TARGET sim_operator)
    meterpay_unit_test(operator_rules LIBS sim_operator)
    meterpay_unit_test(operator_classes LIBS sim_operator)
    meterpay_unit_test(operator_book LIBS sim_operator meterpay::sqlite3)
endif()
