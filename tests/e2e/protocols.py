# SPDX-License-Identifier: GPL-3.0-or-later
"""A meter of every protocol that has a builder, in the clear and with its key, sends a frame through the
real broker, a day later one over CoAP, an hour later one over HTTP: each is on its household's bill with
the fen that the oracle finds. A damaged frame and one by another key are refused, each with a verdict of
its own, and leave the bill alone. Then two homes of the fleet speak DLMS over both transports, with losses.

usage: protocols.py [--port N] [--seed S]     BIN_DIR names the folder of the programs.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys

import street_meter as meters
import street_rig
from street_rig import BIN, SKIPPED, expect, wait_for

import pack as packs
import rating

FRAMES = os.path.join(os.environ.get("BUILD_DIR", os.path.dirname(BIN)),
                      "tests/e2e/protocols_frames")
MONTH = "2026-04"
DAY_US = 86400 * 10 ** 6
FLEET_SPEED = 3600
FLEET_HOURS = 8
RAW = 42  # The CoAP content format application/octet-stream.
# Wh or ml: whole multiples of what the coarsest register shows, and for power beyond the ladder's first block.
FIRST, SECOND, THIRD = 1230000, 4560000, 5670000
HOUR_US = 3600 * 10 ** 6
TARIFFS = {"p": "zhejiang-power", "w": "beijing-water", "g": "qingdao-gas"}


class Tester:
    def __init__(self, rig, seed):
        self.rig = rig
        self.seed = seed
        self.meters = []
        self.broken = False
        self.third_is_in = False

    def step(self, test):
        """Each step needs what the one before it left."""
        expect(not self.broken, "left out: the step before failed")
        self.broken = True
        test()
        self.broken = False

    # ---- sending ---------------------------------------------------------------------------------------

    def publish(self, meter, frame):
        """By hand, as the README does."""
        topic = "meterpay/%s/%s/raw/%s" % (street_rig.SITE, meter["meter"], meter["protocol"])
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.rig.port["meters"]),
                        "--psk", meter["psk"].hex(), "--psk-identity", meter["meter"], "-q", "1",
                        "-t", topic, "-s"],
                       input=bytes.fromhex(frame), check=True, timeout=20)

    def post(self, meter, frame):
        """The answer's code over CoAP, as (2, 4)."""
        coap = meters.Coap.as_meter(self.rig.port["coap"], meter["meter"], meter["psk"])
        answer = coap.post(meter["meter"], bytes.fromhex(frame), RAW,
                           protocol=meter["protocol"])
        coap.close()
        expect(answer is not None, "%s had no answer over CoAP", meter["meter"])
        return answer[:2]

    def hand_in(self, meter, frame):
        """The API's answer over HTTP."""
        target = "/v1/meters/%s/messages?form=raw&protocol=%s" % (meter["meter"], meter["protocol"])
        return street_rig.ask(os.path.join(self.rig.gateway_folder, "api.sock"), "POST", target,
                              bytes.fromhex(frame))

    def send_all(self, which, count):
        """Each reading its own way: the first by MQTT, the second over CoAP, the third over HTTP."""
        for meter in self.meters:
            if which == "first":
                self.publish(meter, meter[which])
            elif which == "second":
                answer = self.post(meter, meter[which])
                expect(answer == (2, 4), "%s by %s over CoAP: %s, %s", meter["meter"], meter["protocol"],
                       answer, self.refusals())
            else:
                status, answer = self.hand_in(meter, meter[which])
                expect(status == 200 and answer["verdict"] == "accepted", "%s over HTTP: %s",
                       meter["meter"], answer)
        try:
            wait_for("all %s readings" % which, lambda: self.rig.status()["readings"] >= count, 20)
        except street_rig.Failure as failure:
            raise street_rig.Failure("%s: %s" % (failure, self.refusals())) from None

    def refusals(self):
        rows = self.rig.api("GET", "/v1/refusals?limit=200")["refusals"]
        return {(row["meter"], row["verdict"]) for row in rows}

    # ---- money -------------------------------------------------------------------------------------------

    def expected(self, meter):
        """ufen and whole fen, from the totals that the meter was told, by the oracle."""
        pack = packs.load(os.path.join(self.rig.tariff_folder, meter["tariff"] + ".yaml"))
        segments = {}
        second_us = self.start_us + DAY_US
        intervals = [rating.Interval(self.start_us, second_us, SECOND - FIRST)]
        if self.third_is_in:
            intervals.append(rating.Interval(second_us, second_us + HOUR_US, THIRD - SECOND))
        cells = rating.Cells(pack, rating.Terms())
        for interval in intervals:
            rating.spread(segments, cells, interval)
        payees = rating.Rater(pack, rating.Terms()).payee_ufen(segments)
        return sum(payees), sum(rating.round_half_up(ufen, 10 ** 6) for ufen in payees)

    def check_bills(self):
        """Every household's bill of the month against the oracle, whole and in fen."""
        for meter in self.meters:
            bill = self.rig.api("GET", "/v1/households/%s/bill?month=%s" % (
                meter["household"], MONTH))
            ufen, fen = self.expected(meter)
            said = bill["exact_ufen"], bill["amount_fen"]
            expect(fen > 100 and bill["holds"] and said == (ufen, fen),
                   "%s by %s: the bill says %s, the oracle %s", meter["meter"],
                   meter["protocol"], said, (ufen, fen))

    # ---- the test ------------------------------------------------------------------------------------------

    def meters_of_all_protocols_are_registered(self):
        self.rig.start_all()
        self.rig.load_tariffs(*TARIFFS.values())
        self.start_us = self.rig.now_us() // 10 ** 6 * 10 ** 6
        words = [self.start_us, FIRST, self.start_us + DAY_US, SECOND,
                 self.start_us + DAY_US + HOUR_US, THIRD]
        done = subprocess.run([FRAMES] + [str(w) for w in words],
                              capture_output=True, text=True, check=True, timeout=60)
        self.meters = [json.loads(line) for line in done.stdout.splitlines()]
        expect(len(self.meters) >= 15, "only %d meters", len(self.meters))
        rows = []
        for number, meter in enumerate(self.meters):
            key = os.urandom(16)
            meter["household"] = "home-%02d" % number
            meter["tariff"] = TARIFFS[meter["meter"][0]]
            meter["psk"] = meters.derive(key, "transport", meter["meter"])
            row = {"meter": meter["meter"], "key": key.hex(), "household": meter["household"],
                   "tariff": meter["tariff"], "accept": "carrier",
                   "max_per_hour_units": 1000000000}
            if "raw_key" in meter:
                row["raw_key"] = meter["raw_key"]
            rows.append(row)
        path = os.path.join(self.rig.folder, "meters.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        self.rig.cli("meter", "add", "--from", path)
        self.rig.wait_for_key(rows[-1]["meter"], bytes.fromhex(rows[-1]["key"]))

    def two_readings_a_day_apart_are_on_every_bill(self):
        self.send_all("first", len(self.meters))
        for name in ("gateway", "operator"):
            expect(self.rig.programs[name].end() == 0, "%s did not stop cleanly", name)
        self.rig.set_clock(self.start_us + DAY_US + 10 ** 6, 1)
        self.rig.start_operator()
        self.rig.start_gateway()
        wait_for("the broker", lambda: self.rig.status()["mqtt"]["connected"], 20)
        self.send_all("second", 2 * len(self.meters))
        print("%d meters of %d protocols: %s" % (
            len(self.meters), len({m["protocol"] for m in self.meters}),
            ", ".join(m["protocol"] + (" with key" if "raw_key" in m else "")
                      for m in self.meters)))
        self.check_bills()

    def refused(self, meter, frame):
        """Send it; the verdict."""
        before = {v for m, v in self.refusals() if m == meter["meter"]}
        if meter in self.meters[::2]:
            expect(self.post(meter, frame)[0] == 4, "%s was not refused over CoAP", meter["meter"])
        else:
            self.publish(meter, frame)

        def verdict():
            return {v for m, v in self.refusals() if m == meter["meter"]} - before
        return wait_for("the refusal of " + meter["meter"], verdict, 10).pop()

    def damage_and_another_key_are_refused_each_in_its_own_words(self):
        verdicts = {}
        readings = self.rig.status()["readings"]
        for meter in self.meters:
            said = self.refused(meter, meter["damaged"])
            sealed = "raw_key" in meter
            expect(sealed or said != "not-authentic", "%s: %s", meter["meter"], said)
            verdicts.setdefault("damaged: " + said, set()).add(meter["protocol"])
        for meter in (m for m in self.meters if "raw_key" in m and not self.was_unreadable(m)):
            said = self.refused(meter, meter["other_key"])
            expect(said == "not-authentic", "%s by another key: %s", meter["meter"], said)
            verdicts.setdefault("another key: " + said, set()).add(meter["protocol"])
        for said, protocols in sorted(verdicts.items()):
            print("%s: %s" % (said, ", ".join(sorted(protocols))))
        expect(any(v.startswith("damaged: checksum") for v in verdicts), "%s", verdicts)
        expect(any(v.startswith("another key") for v in verdicts), "%s", verdicts)
        expect(self.rig.status()["readings"] == readings, "a refused frame became a reading")
        self.check_bills()

    def a_third_reading_over_http_is_on_every_bill(self):
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")
        self.rig.set_clock(self.start_us + DAY_US + HOUR_US + 10 ** 6, 1)
        self.rig.start_gateway()
        self.third_is_in = True
        self.send_all("third", 3 * len(self.meters))
        self.check_bills()
        meter = self.meters[0]["meter"]
        ways = {row["transport"] for row in self.rig.api("GET", "/v1/meters/%s/readings" % meter)["readings"]}
        expect(ways == {"mqtt", "coap", "http"}, "%s", ways)

    def was_unreadable(self, meter):
        """Its damage was taken for a wrong key already: the two cannot be told apart there."""
        return (meter["meter"], "not-authentic") in self.refusals()

    def a_fleet_of_other_makers_meters_is_in_the_books(self):
        """What arrives is what was taken, and encrypted frames that come twice count once."""
        self.rig.set_speed(FLEET_SPEED)
        self.rig.load_tariffs(*street_rig.TARIFFS)
        self.rig.fleet = ["--seed", self.seed, "--homes", 2, "--via", "both", "--protocol", "dlms"]
        names = {row["meter"] for row in self.rig.provision(*self.rig.fleet)}
        self.rig.start_fleet("--hours", FLEET_HOURS, "--loss", 5, "--duplicates", 10,
                             "--reorder", 0, "--reboots", 20, "--drain", 0)
        code = self.rig.programs["fleet"].process.wait(120)
        expect(code == 0, "the fleet ended with %d:\n%s", code, self.rig.programs["fleet"].tail())
        summary = self.rig.fleet_summary()
        with open(self.rig.truths[-1], encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        taken = {(row["meter"], row["time_us"], row["total"]) for row in rows if "seq" in row}
        self.rig.check_books(settled=False)
        kept = [row for row in self.rig.exported if row["meter"] in names]
        strange = [r for r in kept if (r["meter"], int(r["time_us"]),
                                       int(r["total_units"])) not in taken]
        expect(not strange, "%d readings that no meter took: %s", len(strange), strange[:3])
        expect(len({(r["meter"], r["time_us"]) for r in kept}) == len(kept), "one is there twice")
        expect(len(kept) > len(taken) * 7 // 10, "only %d of %d arrived: %s, %s", len(kept),
               len(taken), summary, self.refusals())
        expect({r["transport"] for r in kept} == {"mqtt", "coap"}, "one transport only")
        print("fleet: %d of %d readings of %d meters; %d frames lost, %d doubled" % (
            len(kept), len(taken), len(names), summary["lost"], summary["duplicated"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18500)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2 ** 32))
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    for program in ("mosquitto", "mosquitto_pub", "openssl"):
        if shutil.which(program) is None:
            print("protocols: %s is not installed" % program)
            sys.exit(SKIPPED)
    with street_rig.Rig(options.port, start="2026-04-15") as rig:
        rig.init()
        tester = Tester(rig, options.seed)
        street_rig.run_tests([
            (test.__name__, lambda test=test: tester.step(test)) for test in (
                tester.meters_of_all_protocols_are_registered,
                tester.two_readings_a_day_apart_are_on_every_bill,
                tester.damage_and_another_key_are_refused_each_in_its_own_words,
                tester.a_third_reading_over_http_is_on_every_bill,
                tester.a_fleet_of_other_makers_meters_is_in_the_books)])


if __name__ == "__main__":
    main()
