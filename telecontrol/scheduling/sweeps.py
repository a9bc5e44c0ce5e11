"""Timed work on appointments. Each sweep finds the rows that are due, then treats each in a transaction of its own, looking
at it again once it is locked: downtime catches up by itself, and one bad row stops nobody else.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode
from telecontrol.db.journal import SERVICE, JournalEntry, record
from telecontrol.db.session import Database
from telecontrol.notify.contexts import DoctorInsuredWaiting
from telecontrol.outbox.intents import waive
from telecontrol.outbox.models import DeliveryState, Intent, IntentState
from telecontrol.scheduling import deadlines, telling
from telecontrol.scheduling.alerts import alert_desk
from telecontrol.scheduling.attendance import ROOM_STAYS_OPEN
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.freeing import free_declined, release
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.scheduling.notices import Verdict, notices_of
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.desk import close_tasks, find_open, open_task
from telecontrol.tasks.models import Owner, Task, TaskKind
from telecontrol.video.attendance import seated
from telecontrol.video.models import Role
from telecontrol.video.waiting import who_waits

logger = log.get("scheduling.sweeps")

_BATCH = 500
_BOUNCED = (DeliveryState.UNDELIVERED, DeliveryState.FAILED)


async def notices(database: Database, *, operator: Operator, now: datetime) -> int:
    """Settle the notices that are good, flag the doubtful before their limit, release those that missed it (P4).

    A bounce reopens a settled notice before the limit; after it the appointment stands and the desk is told.
    """
    waiting = (
        Appointment.state == AppointmentState.BOOKED,
        Appointment.mode == Mode.VIDEO,
        Appointment.waiver_at.is_(None),
        Appointment.starts_at > now,
    )
    bounced = (
        select(Intent.id)
        .where(
            Intent.subject_kind == SUBJECT,
            Intent.subject_id == Appointment.id,
            Intent.kind.in_(telling.NOTICE_KINDS),
            Intent.version >= Appointment.notice_since_version,
            Intent.delivery.in_(_BOUNCED),
        )
        .exists()
    )
    async with database.reading() as session:
        found = await session.scalars(
            select(Appointment)
            .where(*waiting, or_(Appointment.notice_settled_at.is_(None), bounced))
            .order_by(Appointment.hard_limit_at)
        )
        judged = await notices_of(session, list(found), now=now)
    # What only waits needs no transaction of its own.
    due = [key for key, notice in judged.items() if notice.verdict is not Verdict.WAITING]
    return await _each(database, due, lambda session, dossier: _judge_one(session, operator, dossier, now=now))


async def _judge_one(session: AsyncSession, operator: Operator, dossier: Dossier, *, now: datetime) -> None:
    appointment = dossier.appointment
    if (
        appointment.state is not AppointmentState.BOOKED
        or appointment.waiver_at is not None
        or appointment.starts_at <= now
    ):
        return
    notice = (await notices_of(session, [appointment], now=now))[appointment.id]
    match notice.verdict:
        case Verdict.GOOD if appointment.notice_settled_at is None:
            appointment.notice_settled_at = now
            await close_tasks(
                session, TaskKind.NOTICE_AT_RISK, subject_id=appointment.id, outcome="settled", by="service", now=now
            )
            _record(session, "notice.settled", dossier, now=now)
        case Verdict.AT_RISK:
            appointment.notice_settled_at = None
            await _flag(session, operator, dossier, notice.doubtful, now=now)
        case Verdict.MISSED if appointment.notice_settled_at is not None:
            await _tell_of_late_bounce(session, operator, dossier, notice.doubtful, now=now)
        case Verdict.MISSED:
            await release(session, operator=operator, dossier=dossier, actor=SERVICE, now=now)


async def _flag(
    session: AsyncSession, operator: Operator, dossier: Dossier, channels: list[str], *, now: datetime
) -> None:
    appointment = dossier.appointment
    already = await find_open(session, TaskKind.NOTICE_AT_RISK, subject_id=appointment.id)
    if appointment.notice_flagged_at is not None and already is not None and already.detail.get("channels") == channels:
        return
    task = await open_task(
        session,
        TaskKind.NOTICE_AT_RISK,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        control_id=appointment.control_id,
        organisation_id=appointment.organisation_id,
        owner=Owner.HANDLER,
        due_at=appointment.hard_limit_at,
        level=1,
        now=now,
        channels=channels,
    )
    if appointment.notice_flagged_at is None:
        appointment.notice_flagged_at = now
        _record(session, "notice.flagged", dossier, now=now, channels=channels)
        await alert_desk(session, operator, dossier, task, now=now)


async def _tell_of_late_bounce(
    session: AsyncSession, operator: Operator, dossier: Dossier, channels: list[str], *, now: datetime
) -> None:
    appointment = dossier.appointment
    known = select(JournalEntry.id).where(
        JournalEntry.action == "notice.bounced_after_limit", JournalEntry.subject_id == str(appointment.id)
    )
    if await session.scalar(known.limit(1)) is not None:
        return
    task = await open_task(
        session,
        TaskKind.BOUNCE_AFTER_LIMIT,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        control_id=appointment.control_id,
        organisation_id=appointment.organisation_id,
        owner=Owner.HANDLER,
        due_at=appointment.starts_at,
        level=1,
        now=now,
        channels=channels,
    )
    _record(session, "notice.bounced_after_limit", dossier, now=now, channels=channels)
    await alert_desk(session, operator, dossier, task, now=now)


async def expired_holds(database: Database, *, operator: Operator, now: datetime) -> int:
    """Free the declined slots whose grace is over."""
    due = await _due(database, Appointment.state == AppointmentState.HELD, Appointment.hold_until <= now)

    async def free(session: AsyncSession, dossier: Dossier) -> None:
        appointment = dossier.appointment
        if (
            appointment.state is AppointmentState.HELD
            and appointment.hold_until is not None
            and appointment.hold_until <= now
        ):
            await free_declined(session, operator=operator, dossier=dossier, actor=SERVICE, now=now)

    return await _each(database, due, free)


async def reminders(database: Database, *, operator: Operator, now: datetime) -> int:
    """Just before reminders leave: drop those of people invited on the eve or later; after the window, record the missed."""
    async with database.reading() as session:
        rows = await session.execute(
            select(Appointment.id, Appointment.starts_at, Appointment.zone).where(
                Appointment.state == AppointmentState.BOOKED,
                Appointment.reminded_version < Appointment.version,
                Appointment.starts_at <= now + timedelta(hours=50),
                Appointment.starts_at > now - timedelta(days=30),
            )
        )
        due = [key for key, starts_at, zone in rows if deadlines.reminder_window(starts_at, ZoneInfo(zone))[0] <= now]
    return await _each(database, due, lambda session, dossier: _settle_reminder(session, operator, dossier, now=now))


async def _settle_reminder(session: AsyncSession, operator: Operator, dossier: Dossier, *, now: datetime) -> None:
    appointment = dossier.appointment
    if appointment.state is not AppointmentState.BOOKED or appointment.reminded_version >= appointment.version:
        return
    intents = await telling.intents_of(session, appointment)
    reminding = [i for i in intents if i.kind == telling.REMINDER and i.version == appointment.version]
    invited = [
        i.accepted_at
        for i in intents
        if i.kind in telling.NOTICE_KINDS
        and i.version >= appointment.notice_since_version
        and i.accepted_at is not None
    ]
    state = deadlines.reminder_state(
        now, appointment.starts_at, dossier.zone, invitation_accepted_at=min(invited) if invited else None
    )
    if state is deadlines.ReminderState.NOT_NEEDED:
        for intent in reminding:
            if intent.state is IntentState.PENDING:
                await waive(session, intent.id, reason="invited_on_the_eve", now=now)
        appointment.reminded_version = appointment.version
        _record(session, "reminder.not_needed", dossier, now=now)
    elif reminding and all(i.state is IntentState.ACCEPTED for i in reminding):
        appointment.reminded_version = appointment.version
        _record(session, "reminder.accepted", dossier, now=now)
    elif state is deadlines.ReminderState.MISSED:
        appointment.reminded_version = appointment.version
        await _record_missed(session, operator, dossier, reminding, now=now)


async def _record_missed(
    session: AsyncSession, operator: Operator, dossier: Dossier, reminding: list[Intent], *, now: datetime
) -> None:
    """The eve is over: never sent late, never hidden. A day when one of the two channels worked is told apart."""
    appointment = dossier.appointment
    missed = sorted(i.channel for i in reminding if i.state is not IntentState.ACCEPTED)
    if not missed:
        return
    _record(session, "reminder.missed", dossier, now=now, channels=missed)
    if appointment.starts_at <= now:
        return
    task = await open_task(
        session,
        TaskKind.REMINDER_MISSED,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        control_id=appointment.control_id,
        organisation_id=appointment.organisation_id,
        owner=Owner.HANDLER,
        due_at=appointment.starts_at,
        now=now,
        channels=missed,
    )
    await alert_desk(session, operator, dossier, task, now=now)


async def kept_waiting(database: Database, *, operator: Operator, now: datetime) -> int:
    """An insured waits past the start and the doctor is not in the room: the doctor is told once, the desk has a row until
    they come or the appointment ends."""
    async with database.reading() as session:
        found = await session.scalars(
            select(Appointment.id).where(
                Appointment.state == AppointmentState.BOOKED,
                Appointment.mode == Mode.VIDEO,
                Appointment.starts_at <= now,
                Appointment.ends_at > now - ROOM_STAYS_OPEN,
            )
        )
        begun = list(found)
        waits = await who_waits(session, begun, now=now) if begun else {}
        told = set(
            await session.scalars(
                select(Task.subject_id).where(Task.kind == TaskKind.INSURED_WAITING, Task.done_at.is_(None))
            )
        )
        came = await seated(session, [*waits, *told], role=Role.DOCTOR, now=now) if waits or told else set()
    alone = {key for key, wait in waits.items() if wait.is_there} - came
    due = sorted((alone - told) | (told & came))
    return await _each(database, due, lambda session, dossier: _tell_of_waiting(session, operator, dossier, now=now))


async def _tell_of_waiting(session: AsyncSession, operator: Operator, dossier: Dossier, *, now: datetime) -> None:
    appointment = dossier.appointment
    if await seated(session, [appointment.id], role=Role.DOCTOR, now=now):
        kind = TaskKind.INSURED_WAITING
        await close_tasks(session, kind, subject_id=appointment.id, outcome="doctor_came", by="service", now=now)
        return
    wait = (await who_waits(session, [appointment.id], now=now)).get(appointment.id)
    chased_at = appointment.starts_at + timedelta(minutes=dossier.rules.doctor_chased_minutes)
    if appointment.state is not AppointmentState.BOOKED or wait is None or not wait.is_there or now < chased_at:
        return
    await open_task(
        session,
        TaskKind.INSURED_WAITING,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        control_id=appointment.control_id,
        organisation_id=appointment.organisation_id,
        owner=Owner.HANDLER,
        due_at=appointment.ends_at,
        level=1,
        now=now,
    )
    await telling.tell_doctor(
        session,
        operator,
        dossier,
        DoctorInsuredWaiting,
        now=now,
        not_after=max(appointment.ends_at, now) + ROOM_STAYS_OPEN,
        waiting_since_at=wait.since,
    )
    _record(session, "appointment.doctor_awaited", dossier, now=now)


# ---------------------------------------------------------------------------------------------------------------------


async def _due(database: Database, *conditions: ColumnElement[bool]) -> list[uuid.UUID]:
    async with database.reading() as session:
        found = await session.scalars(
            select(Appointment.id).join(Control).where(*conditions).order_by(Appointment.starts_at).limit(_BATCH)
        )
        return list(found)


async def _each(
    database: Database, ids: list[uuid.UUID], treat: Callable[[AsyncSession, Dossier], Awaitable[None]]
) -> int:
    """Treat each appointment in its own transaction; a failure is logged and leaves the others alone."""
    done = 0
    for appointment_id in ids:
        try:
            async with database.transaction() as session:
                await treat(session, await load_dossier(session, appointment_id, lock=True))
            done += 1
        except Exception:
            # A defect in one row must not keep the next person's notice from being judged; the row is met again next time.
            logger.exception("sweep_failed_on_row", appointment_id=str(appointment_id))
    return done


def _record(session: AsyncSession, action: str, dossier: Dossier, *, now: datetime, **detail: object) -> None:
    appointment = dossier.appointment
    record(
        session,
        action,
        actor=SERVICE,
        now=now,
        control_id=appointment.control_id,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        version=appointment.version,
        **detail,
    )
