"""The only place that reads the wall clock.

Everything else is handed a `Clock`, or an instant. Instants are aware and in UTC; a naive one is a `ValueError`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What tells the service's time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def steady_seconds() -> float:
    """Seconds since some instant, that no setting of the hour touches. A machine's sleep counts in them where the system says
    so (`CLOCK_BOOTTIME`): a laptop that woke up is no jump of the clock."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class WatchedClock:
    """The machine's clock, held against one that nobody sets (PROMISES P16).

    While the two agree this is the machine's clock. Once they are apart by more than `tolerance` the hour was set, rightly or
    not: time goes on from where it was, so that nothing becomes due by it, until they agree again or `trust_wall` is called.
    """

    def __init__(
        self,
        wall: Clock | None = None,
        *,
        steady: Callable[[], float] = steady_seconds,
        tolerance: timedelta = timedelta(minutes=1),
    ) -> None:
        self._wall = wall or SystemClock()
        self._steady = steady
        self._tolerance = tolerance
        self.trust_wall()

    def now(self) -> datetime:
        wall, steady = self._wall.now(), self._steady()
        expected = _EPOCH + timedelta(seconds=steady) + self._trusted
        if abs(wall - expected) > self._tolerance:
            return expected
        return wall

    @property
    def wall(self) -> datetime:
        """What the machine says, right or wrong."""
        return self._wall.now()

    @property
    def gap(self) -> timedelta:
        """How far the machine's clock is ahead of the hour that it should show; negative when it was put back."""
        return self._offset() - self._trusted

    @property
    def was_set(self) -> bool:
        return abs(self.gap) > self._tolerance

    @property
    def trusted(self) -> timedelta:
        """The machine's clock less the steady one, as they stood when they last were trusted: to be kept over a restart."""
        return self._trusted

    def settle(self) -> bool:
        """After an hour of agreement, take in the small corrections since: months of them are no jump. Whether it did."""
        if self.was_set or self._steady() - self._settled < _SETTLES_AFTER:
            return False
        self.trust_wall()
        return True

    def trust(self, offset: timedelta) -> None:
        """Hold the machine's clock against what an earlier process of the same boot trusted."""
        self._trusted = offset

    def trust_wall(self) -> None:
        """Somebody looked: the machine's hour is right as it is."""
        self._trusted = self._offset()
        self._settled = self._steady()

    def _offset(self) -> timedelta:
        return self._wall.now() - (_EPOCH + timedelta(seconds=self._steady()))


_SETTLES_AFTER = 3600.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class VirtualClock:
    """The machine's clock plus an offset that only grows: the demo's time bar, and tests.

    With `frozen_at` the clock stands still until `advance` is called.
    """

    def __init__(self, *, offset: timedelta = timedelta(0), frozen_at: datetime | None = None) -> None:
        self._offset = offset
        self._frozen_at = None if frozen_at is None else as_utc(frozen_at)

    @property
    def offset(self) -> timedelta:
        """How far this clock is ahead of the machine's."""
        if self._frozen_at is None:
            return self._offset
        return self.now() - datetime.now(UTC)

    def now(self) -> datetime:
        if self._frozen_at is not None:
            return self._frozen_at + self._offset
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`; service time never goes back (`ValueError`)."""
        if by < timedelta(0):
            raise ValueError("the service's clock only moves forward")
        self._offset += by

    def advance_to(self, instant: datetime) -> None:
        """Move forward to `instant`; an instant already past changes nothing."""
        self.advance(max(timedelta(0), as_utc(instant) - self.now()))


def as_utc(instant: datetime) -> datetime:
    """`instant` in UTC. Raises `ValueError` when it is naive."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(f"naive datetime: {instant!r}")
    return instant.astimezone(UTC)
