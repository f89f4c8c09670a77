# SPDX-License-Identifier: GPL-3.0-or-later
meterpay_unit_test(inbox LIBS gw_inbox)
meterpay_unit_test(mqtt_topic LIBS gw_topic)
meterpay_unit_test(mqtt_wire LIBS gw_topic)
meterpay_unit_test(mqtt_flow LIBS gw_mqtt)
meterpay_unit_test(broker LIBS gw_broker)
