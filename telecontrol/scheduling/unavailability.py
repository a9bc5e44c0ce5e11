"""A doctor's own changes to the agenda: away for a while, closed or open against the week on one day.

Nothing that was booked is cancelled by it: the appointments that are hit are told before the doctor confirms, and each becomes
a task for the desk, which knows whom else to ask and whom to call. The doctor's row is locked, as it is by whoever books, so
that a booking either comes first and is hit, or comes after and sees the change.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from telecontrol.controls.models import Control, Doctor
from telecontrol.controls.policies import Mode
from telecontrol.db.journal import Actor, record
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.models import (
    AgendaException,
    Appointment,
    AppointmentState,
    DoctorAbsence,
    OpeningRange,
)
from telecontrol.scheduling.wall_clock import earliest_instant
from telecontrol.tasks.desk import close_tasks, find_open, open_task
from telecontrol.tasks.models import Owner, TaskKind

LONGEST = timedelta(days=366)
FURTHEST = timedelta(days=2 * 366)
"""How far ahead a change may lie: beyond it, a year was mistyped."""
_STANDS = (AppointmentState.BOOKED, AppointmentState.HELD)


@dataclass(frozen=True, slots=True)
class Period:
    """From one instant to another, both in UTC."""

    starts_at: datetime
    ends_at: datetime


def whole_days(first_on: date, last_on: date, zone: ZoneInfo) -> Period:
    """Local days of the doctor's zone, both included."""
    return Period(
        earliest_instant(first_on, time(0), zone), earliest_instant(last_on + timedelta(days=1), time(0), zone)
    )


def hours_of(on: date, opens: time, closes: time, zone: ZoneInfo) -> Period:
    """Hours of one local day; midnight as `closes` is the day's end."""
    ends_on = on + timedelta(days=1) if closes == time(0) else on
    return Period(earliest_instant(on, opens, zone), earliest_instant(ends_on, closes, zone))


def away(first_on: date, last_on: date, zone: ZoneInfo, *, since: time | None, until: time | None) -> Period:
    """Whole days of the doctor's zone, both included; or from an hour of the first to an hour of the last."""
    if since is None and until is None:
        return whole_days(first_on, last_on, zone)
    begins, ends = since or time(0), until or time(0)
    return Period(hours_of(first_on, begins, time(0), zone).starts_at, hours_of(last_on, time(0), ends, zone).ends_at)


async def hit_by(session: AsyncSession, doctor_id: uuid.UUID, period: Period, *, now: datetime) -> list[Appointment]:
    """The doctor's appointments to come that a period would hit, by hour, with their person loaded. One query."""
    found = await session.scalars(
        select(Appointment)
        .where(
            Appointment.doctor_id == doctor_id,
            Appointment.state.in_(_STANDS),
            Appointment.starts_at < period.ends_at,
            Appointment.ends_at > max(period.starts_at, now),
        )
        .options(joinedload(Appointment.control).joinedload(Control.insured))
        .order_by(Appointment.starts_at)
    )
    return list(found)


def check_period(period: Period, *, now: datetime, fields: tuple[str, str] = ("starts_at", "ends_at")) -> None:
    """Raises `InvalidInput` for a period that cannot be; `fields` name the parts of the form it came from."""
    if period.ends_at <= period.starts_at:
        raise InvalidInput("it ends after it begins", field=fields[1], code="not_in_order")
    if period.ends_at <= now:
        raise InvalidInput("that is past", field=fields[1], code="in_the_past")
    if period.ends_at - period.starts_at > LONGEST or period.starts_at > now + FURTHEST:
        raise InvalidInput("at most a year, within two years", field=fields[1], code="too_long")


async def add_absence(
    session: AsyncSession, *, doctor_id: uuid.UUID, period: Period, actor: Actor, now: datetime
) -> tuple[DoctorAbsence, list[Appointment]]:
    """The doctor is away over `period`; the absence and the appointments that it hits, each with a task for the desk.

    The same period again is the same absence. Raises `InvalidInput` (field `ends_at` or `starts_at`), `NotFound`.
    """
    check_period(period, now=now)
    await _locked(session, doctor_id)
    absence = await session.scalar(
        select(DoctorAbsence).where(
            DoctorAbsence.doctor_id == doctor_id,
            DoctorAbsence.starts_at == period.starts_at,
            DoctorAbsence.ends_at == period.ends_at,
        )
    )
    if absence is None:
        absence = DoctorAbsence(doctor_id=doctor_id, starts_at=period.starts_at, ends_at=period.ends_at)
        session.add(absence)
        await session.flush()
        _note(
            session,
            "absence_added",
            absence,
            actor=actor,
            now=now,
            starts_at=absence.starts_at,
            ends_at=absence.ends_at,
        )
    return absence, await _tell_desk(session, doctor_id, period, now=now)


async def remove_absence(
    session: AsyncSession, *, doctor_id: uuid.UUID, absence_id: uuid.UUID, actor: Actor, now: datetime
) -> None:
    """The doctor is there after all; what the desk had to do about it is done. Raises `NotFound`, also for a colleague's."""
    await _locked(session, doctor_id)
    absence = await session.get(DoctorAbsence, absence_id)
    if absence is None or absence.doctor_id != doctor_id:
        raise NotFound("no such absence")
    period = Period(absence.starts_at, absence.ends_at)
    await session.execute(delete(DoctorAbsence).where(DoctorAbsence.id == absence_id))
    _note(session, "absence_removed", absence, actor=actor, now=now)
    await _untell_desk(session, doctor_id, period, actor=actor, now=now)


async def add_exception(
    session: AsyncSession,
    *,
    doctor_id: uuid.UUID,
    on: date,
    opens: time,
    closes: time,
    is_open: bool,
    mode: Mode = Mode.VIDEO,
    site_id: uuid.UUID | None = None,
    actor: Actor,
    now: datetime,
) -> tuple[AgendaException, list[Appointment]]:
    """Open or close a range of one day against the weekly pattern, in the doctor's wall time; the appointments that are hit.

    A closed range closes every mode. An open one is for video, or in person at a site where the doctor already works.
    Raises `InvalidInput` (field `closes`, `on`, `mode` or `site_id`), `NotFound`.
    """
    doctor = await _locked(session, doctor_id)
    if closes <= opens:
        raise InvalidInput("it closes after it opens", field="closes", code="not_in_order")
    period = hours_of(on, opens, closes, ZoneInfo(doctor.zone))
    check_period(period, now=now, fields=("on", "on"))
    if is_open:
        await _check_place(session, doctor_id, mode, site_id)
    else:
        mode, site_id = Mode.VIDEO, None
    values = {"on": on, "opens": opens, "closes": closes, "is_open": is_open, "mode": mode, "site_id": site_id}
    known = [getattr(AgendaException, name) == value for name, value in values.items()]
    exception = await session.scalar(select(AgendaException).where(AgendaException.doctor_id == doctor_id, *known))
    if exception is None:
        exception = AgendaException(doctor_id=doctor_id, **values)
        session.add(exception)
        await session.flush()
        _note(session, "exception_added", exception, actor=actor, now=now, on=on.isoformat(), is_open=is_open)
    return exception, [] if is_open else await _tell_desk(session, doctor_id, period, now=now)


async def remove_exception(
    session: AsyncSession, *, doctor_id: uuid.UUID, exception_id: uuid.UUID, actor: Actor, now: datetime
) -> None:
    """The weekly pattern holds again. Raises `NotFound`, also for a colleague's."""
    doctor = await _locked(session, doctor_id)
    exception = await session.get(AgendaException, exception_id)
    if exception is None or exception.doctor_id != doctor_id:
        raise NotFound("no such exception")
    period = hours_of(exception.on, exception.opens, exception.closes, ZoneInfo(doctor.zone))
    await session.execute(delete(AgendaException).where(AgendaException.id == exception_id))
    _note(session, "exception_removed", exception, actor=actor, now=now, on=exception.on.isoformat())
    if not exception.is_open:
        await _untell_desk(session, doctor_id, period, actor=actor, now=now)


async def sites_of(session: AsyncSession, doctor_id: uuid.UUID) -> set[uuid.UUID]:
    """The sites where a doctor sees people, from the weekly pattern."""
    found = await session.scalars(
        select(OpeningRange.site_id)
        .where(OpeningRange.doctor_id == doctor_id, OpeningRange.site_id.is_not(None))
        .distinct()
    )
    return {site_id for site_id in found if site_id is not None}


async def _check_place(session: AsyncSession, doctor_id: uuid.UUID, mode: Mode, site_id: uuid.UUID | None) -> None:
    if mode not in (Mode.VIDEO, Mode.SURGERY):
        raise InvalidInput("video, or in person at a site", field="mode", code="mode_not_allowed")
    if (mode is Mode.SURGERY) is not (site_id is not None):
        raise InvalidInput("choose a site", field="site_id", code="site_missing")
    if site_id is not None and site_id not in await sites_of(session, doctor_id):
        raise InvalidInput("choose a site", field="site_id", code="site_missing")


async def _locked(session: AsyncSession, doctor_id: uuid.UUID) -> Doctor:
    doctor = await session.scalar(select(Doctor).where(Doctor.id == doctor_id).with_for_update())
    if doctor is None:
        raise NotFound("no such doctor", code="no_such_doctor")
    return doctor


async def _tell_desk(
    session: AsyncSession, doctor_id: uuid.UUID, period: Period, *, now: datetime
) -> list[Appointment]:
    hit = await hit_by(session, doctor_id, period, now=now)
    for appointment in hit:
        await open_task(
            session,
            TaskKind.DOCTOR_UNAVAILABLE,
            subject_kind=SUBJECT,
            subject_id=appointment.id,
            control_id=appointment.control_id,
            organisation_id=appointment.organisation_id,
            owner=Owner.HANDLER,
            doctor_id=doctor_id,
            due_at=appointment.starts_at,
            now=now,
        )
    return hit


async def _untell_desk(
    session: AsyncSession, doctor_id: uuid.UUID, period: Period, *, actor: Actor, now: datetime
) -> None:
    """Close the tasks about appointments that nothing else hits any more."""
    freed = await hit_by(session, doctor_id, period, now=now)
    if not freed:
        return
    others = await _closures(session, doctor_id, freed)
    for appointment in freed:
        is_still_hit = any(
            each.starts_at < appointment.ends_at and each.ends_at > appointment.starts_at for each in others
        )
        if not is_still_hit and await find_open(session, TaskKind.DOCTOR_UNAVAILABLE, subject_id=appointment.id):
            await close_tasks(
                session,
                TaskKind.DOCTOR_UNAVAILABLE,
                subject_id=appointment.id,
                outcome="available_again",
                by=actor.id,
                now=now,
            )


async def _closures(session: AsyncSession, doctor_id: uuid.UUID, appointments: Sequence[Appointment]) -> list[Period]:
    """Whatever else keeps the doctor away around these appointments."""
    first, last = appointments[0].starts_at, max(appointment.ends_at for appointment in appointments)
    absences = await session.scalars(
        select(DoctorAbsence).where(
            DoctorAbsence.doctor_id == doctor_id, DoctorAbsence.starts_at < last, DoctorAbsence.ends_at > first
        )
    )
    closed = await session.execute(
        select(AgendaException, Doctor.zone)
        .join(Doctor, Doctor.id == AgendaException.doctor_id)
        .where(
            AgendaException.doctor_id == doctor_id,
            AgendaException.is_open.is_(False),
            AgendaException.on.between((first - timedelta(days=2)).date(), (last + timedelta(days=2)).date()),
        )
    )
    periods = [Period(absence.starts_at, absence.ends_at) for absence in absences]
    return periods + [hours_of(row.on, row.opens, row.closes, ZoneInfo(zone)) for row, zone in closed]


def _note(
    session: AsyncSession,
    verb: str,
    row: DoctorAbsence | AgendaException,
    *,
    actor: Actor,
    now: datetime,
    **detail: Any,
) -> None:
    record(
        session,
        f"agenda.{verb}",
        actor=actor,
        now=now,
        subject_kind="agenda",
        subject_id=row.id,
        doctor_id=row.doctor_id,
        **detail,
    )
