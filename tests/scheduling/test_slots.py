"""Free slots against hand-made cases and a brute force that looks at every minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telecontrol.scheduling.slots import (
    Bookable,
    Grid,
    Span,
    all_free,
    first_free,
    free_slots,
    grid,
    instant,
    intersect,
    merge,
    slot_at,
    span,
    subtract,
)

DAY = datetime(2026, 6, 10, tzinfo=UTC)
BASE = int(DAY.timestamp())
many = settings(max_examples=250, deadline=None)


def hours(*pairs: tuple[float, float]) -> list[Span]:
    """Spans from hours of one day."""
    return [(BASE + int(start * 3600), BASE + int(end * 3600)) for start, end in pairs]


def cut(length: int, buffer: int = 0, step: int = 0, since: float = 0, until: float = 24) -> Grid:
    """A grid in minutes, between two hours of the day."""
    return grid(
        length=timedelta(minutes=length),
        buffer_after=timedelta(minutes=buffer),
        step=timedelta(minutes=step or length),
        not_before=DAY + timedelta(hours=since),
        not_after=DAY + timedelta(hours=until),
    )


def starts(bookable: Bookable, how: Grid) -> list[str]:
    return [f"{slot.starts_at:%H:%M}" for slot in all_free([bookable], how)]


def test_merging_joins_what_touches_and_drops_what_is_empty() -> None:
    assert merge([(5, 7), (1, 3), (3, 4), (6, 9), (8, 8), (20, 21)]) == [(1, 4), (5, 9), (20, 21)]
    with pytest.raises(ValueError, match="before it starts"):
        merge([(3, 1)])


def test_subtracting_keeps_touching_spans_apart() -> None:
    assert subtract([(0, 10), (10, 20)], [(5, 6), (15, 30)]) == [(0, 5), (6, 10), (10, 15)]
    assert subtract([(0, 10)], [(-5, 20)]) == []
    assert subtract([(0, 10)], []) == [(0, 10)]


def test_intersecting() -> None:
    assert intersect([(0, 10), (20, 30)], [(5, 25), (28, 40)]) == [(5, 10), (20, 25), (28, 30)]
    assert intersect([(0, 10)], [(10, 20)]) == []


@pytest.mark.parametrize("spans", [[(5, 6), (1, 2)], [(1, 5), (4, 6)], [(1, 1)], [(2, 1)]])
def test_spans_out_of_order_are_refused(spans: list[Span]) -> None:
    with pytest.raises(ValueError, match="in order"):
        subtract(spans, [])
    with pytest.raises(ValueError, match="in order"):
        intersect(spans, [(0, 10)])
    how = grid(
        length=timedelta(seconds=1),
        buffer_after=timedelta(0),
        step=timedelta(seconds=1),
        not_before=instant(0),
        not_after=instant(10),
    )
    with pytest.raises(ValueError, match="in order"):
        list(all_free([Bookable("doctor", spans)], how))


def test_a_span_covers_every_second_it_touches() -> None:
    part = timedelta(milliseconds=400)
    assert span(instant(10) + part, instant(20) + part) == (10, 21)
    assert span(instant(10), instant(20)) == (10, 20)
    assert span(instant(-10) - part, instant(-5)) == (-11, -5)
    with pytest.raises(ValueError, match="before it starts"):
        span(instant(20), instant(10))


def test_the_appointment_fits_and_its_buffer_may_run_over() -> None:
    doctor = Bookable("doctor", hours((9, 10)))
    assert starts(doctor, cut(20, buffer=10)) == ["09:00", "09:20", "09:40"]
    assert starts(doctor, cut(21, buffer=10, step=20)) == ["09:00", "09:20"]


def test_the_block_with_its_buffer_meets_nothing_busy() -> None:
    doctor = Bookable("doctor", hours((9, 11)), hours((10, 10.5)))
    assert starts(doctor, cut(20, buffer=10, step=10)) == ["09:00", "09:10", "09:20", "09:30", "10:30", "10:40"]
    assert starts(doctor, cut(20, buffer=0, step=10))[:5] == ["09:00", "09:10", "09:20", "09:30", "09:40"]


def test_starts_keep_to_the_grid_of_their_opening() -> None:
    doctor = Bookable("doctor", hours((9.25, 11), (14, 15)), hours((9.5, 9.6)))
    assert starts(doctor, cut(30)) == ["09:45", "10:15", "14:00", "14:30"]


def test_both_ends_of_the_search_may_be_starts() -> None:
    doctor = Bookable("doctor", hours((9, 12)))
    assert starts(doctor, cut(30, since=9.5, until=10.5)) == ["09:30", "10:00", "10:30"]
    assert starts(doctor, cut(30, since=9.51, until=10.49)) == ["10:00"]


def test_a_room_is_one_room_from_end_to_end() -> None:
    """At every instant some room is free, yet none is for the whole hour."""
    rooms = {"A": hours((9, 9.5)), "B": hours((9.5, 10))}
    doctor = Bookable("doctor", hours((9, 10)), (), rooms)
    assert starts(doctor, cut(60)) == []
    found = list(all_free([doctor], cut(30)))
    assert [(f"{slot.starts_at:%H:%M}", slot.room) for slot in found] == [("09:00", "B"), ("09:30", "A")]


def test_the_first_room_in_order_is_preferred_and_no_room_is_no_slot() -> None:
    doctor = Bookable("doctor", hours((9, 10)), (), {"B": [], "A": []})
    assert [slot.room for slot in all_free([doctor], cut(30))] == ["B", "B"]
    assert starts(Bookable("doctor", hours((9, 10)), (), {}), cut(30)) == []
    assert [slot.room for slot in all_free([Bookable("doctor", hours((9, 10)))], cut(30))] == [None, None]


def test_slots_of_several_doctors_come_by_time_then_in_the_given_order() -> None:
    late, early = Bookable("late", hours((9.5, 10.5))), Bookable("early", hours((9, 10)))
    found = [(f"{slot.starts_at:%H:%M}", slot.key) for slot in all_free([late, early], cut(30))]
    assert found == [("09:00", "early"), ("09:30", "late"), ("09:30", "early"), ("10:00", "late")]


def test_a_slot_tells_its_instants() -> None:
    slot = first_free([Bookable("doctor", hours((9, 10)))], cut(20, buffer=10))
    assert slot is not None
    assert slot.starts_at == DAY + timedelta(hours=9)
    assert slot.ends_at == DAY + timedelta(hours=9, minutes=20)
    assert slot.busy_until == DAY + timedelta(hours=9, minutes=30)
    assert slot.starts_at.tzinfo is UTC


def test_the_first_free_slot_does_not_compute_the_others() -> None:
    class Openings(Sequence[Span]):
        """Openings without end: whoever asks for all of them never returns."""

        def __len__(self) -> int:
            return 1 << 40

        def __getitem__(self, index: object) -> Span:  # type: ignore[override]
            assert isinstance(index, int)
            assert index < 1000, "the search went on"
            return hours((index, index + 1))[0]

    endless = grid(
        length=timedelta(minutes=20),
        buffer_after=timedelta(0),
        step=timedelta(minutes=20),
        not_before=DAY + timedelta(hours=9),
        not_after=datetime.max.replace(tzinfo=UTC),
    )
    slot = first_free([Bookable("doctor", Openings()), Bookable("other", Openings())], endless)
    assert slot is not None
    assert slot.starts_at == DAY + timedelta(hours=9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": timedelta(0)},
        {"step": timedelta(0)},
        {"buffer_after": timedelta(minutes=-1)},
        {"length": timedelta(microseconds=1)},
        {"step": timedelta(seconds=1.5)},
    ],
)
def test_grids_that_cannot_be_are_refused(wrong: dict[str, timedelta]) -> None:
    right = {"length": timedelta(minutes=20), "buffer_after": timedelta(0), "step": timedelta(minutes=10)}
    with pytest.raises(ValueError, match=r"positive|whole seconds"):
        grid(**{**right, **wrong}, not_before=DAY, not_after=DAY)


# --- brute force: time is a set of minutes ---

MINUTES = 300


def minutes_of(spans: Sequence[Span]) -> set[int]:
    return {minute for start, end in spans for minute in range(start, end)}


def in_seconds(spans: Sequence[Span]) -> list[Span]:
    return [(BASE + start * 60, BASE + end * 60) for start, end in spans]


def some_spans(most: int) -> st.SearchStrategy[list[Span]]:
    one = st.tuples(st.integers(0, MINUTES), st.integers(0, 60)).map(lambda pair: (pair[0], pair[0] + pair[1]))
    return st.lists(one, max_size=most)


@st.composite
def some_openings(draw: st.DrawFn) -> list[Span]:
    """In order and without overlap; some of them touch."""
    openings, at = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 90)), max_size=5)):
        openings.append((at + gap, at + gap + length))
        at += gap + length
    return openings


@st.composite
def some_bookable(draw: st.DrawFn) -> tuple[list[Span], list[Span], list[list[Span]] | None]:
    rooms = draw(st.none() | st.lists(some_spans(4), max_size=3))
    return draw(some_openings()), draw(some_spans(6)), rooms


@st.composite
def some_cut(draw: st.DrawFn) -> tuple[int, int, int, int, int]:
    """Length, buffer, step, first and last minute."""
    return (
        draw(st.integers(1, 50)),
        draw(st.integers(0, 20)),
        draw(st.integers(1, 30)),
        draw(st.integers(-10, MINUTES)),
        draw(st.integers(0, 2 * MINUTES)),
    )


def brute_force(
    described: tuple[list[Span], list[Span], list[list[Span]] | None], how: tuple[int, int, int, int, int]
) -> list[tuple[int, int | None]]:
    """(start, room) by trying every minute of every opening and looking at each minute of the block."""
    openings, busy, rooms = described
    length, buffer, step, first, last = how
    found: list[tuple[int, int | None]] = []
    for opens, closes in openings:
        for start in range(opens, closes):
            block = set(range(start, start + length + buffer))
            if (
                (start - opens) % step
                or not first <= start <= last
                or start + length > closes
                or block & minutes_of(busy)
            ):
                continue
            free = [None] if rooms is None else [n for n, room in enumerate(rooms) if not block & minutes_of(room)]
            if free:
                found.append((start, free[0]))
    return found


def built(described: tuple[list[Span], list[Span], list[list[Span]] | None], key: str = "doctor") -> Bookable:
    openings, busy, rooms = described
    named = None if rooms is None else {number: in_seconds(room) for number, room in enumerate(rooms)}
    return Bookable(key, in_seconds(openings), in_seconds(busy), named)


def cut_of(how: tuple[int, int, int, int, int]) -> Grid:
    length, buffer, step, first, last = how
    return cut(length, buffer, step, first / 60, last / 60)


@many
@given(described=some_bookable(), how=some_cut())
def test_slots_are_those_of_the_brute_force(
    described: tuple[list[Span], list[Span], list[list[Span]] | None], how: tuple[int, int, int, int, int]
) -> None:
    found = [((slot.start - BASE) // 60, slot.room) for slot in all_free([built(described)], cut_of(how))]
    assert found == brute_force(described, how)


@many
@given(doctors=st.lists(some_bookable(), max_size=4), how=some_cut())
def test_first_and_all_agree_and_what_is_offered_is_bookable(
    doctors: list[tuple[list[Span], list[Span], list[list[Span]] | None]], how: tuple[int, int, int, int, int]
) -> None:
    bookables = [built(described, key=str(number)) for number, described in enumerate(doctors)]
    everything = list(all_free(bookables, cut_of(how)))
    expected = sorted(
        (start, str(number), room)
        for number, described in enumerate(doctors)
        for start, room in brute_force(described, how)
    )
    assert [((slot.start - BASE) // 60, slot.key, slot.room) for slot in everything] == expected
    assert first_free(bookables, cut_of(how)) == next(iter(everything), None)
    for slot in islice(everything, 20):
        assert slot_at(bookables[int(str(slot.key))], slot.starts_at, cut_of(how)) == slot


@many
@given(described=some_bookable(), how=some_cut(), minute=st.integers(0, MINUTES), seconds=st.integers(0, 59))
def test_what_is_not_offered_is_not_bookable(
    described: tuple[list[Span], list[Span], list[list[Span]] | None],
    how: tuple[int, int, int, int, int],
    minute: int,
    seconds: int,
) -> None:
    found = slot_at(built(described), DAY + timedelta(minutes=minute, seconds=seconds), cut_of(how))
    offered = dict(brute_force(described, how)) if not seconds else {}
    assert (found is not None) is (minute in offered)
    if found is not None:
        assert found.room == offered[minute]


@many
@given(openings=some_openings(), busy=some_spans(6), how=some_cut())
def test_free_slots_is_the_simplest_case(
    openings: list[Span], busy: list[Span], how: tuple[int, int, int, int, int]
) -> None:
    length, buffer, step, first, last = how
    found = free_slots(
        in_seconds(openings),
        in_seconds(busy),
        length=timedelta(minutes=length),
        buffer_after=timedelta(minutes=buffer),
        step=timedelta(minutes=step),
        not_before=DAY + timedelta(minutes=first),
        not_after=DAY + timedelta(minutes=last),
    )
    expected = [DAY + timedelta(minutes=start) for start, _ in brute_force((openings, busy, None), how)]
    assert list(found) == expected


@many
@given(these=some_spans(8), those=some_spans(8))
def test_interval_arithmetic_is_that_of_sets(these: list[Span], those: list[Span]) -> None:
    a, b = merge(these), merge(those)
    assert minutes_of(a) == minutes_of(these)
    assert all(before[1] < after[0] for before, after in pairwise(a))
    assert minutes_of(subtract(a, those)) == minutes_of(these) - minutes_of(those)
    assert minutes_of(intersect(a, b)) == minutes_of(these) & minutes_of(those)
