# SPDX-License-Identifier: GPL-3.0-or-later
"""Meters' serial ports read by an existing collector: the gateway's own poller, on one line of two meters.

usage: serial.py     BIN_DIR names the folder of the programs.

A power meter answers DL/T 645, a water meter CJ/T 188. What the collector reads are the digits that their registers
show: 123456.78 kWh of 123456.789, 12345.67 m3 of 12345.678.
"""
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import tty

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))

import street_rig  # noqa: E402
import uplink  # noqa: E402
from street_rig import BIN, expect  # noqa: E402

POWER, WATER = "pHXE-123456789012", "wHXW-00000012345678"
NOBODY = 9  # a port without a gateway: a collector reads meters that are offline


class Bus:
    """Two wires for all: what one says the others hear."""

    def __init__(self, count):
        self.ends, self.names, self.far = [], [], []
        for _ in range(count):
            near, far = os.openpty()
            tty.setraw(near)
            tty.setraw(far)
            self.ends.append(near)
            self.far.append(far)
            self.names.append(os.ttyname(far))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            for end in select.select(self.ends, [], [])[0]:
                data = os.read(end, 256)
                for other in self.ends:
                    if other != end:
                        os.write(other, data)


class Tester:
    def __init__(self, folder):
        self.folder, self.bus, self.meters = folder, Bus(3), {}
        self.gateway = os.path.join(folder, "gateway")

    def set_up(self):
        subprocess.run([os.path.join(BIN, "meterpay"), "init", self.gateway], check=True, capture_output=True)
        with open(os.path.join(self.gateway, "lines.yaml"), "w", encoding="ascii") as file:
            file.write("lines:\n  - name: bus\n    device: %s\n    meters:\n"
                       "      - {meter: %s, protocol: dlt645, every: 15min}\n"
                       "      - {meter: %s, protocol: cjt188, every: 15min}\n" % (
                           self.bus.names[0], POWER, WATER))
        key = os.path.join(self.folder, "key")
        with open(key, "w", encoding="ascii") as file:
            file.write("00112233445566778899aabbccddeeff\n")
        os.chmod(key, 0o600)
        for at, (name, total) in enumerate(((POWER, 123456789), (WATER, 12345678901))):
            meter = uplink.Meter(os.path.join(self.folder, name), name, key, NOBODY,
                                 serial=self.bus.names[1 + at], clock="host")
            meter.start()
            meter.started()
            said = meter.ask("total %d" % total, "counted")
            expect(said["total"] == total, "%s", said)
            self.meters[name] = meter

    def read(self, meter):
        done = subprocess.run([os.path.join(BIN, "meterpay"), "poll", "read", meter, "--dir", self.gateway],
                              capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == 0, "%s: %d: %s%s", meter, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def a_collector_reads_both(self):
        for meter, protocol, number, total in (
                (POWER, "dlt645", "123456789012", {"value": "123456.78", "unit": "kWh"}),
                (WATER, "cjt188", "00000012345678", {"value": "12345.67", "unit": "m3"})):
            said = self.read(meter)
            expect(said["protocol"] == protocol and said["meter"] == number, "%s", said)
            expect(said["total"] == total, "%s", said)
        expect(self.read(WATER)["time"] is not None, "the water meter knows the time")

    def it_reads_on_while_they_count(self):
        for step in range(1, 6):
            total = 123456789 + 10 * step
            self.meters[POWER].ask("total %d" % total, "counted")
            said = self.read(POWER)["total"]["value"]
            expect(said == "123456.%02d" % (78 + step), "%s", said)

    def a_meter_that_was_killed_answers_again(self):
        self.meters[POWER].kill()
        self.meters[POWER].start()
        self.meters[POWER].started()
        self.meters[POWER].ask("total 123456999", "counted")
        said = self.read(POWER)["total"]["value"]
        expect(said == "123456.99", "%s", said)

    def a_number_with_letters_has_no_port(self):
        meter = uplink.Meter(os.path.join(self.folder, "letters"), "wHXW-AB12", os.path.join(self.folder, "key"),
                             NOBODY, serial=self.bus.names[1])
        done = subprocess.run(meter.command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                              check=False)
        expect(done.returncode != 0 and "no address" in done.stdout, "%d: %s", done.returncode, done.stdout)

    def close(self):
        for meter in self.meters.values():
            meter.kill()


def main():
    with tempfile.TemporaryDirectory(prefix="meterpay-serial-") as folder:
        tester = Tester(folder)
        try:
            street_rig.run_tests([(step.__name__, step) for step in (
                tester.set_up, tester.a_collector_reads_both, tester.it_reads_on_while_they_count,
                tester.a_meter_that_was_killed_answers_again, tester.a_number_with_letters_has_no_port)])
        finally:
            tester.close()


main()
