# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET gw_operator_https)
    meterpay_fuzz_target(operator_reply LIBS gw_operator_https)
endif()
if(TARGET sim_operator)
    meterpay_fuzz_target(operator_request LIBS sim_operator)
endif()
