"""The report's 48 hours: tables by hand, and an oracle that steps through real time."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings

from telecontrol.reports.deadlines import REPORT_DUE, ReportPolicy, alert_instants, explain, report_due_at
from telecontrol.scheduling.readings import Count, Rule, Source
from tests.scheduling import oracle
from tests.scheduling.oracle import MINUTE, whole_minutes, zones

PARIS = ZoneInfo("Europe/Paris")

DUE = [
    # The vectors of DOMAIN §3.
    ("Europe/Paris", "2026-03-28T10:00+01:00", "2026-03-30T10:00+02:00"),
    ("Europe/Paris", "2026-10-24T10:00+02:00", "2026-10-26T09:00+01:00"),
    # Paris: the day of each change and the first one clear of it.
    ("Europe/Paris", "2026-03-27T10:00+01:00", "2026-03-29T10:00+02:00"),
    ("Europe/Paris", "2026-03-29T10:00+02:00", "2026-03-31T10:00+02:00"),
    ("Europe/Paris", "2026-10-23T10:00+02:00", "2026-10-25T09:00+01:00"),
    ("Europe/Paris", "2026-10-25T10:00+01:00", "2026-10-27T10:00+01:00"),
    # The wall-clock time does not exist two days later (the earlier reading), or exists twice (the first).
    ("Europe/Paris", "2026-03-27T02:30+01:00", "2026-03-29T01:30+01:00"),
    ("Europe/Paris", "2026-10-23T02:30+02:00", "2026-10-25T02:30+02:00"),
    # The fact itself in the hour that happens twice.
    ("Europe/Paris", "2026-10-25T02:30+02:00", "2026-10-27T01:30+01:00"),
    ("Europe/Paris", "2026-10-25T02:30+01:00", "2026-10-27T02:30+01:00"),
    # Miquelon, on North-American dates.
    ("America/Miquelon", "2026-03-07T10:00-03:00", "2026-03-09T10:00-02:00"),
    ("America/Miquelon", "2026-10-31T10:00-02:00", "2026-11-02T09:00-03:00"),
    ("America/Miquelon", "2026-03-28T10:00-02:00", "2026-03-30T10:00-02:00"),
    # Zones that never change, on Paris's days; weekends and holidays count.
    ("America/Guadeloupe", "2026-03-28T10:00-04:00", "2026-03-30T10:00-04:00"),
    ("America/Martinique", "2026-10-24T10:00-04:00", "2026-10-26T10:00-04:00"),
    ("America/Cayenne", "2026-03-28T23:59-03:00", "2026-03-30T23:59-03:00"),
    ("Indian/Reunion", "2026-12-24T17:00+04:00", "2026-12-26T17:00+04:00"),
    ("Indian/Mayotte", "2026-10-24T10:00+03:00", "2026-10-26T10:00+03:00"),
    ("America/St_Barthelemy", "2026-12-31T10:00-04:00", "2027-01-02T10:00-04:00"),
    ("America/Marigot", "2026-04-30T10:00-04:00", "2026-05-02T10:00-04:00"),
    ("Asia/Kolkata", "2026-03-28T10:00+05:30", "2026-03-30T10:00+05:30"),
    # Leap day and year end.
    ("Europe/Paris", "2028-02-27T10:00+01:00", "2028-02-29T10:00+01:00"),
    ("Europe/Paris", "2028-02-28T10:00+01:00", "2028-03-01T10:00+01:00"),
    ("Europe/Paris", "2027-02-27T10:00+01:00", "2027-03-01T10:00+01:00"),
    ("Europe/Paris", "2026-12-30T23:30+01:00", "2027-01-01T23:30+01:00"),
]


@pytest.mark.parametrize(("zone", "event", "due"), DUE)
def test_when_a_report_is_due(zone: str, event: str, due: str) -> None:
    assert report_due_at(datetime.fromisoformat(event), ZoneInfo(zone)) == datetime.fromisoformat(due)


@settings(max_examples=80, deadline=None)
@given(event=whole_minutes(), zone=zones)
@example(event=datetime.fromisoformat("2026-03-27T02:30+01:00"), zone=PARIS)
def test_against_the_oracle(event: datetime, zone: ZoneInfo) -> None:
    elapsed = event
    for _ in range(48 * 60):
        elapsed += MINUTE
    shown = oracle.wall(event, zone) + timedelta(days=2)
    moments = oracle.shown_at(shown, zone, near=elapsed)
    due = report_due_at(event, zone)
    if moments:
        assert due == min(elapsed, *moments)
    else:
        # The time is jumped over: the clock that shows the day's later hours would have shown it at this instant.
        later = next(
            each
            for each in oracle.minutes_between(elapsed - timedelta(hours=3), elapsed)
            if oracle.wall(each, zone) > shown
        )
        assert due == later - (oracle.wall(later, zone) - shown)
    assert alert_instants(event)[-1] < due <= elapsed


def test_alerts_are_real_hours() -> None:
    event = datetime.fromisoformat("2026-03-28T10:00+01:00")
    assert [moment.isoformat() for moment in alert_instants(event)] == [
        "2026-03-29T09:00:00+00:00",
        "2026-03-29T21:00:00+00:00",
        "2026-03-30T05:00:00+00:00",
    ]


def test_the_due_time_explains_itself() -> None:
    explained = explain(datetime.fromisoformat("2026-10-24T10:00+02:00"), PARIS)
    assert (explained.deadline, explained.rule, explained.source) == (REPORT_DUE, Rule.EARLIER_OF, Source.REPORT)
    assert [(reading.count, reading.at.isoformat()) for reading in explained.readings] == [
        (Count.ELAPSED, "2026-10-26T08:00:00+00:00"),
        (Count.WALL_CLOCK, "2026-10-26T09:00:00+00:00"),
    ]
    assert explained.won is Count.ELAPSED
    spring = explain(datetime.fromisoformat("2026-03-28T10:00+01:00"), PARIS)
    assert (spring.won, spring.at.isoformat()) == (Count.WALL_CLOCK, "2026-03-30T08:00:00+00:00")


def test_a_policy_may_change_its_figures() -> None:
    shorter = ReportPolicy(due_elapsed=timedelta(hours=24), due_days=1, alerts_elapsed=(timedelta(hours=12),))
    event = datetime.fromisoformat("2026-06-10T10:00+02:00")
    assert report_due_at(event, PARIS, policy=shorter) == event + timedelta(days=1)
    assert alert_instants(event, policy=shorter) == (event + timedelta(hours=12),)


@pytest.mark.parametrize(
    "alerts",
    [
        (timedelta(hours=36), timedelta(hours=24)),
        (timedelta(hours=24), timedelta(hours=24)),
        (timedelta(0),),
        (timedelta(hours=47),),
    ],
)
def test_alerts_out_of_place_are_refused(alerts: tuple[timedelta, ...]) -> None:
    with pytest.raises(ValueError, match="alerts"):
        ReportPolicy(alerts_elapsed=alerts)
