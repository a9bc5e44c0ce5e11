"""Doctors as administrators keep them: who they are, their account, the procedures they are approved for and when."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Role, StaffUser
from telecontrol.controls import checks
from telecontrol.controls.models import Doctor, DoctorApproval, Procedure
from telecontrol.controls.requests import Door
from telecontrol.controls.zones import PARIS
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, InvalidInput, NotFound
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.unavailability import FURTHEST, Period, hit_by
from telecontrol.tasks.desk import open_task
from telecontrol.tasks.models import Owner, TaskKind


@dataclass(frozen=True, slots=True)
class DoctorFacts:
    """What is kept of a doctor, as typed. `account` is the e-mail address under which they sign in; empty for none."""

    rpps: str
    family_name: str
    given_name: str
    email: str = ""
    phone: str = ""
    zone: str = PARIS
    account: str = ""
    works_on_holidays: bool = False
    is_active: bool = True


async def find_doctor(session: AsyncSession, doctor_id: uuid.UUID, *, lock: bool = False) -> Doctor:
    """The doctor; with `lock`, as whoever books locks them. Raises `NotFound`."""
    query = select(Doctor).where(Doctor.id == doctor_id)
    doctor = await session.scalar(query.with_for_update() if lock else query)
    if doctor is None:
        raise NotFound("no such doctor", code="no_such_doctor")
    return doctor


async def add_doctor(
    session: AsyncSession, facts: DoctorFacts, *, actor: Actor, now: datetime, row_id: uuid.UUID | None = None
) -> Doctor:
    """A new doctor, who can examine nobody until an approval and an opening are added.

    Raises `InvalidInput` naming every field at fault, `Conflict` (`rpps_taken`).
    """
    doctor = Doctor(id=row_id or uuid.uuid4(), **await _checked(session, facts, doctor_id=None))
    await _flushed(session, doctor)
    record(session, "doctor.created", actor=actor, now=now, subject_kind="doctor", subject_id=doctor.id)
    return doctor


async def change_doctor(
    session: AsyncSession, doctor: Doctor, facts: DoctorFacts, *, actor: Actor, now: datetime
) -> int:
    """Bring a doctor up to date. One who is no longer active is offered no more; each appointment to come becomes a task for
    the desk, which finds somebody else. How many there are.

    Raises `InvalidInput` naming every field at fault, `Conflict` (`rpps_taken`).
    """
    given = await _checked(session, facts, doctor_id=doctor.id)
    changed = [name for name, value in given.items() if getattr(doctor, name) != value]
    if not changed:
        return 0
    is_leaving = doctor.is_active and not given["is_active"]
    try:
        async with session.begin_nested():
            for name in changed:
                setattr(doctor, name, given[name])
    except IntegrityError as error:
        raise _taken() from error
    record(session, "doctor.updated", actor=actor, now=now, subject_kind="doctor", subject_id=doctor.id, fields=changed)
    return await _tell_desk(session, doctor, now=now) if is_leaving else 0


async def _tell_desk(session: AsyncSession, doctor: Doctor, *, now: datetime) -> int:
    left = await hit_by(session, doctor.id, Period(now, now + FURTHEST), now=now)
    for appointment in left:
        await open_task(
            session,
            TaskKind.DOCTOR_UNAVAILABLE,
            subject_kind=SUBJECT,
            subject_id=appointment.id,
            control_id=appointment.control_id,
            organisation_id=appointment.organisation_id,
            owner=Owner.HANDLER,
            doctor_id=doctor.id,
            due_at=appointment.starts_at,
            now=now,
        )
    return len(left)


async def _checked(session: AsyncSession, facts: DoctorFacts, *, doctor_id: uuid.UUID | None) -> dict[str, Any]:
    door = Door()
    let = door.let
    zone = let(checks.zone, facts.zone, otherwise="") or PARIS
    checked = {
        "rpps": let(checks.rpps, facts.rpps, field="rpps", is_needed=True, otherwise=""),
        "family_name": let(checks.name, facts.family_name, field="family_name", otherwise=""),
        "given_name": let(checks.name, facts.given_name, field="given_name", otherwise=""),
        "email": let(checks.email, facts.email, otherwise=""),
        "phone": let(checks.phone, facts.phone, zone=zone, otherwise=""),
        "zone": zone,
        "works_on_holidays": facts.works_on_holidays,
        "is_active": facts.is_active,
    }
    try:
        checked["user_id"] = await _account(session, facts.account, doctor_id=doctor_id)
    except InvalidInput as problem:
        door.problems.append(problem)
    if door.problems:
        raise InvalidInput.of_all(door.problems)
    return checked


async def _account(session: AsyncSession, email: str, *, doctor_id: uuid.UUID | None) -> uuid.UUID | None:
    """The account that has this address: a doctor's, and no other doctor's."""
    if not email.strip():
        return None
    row = (
        await session.execute(
            select(StaffUser.id, Doctor.id)
            .join(Doctor, Doctor.user_id == StaffUser.id, isouter=True)
            .where(StaffUser.email == email.strip().lower(), StaffUser.role == Role.DOCTOR)
        )
    ).one_or_none()
    if row is None:
        raise InvalidInput("no doctor's account has this address", field="account", code="user_unknown")
    user_id, owner_id = row
    if owner_id not in (None, doctor_id):
        raise InvalidInput("this account belongs to another doctor", field="account", code="user_taken")
    found: uuid.UUID = user_id
    return found


async def link_account(session: AsyncSession, user: StaffUser, *, rpps: str, actor: Actor, now: datetime) -> Doctor:
    """Say which doctor signs in with an account, by their number. Raises `InvalidInput` (field `rpps`)."""
    number = checks.rpps(rpps, field="rpps", is_needed=True)
    doctor = await session.scalar(select(Doctor).where(Doctor.rpps == number).with_for_update())
    if doctor is None:
        raise InvalidInput("no doctor has this number", field="rpps", code="doctor_unknown")
    if doctor.user_id == user.id:
        return doctor
    other = await session.scalar(select(Doctor.id).where(Doctor.user_id == user.id))
    if doctor.user_id is not None or other is not None:
        raise InvalidInput("this doctor has an account already", field="rpps", code="doctor_has_account")
    doctor.user_id = user.id
    record(
        session, "doctor.updated", actor=actor, now=now, subject_kind="doctor", subject_id=doctor.id, fields=["user_id"]
    )
    await session.flush()
    return doctor


async def approvals_of(session: AsyncSession, doctor_id: uuid.UUID) -> Sequence[DoctorApproval]:
    """A doctor's approvals, by procedure, the latest first."""
    found = await session.scalars(
        select(DoctorApproval)
        .where(DoctorApproval.doctor_id == doctor_id)
        .order_by(DoctorApproval.procedure, DoctorApproval.valid_from_on.desc(), DoctorApproval.id)
    )
    return list(found)


async def add_approval(
    session: AsyncSession,
    doctor: Doctor,
    *,
    procedure: Procedure,
    valid_from_on: date,
    valid_until_on: date | None,
    actor: Actor,
    now: datetime,
) -> DoctorApproval:
    """Approve a doctor for a procedure between two days, both included; the same days twice are one approval.

    Raises `InvalidInput` (field `valid_until_on`), and with code `approval_overlaps` where another one covers some of the days.
    """
    _check_days(valid_from_on, valid_until_on)
    await find_doctor(session, doctor.id, lock=True)
    for each in await approvals_of(session, doctor.id):
        if each.procedure is not procedure:
            continue
        if (each.valid_from_on, each.valid_until_on) == (valid_from_on, valid_until_on):
            return each
        begins_before_end = valid_until_on is None or each.valid_from_on <= valid_until_on
        if begins_before_end and (each.valid_until_on is None or each.valid_until_on >= valid_from_on):
            raise InvalidInput("another approval covers these days", field="valid_from_on", code="approval_overlaps")
    approval = DoctorApproval(
        doctor_id=doctor.id, procedure=procedure, valid_from_on=valid_from_on, valid_until_on=valid_until_on
    )
    session.add(approval)
    await session.flush()
    _note(session, "added", approval, actor=actor, now=now)
    return approval


async def end_approval(
    session: AsyncSession,
    doctor: Doctor,
    *,
    approval_id: uuid.UUID,
    valid_until_on: date | None,
    actor: Actor,
    now: datetime,
) -> DoctorApproval:
    """Change the last day of an approval. Raises `NotFound`, `InvalidInput` (field `valid_until_on`)."""
    approval = await session.get(DoctorApproval, approval_id)
    if approval is None or approval.doctor_id != doctor.id:
        raise NotFound("no such approval")
    _check_days(approval.valid_from_on, valid_until_on)
    if approval.valid_until_on != valid_until_on:
        approval.valid_until_on = valid_until_on
        _note(session, "changed", approval, actor=actor, now=now)
    return approval


async def remove_approval(
    session: AsyncSession, doctor: Doctor, *, approval_id: uuid.UUID, actor: Actor, now: datetime
) -> None:
    """Take an approval back, as if it had never been; one that is gone already is no error."""
    approval = await session.get(DoctorApproval, approval_id)
    if approval is None or approval.doctor_id != doctor.id:
        return
    await session.execute(delete(DoctorApproval).where(DoctorApproval.id == approval_id))
    _note(session, "removed", approval, actor=actor, now=now)


def _check_days(first: date, last: date | None) -> None:
    if last is not None and last < first:
        raise InvalidInput("the last day comes before the first", field="valid_until_on", code="days_backwards")


def _note(session: AsyncSession, verb: str, approval: DoctorApproval, *, actor: Actor, now: datetime) -> None:
    record(
        session,
        f"approval.{verb}",
        actor=actor,
        now=now,
        subject_kind="doctor",
        subject_id=approval.doctor_id,
        procedure=approval.procedure,
        valid_from_on=approval.valid_from_on.isoformat(),
        valid_until_on=approval.valid_until_on.isoformat() if approval.valid_until_on else "",
    )


async def _flushed(session: AsyncSession, doctor: Doctor) -> None:
    try:
        async with session.begin_nested():
            session.add(doctor)
    except IntegrityError as error:
        raise _taken() from error


def _taken() -> Conflict:
    return Conflict("another doctor has this RPPS number", code="rpps_taken", field="rpps")
