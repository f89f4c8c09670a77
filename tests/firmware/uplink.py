# SPDX-License-Identifier: GPL-3.0-or-later
"""A meter, on the host or on an emulated board, against the real gateway, CoAP over DTLS, through a bad network: what the ledger
says is what went through the meter, to the unit, whatever was killed, cut, lost or moved.

usage: uplink.py [KIND] [--port N] [--seed S]     BIN_DIR names the folder of the programs; KIND is "host" or a
       board, whose image is in BUILD_DIR/firmware.

The amount is by hand: Beijing's water is 5.00 yuan a m3, so a millilitre is 500 micro-fen.
"""
import argparse
import os
import random
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))

import board  # noqa: E402
import proxy  # noqa: E402
import sizes  # noqa: E402
import street_rig  # noqa: E402
from street_rig import BIN, Failure, expect, wait_for  # noqa: E402

METER = "wUPL-0001"
UFEN_PER_ML = 500
PAUSES = {"interval": 1, "spread": 0, "retry": 1, "ack": 200, "shake": 1}


class Meter(board.Board):
    """The program `meter`; start it again after a kill, and it is the same meter after a power cut."""

    def __init__(self, folder, name, key_file, gateway_port, **setup):  # pylint: disable=super-init-not-called
        os.makedirs(folder, exist_ok=True)
        words = {"name": name, "key": key_file, "storage": os.path.join(folder, "flash.bin"),
                 "gateway": "127.0.0.1:%d" % gateway_port, **PAUSES, **setup}
        file_name = os.path.join(folder, "meter.conf")
        with open(file_name, "w", encoding="utf-8") as file:
            file.write("# made by a test\n")
            file.writelines("%s=%s\n" % row for row in words.items())
        self.command = [os.path.join(BIN, "meter"), file_name]
        self.log, self.process = [], None


def make_meter(kind, folder, name, key_file, gateway_port, **setup):
    """In: kind  "host", or the emulated board"""
    if kind == "host":
        return Meter(folder, name, key_file, gateway_port, **setup)
    with open(key_file, encoding="ascii") as file:
        key = bytes.fromhex(file.read().strip())
    return board.Board(kind, folder, name, "10.0.2.2:%d" % gateway_port, key, **PAUSES, **setup)


class Tester:
    def __init__(self, kind, rig, net, net_port, seed):
        self.kind, self.rig, self.net, self.net_port = kind, rig, net, net_port
        self.random = random.Random(seed)
        self.total = 0  # What went through the meter; its counting part keeps it.

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
        self.meter = make_meter(self.kind, self.rig.folder + "/meter", METER, self.key,
                                self.net_port, observe="yes")

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

    @staticmethod
    def start(meter):
        meter.start()
        return meter.started()

    def status(self):
        return self.meter.ask("status?", "status ")

    def row(self):
        """The newest reading that counts: one that only asks for the time does not."""
        readings = self.rig.api("GET", "/v1/meters/%s/readings?limit=10" % METER)["readings"]
        good = [reading for reading in readings if reading["verdict"] == "accepted"]
        return good[0] if good else {"total_units": -1}

    def arrives(self, what, seconds):
        """The ledger says what the meter counted."""
        began = time.monotonic()
        try:
            wait_for("the register %d after %s" % (self.total, what),
                     lambda: self.row()["total_units"] == self.total, seconds)
        except Failure as failure:
            raise Failure("%s; the gateway has %s, the meter says %s" % (
                failure, self.row(), self.status())) from None
        charged = self.rig.api("GET", "/v1/meters/" + METER)["charged_ufen"]
        expect(charged == (self.total - self.first) * UFEN_PER_ML, "%d ufen for %d ml", charged,
               self.total - self.first)
        now = self.status()
        print("%-42s %8d ml, %5.1f s, %d sessions, %d repetitions" % (
            what, self.total, time.monotonic() - began, now["sessions"], now["repeated"]), flush=True)
        return now

    # ---- the steps -------------------------------------------------------------------------------------

    def a_meter_without_a_clock_gets_the_time(self):
        first = self.start(self.meter)
        expect(first["boots"] == 1, "%s", first)
        self.first = 0
        wait_for("the first reading", lambda: self.row()["total_units"] == 0, 20)
        age_us = self.rig.now_us() - self.row()["time_us"]
        expect(abs(age_us) < 10 * 10 ** 6, "the reading's time is %d us off", age_us)
        self.flow(2)
        now = self.arrives("the first readings", 10)
        expect(now["observing"] == 1 and now["sessions"] == 1, "%s", now)

    def a_meter_that_was_killed_goes_on(self):
        boots = self.status()["boots"]
        for _ in range(5):
            self.flow(self.random.uniform(0, 1.5))
            self.meter.kill()
            again = self.start(self.meter)
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
        # A message of so many does not fit into one datagram: it went in blocks.
        expect(seconds < 100 or self.net.counts["largest"] > 1024, "%s", self.net.counts)

    def loss_and_reorder_cost_nothing(self):
        """Handshakes and blocks fail at such a loss, and the pauses between them grow: how long it takes is
        chance. What is asked for is that everything is there once the network is better."""
        self.net.worse(loss=30, reorder=20, repeat=10)
        self.flow(20)
        self.net.worse()
        self.arrives("20 s of loss 30 %, reorder 20 %", 120)

    def another_address_costs_a_handshake(self):
        before = self.status()["sessions"]
        self.net.move()
        self.flow(1)
        now = self.arrives("another source port", 60)
        expect(now["sessions"] > before, "%s", now)

    def a_wrong_key_is_answered_with_silence(self):
        wrong = os.path.join(self.rig.folder, "wrong.key")
        with open(wrong, "w", encoding="ascii") as file:
            file.write("%032x\n" % self.random.randrange(1, 1 << 128))
        thief = make_meter(self.kind, self.rig.folder + "/thief", METER, wrong,
                           self.rig.port["coap"], clock="host")
        before = self.rig.status()["readings"]
        self.start(thief)
        thief.ask("pulse 1000000", "counted")
        time.sleep(4)
        now = thief.ask("exit", "end ")
        expect(thief.exit_status() == 0, "the meter's exit status is not 0")
        expect(now["sessions"] == 0 and now["posts"] == 0 and now["handshakes"] >= 1, "%s", now)
        expect(now["handshakes"] <= 5, "it hammers: %s", now)
        self.flow(1)
        self.arrives("a thief with another key", 30)
        expect(self.rig.status()["readings"] > before, "the meter itself was hindered")

    def the_books_are_right(self):
        last = self.meter.ask("exit", "end ")
        expect(self.meter.exit_status() == 0, "the meter's exit status is not 0")
        report = self.rig.cli("ledger", "check", "--json")
        expect(report["holds"] and report["broken"] == 0, "%s", report)
        self.rig.stop_all()
        if self.kind == "emcraft-sf2":
            expect(sizes.check(os.environ.get("BUILD_DIR", "build/dev"), last["stack_peak"],
                               last["heap_peak"]), "the reference board is over its limits")
        return last


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", nargs="?", choices=("host", *board.BOARDS), default="host")
    parser.add_argument("--port", type=int, default=18930)
    parser.add_argument("--seed", type=int, default=int(
        os.environ.get("METERPAY_TEST_SEED", random.SystemRandom().randrange(2 ** 32))))
    parser.add_argument("--outage", type=int, default=45, help="seconds")
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    if options.kind != "host" and (not os.path.exists(board.image(options.kind)) or
                                   shutil.which(board.EMULATOR) is None):
        print("skipped: no image or no emulator; ./dev setup installs what they need")
        sys.exit(street_rig.SKIPPED)
    with street_rig.Rig(options.port) as rig:
        net_port = rig.port["broker"] + 1
        with proxy.Proxy(net_port, ("127.0.0.1", rig.port["coap"]), options.seed) as net:
            tester = Tester(options.kind, rig, net, net_port, options.seed)
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
