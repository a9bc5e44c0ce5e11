"""Openings against hand-made cases and an oracle that looks at the wall clock of every minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telecontrol.scheduling.agenda import Absence, DatedException, Place, WeeklyOpening, expand_openings, local_days
from telecontrol.scheduling.calendar import Territory, public_holidays_between
from telecontrol.scheduling.slots import Bookable, Span, all_free, free_slots, grid, instant
from tests.scheduling import oracle
from tests.scheduling.oracle import CHANGES, MINUTE, zones

PARIS = ZoneInfo("Europe/Paris")
MIQUELON = ZoneInfo("America/Miquelon")
VIDEO = Place("video")
LYON = Place("surgery", "Lyon")
NANTES = Place("surgery", "Nantes")

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def every_day(opens: time, closes: time, place: Place = VIDEO) -> list[WeeklyOpening]:
    return [WeeklyOpening(weekday, opens, closes, place) for weekday in range(7)]


def shown(spans: Sequence[Span], zone: ZoneInfo = PARIS) -> list[str]:
    """Spans as a reader of the wall clock would write them."""
    return [
        f"{instant(start).astimezone(zone):%d %H:%M%z}-{instant(end).astimezone(zone):%H:%M%z}" for start, end in spans
    ]


def on_day(day: date, weekly: list[WeeklyOpening], zone: ZoneInfo = PARIS) -> list[Span]:
    return expand_openings(weekly, zone=zone, first_on=day, last_on=day).get(VIDEO, [])


@pytest.mark.parametrize(
    ("zone", "day", "real_hours"),
    [
        (PARIS, SPRING, 3),
        (PARIS, AUTUMN, 5),
        (PARIS, date(2026, 6, 10), 4),
        (MIQUELON, date(2026, 3, 8), 3),
        (MIQUELON, SPRING, 4),
        (MIQUELON, AUTUMN, 4),
        (ZoneInfo("Indian/Reunion"), SPRING, 4),
    ],
)
def test_a_night_opening_has_the_hours_its_night_has(zone: ZoneInfo, day: date, real_hours: int) -> None:
    [(start, end)] = on_day(day, every_day(time(1), time(5)), zone)
    assert end - start == real_hours * 3600
    slots = free_slots(
        [(start, end)],
        [],
        length=timedelta(hours=1),
        buffer_after=timedelta(0),
        step=timedelta(hours=1),
        not_before=instant(start),
        not_after=instant(end),
    )
    assert len(list(slots)) == real_hours


def test_miquelons_autumn_change_repeats_the_hour_from_one() -> None:
    """Its clock goes from 02:00 back to 01:00: an opening from 01:00 has that hour twice."""
    [(start, end)] = on_day(date(2026, 11, 1), every_day(time(1), time(5)), MIQUELON)
    assert (end - start) == 5 * 3600


@pytest.mark.parametrize(
    ("day", "opens", "closes", "expected"),
    [
        # What is jumped over is not there; a range inside the jump is empty.
        (SPRING, time(2, 30), time(5), ["29 03:00+0200-05:00+0200"]),
        (SPRING, time(1), time(2, 30), ["29 01:00+0100-03:00+0200"]),
        (SPRING, time(2), time(3), []),
        # What is shown twice is open twice.
        (AUTUMN, time(2), time(3), ["25 02:00+0200-03:00+0100"]),
        (AUTUMN, time(2, 30), time(3), ["25 02:30+0200-02:00+0100", "25 02:30+0100-03:00+0100"]),
        # Whole days have 23 and 25 hours.
        (SPRING, time(0), time(0), ["29 00:00+0100-00:00+0200"]),
        (AUTUMN, time(0), time(0), ["25 00:00+0200-00:00+0100"]),
        # By day nothing happens but the offset.
        (SPRING, time(9), time(12), ["29 09:00+0200-12:00+0200"]),
        (AUTUMN, time(9), time(12), ["25 09:00+0100-12:00+0100"]),
    ],
)
def test_clock_changes(day: date, opens: time, closes: time, expected: list[str]) -> None:
    assert shown(on_day(day, every_day(opens, closes))) == expected


def test_a_week_keeps_its_wall_clock_across_the_change() -> None:
    weekly = [WeeklyOpening(0, time(9), time(12), VIDEO), WeeklyOpening(4, time(14), time(17), VIDEO)]
    found = expand_openings(weekly, zone=PARIS, first_on=date(2026, 3, 23), last_on=date(2026, 4, 3))
    assert shown(found[VIDEO]) == [
        "23 09:00+0100-12:00+0100",
        "27 14:00+0100-17:00+0100",
        "30 09:00+0200-12:00+0200",
        "03 14:00+0200-17:00+0200",
    ]


def test_a_range_holds_between_its_dates_both_included() -> None:
    weekly = [
        WeeklyOpening(2, time(9), time(10), VIDEO, valid_from_on=date(2026, 6, 10), valid_until_on=date(2026, 6, 17))
    ]
    found = expand_openings(weekly, zone=PARIS, first_on=date(2026, 6, 1), last_on=date(2026, 6, 30))
    assert shown(found[VIDEO]) == ["10 09:00+0200-10:00+0200", "17 09:00+0200-10:00+0200"]


def test_ranges_of_one_day_that_touch_become_one_and_midnight_parts_days() -> None:
    weekly = [*every_day(time(12), time(14)), *every_day(time(9), time(12)), *every_day(time(22), time(0))]
    weekly += every_day(time(0), time(1))
    found = expand_openings(weekly, zone=PARIS, first_on=date(2026, 6, 10), last_on=date(2026, 6, 11))
    assert shown(found[VIDEO]) == [
        "10 00:00+0200-01:00+0200",
        "10 09:00+0200-14:00+0200",
        "10 22:00+0200-00:00+0200",
        "11 00:00+0200-01:00+0200",
        "11 09:00+0200-14:00+0200",
        "11 22:00+0200-00:00+0200",
    ]


def test_places_are_apart_though_their_hours_overlap() -> None:
    weekly = [*every_day(time(9), time(12)), *every_day(time(10), time(11), LYON)]
    found = expand_openings(weekly, zone=PARIS, first_on=date(2026, 6, 10), last_on=date(2026, 6, 10))
    assert {place: shown(spans) for place, spans in found.items()} == {
        VIDEO: ["10 09:00+0200-12:00+0200"],
        LYON: ["10 10:00+0200-11:00+0200"],
    }


def test_holidays_are_a_switch() -> None:
    first, last = date(2026, 5, 22), date(2026, 5, 26)
    closed = public_holidays_between(first, last, Territory.MARTINIQUE)
    weekly, opened = every_day(time(9), time(10)), DatedException(date(2026, 5, 25), True, time(15), time(16), VIDEO)
    found = expand_openings(weekly, [opened], zone=PARIS, first_on=first, last_on=last, closed_on=closed)
    assert [text[:8] for text in shown(found[VIDEO])] == ["23 09:00", "24 09:00", "25 15:00", "26 09:00"]
    open_anyway = expand_openings(weekly, zone=PARIS, first_on=first, last_on=last)
    assert len(open_anyway[VIDEO]) == 5


@pytest.mark.parametrize(
    ("exceptions", "video", "lyon"),
    [
        ([DatedException(date(2026, 6, 10), False)], [], []),
        ([DatedException(date(2026, 6, 10), False, place=VIDEO)], [], ["09:00-12:00"]),
        ([DatedException(date(2026, 6, 10), False, place=Place("surgery"))], ["09:00-12:00"], []),
        ([DatedException(date(2026, 6, 10), False, place=NANTES)], ["09:00-12:00"], ["09:00-12:00"]),
        ([DatedException(date(2026, 6, 11), False)], ["09:00-12:00"], ["09:00-12:00"]),
        (
            [DatedException(date(2026, 6, 10), False, time(10), time(11), VIDEO)],
            ["09:00-10:00", "11:00-12:00"],
            ["09:00-12:00"],
        ),
        # Closed all day but for two hours, in whichever order it was written.
        (
            [
                DatedException(date(2026, 6, 10), True, time(10), time(12), VIDEO),
                DatedException(date(2026, 6, 10), False),
            ],
            ["10:00-12:00"],
            [],
        ),
        ([DatedException(date(2026, 6, 10), True, time(11), time(14), LYON)], ["09:00-12:00"], ["09:00-14:00"]),
    ],
)
def test_dated_exceptions(exceptions: list[DatedException], video: list[str], lyon: list[str]) -> None:
    weekly = [*every_day(time(9), time(12)), *every_day(time(9), time(12), LYON)]
    found = expand_openings(weekly, exceptions, zone=PARIS, first_on=date(2026, 6, 10), last_on=date(2026, 6, 10))

    def hours(place: Place) -> list[str]:
        return [f"{text[3:8]}-{text[14:19]}" for text in shown(found.get(place, []))]

    assert (hours(VIDEO), hours(LYON)) == (video, lyon)


def test_absences_take_whole_minutes_from_every_place() -> None:
    away = Absence(datetime(2026, 6, 10, 10, 10, 30, tzinfo=PARIS), datetime(2026, 6, 10, 10, 25, 37, tzinfo=PARIS))
    weekly = [*every_day(time(9), time(12)), *every_day(time(10), time(11), LYON)]
    found = expand_openings(weekly, (), [away], zone=PARIS, first_on=date(2026, 6, 10), last_on=date(2026, 6, 10))
    assert shown(found[VIDEO]) == ["10 09:00+0200-10:10+0200", "10 10:26+0200-12:00+0200"]
    assert shown(found[LYON]) == ["10 10:00+0200-10:10+0200", "10 10:26+0200-11:00+0200"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: WeeklyOpening(7, time(9), time(10), VIDEO),
        lambda: WeeklyOpening(0, time(10), time(10), VIDEO),
        lambda: WeeklyOpening(0, time(22), time(6), VIDEO),
        lambda: WeeklyOpening(0, time(9, 0, 30), time(10), VIDEO),
        lambda: WeeklyOpening(0, time(9, tzinfo=UTC), time(10), VIDEO),
        lambda: DatedException(SPRING, True),
        lambda: DatedException(SPRING, False, time(10), time(9)),
        lambda: Absence(datetime(2026, 6, 11, tzinfo=UTC), datetime(2026, 6, 10, tzinfo=UTC)),
        lambda: Absence(datetime(2026, 6, 10), datetime(2026, 6, 11, tzinfo=UTC)),  # noqa: DTZ001
        lambda: expand_openings([], zone=PARIS, first_on=SPRING, last_on=SPRING - timedelta(days=1)),
    ],
)
def test_what_cannot_be_is_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=r"."):
        make()


def test_local_days_of_two_instants() -> None:
    evening = datetime(2026, 6, 10, 22, 30, tzinfo=UTC)
    assert local_days(evening - timedelta(hours=1), evening, PARIS) == (date(2026, 6, 10), date(2026, 6, 11))
    assert local_days(evening, evening, ZoneInfo("America/Cayenne")) == (date(2026, 6, 10), date(2026, 6, 10))


# --- the oracle: look at the wall clock of every minute ---

wall_times = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
places = st.sampled_from([VIDEO, LYON, NANTES])


@st.composite
def wall_ranges(draw: st.DrawFn) -> tuple[time, time]:
    opens, closes = sorted(draw(st.lists(wall_times, min_size=2, max_size=2, unique=True)))
    return opens, draw(st.sampled_from([closes, closes, time(0)]))


@st.composite
def agendas(
    draw: st.DrawFn,
) -> tuple[ZoneInfo, date, date, list[WeeklyOpening], list[DatedException], list[Absence], set[date]]:
    zone = draw(zones)
    first = draw(st.sampled_from(CHANGES)).astimezone(zone).date() - timedelta(days=draw(st.integers(0, 2)))
    last = first + timedelta(days=2)
    days = st.sampled_from([first + timedelta(days=number) for number in range(-1, 5)])
    weekly = [
        WeeklyOpening(
            draw(st.integers(0, 6)), *draw(wall_ranges()), draw(places), draw(st.none() | days), draw(st.none() | days)
        )
        for _ in range(draw(st.integers(0, 12)))
    ]
    exceptions = [
        DatedException(
            draw(days),
            is_open,
            *draw(wall_ranges()),
            draw(places if is_open else st.none() | places | st.just(Place("surgery"))),
        )
        for is_open in draw(st.lists(st.booleans(), max_size=4))
    ]
    begins = datetime.combine(first, time(0), tzinfo=UTC)
    absences = [
        Absence(begins + start * MINUTE, begins + (start + length) * MINUTE)
        for start, length in draw(st.lists(st.tuples(st.integers(-600, 5000), st.integers(0, 900)), max_size=3))
    ]
    return zone, first, last, weekly, exceptions, absences, draw(st.sets(days, max_size=1))


def covers(opens: time, closes: time, at: time) -> bool:
    return opens <= at and (closes == time(0) or at < closes)


def is_open(
    at: datetime,
    on_clock: datetime,
    place: Place,
    agenda: tuple[ZoneInfo, date, date, list[WeeklyOpening], list[DatedException], list[Absence], set[date]],
) -> bool:
    """The rule in words, for one minute and what the clock shows then."""
    _, first, last, weekly, exceptions, absences, closed_on = agenda
    today, hour = on_clock.date(), on_clock.time()
    if not first <= today <= last or any(away.starts_at <= at < away.ends_at for away in absences):
        return False
    dated = [each for each in exceptions if each.on == today and covers(each.opens, each.closes, hour)]
    if any(each.is_open and each.place == place for each in dated):
        return True
    closing = {None, place, Place(place.mode)}
    if today in closed_on or any(not each.is_open and each.place in closing for each in dated):
        return False
    return any(
        each.weekday == today.weekday()
        and each.place == place
        and (each.valid_from_on or today) <= today <= (each.valid_until_on or today)
        and covers(each.opens, each.closes, hour)
        for each in weekly
    )


@settings(max_examples=80, deadline=None)
@given(agenda=agendas())
def test_openings_are_those_of_the_wall_clock(
    agenda: tuple[ZoneInfo, date, date, list[WeeklyOpening], list[DatedException], list[Absence], set[date]],
) -> None:
    zone, first, last, weekly, exceptions, absences, closed_on = agenda
    found = expand_openings(weekly, exceptions, absences, zone=zone, first_on=first, last_on=last, closed_on=closed_on)
    begins = datetime.combine(first, time(0), tzinfo=UTC) - timedelta(hours=15)
    minutes = oracle.minutes_between(begins, begins + timedelta(days=4, hours=6))
    around = [(each, oracle.wall(each, zone)) for each in minutes]
    for place in (VIDEO, LYON, NANTES):
        spans = found.get(place, [])
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        opened = {instant(second) for start, end in spans for second in range(start, end, 60)}
        assert opened == {each for each, on_clock in around if is_open(each, on_clock, place, agenda)}


@settings(max_examples=60, deadline=None)
@given(
    zone=zones,
    change=st.sampled_from(CHANGES),
    wall_range=wall_ranges(),
    length=st.sampled_from([15, 20, 45, 90]),
    step=st.sampled_from([5, 15, 30]),
    busy=st.lists(st.tuples(st.integers(0, 3 * 1440), st.integers(1, 200)), max_size=4),
)
def test_slots_across_clock_changes(
    zone: ZoneInfo, change: datetime, wall_range: tuple[time, time], length: int, step: int, busy: list[tuple[int, int]]
) -> None:
    """Agenda and slots together, against every minute of three days and the wall clock it shows."""
    middle = change.astimezone(zone).date()
    first, last = middle - timedelta(days=1), middle + timedelta(days=1)
    found = expand_openings(every_day(*wall_range), zone=zone, first_on=first, last_on=last).get(VIDEO, [])
    begins = datetime.combine(first, time(0), tzinfo=UTC) - timedelta(hours=15)
    blocks = [(begins + start * MINUTE, begins + (start + taken) * MINUTE) for start, taken in busy]
    how = grid(
        length=length * MINUTE,
        buffer_after=5 * MINUTE,
        step=step * MINUTE,
        not_before=begins,
        not_after=begins + timedelta(days=5),
    )
    spans = [(int(start.timestamp()), int(end.timestamp())) for start, end in blocks]
    offered = [slot.starts_at for slot in all_free([Bookable("doctor", found, spans)], how)]

    taken = {each for start, end in blocks for each in oracle.minutes_between(start, end)}
    expected, run = [], 0
    minutes = list(oracle.minutes_between(begins, begins + timedelta(days=4, hours=6)))
    days = [oracle.wall(each, zone).date() for each in minutes]
    opened = [
        first <= day <= last and covers(*wall_range, oracle.wall(each, zone).time())
        for each, day in zip(minutes, days, strict=True)
    ]
    for index, each in enumerate(minutes):
        # How many minutes the present unbroken opening has lasted; midnight begins another.
        run = (
            run + 1
            if opened[index] and index and opened[index - 1] and days[index] == days[index - 1]
            else int(opened[index])
        )
        inside = range(index, index + length)
        if (
            run
            and (run - 1) % step == 0
            and all(i < len(minutes) and opened[i] and days[i] == days[index] for i in inside)
            and not taken.intersection(each + number * MINUTE for number in range(length + 5))
        ):
            expected.append(each)
    assert offered == expected
