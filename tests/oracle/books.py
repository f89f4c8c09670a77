# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's books, computed a second time from the registers and compared to the ufen and the fen.

What is taken as given: the accepted readings, what was agreed with each home, and the tariff packs.
What is proved: every posting's sum by meter, household and payee; that no order ever took more than
was charged until then; that what was taken is what the orders say, once each.
"""
import collections
import dataclasses

import rating

UFEN = 10 ** 6
ACCEPTED = ("accepted", "rollover", "doubtful", "late")


@dataclasses.dataclass
class Meter:
    name: str
    household: str
    pack: object
    terms: rating.Terms
    register_width: int
    charged_ufen: int  # As the gateway says.


@dataclasses.dataclass
class Reading:
    meter: str
    time_us: int
    total: int
    bands: list  # Four registers, or None.
    verdict: str


@dataclasses.dataclass
class Posting:
    block: int
    meter: str
    household: str
    payee: str
    ufen: int


@dataclasses.dataclass
class Order:
    number: int
    key: str
    household: str
    wallet: str
    kind: str  # debit or refund
    state: str
    amount_fen: int
    parts: dict  # payee -> fen
    made_block: int
    ended_block: int  # None while it is open.
    ref: str = ""

    @property
    def sign(self):
        return -1 if self.kind == "refund" else 1


@dataclasses.dataclass
class Household:
    name: str
    charged_ufen: dict  # payee -> ufen, as the gateway says
    taken_fen: dict


class Books:
    def __init__(self, meters, households, readings, postings, orders):
        self.meters = {m.name: m for m in meters}
        self.households = {h.name: h for h in households}
        self.readings = readings
        self.postings = postings
        self.orders = orders
        self.problems = []

    def say(self, text, *arguments):
        self.problems.append(text % arguments)

    def check(self, settled=False):
        """Every check; settled: nothing may be open or owed any more. Returns the problems."""
        self.check_charges()
        self.check_orders()
        self.check_course()
        self.check_takings(settled)
        return self.problems

    # ---- charges -----------------------------------------------------------------------------------

    def check_charges(self):
        by_meter = collections.defaultdict(list)
        for reading in self.readings:
            if reading.meter not in self.meters:
                self.say("a reading of %s, which is not a meter", reading.meter)
            by_meter[reading.meter].append(reading)
        posted = collections.defaultdict(int)
        for posting in self.postings:
            posted[posting.meter, posting.payee] += posting.ufen
            meter = self.meters.get(posting.meter)
            if meter is None or meter.household != posting.household:
                self.say("block %d posts for %s to household %s, which is not its own",
                         posting.block, posting.meter, posting.household)
        households = collections.defaultdict(lambda: collections.defaultdict(int))
        for meter in self.meters.values():
            charge = self.charge(meter, by_meter[meter.name])
            for payee, ufen in charge.items():
                households[meter.household][payee] += ufen
                if posted.pop((meter.name, payee), 0) != ufen:
                    self.say("meter %s, payee %s: the registers cost %d ufen, posted are %d",
                             meter.name, payee, ufen, sum(
                                 p.ufen for p in self.postings
                                 if (p.meter, p.payee) == (meter.name, payee)))
            if meter.charged_ufen is not None and meter.charged_ufen != sum(charge.values()):
                self.say("meter %s: the registers cost %d ufen, the gateway says %d", meter.name,
                         sum(charge.values()), meter.charged_ufen)
        for (name, payee), ufen in posted.items():
            if ufen != 0:
                self.say("%d ufen are posted for meter %s to %s, who is owed nothing", ufen, name,
                         payee)
        for household in self.households.values():
            self.compare("household %s is charged" % household.name,
                         households[household.name], household.charged_ufen, "ufen")
        self.charged = households

    def charge(self, meter, readings):
        """payee -> ufen, from the registers alone."""
        accepted = sorted((r for r in readings if r.verdict in ACCEPTED), key=lambda r: r.time_us)
        cells = rating.Cells(meter.pack, meter.terms)
        segments = {}
        for before, after in zip(accepted, accepted[1:]):
            interval = self.interval(meter, before, after)
            if interval is not None:
                rating.spread(segments, cells, interval)
        ufen = rating.Rater(meter.pack, meter.terms).payee_ufen(segments)
        return dict(zip(meter.pack.payees, ufen))

    def interval(self, meter, before, after):
        step = register_step(before.total, after.total, meter.register_width)
        if before.time_us == after.time_us or step is None:
            self.say("meter %s: accepted readings %s and %s do not follow each other", meter.name,
                     before, after)
            return None
        bands = None
        if before.bands is not None and after.bands is not None:
            bands = [register_step(a, b, meter.register_width)
                     for a, b in zip(before.bands, after.bands)]
            # Registers cut off at their last digit may differ from the total by that much each.
            if None in bands or abs(sum(bands) - step) > 100:
                bands = None
        return rating.Interval(before.time_us, after.time_us, step, bands,
                               after.verdict == "doubtful")

    # ---- orders ------------------------------------------------------------------------------------

    def check_orders(self):
        seen = set()
        for order in self.orders:
            if order.number in seen:
                self.say("order %d is there twice", order.number)
            seen.add(order.number)
            if sum(order.parts.values()) != order.amount_fen or order.amount_fen <= 0:
                self.say("order %d: parts %s do not make %d fen", order.number, order.parts,
                         order.amount_fen)
            if (order.state in ("done", "refused")) != (order.ended_block is not None):
                self.say("order %d is %s, and its end is %s", order.number, order.state,
                         order.ended_block)
            if any(part <= 0 for part in order.parts.values()):
                self.say("order %d has a part that is not above zero: %s", order.number, order.parts)

    def check_course(self):
        """Block by block: an order never takes more than is charged by then and not yet taken, nor
        gives more back, and a household has one order at a time."""
        events = [(p.block, 0, p.household, p.ufen) for p in self.postings]
        events += [(o.made_block, 2, o.household, o) for o in self.orders]
        events += [(o.ended_block, 1, o.household, o) for o in self.orders
                   if o.ended_block is not None]
        charged = collections.defaultdict(int)
        taken = collections.defaultdict(int)
        open_orders = {}
        for block, kind, name, what in sorted(events, key=lambda e: e[:3]):
            if kind == 0:
                charged[name] += what
            elif kind == 1:
                if open_orders.pop(name, None) is not what:
                    self.say("order %d of %s ends in block %d and was not open", what.number, name,
                             block)
                taken[name] -= what.sign * what.amount_fen if what.state == "refused" else 0
            else:
                owed = charged[name] // UFEN - taken[name]
                if (owed < what.amount_fen) if what.sign > 0 else (-owed < what.amount_fen):
                    self.say("order %d (%s) of block %d moves %d fen for %s, who owes %d then",
                             what.number, what.kind, block, what.amount_fen, name, owed)
                if name in open_orders:
                    self.say("order %d of %s is made while order %d is open", what.number, name,
                             open_orders[name].number)
                open_orders[name] = what
                taken[name] += what.sign * what.amount_fen
        self.open_orders = open_orders

    def check_takings(self, settled):
        taken = collections.defaultdict(lambda: collections.defaultdict(int))
        for order in self.orders:
            for payee, fen in order.parts.items():
                if order.state != "refused":
                    taken[order.household][payee] += order.sign * fen
        for household in self.households.values():
            name = household.name
            self.compare("from household %s is taken" % name, taken[name], household.taken_fen,
                         "fen")
            charged = self.charged[name]
            whole = sum(charged.values())
            owed = whole // UFEN - sum(taken[name].values())
            if settled and (owed != 0 or name in self.open_orders):
                self.say("household %s still owes %d fen, open order: %s", name, owed,
                         self.open_orders.get(name))
            if not settled or owed != 0:
                continue
            # An order is shared by what each payee is owed, so none is more than their number of
            # fen away from its due.
            for payee in charged:
                off = charged[payee] - taken[name][payee] * UFEN
                if abs(off) > (1 + len(charged)) * UFEN:
                    self.say("household %s: payee %s is owed %d ufen and got %d fen", name, payee,
                             charged[payee], taken[name][payee])

    def compare(self, what, want, got, unit):
        for payee in sorted(set(want) | set(got)):
            if want.get(payee, 0) != got.get(payee, 0):
                self.say("%s %d %s for %s by the oracle, %d by the gateway", what,
                         want.get(payee, 0), unit, payee, got.get(payee, 0))


def register_step(before, after, width):
    """What a register counted; None when it went down and its width does not explain it."""
    if after >= before:
        return after - before
    return width - before + after if before < width else None


def compare_operator(orders, rows, key_of=lambda order: order.key):
    """The gateway's orders against the operator's book, exactly once each. Returns the problems.

    rows: the operator's statement lines: key, kind, amount_fen, wallet, parts.
    """
    problems = []
    counted = collections.Counter(row["key"] for row in rows)
    for key, count in counted.items():
        if count != 1:
            problems.append("the operator moved %s %d times" % (key, count))
    done = {key_of(o): o for o in orders if o.state == "done"}
    unsettled = {key_of(o): o for o in orders if o.state not in ("done", "refused")}
    by_key = {row["key"]: row for row in rows}
    for key in sorted(set(done) - set(by_key)):
        problems.append("order %s is done, and the operator's book does not have it" % key)
    for key in sorted(set(by_key) - set(done)):
        row = by_key[key]
        if key not in unsettled:
            problems.append("the operator moved %s, which the gateway does not have as done: %s" %
                            (key, row))
    for key in sorted(set(done) & set(by_key)):
        order, row = done[key], by_key[key]
        parts = {part["payee"]: part["amount_fen"] for part in row["parts"]}
        if (order.kind, order.amount_fen, order.wallet, order.parts) != (
                row["kind"], row["amount_fen"], row["wallet"], parts):
            problems.append("order %s differs: gateway %s, operator %s" % (key, order, row))
    return problems
