# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet knows to be true (meterpay-fleet --truth), compared with what the gateway kept."""
import collections
import json


class Truth:
    """Readings by (meter, seq), and the last word of each meter."""

    def __init__(self, paths):
        self.readings = {}
        self.final = {}
        self.problems = []
        self.acked = 0
        for path in paths:
            self._read(path)

    def _read(self, path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                # A fleet that was killed leaves its last line unfinished.
                if not line.endswith("\n"):
                    break
                row = json.loads(line)
                if row.get("final"):
                    self.final[row["meter"]] = row
                    continue
                key = (row["meter"], row["seq"])
                if key in self.readings and self.readings[key] != row:
                    self.problems.append("the fleet took reading %s twice: %s, %s" % (
                        key, self.readings[key], row))
                self.readings[key] = row

    def compare(self, rows, meters):
        """Problems between the truth, the exported readings (rows) and `meter list` (meters).

        Every acknowledged reading is there with its register; nothing is there that no meter took; the
        gateway's last register is the one that the meter had then.
        """
        problems = list(self.problems)
        kept = collections.Counter((row["meter"], int(row["total_units"])) for row in rows)
        # A reading whose clock was off is kept under the gateway's time.
        doubtful = {(row["meter"], int(row["total_units"])) for row in rows
                    if row["verdict"] == "doubtful"}
        timed = {(row["meter"], int(row["time_us"]), int(row["total_units"])) for row in rows}
        taken = collections.Counter((meter, row["total"])
                                    for (meter, _), row in self.readings.items())
        acked = 0
        # A meter that was cut off for days gives up its oldest records, and counts them.
        given_up = {meter: final["dropped"] for meter, final in self.final.items()}
        for (meter, seq), row in self.readings.items():
            final = self.final.get(meter)
            if final is None or seq >= final["acked_seq"]:
                continue
            acked += 1
            exact = (meter, row["time_us"], row["total"]) in timed
            if exact or (meter, row["total"]) in doubtful:
                continue
            given_up[meter] -= 1
            if given_up[meter] < 0:
                problems.append("acknowledged and not kept: %s" % row)
        for (meter, total), count in kept.items():
            if taken[meter, total] == 0 and meter in self.final:
                problems.append("%s has %d readings of %d, which it never took" % (
                    meter, count, total))
        for meter in meters:
            problems += self._compare_last(meter)
        self.acked = acked
        return problems

    def _compare_last(self, meter):
        final = self.final.get(meter["meter"])
        if final is None:
            return []
        if meter["next_seq"] < final["acked_seq"]:
            return ["%s was told %d, the gateway has %d" % (meter["meter"], final["acked_seq"],
                                                           meter["next_seq"])]
        truth = self.readings.get((meter["meter"], meter["next_seq"] - 1))
        last = meter["last"]
        if truth is None or last is None or last["total_units"] != truth["total"]:
            return ["%s: the last register is %s, the truth %s" % (meter["meter"], last, truth)]
        return []
