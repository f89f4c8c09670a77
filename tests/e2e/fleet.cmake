# SPDX-License-Identifier: GPL-3.0-or-later
#
# The fleet and the street launcher with every real program. Ports 18420-18427.

if(TARGET meterpay-fleet AND TARGET meterpayd AND TARGET meterpay AND TARGET meterpay-operator)
    meterpay_script_test(e2e/fleet_street
        COMMAND ${PROJECT_SOURCE_DIR}/tests/e2e/fleet_street.sh)
endif()
