"""Every deadline of an appointment's messages, as pure functions of instants and the insured's legal zone (DOMAIN §3).

`zone` is always the legal zone of the place where the insured is at the appointment. Any aware instant is accepted, a
naive one is a `ValueError`; every result is aware and in UTC. A wall-clock reading that falls on a local time that does not
exist, or exists twice, is taken at the earlier instant (`wall_clock.earliest_instant`). Each figure is in `NoticePolicy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from telecontrol.scheduling.readings import Count, Explanation, Reading, Rule, Source, settle
from telecontrol.scheduling.wall_clock import (
    AmbiguousLocalTime,
    NonexistentLocalTime,
    earliest_instant,
    happens_twice,
    in_utc,
    local_instant,
    on_wall_clock,
)

__all__ = [
    "CURRENT",
    "AmbiguousLocalTime",
    "Deadline",
    "NonexistentLocalTime",
    "NoticePolicy",
    "ReminderState",
    "can_be_convoked",
    "change_leaves_at",
    "earliest_sending",
    "explain",
    "explain_sending",
    "first_bookable_start",
    "invitation_hard_limit",
    "invitation_target",
    "is_immediate_change",
    "last_safe_sending",
    "local_instant",
    "next_open_instant",
    "open_window_at",
    "reminder_state",
    "reminder_window",
    "undo_hold",
]

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePolicy:
    """The figures of one version of the notice rules. Raises `ValueError` for figures that cannot work together."""

    version: str = "2026.1"
    """Name of this set of figures, kept with each explanation."""
    notice_elapsed: timedelta = timedelta(hours=48)
    """Real time before the start. Source: convocation at least two days ahead, strict reading (DOMAIN §3)."""
    notice_days: int = 2
    """Local days before the start, at the same wall-clock time. Source: as above, calendar reading."""
    target_days: int = 3
    """The invitation aims at the end of this local day before the start. Source: choice, a margin for every reading."""
    reminder_days: int = 1
    """Local days before the start on which the reminder leaves. Source: reminder on the eve (DOMAIN §2)."""
    window_opens: time = time(8)
    """Local hour from which unsolicited messages leave. Source: choice."""
    window_closes: time = time(20)
    """Local hour from which they no longer leave. Source: choice."""
    sending_margin: timedelta = timedelta(minutes=30)
    """Real time kept between the last safe sending and what closes after it. Source: choice: an SMTP server may take ten
    minutes for its last reply (RFC 5321 4.5.3.2.6), and greylisting asks for one later try."""
    undo_hold: timedelta = timedelta(minutes=2)
    """Real time that an invitation booked by a person waits, so that a slip can be undone. Source: choice."""
    immediate_before: time = time(10)
    """Changes of an appointment starting before the next such local hour leave at once. Source: choice."""

    def __post_init__(self) -> None:
        if not 0 < self.reminder_days < self.notice_days < self.target_days:
            raise ValueError("the reminder comes after the limit, and the limit after the target")
        if self.window_closes <= self.window_opens:
            raise ValueError("the open window closes after it opens, on the same day")
        if min(self.notice_elapsed, self.sending_margin, self.undo_hold) < timedelta(0):
            raise ValueError("notice, margin and hold are not negative")
        if self.sending_margin * 2 > self._window_length:
            # A clock change can shorten a window: with half of it to spare, each window still holds a margin.
            raise ValueError("the sending margin is at most half of the open window")

    @property
    def _window_length(self) -> timedelta:
        opens, closes = self.window_opens, self.window_closes
        return timedelta(hours=closes.hour - opens.hour, minutes=closes.minute - opens.minute)


CURRENT = NoticePolicy()
"""The figures in force."""


class Deadline(StrEnum):
    """The deadlines that `explain` knows."""

    INVITATION_HARD_LIMIT = "invitation_hard_limit"
    INVITATION_TARGET = "invitation_target"
    LAST_SAFE_SENDING = "last_safe_sending"
    REMINDER_OPENS = "reminder_opens"
    REMINDER_CLOSES = "reminder_closes"
    EARLIEST_SENDING = "earliest_sending"


class ReminderState(StrEnum):
    """Where the reminder of an appointment stands."""

    WAITING = "waiting"
    """The eve's open window has not begun."""
    DUE = "due"
    NOT_NEEDED = "not_needed"
    """The invitation itself was accepted on the eve or later."""
    MISSED = "missed"
    """The eve's window is over: recorded and alerted, never sent late."""


def invitation_hard_limit(starts_at: datetime, zone: ZoneInfo, *, policy: NoticePolicy = CURRENT) -> datetime:
    """Before this instant each channel's invitation must be accepted: the earlier of 48 real hours before the start and
    the same wall-clock time on local D−2 (DOMAIN §3)."""
    return explain(Deadline.INVITATION_HARD_LIMIT, starts_at, zone, policy=policy).at


def invitation_target(starts_at: datetime, zone: ZoneInfo, *, policy: NoticePolicy = CURRENT) -> datetime:
    """The end of local D−3, exclusive: an invitation accepted before it satisfies every reading of the rule, with one exception.

    For a start in the first hour of the two days after a spring change, 48 real hours reach back into D−3, and the hard
    limit comes up to an hour before this target: whoever acts on the target takes the earlier of the two.
    """
    return explain(Deadline.INVITATION_TARGET, starts_at, zone, policy=policy).at


def last_safe_sending(starts_at: datetime, zone: ZoneInfo, *, policy: NoticePolicy = CURRENT) -> datetime:
    """The last instant at which an invitation may still leave by itself: inside an open window, with a whole sending margin
    before that window closes and before the hard limit (DOMAIN §3).

    A limit inside an open window ends that window; where less than a margin is left of it, the window before counts.
    """
    return explain(Deadline.LAST_SAFE_SENDING, starts_at, zone, policy=policy).at


def reminder_window(
    starts_at: datetime, zone: ZoneInfo, *, policy: NoticePolicy = CURRENT
) -> tuple[datetime, datetime]:
    """[08:00, 20:00) of local D−1: the only time at which a reminder leaves."""
    return _window_on(starts_at, zone, days_before=policy.reminder_days, policy=policy)


def reminder_state(
    now: datetime,
    starts_at: datetime,
    zone: ZoneInfo,
    *,
    invitation_accepted_at: datetime | None,
    policy: NoticePolicy = CURRENT,
) -> ReminderState:
    """Whether the reminder of the present version of an appointment that stands must leave at `now`.

    `invitation_accepted_at` is when the invitation for the present hour was accepted, or when it is expected to leave if
    the question is asked at booking; None while nothing was accepted, which takes no reminder away.
    """
    now = in_utc(now)
    opens, closes = reminder_window(starts_at, zone, policy=policy)
    if invitation_accepted_at is not None:
        eve = on_wall_clock(starts_at, zone).date() - timedelta(days=policy.reminder_days)
        if on_wall_clock(invitation_accepted_at, zone).date() >= eve:
            return ReminderState.NOT_NEEDED
    if now < opens:
        return ReminderState.WAITING
    return ReminderState.DUE if now < closes else ReminderState.MISSED


def open_window_at(at: datetime, zone: ZoneInfo, *, policy: NoticePolicy = CURRENT) -> tuple[datetime, datetime] | None:
    """The open window [opens, closes) that holds `at`, or None when unsolicited messages wait."""
    opens, closes = _window_on(at, zone, policy=policy)
    return (opens, closes) if opens <= in_utc(at) < closes else None


def next_open_instant(at: datetime, zone: ZoneInfo, *, policy: NoticePolicy = CURRENT) -> datetime:
    """`at` itself inside an open window, else the next local 08:00."""
    instant = in_utc(at)
    opens, closes = _window_on(instant, zone, policy=policy)
    if instant >= closes:
        opens, closes = _window_on(instant, zone, days_before=-1, policy=policy)
    return max(instant, opens)


def undo_hold(*, by_person: bool, policy: NoticePolicy = CURRENT) -> timedelta:
    """How long a new invitation waits before it may leave: a hold when a person books, none through the API."""
    return policy.undo_hold if by_person else timedelta(0)


def earliest_sending(
    created_at: datetime,
    starts_at: datetime,
    zone: ZoneInfo,
    *,
    hold: timedelta | None = None,
    policy: NoticePolicy = CURRENT,
) -> datetime:
    """When an invitation created at `created_at` leaves: after the undo hold, and at 08:00 when created outside the open
    window, if that is still safe; when waiting is not safe it leaves at once.

    `hold` is the policy's for a person by default; the API gives `timedelta(0)`. A result after `last_safe_sending` means
    that the appointment cannot be convoked in time: only a recorded waiver lets it be booked.
    """
    return explain_sending(created_at, starts_at, zone, hold=hold, policy=policy).at


def can_be_convoked(
    now: datetime,
    starts_at: datetime,
    zone: ZoneInfo,
    *,
    hold: timedelta | None = None,
    policy: NoticePolicy = CURRENT,
) -> bool:
    """Whether an invitation created now leaves at its last safe sending or before."""
    leaves = earliest_sending(now, starts_at, zone, hold=hold, policy=policy)
    return leaves <= last_safe_sending(starts_at, zone, policy=policy)


def first_bookable_start(
    now: datetime, zone: ZoneInfo, *, hold: timedelta | None = None, policy: NoticePolicy = CURRENT
) -> datetime:
    """The first whole minute at which an appointment may start so that an invitation created now is still safe.

    Starts whose wall-clock time happens twice are passed over, since booking refuses them; every other start from the
    result on can be convoked, and none before it.
    """
    leaves = next_open_instant(in_utc(now) + _hold(hold, policy), zone, policy=policy)
    _, closes = _window_on(leaves, zone, policy=policy)
    if leaves + policy.sending_margin > closes:
        # What leaves in a window's last minutes is safe only for limits that lie in the next window, a margin after it opens.
        leaves, _ = _window_on(leaves, zone, days_before=-1, policy=policy)
    limit = leaves + policy.sending_margin
    start = _whole_minute(limit + policy.notice_elapsed)
    # The wall-clock reading may ask for up to a clock change more, so this loop ends within an hour or so of minutes.
    while invitation_hard_limit(start, zone, policy=policy) < limit or happens_twice(start, zone):
        start += _MINUTE
    return start


def is_immediate_change(now: datetime, starts_at: datetime, zone: ZoneInfo, *, policy: NoticePolicy = CURRENT) -> bool:
    """Whether a change or cancellation leaves at once at any hour: the appointment starts before the next local 10:00.

    For a move, give the earlier of the old and the new start.
    """
    local = on_wall_clock(now, zone)
    days = 0 if local.time() < policy.immediate_before else 1
    return in_utc(starts_at) < earliest_instant(local.date() + timedelta(days=days), policy.immediate_before, zone)


def change_leaves_at(now: datetime, starts_at: datetime, zone: ZoneInfo, *, policy: NoticePolicy = CURRENT) -> datetime:
    """When a change or cancellation decided now leaves: at once if it is immediate, else in the open window."""
    if is_immediate_change(now, starts_at, zone, policy=policy):
        return in_utc(now)
    return next_open_instant(now, zone, policy=policy)


def explain(deadline: Deadline, starts_at: datetime, zone: ZoneInfo, *, policy: NoticePolicy = CURRENT) -> Explanation:
    """Why a deadline of the appointment starting at `starts_at` is what it is; the functions above return its `at`.

    Raises `ValueError` for `EARLIEST_SENDING`, which also depends on the time of creation: see `explain_sending`.
    """
    starts_at = in_utc(starts_at)
    match deadline:
        case Deadline.INVITATION_HARD_LIMIT:
            return _explain_hard_limit(starts_at, zone, policy)
        case Deadline.INVITATION_TARGET:
            return _explain_target(starts_at, zone, policy)
        case Deadline.LAST_SAFE_SENDING:
            return _explain_last_safe_sending(starts_at, zone, policy)
        case Deadline.REMINDER_OPENS | Deadline.REMINDER_CLOSES:
            return _explain_reminder(deadline, starts_at, zone, policy)
    raise ValueError(f"{deadline} depends on more than the start")


def explain_sending(
    created_at: datetime,
    starts_at: datetime,
    zone: ZoneInfo,
    *,
    hold: timedelta | None = None,
    policy: NoticePolicy = CURRENT,
) -> Explanation:
    """Why an invitation leaves when it does; `earliest_sending` returns its `at`."""
    ready = in_utc(created_at) + _hold(hold, policy)
    opens = next_open_instant(ready, zone, policy=policy)
    waits = opens <= last_safe_sending(starts_at, zone, policy=policy)
    return settle(
        Deadline.EARLIEST_SENDING,
        Reading(Count.AT_ONCE, ready, _hold(hold, policy)),
        Reading(Count.WINDOW_OPENS, opens, policy.window_opens),
        source=Source.CHOICE,
        policy_version=policy.version,
        zone=zone,
        rule=Rule.LATER_OF if waits else Rule.EARLIER_OF,
    )


def _explain_hard_limit(starts_at: datetime, zone: ZoneInfo, policy: NoticePolicy) -> Explanation:
    local = on_wall_clock(starts_at, zone)
    days = timedelta(days=policy.notice_days)
    return settle(
        Deadline.INVITATION_HARD_LIMIT,
        Reading(Count.ELAPSED, starts_at - policy.notice_elapsed, policy.notice_elapsed),
        Reading(Count.WALL_CLOCK, earliest_instant(local.date() - days, local.time(), zone), days),
        source=Source.NOTICE,
        policy_version=policy.version,
        zone=zone,
    )


def _explain_target(starts_at: datetime, zone: ZoneInfo, policy: NoticePolicy) -> Explanation:
    days = timedelta(days=policy.target_days)
    day_after = on_wall_clock(starts_at, zone).date() - days + timedelta(days=1)
    return settle(
        Deadline.INVITATION_TARGET,
        Reading(Count.END_OF_DAY, earliest_instant(day_after, time(0), zone), days),
        source=Source.CHOICE,
        policy_version=policy.version,
        zone=zone,
    )


def _explain_last_safe_sending(starts_at: datetime, zone: ZoneInfo, policy: NoticePolicy) -> Explanation:
    limit = invitation_hard_limit(starts_at, zone, policy=policy)
    days_before = 0
    opens, closes = _window_on(limit, zone, policy=policy)
    while min(closes, limit) - opens < policy.sending_margin:
        days_before += 1
        opens, closes = _window_on(limit, zone, days_before=days_before, policy=policy)
    return settle(
        Deadline.LAST_SAFE_SENDING,
        Reading(Count.WINDOW_CLOSES, closes, policy.window_closes),
        Reading(Count.HARD_LIMIT, limit),
        source=Source.CHOICE,
        policy_version=policy.version,
        zone=zone,
        margin=policy.sending_margin,
    )


def _explain_reminder(deadline: Deadline, starts_at: datetime, zone: ZoneInfo, policy: NoticePolicy) -> Explanation:
    opens, closes = reminder_window(starts_at, zone, policy=policy)
    if deadline is Deadline.REMINDER_OPENS:
        reading = Reading(Count.WINDOW_OPENS, opens, policy.window_opens)
    else:
        reading = Reading(Count.WINDOW_CLOSES, closes, policy.window_closes)
    return settle(deadline, reading, source=Source.REMINDER, policy_version=policy.version, zone=zone)


def _window_on(
    at: datetime, zone: ZoneInfo, *, days_before: int = 0, policy: NoticePolicy
) -> tuple[datetime, datetime]:
    """The open window of the local day of `at`, or of some days before it."""
    day = on_wall_clock(at, zone).date() - timedelta(days=days_before)
    return earliest_instant(day, policy.window_opens, zone), earliest_instant(day, policy.window_closes, zone)


def _hold(hold: timedelta | None, policy: NoticePolicy) -> timedelta:
    return policy.undo_hold if hold is None else hold


def _whole_minute(instant: datetime) -> datetime:
    """The first whole minute at `instant` or after it."""
    minute = instant.replace(second=0, microsecond=0)
    return minute if minute == instant else minute + _MINUTE
