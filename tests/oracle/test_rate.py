# SPDX-License-Identifier: GPL-3.0-or-later
"""`meterpay rate` against the oracle: the vectors of the price notices, then random cases on every
shipped pack and on random packs, compared line by line to the ufen.

usage: test_rate.py [--cases N] [--seed S]    BIN_DIR names the folder of the program.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile

import pack as packs
import rating

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TARIFFS = os.path.join(ROOT, "gateway/tariffs")
PROGRAM = os.path.join(os.environ.get("BIN_DIR", os.path.join(ROOT, "build/bin")), "meterpay")

# Worked by hand from the price notices: pack, quantity, fen.
VECTORS = [
    ("zhejiang-power", "2760", 148488), ("zhejiang-power", "2761", 148547),
    ("zhejiang-power", "4800", 268440), ("zhejiang-power", "4801", 268524),
    ("zhejiang-power", "peak=1500,valley=1260", 121488),
    ("zhejiang-power", "peak=2000,valley=1500", 160500),
    ("zhejiang-power", "peak=3000,valley=2000", 244200),
    ("zhejiang-power-shared", "1000", 55800),
    ("qingdao-gas", "228", 76380), ("qingdao-gas", "348", 123540),
    ("qingdao-gas", "348.5", 123780), ("qingdao-gas", "500", 196500),
    ("guangzhou-gas", "247", 85215), ("guangzhou-gas", "398", 147729),
    ("guangzhou-gas", "400", 148765),
    ("beijing-water", "180", 90000), ("beijing-water", "261", 146900),
]


class Case:
    """One question to the rater, and the arguments that ask it."""

    def __init__(self, pack, path, first, last, quantity):
        self.pack = pack
        self.path = path
        self.first = first
        self.last = last
        self.quantity = quantity  # "2760" or "peak=1,valley=2"
        self.terms = rating.Terms()
        self.used = 0
        self.tou = False

    def arguments(self):
        unit = "--kwh" if self.pack.medium == "power" else "--m3"
        command = ["rate", "--json", "--tariff", self.path, "--from", date_text(self.first),
                   "--to", date_text(self.last), unit, self.quantity]
        if self.terms.people:
            command += ["--people", str(self.terms.people)]
        if self.terms.low_income:
            command += ["--low-income"]
        if self.terms.ladder_months != 12:
            command += ["--ladder-months", str(self.terms.ladder_months)]
        if self.used:
            command += ["--used", decimal_text(self.used, self.pack.scale)]
        if self.tou:
            command += ["--tou"]
        return command

    def segments(self):
        by_band = "=" in self.quantity
        if self.tou or by_band:
            self.terms.tou_from_day = 0
        interval = rating.Interval(packs.day_start_us(self.first), packs.day_start_us(self.last), 0)
        if by_band:
            interval.band_units = [0] * len(packs.BANDS)
            for part in self.quantity.split(","):
                band, value = part.split("=")
                interval.band_units[packs.BANDS.index(band)] = packs.scaled(value, self.pack.scale)
            interval.units = sum(interval.band_units)
        else:
            interval.units = packs.scaled(self.quantity, self.pack.scale)
        cells = rating.Cells(self.pack, self.terms)
        return rating.spread({}, cells, interval, bands_known=by_band)

    def expected(self):
        segments = self.segments()
        first = min(segments)
        name = rating.ladder_id(self.pack.versions[first[1]], first[0])
        self.terms.ladder_months_of = name[2] if name else None
        lines = rating.Rater(self.pack, self.terms).lines(segments, self.used)
        unit_fen = self.pack.versions[max(segments)[1]].round_fen
        payees = [0] * len(self.pack.payees)
        for line in lines:
            payees[line.payee] += line.ufen
        payees = [rating.round_fen(p, unit_fen) for p in payees]
        return sum(payees), payees, sorted(self.line_texts(lines))

    def line_texts(self, lines):
        for line in lines:
            version = self.pack.versions[line.version]
            place = packs.BANDS[line.band] if line.block is None else "block %d" % (line.block + 1)
            yield (month_text(line.month), version.id, self.pack.payees[line.payee],
                   version.components[line.component].label, place,
                   decimal_text(line.units, self.pack.scale), decimal_text(line.price_ufen, 8),
                   decimal_text(line.ufen, 6))


def date_text(day):
    return (packs.EPOCH + datetime.timedelta(days=day)).isoformat()


def month_text(month):
    return "%d-%02d" % (1970 + month // 12, month % 12 + 1)


def decimal_text(value, scale):
    sign, value = ("-", -value) if value < 0 else ("", value)
    text = "%s%d.%0*d" % (sign, value // 10 ** scale, scale, value % 10 ** scale)
    return text.rstrip("0").rstrip(".")


def ask(case):
    """What the program says: (amount, payees, lines), or its complaint."""
    command = [PROGRAM] + case.arguments()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                          env=dict(os.environ, METERPAY_TARIFFS=TARIFFS))
    if done.returncode != 0:
        return "exit %d: %s" % (done.returncode, done.stderr.strip())
    answer = json.loads(done.stdout)
    lines = []
    for line in answer["lines"]:
        place = line["band"] if "band" in line else "block %d" % line["block"]
        lines.append((line["month"], line["version"], line["payee"], line["label"], place,
                      line["quantity"], line["price"], line["amount"]))
    return answer["amount_fen"], [p["amount_fen"] for p in answer["payees"]], sorted(lines)


def compare(case):
    """None when both agree, else what to print."""
    got = ask(case)
    want = case.expected()
    if got == want:
        return None
    text = "meterpay " + " ".join(case.arguments())
    if isinstance(got, str):
        return "%s\n  %s\n  oracle: %d fen" % (text, got, want[0])
    text += "\n  amount %d, oracle %d; payees %s, oracle %s" % (got[0], want[0], got[1], want[1])
    for line in sorted(set(got[2]) ^ set(want[2])):
        text += "\n  %s %s" % ("meterpay" if line in got[2] else "oracle  ", " | ".join(line))
    return text


# ---- cases -----------------------------------------------------------------------------------------

def vectors():
    for name, quantity, fen in VECTORS:
        pack = packs.load(os.path.join(TARIFFS, name + ".yaml"))
        case = Case(pack, name, packs.day_number("2024-01-01"), packs.day_number("2025-01-01"),
                    quantity)
        yield case, fen


def season_bands(pack, first, last):
    """Bands that every month of the time has; none when one has no time of use."""
    common = None
    for day in range(first, last):
        month = packs.month_of_day(day)
        version = pack.versions[pack.version_at(packs.day_start_us(day))]
        season = version.season_of_month[month % 12 + 1]
        bands = {band for _, band in version.schedule[season]}
        if bands:
            bands |= {band for _, band in version.critical}
        common = bands if common is None else common & bands
    return sorted(common)


def random_case(draw, pack, path):
    start = packs.local_day(pack.versions[0].from_us)
    first = start + draw.choice([0, draw.randrange(400), draw.randrange(3000)])
    last = first + draw.choice([1, 2, 28, 31, draw.randint(1, 90), draw.randint(1, 800)])
    # Blocks are hit when the quantity is of the size of their limits.
    limits = [v for version in pack.versions for season in version.limits for v in season]
    most = draw.choice([10, 3 * pack.divisor, 3 * max(limits or [1000 * pack.divisor])])

    def quantity():
        return decimal_text(draw.randint(0, most), pack.scale)
    bands = season_bands(pack, first, last)
    if bands and draw.random() < 0.4:
        chosen = draw.sample(bands, draw.randint(1, len(bands)))
        text = ",".join("%s=%s" % (packs.BANDS[b], quantity()) for b in chosen)
    else:
        text = quantity()
    case = Case(pack, path, first, last, text)
    case.tou = bool(bands) and draw.random() < 0.5
    case.terms.people = draw.choice([0, 1, 4, 5, 6])
    case.terms.low_income = draw.random() < 0.3
    case.terms.ladder_months = draw.choice([12, 12, draw.randint(1, 12)])
    case.used = draw.choice([0, 0, draw.choice(limits or [0]), draw.randint(0, most)])
    return case


def random_pack(draw, number):
    """A pack that uses what the shipped ones do not: several versions, a ladder year that starts in
    any month, whole units, rounding units, prices by season, four blocks."""
    medium = draw.choice(["power", "water", "gas"])
    payees = ["payee-%d" % i for i in range(draw.randint(1, 4))]
    text = ["format: meterpay-tariff-1", "name: random-%d" % number, "medium: " + medium,
            "status: example", "payees: [%s]" % ", ".join(payees), "versions:"]
    day = packs.day_number("2020-01-01") + draw.randrange(60)
    days = sorted(draw.sample(range(day, day + 500), 3))
    text.insert(-1, "critical_days: [%s]" % ", ".join(date_text(d) for d in days))
    for version in range(draw.randint(1, 4)):
        text += random_version(draw, version, day, payees)
        day += draw.randint(1, 200)
    return "\n".join(text) + "\n"


def price_text(draw):
    return draw.choice(["0", "0.538", "%d.%08d" % (draw.randrange(9), draw.randrange(10 ** 8))])


def random_version(draw, number, day, payees):
    text = ["  - id: v%d" % number, "    from: " + date_text(day),
            "    round_fen: %d" % draw.choice([1, 1, 1, 10, 100])]
    seasons = ["all"]
    if draw.random() < 0.5:
        seasons = ["warm", "cold"]
        months = draw.sample(range(1, 13), draw.randint(1, 11))
        cold = [m for m in range(1, 13) if m not in months]
        text += ["    seasons:", "      warm: %s" % months, "      cold: %s" % cold]
    blocks = 1
    if draw.random() < 0.8:
        lines, blocks = random_ladder(draw, seasons)
        text += lines
    bands = []
    if draw.random() < 0.5:
        bands = draw.sample(packs.BANDS, draw.randint(2, 4))
        text += ["    time_of_use:", "      day: " + random_day(draw, bands)]
        if draw.random() < 0.5:
            text += ["      critical_day: " + random_day(draw, bands),
                     "      critical_months: [%d]" % draw.randint(1, 12)]
    elif draw.random() < 0.4:
        text += ["    whole_units: true"]
    text += ["    components:"]
    for i in range(draw.randint(1, 4)):
        text += random_component(draw, i, draw.choice(payees), seasons, blocks, bands)
    return text


def by_season(draw, seasons, value):
    if len(seasons) == 1 or draw.random() < 0.5:
        return value()
    return "{%s}" % ", ".join("%s: %s" % (s, value()) for s in seasons)


def random_ladder(draw, seasons):
    period = draw.choice(["month", "year"])
    count = draw.randint(1, 3)

    def limits():
        values = sorted(draw.sample(range(1, 4000), count))
        return "[%s]" % ", ".join("%d.%d" % (v, draw.randrange(10)) for v in values)
    text = ["    ladder:", "      period: " + period]
    if period == "year":
        text += ["      start_month: %d" % draw.randint(1, 12), "      limits: " + limits()]
    else:
        text += ["      limits: " + by_season(draw, seasons, limits)]
    if draw.random() < 0.5:
        text += ["      large_home: {people: %d, extra: %d}" % (draw.randint(2, 6),
                                                              draw.randint(1, 500))]
    if draw.random() < 0.5:
        text += ["      low_income_free: %d.5" % draw.randint(0, 300)]
    return text, count + 1


def random_day(draw, bands):
    starts = [0] + sorted(draw.sample(range(1, 1440), draw.randint(len(bands) - 1, 8)))
    spans = bands + [draw.choice(bands) for _ in starts[len(bands):]]
    return "{%s}" % ", ".join("%02d:%02d: %s" % (s // 60, s % 60, b)
                              for s, b in zip(starts, spans))


def random_component(draw, number, payee, seasons, blocks, bands):
    text = ["      - label: part %d" % number, "        payee: " + payee]
    if draw.random() < 0.4 and not bands:
        prices = sorted("%d.%02d" % (draw.randrange(9), draw.randrange(100)) for _ in range(blocks))
        return text + ["        block_prices: [%s]" % ", ".join(prices)]
    text += ["        price: " + by_season(draw, seasons, lambda: price_text(draw))]
    if bands:
        def prices():
            return "{%s}" % ", ".join("%s: %s" % (b, price_text(draw)) for b in bands)
        text += ["        bands: " + by_season(draw, seasons, prices)]
    # A ladder must have a component that it changes: the first one.
    if draw.random() < 0.6 or number == 0:
        adders = ["0"] + [price_text(draw) for _ in range(blocks - 1)]
        text += ["        adders: [%s]" % ", ".join(adders)]
    return text


def random_cases(draw, count, folder):
    shipped = sorted(f[:-5] for f in os.listdir(TARIFFS) if f.endswith(".yaml"))
    for name in shipped:
        pack = packs.load(os.path.join(TARIFFS, name + ".yaml"))
        for _ in range(count // 2 // len(shipped)):
            yield random_case(draw, pack, name)
    for number in range(count // 10):
        path = os.path.join(folder, "random-%d.yaml" % number)
        with open(path, "w", encoding="utf-8") as file:
            file.write(random_pack(draw, number))
        pack = packs.load(path)
        for _ in range(5):
            yield random_case(draw, pack, path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=600)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2 ** 32))
    options = parser.parse_args()
    if not os.path.exists(PROGRAM):
        sys.exit("test_rate: %s is missing: build it first" % PROGRAM)
    print("seed %d" % options.seed, flush=True)
    failures = []
    for case, fen in vectors():
        if case.expected()[0] != fen:
            failures.append("the oracle itself: %s %s is %d, not %d" % (
                case.path, case.quantity, case.expected()[0], fen))
        failures.append(compare(case))
    with tempfile.TemporaryDirectory(prefix="oracle-rate-") as folder, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        cases = list(random_cases(random.Random(options.seed), options.cases, folder))
        failures += pool.map(compare, cases)
    failures = [f for f in failures if f is not None]
    for failure in failures[:20]:
        print(failure)
    print("%d cases, %d differ" % (len(cases) + len(VECTORS), len(failures)))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
