# SPDX-License-Identifier: GPL-3.0-or-later
"""A meter of the host's port against the real gateway, CoAP over DTLS, through a bad network: what the ledger
says is what went through the meter, to the unit, whatever was killed, cut, lost or moved.

usage: uplink.py [--port N] [--seed S]     BIN_DIR names the folder of the programs.

The amount is by hand: Beijing's water is 5.00 yuan a m3, so a millilitre is 500 micro-fen.
"""
import argparse
import os
import queue
import random
import re
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))

import proxy  # noqa: E402
import street_rig  # noqa: E402
from street_rig import BIN, Failure, expect, wait_for  # noqa: E402

METER = "wUPL-0001"
UFEN_PER_ML = 500
NUMBER = re.compile(r"(\w+)=(-?\d+)")


def numbers(line):
    return {key: int(value) for key, value in NUMBER.findall(line)}


class Meter:
    """The program `meter`; start it again after a kill, and it is the same meter after a power cut."""

    def __init__(self, folder, name, key_file, gateway_port, **setup):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        words = {"name": name, "key": key_file, "storage": os.path.join(folder, "flash.bin"),
                 "gateway": "127.0.0.1:%d" % gateway_port, "interval": 1, "spread": 0, "retry": 1,
                 "ack": 200, "shake": 1, **setup}
        self.file = os.path.join(folder, "meter.conf")
        with open(self.file, "w", encoding="utf-8") as file:
            file.write("# made by a test\n")
            file.writelines("%s=%s\n" % row for row in words.items())
        self.lines, self.log, self.process = queue.Queue(), [], None

    def start(self):
        self.lines = queue.Queue()
        self.process = subprocess.Popen([os.path.join(BIN, "meter"), self.file], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, bufsize=1)
        threading.Thread(target=self._collect, args=(self.process, self.lines), daemon=True).start()
        return numbers(self.wait("started "))

    def _collect(self, process, lines):
        for line in process.stdout:
            self.log.append(line.rstrip())
            lines.put(line.rstrip())
        lines.put(None)

    def wait(self, head, seconds=20):
        until = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise Failure("no line '%s': %s" % (head, self.log[-4:])) from None
            expect(line is not None, "the meter ended: %s", self.log[-8:])
            if line.startswith(head):
                return line

    def ask(self, line, head):
        self.process.stdin.write(line + "\n")
        return numbers(self.wait(head))

    def status(self):
        return self.ask("status?", "status ")

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait(20)
            self.process.stdin.close()
            self.process = None

    def exit(self):
        last = self.ask("exit", "end ")
        code = self.process.wait(20)
        expect(code == 0, "the meter's exit status is %d: %s", code, self.log[-8:])
        self.process.stdin.close()
        self.process = None
        return last


class Tester:
    def __init__(self, rig, net, seed):
        self.rig, self.net = rig, net
        self.random = random.Random(seed)
        self.total = 0  # What went through the meter; its counting part keeps it.
        self.sessions = 0

    def set_up(self):
        self.rig.init()
        self.rig.start_operator()
        self.rig.start_broker()
        self.rig.start_gateway()
        self.rig.load_tariffs("beijing-water")
        self.rig.cli("household", "add", "home")
        self.key = os.path.join(self.rig.folder, "meter.key")
        self.rig.cli("meter", "add", METER, "--household", "home", "--tariff", "beijing-water",
                     "--new-key", self.key, "--max-per-hour", "1000000")
        self.meter = Meter(self.rig.folder + "/meter", METER, self.key, self.net_port, observe="yes")

    def flow(self, seconds=0.0):
        """Water, now and for so long."""
        until = time.monotonic() + seconds
        while True:
            self.total += self.random.randrange(1, 5000)
            said = self.meter.ask("total %d" % self.total, "counted")
            expect(said["total"] == self.total, "the meter counts %s, not %d", said, self.total)
            if time.monotonic() >= until:
                return
            time.sleep(self.random.uniform(0.05, 0.4))

    def row(self):
        readings = self.rig.api("GET", "/v1/meters/%s/readings?limit=1" % METER)["readings"]
        return readings[0] if readings else {"total_units": -1}

    def arrives(self, what, seconds):
        """The ledger says what the meter counted."""
        began = time.monotonic()
        try:
            wait_for("the register %d after %s" % (self.total, what),
                     lambda: self.row()["total_units"] == self.total, seconds)
        except Failure as failure:
            raise Failure("%s; the gateway has %s, the meter says %s" % (
                failure, self.row(), self.meter.status())) from None
        charged = self.rig.api("GET", "/v1/meters/" + METER)["charged_ufen"]
        expect(charged == (self.total - self.first) * UFEN_PER_ML, "%d ufen for %d ml", charged,
               self.total - self.first)
        now = self.meter.status()
        print("%-42s %8d ml, %5.1f s, %d sessions, %d repetitions" % (
            what, self.total, time.monotonic() - began, now["sessions"], now["repeated"]), flush=True)
        return now

    # ---- the steps -------------------------------------------------------------------------------------

    def a_meter_without_a_clock_gets_the_time(self):
        first = self.meter.start()
        expect(first["boots"] == 1, "%s", first)
        self.first = 0
        wait_for("the first reading", lambda: self.row()["total_units"] == 0, 20)
        age_us = self.rig.now_us() - self.row()["time_us"]
        expect(abs(age_us) < 10 * 10 ** 6, "the reading's time is %d us off", age_us)
        self.flow(2)
        now = self.arrives("the first readings", 10)
        expect(now["observing"] == 1 and now["sessions"] == 1, "%s", now)

    def a_meter_that_was_killed_goes_on(self):
        boots = self.meter.status()["boots"]
        for _ in range(5):
            self.flow(self.random.uniform(0, 1.5))
            self.meter.kill()
            again = self.meter.start()
            boots += 1
            expect(again["boots"] == boots, "boot %d says %s", boots, again)
        self.flow()
        self.arrives("five kills of the meter", 30)

    def a_gateway_that_was_killed_forgets_no_receipt(self):
        for _ in range(2):
            self.flow(self.random.uniform(0, 1))
            self.rig.programs["gateway"].process.kill()
            self.rig.programs["gateway"].process.wait()
            self.flow(1)
            self.rig.start_gateway()
        self.flow()
        now = self.arrives("two kills of the gateway", 60)
        expect(now["sessions"] >= 2, "a gateway that forgot was not met anew: %s", now)

    def what_gathers_in_an_outage_arrives(self, seconds):
        before = self.rig.status()["readings"]
        self.net.cut = True
        self.flow(seconds)
        self.net.cut = False
        self.arrives("an outage of %d s" % seconds, 90)
        gained = self.rig.status()["readings"] - before
        expect(gained >= seconds - 3, "%d readings of %d seconds", gained, seconds)

    def loss_and_reorder_cost_nothing(self):
        self.net.worse(loss=30, reorder=20, repeat=10)
        self.flow(15)
        self.arrives("15 s of loss 30 %, reorder 20 %", 90)
        self.net.worse()

    def another_address_costs_a_handshake(self):
        before = self.meter.status()["sessions"]
        self.net.move()
        self.flow(1)
        now = self.arrives("another source port", 60)
        expect(now["sessions"] > before, "%s", now)

    def a_wrong_key_is_answered_with_silence(self):
        wrong = os.path.join(self.rig.folder, "wrong.key")
        with open(wrong, "w", encoding="ascii") as file:
            file.write("%032x\n" % self.random.randrange(1, 1 << 128))
        thief = Meter(self.rig.folder + "/thief", METER, wrong, self.rig.port["coap"], clock="host")
        before = self.rig.status()["readings"]
        thief.start()
        thief.ask("pulse 1000000", "counted")
        time.sleep(4)
        now = thief.status()
        thief.exit()
        expect(now["sessions"] == 0 and now["posts"] == 0 and now["handshakes"] >= 1, "%s", now)
        expect(now["handshakes"] <= 5, "it hammers: %s", now)
        self.flow(1)
        self.arrives("a thief with another key", 30)
        expect(self.rig.status()["readings"] > before, "the meter itself was hindered")

    def the_books_are_right(self):
        last = self.meter.exit()
        report = self.rig.cli("ledger", "check", "--json")
        expect(report["holds"] and report["broken"] == 0, "%s", report)
        self.rig.stop_all()
        return last


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18930)
    parser.add_argument("--seed", type=int, default=int(
        os.environ.get("METERPAY_TEST_SEED", random.SystemRandom().randrange(2 ** 32))))
    parser.add_argument("--outage", type=int, default=45, help="seconds")
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    with street_rig.Rig(options.port) as rig:
        net_port = rig.port["broker"] + 1
        with proxy.Proxy(net_port, ("127.0.0.1", rig.port["coap"]), options.seed) as net:
            tester = Tester(rig, net, options.seed)
            tester.net_port = net_port
            tester.set_up()
            try:
                tester.a_meter_without_a_clock_gets_the_time()
                tester.a_meter_that_was_killed_goes_on()
                tester.a_gateway_that_was_killed_forgets_no_receipt()
                tester.what_gathers_in_an_outage_arrives(options.outage)
                tester.loss_and_reorder_cost_nothing()
                tester.another_address_costs_a_handshake()
                tester.a_wrong_key_is_answered_with_silence()
                last = tester.the_books_are_right()
            finally:
                tester.meter.kill()
            print("%d ml on the ledger, to the unit; network %s; meter %s" % (
                tester.total, net.counts, last))


if __name__ == "__main__":
    main()
