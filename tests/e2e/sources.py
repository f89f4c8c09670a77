# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign devices on the bill: one of each mapping that comes over MQTT, each with a user and a password of
its own at a real Mosquitto; and everything that must not get there.

usage: sources.py [--port N]     BIN_DIR names the folder of the programs.

Amounts are by hand: Zhejiang's first block is 0.538 yuan a kWh, Beijing's water 5.00 yuan a m3. Each
device says one register and then one that is 100 kWh or 20 m3 higher: 53.80 and 100.00 yuan.
"""
import argparse
import base64
import json
import os
import subprocess
import time

import street_rig
from street_rig import expect, wait_for

KWH, M3 = 5380, 10000  # fen
FIRST = bytes.fromhex("6812907856341268910833333433AB896745CC16")  # DL/T 645: 123456.78 kWh
SECOND = bytes.fromhex("6812907856341268910833333433AB896845CD16")  # 123556.78 kWh


def local(now_us):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_us // 10 ** 6 + 8 * 3600))


def tasmota(total, now_us):
    return {"Time": local(now_us), "ENERGY": {"TotalStartTime": "2024-01-01T00:00:00",
                                              "Total": total, "Yesterday": 1.2, "Power": 85}}


def chirpstack(frame, now_us):
    return {"deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d", "time": local(now_us) + "+08:00",
            "deviceInfo": {"devEui": "0101010101010101"}, "fCnt": 1, "fPort": 1,
            "data": base64.b64encode(frame).decode()}


# mapping, device, its meter, further words of `source add`, topic, body of a register, both registers, fen
DEVICES = [
    ("tasmota", "plug-1", "pTAS-00000001", [], "tele/plug-1/SENSOR", tasmota,
     (1234.567, 1334.567), KWH),
    ("tasmota-status", "plug-2", "pTAS-00000002", [], "stat/plug-2/STATUS8",
     lambda v, now: {"StatusSNS": tasmota(v, now)}, (7.5, 107.5), KWH),
    ("shelly-switch", "shellyplus1pm-a8032a", "pSHL-00000001", ["--channel", "0"],
     "shellyplus1pm-a8032a/status/switch:0",
     lambda v, now: {"id": 0, "output": True, "apower": 12.5, "aenergy": {"total": v}},
     (1500.25, 101500.25), KWH),
    ("shelly-em1", "shellyproem50-1", "pSHL-00000002", ["--channel", "0"],
     "shellyproem50-1/status/em1data:0",
     lambda v, now: {"id": 0, "total_act_energy": v, "total_act_ret_energy": 0.0},
     (200.0, 100200.0), KWH),
    ("shelly-em3", "shellypro3em-1", "pSHL-00000003", [], "shellypro3em-1/status/emdata:0",
     lambda v, now: {"id": 0, "a_total_act_energy": 1.0, "total_act": v}, (3.5, 100003.5), KWH),
    ("shelly-em3-phase", "shellypro3em-2", "pSHL-00000004", ["--channel", "b"],
     "shellypro3em-2/status/emdata:0",
     lambda v, now: {"id": 0, "a_total_act_energy": 1.0, "b_total_act_energy": v, "total_act": 9.0},
     (10, 100010), KWH),
    # Gen 1 counts watt-minutes: 100 kWh are 6,000,000 of them.
    ("shelly-gen1", "shelly1pm-1", "pSHL-00000005", ["--channel", "0"],
     "shellies/shelly1pm-1/relay/0/energy", lambda v, now: v, (60, 6000060), KWH),
    ("esphome", "garage", "pESP-00000001", ["--channel", "total_energy", "--unit", "kWh"],
     "garage/sensor/total_energy/state", lambda v, now: v, (0.5, 100.5), KWH),
    ("zigbee2mqtt", "valve", "wZ2M-00000001", ["--unit", "l"], "zigbee2mqtt/valve",
     lambda v, now: {"battery": 100, "linkquality": 80, "water_consumed": v}, (125, 20125), M3),
    ("wmbusmeters", "MyTapWater", "wWMB-12345678", [], "wmbusmeters/MyTapWater",
     lambda v, now: {"media": "water", "meter": "multical21", "name": "MyTapWater", "id": "12345678",
                     "total_m3": v, "target_m3": 5.9, "timestamp": local(now - 8 * 3600 * 10 ** 6) + "Z"},
     (6.408, 26.408), M3),
    ("ai-on-the-edge", "watermeter", "wAIE-00000001", ["--unit", "m3"], "watermeter/main/json",
     lambda v, now: {"value": v, "raw": "00123.4567", "pre": v, "error": "no error",
                     "rate": "0.0", "timestamp": local(now) + "+08:00"}, ("123.4567", "143.4567"), M3),
    ("thingsboard", "Boiler room", "pTHB-00000001", ["--channel", "energy", "--unit", "kWh"],
     "v1/gateway/telemetry",
     lambda v, now: {"Boiler room": [{"ts": now // 1000, "values": {"energy": v, "t": 21.5}}],
                     "Stranger": [{"ts": now // 1000, "values": {"energy": 5}}]}, (10, 110), KWH),
    ("thingsboard-device", "lift", "pTHB-00000002", ["--channel", "energy", "--unit", "kWh"],
     "v1/devices/lift/telemetry",
     lambda v, now: {"ts": now // 1000, "values": {"energy": v}}, (20, 120), KWH),
    ("chirpstack", "0101010101010101", "pHXE-123456789012", [],
     "application/7/device/0101010101010101/event/up", chirpstack, (FIRST, SECOND), KWH),
]


class Tester:
    def __init__(self, rig, port):
        self.rig, self.port, self.broken = rig, port, False

    def step(self, test):
        """Each step needs what the one before it left."""
        expect(not self.broken, "left out: the step before failed")
        self.broken = True
        test()
        self.broken = False

    def password(self, user):
        with open(os.path.join(self.rig.folder, user + ".password"), encoding="ascii") as file:
            return file.read().strip()

    def publish(self, user, topic, body, password=None):
        """By mosquitto_pub, as the device does. Returns its exit status and what it said."""
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        done = subprocess.run(
            ["mosquitto_pub", "-V", "5", "-h", "127.0.0.1", "-p", str(self.port), "-u", user, "-P",
             password or self.password(user), "-q", "1", "-t", topic, "-m", text],
            capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stdout + done.stderr

    def say(self, device, which):
        mapping, _, _, _, topic, body, registers, _ = device
        code, said = self.publish("u-" + mapping, topic, body(registers[which], self.rig.now_us()))
        expect(code == 0, "%s: %s", mapping, said)

    def charged(self, meter):
        return self.rig.api("GET", "/v1/meters/" + meter)["charged_ufen"]

    def readings(self, meter):
        return self.rig.api("GET", "/v1/meters/%s/readings" % meter)["readings"]

    # ---- setting up ----------------------------------------------------------------------------------

    def devices_are_bound(self):
        self.rig.start_operator()
        self.rig.start_broker()
        self.rig.start_gateway()
        self.rig.load_tariffs("beijing-water", "zhejiang-power")
        self.rig.cli("household", "add", "home")
        for mapping, device, meter, words, _, _, _, _ in DEVICES:
            self.rig.cli("meter", "add", meter, "--household", "home", "--tariff",
                         "beijing-water" if meter[0] == "w" else "zhejiang-power", "--new-key",
                         os.path.join(self.rig.folder, meter + ".key"), "--accept", "carrier",
                         "--max-per-hour", "1000000")
            user = "u-" + mapping
            said = self.rig.cli("source", "add", mapping, device, meter, "--user", user,
                                "--new-password",
                                os.path.join(self.rig.folder, user + ".password"), *words)
            expect(said == "%s of %s is %s\n" % (device, mapping, meter), "%s", said)
        listed = self.rig.cli("source", "list")
        expect(all(d[2] in listed for d in DEVICES), "%s", listed)
        shipped = {name[:-5] for name in os.listdir(os.path.join(
            os.path.dirname(os.path.abspath(__file__)), "../../gateway/mappings"))}
        for name in shipped:
            said = self.rig.cli("mapping", "check", name, needs_dir=False)
            expect("'%s' is good" % name in said, "%s", said)
        hooks = {"ctwing", "onenet", "oceanconnect", "iotda"}
        others = {"sparkplug"}  # sparkplug.py
        left = shipped - hooks - others - {d[0] for d in DEVICES}
        expect(not left, "no device here speaks by %s", left)
        for name in ("passwords", "acl"):
            path = os.path.join(self.rig.broker_folder, name)
            expect(os.stat(path).st_mode & 0o777 == 0o600, "%s can be read by others", path)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            expect(self.password("u-tasmota") not in text, "%s has a password in the clear", path)

    # ---- the bill ------------------------------------------------------------------------------------

    def each_device_is_on_the_bill(self):
        for which in (0, 1):
            second = self.rig.now_us() // 10 ** 6  # most say whole seconds, and a second has one register
            wait_for("another second", lambda: self.rig.now_us() // 10 ** 6 > second, 5)
            for device in DEVICES:
                self.say(device, which)
            wait_for("%d readings of each" % (which + 1), lambda which=which: all(
                len(self.readings(d[2])) >= which + 1 for d in DEVICES), 20)
        for mapping, _, meter, _, _, _, _, fen in DEVICES:
            expect(self.charged(meter) == fen * 10 ** 6, "%s: %d ufen, not %d fen", mapping,
                   self.charged(meter), fen)
        self.rig.check_books(settled=False)

    def what_is_said_again_costs_nothing(self):
        before = {d[2]: self.charged(d[2]) for d in DEVICES}
        count = self.rig.status()["sources"]["handed_on"]
        for device in DEVICES:
            self.say(device, 1)
        wait_for("all of them", lambda: self.rig.status()["sources"]["handed_on"] >=
                 count + len(DEVICES), 20)
        self.rig.api("GET", "/v1/ledger/check")
        expect({m: self.charged(m) for m in before} == before, "something was charged twice")

    # ---- what must not get there ---------------------------------------------------------------------

    def refusal(self, verdict, device):
        return [r for r in self.rig.api("GET", "/v1/source-refusals")["refusals"]
                if r["verdict"] == verdict and r["device"] == device]

    def strangers_are_kept_out(self):
        """A wrong password, another's topic, our meters' topics, the gateway's own name."""
        body = tasmota(9999, self.rig.now_us())
        code, said = self.publish("u-tasmota", "tele/plug-1/SENSOR", body, password="x" * 32)
        expect(code != 0 and "uthori" in said, "%d: %s", code, said)
        messages = self.rig.status()["sources"]["messages"]
        for topic in ("zigbee2mqtt/valve", "tele/plug-2/SENSOR", "meterpay/%s/pTAS-00000001/json"
                      % street_rig.SITE, "meterpay/%s/pTAS-00000001/down" % street_rig.SITE):
            code, said = self.publish("u-tasmota", topic, body)
            expect("Not authorized" in said, "%s: %d: %s", topic, code, said)
        expect(self.rig.status()["sources"]["messages"] == messages, "one came through")
        for user in ("meterpayd-x", "pTAS-00000001", "gateway", "a b"):
            said = self.rig.cli("source", "add", "tasmota", "plug-9", "pTAS-00000001", "--user",
                                user, "--new-password", os.path.join(self.rig.folder, "never"),
                                check=False)
            expect(said == "", "%s: %s", user, said)
            expect(not os.path.exists(os.path.join(self.rig.folder, "never")), "a password is left")

    def what_cannot_be_read_is_refused_with_its_reason(self):
        before = self.charged("pTAS-00000001")
        for body, verdict in (("{\"ENERGY\":", "body"), ("{}", "missing"),
                              ({"Time": local(self.rig.now_us()), "ENERGY": {"Total": -1}}, "number"),
                              ({"Time": local(self.rig.now_us()), "ENERGY": {"Total": [1, 2]}},
                               "ambiguous"),
                              ({"Time": "yesterday", "ENERGY": {"Total": 5}}, "time"),
                              ("{\"pad\":\"%s\"}" % ("x" * 16384), "too_large")):
            code, said = self.publish("u-tasmota", "tele/plug-1/SENSOR", body)
            if verdict == "too_large":
                continue  # the broker ends it: its own limit is the same
            expect(code == 0, "%s", said)
            wait_for("the refusal for its " + verdict, lambda verdict=verdict: self.refusal(
                verdict, "plug-1"), 10)
        expect(self.refusal("unbound", "Stranger"), "the device that nobody bound")
        expect("Stranger" in self.rig.cli("source", "refusals"), "the command line")
        status = self.rig.status()["sources"]
        expect(status["refused"]["body"] >= 1 and status["unbound"] >= 2, "%s", status)
        expect(self.charged("pTAS-00000001") == before, "a refused message was charged")

    def bindings_are_checked(self):
        for words, code, text in (
                (("nothing", "d", "pTAS-00000001"), 1, "no mapping of that name"),
                (("tasmota", "d", "pTAS-00000009"), 1, "add it first"),
                (("tasmota", "d", "pTAS-00000001"), 1, "bound already"),
                (("tasmota", "plug-1", "wZ2M-00000001"), 1, "no register for a meter of this medium"),
                (("esphome", "a/b", "pTAS-00000001"), 1, "none of / + #"),
                (("esphome", "x\npink", "pTAS-00000001"), 1, "none of / + #"),
                (("esphome", "d", "pTAS-00000001", "--unit", "gallons"), 1, "its unit is none")):
            done = subprocess.run([os.path.join(street_rig.BIN, "meterpay"), "source", "add", *words,
                                   "--dir", self.rig.gateway_folder], capture_output=True, text=True,
                                  timeout=20, check=False)
            expect(done.returncode == code and text in done.stderr, "%s: %d: %s", words,
                   done.returncode, done.stderr)

    # ---- later ---------------------------------------------------------------------------------------

    def bindings_outlive_a_restart(self):
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")
        self.rig.start_gateway()
        wait_for("the broker", lambda: self.rig.status()["sources"]["connected"], 20)
        device = DEVICES[2]
        self.publish("u-shelly-switch", device[4], device[5](111500.25, self.rig.now_us()))
        wait_for("10 kWh more", lambda: self.charged(device[2]) == (KWH + 538) * 10 ** 6, 20)

    def a_broker_that_is_restarted_is_found_again(self):
        self.rig.programs["broker"].end()
        wait_for("the loss", lambda: not self.rig.status()["sources"]["connected"], 20)
        self.rig.start_broker()
        wait_for("the broker", lambda: self.rig.status()["sources"]["connected"], 30)
        device = DEVICES[2]
        self.publish("u-shelly-switch", device[4], device[5](121500.25, self.rig.now_us()))
        wait_for("10 kWh more", lambda: self.charged(device[2]) == (KWH + 2 * 538) * 10 ** 6, 20)

    def what_is_unbound_is_not_listened_to(self):
        self.rig.cli("source", "remove", "pSHL-00000003")
        code, said = self.publish("u-shelly-em3", "shellypro3em-1/status/emdata:0",
                                  {"total_act": 200003.5})
        expect(code != 0 and "uthori" in said, "%d: %s", code, said)
        expect(self.charged("pSHL-00000003") == KWH * 10 ** 6, "it was charged")
        done = self.rig.api("DELETE", "/v1/sources/pSHL-00000003", good=(404,))
        expect(done["error"] == "not_bound", "%s", done)
        self.rig.check_books(settled=False)
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18700)
    ports = street_rig.free_ports(parser.parse_args().port)
    config = {"mqtt.sources_port": ports, "mqtt.sources_address": "127.0.0.1"}
    with street_rig.Rig(ports + 5, start="2026-04-20", config=config) as rig:
        tester = Tester(rig, ports)
        rig.init()
        street_rig.run_tests([(step.__name__, lambda step=step: tester.step(step)) for step in (
            tester.devices_are_bound, tester.each_device_is_on_the_bill,
            tester.what_is_said_again_costs_nothing, tester.strangers_are_kept_out,
            tester.what_cannot_be_read_is_refused_with_its_reason, tester.bindings_are_checked,
            tester.bindings_outlive_a_restart, tester.a_broker_that_is_restarted_is_found_again,
            tester.what_is_unbound_is_not_listened_to)])


main()
