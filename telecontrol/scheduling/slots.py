"""Free slots as pure arithmetic on half-open spans [start, end) of whole seconds since 1970 in UTC.

Whole numbers rather than datetimes inside: they compare ten times faster and cannot be naive. At the edges stand aware
instants, and a naive one is a `ValueError`.

The rule of a slot, in one place: an appointment [start, start + length) fits in one opening; its block
[start, start + length + buffer) meets nothing that is busy (the doctor's blocks, the insured's own appointments, and in
person at least one room of the site, the same one from end to end). The buffer may run over the end of the opening: a
doctor writes notes after the last appointment. Starts lie on a grid that begins with each opening.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from telecontrol.scheduling.wall_clock import in_utc

Span = tuple[int, int]
"""[start, end) in whole seconds since 1970, UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def span(starts_at: datetime, ends_at: datetime) -> Span:
    """The whole seconds that [starts_at, ends_at) touches. Raises `ValueError` when an instant is naive or the end comes
    first."""
    start, end = _second_at_or_before(starts_at), _second_at_or_after(ends_at)
    if end < start:
        raise ValueError(f"ends before it starts: {starts_at} to {ends_at}")
    return start, end


def instant(second: int) -> datetime:
    """The aware UTC instant of a second since 1970."""
    return datetime.fromtimestamp(second, UTC)


def merge(spans: Iterable[Span]) -> list[Span]:
    """The same time as `spans`, in order and without overlap; touching spans become one, empty ones vanish.

    Raises `ValueError` for a span that ends before it starts.
    """
    merged: list[Span] = []
    reach = None
    for start, end in sorted(spans):
        if end <= start:
            if end < start:
                raise ValueError(f"ends before it starts: {(start, end)}")
        elif reach is None or start > reach:
            merged.append((start, end))
            reach = end
        elif end > reach:
            merged[-1] = (merged[-1][0], end)
            reach = end
    return merged


def subtract(spans: Sequence[Span], holes: Iterable[Span]) -> list[Span]:
    """What is left of `spans` without `holes`. Spans that touch stay apart.

    Raises `ValueError` unless `spans` are in order and do not overlap, as `merge` gives them.
    """
    blocked = merge(holes)
    left: list[Span] = []
    first = 0
    for start, end in _in_order(spans):
        while first < len(blocked) and blocked[first][1] <= start:
            first += 1
        cursor, at = start, first
        while at < len(blocked) and blocked[at][0] < end:
            if blocked[at][0] > cursor:
                left.append((cursor, blocked[at][0]))
            cursor = blocked[at][1]
            at += 1
        if cursor < end:
            left.append((cursor, end))
    return left


def intersect(these: Sequence[Span], those: Sequence[Span]) -> list[Span]:
    """The time that lies in both. Raises `ValueError` unless each is in order and without overlap."""
    common: list[Span] = []
    a, b = list(_in_order(these)), list(_in_order(those))
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < end:
            common.append((start, end))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return common


@dataclass(frozen=True, slots=True)
class Grid:
    """How slots are cut, in seconds: made by `grid`."""

    length: int
    buffer_after: int
    step: int
    not_before: int
    not_after: int


def grid(
    *, length: timedelta, buffer_after: timedelta, step: timedelta, not_before: datetime, not_after: datetime
) -> Grid:
    """How to cut slots: appointments of `length` with `buffer_after` kept free behind them, starts every `step` from the
    beginning of each opening, none before `not_before` and none after `not_after` (both may themselves be starts).

    Raises `ValueError` for a naive instant, a length or step that is not positive, a negative buffer, or parts of seconds.
    """
    if length <= timedelta(0) or step <= timedelta(0) or buffer_after < timedelta(0):
        raise ValueError("length and step are positive, the buffer is not negative")
    return Grid(
        length=_whole_seconds(length),
        buffer_after=_whole_seconds(buffer_after),
        step=_whole_seconds(step),
        not_before=_second_at_or_after(not_before),
        not_after=_second_at_or_before(not_after),
    )


@dataclass(frozen=True, slots=True)
class Bookable:
    """Somebody (and, in person, somewhere) whose time can be booked.

    `openings` are in order and without overlap, as the agenda gives them. `busy` holds blocks in any order, the buffer of
    each included: the doctor's, and those of the insured who is to be booked. `key` and the rooms' names are the caller's. `rooms` is None when none is needed;
    otherwise each room's busy blocks by its name, in order of preference, and a slot needs one that is free.
    """

    key: Any
    openings: Sequence[Span]
    busy: Sequence[Span] = ()
    rooms: Mapping[Any, Sequence[Span]] | None = None


class FreeSlot(NamedTuple):
    """A slot that can be booked. Seconds since 1970; the properties give aware UTC instants."""

    start: int
    end: int
    block_end: int
    key: Any
    room: Any | None

    @property
    def starts_at(self) -> datetime:
        return instant(self.start)

    @property
    def ends_at(self) -> datetime:
        return instant(self.end)

    @property
    def busy_until(self) -> datetime:
        """End of the buffer."""
        return instant(self.block_end)


def all_free(bookables: Sequence[Bookable], cut: Grid) -> Iterator[FreeSlot]:
    """Every free slot, by start and then in the order of `bookables`; computed as it is asked for.

    Raises `ValueError` when openings are not in order.
    """
    streams = [_starts(bookable, cut, order) for order, bookable in enumerate(bookables)]
    rooms = [list(bookable.rooms or ()) for bookable in bookables]
    for start, order, room in heapq.merge(*streams):
        end = start + cut.length
        name = None if room < 0 else rooms[order][room]
        yield FreeSlot(start, end, end + cut.buffer_after, bookables[order].key, name)


def first_free(bookables: Sequence[Bookable], cut: Grid) -> FreeSlot | None:
    """The first of `all_free`, or None: the two agree because this is the other, stopped early."""
    return next(all_free(bookables, cut), None)


def slot_at(bookable: Bookable, starts_at: datetime, cut: Grid) -> FreeSlot | None:
    """The slot that `all_free` offers at exactly `starts_at`, or None: what is offered is bookable, and nothing else is.

    Raises `ValueError` when `starts_at` is naive.
    """
    wanted = Grid(
        length=cut.length,
        buffer_after=cut.buffer_after,
        step=cut.step,
        not_before=max(cut.not_before, _second_at_or_after(starts_at)),
        not_after=min(cut.not_after, _second_at_or_before(starts_at)),
    )
    return first_free([bookable], wanted)


def free_slots(
    open_intervals: Sequence[Span],
    busy_intervals: Sequence[Span],
    *,
    length: timedelta,
    buffer_after: timedelta,
    step: timedelta,
    not_before: datetime,
    not_after: datetime,
) -> Iterator[datetime]:
    """The starts, in order, of one doctor's free slots without a room: `all_free` for the simplest case. See `grid`."""
    cut = grid(length=length, buffer_after=buffer_after, step=step, not_before=not_before, not_after=not_after)
    found = all_free([Bookable(None, open_intervals, busy_intervals)], cut)
    return (slot.starts_at for slot in found)


def _starts(bookable: Bookable, cut: Grid, order: int) -> Iterator[tuple[int, int, int]]:
    """(start, order, index of the room or -1) of each slot of one bookable, by start."""
    if bookable.rooms is None:
        for run in _runs(bookable.openings, merge(bookable.busy), cut):
            for start in run:
                yield start, order, -1
        return
    last = None
    for start, room in heapq.merge(*(_starts_in(index, bookable, cut) for index in range(len(bookable.rooms)))):
        if start != last:
            yield start, order, room
            last = start


def _starts_in(index: int, bookable: Bookable, cut: Grid) -> Iterator[tuple[int, int]]:
    """(start, index) of each slot in one room: what its time and the doctor's leave free together."""
    rooms = list((bookable.rooms or {}).values())
    for run in _runs(bookable.openings, merge([*bookable.busy, *rooms[index]]), cut):
        for start in run:
            yield start, index


def _runs(openings: Sequence[Span], busy: Sequence[Span], cut: Grid) -> Iterator[range]:
    """The starts between one busy block and the next, run by run: each opening and each block is looked at once."""
    first = 0
    needs = cut.length + cut.buffer_after
    for opens, closes in _in_order(openings):
        if opens > cut.not_after:
            return
        cursor, latest = max(opens, cut.not_before), min(closes - cut.length, cut.not_after)
        while first < len(busy) and busy[first][1] <= cursor:
            first += 1
        at = first
        while cursor <= latest:
            next_busy = busy[at] if at < len(busy) else None
            last = latest if next_busy is None else min(latest, next_busy[0] - needs)
            on_grid = opens + -(-(cursor - opens) // cut.step) * cut.step
            if on_grid <= last:
                yield range(on_grid, last + 1, cut.step)
            if next_busy is None:
                break
            cursor = max(cursor, next_busy[1])
            at += 1


def _in_order(spans: Sequence[Span]) -> Iterator[Span]:
    reach = None
    for start, end in spans:
        if end <= start or (reach is not None and start < reach):
            raise ValueError(f"spans must be in order, without overlap and not empty: {(start, end)}")
        reach = end
        yield start, end


def _second_at_or_before(at: datetime) -> int:
    return (in_utc(at) - _EPOCH) // _SECOND


def _second_at_or_after(at: datetime) -> int:
    return -((_EPOCH - in_utc(at)) // _SECOND)


def _whole_seconds(duration: timedelta) -> int:
    if duration % _SECOND:
        raise ValueError(f"not whole seconds: {duration}")
    return duration // _SECOND
