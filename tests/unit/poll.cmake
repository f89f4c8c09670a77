# SPDX-License-Identifier: GPL-3.0-or-later
meterpay_unit_test(poll_plan LIBS gw_poll_plan)
meterpay_unit_test(poll_scan LIBS gw_poll_plan)
meterpay_unit_test(poll_talk LIBS gw_poll_plan)
