"""Moving the demonstration's clock: through every due instant in order, so that nothing that is due on the way is skipped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import InsuredVisit, StaffSignIn
from telecontrol.clock import SystemClock, VirtualClock
from telecontrol.controls.models import Control, ProcedurePolicy
from telecontrol.controls.policies import Mode, Rules
from telecontrol.outbox.queries import next_due_at
from telecontrol.reports.deadlines import alert_instants
from telecontrol.reports.models import Report, ReportState
from telecontrol.scheduling.deadlines import reminder_window
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.scheduling.notices import RISK_MARGIN
from telecontrol.worker import Runtime, run_once

MOST_STEPS = 400
"""Due instants walked through by one press of a button: a bound, far above what a demonstration holds."""
AGAIN = "retry"
"""A message that could not leave is tried again: every few minutes while its provider is down."""
_A_MOMENT = timedelta(seconds=1)
STRIDE = timedelta(hours=1)
"""How often somebody who watches the clock move sees such tries; the other instants are all walked through."""


def clock_facts(now: datetime) -> dict[str, str]:
    """What is written down of the service's time, so that a later start goes on from it: with the machine's time beside it."""
    return {"clock": now.isoformat(), "clock_written_at": SystemClock().now().isoformat()}


@dataclass(frozen=True, slots=True)
class Due:
    """Something that will happen at `at` (aware, UTC). `what` is a code that pages put into words."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a walk came: `steps` due instants, and whether it arrived where it was to go."""

    steps: int
    has_arrived: bool


async def next_due(session: AsyncSession, *, now: datetime) -> Due | None:
    """The first thing that is due after `now`; a mere new try of a message only where nothing else is."""
    return await _first(session, now=now, tried_again_from=None)


async def walk(runtime: Runtime, *, until: datetime, stride: timedelta = timedelta(0)) -> Walk:
    """Move the clock to `until`, doing at each due instant what is due then. Tries of messages that could not leave are
    met at most once per `stride`: what is late catches up, as after a pause of the worker.
    """
    clock = runtime.clock
    assert isinstance(clock, VirtualClock)
    await run_once(runtime)
    for step in range(MOST_STEPS):
        async with runtime.database.reading() as session:
            now = clock.now()
            due = await _first(session, now=now, tried_again_from=now + stride)
        if due is None or due.at > until:
            clock.advance_to(until)
            await run_once(runtime)
            return Walk(step, has_arrived=True)
        clock.advance_to(due.at)
        await run_once(runtime)
    return Walk(MOST_STEPS, has_arrived=False)


async def keep_present(session: AsyncSession, *, before: datetime, after: datetime) -> None:
    """Whoever was signed in, or on their page, at `before` still is at `after`: the hours between passed for nobody."""
    by = after - before
    for sign_in in await session.scalars(select(StaffSignIn).where(StaffSignIn.expires_at > before)):
        sign_in.expires_at += by
        sign_in.last_seen_at += by
    for visit in await session.scalars(select(InsuredVisit).where(InsuredVisit.expires_at > before)):
        visit.expires_at += by


async def _first(session: AsyncSession, *, now: datetime, tried_again_from: datetime | None) -> Due | None:
    found = [
        *await _messages(session),
        *await _appointments(session, now=now),
        *await _reports(session),
    ]
    coming = [due for due in found if due.at > now]
    if (tried_again_from is not None or not coming) and (again := await next_due_at(session, is_first_try=False)):
        coming.append(Due(max(again, tried_again_from or again, now + _A_MOMENT), AGAIN))
    return min(coming, key=lambda due: due.at, default=None)


async def _messages(session: AsyncSession) -> list[Due]:
    at = await next_due_at(session, is_first_try=True)
    return [] if at is None else [Due(at, "message")]


async def _appointments(session: AsyncSession, *, now: datetime) -> list[Due]:
    rows = await session.execute(
        select(Appointment, ProcedurePolicy.rules)
        .join(Control, Control.id == Appointment.control_id)
        .join(ProcedurePolicy, ProcedurePolicy.id == Control.policy_id)
        .where(
            Appointment.state.in_((AppointmentState.BOOKED, AppointmentState.HELD, AppointmentState.IN_PROGRESS)),
            Appointment.ends_at > now - timedelta(days=1),
        )
    )
    found: list[Due] = []
    for appointment, stored in rows:
        rules = Rules.from_json(stored)
        if appointment.state is AppointmentState.HELD:
            found.append(Due(appointment.hold_until or appointment.starts_at, "hold_ends"))
            continue
        found.append(Due(appointment.starts_at - timedelta(minutes=rules.join_opens_minutes), "room_opens"))
        found.append(Due(appointment.starts_at, "appointment_starts"))
        waited = appointment.starts_at + timedelta(minutes=rules.waiting_minutes)
        found.append(Due(waited, "waiting_over"))
        found.append(Due(max(appointment.ends_at, waited), "appointment_over"))
        found += [Due(at, "reminder") for at in reminder_window(appointment.starts_at, ZoneInfo(appointment.zone))]
        if appointment.mode is Mode.VIDEO and appointment.notice_settled_at is None and appointment.waiver_at is None:
            found.append(Due(appointment.hard_limit_at - RISK_MARGIN, "notice_at_risk"))
            found.append(Due(appointment.hard_limit_at, "notice_limit"))
    return found


async def _reports(session: AsyncSession) -> list[Due]:
    rows = await session.scalars(
        select(Report).where(Report.state.in_((ReportState.DRAFTED, ReportState.SIGNED, ReportState.REFUSED)))
    )
    found: list[Due] = []
    for report in rows:
        found += [Due(at, "report_alert") for at in alert_instants(report.event_at)]
        found.append(Due(report.due_at, "report_due"))
    return found
