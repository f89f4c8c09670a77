# SPDX-License-Identifier: GPL-3.0-or-later
"""A street over real sockets for some simulated days, with everything that goes wrong on the way; then
every household's bill is computed a second time from the registers, and must equal the ledger.

usage: street.py [--port N] [--homes N] [--days D] [--speed X] [--via WAY] [--seed S]
"""
import argparse
import collections
import random

import street_rig
from street_rig import expect

SETTLE = {"settle.order_min": "2.00", "settle.order_after": "2h", "settle.retry_refused": "1h"}


# An operator that forgets to answer, answers twice, and is slow, for as long as the street lives.
FAULTS = ({"fault": "reply_lost", "per_million": 30000, "seed": 1},
          {"fault": "error_after", "per_million": 20000, "seed": 2},
          {"fault": "request_lost", "per_million": 20000, "seed": 3},
          {"fault": "duplicate", "per_million": 20000, "seed": 4},
          {"fault": "garbled", "per_million": 10000, "seed": 5},
          {"fault": "slow", "ms": 300, "per_million": 20000, "seed": 6})


def run_street(rig, options):
    rig.prepare(options.seed, options.homes, options.via)
    for fault in FAULTS:
        rig.admin("POST", "/admin/faults", fault)
    rig.start_fleet("--hours", options.days * 24, "--loss", 2, "--duplicates", 1, "--reorder", 2,
                    "--reboots", 20, "--drift", 80, "--drain", 5)
    code = rig.programs["fleet"].process.wait(options.days * 86400 // options.speed + 60)
    expect(code == 0, "the fleet ended with %d", code)
    rig.admin("DELETE", "/admin/faults")
    return rig.end_fleet()[0]


def check_street(rig, options, fleet):
    rig.wait_settled(60)
    ledger = rig.check_books()
    truth = rig.check_truth()
    expect(truth.acked == len(truth.readings), "only %d of %d readings were acknowledged",
           truth.acked, len(truth.readings))
    expect(fleet["dropped"] == 0, "meters gave up %d records", fleet["dropped"])
    transports = {row["transport"] for row in rig.exported}
    expect(options.via != "both" or transports == {"mqtt", "coap"}, "only %s was used", transports)
    done = [o for o in ledger.orders if o.state == "done"]
    expect(len(done) > len(ledger.households), "only %d orders were done", len(done))
    print("fleet: " + ", ".join("%d %s" % (fleet[name], name) for name in (
        "readings", "messages", "repeated", "reboots", "lost", "duplicated", "late")))
    print("gateway: %s; by %s; %d orders done" % (
        dict(collections.Counter(row["verdict"] for row in rig.exported)), sorted(transports),
        len(done)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18600)
    parser.add_argument("--homes", type=int, default=20)
    parser.add_argument("--days", type=float, default=2.5)
    parser.add_argument("--speed", type=int, default=4320)
    parser.add_argument("--via", default="both")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2 ** 32))
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    # The last days of April: the month, the season and the monthly ladder change on the way.
    rig = street_rig.Rig(options.port, start="2026-04-29", speed=options.speed, config=SETTLE)
    with rig:
        fleet = run_street(rig, options)
        check_street(rig, options, fleet)
        rig.stop_all()
    print("the street is equal to its truth")


if __name__ == "__main__":
    main()
