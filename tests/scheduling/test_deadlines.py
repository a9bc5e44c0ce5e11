"""Deadlines against tables worked out by hand: every zone, both clock changes, leap day, year end."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from telecontrol.scheduling import deadlines
from telecontrol.scheduling.deadlines import Deadline, NoticePolicy, ReminderState
from telecontrol.scheduling.readings import Count, Rule, Source
from telecontrol.scheduling.wall_clock import earliest_instant, happens_twice

PARIS = ZoneInfo("Europe/Paris")
MIQUELON = ZoneInfo("America/Miquelon")


def at(text: str, zone: ZoneInfo = PARIS) -> datetime:
    """An instant written with its offset, or a local time of `zone` that has no trap."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


# An ordinary Tuesday of June in each zone: 10:00 local, with the offset of that day.
ORDINARY = [
    ("Europe/Paris", "+02:00"),
    ("America/Guadeloupe", "-04:00"),
    ("America/Martinique", "-04:00"),
    ("America/Cayenne", "-03:00"),
    ("Indian/Reunion", "+04:00"),
    ("Indian/Mayotte", "+03:00"),
    ("America/Miquelon", "-02:00"),
    ("America/St_Barthelemy", "-04:00"),
    ("America/Marigot", "-04:00"),
    ("Asia/Kolkata", "+05:30"),
    ("America/St_Johns", "-02:30"),
]


@pytest.mark.parametrize(("key", "offset"), ORDINARY)
def test_an_ordinary_day_in_every_zone(key: str, offset: str) -> None:
    zone, start = ZoneInfo(key), at(f"2026-06-16T10:00{offset}")
    assert deadlines.invitation_hard_limit(start, zone) == at(f"2026-06-14T10:00{offset}")
    assert deadlines.invitation_target(start, zone) == at(f"2026-06-14T00:00{offset}")
    assert deadlines.last_safe_sending(start, zone) == at(f"2026-06-14T09:30{offset}")
    assert deadlines.reminder_window(start, zone) == (
        at(f"2026-06-15T08:00{offset}"),
        at(f"2026-06-15T20:00{offset}"),
    )
    created = at(f"2026-06-10T21:15{offset}")
    assert deadlines.earliest_sending(created, start, zone) == at(f"2026-06-11T08:00{offset}")
    assert deadlines.first_bookable_start(created, zone) == at(f"2026-06-13T08:30{offset}")


# zone, start, hard limit, target, last safe sending, day of the reminder with its offset
TABLE = [
    # The vectors of DOMAIN §3.
    ("Europe/Paris", "2026-03-30T09:00+02:00", "2026-03-28T08:00+01:00", "2026-03-28T00:00+01:00", "2026-03-27T19:30+01:00", "2026-03-29 +02:00"),
    ("Europe/Paris", "2026-10-26T09:00+01:00", "2026-10-24T09:00+02:00", "2026-10-24T00:00+02:00", "2026-10-24T08:30+02:00", "2026-10-25 +01:00"),
    ("Indian/Reunion", "2026-12-21T08:00+04:00", "2026-12-19T08:00+04:00", "2026-12-19T00:00+04:00", "2026-12-18T19:30+04:00", "2026-12-20 +04:00"),
    # Paris, spring: on the day of the change, the day after, two days after, and clear of it.
    ("Europe/Paris", "2026-03-29T09:00+02:00", "2026-03-27T08:00+01:00", "2026-03-27T00:00+01:00", "2026-03-26T19:30+01:00", "2026-03-28 +01:00"),
    ("Europe/Paris", "2026-03-30T19:00+02:00", "2026-03-28T18:00+01:00", "2026-03-28T00:00+01:00", "2026-03-28T17:30+01:00", "2026-03-29 +02:00"),
    ("Europe/Paris", "2026-03-31T09:00+02:00", "2026-03-29T09:00+02:00", "2026-03-29T00:00+01:00", "2026-03-29T08:30+02:00", "2026-03-30 +02:00"),
    # 48 real hours reach back into D−3: the limit comes before the target. 02:30 on D−2 does not exist.
    ("Europe/Paris", "2026-03-31T00:30+02:00", "2026-03-28T23:30+01:00", "2026-03-29T00:00+01:00", "2026-03-28T19:30+01:00", "2026-03-30 +02:00"),
    ("Europe/Paris", "2026-03-31T02:30+02:00", "2026-03-29T01:30+01:00", "2026-03-29T00:00+01:00", "2026-03-28T19:30+01:00", "2026-03-30 +02:00"),
    # Paris, autumn; 02:30 on D−2 happens twice, and the first counts.
    ("Europe/Paris", "2026-10-25T09:00+01:00", "2026-10-23T09:00+02:00", "2026-10-23T00:00+02:00", "2026-10-23T08:30+02:00", "2026-10-24 +02:00"),
    ("Europe/Paris", "2026-10-27T09:00+01:00", "2026-10-25T09:00+01:00", "2026-10-25T00:00+02:00", "2026-10-25T08:30+01:00", "2026-10-26 +01:00"),
    ("Europe/Paris", "2026-10-27T02:30+01:00", "2026-10-25T02:30+02:00", "2026-10-25T00:00+02:00", "2026-10-24T19:30+02:00", "2026-10-26 +01:00"),
    # Miquelon changes on North-American dates, and not with Paris.
    ("America/Miquelon", "2026-03-09T09:00-02:00", "2026-03-07T08:00-03:00", "2026-03-07T00:00-03:00", "2026-03-06T19:30-03:00", "2026-03-08 -02:00"),
    ("America/Miquelon", "2026-11-02T09:00-03:00", "2026-10-31T09:00-02:00", "2026-10-31T00:00-02:00", "2026-10-31T08:30-02:00", "2026-11-01 -03:00"),
    ("America/Miquelon", "2026-03-30T09:00-02:00", "2026-03-28T09:00-02:00", "2026-03-28T00:00-02:00", "2026-03-28T08:30-02:00", "2026-03-29 -02:00"),
    ("America/Miquelon", "2026-10-26T09:00-02:00", "2026-10-24T09:00-02:00", "2026-10-24T00:00-02:00", "2026-10-24T08:30-02:00", "2026-10-25 -02:00"),
    ("Europe/Paris", "2026-03-09T09:00+01:00", "2026-03-07T09:00+01:00", "2026-03-07T00:00+01:00", "2026-03-07T08:30+01:00", "2026-03-08 +01:00"),
    ("Europe/Paris", "2026-11-02T09:00+01:00", "2026-10-31T09:00+01:00", "2026-10-31T00:00+01:00", "2026-10-31T08:30+01:00", "2026-11-01 +01:00"),
    # The other overseas zones do not change on any of these days.
    ("America/Guadeloupe", "2026-03-30T09:00-04:00", "2026-03-28T09:00-04:00", "2026-03-28T00:00-04:00", "2026-03-28T08:30-04:00", "2026-03-29 -04:00"),
    ("America/Martinique", "2026-11-02T09:00-04:00", "2026-10-31T09:00-04:00", "2026-10-31T00:00-04:00", "2026-10-31T08:30-04:00", "2026-11-01 -04:00"),
    ("America/Cayenne", "2026-10-26T09:00-03:00", "2026-10-24T09:00-03:00", "2026-10-24T00:00-03:00", "2026-10-24T08:30-03:00", "2026-10-25 -03:00"),
    ("Indian/Mayotte", "2026-03-30T09:00+03:00", "2026-03-28T09:00+03:00", "2026-03-28T00:00+03:00", "2026-03-28T08:30+03:00", "2026-03-29 +03:00"),
    ("America/St_Barthelemy", "2026-03-09T09:00-04:00", "2026-03-07T09:00-04:00", "2026-03-07T00:00-04:00", "2026-03-07T08:30-04:00", "2026-03-08 -04:00"),
    ("America/Marigot", "2026-10-26T09:00-04:00", "2026-10-24T09:00-04:00", "2026-10-24T00:00-04:00", "2026-10-24T08:30-04:00", "2026-10-25 -04:00"),
    # Leap day on D−1, D−2 and D; a common year beside it; year end.
    ("Europe/Paris", "2028-03-01T10:00+01:00", "2028-02-28T10:00+01:00", "2028-02-28T00:00+01:00", "2028-02-28T09:30+01:00", "2028-02-29 +01:00"),
    ("Europe/Paris", "2028-03-02T10:00+01:00", "2028-02-29T10:00+01:00", "2028-02-29T00:00+01:00", "2028-02-29T09:30+01:00", "2028-03-01 +01:00"),
    ("Indian/Reunion", "2028-02-29T10:00+04:00", "2028-02-27T10:00+04:00", "2028-02-27T00:00+04:00", "2028-02-27T09:30+04:00", "2028-02-28 +04:00"),
    ("Europe/Paris", "2027-03-01T10:00+01:00", "2027-02-27T10:00+01:00", "2027-02-27T00:00+01:00", "2027-02-27T09:30+01:00", "2027-02-28 +01:00"),
    ("Europe/Paris", "2027-01-01T10:00+01:00", "2026-12-30T10:00+01:00", "2026-12-30T00:00+01:00", "2026-12-30T09:30+01:00", "2026-12-31 +01:00"),
    ("America/Cayenne", "2027-01-02T08:10-03:00", "2026-12-31T08:10-03:00", "2026-12-31T00:00-03:00", "2026-12-30T19:30-03:00", "2027-01-01 -03:00"),
    # Around the edges of the open window: the limit is before it, at its opening, a margin into it, at its end, after it.
    ("Europe/Paris", "2026-06-16T06:00+02:00", "2026-06-14T06:00+02:00", "2026-06-14T00:00+02:00", "2026-06-13T19:30+02:00", "2026-06-15 +02:00"),
    ("Europe/Paris", "2026-06-16T08:29+02:00", "2026-06-14T08:29+02:00", "2026-06-14T00:00+02:00", "2026-06-13T19:30+02:00", "2026-06-15 +02:00"),
    ("Europe/Paris", "2026-06-16T08:30+02:00", "2026-06-14T08:30+02:00", "2026-06-14T00:00+02:00", "2026-06-14T08:00+02:00", "2026-06-15 +02:00"),
    ("Europe/Paris", "2026-06-16T20:00+02:00", "2026-06-14T20:00+02:00", "2026-06-14T00:00+02:00", "2026-06-14T19:30+02:00", "2026-06-15 +02:00"),
    ("Europe/Paris", "2026-06-16T22:00+02:00", "2026-06-14T22:00+02:00", "2026-06-14T00:00+02:00", "2026-06-14T19:30+02:00", "2026-06-15 +02:00"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "start", "limit", "target", "last_safe", "eve"), TABLE)
def test_deadlines_of_a_start(key: str, start: str, limit: str, target: str, last_safe: str, eve: str) -> None:
    zone, starts_at = ZoneInfo(key), at(start)
    day, offset = eve.split()
    assert deadlines.invitation_hard_limit(starts_at, zone) == at(limit)
    assert deadlines.invitation_target(starts_at, zone) == at(target)
    assert deadlines.last_safe_sending(starts_at, zone) == at(last_safe)
    assert deadlines.reminder_window(starts_at, zone) == (at(f"{day}T08:00{offset}"), at(f"{day}T20:00{offset}"))


def test_the_writing_of_an_instant_changes_nothing() -> None:
    """The same start told in another zone, by a fixed offset or in UTC."""
    start = at("2026-03-30T09:00+02:00")
    told = [start, start.astimezone(UTC), start.astimezone(ZoneInfo("Indian/Reunion")), start.astimezone(PARIS)]
    assert len({deadlines.invitation_hard_limit(each, PARIS) for each in told}) == 1
    assert len({deadlines.reminder_window(each, PARIS) for each in told}) == 1


# created, start (Paris), when it leaves, whether it can be convoked
SENDING = [
    ("2026-06-10T10:00", "2026-06-16T10:00", "2026-06-10T10:02", True),
    ("2026-06-10T07:57", "2026-06-16T10:00", "2026-06-10T08:00", True),
    ("2026-06-10T07:59", "2026-06-16T10:00", "2026-06-10T08:01", True),
    ("2026-06-10T19:57", "2026-06-16T10:00", "2026-06-10T19:59", True),
    ("2026-06-10T19:58", "2026-06-16T10:00", "2026-06-11T08:00", True),
    ("2026-06-10T23:00", "2026-06-16T10:00", "2026-06-11T08:00", True),
    # The last safe sending of 10:00 is 09:30 two days before.
    ("2026-06-14T09:28", "2026-06-16T10:00", "2026-06-14T09:30", True),
    ("2026-06-14T09:29", "2026-06-16T10:00", "2026-06-14T09:31", False),
    ("2026-06-13T21:00", "2026-06-16T10:00", "2026-06-14T08:00", True),
    ("2026-06-13T21:00", "2026-06-16T08:30", "2026-06-14T08:00", True),
    # Waiting for 08:00 would not be safe: it leaves at once, and cannot be convoked without a waiver.
    ("2026-06-13T21:00", "2026-06-16T08:29", "2026-06-13T21:02", False),
    ("2026-06-15T21:00", "2026-06-16T10:00", "2026-06-15T21:02", False),
]


@pytest.mark.parametrize(("created", "start", "leaves", "convokable"), SENDING)
def test_when_an_invitation_leaves(created: str, start: str, leaves: str, convokable: bool) -> None:
    assert deadlines.earliest_sending(at(created), at(start), PARIS) == at(leaves)
    assert deadlines.can_be_convoked(at(created), at(start), PARIS) is convokable


def test_the_api_has_no_undo_hold() -> None:
    created, start = at("2026-06-14T09:30"), at("2026-06-16T10:00")
    assert deadlines.undo_hold(by_person=True) == timedelta(minutes=2)
    none = deadlines.undo_hold(by_person=False)
    assert none == timedelta(0)
    assert deadlines.earliest_sending(created, start, PARIS, hold=none) == created
    assert deadlines.can_be_convoked(created, start, PARIS, hold=none)
    assert not deadlines.can_be_convoked(created, start, PARIS)


# now, first start that can still be convoked (Paris)
FIRST_START = [
    ("2026-06-10T10:00", "2026-06-12T10:32"),
    ("2026-06-10T10:00:01", "2026-06-12T10:33"),
    ("2026-06-10T07:00", "2026-06-12T08:30"),
    ("2026-06-10T19:28", "2026-06-12T20:00"),
    ("2026-06-10T19:29", "2026-06-13T08:30"),
    ("2026-06-10T23:30", "2026-06-13T08:30"),
    # Across the spring change 48 real hours end an hour later on the wall clock.
    ("2026-03-28T10:00", "2026-03-30T11:32"),
    ("2026-03-26T21:00", "2026-03-29T09:30"),
    # Across the autumn change the wall clock decides, and 49 real hours pass.
    ("2026-10-24T10:00", "2026-10-26T10:32"),
    ("2026-12-30T10:00", "2027-01-01T10:32"),
    ("2028-02-28T10:00", "2028-03-01T10:32"),
]


@pytest.mark.parametrize(("now", "start"), FIRST_START)
def test_the_first_bookable_start(now: str, start: str) -> None:
    assert deadlines.first_bookable_start(at(now), PARIS) == at(start)


def test_the_first_bookable_start_is_never_at_an_hour_that_happens_twice() -> None:
    night = NoticePolicy(window_opens=time(0), window_closes=time(23, 59), undo_hold=timedelta(0))
    now = at("2026-10-23T01:40+02:00")
    first = deadlines.first_bookable_start(now, PARIS, policy=night)
    assert first == at("2026-10-25T03:00+01:00")
    assert deadlines.can_be_convoked(now, at("2026-10-25T02:30+02:00"), PARIS, policy=night)


@pytest.mark.parametrize(
    ("now", "window", "next_open"),
    [
        ("2026-06-10T07:59", None, "2026-06-10T08:00"),
        ("2026-06-10T08:00", ("2026-06-10T08:00", "2026-06-10T20:00"), "2026-06-10T08:00"),
        ("2026-06-10T19:59:59", ("2026-06-10T08:00", "2026-06-10T20:00"), "2026-06-10T19:59:59"),
        ("2026-06-10T20:00", None, "2026-06-11T08:00"),
        ("2026-03-28T22:00", None, "2026-03-29T08:00"),
        ("2026-12-31T22:00", None, "2027-01-01T08:00"),
    ],
)
def test_the_open_window(now: str, window: tuple[str, str] | None, next_open: str) -> None:
    expected = None if window is None else (at(window[0]), at(window[1]))
    assert deadlines.open_window_at(at(now), PARIS) == expected
    assert deadlines.next_open_instant(at(now), PARIS) == at(next_open)


@pytest.mark.parametrize(
    ("now", "accepted", "state"),
    [
        ("2026-06-14T12:00", "2026-06-10T10:00", ReminderState.WAITING),
        ("2026-06-15T07:59", "2026-06-14T23:59", ReminderState.WAITING),
        ("2026-06-15T08:00", "2026-06-14T23:59", ReminderState.DUE),
        ("2026-06-15T19:59", "2026-06-10T10:00", ReminderState.DUE),
        ("2026-06-15T20:00", "2026-06-10T10:00", ReminderState.MISSED),
        ("2026-06-16T09:00", "2026-06-10T10:00", ReminderState.MISSED),
        ("2026-06-15T09:00", "2026-06-15T00:00", ReminderState.NOT_NEEDED),
        ("2026-06-15T21:00", "2026-06-15T08:30", ReminderState.NOT_NEEDED),
        ("2026-06-16T09:00", "2026-06-16T08:30", ReminderState.NOT_NEEDED),
        ("2026-06-15T09:00", None, ReminderState.DUE),
        ("2026-06-15T20:00", None, ReminderState.MISSED),
    ],
)
def test_the_reminder(now: str, accepted: str | None, state: ReminderState) -> None:
    found = deadlines.reminder_state(
        at(now), at("2026-06-16T10:00"), PARIS, invitation_accepted_at=None if accepted is None else at(accepted)
    )
    assert found is state


def test_the_eve_is_the_insureds_own_day() -> None:
    """Accepted at 23:30 on D−2 in Paris is 01:30 on D−1 in La Réunion: no reminder there."""
    reunion, start = ZoneInfo("Indian/Reunion"), at("2026-06-16T10:00+04:00")
    accepted, now = at("2026-06-14T23:30+02:00"), at("2026-06-15T12:00+04:00")
    found = deadlines.reminder_state(now, start, reunion, invitation_accepted_at=accepted)
    assert found is ReminderState.NOT_NEEDED


@pytest.mark.parametrize(
    ("now", "start", "immediate", "leaves"),
    [
        ("2026-06-10T21:00", "2026-06-11T09:59", True, "2026-06-10T21:00"),
        ("2026-06-10T21:00", "2026-06-11T10:00", False, "2026-06-11T08:00"),
        ("2026-06-11T06:00", "2026-06-11T09:30", True, "2026-06-11T06:00"),
        ("2026-06-11T06:00", "2026-06-11T10:00", False, "2026-06-11T08:00"),
        ("2026-06-11T09:59", "2026-06-11T10:30", False, "2026-06-11T09:59"),
        ("2026-06-11T10:00", "2026-06-12T09:30", True, "2026-06-11T10:00"),
        ("2026-06-11T23:00", "2026-06-11T22:00", True, "2026-06-11T23:00"),
        ("2026-03-28T23:00", "2026-03-29T09:59", True, "2026-03-28T23:00"),
        ("2026-10-24T23:00", "2026-10-25T10:00", False, "2026-10-25T08:00"),
    ],
)
def test_changes_of_what_starts_soon_leave_at_once(now: str, start: str, immediate: bool, leaves: str) -> None:
    assert deadlines.is_immediate_change(at(now), at(start), PARIS) is immediate
    assert deadlines.change_leaves_at(at(now), at(start), PARIS) == at(leaves)


@pytest.mark.parametrize(
    ("zone", "day", "hour", "error"),
    [
        (PARIS, date(2026, 3, 29), time(2, 30), deadlines.NonexistentLocalTime),
        (PARIS, date(2026, 3, 29), time(2, 0), deadlines.NonexistentLocalTime),
        (PARIS, date(2026, 10, 25), time(2, 0), deadlines.AmbiguousLocalTime),
        (PARIS, date(2026, 10, 25), time(2, 59), deadlines.AmbiguousLocalTime),
        (MIQUELON, date(2026, 3, 8), time(2, 30), deadlines.NonexistentLocalTime),
        (MIQUELON, date(2026, 11, 1), time(1, 30), deadlines.AmbiguousLocalTime),
        (PARIS, date(2026, 6, 1), time(9, tzinfo=UTC), ValueError),
    ],
)
def test_local_times_that_are_refused(zone: ZoneInfo, day: date, hour: time, error: type[ValueError]) -> None:
    with pytest.raises(error) as raised:
        deadlines.local_instant(day, hour, zone)
    assert type(raised.value) is error
    assert issubclass(error, ValueError)


@pytest.mark.parametrize(
    ("zone", "day", "hour", "expected"),
    [
        (PARIS, date(2026, 3, 29), time(1, 59), "2026-03-29T01:59+01:00"),
        (PARIS, date(2026, 3, 29), time(3), "2026-03-29T03:00+02:00"),
        (PARIS, date(2026, 10, 25), time(1, 59), "2026-10-25T01:59+02:00"),
        (PARIS, date(2026, 10, 25), time(3), "2026-10-25T03:00+01:00"),
        (ZoneInfo("Indian/Reunion"), date(2026, 3, 29), time(2, 30), "2026-03-29T02:30+04:00"),
        (ZoneInfo("Asia/Kolkata"), date(2026, 1, 1), time(0), "2026-01-01T00:00+05:30"),
    ],
)
def test_local_times_that_exist_once(zone: ZoneInfo, day: date, hour: time, expected: str) -> None:
    assert deadlines.local_instant(day, hour, zone) == at(expected)
    assert earliest_instant(day, hour, zone) == at(expected)


def test_the_conservative_reading_is_the_earlier_one() -> None:
    assert earliest_instant(date(2026, 10, 25), time(2, 30), PARIS) == at("2026-10-25T02:30+02:00")
    assert earliest_instant(date(2026, 3, 29), time(2, 30), PARIS) == at("2026-03-29T01:30+01:00")
    assert happens_twice(at("2026-10-25T02:30+01:00"), PARIS)
    assert not happens_twice(at("2026-10-25T03:00+01:00"), PARIS)


def test_the_hard_limit_explains_both_readings() -> None:
    spring = deadlines.explain(Deadline.INVITATION_HARD_LIMIT, at("2026-03-30T09:00"), PARIS)
    assert [(reading.count, reading.at, reading.figure) for reading in spring.readings] == [
        (Count.ELAPSED, at("2026-03-28T08:00+01:00"), timedelta(hours=48)),
        (Count.WALL_CLOCK, at("2026-03-28T09:00+01:00"), timedelta(days=2)),
    ]
    assert (spring.rule, spring.source, spring.won) == (Rule.EARLIER_OF, Source.NOTICE, Count.ELAPSED)
    assert (spring.zone, spring.policy_version) == ("Europe/Paris", deadlines.CURRENT.version)
    assert not spring.is_unanimous
    autumn = deadlines.explain(Deadline.INVITATION_HARD_LIMIT, at("2026-10-26T09:00"), PARIS)
    assert (autumn.won, autumn.at) == (Count.WALL_CLOCK, at("2026-10-24T09:00+02:00"))
    assert deadlines.explain(Deadline.INVITATION_HARD_LIMIT, at("2026-06-16T09:00"), PARIS).is_unanimous


def test_every_deadline_explains_itself_with_the_value_it_has() -> None:
    start, created = at("2026-03-30T09:00"), at("2026-03-20T21:00")
    values = {
        Deadline.INVITATION_HARD_LIMIT: deadlines.invitation_hard_limit(start, PARIS),
        Deadline.INVITATION_TARGET: deadlines.invitation_target(start, PARIS),
        Deadline.LAST_SAFE_SENDING: deadlines.last_safe_sending(start, PARIS),
        Deadline.REMINDER_OPENS: deadlines.reminder_window(start, PARIS)[0],
        Deadline.REMINDER_CLOSES: deadlines.reminder_window(start, PARIS)[1],
    }
    for deadline, value in values.items():
        explained = deadlines.explain(deadline, start, PARIS)
        winner = next(reading for reading in explained.readings if reading.count is explained.won)
        assert (explained.deadline, explained.at) == (deadline, value)
        assert winner.at - explained.margin == value
    sending = deadlines.explain_sending(created, start, PARIS)
    assert sending.deadline == Deadline.EARLIEST_SENDING
    assert (sending.rule, sending.won, sending.at) == (Rule.LATER_OF, Count.WINDOW_OPENS, at("2026-03-21T08:00"))
    assert set(values) | {Deadline.EARLIEST_SENDING} == set(Deadline)
    with pytest.raises(ValueError, match="more than the start"):
        deadlines.explain(Deadline.EARLIEST_SENDING, start, PARIS)


def test_a_policy_may_change_its_figures() -> None:
    longer = NoticePolicy(
        notice_elapsed=timedelta(hours=72), notice_days=3, target_days=4, sending_margin=timedelta(hours=1)
    )
    start = at("2026-06-16T10:00")
    assert deadlines.invitation_hard_limit(start, PARIS, policy=longer) == at("2026-06-13T10:00")
    assert deadlines.invitation_target(start, PARIS, policy=longer) == at("2026-06-13T00:00")
    assert deadlines.last_safe_sending(start, PARIS, policy=longer) == at("2026-06-13T09:00")


@pytest.mark.parametrize(
    "figures",
    [
        {"notice_days": 3},
        {"reminder_days": 2},
        {"reminder_days": 0},
        {"window_opens": time(20)},
        {"notice_elapsed": timedelta(hours=-1)},
        {"undo_hold": timedelta(minutes=-1)},
        {"sending_margin": timedelta(hours=6, minutes=1)},
    ],
)
def test_figures_that_cannot_work_together_are_refused(figures: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        NoticePolicy(**figures)  # type: ignore[arg-type]
