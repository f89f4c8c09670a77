# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon's API and the command line against a real gateway: a household from its registration to a
settled wallet, every route at least once, every reply as docs/openapi.yaml describes it, and what is
wrong refused with advice.

usage: api.py [--port N]     BIN_DIR names the folder of the programs.
"""
import argparse
import csv
import http.client
import io
import json
import os
import subprocess

import api_schema
import street_meter as meters
import street_rig
from street_rig import BIN, ask, expect, wait_for

DAY_US = 86400 * 10 ** 6
POWER = "pAPI-000000000001"
WATER = "wAPI-0001"


class Tester:
    def __init__(self, rig, port):
        self.rig = rig
        self.http_port = port
        self.api = api_schema.Api()

    # ---- asking -------------------------------------------------------------------------------------

    def ask(self, method, target, status, body=None):
        """The reply, which must have this status and be as described."""
        got, reply = ask(os.path.join(self.rig.gateway_folder, "api.sock"), method, target, body)
        expect(got == status, "%s %s: %d, not %d: %s", method, target, got, status, reply)
        if self.api.find(target) is not None and got != 405:
            problems = self.api.check(method, target, got, reply)
            expect(not problems, "\n".join(problems))
        return reply

    def refused(self, method, target, status, error, body=None):
        reply = self.ask(method, target, status, body)
        expect(reply["error"] == error, "%s %s: %s, not %s", method, target, reply, error)
        expect(len(reply["reason"]) > 10, "no advice: %s", reply)

    def run(self, *words, code=0, text=None, **more):
        """meterpay WORDS; its output, after its exit status was as expected."""
        done = subprocess.run([os.path.join(BIN, "meterpay"), *words, "--dir",
                               self.rig.gateway_folder],
                              capture_output=True, text=True, timeout=60, check=False, **more)
        expect(done.returncode == code, "meterpay %s: exit %d, not %d: %s%s", " ".join(words),
               done.returncode, code, done.stdout, done.stderr)
        if text is not None:
            expect(text in done.stdout + done.stderr, "meterpay %s: no %r in: %s%s", " ".join(words),
                   text, done.stdout, done.stderr)
        if "--json" in words and words[0] != "export" and code == 0:
            return json.loads(done.stdout)
        return done.stdout

    # ---- a household's way ----------------------------------------------------------------------------

    def register(self):
        self.power = meters.Meter(POWER, os.urandom(16))
        self.ask("GET", "/v1/tariffs", 200)
        with open(os.path.join(self.rig.tariff_folder, "zhejiang-power.yaml"), "rb") as file:
            self.ask("POST", "/v1/tariffs", 201, file.read())
        self.run("tariff", "load", "beijing-water", text="loaded")
        self.run("tariff", "list", text="zhejiang-power")
        self.ask("POST", "/v1/tariffs/zhejiang-power/critical-days", 201, {"date": "2026-07-20"})
        self.run("tariff", "announce", "zhejiang-power", "2026-07-21", text="announced")
        self.ask("POST", "/v1/households", 201, {"household": "home-1"})
        self.ask("POST", "/v1/households", 200, {"households": ["home-2", "home-1", "no way"]})
        self.run("household", "add", "home-3", text="added 1")
        self.ask("POST", "/v1/meters", 201, {
            "meter": POWER, "key": self.power.root.hex(), "household": "home-1",
            "tariff": "zhejiang-power", "accept": "both", "people": 3})
        key = os.path.join(self.rig.folder, "water.key")
        self.run("meter", "add", WATER, "--household", "home-1", "--tariff", "beijing-water",
                 "--new-key", key, "--accept", "carrier", "--max-per-hour", "2.5",
                 "--register-width", "10000", text="added")
        expect(os.stat(key).st_mode & 0o777 == 0o600, "the key's file is readable by others")
        shown = self.ask("GET", "/v1/meters/" + WATER, 200)
        expect(shown["max_per_hour_units"] == 2500000, "%s", shown)
        expect(shown["register_width_units"] == 10 ** 10, "%s", shown)
        self.run("meter", "list", text=POWER)
        self.run("meter", "show", POWER, text="no reading yet")
        self.rig.admin("POST", "/admin/wallets", [{"id": "w-1", "class": "I", "type": "personal",
                                                   "balance_fen": 100000}])
        self.rig.admin("POST", "/admin/mandates", [{"id": "m-1", "wallet": "w-1",
                                                    "gateway": street_rig.GATEWAY_ID}])
        self.run("wallet", "bind", "home-1", "w-1", "--mandate", "m-1", "--cap-day", "500.00",
                 text="bound 1")

    def take(self, days, wh, over):
        """A reading some days after the start."""
        time_us = self.start_us + int(days * DAY_US)
        message = self.power.message((time_us, wh))
        if over == "coap":
            coap = meters.Coap.as_meter(self.rig.port["coap"], POWER, self.power.psk)
            coap.post(POWER, message)
            coap.close()
        elif over == "mqtt":
            mqtt = meters.Mqtt.as_meter(self.rig.port["meters"], POWER, self.power.psk)
            expect(mqtt.publish_and_wait("meterpay/%s/%s/up" % (street_rig.SITE, POWER), message),
                   "the broker ended the connection")
            mqtt.close()
        else:
            self.ask("POST", "/v1/meters/%s/messages?form=cose" % POWER, 200, message)

    def use(self):
        """100 kWh over three transports in February and March, 30 m3 of water."""
        self.start_us = self.rig.now_us() // DAY_US * DAY_US - 60 * DAY_US
        self.rig.wait_for_key(POWER, self.power.root)
        wait_for("the gateway's connection to the broker",
                 lambda: self.rig.status()["mqtt"]["connected"], 20)
        self.take(0, 1000, "http")
        self.take(20, 21000, "mqtt")
        wait_for("the reading over MQTT", lambda: self.rig.status()["readings"] == 2, 10)
        self.take(40, 81000, "coap")
        self.take(59, 101000, "http")
        for days, litres in ((0, 0), (59, 30000)):
            body = '[{"bt":%d,"n":"1.0.0","u":"l","v":%d}]' % (
                (self.start_us + days * DAY_US) // 10 ** 6, litres)
            reply = self.ask("POST", "/v1/meters/%s/messages?form=json" % WATER, 200, body)
            expect(reply["verdict"] == "accepted", "%s", reply)
        expect(self.rig.status()["readings"] == 6, "%s", self.rig.status())

    def see(self):
        """What was said is on every page, and the amounts are those of a hand calculation."""
        reply = self.ask("GET", "/v1/meters/%s/readings" % POWER, 200)
        expect([r["total_units"] for r in reply["readings"]] == [101000, 81000, 21000, 1000],
               "%s", reply)
        expect([r["transport"] for r in reply["readings"]] == ["http", "coap", "mqtt", "http"],
               "%s", reply)
        self.paged("/v1/meters/%s/readings" % POWER, "readings", "before",
                   [101000, 81000, 21000, 1000], lambda r: r["total_units"])
        self.run("readings", POWER, text="81.000")
        # 100 kWh at 0.538, 30 m3 at 5.00: 53.80 + 150.00 yuan, the water's split over three payees.
        wait_for("the settlement", lambda: self.rig.status()["money"]["settled_fen"] == 20380, 20)
        household = self.ask("GET", "/v1/households/home-1", 200)
        expect(household["charged_ufen"] == 20380 * 10 ** 6, "%s", household)
        expect({p["payee"]: p["charged_yuan"] for p in household["payees"]} == {
            "grid": "53.80", "water": "62.10", "water-resource": "47.10", "sewage": "40.80"},
            "%s", household["payees"])
        self.run("household", "show", "home-1", text="203.80")
        orders = self.ask("GET", "/v1/households/home-1/orders", 200)["orders"]
        done = [o for o in orders if o["state"] == "done"]
        expect(sum(o["amount_fen"] for o in done) == 20380, "%s", orders)
        for order in done:
            expect(sum(p["amount_fen"] for p in order["parts"]) == order["amount_fen"], "%s", order)
        self.run("orders", "--household", "home-1", text="done")
        self.run("orders", text="No open orders")
        self.ask("GET", "/v1/orders", 200)
        self.ask("GET", "/v1/alarms", 200)
        self.run("alarms")
        self.ask("GET", "/v1/households", 200)
        spec = {"mapping": "zigbee2mqtt", "device": "valve", "meter": WATER, "unit": "l"}
        self.ask("POST", "/v1/sources", 201, spec)
        reply = self.ask("GET", "/v1/sources", 200)
        expect(reply["sources"] == [{**spec, "channel": "", "user": ""}], "%s", reply)
        expect("tasmota" in reply["mappings"] and reply["next"] is None, "%s", reply)
        self.refused("POST", "/v1/sources", 422, "invalid", spec)
        self.ask("DELETE", "/v1/sources/" + WATER, 200)
        self.refused("DELETE", "/v1/sources/" + WATER, 404, "not_bound")
        self.ask("GET", "/v1/source-refusals", 200)
        spec = {"hook": "iotda", "scheme": "hmac-sha256", "header": "X-Signature", "secret": "s" * 16}
        self.ask("POST", "/v1/hooks", 201, spec)
        reply = self.ask("GET", "/v1/hooks", 200)
        expect(not reply["listening"] and [h["path"] for h in reply["hooks"]] == ["/hook/iotda"],
               "%s", reply)
        expect("s" * 16 not in str(reply), "a secret came out")
        self.refused("POST", "/v1/hooks", 422, "invalid", spec)
        self.refused("POST", "/v1/hooks", 422, "no_mapping", {**spec, "hook": "nobody"})
        self.ask("DELETE", "/v1/hooks/iotda", 200)
        self.refused("DELETE", "/v1/hooks/iotda", 404, "no_such_hook")
        expect(self.ask("POST", "/v1/clock/accept", 200)["step_us"] == 0, "the clock did not jump")
        expect(self.ask("GET", "/v1/ledger/check", 200)["holds"], "the books do not agree")
        self.run("ledger", "check", text="the books agree")
        self.run("status", text="alarms     none")
        lines = self.ask("GET", "/v1/lines", 200)
        expect(lines == {"meters": []}, "no meter is polled here: %s", lines)
        money = self.ask("GET", "/v1/status", 200)["money"]
        expect(money["charged_ufen"] == 20380 * 10 ** 6, "%s", money)
        self.paged("/v1/meters", "meters", "after", [POWER, WATER], lambda m: m["meter"])
        self.paged("/v1/households", "households", "after", ["home-1", "home-2", "home-3"],
                   lambda h: h["household"])
        reply = self.ask("GET", "/v1/meters?household=home-1", 200)
        expect({m["meter"] for m in reply["meters"]} == {POWER, WATER}, "%s", reply)

    def paged(self, target, rows, cursor, expected, pick):
        """The same rows one at a time."""
        got, after = [], None
        while True:
            page = self.ask("GET", "%s?limit=1%s" % (
                target, "" if after is None else "&%s=%s" % (cursor, after)), 200)
            got += [pick(row) for row in page[rows]]
            after = page["next"]
            if after is None:
                break
        expect(got == expected, "%s in pages: %s, not %s", target, got, expected)

    def bills(self):
        """The bills of all months sum to the ledger, each line to its meter, payees to the whole."""
        sums = 0
        for month in ("2026-02", "2026-03", "2026-04"):
            bill = self.ask("GET", "/v1/households/home-1/bill?month=" + month, 200)
            expect(bill["holds"], "%s", bill)
            sums += bill["exact_ufen"]
            for meter in bill["meters"]:
                expect(sum(line["amount_ufen"] for line in meter["lines"]) == meter["amount_ufen"],
                       "%s", meter)
            expect(sum(p["amount_fen"] for p in bill["payees"]) == bill["amount_fen"], "%s", bill)
        expect(sums == 20380 * 10 ** 6, "the months sum to %d", sums)
        self.run("bill", "home-1", "2026-03", text="together")
        self.run("bill", "home-1", "2026-03", "--explain", text="in block")
        self.run("bill", "home-1", "2026-03", "--json")
        self.run("bill", "home-2", "2026-03", text="0.00")

    def exports(self):
        """CSV and JSON lines hold the same rows; postings balance every account."""
        for what in ("readings", "postings", "orders"):
            self.api.seen.add(("/v1/export/{what}", "get", 200))
            rows = list(csv.DictReader(io.StringIO(self.run("export", what))))
            lines = [json.loads(line) for line in
                     self.run("export", what, "--format", "jsonl").splitlines()]
            expect(len(rows) == len(lines) and rows, "%s: %d rows, %d lines", what, len(rows),
                   len(lines))
            for row, line in zip(rows, lines):
                expect(row == {k: "" if v is None else str(v) for k, v in line.items()},
                       "%s differ: %s %s", what, row, line)
        balance = {}
        for row in csv.DictReader(io.StringIO(self.run("export", "postings"))):
            balance[row["debit"]] = balance.get(row["debit"], 0) + int(row["amount_ufen"])
            balance[row["credit"]] = balance.get(row["credit"], 0) - int(row["amount_ufen"])
        expect(sum(balance.values()) == 0 and balance["owed:home-1"] == 0, "%s", balance)
        expect(balance["payee:grid"] == -5380 * 10 ** 6, "%s", balance)
        expect(len(self.run("export", "readings", "--meter", WATER).splitlines()) == 3, "by meter")
        expect(len(self.run("export", "readings", "--household", "home-2").splitlines()) == 1,
               "by household")
        expect(len(self.run("export", "readings", "--to", "2026-01-01").splitlines()) == 1, "by day")
        expect(len(self.run("export", "readings", "--from", "2026-01-01").splitlines()) == 7,
               "by day")
        path = os.path.join(self.rig.folder, "out.csv")
        self.run("export", "orders", "--output", path)
        expect(os.stat(path).st_mode & 0o777 == 0o600, "the export is readable by others")
        self.run("export", "orders", "--output", path, code=2, text="exists")
        self.run("export", "nothing", code=1)

    # ---- what is wrong ------------------------------------------------------------------------------------

    def refusals(self):
        good = {"meter": "pNEW-1", "key": "00" * 16, "household": "home-1",
                "tariff": "zhejiang-power"}
        for change, error in (({"meter": "xx"}, "invalid"), ({"key": "00"}, "invalid"),
                              ({"key": "g" * 32}, "invalid"), ({"colour": "red"}, "invalid"),
                              ({"people": 1.5}, "invalid"), ({"people": 256}, "invalid"),
                              ({"tou_from": "2026-02-30"}, "invalid"),
                              ({"ladder_months": 3}, "invalid"), ({"accept": "all"}, "invalid"),
                              ({"household": None}, "invalid")):
            self.refused("POST", "/v1/meters", 422, error, {**good, **change})
        self.refused("POST", "/v1/meters?wait=nobody", 400, "bad_parameter", good)
        self.refused("POST", "/v1/meters", 404, "no_such_household", {**good, "household": "none"})
        self.refused("POST", "/v1/meters", 404, "no_such_tariff", {**good, "tariff": "none"})
        self.refused("POST", "/v1/meters", 409, "other_medium", {**good, "tariff": "beijing-water"})
        self.refused("POST", "/v1/meters", 409, "exists", {**good, "meter": POWER})
        self.refused("POST", "/v1/meters", 422, "invalid", {"meters": []})
        self.refused("POST", "/v1/meters", 422, "invalid", {"meters": [good] * 1001})
        self.refused("POST", "/v1/meters", 400, "not_json", "{")
        self.refused("POST", "/v1/meters", 400, "not_json", '{"meter":1,"meter":2}')
        self.refused("POST", "/v1/meters", 400, "body_missing")
        self.refused("POST", "/v1/meters", 413, "too_large", " " * (1024 * 1024 + 1))
        rows = self.ask("POST", "/v1/meters", 200, {"meters": [good, {**good, "key": "1"}, good]})
        expect([r["verdict"] for r in rows["results"]] == ["done", "invalid", "exists"], "%s", rows)
        self.refused("GET", "/v1/meters/pNOT-1", 404, "no_such_meter")
        self.refused("GET", "/v1/meters/pNOT-1/readings", 404, "no_such_meter")
        self.refused("GET", "/v1/meters?limit=501", 400, "bad_parameter")
        self.refused("GET", "/v1/meters?limit=-1", 400, "bad_parameter")
        self.refused("GET", "/v1/meters?colour=red", 400, "bad_parameter")
        self.refused("GET", "/v1/meters?household=none", 404, "no_such_household")
        self.refused("GET", "/v1/meters/%s/readings?before=999999" % POWER, 400, "bad_parameter")
        self.refused("GET", "/v1/households/home-1/orders?before=999999", 400, "bad_parameter")
        self.refused("GET", "/v1/households/home-1/bill?month=2026-13", 400, "bad_parameter")
        self.refused("GET", "/v1/households/none/bill?month=2026-03", 404, "no_such_household")
        self.refused("GET", "/v1/households/none", 404, "no_such_household")
        self.refused("POST", "/v1/households", 422, "invalid", {"household": "a b"})
        self.refused("POST", "/v1/households", 409, "exists", {"household": "home-1"})
        self.refused("POST", "/v1/households/home-1/wallets", 409, "bound_already",
                     {"wallet": "w-1", "mandate": "m-1"})
        self.refused("POST", "/v1/households/home-1/wallets", 422, "invalid", {"wallet": "w-2"})
        self.refused("DELETE", "/v1/households/home-1/wallets/none", 404, "no_such_binding")
        self.refused("POST", "/v1/tariffs", 422, "invalid", "format: nonsense")
        self.refused("POST", "/v1/tariffs/zhejiang-power/critical-days", 409, "retroactive",
                     {"date": "2026-01-01"})
        self.refused("POST", "/v1/tariffs/none/critical-days", 404, "no_such_tariff",
                     {"date": "2026-12-01"})
        self.refused("POST", "/v1/meters/%s/messages" % POWER, 400, "bad_parameter", "x")
        self.refused("POST", "/v1/meters/%s/messages?form=cose" % POWER, 422, "malformed", "x")
        self.refused("POST", "/v1/meters/pNOT-1/messages?form=cose", 404, "unknown-meter", "x")
        self.refused("POST", "/v1/meters/%s/messages?form=cose" % POWER, 413, "too_large", "x" * 5000)
        self.refused("GET", "/v1/export/secrets", 404, "no_such_export")
        self.refused("GET", "/v1/export/readings?format=xml", 400, "bad_parameter")
        self.refused("GET", "/v1/nothing", 404, "no_such_route")
        self.refused("GET", "/", 404, "no_such_route")
        self.refused("PUT", "/v1/meters", 405, "method_not_allowed", "{}")
        self.refused("DELETE", "/v1/status", 405, "method_not_allowed")
        self.refused("GET", "/v1/meters/%ff%fe", 404, "no_such_meter")
        rows = self.ask("GET", "/v1/refusals", 200)["refusals"]
        expect(any(r["verdict"] == "malformed" and r["meter"] == POWER for r in rows), "%s", rows)
        self.run("refusals", text="malformed")

    def command_line(self):
        self.run("bill", "home-1", "march", code=1, text="2026-11")
        self.run("meter", "show", "pNOT-1", code=1, text="no meter")
        self.run("meter", "add", "pNEW-2", code=2, text="--household")
        self.run("meter", "add", "pNEW-2", "--household", "home-1", "--tariff", "zhejiang-power",
                 code=2, text="--key-file")
        self.run("meter", "add", "pNEW-2", "--household", "home-1", "--tariff", "zhejiang-power",
                 "--key-file", "-", input="ff" * 16 + "\n", text="added")
        self.run("meter", "add", "pNEW-3", "--household", "home-1", "--tariff", "zhejiang-power",
                 "--key-file", "-", code=2, input="ff\n", text="hexadecimal")
        rows = ("meter\tkey\thousehold\ttariff\tpeople\tlow_income\n"
                "pTSV-0001\t%s\thome-9\tzhejiang-power\t4\ttrue\n"
                "pTSV-0002\t%s\thome-9\tno-tariff\t4\tfalse\n" % ("01" * 16, "02" * 16))
        self.run("meter", "add", "--from", "-", input=rows, code=1, text="-:3: pTSV-0002")
        reply = self.run("meter", "add", "--from", "-", "--skip-existing", "--json",
                         input=rows.rsplit("\n", 2)[0] + "\n")
        expect((reply["added"], reply["existing"], reply["refused"]) == (0, 1, 0), "%s", reply)
        terms = self.ask("GET", "/v1/meters/pTSV-0001", 200)["terms"]
        expect(terms["people"] == 4 and terms["low_income"], "%s", terms)
        self.run("wallet", "unbind", "home-1", "w-1", text="no longer pays")
        self.run("wallet", "unbind", "home-1", "w-1", code=1)
        self.ask("POST", "/v1/households/home-1/wallets", 201, {"wallet": "w-1", "mandate": "m-1"})
        self.ask("DELETE", "/v1/households/home-1/wallets/w-1", 200)
        self.run("nonsense", code=2, text="no command")
        self.run("status", "--wrong", code=2, text="--help")
        self.run("readings", code=2, text="METER")

    def tcp(self):
        """The same API on loopback, with the token and not without."""
        with open(os.path.join(self.rig.gateway_folder, "api.token"), encoding="utf-8") as file:
            token = file.read().strip()
        for header, status in (({}, 401), ({"Authorization": "Bearer " + token[:-1] + "x"}, 401),
                               ({"Authorization": "Basic " + token}, 401),
                               ({"Authorization": "Bearer " + token}, 200)):
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
            connection.request("GET", "/v1/status", headers=header)
            reply = connection.getresponse()
            expect(reply.status == status, "%s: %d", header, reply.status)
            json.loads(reply.read())
            connection.close()

    def second_daemon(self):
        """Another daemon on the same directory is refused by name, and the first goes on."""
        done = subprocess.run([os.path.join(BIN, "meterpayd"), "--dir", self.rig.gateway_folder],
                              capture_output=True, text=True, timeout=30, check=False)
        expect(done.returncode == 1 and "stop it first" in done.stderr, "%d %s", done.returncode,
               done.stderr)
        self.ask("GET", "/v1/status", 200)

    def restart(self):
        """A clean stop; everything is there again, and the command line says when nobody answers."""
        before = [self.ask("GET", target, 200) for target in
                  ("/v1/households/home-1", "/v1/meters/" + POWER)]
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")
        self.run("status", code=2, text="no meterpayd runs")
        self.rig.start_gateway()
        after = [self.ask("GET", target, 200) for target in
                 ("/v1/households/home-1", "/v1/meters/" + POWER)]
        expect(before == after, "%s\n%s", before, after)

    def next_day(self):
        """The day after, the operator's books and ours are compared: reconcile.py has the cases."""
        for name in ("gateway", "operator"):
            self.rig.programs[name].end()
        today = street_rig.packs.day_start_us(self.rig.start_day)
        self.rig.set_clock(today + DAY_US + 3 * 3600 * 10 ** 6, 1)
        self.rig.start_operator()
        self.rig.start_gateway()
        target = "/v1/reconciliations/2026-04-20"
        wait_for("the reconciliation", lambda: ask(os.path.join(
            self.rig.gateway_folder, "api.sock"), "GET", target)[0] == 200, 30)
        result = self.ask("GET", target, 200)
        expect(result["result"] == "equal" and result["there"]["debit_fen"] == 20380, "%s", result)
        self.ask("GET", "/v1/reconciliations", 200)
        self.ask("POST", target, 202, {"again": True})
        self.run("reconcile", "2026-04-20", text="equal")

    def everything_was_tried(self):
        tried = {(path, method) for path, method, status in self.api.seen if status < 300}
        missing = self.api.operations() - tried
        expect(not missing, "never answered well: %s", sorted(missing))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18500)
    port = parser.parse_args().port
    config = {"http.port": port + 9, "settle.order_min": "1.00"}
    with street_rig.Rig(port, start="2026-04-20", config=config) as rig:
        tester = Tester(rig, port + 9)
        rig.init()
        rig.start_all()
        street_rig.run_tests([(step.__name__, lambda step=step: step()) for step in (
            tester.register, tester.use, tester.see, tester.bills, tester.exports, tester.refusals,
            tester.command_line, tester.tcp, tester.second_daemon, tester.restart,
            tester.next_day, tester.everything_was_tried)])


main()
