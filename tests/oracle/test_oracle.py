# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle's own tests: hand-worked figures, and books that are wrong in one place, each of which it
must notice. An oracle that finds nothing wrong proves only as much as this file."""
import copy
import os
import unittest

import books
import pack as packs
import rating
import yaml_subset

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOUR_US = 3600 * 10 ** 6

TOU_BY_METER = """
format: meterpay-tariff-1
name: by-meter
medium: power
status: example
payees: [grid]
versions:
  - id: one
    from: 2024-01-01
    time_of_use:
      day: {00:00: valley, 08:00: peak, 22:00: valley}
      bands_from: meter
    components:
      - {label: electricity, payee: grid, price: 0.5, bands: {peak: 0.6, valley: 0.3, flat: 0.5, sharp: 1}}
"""


def at(text, hour=0, minute=0):
    return packs.day_start_us(packs.day_number(text)) + hour * HOUR_US + minute * HOUR_US // 60


def shipped(name):
    return packs.load(os.path.join(ROOT, "gateway/tariffs", name + ".yaml"))


class Yaml(unittest.TestCase):
    def test_what_packs_use_is_read_and_stays_text(self):
        self.assertEqual(yaml_subset.parse(
            "a: 0.50 # half\nb: [1, 'x, y', {c: d}]\nt: {00:00: v, 08:00: p}\nn: >-\n  one\n  two # 2\n"
            "l:\n- k: 1\n  m:\n    - 2\n- [3]\ne: \"\"\n"),
            {"a": "0.50", "b": ["1", "x, y", {"c": "d"}], "t": {"00:00": "v", "08:00": "p"},
             "n": "one two # 2", "l": [{"k": "1", "m": ["2"]}, ["3"]], "e": ""})

    def test_what_is_not_known_is_refused(self):
        for text in ("a: 1\na: 2\n", "\ta: 1\n", "a:\n  b: 1\n    c: 2\n", "a: [1\n", "&x a: 1\n",
                     "a: {b: 1, b: 2}\n", "just words\n", "a: 1\n - b\n"):
            with self.assertRaises(yaml_subset.YamlError, msg=repr(text)):
                yaml_subset.parse(text)


class Spread(unittest.TestCase):
    def spread(self, pack, interval, **terms):
        cells = rating.Cells(pack, rating.Terms(**terms))
        return rating.spread({}, cells, interval)

    def test_a_quarter_hour_across_a_band_edge_is_cut_there(self):
        # 07:50 to 08:05: ten minutes of valley, five of peak; floor(100 x 10 / 15) = 66.
        pack = shipped("zhejiang-power")
        interval = rating.Interval(at("2024-03-05", 7, 50), at("2024-03-05", 8, 5), 100)
        self.assertEqual(self.spread(pack, interval, tou_from_day=0),
                         {(650, 0, True): [0, 34, 0, 66]})
        self.assertEqual(self.spread(pack, interval), {(650, 0, False): [0, 0, 100, 0]})

    def test_doubtful_time_goes_to_the_cheapest_band_and_keeps_its_month(self):
        pack = shipped("zhejiang-power")
        interval = rating.Interval(at("2024-03-31", 12), at("2024-04-01", 12), 101, doubtful=True)
        self.assertEqual(self.spread(pack, interval, tou_from_day=0),
                         {(650, 0, True): [0, 0, 0, 50], (651, 0, True): [0, 0, 0, 51]})

    def test_band_registers_decide_and_the_rest_is_flat(self):
        pack = packs.Pack(yaml_subset.parse(TOU_BY_METER))
        interval = rating.Interval(at("2024-03-31", 23), at("2024-04-01", 1), 101, [0, 60, 0, 43])
        self.assertEqual(self.spread(pack, interval, tou_from_day=0),
                         {(650, 0, True): [0, 30, -1, 21], (651, 0, True): [0, 30, -1, 22]})

    def test_where_band_registers_begin_to_count_the_total_stays_whole(self):
        # Joined at midnight, in the middle: before it the total counts, after it the five registers.
        pack = packs.Pack(yaml_subset.parse(TOU_BY_METER))
        interval = rating.Interval(at("2024-03-31", 23), at("2024-04-01", 1), 101, [0, 51, 0, 51])
        self.assertEqual(
            self.spread(pack, interval, tou_from_day=packs.day_number("2024-04-01")),
            # 25 + 25 + floor(-0.5) = 49 up to midnight by the five, 50 by the total.
            {(650, 0, False): [0, 0, 50, 0], (651, 0, True): [0, 26, -1, 26]})


class Charge(unittest.TestCase):
    def test_a_low_income_home_that_moved_in_for_four_months(self):
        # Free: 180 x 4 / 12 = 60 of 200 kWh; block 1 ends at 920 kWh.
        pack = shipped("zhejiang-power")
        month = packs.month_of_day(packs.day_number("2024-09-01"))
        terms = rating.Terms(low_income=True, ladder_months=4,
                             ladder_months_of=packs.month_of_day(packs.day_number("2024-01-01")))
        rater = rating.Rater(pack, terms)
        self.assertEqual(rater.payee_ufen({(month, 0, False): [0, 0, 200000, 0]}),
                         [140 * 53800000])
        self.assertEqual(rater.payee_ufen({(month, 0, False): [0, 0, 1000000, 0]}),
                         [940 * 53800000 + 80 * 5000000])

    def test_one_reading_is_split_between_three_payees(self):
        rater = rating.Rater(shipped("beijing-water"), rating.Terms())
        month = packs.month_of_day(packs.day_number("2024-01-01"))
        # 300 m3: 180 x 2.07 + 80 x 4.07 + 40 x 6.07; 300 x 1.57; 300 x 1.36.
        self.assertEqual(rater.payee_ufen({(month, 0, False): [0, 0, 300 * 10 ** 6, 0]}),
                         [94100 * 10 ** 6, 47100 * 10 ** 6, 40800 * 10 ** 6])

    def test_a_monthly_ladder_begins_anew_and_a_yearly_one_goes_on(self):
        month = packs.month_of_day(packs.day_number("2024-11-01"))
        used = {(month, 0, False): [0, 0, 30 * 10 ** 6, 0],
                (month + 1, 0, False): [0, 0, 30 * 10 ** 6, 0]}
        # Twice 26 x 1.76 + 4 x 2.64 to 34 m3.
        self.assertEqual(rating.Rater(shipped("zhanjiang-water"), rating.Terms()).payee_ufen(used)[0],
                         2 * (26 * 176 + 4 * 264) * 10 ** 6)
        used = {(month, 0, False): [0, 0, 300 * 10 ** 6, 0],
                (month + 1, 0, False): [0, 0, 100 * 10 ** 6, 0]}
        # 228 x 3.35 + 120 x 3.93 + 52 x 4.80.
        self.assertEqual(rating.Rater(shipped("qingdao-gas"), rating.Terms()).payee_ufen(used)[0],
                         (228 * 335 + 120 * 393 + 52 * 480) * 10 ** 6)

    def test_rounding_is_half_up_and_mirrors(self):
        self.assertEqual([rating.round_half_up(v, 10) for v in (14, 15, 25, -14, -15, -25)],
                         [1, 2, 3, -1, -2, -3])
        self.assertEqual(rating.round_fen(50 * 10 ** 6, 100), 100)
        self.assertEqual(rating.split_largest_remainder(950, [333, 333, 334]), [317, 316, 317])


def small_books():
    """One home with water; 10 m3 on 1 March cost 17.60, 0.40 and 9.50 yuan; one order took it all."""
    meter = books.Meter("wABC-1", "home", shipped("zhanjiang-water"), rating.Terms(), 100000000,
                        2750 * 10 ** 6)
    household = books.Household("home", {"water": 1760 * 10 ** 6, "water-resource": 40 * 10 ** 6,
                                         "sewage": 950 * 10 ** 6},
                                {"water": 1760, "water-resource": 40, "sewage": 950})
    readings = [books.Reading("wABC-1", at("2024-03-01", h), total, None, verdict)
                for h, total, verdict in ((0, 95000000, "accepted"), (1, 99000000, "accepted"),
                                          (2, 0, "backward"), (3, 5000000, "rollover"))]
    postings = []
    for block, m3 in ((5, 4), (6, 6)):
        for payee, price in (("water", 176), ("water-resource", 4), ("sewage", 95)):
            postings.append(books.Posting(block, "wABC-1", "home", payee, m3 * price * 10 ** 6))
    orders = [books.Order(1, "gw-1", "home", "w1", "debit", "refused", 1100,
                          {"water": 704, "water-resource": 16, "sewage": 380}, 5, 6),
              books.Order(2, "gw-2", "home", "w1", "debit", "done", 2750,
                          {"water": 1760, "water-resource": 40, "sewage": 950}, 6, 7)]
    return books.Books([meter], [household], readings, postings, orders)


STATEMENT = [{"key": "gw-2", "kind": "debit", "amount_fen": 2750, "wallet": "w1",
              "parts": [{"payee": "water", "amount_fen": 1760},
                        {"payee": "water-resource", "amount_fen": 40},
                        {"payee": "sewage", "amount_fen": 950}]}]


class TheBooks(unittest.TestCase):
    def test_good_books_are_good(self):
        self.assertEqual(small_books().check(settled=True), [])

    def broken(self, change, settled=True):
        wrong = small_books()
        change(wrong)
        self.assertNotEqual(wrong.check(settled), [], change)

    def test_every_single_error_is_found(self):
        def set_to(get, name, value):
            def change(wrong):
                setattr(get(wrong), name, value)
            return change
        changes = [set_to(lambda b, i=i: b.postings[i], "ufen", 1) for i in range(6)]
        changes += [lambda b: b.postings.append(copy.copy(b.postings[0])),
                    lambda b: b.postings.pop(),
                    lambda b: b.readings.pop(),
                    lambda b: b.readings.pop(0),
                    lambda b: b.readings.append(
                        books.Reading("wABC-1", at("2024-03-01", 3), 1, None, "accepted")),
                    lambda b: b.readings.append(
                        books.Reading("other", at("2024-03-01", 3), 1, None, "accepted")),
                    set_to(lambda b: b.readings[0], "total", 95000001),
                    set_to(lambda b: b.readings[3], "total", 5000001),
                    set_to(lambda b: b.meters["wABC-1"], "charged_ufen", 1),
                    set_to(lambda b: b.meters["wABC-1"], "register_width", 0),
                    lambda b: b.households["home"].charged_ufen.update(water=1),
                    lambda b: b.households["home"].taken_fen.update(water=1),
                    lambda b: b.orders.pop(),
                    lambda b: b.orders.append(copy.copy(b.orders[1])),
                    set_to(lambda b: b.orders[0], "state", "done"),
                    set_to(lambda b: b.orders[1], "state", "sent"),
                    set_to(lambda b: b.orders[1], "state", "refused"),
                    set_to(lambda b: b.orders[1], "kind", "refund"),
                    set_to(lambda b: b.orders[1], "amount_fen", 2749),
                    set_to(lambda b: b.orders[1], "made_block", 5),
                    set_to(lambda b: b.orders[1], "ended_block", None),
                    set_to(lambda b: b.orders[0], "ended_block", 9),
                    lambda b: b.orders[1].parts.update(water=1761, sewage=949)]
        for number, change in enumerate(changes):
            with self.subTest(number=number):
                # The last one is books that agree with themselves but share an order wrongly by a fen:
                # the household's own account shows it.
                self.broken(change)

    def test_the_operators_book_must_have_each_order_once(self):
        orders = small_books().orders
        self.assertEqual(books.compare_operator(orders, STATEMENT), [])
        self.assertNotEqual(books.compare_operator(orders, []), [])
        self.assertNotEqual(books.compare_operator(orders, STATEMENT * 2), [])
        self.assertNotEqual(books.compare_operator(orders[:1], STATEMENT), [])
        for name, value in (("key", "gw-1"), ("kind", "refund"), ("amount_fen", 1), ("wallet", "w2"),
                            ("parts", [])):
            row = dict(STATEMENT[0], **{name: value})
            self.assertNotEqual(books.compare_operator(orders, [row]), [], name)


if __name__ == "__main__":
    unittest.main()
