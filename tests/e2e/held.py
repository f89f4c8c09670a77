# SPDX-License-Identifier: GPL-3.0-or-later
"""What waits, and goes on by itself: orders while no operator is enabled, intake while the clock is behind
the store. Neither moves a fen meanwhile. And output whose reader goes away.

usage: held.py [--port N]     BIN_DIR names the folder of the programs.
"""
import argparse
import os
import struct
import subprocess
import time

import street_meter as meters
import street_rig
from street_rig import BIN, ask, expect, wait_for

WATER = "wHLD-0001"  # Beijing's water: 5.00 yuan a m3.
POWER = "pHLD-000000000001"
FRAME = "6812907856341268910833333433AB896745CC16"


class Tester:
    def __init__(self, rig):
        self.rig = rig
        self.litres = 0
        self.broken = False

    def step(self, test):
        """Each step needs what the one before it left."""
        expect(not self.broken, "left out: the step before failed")
        self.broken = True
        test()
        self.broken = False

    def read(self, cubic_metres, status=200):
        """The meter's register goes on; 5 yuan a m3 are owed at once. Returns the reply."""
        body = '[{"bt":%d,"n":"1.0.0","u":"l","v":%d}]' % (
            self.rig.now_us() // 10 ** 6, self.litres + 1000 * cubic_metres)
        got, reply = ask(os.path.join(self.rig.gateway_folder, "api.sock"), "POST",
                         "/v1/meters/%s/messages?form=json" % WATER, body)
        expect(got == status, "the reading: %d, not %d: %s", got, status, reply)
        if got == 200:
            expect(reply["verdict"] == "accepted", "%s", reply)
            self.litres += 1000 * cubic_metres
        return reply

    def books(self):
        """All that is money, and how often it was written."""
        status = self.rig.status()
        return status["money"], status["orders"], status["store"]["block"], status["readings"]

    def restart(self, sim_us, speed=1, **settings):
        """At another time and speed, with fields of the configuration changed."""
        for name in ("gateway", "operator"):
            if name in self.rig.programs and self.rig.programs[name].running():
                expect(self.rig.programs[name].end() == 0, "%s did not stop cleanly", name)
        path = os.path.join(self.rig.gateway_folder, "meterpayd.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for old, new in settings.values():
            expect(text.count(old) == 1, "%r is %d times in %s", old, text.count(old), path)
            text = text.replace(old, new)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.rig.set_clock(sim_us, speed)
        self.rig.start_operator()
        self.rig.start_gateway()

    def cpu_s(self):
        """What the gateway has used so far."""
        with open("/proc/%d/stat" % self.rig.programs["gateway"].process.pid,
                  encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # ---- orders without an operator -------------------------------------------------------------------

    def register(self):
        self.rig.start_operator()
        self.rig.start_gateway()
        self.rig.cli("tariff", "load", "beijing-water")
        self.rig.cli("tariff", "load", "zhejiang-power")
        self.rig.cli("household", "add", "home")
        for meter, tariff in ((WATER, "beijing-water"), (POWER, "zhejiang-power")):
            key = os.path.join(self.rig.folder, meter + ".key")
            self.rig.cli("meter", "add", meter, "--household", "home", "--tariff", tariff,
                         "--new-key", key, "--accept", "both", "--max-per-hour", "1000")
            with open(key, encoding="ascii") as file:
                self.power = meters.Meter(meter, bytes.fromhex(file.read().strip()))
        self.rig.give_wallets(["home"])
        self.read(0)

    def an_order_that_is_open_waits_quietly_when_the_operator_is_disabled(self):
        """The operator does it, and every answer is lost: nobody here knows."""
        self.rig.admin("POST", "/admin/faults", {"fault": "reply_lost", "count": 100000})
        time.sleep(1.1)
        self.read(2)
        wait_for("the money's move", lambda: len(self.rig.admin_rows("/admin/orders")) == 1, 20)
        self.restart(self.rig.now_us(), 1000, off=("  enabled: true", "  enabled: false # off"))
        self.read(1)
        before, cpu_s = self.books(), self.cpu_s()
        expect(before[1]["open"] == 1, "%s", before)
        time.sleep(3)  # 50 minutes of the clock: 3,000 tries, if each were a second.
        expect(self.books() == before, "%s, then %s", before, self.books())
        expect(self.cpu_s() - cpu_s < 1, "%.2f s of three were spent on waiting",
               self.cpu_s() - cpu_s)
        expect(self.rig.status()["operator"] is None, "%s", self.rig.status()["operator"])

    def it_is_settled_once_when_the_operator_is_enabled_again(self):
        self.restart(self.rig.now_us(), 1, on=("  enabled: false # off", "  enabled: true"))
        wait_for("the settlement", lambda: self.rig.status()["money"]["settled_fen"] == 1500, 30)
        rows = self.rig.admin_rows("/admin/orders")
        expect([r["amount_fen"] for r in rows] == [1000, 500], "%s", rows)
        self.rig.check_books()

    # ---- a clock that is behind ------------------------------------------------------------------------

    def intake_waits_while_the_clock_is_behind_the_store(self):
        self.before = self.books()
        self.now_us = self.rig.now_us()
        self.restart(self.now_us - 3600 * 10 ** 6)
        status = self.rig.status()
        expect(status["state"] == "clock_behind", "%s", status["state"])
        alarm = [a for a in status["alarms"] if a["alarm"] == "clock_behind"]
        expect(alarm and "intake waits" in alarm[0]["text"], "%s", status["alarms"])
        expect("clock_behind" in self.rig.cli("status"), "the command line")
        expect("alarm=clock_behind" in self.rig.programs["gateway"].tail(), "the log:\n%s",
               self.rig.programs["gateway"].tail())
        reply = self.read(3, status=503)
        expect(reply["error"] == "busy", "%s", reply)
        coap = meters.Coap.as_meter(self.rig.port["coap"], POWER, self.power.psk)
        answer = coap.post(POWER, self.power.message((self.rig.now_us(), 5000)))
        coap.close()
        expect(answer is not None and answer[:2] == (5, 3), "%s", answer)
        money, orders, block, readings = self.books()
        expect((money, orders, readings) == (self.before[0], self.before[1], self.before[3]),
               "%s, then %s", self.before, self.books())
        time.sleep(1.5)
        expect(self.books()[2] == block, "a block was written meanwhile")
        expect(len(self.rig.api("GET", "/v1/households/home/orders")["orders"]) == 4,
               "people may look meanwhile")

    def it_goes_on_by_itself_when_the_clock_has_caught_up(self):
        """An hour in 0.36 s; nothing that was refused is lost, since registers are cumulative."""
        self.restart(self.now_us - 3600 * 10 ** 6, 1000)
        wait_for("the intake", lambda: self.rig.status()["state"] == "running", 20)
        expect("clock_behind" not in [a["alarm"] for a in self.rig.status()["alarms"]], "the alarm")
        self.restart(self.rig.now_us(), 1)
        self.read(3)
        wait_for("the settlement", lambda: self.rig.status()["money"]["settled_fen"] == 3000, 30)
        self.rig.check_books()

    def a_few_minutes_are_no_reason_to_wait(self):
        self.restart(self.rig.now_us() - 240 * 10 ** 6)
        expect(self.rig.status()["state"] == "running", "%s", self.rig.status())

    # ---- a clock that jumps ----------------------------------------------------------------------------

    def jump(self, offset_us):
        with open(self.offset, "r+b") as file:
            file.write(struct.pack("=q", offset_us))

    def stepped(self):
        return [a for a in self.rig.status()["alarms"] if a["alarm"] == "clock_stepped"]

    def a_clock_that_jumps_is_not_believed(self):
        """Ten years ahead: readings go on as if nothing had been, and no block bears that time."""
        self.offset = os.path.join(self.rig.folder, "offset")
        with open(self.offset, "wb") as file:
            file.write(bytes(8))
        self.restart(self.rig.now_us() + 600 * 10 ** 6)
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")
        self.rig.start_gateway(env=dict(
            os.environ, LD_PRELOAD=os.path.join(BIN, "libfake_clock.so"), FAKE_CLOCK=self.offset,
            ASAN_OPTIONS="verify_asan_link_order=0"))
        self.read(1)
        self.jump(10 * 365 * 86400 * 10 ** 6)
        wait_for("the alarm", self.stepped, 20)
        expect("jumped 5256000 minutes ahead" in self.stepped()[0]["text"], "%s", self.stepped())
        expect("clock_stepped" in self.rig.cli("status"), "the command line")
        self.read(1)
        status = self.rig.status()
        expect(abs(status["time_us"] - self.rig.now_us()) < 5 * 10 ** 6, "%s", status["time"])
        expect(status["store"]["block_time_us"] <= status["time_us"], "%s", status["store"])
        expect(status["state"] == "running", "%s", status["state"])

    def it_is_believed_again_when_it_is_right_or_accepted(self):
        self.jump(0)
        wait_for("the alarm's end", lambda: not self.stepped(), 20)
        self.jump(600 * 10 ** 6)
        wait_for("the alarm", self.stepped, 20)
        said = self.rig.cli("clock", "accept")
        expect("the gateway's time was" in said, "%s", said)
        wait_for("the alarm's end", lambda: not self.stepped(), 20)
        ahead_us = self.rig.status()["time_us"] - self.rig.now_us()
        expect(595 * 10 ** 6 < ahead_us < 605 * 10 ** 6, "%d us ahead", ahead_us)
        expect("did not jump" in self.rig.cli("clock", "accept"), "a second time")
        self.read(1)

    # ---- output ------------------------------------------------------------------------------------------

    def a_reader_that_goes_away_is_no_error(self):
        many = (FRAME + "\n") * 20000
        for words, text in ((("decode", "-"), many), (("export", "orders"), "")):
            command = "%s %s --dir %s 2>%s | head -n 1" % (
                os.path.join(BIN, "meterpay"), " ".join(words), self.rig.gateway_folder,
                os.path.join(self.rig.folder, "stderr"))
            done = subprocess.run(["bash", "-c", command + "; exit ${PIPESTATUS[0]}"], input=text,
                                  text=True, capture_output=True, timeout=60, check=False)
            with open(os.path.join(self.rig.folder, "stderr"), encoding="utf-8") as file:
                said = file.read()
            expect(done.returncode == 0 and said == "", "%s: exit %d: %s", words, done.returncode,
                   said)
            expect(len(done.stdout.splitlines()) == 1, "%s: %s", words, done.stdout)

    def output_that_cannot_be_written_is_told_once(self):
        for words in (("decode", FRAME), ("export", "orders"), ("status",), (
                "rate", "--tariff", "beijing-water", "--from", "2024-01-01", "--to", "2025-01-01",
                "--m3", "10", "--json")):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([os.path.join(BIN, "meterpay"), *words, "--dir",
                                       self.rig.gateway_folder], stdout=full, text=True,
                                      stderr=subprocess.PIPE, timeout=60, check=False)
            expect(done.returncode == 2 and len(done.stderr.splitlines()) == 1, "%s: exit %d: %s",
                   words, done.returncode, done.stderr)

    def it_stops_cleanly(self):
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18240)
    config = {"mqtt.enabled": "false", "settle.order_min": "1.00"}
    with street_rig.Rig(parser.parse_args().port, start="2026-04-20", config=config) as rig:
        tester = Tester(rig)
        rig.init()
        street_rig.run_tests([(step.__name__, lambda step=step: tester.step(step)) for step in (
            tester.register,
            tester.an_order_that_is_open_waits_quietly_when_the_operator_is_disabled,
            tester.it_is_settled_once_when_the_operator_is_enabled_again,
            tester.intake_waits_while_the_clock_is_behind_the_store,
            tester.it_goes_on_by_itself_when_the_clock_has_caught_up,
            tester.a_few_minutes_are_no_reason_to_wait,
            tester.a_clock_that_jumps_is_not_believed,
            tester.it_is_believed_again_when_it_is_right_or_accepted,
            tester.a_reader_that_goes_away_is_no_error,
            tester.output_that_cannot_be_written_is_told_once, tester.it_stops_cleanly)])


main()
