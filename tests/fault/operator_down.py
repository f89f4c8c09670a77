# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator is down for an hour of the street's time: readings go on, orders wait, and afterwards
each is settled exactly once.

usage: operator_down.py [--port N] [--homes N] [--seed S]
"""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import street_rig  # noqa: E402
from street_rig import expect, wait_for  # noqa: E402

SPEED = 600
HOUR_S = 3600


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18660)
    parser.add_argument("--homes", type=int, default=20)
    parser.add_argument("--via", default="both")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2 ** 32))
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    settle = {"settle.order_min": "0.10", "settle.order_after": "30min", "operator.timeout": "1s"}
    with street_rig.Rig(options.port, start="2026-07-15", speed=SPEED, config=settle) as rig:
        rig.prepare(options.seed, options.homes, options.via)
        rig.start_fleet("--interval", 5, "--loss", 0.5, "--drain", 3)
        wait_for("the first orders", lambda: rig.status()["orders"]["done"] > options.homes, 60)
        rig.admin("POST", "/admin/faults", {"fault": "down", "seconds": HOUR_S})
        down_us = rig.now_us()
        # Orders that were under way may still end.
        time.sleep(1)
        first = rig.status()
        wait_for("orders that wait", lambda: rig.status()["orders"]["open"] >= options.homes // 2, 10)
        wait_for("the last minutes of the hour",
                 lambda: rig.now_us() > down_us + (HOUR_S - 300) * 10 ** 6, 30)
        last = rig.status()
        expect(last["readings"] > first["readings"] + options.homes, "readings stopped: %d, %d",
               first["readings"], last["readings"])
        expect(last["orders"]["done"] == first["orders"]["done"],
               "orders were done by an operator that was down")
        print("down for an hour: %d orders wait, %d of them unsure, %d readings meanwhile" % (
            last["orders"]["open"], last["orders"]["unsure"],
            last["readings"] - first["readings"]))
        wait_for("the operator's return",
                 lambda: rig.status()["orders"]["done"] > last["orders"]["done"], 60)
        rig.end_fleet()
        rig.wait_settled(60)
        rig.check_books()
        rig.check_truth()
        rig.stop_all()
    print("each order was settled once")


if __name__ == "__main__":
    main()
