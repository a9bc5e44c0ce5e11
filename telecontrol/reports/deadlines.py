"""The 48 hours of the report (DOMAIN §3), as pure functions of the fact's instant and the insured's legal zone.

The count starts at `event_at`, the fact: the conclusion, or for an absence the end of the waiting time after the scheduled
start; never at the time of recording. Weekends and holidays count. A naive instant is a `ValueError`; results are in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from telecontrol.scheduling.readings import Count, Explanation, Reading, Source, settle
from telecontrol.scheduling.wall_clock import earliest_instant, in_utc, on_wall_clock

REPORT_DUE = "report_due"
"""The name under which the deadline explains itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPolicy:
    """The figures of one version of the report rules. Raises `ValueError` for figures that cannot work together."""

    version: str = "2026.1"
    """Name of this set of figures, kept with each explanation."""
    due_elapsed: timedelta = timedelta(hours=48)
    """Real time after the fact. Source: CSS L315-1 II, strict reading."""
    due_days: int = 2
    """Local days after the fact, at the same wall-clock time. Source: as above, calendar reading."""
    alerts_elapsed: tuple[timedelta, ...] = (timedelta(hours=24), timedelta(hours=36), timedelta(hours=44))
    """Real time after the fact at which the unsent report is alerted, in order. Source: choice."""

    def __post_init__(self) -> None:
        if list(self.alerts_elapsed) != sorted(set(self.alerts_elapsed)):
            raise ValueError("alerts come in order, each once")
        # A clock change takes an hour from the wall-clock reading: the last alert still comes before it.
        shortest = min(self.due_elapsed, timedelta(days=self.due_days)) - timedelta(hours=1)
        if not all(timedelta(0) < alert < shortest for alert in self.alerts_elapsed):
            raise ValueError("alerts come after the fact and before the report is due")


CURRENT = ReportPolicy()
"""The figures in force."""


def report_due_at(event_at: datetime, zone: ZoneInfo, *, policy: ReportPolicy = CURRENT) -> datetime:
    """The instant by which the report must have reached the insurer: the earlier of 48 real hours after the fact and the
    same wall-clock time two local days later. A wall-clock time that does not exist, or exists twice, is taken at its
    earlier instant."""
    return explain(event_at, zone, policy=policy).at


def alert_instants(event_at: datetime, *, policy: ReportPolicy = CURRENT) -> tuple[datetime, ...]:
    """When a report that is still missing is alerted: 24, 36 and 44 real hours after the fact, in order.

    Real hours need no zone; around a spring change the last one comes three hours before the report is due, not four.
    """
    event = in_utc(event_at)
    return tuple(event + elapsed for elapsed in policy.alerts_elapsed)


def explain(event_at: datetime, zone: ZoneInfo, *, policy: ReportPolicy = CURRENT) -> Explanation:
    """Why the report is due when it is; `report_due_at` returns its `at`."""
    event = in_utc(event_at)
    local = on_wall_clock(event, zone)
    days = timedelta(days=policy.due_days)
    return settle(
        REPORT_DUE,
        Reading(Count.ELAPSED, event + policy.due_elapsed, policy.due_elapsed),
        Reading(Count.WALL_CLOCK, earliest_instant(local.date() + days, local.time(), zone), days),
        source=Source.REPORT,
        policy_version=policy.version,
        zone=zone,
    )
