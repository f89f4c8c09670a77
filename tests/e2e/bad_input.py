# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway does with what no honest meter sends: refused with a counted and visible reason,
nothing else touched, and a flood of it does not stop good meters. Real broker, real gateway, real
sockets.

usage: bad_input.py [--port N] [--flood-seconds N]     BIN_DIR names the folder of the programs.
"""
import argparse
import json
import random
import subprocess
import threading
import time

import street_meter as meters
import street_rig
from street_rig import Failure, expect, wait_for

GRACE_S = 20
# All on two processors, with sanitizers. The broker drops what the gateway cannot take (quality of
# service 0), so under a flood some messages need a second try, and that is what a p99 is.
RECEIPT_P50_MS = 500
RECEIPT_P99_MS = 6000
TIMES_OF_THE_GATEWAY = ("heard", "heard_us")


class Street:
    """One gateway with a few meters whose keys the test knows."""

    def __init__(self, port):
        self.rig = street_rig.Rig(port, start="2026-05-20")
        self.seed = random.SystemRandom().randrange(2 ** 32)
        self.random = random.Random(self.seed)
        self.meters = {}
        self.connections = {}

    def open(self):
        print("seed %d" % self.seed, flush=True)
        self.rig.init()
        self.rig.start_all()
        self.rig.load_tariffs("zhanjiang-power", "zhanjiang-water", "zhanjiang-gas")
        for name, accept in (("pGOD-0001", "cose"), ("wGOD-0002", "cose"), ("pBAD-0001", "cose"),
                             ("pBAD-0002", "cose"), ("wJSN-0001", "carrier")):
            self.add(name, accept)
        return self

    def add(self, name, accept="cose"):
        meter = meters.Meter(name, self.random.randbytes(16))
        tariff = {"p": "zhanjiang-power", "w": "zhanjiang-water", "g": "zhanjiang-gas"}[name[0]]
        self.rig.api("POST", "/v1/meters", {"meters": [{
            "meter": name, "key": meter.root.hex(), "household": "home-" + name[1:],
            "tariff": tariff, "accept": accept, "register_width_units": 10 ** 9}],
            "add_households": True})
        self.meters[name] = meter
        return meter

    # ---- looking -----------------------------------------------------------------------------------

    def state(self, name):
        """All that the gateway tells of a meter, without when it was last heard."""
        shown = self.rig.api("GET", "/v1/meters/" + name)
        return {k: v for k, v in shown.items() if k not in TIMES_OF_THE_GATEWAY}

    def counts(self):
        return self.rig.status()["messages"]["by_verdict"]

    def refusals(self, name):
        rows = self.rig.cli("refusals", "--json")["refusals"]
        return [row for row in rows if row["meter"] == name]

    def mqtt(self, name):
        """The meter's own connection, subscribed to its down topic."""
        if name not in self.connections:
            meter = self.meters[name]

            def connect():
                try:
                    return meters.Mqtt.as_meter(self.rig.port["meters"], name, meter.psk)
                except meters.Refused:
                    return None  # The broker has not read the new key yet.
            connection = wait_for("the connection of " + name, connect, GRACE_S, every=0.5)
            expect(connection.subscribe(self.topic(name, "down")), "no down topic for %s", name)
            self.connections[name] = connection
        return self.connections[name]

    @staticmethod
    def topic(name, leaf):
        return "meterpay/%s/%s/%s" % (street_rig.SITE, name, leaf)

    def say(self, name, data, leaf="up", topic_of=None):
        self.mqtt(name).publish(self.topic(topic_of or name, leaf), data)

    def receipt(self, name, seconds=GRACE_S):
        _, data = self.mqtt(name).messages.get(timeout=seconds)
        receipt = self.meters[name].receipt(data)
        expect(receipt is not None, "a receipt for %s does not verify", name)
        return receipt

    def good_reading(self, name, step=10):
        """One good reading, to its receipt."""
        meter = self.meters[name]
        meter.total += step
        self.say(name, meter.message((self.rig.now_us(), meter.total)))
        receipt = self.receipt(name)
        expect(receipt[0] == meter.seq, "receipt %s, journal %d", receipt, meter.seq)

    # ---- expectations ------------------------------------------------------------------------------

    def expect_refused(self, name, verdict, act, count=1, victim="pGOD-0001"):
        """act() sends `count` messages that are refused with the verdict (or one of several), are seen
        among the refusals, and change neither the meter they name nor another."""
        verdicts = (verdict,) if isinstance(verdict, str) else verdict
        before = self.counts()
        states = {n: self.state(n) for n in {name, victim} if n in self.meters}
        act()

        def rise():
            return sum(self.counts()[v] - before[v] for v in verdicts) >= count
        wait_for("%d refusals %s" % (count, "/".join(verdicts)), rise, GRACE_S)
        after = self.counts()
        moved = {v: after[v] - before[v] for v in after if after[v] != before[v]}
        expect(set(moved) <= set(verdicts) and sum(moved.values()) == count,
               "expected %d of %s, counted %s", count, verdicts, moved)
        for other, state in states.items():
            now = self.state(other)
            changed = {k for k in state if state[k] != now[k]}
            # An authentic refusal is recorded: that it was, and that the journal goes on behind it.
            allowed = {"refused", "next_seq", "last_block"} if other == name else set()
            expect(changed <= allowed, "%s of %s changed from %s to %s", changed, other, state, now)
        row = self.refusals(name)[0]
        expect(row["verdict"] in verdicts and len(row["advice"]) > 20, "refusals show %s", row)

    # ---- the tests ---------------------------------------------------------------------------------

    def good_meters_are_heard(self):
        for name in ("pGOD-0001", "wGOD-0002", "pBAD-0001", "pBAD-0002"):
            self.good_reading(name)
            self.good_reading(name)
        expect(self.state("pGOD-0001")["charged_ufen"] > 0, "nothing was charged")

    def an_unknown_meter_is_refused(self):
        stranger = meters.Meter("pXXX-404", b"k" * 16)
        self.expect_refused("pXXX-404", "unknown-meter", lambda: self.post_plain(
            stranger, stranger.message((self.rig.now_us(), 1)), (4,)))
        try:
            meters.Mqtt.as_meter(self.rig.port["meters"], stranger.name, stranger.psk)
        except meters.Refused:
            pass
        else:
            raise Failure("the broker let an unknown meter in")
        client = meters.Coap.as_meter(self.rig.port["coap"], stranger.name, stranger.psk)
        expect(client.post(stranger.name, b"x", seconds=3) is None, "DTLS with an unknown meter")
        client.close()

    def post_plain(self, meter, data, classes):
        client = meters.Coap.plain(self.rig.port["coap_plain"])
        answer = client.post(meter.name, data)
        client.close()
        expect(answer is not None and answer[0] in classes, "CoAP answered %s", answer)
        return answer

    def another_meters_topic_is_closed(self):
        victim, thief = self.meters["pGOD-0001"], self.mqtt("pBAD-0001")
        before, state = self.rig.status()["messages"], self.state(victim.name)
        genuine = victim.message((self.rig.now_us(), victim.total + 1))
        victim.counter -= 1
        victim.seq -= 1
        thief.publish_and_wait(self.topic(victim.name, "up"), genuine)
        thief.publish_and_wait(self.topic(victim.name, "json"), b"[]")
        thief.publish_and_wait(self.topic(victim.name, "down"), b"x")
        thief.publish_and_wait("meterpay/%s/gateway" % street_rig.SITE, b"offline")
        # The broker answered the last one after it dropped them all; what it let pass would be there.
        self.good_reading("pBAD-0001")
        after = self.rig.status()["messages"]["by_transport"]["mqtt"]
        expect(after == before["by_transport"]["mqtt"] + 1, "the broker let something pass")
        expect(self.state(victim.name) == state, "the victim's state changed")
        for other in (self.topic(victim.name, "down"), self.topic(victim.name, "up"),
                      "meterpay/#"):
            thief.subscribe(other)
        self.good_reading(victim.name)
        heard = []
        while not thief.messages.empty():
            heard.append(thief.messages.get()[0])
        # Whether the gateway is online is for every meter to know.
        heard = [topic for topic in heard if not topic.endswith("/gateway")]
        expect(not heard, "one meter heard another's topics: %s", heard)

    def another_meters_path_is_closed(self):
        victim, thief = self.meters["pGOD-0001"], self.meters["pBAD-0001"]
        client = meters.Coap.as_meter(self.rig.port["coap"], thief.name, thief.psk)

        def act():
            answer = client.post(victim.name, thief.message((self.rig.now_us(), 1)))
            expect(answer is not None and answer[:2] == (4, 3), "CoAP answered %s", answer)
        self.expect_refused(victim.name, "stranger", act)
        client.close()

    def a_wrong_key_opens_nothing(self):
        good = self.meters["pGOD-0001"]
        wrong = meters.Meter(good.name, b"w" * 16)
        try:
            meters.Mqtt.as_meter(self.rig.port["meters"], good.name, wrong.psk)
        except meters.Refused:
            pass
        else:
            raise Failure("the broker took a wrong key")
        client = meters.Coap.as_meter(self.rig.port["coap"], good.name, wrong.psk)
        expect(client.post(good.name, b"x", seconds=3) is None, "DTLS with a wrong key")
        client.close()
        reading = good.payload([(self.rig.now_us(), good.total)], seq=good.seq)
        other = self.meters["pBAD-0001"]
        lies = [wrong.seal(reading, counter=good.counter + 1),
                good.seal(reading, counter=good.counter + 1, key=good.down_key),
                good.seal(reading, counter=good.counter + 1, name=other.name)]
        sealed = good.seal(reading, counter=good.counter + 1)
        lies += [sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:-9] + bytes([sealed[-9] ^ 1]) +
                 sealed[-8:]]
        for lie in lies:
            self.expect_refused(good.name, "not-authentic",
                                lambda lie=lie: self.say(good.name, lie))

    def a_replay_changes_nothing(self):
        meter = self.meters["pBAD-0001"]
        meter.total += 5
        first = meter.message((self.rig.now_us(), meter.total))
        self.say(meter.name, first)
        self.receipt(meter.name)
        state, before = self.state(meter.name), self.counts()
        self.say(meter.name, first)
        self.receipt(meter.name)  # A lost receipt is given again, and nothing else happens.
        expect(self.counts()["duplicate"] > before["duplicate"], "no duplicate was counted")
        expect(self.state(meter.name) == state, "a repeated message changed the meter")
        for _ in range(70):
            meter.total += 1
            self.say(meter.name, meter.message((self.rig.now_us(), meter.total)))
            self.receipt(meter.name)
        self.expect_refused(meter.name, "replayed", lambda: self.say(meter.name, first))

    def broken_bytes_are_refused(self):
        meter = self.meters["pBAD-0002"]
        whole = meter.message((self.rig.now_us(), meter.total + 1))
        cuts = [whole[:n] for n in (0, 1, 2, 5, 10, len(whole) // 2, len(whole) - 1)]
        self.expect_refused(meter.name, ("truncated", "malformed", "not-authentic"),
                            lambda: [self.say(meter.name, cut) for cut in cuts], len(cuts))
        self.expect_refused(meter.name, "truncated", lambda: self.say(meter.name, b""))
        junk = [self.random.randbytes(n) for n in (1, 7, 64, 500, 2000)]
        self.expect_refused(meter.name, ("truncated", "malformed", "unsupported"),
                            lambda: [self.say(meter.name, data) for data in junk], len(junk))
        payloads = [b"\xff", b"\x9f", b"\x81\xa1", meters.cbor([]), meters.cbor({}),
                    meters.cbor([{0: 1}]), meters.cbor("text"), b"\x9b" + b"\xff" * 8,
                    meter.payload([(self.rig.now_us(), 5)]) + b"\x00", b"\x81" * 500]
        self.expect_refused(
            meter.name, ("malformed", "unsupported", "too-large"),
            lambda: [self.say(meter.name, meter.seal(data)) for data in payloads], len(payloads))

    def too_much_is_refused(self):
        meter = self.meters["pBAD-0002"]
        self.expect_refused(meter.name, "too-large",
                            lambda: self.say(meter.name, b"x" * 2305))
        readings = [(self.rig.now_us() - i * 1000, 1) for i in range(200, 0, -1)]
        self.expect_refused(
            meter.name, "too-large",
            lambda: self.say(meter.name, meter.seal(meter.payload(readings, seq=meter.seq))))
        # Beyond the broker's own limit it ends the connection, and the meter may come back.
        self.connections.pop(meter.name).publish(self.topic(meter.name, "up"), b"x" * 100000)
        self.good_reading(meter.name)
        answer = self.post_plain(meter, b"x" * 1200, (4,))
        expect(answer[0] == 4, "CoAP answered %s", answer)

    def numbers_that_cannot_be_are_refused(self):
        meter = self.meters["pBAD-0002"]
        register, unit = meters.TOTALS["p"]
        now_s = self.rig.now_us() // 10 ** 6
        base = {meters.NAME: register, meters.UNIT: unit, meters.TIME: now_s}

        def sealed(**fields):
            keys = {"value": meters.VALUE, "unit": meters.UNIT, "name": meters.NAME,
                    "time": meters.TIME}
            record = dict(base, **{})
            record.update({keys[k]: v for k, v in fields.items()})
            return meter.seal(meters.cbor([record]))
        for verdicts, fields in (
                (("malformed",), {"value": -1}), (("malformed",), {"value": 0.5}),
                (("malformed",), {"value": float("nan")}), (("malformed",), {"value": 10 ** 16}),
                (("malformed",), {"value": meters.Tag(4, [10 ** 9, 1])}),
                (("unit",), {"value": 1, "unit": "l"}), (("unit",), {"value": 1, "unit": "furlong"}),
                (("malformed",), {"value": 1, "time": 10 ** 15})):
            self.expect_refused(meter.name, verdicts,
                                lambda fields=fields: self.say(meter.name, sealed(**fields)))

    def registers_that_cannot_be_are_kept_but_not_billed(self):
        """Authentic and wrong: recorded, acknowledged so that the meter goes on, and not charged."""
        meter = self.meters["pGOD-0001"]
        self.good_reading(meter.name)
        year_us = 366 * 86400 * 10 ** 6
        for verdict, offset_us, step in (
                ("range", 0, 10 ** 7), ("backward", 0, -1), ("clock", 3 * year_us, 1),
                ("clock", -3 * year_us, 1)):
            def act(offset_us=offset_us, step=step):
                self.say(meter.name, meter.message((self.rig.now_us() + offset_us,
                                                    meter.total + step)))
                expect(self.receipt(meter.name)[0] == meter.seq, "no receipt")
            self.expect_refused(meter.name, verdict, act, victim="pBAD-0001")
        self.good_reading(meter.name)

    def forms_that_are_not_agreed_are_refused(self):
        cose, json_meter = self.meters["pGOD-0001"], self.meters["wJSN-0001"]
        text = json.dumps([{"n": "1.0.0", "u": "m3", "v": 1.5,
                            "t": self.rig.now_us() // 10 ** 6}]).encode()
        self.expect_refused(cose.name, "form", lambda: self.say(cose.name, text, "json"))
        self.expect_refused(cose.name, "form", lambda: self.say(cose.name, b"\x68" * 16, "raw/dlt645"))
        self.expect_refused(json_meter.name, "form",
                            lambda: self.say(json_meter.name, json_meter.message((1, 1))))
        self.say(json_meter.name, text, "json")
        wait_for("the JSON reading", lambda: self.state(json_meter.name)["last"], GRACE_S)
        for junk in (b"{", b"[{]", b"null", b"[" * 1000, b'[{"n":"1.0.0","v":"1"}]', b"\xff\xfe",
                     b'[{"n":"1.0.0","u":"m3","v":1e999}]', text[:-2], b'[{"v":1}]'):
            self.expect_refused(json_meter.name, ("malformed", "unsupported", "truncated", "unit"),
                                lambda junk=junk: self.say(json_meter.name, junk, "json"))

    # ---- the flood -----------------------------------------------------------------------------------

    def a_flood_does_not_stop_good_meters(self, seconds):
        stop = threading.Event()
        before = self.counts()
        calm = self.latencies(2.0)
        coap = threading.Thread(target=self.flood_coap, args=(stop,))
        floods = self.flood_mqtt("pBAD-0001") + self.flood_mqtt("pBAD-0002")
        coap.start()
        try:
            under = self.latencies(seconds)
        finally:
            stop.set()
            coap.join()
            for flood in floods:
                flood.kill()
                flood.wait()
        after = self.counts()
        refused = sum(after[v] - before[v] for v in ("not-authentic", "malformed", "unknown-meter",
                                                     "truncated", "unsupported"))
        print("flood: %d messages a second refused by the gateway; receipts: calm p50 %d ms, p99 %d "
              "ms; under the flood p50 %d ms, p99 %d ms, worst %d ms of %d" % (
                  refused / seconds, at(calm, 50), at(calm, 99), at(under, 50), at(under, 99),
                  max(under), len(under)))
        expect(refused > 1000, "only %d messages of the flood came through", refused)
        expect(at(under, 50) < RECEIPT_P50_MS and at(under, 99) < RECEIPT_P99_MS,
               "receipts under the flood are too late")

    def flood_mqtt(self, name):
        """A meter with a good key that says rubbish as fast as it can, in a process of its own."""
        if name in self.connections:
            self.connections.pop(name).close()  # One connection for each meter: the newest.
        rubbish = subprocess.Popen(["yes", "this is no message of any form that a meter has"],
                                   stdout=subprocess.PIPE)
        flood = subprocess.Popen(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.rig.port["meters"]), "--psk",
             self.meters[name].psk.hex(), "--psk-identity", name, "-l", "-t",
             self.topic(name, "up")], stdin=rubbish.stdout, stderr=subprocess.DEVNULL)
        rubbish.stdout.close()
        return [rubbish, flood]

    def flood_coap(self, stop):
        client = meters.Coap.plain(self.rig.port["coap_plain"])
        stranger = meters.Meter("pXXX-404", b"k" * 16)
        data = stranger.message((self.rig.now_us(), 1))
        while not stop.is_set():
            for name in ("pXXX-404", "pGOD-0001", "wGOD-0002"):
                request, _ = client.request(name, data)
                client.pipe.write(request)
            time.sleep(0.002)
        client.close()

    def latencies(self, seconds):
        """Milliseconds from reading to receipt, of good meters one after the other. A message without a
        receipt within 2 s is sent again, as a meter does, and the wait counts."""
        result = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name in ("pGOD-0001", "wGOD-0002"):
                meter = self.meters[name]
                meter.total += 1
                message = meter.message((self.rig.now_us(), meter.total))
                started = time.monotonic()
                self.until_receipt(meter, message)
                result.append((time.monotonic() - started) * 1000)
        return result

    def until_receipt(self, meter, message):
        for _ in range(10):
            self.say(meter.name, message)
            try:
                while self.receipt(meter.name, 2)[0] < meter.seq:
                    pass
                return
            except meters.queue.Empty:
                continue
        raise Failure("%s got no receipt" % meter.name)

    def the_books_hold(self):
        report = self.rig.cli("ledger", "check", "--json")
        expect(report["holds"], "ledger check: %s", report)
        for name in ("pGOD-0001", "wGOD-0002"):
            self.good_reading(name)
        self.rig.check_books(settled=False)
        self.rig.stop_all()


def at(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18620)
    parser.add_argument("--flood-seconds", type=float, default=8)
    options = parser.parse_args()
    street = Street(options.port)
    with street.rig:
        street.open()
        street_rig.run_tests([(test.__name__, test) for test in (
            street.good_meters_are_heard, street.an_unknown_meter_is_refused,
            street.another_meters_topic_is_closed, street.another_meters_path_is_closed,
            street.a_wrong_key_opens_nothing, street.a_replay_changes_nothing,
            street.broken_bytes_are_refused, street.too_much_is_refused,
            street.numbers_that_cannot_be_are_refused,
            street.registers_that_cannot_be_are_kept_but_not_billed,
            street.forms_that_are_not_agreed_are_refused)] + [
                ("a_flood_does_not_stop_good_meters",
                 lambda: street.a_flood_does_not_stop_good_meters(options.flood_seconds)),
                ("the_books_hold", street.the_books_hold)])


if __name__ == "__main__":
    main()
