# SPDX-License-Identifier: GPL-3.0-or-later
"""`meterpay rate` and `meterpay tariff check` as a person at a shell meets them: the published bills,
the exit status, where output goes, and what is said about each mistake.

usage: rate.py    BIN_DIR names the folder of the program.
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.environ.get("BIN_DIR", os.path.join(ROOT, "build/bin")), "meterpay")
YEAR = "--from 2024-01-01 --to 2025-01-01"

# Arguments of rate over the year 2024, and the fen of the price notices.
BILLS = [
    ("--tariff zhejiang-power --kwh 2760", 148488),
    ("--tariff zhejiang-power --kwh 2761", 148547),
    ("--tariff zhejiang-power --kwh 4800", 268440),
    ("--tariff zhejiang-power --kwh 4801", 268524),
    ("--tariff zhejiang-power --kwh peak=1500,valley=1260", 121488),
    ("--tariff zhejiang-power --kwh valley=1500,peak=2000", 160500),
    ("--tariff zhejiang-power --kwh peak=3000,valley=2000", 244200),
    ("--tariff qingdao-gas --m3 228", 76380),
    ("--tariff qingdao-gas --m3 348", 123540),
    ("--tariff qingdao-gas --m3 348.5", 123780),
    ("--tariff qingdao-gas --m3 500", 196500),
    ("--tariff guangzhou-gas --m3 247", 85215),
    ("--tariff guangzhou-gas --m3 398", 147729),
    ("--tariff guangzhou-gas --m3 400", 148765),
    ("--tariff zhejiang-power --kwh 200 --low-income", 1076),
    ("--tariff zhejiang-power --kwh 2100 --ladder-months 5", 120230),
    ("--tariff zhejiang-power --kwh 100 --used 2700", 5580),
    ("--tariff zhejiang-power --kwh 100 --used 2700 --people 5", 5380),
]

# Arguments of rate, exit status, and a part of what is said.
MISTAKES = [
    ("--kwh 1 " + YEAR, 2, "--tariff is missing"),
    ("--tariff nowhere-power --kwh 1 " + YEAR, 2, "no tariff named 'nowhere-power'"),
    ("--tariff ./nowhere.yaml --kwh 1 " + YEAR, 2, "./nowhere.yaml: No such file"),
    ("--tariff zhejiang-power " + YEAR, 2, "either --kwh or --m3"),
    ("--tariff zhejiang-power --kwh 1 --m3 1 " + YEAR, 2, "either --kwh or --m3"),
    ("--tariff zhejiang-power --m3 1 " + YEAR, 2, "counts in kWh: give --kwh"),
    ("--tariff qingdao-gas --kwh 1 " + YEAR, 2, "counts in m3: give --m3"),
    ("--tariff zhejiang-power --kwh=-1 " + YEAR, 2, "-1 kWh is negative"),
    ("--tariff zhejiang-power --kwh 1.0001 " + YEAR, 2, "more than 3 decimals"),
    ("--tariff zhejiang-power --kwh 1,5 " + YEAR, 2, "'1,5' is no quantity in kWh"),
    ("--tariff zhejiang-power --kwh noon=1 " + YEAR, 2, "a band of sharp, peak, flat, valley"),
    ("--tariff zhejiang-power --kwh peak=1,peak=2 " + YEAR, 2, "'peak' is there twice"),
    ("--tariff zhejiang-power --kwh peak=1, " + YEAR, 2, "is not band=quantity"),
    ("--tariff zhejiang-power --kwh sharp=1 " + YEAR, 1, "has no band 'sharp' in 2024-01"),
    ("--tariff qingdao-gas --m3 1 --tou " + YEAR, 1, "has no time of use in 2024-01"),
    ("--tariff zhejiang-power --kwh 1 --to 2025-01-01", 2, "--from is missing"),
    ("--tariff zhejiang-power --kwh 1 --from 2024-01-01", 2, "--to is missing"),
    ("--tariff zhejiang-power --kwh 1 --from 2024-02-30 --to 2025-01-01", 2, "no day of 1970"),
    ("--tariff zhejiang-power --kwh 1 --from 2025-01-01 --to 2025-01-01", 2, "is not after"),
    ("--tariff zhejiang-power --kwh 1 --from 2012-06-30 --to 2013-01-01", 1, "from 2012-07-01"),
    ("--tariff zhejiang-power --kwh 1 --from 2020-01-01 --to 2024-01-01", 1, "at most 1100 days"),
    ("--tariff zhejiang-power --kwh 1000001 " + YEAR, 1, "at most 1000000 kWh"),
    ("--tariff zhejiang-power --kwh 1 --ladder-months 13 " + YEAR, 2, "must be 1 to 12"),
    ("--tariff zhejiang-power --kwh 1 --people 256 " + YEAR, 2, "must be 0 to 255"),
    ("--tariff zhejiang-power --kwh 1 --colour red " + YEAR, 2, "--colour"),
]

failures = []


def run(words, environment=None):
    return subprocess.run([PROGRAM] + words, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(environment or {})}, check=False)


def expect(good, what, done):
    if not good:
        failures.append(what)
        print(f"{what}: status {done.returncode}\n{done.stdout}{done.stderr}")


def check_bills():
    for words, fen in BILLS:
        done = run(["rate"] + words.split() + YEAR.split() + ["--json"])
        expect(done.returncode == 0 and done.stderr == "", words, done)
        answer = json.loads(done.stdout or "{}")
        lines = answer.get("lines", [])
        expect(answer.get("amount_fen") == fen, words, done)
        expect(all(set(line) - {"band", "block"} == {"payee", "label", "quantity", "price",
                                                     "amount", "version", "month"}
                   for line in lines) and lines, words + " lines", done)
        text = run(["rate"] + words.split() + YEAR.split())
        expect(text.returncode == 0 and text.stdout.startswith(f"{fen} fen ("), words, text)


def check_mistakes():
    for words, status, said in MISTAKES:
        done = run(["rate"] + words.split())
        expect(done.returncode == status and said in done.stderr and done.stdout == "", words, done)


def check_packs():
    done = run(["tariff", "check", "beijing-water", "--json"])
    answer = json.loads(done.stdout or "{}")
    expect(done.returncode == 0 and answer.get("good") is True and answer.get("example") is True
           and answer.get("payees") == ["water", "water-resource", "sewage"], "a good pack", done)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mine.yaml")
        with open(os.path.join(ROOT, "gateway/tariffs/qingdao-gas.yaml"), encoding="utf-8") as source:
            text = source.read()
        with open(path, "w", encoding="utf-8") as pack:
            pack.write(text.replace("[228, 348]", "[348, 228]"))
        done = run(["tariff", "check", path])
        expect(done.returncode == 1 and f"{path}:15: each limit must be higher" in done.stderr
               and done.stdout == "", "a pack with limits that fall", done)
        done = run(["tariff", "check", path, "--json"])
        answer = json.loads(done.stdout or "{}")
        expect(done.returncode == 1 and answer.get("good") is False
               and answer.get("error", "").startswith(f"{path}:15: "), "the same as JSON", done)
        with open(path, "w", encoding="utf-8") as pack:
            pack.write(text)
        done = run(["rate", "--tariff", "mine", "--m3", "228", "--json"] + YEAR.split(),
                   {"METERPAY_TARIFFS": folder})
        expect(done.returncode == 0 and json.loads(done.stdout)["amount_fen"] == 76380,
               "a name in $METERPAY_TARIFFS", done)
    done = run(["rate", "--help"])
    expect(done.returncode == 0 and "--low-income" in done.stdout, "rate --help", done)


if __name__ == "__main__":
    check_bills()
    check_mistakes()
    check_packs()
    print(f"{len(BILLS)} bills, {len(MISTAKES)} mistakes: {len(failures)} failed")
    sys.exit(1 if failures else 0)
