# SPDX-License-Identifier: GPL-3.0-or-later
"""What consumption costs, computed a second time from docs/tariffs.md.

    registers -> Interval -> spread() -> segments -> charge() -> ufen per payee

Integers only. A segment is what was used within one (version, local month, on time of use or not); it
is a key here, and a list of units per band. Nothing is incremental: whoever asks gives the whole
history, and gets the whole charge.
"""
import dataclasses

from pack import BANDS, DAY_US, day_start_us, local_day, month_of_day

FLAT = BANDS.index("flat")
NEVER = 2 ** 31 - 1


@dataclasses.dataclass
class Terms:
    """What is agreed with one home."""
    tou_from_day: int = NEVER
    people: int = 0
    low_income: bool = False
    ladder_months: int = 12
    ladder_months_of: int = None  # The ladder that they are for, by ladder_id().


@dataclasses.dataclass
class Interval:
    from_us: int
    to_us: int
    units: int
    band_units: list = None
    doubtful: bool = False


@dataclasses.dataclass
class Line:
    version: int
    month: int
    tou: bool
    component: int
    payee: int
    band: int = None
    block: int = None
    units: int = 0
    price_ufen: int = 0
    ufen: int = 0


class NoTariff(Exception):
    pass


# ---- where an instant falls ------------------------------------------------------------------------

class Cells:
    """The cells of one pack and home: (version, month, tou, band), day by day, remembered."""

    def __init__(self, pack, terms):
        self.pack = pack
        self.terms = terms
        self.days = {}

    def of_day(self, day):
        """[(start_us, version, month, tou, band)] of one local day, ascending. A version begins at a
        local midnight, so a day has one version."""
        if day in self.days:
            return self.days[day]
        start = day_start_us(day)
        index = self.pack.version_at(start)
        if index is None:
            raise NoTariff()
        version = self.pack.versions[index]
        month = month_of_day(day)
        number = month % 12 + 1
        season = version.season_of_month[number]
        spans = version.schedule[season]
        tou = bool(spans) and day >= self.terms.tou_from_day
        if tou and version.critical and (number in version.critical_months or
                                         day in self.pack.critical_days):
            spans = version.critical
        if not tou:
            spans = [(0, FLAT)]
        cells = [(start + minute * 60 * 10 ** 6, index, month, tou, band)
                 for minute, band in spans]
        self.days[day] = cells
        return cells

    def between(self, from_us, to_us):
        """Cells that [from_us, to_us) touches, as (end_us, version, month, tou, band), in order."""
        result = []
        day = local_day(from_us)
        while day_start_us(day) < to_us:
            cells = self.of_day(day)
            for i, cell in enumerate(cells):
                end = cells[i + 1][0] if i + 1 < len(cells) else day_start_us(day) + DAY_US
                if end > from_us and cell[0] < to_us:
                    result.append((min(end, to_us),) + cell[1:])
            day += 1
        return result

    def lowest_band(self, version, month, tou):
        """The cheapest band of the season's ordinary day, for consumption whose time is in doubt."""
        if not tou:
            return FLAT
        rules = self.pack.versions[version]
        season = rules.season_of_month[month % 12 + 1]
        bands = sorted({band for _, band in rules.schedule[season]})
        return min(bands, key=lambda b: (sum(c.bands[season][b] for c in rules.components), b))


# ---- consumption to segments -----------------------------------------------------------------------

def spread(segments, cells, interval, bands_known=False):
    """Add an interval to segments {(month, version, tou): [units per band]}.

    Evenly over time: the part of a register up to an edge e is floor(step x (e - from) / (to - from)),
    so that the parts sum to the step. Where the meter's band registers count, each of them and what
    they do not sum up to of the total is such a register; the units of all bands together then go on
    from what was used up to the edge before, whichever rule that was by.
    bands_known: the bands are given, whatever the version says of who decides them.
    """
    span_us = interval.to_us - interval.from_us
    bands = interval.band_units
    steps = [] if bands is None else bands + [interval.units - sum(bands)]
    used, before = 0, [0] * len(steps)
    for end_us, version, month, tou, band in cells.between(interval.from_us, interval.to_us):
        def upto(step, part_us=end_us - interval.from_us):
            return step * part_us // span_us
        units = segments.setdefault((month, version, tou), [0] * len(BANDS))
        after = [upto(step) for step in steps]
        if steps and tou and not interval.doubtful and (
                bands_known or cells.pack.versions[version].bands_by_meter):
            now = sum(after)
            for i in range(len(BANDS)):
                units[i] += after[i] - before[i]
            units[FLAT] += now - used - sum(after[:4]) + sum(before[:4])
        else:
            now = upto(interval.units)
            units[cells.lowest_band(version, month, tou) if interval.doubtful else band] += now - used
        used, before = now, after
    return segments


# ---- segments to money -----------------------------------------------------------------------------

def round_half_up(value, divisor):
    """To the nearest integer, a half upwards; a negative value mirrors."""
    if value < 0:
        return -round_half_up(-value, divisor)
    return (2 * value + divisor) // (2 * divisor)


def round_fen(ufen, unit_fen):
    return round_half_up(ufen, unit_fen * 10 ** 6) * unit_fen


def split_largest_remainder(whole, weights):
    """Parts that sum to the whole, by largest remainder; of equal ones the first."""
    total = sum(weights)
    parts = [whole * w // total for w in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(whole * weights[i] % total), i))
    for i in order[:whole - sum(parts)]:
        parts[i] += 1
    return parts


def free_by_band(free, units):
    if free == 0:
        return [0] * len(units)
    if min(units) < 0:
        return [free if band == FLAT else 0 for band in range(len(units))]
    return split_largest_remainder(free, units)


def ladder_id(version, month):
    """What names a ladder: its kind and the month in which it starts. None without a ladder."""
    if version.period is None:
        return None
    if version.period == "month":
        return ("month", 0, month)
    back = (month % 12 + 1 - version.start_month) % 12
    return ("year", version.start_month, month - back)


def lie_between(low, high, p, q):
    """Units of [p, q) between low and high; those of a segment below zero are given back."""
    return min(max(q, low), high) - min(max(p, low), high)


class Rater:
    """The charge of one meter's whole history by one pack."""

    def __init__(self, pack, terms):
        self.pack = pack
        self.terms = terms

    def limits(self, version, month):
        """(upper ends of the blocks but the last, free units) for a month."""
        season = version.season_of_month[month % 12 + 1] if version.period == "month" else 0
        extra = 0
        if version.large_people and self.terms.people >= version.large_people:
            extra = version.large_extra
        values = [limit + extra for limit in version.limits[season]]
        free = version.free_units if self.terms.low_income else 0
        name = ladder_id(version, month)
        if version.period == "year" and name[2] == self.terms.ladder_months_of:
            values = [v * self.terms.ladder_months // 12 for v in values]
            free = free * self.terms.ladder_months // 12
        return values, free

    def lines(self, segments, used=0):
        """Every line of the charge. used: units in the first segment's ladder before it."""
        result = []
        position = used
        before = None
        for (month, index, tou), units in sorted(segments.items()):
            version = self.pack.versions[index]
            name = ladder_id(version, month)
            if before is not None and name != before[0]:
                # A new ladder begins at 0; where whole units are billed, with the fraction that was not.
                both_whole = version.whole_units and before[1].whole_units
                position = position % self.pack.divisor if both_whole else 0
            before = (name, version)
            result += self._segment((month, index, tou), units, position)
            position += sum(units)
        return result

    def _segment(self, key, units, position):
        month, index, tou = key
        version = self.pack.versions[index]
        p, q = position, position + sum(units)
        if version.whole_units:
            p -= p % self.pack.divisor
            q -= q % self.pack.divisor
            units = [0, 0, q - p, 0]
        limits, free = self.limits(version, month)
        season = version.season_of_month[month % 12 + 1]
        free_bands = free_by_band(lie_between(0, free, p, q), units)
        edges = [free] + [max(limit, free) for limit in limits] + [max(p, q, free)]
        blocks = [lie_between(edges[i], max(edges[i], edges[i + 1]), p, q)
                  for i in range(version.block_count)]
        lines = []
        for number, component in enumerate(version.components):
            def line(**more):
                units_of, price = more["units"], more["price_ufen"]
                more["ufen"] = round_half_up(units_of * price, self.pack.divisor)
                lines.append(Line(index, month, tou, number, component.payee, **more))
            for band, amount in enumerate(units):
                if free_bands[band]:
                    line(band=band, units=free_bands[band], price_ufen=0)
                if amount != free_bands[band]:
                    price = component.bands[season][band] if tou else component.flat[season]
                    line(band=band, units=amount - free_bands[band], price_ufen=price)
            for block, amount in enumerate(blocks):
                if amount and component.adders[block]:
                    line(block=block, units=amount, price_ufen=component.adders[block])
        return lines

    def payee_ufen(self, segments, used=0):
        sums = [0] * len(self.pack.payees)
        for line in self.lines(segments, used):
            sums[line.payee] += line.ufen
        return sums
