# SPDX-License-Identifier: GPL-3.0-or-later
"""Meters on lines, asked by the real gateway: on pseudo-terminals and TCP, with echo, noise, a dead meter,
a slow one and numbers that collide; their readings on the bill, and a kill in the middle.

usage: poller.py [--port N]     BIN_DIR names the folder of the programs.
"""
import argparse
import os
import signal

import street_rig
import wire_meter as wire
from street_rig import expect, wait_for

POWER, SLOW, DEAD = "pHXE-000012345678", "pHXE-000099995678", "pHXE-000000000001"
WATER, MBUS, SECOND, MODBUS = "wXXX-00000000001234", "wABC-12345678", "wABC-12345679", "pEAS-1"
GRACE_S = 60


class Poller:
    def __init__(self, port):
        self.rig = street_rig.Rig(port, start="2026-05-20", speed=1)
        self.power = wire.Dlt645("000012345678", 123456)
        self.slow = wire.Dlt645("000099995678", 1000, wait_s=0.3, pause_s=0.005)
        self.water = wire.Cjt188("00000000001234", 5000)
        self.mbus = wire.Mbus("12345678", 70000, 5)
        self.second = wire.Mbus("12345679", 80000, 6)
        self.modbus = wire.Modbus("1", 50.0)
        self.rs485 = wire.Bus([self.power, self.slow, self.water], echo=True, noise=True).on_pty()
        self.two_wire = wire.Bus([self.mbus, self.second]).on_tcp(port + 40)
        self.ethernet = wire.Bus([self.modbus]).on_tcp(port + 41)
        self.port = port

    def lines(self):
        return """lines:
  - name: stairs
    device: %s
    speed: 9600
    answer_within: 600ms
    tries: 2
    meters:
      - {meter: %s, protocol: dlt645, every: 2s}
      - {meter: %s, protocol: dlt645, every: 2s}
      - {meter: %s, protocol: dlt645, every: 2s}
      - {meter: %s, protocol: cjt188, every: 2s}
  - name: cellar
    tcp: 127.0.0.1:%d
    answer_within: 200ms
    meters:
      - {meter: %s, protocol: mbus, address: 5, every: 2s}
      - {meter: %s, protocol: mbus-secondary, every: 2s}
  - name: roof
    tcp: 127.0.0.1:%d
    modbus: tcp
    meters:
      - {meter: %s, protocol: modbus, address: 1, map: sdm120, every: 2s}
""" % (self.rs485.path, POWER, SLOW, DEAD, WATER, self.port + 40, MBUS, SECOND, self.port + 41,
       MODBUS)

    def open(self):
        rig = self.rig
        rig.init()
        with open(os.path.join(rig.gateway_folder, "lines.yaml"), "w", encoding="utf-8") as file:
            file.write(self.lines())
        rig.start_all()
        rig.load_tariffs("zhanjiang-power", "zhanjiang-water")
        for name in (POWER, SLOW, DEAD, WATER, MBUS, SECOND, MODBUS):
            rig.api("POST", "/v1/meters", {"meters": [{
                "meter": name, "key": "00" * 15 + "01", "household": "home-" + name[1:],
                "tariff": "zhanjiang-power" if name[0] == "p" else "zhanjiang-water",
                "accept": "carrier", "register_width_units": 10 ** 9}], "add_households": True})

    def polled(self):
        return {m["meter"]: m for m in self.rig.api("GET", "/v1/lines")["meters"]}

    def newest(self, name):
        rows = self.rig.api("GET", "/v1/meters/%s/readings?limit=1" % name)["readings"]
        return rows[0] if rows else {"total_units": None}

    def expect_total(self, name, units):
        wait_for("%d of %s" % (units, name),
                 lambda: self.newest(name)["total_units"] == units, GRACE_S, every=0.3)
        expect(self.newest(name)["transport"] == "wire", "%s came another way", name)

    def expect_all(self):
        self.expect_total(POWER, self.power.total * 10)
        self.expect_total(SLOW, self.slow.total * 10)
        self.expect_total(WATER, self.water.total * 10000)
        self.expect_total(MBUS, self.mbus.total * 1000)
        self.expect_total(SECOND, self.second.total * 1000)
        self.expect_total(MODBUS, int(self.modbus.total * 1000))

    def consume(self):
        self.power.total += 10
        self.slow.total += 20
        self.water.total += 3
        self.mbus.total += 30
        self.second.total += 40
        self.modbus.total += 0.5

    def expect_bills(self, rounds):
        """What each household used this month, to the last Wh and ml."""
        for name, units in ((POWER, 100), (SLOW, 200), (WATER, 30000), (MBUS, 30000),
                            (SECOND, 40000), (MODBUS, 500)):
            used = [m["consumption_units"] for m in self.rig.api(
                "GET", "/v1/households/home-%s/bill?month=2026-05" % name[1:])["meters"]]
            expect(used == [units * rounds], "%s was billed %s, not %d", name, used, units * rounds)
        expect(self.rig.api("GET", "/v1/ledger/check")["holds"], "the books do not hold")

    def scan(self):
        found = self.rig.cli("poll", "scan", "--line", "cellar", "--protocol", "mbus-secondary")
        expect(sorted(found.split("\n")) == ["", "12345678 maker ABC", "12345679 maker ABC"],
               "the scan found %r", found)
        read = self.rig.cli("poll", "read", MBUS)
        expect('"12345678"' in read, "poll read printed %r", read)
        shown = self.rig.cli("poll", "list")
        expect("silent" in shown and POWER in shown, "poll list printed %r", shown)

    def run(self):
        self.open()
        self.expect_all()
        dead = wait_for("silence", lambda: self.polled()[DEAD]["silent"], GRACE_S)
        expect(dead and not self.polled()[POWER]["silent"], "who is silent is wrong")
        self.consume()
        self.expect_all()
        self.expect_bills(1)
        self.rig.programs["gateway"].end(signal.SIGKILL)
        self.consume()
        self.rig.start_gateway()
        self.expect_all()
        self.expect_bills(2)
        self.scan()
        self.rig.stop_all()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18400)
    arguments = parser.parse_args()
    poller = Poller(street_rig.free_ports(arguments.port))
    with poller.rig:
        try:
            poller.run()
        except street_rig.Failure:
            print(poller.rig.cli("poll", "list", check=False), flush=True)
            print(poller.rig.cli("refusals", check=False), flush=True)
            raise
    print("poller: passed")


if __name__ == "__main__":
    main()
