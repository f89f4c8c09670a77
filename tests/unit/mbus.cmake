# SPDX-License-Identifier: GPL-3.0-or-later
meterpay_unit_test(mbus LIBS meterpay::meters)
