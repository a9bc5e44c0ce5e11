"""From an agenda's weekly pattern in local wall time to the spans of real time in which it is open. Pure.

A place is open at an instant when the wall clock of the agenda's zone shows, at that instant, a time inside a range of that
local day. Nothing else defines it, so clock changes need no rule of their own: 01:00–05:00 is three hours long on the
spring day of Paris and five on the autumn day.

Order of the sources, each over the one before: weekly ranges (none on a closed day, such as a holiday), dated ranges that
close, dated ranges that open, absences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from telecontrol.scheduling.slots import Span, merge, span, subtract
from telecontrol.scheduling.wall_clock import on_wall_clock

_DAY = 24 * 60 * 60
_WIDEST_OFFSET = 15 * 60 * 60
"""Seconds; no zone is further from UTC."""


class Place(NamedTuple):
    """How an appointment is held, and for one in person at which site."""

    mode: str
    site: Hashable | None = None


@dataclass(frozen=True, slots=True)
class WeeklyOpening:
    """Open every week on `weekday` (0 = Monday) from `opens` to `closes`, local; midnight as `closes` is the day's end.

    Valid from one day to another, both included; None leaves that side open. Raises `ValueError` when it cannot be.
    """

    weekday: int
    opens: time
    closes: time
    place: Place
    valid_from_on: date | None = None
    valid_until_on: date | None = None

    def __post_init__(self) -> None:
        if self.weekday not in range(7):
            raise ValueError(f"a weekday is 0 (Monday) to 6: {self.weekday}")
        _wall_range(self.opens, self.closes)


@dataclass(frozen=True, slots=True)
class DatedException:
    """On one day the range is open, or closed, against the weekly pattern; without hours, the whole day.

    A closed range without a place closes every place, one with a mode alone closes that mode everywhere. An open range
    needs its place. Raises `ValueError` when it cannot be.
    """

    on: date
    is_open: bool
    opens: time = time(0)
    closes: time = time(0)
    place: Place | None = None

    def __post_init__(self) -> None:
        if self.is_open and self.place is None:
            raise ValueError("an open range says for which place")
        _wall_range(self.opens, self.closes)

    def closes_place(self, place: Place) -> bool:
        """Whether this is a closed range that holds for `place`."""
        if self.is_open:
            return False
        return self.place is None or self.place == place or self.place == Place(place.mode)


@dataclass(frozen=True, slots=True)
class Absence:
    """Away from one instant to another. Raises `ValueError` for a naive instant or an end before the start."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        span(self.starts_at, self.ends_at)

    @property
    def whole_minutes(self) -> Span:
        """The minutes that the absence touches: whoever is away until 10:25:37 is not booked at that second."""
        start, end = span(self.starts_at, self.ends_at)
        return start // 60 * 60, -(-end // 60) * 60


def expand_openings(
    weekly: Iterable[WeeklyOpening],
    exceptions: Iterable[DatedException] = (),
    absences: Iterable[Absence] = (),
    *,
    zone: ZoneInfo,
    first_on: date,
    last_on: date,
    closed_on: AbstractSet[date] = frozenset(),
) -> dict[Place, list[Span]]:
    """The open spans of each place over the local days `first_on` to `last_on`, both included, in order and apart.

    `zone` is the agenda's own. `closed_on` are days on which the weekly pattern does not hold: the public holidays, or an
    empty set for a doctor who works on them. Ranges of one day that touch become one span; spans never cross midnight, so
    that a grid of starts does not depend on the first day asked for. Raises `ValueError` when the days are reversed.
    """
    pattern = _pattern_by_weekday(weekly)
    dated: defaultdict[date, list[DatedException]] = defaultdict(list)
    for exception in exceptions:
        dated[exception.on].append(exception)
    found: defaultdict[Place, list[Span]] = defaultdict(list)
    for day in _days(zone, first_on, last_on):
        ranges = () if day.on in closed_on else pattern[day.weekday]
        if ranges or day.on in dated:
            for place, spans in _open_on(day, ranges, dated.get(day.on, ())).items():
                found[place] += spans
    away = merge(absence.whole_minutes for absence in absences)
    return {place: subtract(spans, away) if away else spans for place, spans in found.items()}


def local_days(from_at: datetime, until_at: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """The local days of two instants: what `expand_openings` must cover for openings between them. Raises `ValueError` for a naive instant."""
    return on_wall_clock(from_at, zone).date(), on_wall_clock(until_at, zone).date()


class _Range(NamedTuple):
    """A weekly range in seconds since local midnight."""

    opens: int
    closes: int
    place: Place
    valid_from_on: date
    valid_until_on: date


class _Stretch(NamedTuple):
    """A part of a local day with one offset: [start, end) and the second at which its wall clock would show midnight."""

    start: int
    end: int
    midnight: int


class _Day(NamedTuple):
    on: date
    weekday: int
    stretches: tuple[_Stretch, ...]


def _pattern_by_weekday(weekly: Iterable[WeeklyOpening]) -> list[list[_Range]]:
    pattern: list[list[_Range]] = [[] for _ in range(7)]
    for opening in weekly:
        opens, closes = _wall_range(opening.opens, opening.closes)
        since, until = opening.valid_from_on or date.min, opening.valid_until_on or date.max
        pattern[opening.weekday].append(_Range(opens, closes, opening.place, since, until))
    return pattern


def _open_on(day: _Day, ranges: Sequence[_Range], dated: Sequence[DatedException]) -> dict[Place, list[Span]]:
    spans: defaultdict[Place, list[Span]] = defaultdict(list)
    for opens, closes, place, since, until in ranges:
        if since <= day.on <= until:
            spans[place] += _real_spans(day, opens, closes)
    merged = {place: found if len(found) == 1 else merge(found) for place, found in spans.items()}
    return _with_exceptions(day, merged, dated) if dated else merged


def _with_exceptions(
    day: _Day, spans: dict[Place, list[Span]], dated: Sequence[DatedException]
) -> dict[Place, list[Span]]:
    def real(exception: DatedException) -> list[Span]:
        return _real_spans(day, *_wall_range(exception.opens, exception.closes))

    left = {
        place: subtract(found, [hole for each in dated if each.closes_place(place) for hole in real(each)])
        for place, found in spans.items()
    }
    for exception in dated:
        if exception.is_open and exception.place is not None:
            left[exception.place] = merge([*left.get(exception.place, ()), *real(exception)])
    return left


def _real_spans(day: _Day, opens: int, closes: int) -> list[Span]:
    """The spans at which the wall clock shows a time in [opens, closes) on that day."""
    spans = []
    for start, end, midnight in day.stretches:
        since, until = max(start, midnight + opens), min(end, midnight + closes)
        if since < until:
            spans.append((since, until))
    return spans


@lru_cache(maxsize=256)
def _days(zone: ZoneInfo, first_on: date, last_on: date) -> tuple[_Day, ...]:
    if last_on < first_on:
        raise ValueError(f"days are reversed: {first_on} to {last_on}")
    days = (first_on + timedelta(days=number) for number in range((last_on - first_on).days + 1))
    return tuple(_Day(on, on.weekday(), _stretches(zone, on)) for on in days)


@lru_cache(maxsize=16_384)
def _stretches(zone: ZoneInfo, on: date) -> tuple[_Stretch, ...]:
    """A local day as stretches of one offset: one, or two on the day of a clock change (zones never change twice a day)."""
    midnight = int(datetime.combine(on, time(0), tzinfo=UTC).timestamp())
    earliest, latest = midnight - _WIDEST_OFFSET, midnight + _DAY + _WIDEST_OFFSET
    before, after = _offset(zone, earliest), _offset(zone, latest)
    if before == after:
        return (_Stretch(midnight - before, midnight - before + _DAY, midnight - before),)
    change = _change_between(zone, earliest, latest)
    stretches = (
        _Stretch(midnight - before, min(change, midnight - before + _DAY), midnight - before),
        _Stretch(max(change, midnight - after), midnight - after + _DAY, midnight - after),
    )
    return tuple(stretch for stretch in stretches if stretch.start < stretch.end)


def _change_between(zone: ZoneInfo, earlier: int, later: int) -> int:
    """The second at which the offset changes, by halving: the offsets at both ends differ."""
    before = _offset(zone, earlier)
    while later - earlier > 1:
        middle = (earlier + later) // 2
        if _offset(zone, middle) == before:
            earlier = middle
        else:
            later = middle
    return later


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _wall_range(opens: time, closes: time) -> tuple[int, int]:
    """Seconds since local midnight; midnight as an end is the day's end. Raises `ValueError` when they cannot be a range."""
    start, end = _seconds(opens), _seconds(closes) or _DAY
    if end <= start:
        raise ValueError(f"closes before it opens: {opens} to {closes}")
    return start, end


def _seconds(at: time) -> int:
    if at.tzinfo is not None or at.second or at.microsecond:
        raise ValueError(f"a local time in whole minutes, without a zone: {at!r}")
    return at.hour * 3600 + at.minute * 60
