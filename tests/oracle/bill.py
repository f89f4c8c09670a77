# SPDX-License-Identifier: GPL-3.0-or-later
"""Recompute every household's bill from exported registers and compare it with the ledger.

usage: bill.py --exports FOLDER --tariffs FOLDER --gateway ID [--settled]
       bill.py --fetch METERPAY --dir GATEWAY-FOLDER --tariffs FOLDER --gateway ID [--settled]

The first reads files (exports.py names them), the second fetches them from a running gateway. Exit
status 0: equal to the ufen and the fen; 1: not, each difference on a line of its own.
"""
import argparse
import sys
import tempfile

import books
import exports

SHOWN_MAX = 50


def check(folder, tariffs, gateway, settled):
    """Every check on exported files. Returns (Books, problems)."""
    ledger, problems = exports.load(folder, tariffs, gateway)
    return ledger, problems + ledger.check(settled)


def report(ledger, problems, out=sys.stdout):
    for problem in problems[:SHOWN_MAX]:
        print("bill: " + problem, file=out)
    if len(problems) > SHOWN_MAX:
        print("bill: and %d more" % (len(problems) - SHOWN_MAX), file=out)
    charged = sum(p.ufen for p in ledger.postings)
    taken = sum(o.sign * o.amount_fen for o in ledger.orders if o.state == "done")
    print("%d households, %d meters, %d readings, %d postings of %d.%06d fen, %d orders, %d fen "
          "settled: %s" % (
              len(ledger.households), len(ledger.meters), len(ledger.readings),
              len(ledger.postings), charged // books.UFEN, charged % books.UFEN,
              len(ledger.orders), taken,
              "equal" if not problems else "%d differences" % len(problems)), file=out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--exports", help="folder of exported files")
    parser.add_argument("--fetch", help="the program meterpay: export first")
    parser.add_argument("--dir", help="the running gateway's directory")
    parser.add_argument("--tariffs", required=True, help="folder of the tariff packs in force")
    parser.add_argument("--gateway", required=True, help="gateway id, the first part of order keys")
    parser.add_argument("--settled", action="store_true", help="nothing may be owed or open")
    options = parser.parse_args()
    if (options.exports is None) == (options.fetch is None):
        parser.error("give either --exports or --fetch")
    if options.exports:
        ledger, problems = check(options.exports, options.tariffs, options.gateway, options.settled)
    else:
        with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
            exports.fetch(options.fetch, folder, options.dir)
            ledger, problems = check(folder, options.tariffs, options.gateway, options.settled)
    report(ledger, problems)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
