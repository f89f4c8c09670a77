# SPDX-License-Identifier: GPL-3.0-or-later
meterpay_unit_test(wmbus LIBS meterpay::meters)
