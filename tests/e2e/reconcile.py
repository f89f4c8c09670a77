# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's and the operator's books, reconciled daily, with the real operator: days that are equal,
days on which somebody changed the operator's database, days that were missed, and orders whose answer
was lost over midnight.

usage: reconcile.py [--port N]     BIN_DIR names the folder of the programs.
"""
import argparse
import datetime
import json
import os
import signal
import sqlite3
import subprocess

import api_schema
import street_rig
from street_rig import BIN, GATEWAY_ID, ask, expect, wait_for

EPOCH = datetime.date(1970, 1, 1)
WATER = "wREC-0001"  # Beijing's water: 5.00 yuan a m3, in three parts.
START = "2026-04-20"


class Tester:
    def __init__(self, rig):
        self.rig = rig
        self.api = api_schema.Api()
        self.litres = 0
        self.time_s = 0
        self.broken = False
        self.settled_fen = 0

    # ---- helpers ------------------------------------------------------------------------------------

    def ask(self, method, target, status, body=None):
        """The reply, which must have this status and be as docs/openapi.yaml says."""
        got, reply = ask(os.path.join(self.rig.gateway_folder, "api.sock"), method, target, body)
        expect(got == status, "%s %s: %d, not %d: %s", method, target, got, status, reply)
        problems = self.api.check(method, target, got, reply)
        expect(not problems, "\n".join(problems))
        return reply

    def cli(self, *words, code=0):
        done = subprocess.run([os.path.join(BIN, "meterpay"), *words, "--dir",
                               self.rig.gateway_folder], capture_output=True, text=True,
                              timeout=60, check=False)
        expect(done.returncode == code, "meterpay %s: exit %d, not %d: %s%s", " ".join(words),
               done.returncode, code, done.stdout, done.stderr)
        return done.stdout

    def at_us(self, day, hours):
        """That many days and hours after the start."""
        return street_rig.packs.day_start_us(self.rig.start_day + day) + int(
            hours * 3600 * 10 ** 6)

    def date(self, day):
        return str(EPOCH + datetime.timedelta(days=self.rig.start_day + day))

    def leap(self, day, hours, operator=True):
        """Both are down until then."""
        for name in ("gateway", "operator"):
            program = self.rig.programs.get(name)
            if program is not None and program.running():
                expect(program.end() == 0, "%s did not stop cleanly", name)
        self.rig.set_clock(self.at_us(day, hours), 1)
        if operator:
            self.rig.start_operator()
        self.rig.start_gateway()

    def read(self, cubic_metres):
        """The meter's register goes on; 5 yuan a m3 are owed at once."""
        self.litres += 1000 * cubic_metres
        self.time_s = max(self.time_s + 1, self.rig.now_us() // 10 ** 6)
        body = '[{"bt":%d,"n":"1.0.0","u":"l","v":%d}]' % (self.time_s, self.litres)
        reply = self.ask("POST", "/v1/meters/%s/messages?form=json" % WATER, 200, body)
        expect(reply["verdict"] == "accepted", "%s", reply)
        self.settled_fen += 500 * cubic_metres

    def settle(self, *cubic_metres):
        """Readings, each settled by an order of its own. Returns the newest order's number."""
        for amount in cubic_metres:
            self.read(amount)
            wait_for("the settlement", lambda:
                     self.rig.status()["money"]["settled_fen"] == self.settled_fen, 30)
        orders = self.ask("GET", "/v1/households/home/orders", 200)["orders"]
        return orders[0]["order"]

    def result(self, day, seconds=30, word=None):
        """The day's result, once there is one (of that word)."""
        target = "/v1/reconciliations/" + self.date(day)

        def there():
            path = os.path.join(self.rig.gateway_folder, "api.sock")
            status, reply = ask(path, "GET", target)
            return status == 200 and word in (None, reply["result"])
        wait_for("the reconciliation of " + self.date(day), there, seconds)
        return self.ask("GET", target, 200)

    def change_books(self, *statements):
        """Somebody changes the operator's database while it is down."""
        self.rig.programs["operator"].end()
        names = [n for n in os.listdir(self.rig.operator_folder) if n.endswith(".db")]
        book = sqlite3.connect(os.path.join(self.rig.operator_folder, names[0]))
        for statement, values in statements:
            count = book.execute(statement, values).rowcount
            expect(count == 1, "%s changed %d rows", statement, count)
        book.commit()
        book.close()
        self.rig.start_operator()

    def alarms(self):
        return {a["alarm"]: a for a in self.rig.status()["alarms"]}

    def step(self, test):
        """Each step needs what the one before it left."""
        expect(not self.broken, "left out: the step before failed")
        self.broken = True
        test()
        self.broken = False

    # ---- tests --------------------------------------------------------------------------------------

    def register(self):
        self.leap(0, 10)
        self.cli("tariff", "load", "beijing-water")
        self.cli("household", "add", "home")
        key = os.path.join(self.rig.folder, "water.key")
        self.cli("meter", "add", WATER, "--household", "home", "--tariff", "beijing-water",
                 "--new-key", key, "--accept", "carrier", "--max-per-hour", "1000")
        self.rig.give_wallets(["home"])
        self.read(0)

    def nothing_is_said_of_a_day_that_is_not_over(self):
        self.settle(1, 2)
        self.ask("GET", "/v1/reconciliations/" + self.date(0), 404)
        self.ask("GET", "/v1/reconciliations/yesterday", 400)
        self.ask("POST", "/v1/reconciliations/" + self.date(0), 409, {"again": True})
        self.ask("POST", "/v1/reconciliations/" + self.date(0), 422, {})
        self.ask("POST", "/v1/reconciliations/" + self.date(0), 422, {"accept": ""})
        self.ask("POST", "/v1/reconciliations/" + self.date(0), 404, {"accept": "too early"})
        expect(self.rig.status()["reconcile"]["last"] is None, "%s", self.rig.status()["reconcile"])
        self.leap(1, 2.4)
        expect(self.rig.status()["reconcile"]["last"] is None, "it is 02:24 only")

    def an_equal_day_is_equal(self):
        self.leap(1, 2.51)
        result = self.result(0)
        expect(result["result"] == "equal", "%s", result)
        expect(result["orders"]["equal"] == 2, "%s", result)
        expect(result["here"] == result["there"], "%s", result)
        expect(result["there"]["debit_fen"] == 1500, "%s", result)
        expect("equal" in self.cli("reconcile", self.date(0)), "the command line")
        expect(self.date(0) in self.cli("reconcile"), "the list")
        expect("up to " + self.date(0) in self.cli("status"), "the status")
        expect("reconcile_differs" not in self.alarms(), "%s", self.alarms())
        self.ask("POST", "/v1/reconciliations/" + self.date(0), 409, {"accept": "nothing"})

    def a_lost_answer_over_midnight_is_found_on_its_day(self):
        """The money moves at 23:59; the gateway is killed before it knows, and asks on the next day."""
        self.leap(1, 23.98)
        self.rig.admin("POST", "/admin/faults", {"fault": "reply_lost", "count": 1000})
        self.read(3)
        wait_for("the money's move", lambda: len(
            self.rig.admin_rows("/admin/orders")) == 3, 20)
        self.rig.programs["gateway"].end(signal.SIGKILL)
        self.leap(2, 2.51)
        result = self.result(1, 60, "equal")
        expect(result["there"]["debits"] == 1 and result["here"]["debits"] == 0, "%s", result)
        wait_for("the settlement", lambda:
                 self.rig.status()["money"]["settled_fen"] == self.settled_fen, 60)
        self.leap(3, 2.51)
        result = self.result(2)
        expect(result["result"] == "equal" and result["other_day"] == 1, "%s", result)
        expect(result["here"]["debits"] == 1 and result["there"]["debits"] == 0, "%s", result)

    def every_change_of_the_operators_books_is_found_and_named(self):
        first = self.settle(1)
        self.settle(2, 3, 4)
        keys = ["%s-%d" % (GATEWAY_ID, first + i) for i in range(4)]
        self.change_books(
            ("UPDATE movement SET amount_fen = amount_fen + 1, parts = "
             "(SELECT parts FROM movement WHERE key = ?1) WHERE key = ?1", (keys[0],)),)
        # Its parts do not sum to its amount any more: such a statement is not believed at all.
        self.leap(4, 2.51)
        wait_for("the trouble", lambda: self.rig.status()["reconcile"]["problem"], 60)
        expect(self.date(3) in self.rig.status()["reconcile"]["problem"], "%s",
               self.rig.status()["reconcile"])
        self.ask("GET", "/v1/reconciliations/" + self.date(3), 404)
        self.change_books(
            ("UPDATE movement SET amount_fen = amount_fen - 1 WHERE key = ?", (keys[0],)),
            ("UPDATE movement SET parts = (SELECT parts FROM movement WHERE key = ?2), "
             "amount_fen = (SELECT amount_fen FROM movement WHERE key = ?2) WHERE key = ?1",
             (keys[0], keys[1])),
            ("UPDATE movement SET wallet = 'w-other' WHERE key = ?", (keys[1],)),
            ("UPDATE movement SET kind = 1 WHERE key = ?", (keys[2],)),
            ("UPDATE movement SET key = ? WHERE key = ?", (GATEWAY_ID + "-999", keys[3])))
        self.ask("POST", "/v1/reconciliations/" + self.date(3), 202, {"again": True})
        result = self.result(3)
        expect(result["result"] == "differs", "%s", result)
        classes = {(d["class"], d["order"]) for d in result["differences"]}
        expect(classes == {("amount_differs", first), ("details_differ", first + 1),
                           ("kind_differs", first + 2), ("only_here", first + 3),
                           ("only_there", 999)}, "%s", classes)
        amount = [d for d in result["differences"] if d["class"] == "amount_differs"][0]
        expect((amount["here"]["amount_fen"], amount["there"]["amount_fen"]) == (500, 1000),
               "%s", amount)
        expect(amount["household"] == "home", "%s", amount)
        shown = self.cli("reconcile", self.date(3), code=1)
        expect("only_there" in shown and "999" in shown, "%s", shown)
        self.cli("reconcile", self.date(3), "--json", code=1)
        expect(self.date(3) in self.alarms()["reconcile_differs"]["text"], "%s", self.alarms())
        expect(self.rig.status()["reconcile"]["days_differ"] == 1, "%s", self.rig.status())
        self.keys = keys

    def a_difference_is_accepted_with_a_note_and_stays_so_over_a_restart(self):
        self.cli("reconcile", self.date(3), "--accept", "operator's ticket 4711")
        expect("reconcile_differs" not in self.alarms(), "%s", self.alarms())
        self.leap(4, 2.6)
        expect("ticket 4711" in self.cli("reconcile", self.date(3)), "the note")
        expect("reconcile_differs" not in self.alarms(), "%s", self.alarms())
        expect(self.result(3)["orders"]["only_there"] == 1, "the differences stay to be seen")

    def a_day_whose_books_were_mended_is_equal_when_compared_again(self):
        self.change_books(
            ("UPDATE movement SET key = ? WHERE key = ?", (self.keys[3], GATEWAY_ID + "-999")),
            ("UPDATE movement SET kind = 0 WHERE key = ?", (self.keys[2],)),
            ("UPDATE movement SET wallet = 'w-home' WHERE key = ?", (self.keys[1],)),
            ("UPDATE movement SET amount_fen = (SELECT amount_fen FROM orders WHERE key = ?1), "
             "parts = (SELECT parts FROM orders WHERE key = ?1) WHERE key = ?1", (self.keys[0],)))
        self.cli("reconcile", self.date(3), "--again")
        expect(self.result(3, word="equal")["orders"]["equal"] == 4, "%s", self.result(3))

    def money_that_moves_without_our_knowing_is_only_there(self):
        """An order that our books hold as refused, and one with a key that is none of ours."""
        order = self.settle(1)
        self.leap(5, 1)
        self.change_books(
            ("INSERT INTO movement (gateway, key, day, kind, wallet, mandate, amount_fen, parts,"
             " time_us, ref) SELECT gateway, 'somebody', day, kind, wallet, mandate, amount_fen,"
             " parts, time_us, 'x' FROM movement WHERE key = ?",
             ("%s-%d" % (GATEWAY_ID, order),)),)
        self.leap(5, 2.51)
        result = self.result(4)
        expect([(d["class"], d["key"]) for d in result["differences"]] == [
            ("only_there", "somebody")], "%s", result)
        expect(result["there"]["debit_fen"] == 2 * result["here"]["debit_fen"], "%s", result)

    def missed_days_are_made_up_for(self):
        """Three days without gateway; the operator comes later still."""
        self.settle(2)
        self.leap(9, 12, operator=False)
        wait_for("the trouble", lambda: self.rig.status()["reconcile"]["problem"], 60)
        expect("reconcile_late" not in self.alarms(), "after one try: %s", self.alarms())
        # Nobody has the statement of the sixth day any more: those after it are compared all the same.
        self.cli("reconcile", self.date(6), "--accept", "the operator's archive was lost")
        expect("accepted" in self.cli("reconcile"), "the list")
        expect(self.result(6)["result"] == "not_compared", "%s", self.result(6))
        self.rig.start_operator()
        for day, equal in ((5, 1), (7, 0), (8, 0)):
            result = self.result(day, 60)
            expect(result["result"] == "equal" and result["orders"]["equal"] == equal, "%s", result)
        days = self.ask("GET", "/v1/reconciliations?limit=5", 200)["days"]
        expect([d["day"] for d in days] == [self.date(d) for d in (8, 7, 6, 5, 4)], "%s", days)
        expect(self.rig.status()["reconcile"]["problem"] == "", "%s", self.rig.status()["reconcile"])

    def the_books_agree_in_the_end(self):
        expect(json.loads(self.cli("ledger", "check", "--json"))["holds"], "ledger check")
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18200)
    config = {"mqtt.enabled": "false", "coap.enabled": "false", "settle.order_min": "1.00"}
    with street_rig.Rig(parser.parse_args().port, start=START, config=config) as rig:
        tester = Tester(rig)
        rig.init()
        street_rig.run_tests([(step.__name__, lambda step=step: tester.step(step)) for step in (
            tester.register, tester.nothing_is_said_of_a_day_that_is_not_over,
            tester.an_equal_day_is_equal, tester.a_lost_answer_over_midnight_is_found_on_its_day,
            tester.every_change_of_the_operators_books_is_found_and_named,
            tester.a_difference_is_accepted_with_a_note_and_stays_so_over_a_restart,
            tester.a_day_whose_books_were_mended_is_equal_when_compared_again,
            tester.money_that_moves_without_our_knowing_is_only_there,
            tester.missed_days_are_made_up_for, tester.the_books_agree_in_the_end)])


main()
