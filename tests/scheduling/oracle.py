"""An oracle that knows no rule of arithmetic: it steps through real time minute by minute and looks at the wall clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)

FRENCH_ZONES = (
    "Europe/Paris",
    "America/Guadeloupe",
    "America/Martinique",
    "America/Cayenne",
    "Indian/Reunion",
    "Indian/Mayotte",
    "America/Miquelon",
    "America/St_Barthelemy",
    "America/Marigot",
)
ODD_ZONES = ("Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe")
"""Half-hour and quarter-hour offsets; Lord Howe's clock changes by half an hour."""

CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Paris, spring
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Paris, autumn
    datetime(2026, 3, 8, 5, tzinfo=UTC),  # Miquelon, spring
    datetime(2026, 11, 1, 4, tzinfo=UTC),  # Miquelon, autumn
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe, autumn
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe, spring
    datetime(2028, 2, 29, 12, tzinfo=UTC),  # leap day
    datetime(2026, 12, 31, 12, tzinfo=UTC),  # year end
)

zones = st.sampled_from([ZoneInfo(key) for key in (*FRENCH_ZONES, *ODD_ZONES)])


def whole_minutes(days_around: int = 4) -> st.SearchStrategy[datetime]:
    """Whole minutes of 2026 to 2028, most of them near a clock change or another trap."""
    near = st.builds(
        lambda change, minutes: change + minutes * MINUTE,
        st.sampled_from(CHANGES),
        st.integers(-days_around * 1440, days_around * 1440),
    )
    anywhere = st.builds(
        lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE, st.integers(0, 3 * 365 * 1440)
    )
    return st.one_of(near, near, anywhere)


def wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the wall clock shows."""
    return instant.astimezone(zone).replace(tzinfo=None)


def minutes_between(start: datetime, end: datetime) -> Iterator[datetime]:
    """Each minute from `start` on, before `end`."""
    instant = start
    while instant < end:
        yield instant
        instant += MINUTE


def shown_at(shown: datetime, zone: ZoneInfo, *, near: datetime) -> list[datetime]:
    """The minutes within 30 hours of `near` at which the wall clock shows `shown`: none, one or two."""
    around = minutes_between(near - timedelta(hours=30), near + timedelta(hours=30))
    return [instant for instant in around if wall(instant, zone) == shown]


def is_open(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether the wall clock shows 08:00 or later, and not yet 20:00."""
    return time(8) <= wall(instant, zone).time() < time(20)


def hard_limit(start: datetime, zone: ZoneInfo) -> datetime:
    elapsed = start
    for _ in range(48 * 60):
        elapsed -= MINUTE
    two_days_before = wall(start, zone) - timedelta(days=2)
    return min([elapsed, *shown_at(two_days_before, zone, near=elapsed)])


def start_of_day(day: date, zone: ZoneInfo, *, near: datetime) -> datetime:
    """The first minute near `near` whose wall clock shows that day or a later one."""
    return next(
        instant
        for instant in minutes_between(near - timedelta(hours=60), near + timedelta(hours=60))
        if wall(instant, zone).date() >= day
    )


def last_safe_sending(start: datetime, zone: ZoneInfo, margin: int) -> datetime:
    """Back from the hard limit to the first unbroken run of `margin` open minutes."""
    instant, run = hard_limit(start, zone), 0
    while run < margin:
        instant -= MINUTE
        run = run + 1 if is_open(instant, zone) else 0
    return instant


def next_open(instant: datetime, zone: ZoneInfo) -> datetime:
    while not is_open(instant, zone):
        instant += MINUTE
    return instant
