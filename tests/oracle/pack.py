# SPDX-License-Identifier: GPL-3.0-or-later
"""A tariff pack as docs/tariffs.md describes it, read a second time.

Prices are integers of ufen (1 yuan = 10^8), quantities integers of Wh or ml, times integers of
microseconds since 1970 UTC. Local time is UTC+8.
"""
import datetime
import re

import yaml_subset

BANDS = ("sharp", "peak", "flat", "valley")
DAY_US = 86400 * 10 ** 6
ZONE_US = 8 * 3600 * 10 ** 6
EPOCH = datetime.date(1970, 1, 1)


class PackError(Exception):
    pass


def day_number(text):
    """'2024-01-31' -> days since 1970-01-01."""
    year, month, day = (int(part) for part in text.split("-"))
    return (datetime.date(year, month, day) - EPOCH).days


def day_start_us(day):
    return day * DAY_US - ZONE_US


def local_day(at_us):
    return (at_us + ZONE_US) // DAY_US


def month_of_day(day):
    """Months since January 1970."""
    date = EPOCH + datetime.timedelta(days=day)
    return (date.year - 1970) * 12 + date.month - 1


def scaled(text, scale):
    """A decimal times 10^scale, exactly; a digit too many is an error."""
    match = re.match(r"(-?)(\d+)(?:\.(\d+))?$", text)
    if match is None:
        raise PackError("'%s' is no decimal" % text)
    fraction = (match.group(3) or "").rstrip("0")
    if len(fraction) > scale:
        raise PackError("'%s' has more than %d decimals" % (text, scale))
    value = int(match.group(2) + fraction.ljust(scale, "0"))
    return -value if match.group(1) else value


def minutes(text):
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


class Component:
    def __init__(self, text, payees, seasons, block_count):
        self.label = text["label"]
        self.payee = payees.index(text["payee"])
        adders = text.get("adders", ["0"] * block_count)
        price = text.get("price")
        if "block_prices" in text:
            blocks = [scaled(p, 8) for p in text["block_prices"]]
            price = text["block_prices"][0]
            self.adders = [p - blocks[0] for p in blocks]
        else:
            self.adders = [scaled(p, 8) for p in adders]
        if len(self.adders) != block_count:
            raise PackError("%s: %d adders for %d blocks" % (self.label, len(self.adders),
                                                            block_count))
        self.flat = [scaled(_of_season(price, s), 8) for s in seasons]
        self.bands = []
        for i, season in enumerate(seasons):
            named = text.get("bands")
            if isinstance(named, dict) and named and isinstance(next(iter(named.values())), dict):
                named = named.get(season)
            # What has no band price of its own costs the flat price in every band.
            self.bands.append([scaled(named[b], 8) if named and b in named else self.flat[i]
                               for b in BANDS])


def _of_season(value, season):
    """A value that is given once or by season."""
    return value[season] if isinstance(value, dict) else value


class Version:
    def __init__(self, text, payees, scale):
        self.id = text["id"]
        self.from_us = day_start_us(day_number(text["from"]))
        self.round_fen = int(text.get("round_fen", "1"))
        self.whole_units = text.get("whole_units", "false") == "true"
        names = text.get("seasons", {"all": [str(m) for m in range(1, 13)]})
        self.seasons = list(names)
        self.season_of_month = {}
        for i, name in enumerate(self.seasons):
            for month in names[name]:
                self.season_of_month[int(month)] = i
        if sorted(self.season_of_month) != list(range(1, 13)):
            raise PackError("%s: the seasons do not have every month once" % self.id)
        self._read_ladder(text.get("ladder"), scale)
        self._read_time_of_use(text.get("time_of_use"))
        self.components = [Component(c, payees, self.seasons, self.block_count)
                           for c in text["components"]]

    def _read_ladder(self, text, scale):
        self.period = None
        self.start_month = 1
        self.large_people = 0
        self.large_extra = 0
        self.free_units = 0
        self.limits = [[] for _ in self.seasons]
        self.block_count = 1
        if text is None:
            return
        self.period = text["period"]
        self.start_month = int(text.get("start_month", "1"))
        self.limits = [[scaled(v, scale) for v in _of_season(text["limits"], s)]
                       for s in self.seasons]
        self.block_count = len(self.limits[0]) + 1
        if "large_home" in text:
            self.large_people = int(text["large_home"]["people"])
            self.large_extra = scaled(text["large_home"]["extra"], scale)
        self.free_units = scaled(text.get("low_income_free", "0"), scale)

    def _read_time_of_use(self, text):
        self.schedule = [[] for _ in self.seasons]
        self.critical = []
        self.critical_months = set()
        self.bands_by_meter = False
        if text is None:
            return
        by_season = all(isinstance(v, dict) for v in text["day"].values())
        for i, season in enumerate(self.seasons):
            day = text["day"].get(season) if by_season else text["day"]
            self.schedule[i] = _spans(day)
        self.critical = _spans(text.get("critical_day"))
        self.critical_months = {int(m) for m in text.get("critical_months", [])}
        self.bands_by_meter = text.get("bands_from", "schedule") == "meter"


def _spans(day):
    """[(minute of the day, band)], ascending."""
    return [(minutes(start), BANDS.index(band)) for start, band in (day or {}).items()]


class Pack:
    def __init__(self, text):
        self.name = text["name"]
        self.medium = text["medium"]
        self.scale = 3 if self.medium == "power" else 6
        self.divisor = 10 ** self.scale
        self.payees = text["payees"]
        self.critical_days = {day_number(d) for d in text.get("critical_days", [])}
        self.versions = [Version(v, self.payees, self.scale) for v in text["versions"]]

    def version_at(self, at_us):
        """Index of the version in force; None before the first."""
        found = None
        for i, version in enumerate(self.versions):
            if version.from_us <= at_us:
                found = i
        return found


def load(path):
    return Pack(yaml_subset.load(path))
