"""Booking and moving appointments (`DOMAIN.md` §3, §5; PROMISES P1, P4, P8, P11).

Each function runs in the caller's transaction and leaves there all that its decision requires: the row, the journal line,
the messages to send or to void, the tasks of the desk. Locks are taken in one order: control, appointment, doctor.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode, Rules
from telecontrol.controls.states import Act, ControlState, after, allows
from telecontrol.db.journal import Actor, ActorKind, record
from telecontrol.errors import WrongState
from telecontrol.notify.contexts import DoctorBooked, DoctorCancelled, DoctorMoved
from telecontrol.outbox.intents import void
from telecontrol.scheduling import telling
from telecontrol.scheduling.conditions import (
    Waiver,
    check_local_time,
    check_notice,
    check_offered,
    checked_mode,
    checked_place,
    flush_or_refuse,
    locked_doctor,
    times_of,
    waived,
)
from telecontrol.scheduling.dossier import Dossier, load_control, of
from telecontrol.scheduling.endings import SUBJECT, limit_one_channel, move_control
from telecontrol.scheduling.freeing import current_dossier, free_declined, has_begun
from telecontrol.scheduling.models import LIVE, Appointment, AppointmentState, PastVersion
from telecontrol.scheduling.operator import Operator
from telecontrol.scheduling.requester import Stage, tell_requester
from telecontrol.tasks.desk import close_tasks, open_task
from telecontrol.tasks.models import Owner, TaskKind
from telecontrol.video.rooms import close_room


async def book(
    session: AsyncSession,
    *,
    operator: Operator,
    control_id: uuid.UUID,
    doctor_id: uuid.UUID,
    starts_at: datetime,
    mode: Mode | None = None,
    site_id: uuid.UUID | None = None,
    actor: Actor,
    now: datetime,
    hold: timedelta | None = None,
    waiver: Waiver | None = None,
) -> Appointment:
    """Book a control at `starts_at` (aware) and queue its convocation, its reminder and the doctor's message.

    `hold` is how long the invitation waits so that a slip can be undone; by default the policy's (a person books), zero
    through the API. Raises `WrongState`, `InvalidInput`, `NoticeImpossible` (with `first_possible`) or `SlotTaken`.
    """
    control = await load_control(session, control_id, lock=True)
    rules = Rules.from_json(control.policy.rules)
    after(control.state, Act.BOOK)
    mode = checked_mode(control, rules, mode)
    check_local_time(starts_at, ZoneInfo(control.insured.zone))
    hold = timedelta(minutes=rules.undo_hold_minutes) if hold is None else hold
    check_notice(starts_at, ZoneInfo(control.insured.zone), now=now, hold=hold, waiver=waiver)
    doctor = await locked_doctor(session, control, doctor_id, starts_at=starts_at)
    await _free_held(session, operator, control, next_at=starts_at, actor=actor, now=now)

    site, room_id = await checked_place(session, mode, site_id, starts_at=starts_at, rules=rules)
    await check_offered(session, control, rules, doctor, starts_at=starts_at, mode=mode, site=site)
    appointment = Appointment(
        control_id=control.id,
        organisation_id=control.organisation_id,
        insured_id=control.insured_id,
        doctor_id=doctor.id,
        site_id=site.id if site else None,
        room_id=room_id,
        mode=mode,
        zone=control.insured.zone,
        booked_at=now,
        booked_by=actor.id,
        **times_of(rules, mode, starts_at, ZoneInfo(control.insured.zone)),
        **waived(waiver, now),
    )
    session.add(appointment)
    await flush_or_refuse(session)
    await move_control(session, control, Act.BOOK, actor=actor, now=now)
    record(
        session,
        "appointment.booked",
        actor=actor,
        now=now,
        control_id=control.id,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        starts_at=starts_at,
        mode=mode,
        waived=waiver is not None,
    )
    dossier = of(appointment, control, doctor=doctor, site=site)
    is_own_act = actor.kind is ActorKind.INSURED
    await telling.convoke(session, operator, dossier, now=now, hold=hold, is_own_act=is_own_act)
    await telling.tell_doctor(session, operator, dossier, DoctorBooked, now=now)
    await tell_requester(session, operator, dossier, Stage.TAKEN_IN_CHARGE, now=now)
    await _warn_of_missing_channel(session, dossier, now=now)
    return appointment


async def move(
    session: AsyncSession,
    *,
    operator: Operator,
    dossier: Dossier,
    starts_at: datetime,
    doctor_id: uuid.UUID | None = None,
    site_id: uuid.UUID | None = None,
    actor: Actor,
    now: datetime,
    waiver: Waiver | None = None,
) -> Appointment:
    """Move an appointment to another hour (or doctor): the slot is freed, the version raised, unsent messages of the old
    version voided, a change told on each channel that knew the old hour, an invitation on the others.

    Same refusals as `book`.
    """
    appointment, control, rules = dossier.appointment, dossier.control, dossier.rules
    _require_movable(appointment, control, now=now)
    if starts_at == appointment.starts_at and doctor_id in (None, appointment.doctor_id):
        return appointment
    check_local_time(starts_at, dossier.zone)
    check_notice(starts_at, dossier.zone, now=now, hold=timedelta(0), waiver=waiver)
    doctor = await locked_doctor(session, control, doctor_id or appointment.doctor_id, starts_at=starts_at)
    site, room_id = await checked_place(
        session, appointment.mode, site_id or appointment.site_id, starts_at=starts_at, rules=rules, moving=appointment
    )
    await check_offered(
        session, control, rules, doctor, starts_at=starts_at, mode=appointment.mode, site=site, moving=appointment
    )
    before = appointment.starts_at
    previous_doctor = dossier.doctor
    _keep_version(session, appointment, actor=actor, now=now)
    knew = await void(session, subject_kind=SUBJECT, subject_id=appointment.id, reason="moved", now=now)
    appointment.doctor_id = doctor.id
    appointment.site_id = site.id if site else None
    appointment.room_id = room_id
    for name, value in {**times_of(rules, appointment.mode, starts_at, dossier.zone), **waived(waiver, now)}.items():
        setattr(appointment, name, value)
    appointment.version += 1
    appointment.notice_since_version = appointment.version
    appointment.notice_settled_at = appointment.notice_flagged_at = None
    if starts_at != before:
        # Whoever waits for the old hour is told; a colleague who takes over the same hour finds them where they are.
        await close_room(session, subject_id=appointment.id, now=now)
    # What was said of the old hour says nothing of the new one.
    appointment.announced_at, appointment.announced_reason, appointment.announced_decision = None, "", ""
    await flush_or_refuse(session)
    await close_tasks(
        session,
        TaskKind.NOTICE_AT_RISK,
        TaskKind.DOCTOR_UNAVAILABLE,
        TaskKind.INSURED_WAITING,
        subject_id=appointment.id,
        outcome="moved",
        by=actor.id,
        now=now,
    )
    record(
        session,
        "appointment.moved",
        actor=actor,
        now=now,
        control_id=control.id,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        version=appointment.version,
        before=before,
        starts_at=starts_at,
    )
    moved = of(appointment, control, doctor=doctor, site=site)
    is_own_act = actor.kind is ActorKind.INSURED
    await telling.tell_move(session, operator, moved, before=before, knew=knew, now=now, is_own_act=is_own_act)
    if previous_doctor.id != doctor.id:
        await telling.tell_doctor(
            session,
            operator,
            moved,
            DoctorCancelled,
            now=now,
            doctor=previous_doctor,
            starts_at=before,
            reason="handed_over",
        )
        await telling.tell_doctor(session, operator, moved, DoctorBooked, now=now)
    else:
        await telling.tell_doctor(session, operator, moved, DoctorMoved, now=now, previous_starts_at=before)
    await _warn_of_missing_channel(session, moved, now=now)
    return appointment


async def require_bookable(session: AsyncSession, control: Control, *, now: datetime) -> None:
    """Pass when this control can be booked, or its appointment moved, as things stand. Raises `WrongState` as those would."""
    if allows(control.state, Act.BOOK):
        return
    appointment = await session.scalar(
        select(Appointment).where(Appointment.control_id == control.id, Appointment.state.in_(LIVE)).limit(1)
    )
    if control.state is not ControlState.BOOKED or appointment is None:
        raise WrongState("this control can be neither booked nor moved", state=str(control.state))
    _require_movable(appointment, control, now=now)


def _require_movable(appointment: Appointment, control: Control, *, now: datetime) -> None:
    if has_begun(appointment, now=now):
        raise WrongState("the appointment has begun", code="already_begun")
    if appointment.state is not AppointmentState.BOOKED or control.state is not ControlState.BOOKED:
        raise WrongState("only a booked appointment can be moved", state=str(appointment.state))


def _keep_version(session: AsyncSession, appointment: Appointment, *, actor: Actor, now: datetime) -> None:
    session.add(
        PastVersion(
            appointment_id=appointment.id,
            version=appointment.version,
            doctor_id=appointment.doctor_id,
            starts_at=appointment.starts_at,
            ends_at=appointment.ends_at,
            replaced_at=now,
            replaced_by=actor.id,
        )
    )


async def _free_held(
    session: AsyncSession, operator: Operator, control: Control, *, next_at: datetime, actor: Actor, now: datetime
) -> None:
    """A declined slot still held is freed when its control is booked elsewhere, at `next_at`."""
    held = await current_dossier(session, control)
    if held is not None and held.appointment.state is AppointmentState.HELD:
        await free_declined(session, operator=operator, dossier=held, next_at=next_at, actor=actor, now=now)
        await session.flush()


async def _warn_of_missing_channel(session: AsyncSession, dossier: Dossier, *, now: datetime) -> None:
    """A person with one channel only is never skipped in silence (`DOMAIN.md` §3): the desk is told at booking."""
    insured, appointment = dossier.insured, dossier.appointment
    await limit_one_channel(session, dossier.control, due_at=appointment.hard_limit_at)
    missing = [name for name, value in (("mail", insured.email), ("sms", insured.phone)) if not value]
    if missing and appointment.waiver_at is None:
        await open_task(
            session,
            TaskKind.NOTICE_AT_RISK,
            subject_kind=SUBJECT,
            subject_id=appointment.id,
            control_id=appointment.control_id,
            organisation_id=appointment.organisation_id,
            owner=Owner.HANDLER,
            due_at=appointment.hard_limit_at,
            now=now,
            missing=missing,
        )
