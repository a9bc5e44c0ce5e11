"""The only place that reads the wall clock.

Everything else is handed a `Clock`, or an instant. Instants are aware and in UTC; a naive one is a `ValueError`.
"""

from __future__ import annotations

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
