"""How a deadline explains itself: the rule, its source, each way of counting, and which one won. Values for a page, no prose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Count(StrEnum):
    """A way of arriving at an instant."""

    ELAPSED = "elapsed"
    """Real hours, whatever the wall clock does."""
    WALL_CLOCK = "wall_clock"
    """The same time of day, some local days away."""
    END_OF_DAY = "end_of_day"
    """The end of a local day."""
    HARD_LIMIT = "hard_limit"
    """The invitation's hard limit."""
    WINDOW_OPENS = "window_opens"
    """The hour from which unsolicited messages may leave."""
    WINDOW_CLOSES = "window_closes"
    """The hour from which unsolicited messages may no longer leave."""
    AT_ONCE = "at_once"
    """As soon as the undo hold is over."""


class Rule(StrEnum):
    """How the readings give the deadline."""

    EARLIER_OF = "earlier_of"
    LATER_OF = "later_of"
    ONLY = "only"


class Source(StrEnum):
    """Where a rule comes from."""

    NOTICE = "notice_two_days"
    """The convocation by e-mail and SMS at least two days ahead (DOMAIN §2, notice)."""
    REMINDER = "reminder_on_the_eve"
    """The reminder by both on the eve (DOMAIN §2, notice)."""
    REPORT = "css_l315_1_ii"
    """Code de la sécurité sociale, art. L315-1 II: the report within 48 hours."""
    CHOICE = "choice"
    """Our own choice."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way of counting and the instant (UTC) it gives.

    `figure` is the policy's own figure: a duration for `elapsed`, whole local days for `wall_clock` and `end_of_day`,
    a local hour for the windows.
    """

    count: Count
    at: datetime
    figure: timedelta | time | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a deadline is what it is. `at` (UTC) is the winning reading less `margin`."""

    deadline: str
    rule: Rule
    source: Source
    policy_version: str
    zone: str
    readings: tuple[Reading, ...]
    won: Count
    at: datetime
    margin: timedelta = timedelta(0)

    @property
    def is_unanimous(self) -> bool:
        """Whether every reading gives the same instant, so that none had to win."""
        return len({reading.at for reading in self.readings}) == 1


def settle(
    deadline: str,
    *readings: Reading,
    source: Source,
    policy_version: str,
    zone: ZoneInfo,
    rule: Rule = Rule.EARLIER_OF,
    margin: timedelta = timedelta(0),
) -> Explanation:
    """Let the readings decide by `rule`; between equal ones the first given wins. Raises `ValueError` without a reading."""
    choose = max if rule is Rule.LATER_OF else min
    winner = choose(readings, key=lambda reading: reading.at)
    return Explanation(
        deadline=deadline,
        rule=rule if len(readings) > 1 else Rule.ONLY,
        source=source,
        policy_version=policy_version,
        zone=zone.key,
        readings=readings,
        won=winner.count,
        at=winner.at - margin,
        margin=margin,
    )
