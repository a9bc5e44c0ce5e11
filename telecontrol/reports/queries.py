"""Reading conclusions and reports: what is to sign, what is due, the proof of sending. Every question takes the viewer.

Handlers meet the proof, never the content of a report, and nothing here touches the sealed notes (`DOMAIN.md` §6).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, false, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.access import Action, Kind, RowFilter, row_filter
from telecontrol.accounts.viewer import Viewer, organisation_filter
from telecontrol.controls.models import Control
from telecontrol.db.sealing import Sealer
from telecontrol.errors import NotFound
from telecontrol.outbox.contents import read_context
from telecontrol.outbox.models import IntentState
from telecontrol.outbox.queries import of_subject
from telecontrol.reports.deadlines import alert_instants
from telecontrol.reports.models import Conclusion, Report, ReportState
from telecontrol.reports.reports import KIND, OPEN, SUBJECT
from telecontrol.scheduling.models import LIVE, Appointment, AppointmentState
from telecontrol.tasks.models import Owner, Task, TaskKind


@dataclass(frozen=True, slots=True)
class Line:
    """A report as lists show it. `left` is negative once the due time is past."""

    report: Report
    reference: str
    left: timedelta

    @property
    def is_overdue(self) -> bool:
        return self.report.state in OPEN and self.left < timedelta(0)


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt at the insurer's gateway."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    state: str
    code: str
    phase: str
    reply: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that a report left and was taken: every try, the acknowledgement, the hash of the bytes."""

    line: Line
    tries: Sequence[Try]
    sending_state: IntentState | None
    next_try_at: datetime | None
    content_hash: str
    idempotency_key: str
    failure_code: str = ""
    """Why it could not be sent, once and for all; empty while it can."""


async def to_sign(session: AsyncSession, viewer: Viewer, *, now: datetime) -> list[Line]:
    """The doctor's drafted reports, the most pressing first."""
    return await _lines(session, _visible(viewer), Report.state == ReportState.DRAFTED, now=now)


async def to_conclude(session: AsyncSession, viewer: Viewer) -> list[tuple[Appointment, str]]:
    """The doctor's appointments that are over without a conclusion and without a draft, with the control's reference."""
    if viewer.doctor_id is None or row_filter(viewer.role) is not RowFilter.CASES:
        return []
    rows = await session.execute(
        select(Appointment, Control.reference)
        .join(Control, Control.id == Appointment.control_id)
        .join(Task, Task.subject_id == Appointment.id)
        .where(
            Appointment.doctor_id == viewer.doctor_id,
            Appointment.state == AppointmentState.OVER,
            Task.kind == TaskKind.CONTROL_TO_QUALIFY,
            Task.owner == Owner.DOCTOR,
            Task.done_at.is_(None),
        )
        .order_by(Appointment.starts_at)
    )
    return [(appointment, reference) for appointment, reference in rows]


async def due(session: AsyncSession, viewer: Viewer, *, now: datetime, limit: int = 200) -> list[Line]:
    """The reports that are still owed, the most pressing first, late ones before all."""
    return await _lines(session, _visible(viewer), Report.state.in_(OPEN), now=now, limit=limit)


async def breached(session: AsyncSession, viewer: Viewer, *, since: datetime, now: datetime) -> list[Line]:
    """The reports that passed their due time since `since`, sent by now or not: never hidden."""
    return await _lines(session, _visible(viewer), Report.breached_at >= since, now=now)


async def of_control(session: AsyncSession, viewer: Viewer, control_id: uuid.UUID, *, now: datetime) -> list[Line]:
    """Every report of a control, in every version, the most pressing first."""
    return await _lines(session, _visible(viewer), Report.control_id == control_id, now=now)


async def find_report(session: AsyncSession, viewer: Viewer, report_id: uuid.UUID, *, now: datetime) -> Line:
    """One report. Raises `NotFound` for none, and alike for somebody else's."""
    found = await _lines(session, _visible(viewer), Report.id == report_id, now=now)
    if not found:
        raise NotFound("no such report")
    return found[0]


async def proof_of_sending(session: AsyncSession, viewer: Viewer, report_id: uuid.UUID, *, now: datetime) -> Proof:
    """The story of a report's sending. Raises `NotFound` for none, and alike for somebody else's."""
    line = await find_report(session, viewer, report_id, now=now)
    report = line.report
    stories = await of_subject(session, subject_kind=SUBJECT, subject_id=report.id, kinds=[KIND])
    tries = [
        Try(a.number, a.started_at, a.ended_at, str(a.state), a.code, a.phase, a.reply)
        for story in stories
        for a in story.attempts
    ]
    intent = stories[-1].intent if stories else None
    is_waiting = intent is not None and intent.state in (IntentState.PENDING, IntentState.UNSETTLED)
    return Proof(
        line,
        tries,
        None if intent is None else intent.state,
        intent.next_attempt_at if intent is not None and is_waiting else None,
        report.content_hash,
        f"{report.id}.{report.version}",
        "" if intent is None else intent.failure_code,
    )


async def document_sent(
    session: AsyncSession, viewer: Viewer, report_id: uuid.UUID, *, sealer: Sealer, now: datetime
) -> dict[str, Any]:
    """The report's content, for its doctor. Raises `NotFound` for everybody else, and before it is signed."""
    line = await find_report(session, viewer, report_id, now=now)
    stories = await of_subject(session, subject_kind=SUBJECT, subject_id=line.report.id, kinds=[KIND])
    if not stories or not viewer.may(Action.READ, Kind.REPORT, "content"):
        raise NotFound("no such report")
    values = await read_context(session, stories[-1].intent.id, sealer=sealer)
    document: dict[str, Any] = values["document"]
    return document


async def conclusions_of(session: AsyncSession, viewer: Viewer, control_id: uuid.UUID) -> list[Conclusion]:
    """The conclusions of a control, oldest first: administrative words and circumstances."""
    visible = _kept_to(viewer, Conclusion.organisation_id, Conclusion.doctor_id)
    if row_filter(viewer.role) is RowFilter.SELF:
        visible = Conclusion.control_id == viewer.control_id
    if not viewer.may(Action.READ, Kind.CONCLUSION, "administrative"):
        visible = false()
    found = await session.scalars(
        select(Conclusion).where(visible, Conclusion.control_id == control_id).order_by(Conclusion.signed_at)
    )
    return list(found)


async def next_due_at(session: AsyncSession, *, now: datetime) -> datetime | None:
    """The next instant after `now` at which this package's sweeps have something to do: what the demo's time bar walks to."""
    instants: list[datetime] = []
    for event_at, due_at in await session.execute(select(Report.event_at, Report.due_at).where(Report.state.in_(OPEN))):
        instants += [*alert_instants(event_at), due_at]
    live = select(Appointment.ends_at, Appointment.busy_until).where(
        Appointment.state.in_(LIVE), Appointment.busy_until > now
    )
    for ends_at, busy_until in await session.execute(live):
        instants += [ends_at, busy_until]
    return min((instant for instant in instants if instant > now), default=None)


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    if not viewer.may(Action.READ, Kind.REPORT, "proof_of_sending"):
        return false()
    return _kept_to(viewer, Report.organisation_id, Report.doctor_id)


def _kept_to(viewer: Viewer, organisation: Any, doctor: Any) -> ColumnElement[bool]:
    match row_filter(viewer.role):
        case RowFilter.ORGANISATION:
            return organisation_filter(viewer, organisation)
        case RowFilter.CASES if viewer.doctor_id is not None:
            condition: ColumnElement[bool] = doctor == viewer.doctor_id
            return condition
        case _:
            return false()


async def _lines(
    session: AsyncSession, *conditions: ColumnElement[bool], now: datetime, limit: int = 1000
) -> list[Line]:
    rows = await session.execute(
        select(Report, Control.reference)
        .join(Control, Control.id == Report.control_id)
        .where(*conditions)
        .order_by(Report.due_at, Report.version)
        .limit(limit)
    )
    return [Line(report, reference, report.due_at - now) for report, reference in rows]
