"""Timed work on reports. Each sweep finds what is due, then treats each row in a transaction of its own, looking at it again
once it is locked: downtime catches up by itself, nothing is told twice, and one bad row stops nobody else.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.db.journal import SERVICE, record
from telecontrol.db.session import Database
from telecontrol.reports import acknowledging
from telecontrol.reports.absences import waited_until
from telecontrol.reports.deadlines import CURRENT
from telecontrol.reports.drafting import level_of, settle_over
from telecontrol.reports.each import each
from telecontrol.reports.facts import is_call_going_on
from telecontrol.reports.models import Report, ReportState
from telecontrol.reports.reports import OPEN, SUBJECT
from telecontrol.reports.telling import chase_doctor
from telecontrol.scheduling.alerts import alert_desk
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.models import LIVE, Appointment, AppointmentState
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.desk import close_tasks, open_task
from telecontrol.tasks.models import Owner, Task, TaskKind
from telecontrol.video.attendance import arrived

LONGEST_OVERRUN = timedelta(hours=2)
"""A call still going on keeps its appointment from being over for this long after its buffer (choice)."""
LAST_LEVEL = len(CURRENT.alerts_elapsed)
_BATCH = 500


async def sweep(database: Database, *, operator: Operator, now: datetime) -> None:
    """Everything below, in the order that makes one pass enough: what was acknowledged is no longer late."""
    await appointments_over(database, operator=operator, now=now)
    await acknowledging.acknowledgements(database, operator=operator, now=now)
    await breaches(database, operator=operator, now=now)
    await report_alerts(database, operator=operator, now=now)
    await conclusion_alerts(database, operator=operator, now=now)
    await acknowledging.gateway_faults(database, now=now)
    await acknowledging.finished_controls(database, now=now)


async def appointments_over(database: Database, *, operator: Operator, now: datetime) -> int:
    """End the appointments whose time is over and that nobody concluded; how many were looked at.

    Without the insured: at the scheduled end, and not before the waiting time. With them: at the end of the buffer, later
    while the call goes on.
    """
    async with database.reading() as session:
        rows = await session.execute(
            select(Appointment.id, Appointment.state, Appointment.busy_until)
            .where(Appointment.state.in_(LIVE), Appointment.ends_at <= now)
            .order_by(Appointment.ends_at)
            .limit(_BATCH)
        )
        found = rows.all()
        came = await arrived(session, [row.id for row in found])
    due = [
        row.id
        for row in found
        if row.busy_until <= now or (row.id not in came and row.state is AppointmentState.BOOKED)
    ]

    async def settle(session: AsyncSession, appointment_id: uuid.UUID) -> None:
        dossier = await load_dossier(session, appointment_id, lock=True)
        appointment = dossier.appointment
        if appointment.state not in LIVE or now < max(appointment.ends_at, waited_until(dossier)):
            return
        overruns = now < appointment.busy_until + LONGEST_OVERRUN
        if overruns and await is_call_going_on(session, appointment, now=now):
            return
        await settle_over(session, operator, dossier, now=now)

    return await each(database, due, settle)


async def report_alerts(database: Database, *, operator: Operator, now: datetime) -> int:
    """Alert the reports still owed 24, 36 and 44 h after the fact, to the doctor who must sign and to the desk.

    After downtime only the highest level that was missed is told. What is past its due time is for `breaches`.
    """
    due = await _reports(
        database,
        Report.due_at > now,
        Report.alert_level < LAST_LEVEL,
        Report.event_at <= now - CURRENT.alerts_elapsed[0],
    )

    async def alert(session: AsyncSession, report: Report, dossier: Dossier) -> None:
        level = level_of(report.event_at, now=now)
        if report.due_at <= now or level <= report.alert_level:
            return
        report.alert_level = level
        task = await _desk_task(session, report, TaskKind.REPORT_DUE, level=level, now=now)
        await _tell_level(session, operator, report, dossier, task, level=level, now=now)
        _note(session, report, "alerted", now=now, level=level)

    return await _each_report(database, due, alert)


async def breaches(database: Database, *, operator: Operator, now: datetime) -> int:
    """Record, once, that a report passed its due time; it is shown from then on, and still sent."""
    due = await _reports(database, Report.due_at <= now, Report.breached_at.is_(None))

    async def breach(session: AsyncSession, report: Report, dossier: Dossier) -> None:
        if report.breached_at is not None or report.due_at > now:
            return
        report.breached_at = report.due_at
        report.alert_level = LAST_LEVEL
        level = LAST_LEVEL + 1
        await close_tasks(session, TaskKind.REPORT_DUE, subject_id=report.id, outcome="overdue", by="service", now=now)
        task = await _desk_task(session, report, TaskKind.REPORT_OVERDUE, level=level, now=now)
        await _tell_level(session, operator, report, dossier, task, level=level, now=now)
        _note(session, report, "breached", now=now, due_at=report.due_at)

    return await _each_report(database, due, breach)


async def conclusion_alerts(database: Database, *, operator: Operator, now: datetime) -> int:
    """Chase, at the same hours, the doctor who saw the insured and concluded nothing: a report may turn out to be owed."""
    async with database.reading() as session:
        rows = await session.scalars(
            select(Task).where(
                Task.kind == TaskKind.CONTROL_TO_QUALIFY,
                Task.owner == Owner.DOCTOR,
                Task.done_at.is_(None),
                Task.level < LAST_LEVEL,
            )
        )
        due = [task.id for task in rows if level_of(_event_of(task), now=now) > task.level]

    async def chase(session: AsyncSession, task_id: uuid.UUID) -> None:
        task = await session.get_one(Task, task_id, with_for_update=True)
        level = level_of(_event_of(task), now=now)
        if task.done_at is not None or level <= task.level:
            return
        task.level = level
        dossier = await load_dossier(session, task.subject_id)
        await chase_doctor(session, operator, dossier, task, event_at=_event_of(task), now=now)
        await alert_desk(session, operator, dossier, task, now=now)

    return await each(database, due, chase)


# ---------------------------------------------------------------------------------------------------------------------


async def _tell_level(
    session: AsyncSession,
    operator: Operator,
    report: Report,
    dossier: Dossier,
    task: Task,
    *,
    level: int,
    now: datetime,
) -> None:
    await alert_desk(session, operator, dossier, task, now=now)
    if report.state is not ReportState.DRAFTED:
        return
    signature = await open_task(
        session,
        TaskKind.SIGNATURE_DUE,
        subject_kind=SUBJECT,
        subject_id=report.id,
        control_id=report.control_id,
        organisation_id=report.organisation_id,
        owner=Owner.DOCTOR,
        doctor_id=report.doctor_id,
        due_at=report.due_at,
        level=level,
        now=now,
    )
    await chase_doctor(session, operator, dossier, signature, event_at=report.event_at, now=now)


async def _desk_task(session: AsyncSession, report: Report, kind: TaskKind, *, level: int, now: datetime) -> Task:
    return await open_task(
        session,
        kind,
        subject_kind=SUBJECT,
        subject_id=report.id,
        control_id=report.control_id,
        organisation_id=report.organisation_id,
        owner=Owner.HANDLER,
        due_at=report.due_at,
        level=level,
        now=now,
        state=str(report.state),
    )


async def _reports(database: Database, *conditions: ColumnElement[bool]) -> list[uuid.UUID]:
    async with database.reading() as session:
        found = await session.scalars(
            select(Report.id).where(Report.state.in_(OPEN), *conditions).order_by(Report.due_at).limit(_BATCH)
        )
        return list(found)


async def _each_report(
    database: Database,
    ids: Iterable[uuid.UUID],
    treat: Callable[[AsyncSession, Report, Dossier], Awaitable[None]],
) -> int:
    async def one(session: AsyncSession, report_id: uuid.UUID) -> None:
        appointment_id = await session.scalar(select(Report.appointment_id).where(Report.id == report_id))
        assert appointment_id is not None
        dossier = await load_dossier(session, appointment_id, lock=True)
        report = await session.get_one(Report, report_id, populate_existing=True)
        if report.state in OPEN:
            await treat(session, report, dossier)

    return await each(database, ids, one)


def _event_of(task: Task) -> datetime:
    return datetime.fromisoformat(task.detail["event_at"])


def _note(session: AsyncSession, report: Report, verb: str, *, now: datetime, **detail: object) -> None:
    record(
        session,
        f"report.{verb}",
        actor=SERVICE,
        now=now,
        control_id=report.control_id,
        subject_kind=SUBJECT,
        subject_id=report.id,
        version=report.version,
        **detail,
    )
