"""Cells that are more than text: days, lists, weekly hours in a compact form. Each raises `InvalidInput` with its field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise

from telecontrol.errors import InvalidInput

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_FRENCH = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_HOURS = re.compile(r"(\d{1,2})(?:[:hH](\d{2})?)?", re.ASCII)

NONE = "-"
"""In a cell that holds a list: an empty list, where an empty cell leaves what is known."""
WEEKDAYS = ("lun", "mar", "mer", "jeu", "ven", "sam", "dim")
_ENGLISH_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Local wall time on a weekday (0 = Monday), and what follows it (`video`, a site's code)."""

    weekday: int
    opens: time
    closes: time
    place: str


_FIRST_YEAR, _LAST_YEAR = 1850, 2199


def day(text: str, *, field: str) -> date | None:
    """A day written `2026-03-24` or `24/03/2026`; empty is none."""
    given = text.strip()
    if not given:
        return None
    iso, french = _ISO.fullmatch(given), _FRENCH.fullmatch(given)
    if not iso and not french:
        raise InvalidInput("a day is written 2026-03-24 or 24/03/2026", field=field, code="day_malformed")
    try:
        found = date(int(iso[1]), int(iso[2]), int(iso[3])) if iso else _french_day(french)
    except ValueError:
        raise InvalidInput("this day does not exist", field=field, code="day_not_real") from None
    return believable(found, field=field)


def believable(on: date, *, field: str) -> date:
    """The day itself, when somebody alive or a calendar of ours can mean it: what reckons with it then never overflows."""
    if not _FIRST_YEAR <= on.year <= _LAST_YEAR:
        raise InvalidInput("this year is not believable", field=field, code="day_not_real")
    return on


def _french_day(found: re.Match[str] | None) -> date:
    assert found is not None
    return date(int(found[3]), int(found[2]), int(found[1]))


def needed_day(text: str, *, field: str) -> date:
    """A day that cannot be left out."""
    found = day(text, field=field)
    if found is None:
        raise InvalidInput("a value is needed", field=field, code="value_missing")
    return found


def parts(text: str) -> list[str]:
    """A cell's list: its parts between `;`, `|` or line ends."""
    return [part.strip() for part in re.split(r"[;|\n\r]", text) if part.strip()]


def words(text: str) -> list[str]:
    """A cell's list of codes: between spaces, commas, `;` or `|`."""
    return [part for part in re.split(r"[\s,;|]+", text) if part]


def time_of_day(text: str, *, field: str) -> time:
    """`9:00`, `09h00`, `9h` or `9`. Midnight at the end of a day is written `23:59`."""
    found = _HOURS.fullmatch(text.strip())
    try:
        if found:
            return time(int(found[1]), int(found[2] or 0))
    except ValueError:
        pass
    raise InvalidInput("an hour is written 09:00", field=field, code="hour_malformed", part=text.strip()[:20])


def weekly_hours(text: str, *, field: str) -> list[WeeklyHours]:
    """`lun-ven 09:00-12:00 video; mar 14:00-17:00 SITE1`: days, hours, place. Ranges of one place may not overlap."""
    found: list[WeeklyHours] = []
    for part in parts(text):
        pieces = part.split()
        if len(pieces) not in (2, 3):
            raise InvalidInput(
                "a range is written: lun 09:00-12:00 video", field=field, code="range_malformed", part=part[:40]
            )
        opens, dash, closes = pieces[1].partition("-")
        begin, end = time_of_day(opens, field=field), time_of_day(closes if dash else "", field=field)
        if end <= begin:
            raise InvalidInput("a range ends after it begins", field=field, code="range_backwards", part=part[:40])
        place = pieces[2] if len(pieces) == 3 else ""
        found += [WeeklyHours(weekday, begin, end, place) for weekday in _weekdays(pieces[0], field=field)]
    _refuse_overlaps(found, field=field)
    return found


def _weekdays(text: str, *, field: str) -> range:
    first, dash, last = text.casefold().partition("-")
    begin, end = _weekday(first), _weekday(last) if dash else _weekday(first)
    if begin is None or end is None or end < begin:
        raise InvalidInput("days are written lun, mar … dim", field=field, code="weekday_unknown", part=text[:20])
    return range(begin, end + 1)


def _weekday(text: str) -> int | None:
    for names in (WEEKDAYS, _ENGLISH_WEEKDAYS):
        if text.strip(".")[:3] in names:
            return names.index(text.strip(".")[:3])
    return None


def _refuse_overlaps(ranges: list[WeeklyHours], *, field: str) -> None:
    in_order = sorted(ranges, key=lambda hours: (hours.place.casefold(), hours.weekday, hours.opens))
    for earlier, later in pairwise(in_order):
        is_same = (earlier.place.casefold(), earlier.weekday) == (later.place.casefold(), later.weekday)
        if is_same and later.opens < earlier.closes:
            part = f"{WEEKDAYS[later.weekday]} {later.opens:%H:%M}-{later.closes:%H:%M}"
            raise InvalidInput("two ranges overlap", field=field, code="ranges_overlap", part=part)
