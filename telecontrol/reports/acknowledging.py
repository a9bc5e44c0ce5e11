"""What came back from the insurers, read from the outbox: acknowledgements, refusals, gateways that a person must mend; and
the end of controls that owe nothing more.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Control
from telecontrol.controls.states import Act, ControlState, allows
from telecontrol.db.journal import SERVICE, record
from telecontrol.db.session import Database
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.reports.each import each
from telecontrol.reports.gateway_setup import NAME, OURS
from telecontrol.reports.models import Report, ReportState
from telecontrol.reports.reports import OPEN, SUBJECT, TASKS
from telecontrol.scheduling.alerts import alert_desk
from telecontrol.scheduling.dossier import load_control, load_dossier
from telecontrol.scheduling.endings import move_control
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.desk import close_tasks, open_task
from telecontrol.tasks.models import Owner, Task, TaskKind

_BATCH = 500
_ON_ITS_WAY = (IntentState.PENDING, IntentState.SENDING, IntentState.UNSETTLED)
_OF_REPORT = and_(Intent.subject_kind == SUBJECT, Intent.subject_id == Report.id, Intent.version == Report.version)


async def acknowledgements(database: Database, *, operator: Operator, now: datetime) -> int:
    """Bring reports to what the outbox knows of them: acknowledged (a fact, however late), refused, on their way again."""
    async with database.reading() as session:
        found = await session.scalars(
            select(Report.id)
            .join(Intent, _OF_REPORT)
            .where(
                or_(
                    and_(
                        Report.state.in_((ReportState.SIGNED, ReportState.REFUSED)),
                        Intent.state == IntentState.ACCEPTED,
                    ),
                    and_(Report.state == ReportState.SIGNED, Intent.state == IntentState.FAILED),
                    and_(Report.state == ReportState.REFUSED, Intent.state.in_(_ON_ITS_WAY)),
                )
            )
            .order_by(Report.due_at)
            .limit(_BATCH)
        )
        due = list(found)
    return await each(database, due, lambda session, row_id: _follow(session, operator, row_id, now=now))


async def _follow(session: AsyncSession, operator: Operator, report_id: uuid.UUID, *, now: datetime) -> None:
    # The control is locked first, as everywhere.
    control_id = (await session.execute(select(Report.control_id).where(Report.id == report_id))).scalar_one()
    control = await load_control(session, control_id, lock=True)
    report = await session.get_one(Report, report_id, populate_existing=True)
    told = (
        await session.execute(
            select(Intent.id, Intent.state, Intent.accepted_at, Intent.provider_id, Intent.failure_code).where(
                Intent.subject_kind == SUBJECT, Intent.subject_id == report.id, Intent.version == report.version
            )
        )
    ).one()
    if report.state not in (ReportState.SIGNED, ReportState.REFUSED):
        return
    match told.state:
        case IntentState.ACCEPTED:
            await _acknowledge(session, report, control, at=told.accepted_at, number=told.provider_id, now=now)
        case IntentState.FAILED if report.state is ReportState.SIGNED:
            await _refuse(session, operator, report, intent_id=told.id, code=told.failure_code, now=now)
        case state if state in _ON_ITS_WAY and report.state is ReportState.REFUSED:
            report.state = ReportState.SIGNED
            await close_tasks(
                session, TaskKind.REPORT_REFUSED, subject_id=report.id, outcome="retried", by="service", now=now
            )


async def _acknowledge(
    session: AsyncSession, report: Report, control: Control, *, at: datetime, number: str, now: datetime
) -> None:
    report.state = ReportState.ACKNOWLEDGED
    report.acknowledged_at = at
    report.acknowledgement = number[:120]
    if at > report.due_at and report.breached_at is None:
        report.breached_at = report.due_at
    await close_tasks(session, *TASKS, subject_id=report.id, outcome="acknowledged", by="service", now=now)
    _note(session, report, "acknowledged", now=now, at=at, acknowledgement=report.acknowledgement)
    await session.flush()
    still_owed = select(Report.id).where(Report.control_id == control.id, Report.state.in_(OPEN)).limit(1)
    if allows(control.state, Act.REPORT) and await session.scalar(still_owed) is None:
        await move_control(session, control, Act.REPORT, actor=SERVICE, now=now)


async def _refuse(
    session: AsyncSession, operator: Operator, report: Report, *, intent_id: uuid.UUID, code: str, now: datetime
) -> None:
    """The insurer said no for good, or the report could not be sent: one task of its own, in place of the outbox's."""
    report.state = ReportState.REFUSED
    await close_tasks(
        session, TaskKind.MESSAGE_FAILED, subject_id=intent_id, outcome="report_refused", by="service", now=now
    )
    task = await open_task(
        session,
        TaskKind.REPORT_REFUSED,
        subject_kind=SUBJECT,
        subject_id=report.id,
        control_id=report.control_id,
        organisation_id=report.organisation_id,
        owner=Owner.HANDLER,
        due_at=report.due_at,
        now=now,
        level=1,
        code=code,
    )
    dossier = await load_dossier(session, report.appointment_id)
    await alert_desk(session, operator, dossier, task, now=now)
    _note(session, report, "refused", now=now, code=code)


async def gateway_faults(database: Database, *, now: datetime) -> int:
    """Tell administrators of each insurer whose gateway only they can mend, and stop telling once reports flow again."""
    async with database.reading() as session:
        waiting = await session.execute(
            select(Intent.recipient, Intent.failure_code).where(
                Intent.target == NAME, Intent.state.in_(_ON_ITS_WAY), Intent.failure_code.startswith(OURS)
            )
        )
        broken = {uuid.UUID(recipient): code for recipient, code in waiting}
        told = await session.scalars(
            select(Task.subject_id).where(
                Task.kind == TaskKind.TARGET_PAUSED, Task.subject_kind == NAME, Task.done_at.is_(None)
            )
        )
        known = set(told)
    if broken.keys() == known:
        return len(broken)
    async with database.transaction() as session:
        for insurer_id, code in broken.items():
            await open_task(
                session,
                TaskKind.TARGET_PAUSED,
                subject_kind=NAME,
                subject_id=insurer_id,
                owner=Owner.ADMINISTRATOR,
                now=now,
                target=NAME,
                code=code,
            )
        for insurer_id in known - broken.keys():
            await close_tasks(
                session, TaskKind.TARGET_PAUSED, subject_id=insurer_id, outcome="resumed", by="service", now=now
            )
    return len(broken)


async def finished_controls(database: Database, *, now: datetime) -> int:
    """Close the controls that are concluded or reported and owe nothing more: no report, no message, no task."""
    owes_report = exists().where(Report.control_id == Control.id, Report.state.in_(OPEN))
    owes_message = exists().where(
        Intent.control_id == Control.id, Intent.state.in_(_ON_ITS_WAY), Intent.voided_at.is_(None)
    )
    owes_work = exists().where(Task.control_id == Control.id, Task.done_at.is_(None))
    done = (
        Control.state.in_((ControlState.CONCLUDED, ControlState.REPORTED)),
        ~owes_report,
        ~owes_message,
        ~owes_work,
    )
    async with database.reading() as session:
        due = list(await session.scalars(select(Control.id).where(*done).limit(_BATCH)))

    async def close(session: AsyncSession, control_id: uuid.UUID) -> None:
        control = await load_control(session, control_id, lock=True)
        if await session.scalar(select(Control.id).where(Control.id == control_id, *done)) is not None:
            await move_control(session, control, Act.CLOSE, actor=SERVICE, now=now)

    return await each(database, due, close)


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
