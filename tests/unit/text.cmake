# SPDX-License-Identifier: GPL-3.0-or-later
#
# What comes as text or as a tree of resources: tokens that are keyed in, LwM2M, SenML.

foreach(name openpaygo lwm2m senml_frame)
    meterpay_unit_test(${name} LIBS meterpay::meters)
endforeach()
