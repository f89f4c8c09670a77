# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway exports, turned into books: from a folder of files, or fetched by its command line.

    readings.jsonl  postings.jsonl  orders.jsonl        meterpay export WHAT --format jsonl (or .csv)
    meters.json  households.json  tariffs.json          meterpay meter list, ... --json
"""
import csv
import json
import os
import subprocess

import books
import pack as packs
import rating

EXPORTS = ("readings", "postings", "orders")
BANDS = ("sharp_units", "peak_units", "flat_units", "valley_units")


def read_rows(folder, name):
    """Rows of an export, CSV or JSON lines, as dicts; numbers may be texts."""
    path = os.path.join(folder, name)
    if os.path.exists(path + ".jsonl"):
        with open(path + ".jsonl", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    with open(path + ".csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_json(folder, name):
    with open(os.path.join(folder, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def load_packs(folder, tariffs):
    """name -> Pack, with the days that were announced since."""
    result = {}
    for tariff in tariffs["tariffs"]:
        pack = packs.load(os.path.join(folder, tariff["tariff"] + ".yaml"))
        pack.critical_days |= {packs.day_number(day) for day in tariff["critical_days"]}
        shown = [(version["id"], version["from_us"]) for version in tariff["versions"]]
        if shown != [(version.id, version.from_us) for version in pack.versions]:
            raise ValueError("%s: the gateway has the versions %s" % (pack.name, shown))
        result[pack.name] = pack
    return result


def terms_of(value):
    terms = rating.Terms(people=value["people"], low_income=value["low_income"],
                         ladder_months=value["ladder_months"])
    if value["tou_from"] is not None:
        terms.tou_from_day = packs.day_number(value["tou_from"])
    if value["ladder_start"] is not None:
        year, month = value["ladder_start"].split("-")
        terms.ladder_months_of = (int(year) - 1970) * 12 + int(month) - 1
    return terms


def reading_of(row):
    bands = None
    if all(row[band] not in (None, "") for band in BANDS):
        bands = [int(row[band]) for band in BANDS]
    return books.Reading(row["meter"], int(row["time_us"]), int(row["total_units"]), bands,
                         row["verdict"])


def postings_of(rows):
    """Charges by meter. What orders settled stands there too, and is checked against the orders."""
    charges, settled = [], []
    for row in rows:
        posting = books.Posting(int(row["block"]), row["meter"], row["household"], row["payee"],
                                int(row["amount_ufen"]))
        if row["cause"] == "reading":
            charges.append(posting)
        else:
            settled.append((int(row["order"]), row["debit"].startswith("wallet:"), posting))
    return charges, settled


def orders_of(rows, gateway):
    """Orders, from the row of each one's making and of its end."""
    orders = {}
    problems = []
    for row in rows:
        number = int(row["order"])
        parts = dict((part.rsplit("=", 1)[0], int(part.rsplit("=", 1)[1]))
                     for part in row["parts_fen"].split())
        order = books.Order(number, "%s-%d" % (gateway, number), row["household"], row["wallet"],
                            row["kind"], row["state"], int(row["amount_fen"]), parts,
                            int(row["block"]), None)
        if row["event"] == "made":
            if number in orders:
                problems.append("order %d is made twice" % number)
            orders[number] = order
            continue
        made = orders.get(number)
        if made is None or made.ended_block is not None:
            problems.append("order %d ends and is not open" % number)
            continue
        if (made.household, made.wallet, made.kind, made.amount_fen, made.parts) != (
                order.household, order.wallet, order.kind, order.amount_fen, order.parts):
            problems.append("order %d ends as another than it was made" % number)
        made.state, made.ended_block, made.ref = order.state, order.made_block, row["operator_ref"]
    return list(orders.values()), problems


def check_settlements(settled, orders):
    """The postings that orders made, against the orders."""
    got = {}
    for number, from_wallet, posting in settled:
        parts = got.setdefault((number, from_wallet, posting.household, posting.block), {})
        if posting.payee in parts:
            yield "order %d is posted to %s twice" % (number, posting.payee)
        parts[posting.payee] = posting.ufen
    want = {(o.number, o.kind == "debit", o.household, o.ended_block):
            {payee: fen * books.UFEN for payee, fen in o.parts.items()}
            for o in orders if o.state == "done"}
    for key in sorted(set(got) | set(want)):
        if got.get(key) != want.get(key):
            yield "order %d settles %s, posted are %s" % (key[0], want.get(key), got.get(key))


def load(folder, tariff_folder, gateway):
    """The books in a folder. Returns (Books, problems found on the way)."""
    pack_of = load_packs(tariff_folder, read_json(folder, "tariffs"))
    meters = [books.Meter(m["meter"], m["household"], pack_of[m["tariff"]], terms_of(m["terms"]),
                          m["register_width_units"], m["charged_ufen"])
              for m in read_json(folder, "meters")["meters"]]
    households = [books.Household(h["household"],
                                  {p["payee"]: p["charged_ufen"] for p in h["payees"]},
                                  {p["payee"]: p["taken_fen"] for p in h["payees"]})
                  for h in read_json(folder, "households")["households"]]
    charges, settled = postings_of(read_rows(folder, "postings"))
    orders, problems = orders_of(read_rows(folder, "orders"), gateway)
    problems += check_settlements(settled, orders)
    readings = [reading_of(row) for row in read_rows(folder, "readings")]
    return books.Books(meters, households, readings, charges, orders), problems


def fetch(program, folder, gateway_folder, csv_of=("orders",)):
    """Run the exports of a running gateway into a folder. csv_of: those to fetch as CSV."""
    def run(path, *words):
        command = [program] + list(words) + ["--dir", gateway_folder]
        with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
            done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, text=True,
                                  timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError("%s: exit %d: %s" % (" ".join(command), done.returncode,
                                                    done.stderr))
    for name in EXPORTS:
        kind = "csv" if name in csv_of else "jsonl"
        run("%s.%s" % (name, kind), "export", name, "--format", kind)
    run("meters.json", "meter", "list", "--json")
    run("tariffs.json", "tariff", "list", "--json")
    shown = []
    for name in sorted({m["household"] for m in read_json(folder, "meters")["meters"]}):
        run("household.json", "household", "show", name, "--json")
        shown.append(read_json(folder, "household"))
    with open(os.path.join(folder, "households.json"), "w", encoding="utf-8") as file:
        json.dump({"households": shown}, file)
