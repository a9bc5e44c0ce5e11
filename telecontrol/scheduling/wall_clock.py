"""Wall clocks and instants: the one place that turns a local date and time into a moment, and says when there is none.

Arithmetic on an aware datetime inside one zone moves its wall clock, not real time. So whatever counts elapsed hours goes
through UTC first, and whatever counts local days goes through a naive local date and comes back here. Pure.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


class NonexistentLocalTime(ValueError):
    """The wall clock of the zone jumps over this local time."""


class AmbiguousLocalTime(ValueError):
    """The wall clock of the zone shows this local time twice."""


def in_utc(instant: datetime) -> datetime:
    """`instant` in UTC. Raises `ValueError` when it is naive."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(f"naive datetime: {instant!r}")
    return instant.astimezone(UTC)


def on_wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the wall clock of `zone` shows at `instant`, naive on purpose. Raises `ValueError` when `instant` is naive."""
    return in_utc(instant).astimezone(zone).replace(tzinfo=None)


def local_instant(on: date, at: time, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which the wall clock of `zone` shows `at` on the day `on`.

    Raises `NonexistentLocalTime` or `AmbiguousLocalTime`, both `ValueError`, when a clock change removes or repeats that
    time (DOMAIN §3: refused at booking), and `ValueError` when `at` carries a zone of its own.
    """
    before, after = _both_readings(on, at, zone)
    if before > after:
        raise NonexistentLocalTime(f"{on} {at} does not exist in {zone.key}")
    if before < after:
        raise AmbiguousLocalTime(f"{on} {at} happens twice in {zone.key}")
    return before


def earliest_instant(on: date, at: time, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, of a local date and time, on any day: the conservative reading that deadlines use.

    A time that happens twice is taken the first time. A time that does not exist is read with the offset that holds after
    the jump, which gives the earlier of its two possible readings: nobody can then say that a deadline came too late.
    Raises `ValueError` when `at` carries a zone of its own.
    """
    return min(_both_readings(on, at, zone))


def happens_twice(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether the wall clock of `zone` shows the time of `instant` twice. Raises `ValueError` when `instant` is naive."""
    local = on_wall_clock(instant, zone)
    before, after = _both_readings(local.date(), local.time(), zone)
    return before != after


def _both_readings(on: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The local time read with the offset before a clock change and with the one after it; equal on ordinary times."""
    if at.tzinfo is not None:
        raise ValueError(f"a local time carries no zone of its own: {at!r}")
    local = datetime.combine(on, at, tzinfo=zone)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
