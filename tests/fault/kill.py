# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of gateway, broker and operator at any moment, under load; then nothing that was acknowledged
may be missing, nothing charged twice, and the ledger must hold.

usage: kill.py [--kills N] [--seconds S] [--port N] [--homes N] [--seed S]

The seed is printed first: it decides who is killed and when. Which instruction is hit is the machine's
to say, so a failure is shown by the kept folder and the logs in it.
"""
import argparse
import collections
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import street_rig  # noqa: E402
from street_rig import expect, wait_for  # noqa: E402

# The gateway has the most to lose, so it is killed most.
VICTIMS = ("gateway",) * 7 + ("operator",) * 2 + ("broker",)
SPEED = 3600


class Killer:
    def __init__(self, rig, draw):
        self.rig = rig
        self.draw = draw
        self.kills = collections.Counter()
        self.slowest = collections.Counter()

    def kill_one(self):
        """Kill one program, start it again, and wait until it is ready."""
        victim = self.draw.choice(VICTIMS)
        program = self.rig.programs[victim]
        expect(program.running(), "%s ended by itself with %s:\n%s", victim,
               program.process.returncode, program.tail())
        code = program.end(signal.SIGKILL)
        expect(code == -signal.SIGKILL, "%s ended with %d", victim, code)
        started = time.monotonic()
        {"gateway": self.rig.start_gateway, "broker": self.rig.start_broker,
         "operator": self.rig.start_operator}[victim]()
        took = time.monotonic() - started
        self.slowest[victim] = max(self.slowest[victim], took)
        self.kills[victim] += 1

    def run(self, kills, seconds):
        """So many kills in so much time, at moments that are drawn."""
        begun = time.monotonic()
        while sum(self.kills.values()) < kills:
            done = sum(self.kills.values())
            left = max(0.0, begun + seconds - time.monotonic())
            # Sometimes at once, so that a start is hit too; on average as fast as it must be.
            time.sleep(self.draw.choice((0.0, self.draw.random() * 2 * left / (kills - done))))
            self.kill_one()
            expect(time.monotonic() < begun + 3 * seconds + 60, "killing takes too long: %s", self.kills)


def check(rig, killer):
    rig.wait_settled(90)
    ledger = rig.check_books()
    truth = rig.check_truth()
    states = collections.Counter(order.state for order in ledger.orders)
    print("%d kills %s, slowest start %s s; %d readings acknowledged, all kept but %d that cut-off "
          "meters gave up; %d orders %s, each once; %d starts of the store" % (
              sum(killer.kills.values()), dict(killer.kills),
              {k: round(v, 2) for k, v in killer.slowest.items()}, truth.acked,
              sum(final["dropped"] for final in truth.final.values()), len(ledger.orders),
              dict(states), rig.status()["store"]["starts"]))
    expect(truth.acked > 20 * len(truth.final), "the load was too small: %d acknowledged",
           truth.acked)
    expect(states["done"] > 100, "the load was too small: %d orders", states["done"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18640)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--homes", type=int, default=20)
    parser.add_argument("--via", default="both")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2 ** 32))
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    settle = {"settle.order_min": "0.50", "settle.order_after": "1h", "settle.retry_refused": "10min",
              "operator.timeout": "1s"}
    with street_rig.Rig(options.port, start="2026-04-25", speed=SPEED, config=settle) as rig:
        rig.prepare(options.seed, options.homes, options.via)
        killer = Killer(rig, random.Random(options.seed))
        rig.start_fleet("--loss", 0.5, "--reboots", 5, "--drain", 5)
        wait_for("the first orders", lambda: rig.status()["orders"]["done"] > 5, 60)
        killer.run(options.kills, options.seconds)
        rig.end_fleet()
        check(rig, killer)
        rig.stop_all()


if __name__ == "__main__":
    main()
