# SPDX-License-Identifier: GPL-3.0-or-later
meterpay_unit_test(wmbus LIBS meterpay::meters)
meterpay_unit_test(wmbus_fragments LIBS meterpay::meters)
