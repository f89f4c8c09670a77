# SPDX-License-Identifier: GPL-3.0-or-later
"""An edge node of Sparkplug B with two metered devices, at a real Mosquitto: its metrics are on the bill, it is
asked for its births when they are missed, and it may say nothing for others.

usage: sparkplug.py [--port N]     BIN_DIR names the folder of the programs.

Payloads are encoded here, from the protobuf definition of Sparkplug 3.0. Amounts are by hand: Zhejiang's first block
is 0.538 yuan a kWh, Beijing's water 5.00 yuan a m3: 100 kWh are 53.80 yuan, 20 m3 are 100.00.
"""
import argparse
import os
import queue
import struct

import street_meter
import street_rig
from street_rig import expect, wait_for

POWER, WATER = "pSPB-00000007", "wSPB-00000008"
KWH_100, M3_20 = 5380 * 10 ** 6, 10000 * 10 ** 6  # ufen
NCMD = "spBv1.0/plant/NCMD/gw-1"


def varint(number):
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def number_of(field, value):
    return varint(field << 3) + varint(value)


def bytes_of(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def double(time_ms, value, **names):
    return head(time_ms, 10, **names) + varint(13 << 3 | 1) + struct.pack("<d", value)


def long(time_ms, value, **names):
    return head(time_ms, 8, **names) + number_of(11, value)


def head(time_ms, datatype, name=None, alias=None):
    out = b"" if name is None else bytes_of(1, name.encode())
    out += b"" if alias is None else number_of(2, alias)
    return out + number_of(3, time_ms) + (b"" if name is None else number_of(4, datatype))


class Edge:
    """The edge node, with an electricity meter m7 and a water meter m8."""

    def __init__(self, rig, port, password):
        self.rig, self.seq, self.bd_seq = rig, 0, 3
        self.link = street_meter.Mqtt.as_user(port, "gw-1", password)

    def now_ms(self):
        return self.rig.now_us() // 1000

    def send(self, kind, metrics, device=None):
        payload = number_of(1, self.now_ms()) + b"".join(bytes_of(2, m) for m in metrics)
        self.seq = 0 if kind == "NBIRTH" else (self.seq + 1) % 256
        topic = "spBv1.0/plant/%s/gw-1%s" % (kind, "" if device is None else "/" + device)
        expect(self.link.publish_and_wait(topic, payload + number_of(3, self.seq)), "%s: no answer", topic)

    def births(self, kwh, m3):
        now = self.now_ms()
        self.send("NBIRTH", [bytes_of(1, b"bdSeq") + number_of(4, 8) + number_of(11, self.bd_seq)])
        self.send("DBIRTH", [double(now, kwh, name="Energy/Total", alias=1),
                             double(now, 230.1, name="Voltage", alias=2)], "m7")
        self.send("DBIRTH", [long(now, m3, name="Volume", alias=3)], "m8")

    def power(self, kwh):
        self.send("DDATA", [double(self.now_ms(), kwh, alias=1)], "m7")

    def water(self, m3):
        self.send("DDATA", [long(self.now_ms(), m3, alias=3)], "m8")


class Tester:
    def __init__(self, rig, port):
        self.rig, self.port, self.broken = rig, port, False

    def step(self, test):
        """Each step needs what the one before it left."""
        expect(not self.broken, "left out: the step before failed")
        self.broken = True
        test()
        self.broken = False

    def charged(self, meter):
        return self.rig.api("GET", "/v1/meters/" + meter)["charged_ufen"]

    def count(self, meter):
        return len(self.rig.api("GET", "/v1/meters/%s/readings" % meter)["readings"])

    def asked(self):
        """The gateway asks for births; what it sends is what the specification says."""
        try:
            topic, payload = self.edge.link.messages.get(timeout=20)
        except queue.Empty:
            raise street_rig.Failure("nobody asked for births") from None
        expect(topic == NCMD and b"Node Control/Rebirth" in payload and payload.endswith(b"\x70\x01"),
               "%s: %s", topic, payload.hex())

    def another_second(self):
        second = self.rig.now_us() // 10 ** 6
        wait_for("another second", lambda: self.rig.now_us() // 10 ** 6 > second, 5)

    # ---- the steps -------------------------------------------------------------------------------------

    def an_edge_node_is_bound(self):
        self.rig.start_operator()
        self.rig.start_broker()
        self.rig.start_gateway()
        self.rig.load_tariffs("beijing-water", "zhejiang-power")
        self.rig.cli("household", "add", "home")
        for meter, tariff in ((POWER, "zhejiang-power"), (WATER, "beijing-water")):
            self.rig.cli("meter", "add", meter, "--household", "home", "--tariff", tariff, "--new-key",
                         os.path.join(self.rig.folder, meter + ".key"), "--accept", "carrier",
                         "--max-per-hour", "1000000")
        self.password = os.path.join(self.rig.folder, "gw-1.password")
        self.rig.cli("source", "add", "sparkplug", "plant:gw-1:m7", POWER, "--channel", "Energy.Total",
                     "--unit", "kWh", "--user", "gw-1", "--new-password", self.password)
        self.rig.cli("source", "add", "sparkplug", "plant:gw-1:m8", WATER, "--channel", "Volume",
                     "--unit", "m3", "--user", "gw-1")
        wait_for("the broker", lambda: self.rig.status()["sources"]["connected"], 20)
        with open(self.password, encoding="ascii") as file:
            self.edge = Edge(self.rig, self.port, file.read().strip())
        expect(self.edge.link.subscribe(NCMD), "it may not read its commands")

    def data_before_a_birth_are_asked_about(self):
        self.edge.power(5.5)
        self.asked()
        expect(self.count(POWER) == 0, "a metric without a name was taken")

    def births_and_data_are_on_the_bill(self):
        self.edge.births(1234.567, 46)
        wait_for("the births", lambda: self.count(POWER) == 1 and self.count(WATER) == 1, 20)
        self.another_second()
        self.edge.power(1334.567)
        self.edge.water(66)
        wait_for("the data", lambda: self.count(POWER) == 2 and self.count(WATER) == 2, 20)
        expect(self.charged(POWER) == KWH_100 and self.charged(WATER) == M3_20, "%d, %d",
               self.charged(POWER), self.charged(WATER))
        expect(self.edge.link.messages.empty(), "births were asked for without a reason")

    def a_gap_loses_nothing(self):
        self.edge.seq += 3
        self.another_second()
        self.edge.power(1344.567)
        wait_for("what came after the gap", lambda: self.charged(POWER) == KWH_100 * 11 // 10, 20)

    def a_gateway_that_forgot_the_births_asks_for_them(self):
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")
        self.rig.start_gateway()
        wait_for("the broker", lambda: self.rig.status()["sources"]["connected"], 20)
        self.edge.water(76)
        self.asked()
        self.another_second()
        self.edge.births(1354.567, 86)
        wait_for("all of it", lambda: self.charged(WATER) == 2 * M3_20 and
                 self.charged(POWER) == KWH_100 * 12 // 10, 20)
        status = self.rig.status()["sources"]
        expect(status["births_asked"] == 1 and status["refused"]["body"] == 0, "%s", status)

    def it_speaks_for_itself_only(self):
        link = self.edge.link
        before = self.rig.status()["sources"]["messages"]
        for topic in ("spBv1.0/plant/DDATA/gw-2/m7", "spBv1.0/other/DDATA/gw-1/m7", "tele/plug-1/SENSOR",
                      "meterpay/%s/%s/json" % (street_rig.SITE, POWER)):
            link.publish_and_wait(topic, b"x")
        expect(self.rig.status()["sources"]["messages"] == before, "one came through")
        self.edge.send("DDATA", [b"\x69"], "m7")
        wait_for("the refusal", lambda: any(
            r["verdict"] == "body" and r["device"] == "plant:gw-1:m7"
            for r in self.rig.api("GET", "/v1/source-refusals")["refusals"]), 20)
        self.rig.check_books(settled=False)
        link.close()
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18800)
    port = street_rig.free_ports(parser.parse_args().port)
    config = {"mqtt.sources_port": port, "mqtt.sources_address": "127.0.0.1"}
    with street_rig.Rig(port + 5, start="2026-04-20", config=config) as rig:
        rig.init()
        tester = Tester(rig, port)
        street_rig.run_tests([(step.__name__, lambda step=step: tester.step(step)) for step in (
            tester.an_edge_node_is_bound, tester.data_before_a_birth_are_asked_about,
            tester.births_and_data_are_on_the_bill, tester.a_gap_loses_nothing,
            tester.a_gateway_that_forgot_the_births_asks_for_them, tester.it_speaks_for_itself_only)])


main()
