"""Deadlines against an oracle that steps minute by minute through real time, looking at wall clocks (see `oracle.py`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from telecontrol.scheduling import deadlines
from telecontrol.scheduling.deadlines import Deadline, NoticePolicy
from telecontrol.scheduling.wall_clock import earliest_instant, happens_twice
from tests.scheduling import oracle
from tests.scheduling.oracle import MINUTE, whole_minutes, zones

PARIS = ZoneInfo("Europe/Paris")
HOLDS = st.sampled_from([timedelta(0), timedelta(minutes=2), timedelta(hours=3)])

few = settings(max_examples=100, deadline=None)
many = settings(max_examples=250, deadline=None)


@few
@given(start=whole_minutes(), zone=zones)
@example(start=datetime(2026, 3, 29, 22, 14, tzinfo=UTC), zone=PARIS)
@example(start=datetime(2026, 3, 30, 22, 30, tzinfo=UTC), zone=PARIS)
@example(start=datetime(2026, 10, 27, 1, 30, tzinfo=UTC), zone=PARIS)
def test_the_hard_limit_and_the_target(start: datetime, zone: ZoneInfo) -> None:
    limit = oracle.hard_limit(start, zone)
    assert deadlines.invitation_hard_limit(start, zone) == limit
    two_days_before = oracle.wall(start, zone).date() - timedelta(days=2)
    end_of_third_day = oracle.start_of_day(two_days_before, zone, near=start - timedelta(hours=48))
    assert deadlines.invitation_target(start, zone) == end_of_third_day


@few
@given(start=whole_minutes(), zone=zones)
def test_the_reminder_window(start: datetime, zone: ZoneInfo) -> None:
    eve = oracle.wall(start, zone).date() - timedelta(days=1)
    around = oracle.minutes_between(start - timedelta(hours=54), start)
    inside = [each for each in around if oracle.wall(each, zone).date() == eve and oracle.is_open(each, zone)]
    assert deadlines.reminder_window(start, zone) == (inside[0], inside[-1] + MINUTE)


@few
@given(start=whole_minutes(), zone=zones, margin=st.integers(1, 360))
def test_the_last_safe_sending(start: datetime, zone: ZoneInfo, margin: int) -> None:
    policy = NoticePolicy(sending_margin=timedelta(minutes=margin))
    expected = oracle.last_safe_sending(start, zone, margin)
    assert deadlines.last_safe_sending(start, zone, policy=policy) == expected
    assert oracle.is_open(expected, zone)


@few
@given(created=whole_minutes(), ahead=st.integers(0, 6 * 1440), zone=zones, hold=HOLDS)
def test_when_an_invitation_leaves(created: datetime, ahead: int, zone: ZoneInfo, hold: timedelta) -> None:
    start = created + ahead * MINUTE
    last_safe = oracle.last_safe_sending(start, zone, 30)
    ready = created + hold
    waited = oracle.next_open(ready, zone)
    expected = waited if waited <= last_safe else ready
    assert deadlines.earliest_sending(created, start, zone, hold=hold) == expected
    assert deadlines.can_be_convoked(created, start, zone, hold=hold) is (expected <= last_safe)


@few
@given(now=whole_minutes(), zone=zones, hold=HOLDS)
@example(now=datetime(2026, 10, 23, 0, 20, tzinfo=UTC), zone=PARIS, hold=timedelta(0))
def test_the_first_bookable_start_is_the_first(now: datetime, zone: ZoneInfo, hold: timedelta) -> None:
    first = deadlines.first_bookable_start(now, zone, hold=hold)
    leaves = oracle.next_open(now + hold, zone)
    assert leaves <= oracle.last_safe_sending(first, zone, 30)
    assert leaves > oracle.last_safe_sending(first - MINUTE, zone, 30)


@many
@given(now=whole_minutes(), zone=zones, minutes=st.integers(-5 * 1440, 5 * 1440), seconds=st.integers(0, 59))
def test_what_can_be_convoked_begins_there_and_never_ends(
    now: datetime, zone: ZoneInfo, minutes: int, seconds: int
) -> None:
    now += timedelta(seconds=seconds)
    first = deadlines.first_bookable_start(now, zone)
    start = first + minutes * MINUTE
    assert first.second == 0
    if happens_twice(start, zone):
        return
    assert deadlines.can_be_convoked(now, start, zone) is (start >= first)


@many
@given(at=whole_minutes(), zone=zones)
def test_the_open_window(at: datetime, zone: ZoneInfo) -> None:
    window = deadlines.open_window_at(at, zone)
    assert (window is not None) is oracle.is_open(at, zone)
    assert deadlines.next_open_instant(at, zone) == oracle.next_open(at, zone)
    if window is not None:
        opens, closes = window
        assert opens <= at < closes
        assert all(oracle.is_open(each, zone) for each in (opens, closes - MINUTE))
        assert not any(oracle.is_open(each, zone) for each in (opens - MINUTE, closes))


@many
@given(now=whole_minutes(), ahead=st.integers(-1440, 2 * 1440), zone=zones)
def test_immediate_changes(now: datetime, ahead: int, zone: ZoneInfo) -> None:
    start = now + ahead * MINUTE
    next_ten = now + MINUTE
    while oracle.wall(next_ten, zone).strftime("%H:%M") != "10:00":
        next_ten += MINUTE
    immediate = start < next_ten
    assert deadlines.is_immediate_change(now, start, zone) is immediate
    assert deadlines.change_leaves_at(now, start, zone) == (now if immediate else oracle.next_open(now, zone))


@few
@given(shown=whole_minutes(), zone=zones)
@example(shown=datetime(2026, 3, 29, 2, 30, tzinfo=UTC), zone=PARIS)
@example(shown=datetime(2026, 10, 25, 2, 30, tzinfo=UTC), zone=PARIS)
def test_a_local_time_is_an_instant_only_if_it_is_shown_once(shown: datetime, zone: ZoneInfo) -> None:
    local = shown.replace(tzinfo=None)
    moments = oracle.shown_at(local, zone, near=shown)
    try:
        found = [deadlines.local_instant(local.date(), local.time(), zone)]
    except deadlines.NonexistentLocalTime:
        found = []
    except deadlines.AmbiguousLocalTime:
        found = moments
        assert len(moments) == 2
    assert found == moments
    if moments:
        assert earliest_instant(local.date(), local.time(), zone) == moments[0]
    assert all(happens_twice(each, zone) is (len(moments) == 2) for each in moments)


@many
@given(start=whole_minutes(), zone=zones)
def test_the_deadlines_come_in_their_order(start: datetime, zone: ZoneInfo) -> None:
    limit = deadlines.invitation_hard_limit(start, zone)
    target = deadlines.invitation_target(start, zone)
    opens, closes = deadlines.reminder_window(start, zone)
    assert limit <= start - timedelta(hours=48)
    # A spring change may bring the limit up to an hour before the end of local D−3, and never more.
    assert target <= limit + timedelta(hours=1)
    assert deadlines.last_safe_sending(start, zone) + deadlines.CURRENT.sending_margin <= limit
    assert limit < closes
    assert opens < closes < start


@many
@given(
    start=whole_minutes(),
    zone=zones,
    deadline=st.sampled_from([each for each in Deadline if each != "earliest_sending"]),
)
def test_an_explanation_adds_up(start: datetime, zone: ZoneInfo, deadline: Deadline) -> None:
    explained = deadlines.explain(deadline, start, zone)
    assert explained.at == min(reading.at for reading in explained.readings) - explained.margin
    assert explained.is_unanimous is all(
        reading.at - explained.margin == explained.at for reading in explained.readings
    )
    assert all(reading.at.tzinfo is UTC for reading in explained.readings)
