"""What the insured answers, and what comes of it (`DOMAIN.md` §5, table of acts).

No answer is ever held against anybody: declining video is a choice, an announced absence is a question to the desk.
Every function is safe to call twice: the second call finds the work done.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.policies import Mode
from telecontrol.controls.states import Act, ControlState
from telecontrol.db.journal import Actor, ActorKind, record
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.notify.contexts import (
    AppointmentKept,
    Cancellation,
    CannotComeReceipt,
    DoctorBooked,
    DoctorCancelled,
    DoctorDeclinedFreed,
    DoctorMoved,
    RefusalReceipt,
    RefusalUndone,
)
from telecontrol.outbox.intents import Known, void
from telecontrol.scheduling import telling
from telecontrol.scheduling.booking import book, move
from telecontrol.scheduling.conditions import flush_or_refuse
from telecontrol.scheduling.deadlines import change_leaves_at
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.endings import SUBJECT, end_appointment, move_control
from telecontrol.scheduling.insured_choices import in_person_choices
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.desk import close_tasks
from telecontrol.tasks.models import TaskKind
from telecontrol.video.rooms import close_room


class CannotCome(StrEnum):
    """Neutral reasons, chosen from a list: never free text, never a health detail."""

    HOSPITAL_OR_CARE = "care_appointment"
    TRAVEL = "travel"
    NO_EQUIPMENT = "no_equipment"
    OTHER_OBLIGATION = "other_obligation"
    BACK_AT_WORK = "back_at_work"
    OTHER = "other"


class Decision(StrEnum):
    """The desk's answer to an announced absence."""

    KEEP = "keep"
    EXCUSE = "excuse"


async def decline_video(
    session: AsyncSession, *, operator: Operator, dossier: Dossier, actor: Actor, now: datetime
) -> Appointment:
    """The insured prefers to be seen in person: possible until the doctor admits them.

    The slot is held for the grace (at most until the start), the reminder voided, a receipt sent at once; the control
    waits for an in-person booking. Raises `WrongState` once the call has begun or the appointment is no longer theirs.
    """
    appointment, control = dossier.appointment, dossier.control
    if appointment.state is AppointmentState.HELD:
        return appointment
    if appointment.mode is not Mode.VIDEO:
        raise WrongState("only a video appointment can be declined for an in-person one", code="not_video")
    if appointment.state is not AppointmentState.BOOKED or now >= appointment.ends_at:
        raise WrongState("it is too late to choose an in-person appointment here", code="too_late_to_decline")
    await void(
        session,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        kinds=telling.ABOUT_THE_HOUR,
        reason="declined",
        now=now,
    )
    await move_control(session, control, Act.DECLINE_VIDEO, actor=actor, now=now)
    appointment.state = AppointmentState.HELD
    appointment.declined_at = now
    appointment.hold_until = grace_until(dossier, now=now)
    await close_room(session, subject_id=appointment.id, now=now)
    _record(session, "appointment.declined", dossier, actor=actor, now=now, hold_until=appointment.hold_until)
    await telling.tell_insured(
        session,
        operator,
        dossier,
        RefusalReceipt,
        now=now,
        recorded_at=now,
        undo_until=appointment.hold_until if appointment.hold_until > now else None,
        can_choose_slot=bool(await in_person_choices(session, dossier, now=now)),
    )
    return appointment


def grace_until(dossier: Dossier, *, now: datetime) -> datetime:
    """Until when the hour of somebody who declines video `now` is kept for them: the policy's grace, at most until the start."""
    grace = timedelta(minutes=dossier.rules.decline_grace_minutes)
    return max(now, min(now + grace, dossier.appointment.starts_at))


def can_undo_decline(dossier: Dossier, *, now: datetime) -> bool:
    """Whether the insured may take the video appointment back, the slot being free."""
    appointment = dossier.appointment
    return (
        appointment.state in (AppointmentState.HELD, AppointmentState.DECLINED_BY_INSURED)
        and dossier.control.state is ControlState.IN_PERSON_TO_BOOK
        and now < appointment.starts_at
    )


async def undo_decline(
    session: AsyncSession, *, operator: Operator, dossier: Dossier, actor: Actor, now: datetime
) -> Appointment:
    """Take the video appointment back: at once within the grace, after it if the slot is still free (`SlotTaken`).

    The same hour needs no new notice: the person has just confirmed it, on their page or to a named member of staff. A program
    says so without a name (P4): a notice that was in doubt stays so, the message about this may settle it, and past its limit
    nothing can. The hour is not reminded of twice either, and the doctor hears of it only where they had been told that it was
    free.
    """
    appointment, control = dossier.appointment, dossier.control
    if appointment.state is AppointmentState.BOOKED and control.state is ControlState.BOOKED:
        return appointment
    is_unsettled = appointment.notice_settled_at is None
    is_confirmed = is_unsettled and actor.kind is not ActorKind.API
    is_beyond_notice = is_unsettled and not is_confirmed and now >= appointment.hard_limit_at
    if is_beyond_notice or not can_undo_decline(dossier, now=now):
        raise WrongState("the video appointment can no longer be taken back", code="too_late_to_undo")
    knew = await void(session, subject_kind=SUBJECT, subject_id=appointment.id, reason="undone", now=now)
    is_reminded = _was_told(knew, telling.REMINDER, since=appointment.notice_since_version)
    doctor_lost_it = _was_told(knew, DoctorDeclinedFreed.KIND, since=appointment.version)
    doctor_unaware = any(intent.kind in (DoctorBooked.KIND, DoctorMoved.KIND) for intent in knew.voided)
    appointment.state = AppointmentState.BOOKED
    appointment.version += 1
    appointment.declined_at = appointment.hold_until = appointment.ended_at = None
    if is_confirmed:
        appointment.notice_settled_at = now
    await flush_or_refuse(session)
    if is_confirmed:
        await close_tasks(
            session, TaskKind.NOTICE_AT_RISK, subject_id=appointment.id, outcome="settled", by=str(actor.id), now=now
        )
    await move_control(session, control, Act.UNDO_DECLINE, actor=actor, now=now)
    control.needs_in_person = False
    _record(session, "appointment.decline_undone", dossier, actor=actor, now=now)
    await telling.tell_insured(session, operator, dossier, RefusalUndone, now=now, recorded_at=now)
    if is_reminded:
        appointment.reminded_version = appointment.version
    else:
        await telling.remind(session, operator, dossier, now=now, told_at=now)
    if doctor_lost_it or doctor_unaware:
        await telling.tell_doctor(session, operator, dossier, DoctorBooked, now=now, is_again=doctor_lost_it)
    return appointment


def _was_told(knew: Known, kind: str, *, since: int) -> bool:
    """Whether a message of this kind, of this version or a later one, was taken or may have been."""
    return any(intent.kind == kind and intent.version >= since for intent in (*knew.accepted, *knew.in_doubt))


async def choose_in_person(
    session: AsyncSession,
    *,
    operator: Operator,
    dossier: Dossier,
    doctor_id: uuid.UUID,
    site_id: uuid.UUID,
    starts_at: datetime,
    actor: Actor,
    now: datetime,
) -> Appointment:
    """After a refusal the insured books one of the in-person slots shown to them; the desk then has nothing to do."""
    if dossier.control.state is not ControlState.IN_PERSON_TO_BOOK:
        raise WrongState("an in-person appointment is not to be chosen now", code="not_to_choose")
    return await book(
        session,
        operator=operator,
        control_id=dossier.control.id,
        doctor_id=doctor_id,
        site_id=site_id,
        starts_at=starts_at,
        mode=Mode.SURGERY,
        actor=actor,
        now=now,
        hold=timedelta(0),
    )


async def announce_absence(
    session: AsyncSession, *, operator: Operator, dossier: Dossier, reason: CannotCome, actor: Actor, now: datetime
) -> Appointment:
    """The insured cannot come: the slot is kept and the desk answers before the start, else the doctor qualifies."""
    appointment = dossier.appointment
    if appointment.state is not AppointmentState.BOOKED or now >= appointment.ends_at:
        raise WrongState("it is too late to say so here: please call", code="too_late_to_announce")
    if dossier.control.state is ControlState.ABSENCE_TO_QUALIFY:
        return appointment
    await move_control(
        session, dossier.control, Act.ANNOUNCE_ABSENCE, actor=actor, now=now, due_at=appointment.starts_at
    )
    appointment.announced_at = now
    appointment.announced_reason = reason
    appointment.announced_decision = ""
    _record(session, "appointment.absence_announced", dossier, actor=actor, now=now, reason=reason)
    again = await telling.another(session, dossier, CannotComeReceipt)
    await telling.tell_insured(session, operator, dossier, CannotComeReceipt, now=now, about=again, recorded_at=now)
    return appointment


async def withdraw_absence(session: AsyncSession, *, dossier: Dossier, actor: Actor, now: datetime) -> Appointment:
    """The insured can come after all, until somebody qualified the absence."""
    appointment = dossier.appointment
    if dossier.control.state is ControlState.BOOKED and appointment.announced_at is None:
        return appointment
    if dossier.control.state is not ControlState.ABSENCE_TO_QUALIFY or now >= appointment.ends_at:
        raise WrongState("this was already answered", code="already_answered")
    await move_control(session, dossier.control, Act.WITHDRAW_ABSENCE, actor=actor, now=now)
    appointment.announced_at = None
    appointment.announced_reason = ""
    _record(session, "appointment.absence_withdrawn", dossier, actor=actor, now=now)
    return appointment


async def answer_absence(
    session: AsyncSession, *, operator: Operator, dossier: Dossier, decision: Decision, actor: Actor, now: datetime
) -> Appointment:
    """The desk answers an announced absence: the appointment stands, or it is excused and an in-person one is to be booked.

    The same answer a second time changes nothing. Raises `WrongState`.
    """
    appointment, control = dossier.appointment, dossier.control
    if control.state is not ControlState.ABSENCE_TO_QUALIFY and appointment.announced_decision == decision:
        return appointment
    if control.state is not ControlState.ABSENCE_TO_QUALIFY:
        raise WrongState("this absence was already answered", code="already_answered")
    if now >= appointment.starts_at:
        raise WrongState("the appointment has begun: the doctor qualifies the absence", code="doctor_qualifies")
    appointment.announced_decision = decision
    _record(session, "appointment.absence_answered", dossier, actor=actor, now=now, decision=decision)
    if decision is Decision.KEEP:
        await move_control(session, control, Act.KEEP_APPOINTMENT, actor=actor, now=now)
        await _tell_kept(session, operator, dossier, now=now)
        return appointment
    knew = await void(session, subject_kind=SUBJECT, subject_id=appointment.id, reason="excused", now=now)
    appointment.version += 1
    await end_appointment(
        session,
        appointment,
        control,
        state=AppointmentState.CANCELLED_BY_SERVICE,
        act=Act.EXCUSE_ABSENCE,
        actor=actor,
        now=now,
        reason="cannot_come",
    )
    await telling.tell_freed(
        session, operator, dossier, Cancellation, knew=knew, now=now, reason="excused", will_rebook=True
    )
    await telling.tell_doctor(session, operator, dossier, DoctorCancelled, now=now, reason="cannot_come")
    return appointment


async def _tell_kept(session: AsyncSession, operator: Operator, dossier: Dossier, *, now: datetime) -> None:
    """That the appointment stands, before it begins: in the open window, or at once when that would be too late."""
    starts_at = dossier.appointment.starts_at
    leaves = change_leaves_at(now, starts_at, dossier.zone)
    await telling.tell_insured(
        session,
        operator,
        dossier,
        AppointmentKept,
        now=now,
        not_before=leaves if leaves < starts_at else now,
        not_after=starts_at,
        about=await telling.another(session, dossier, AppointmentKept),
        recorded_at=now,
    )


async def ask_another_hour(
    session: AsyncSession,
    *,
    operator: Operator,
    dossier: Dossier,
    starts_at: datetime,
    doctor_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> Appointment:
    """The insured moves the appointment among slots that keep the notice, as often as the policy allows (once)."""
    control = dossier.control
    if starts_at == dossier.appointment.starts_at:
        raise InvalidInput("that is the present hour", field="starts_at", code="same_hour")
    if control.moves_by_insured >= dossier.rules.moves_by_insured:
        raise WrongState("the hour was already changed once: please call", code="already_moved")
    moved = await move(
        session, operator=operator, dossier=dossier, starts_at=starts_at, doctor_id=doctor_id, actor=actor, now=now
    )
    control.moves_by_insured += 1
    return moved


def _record(
    session: AsyncSession, action: str, dossier: Dossier, *, actor: Actor, now: datetime, **detail: object
) -> None:
    appointment = dossier.appointment
    record(
        session,
        action,
        actor=actor,
        now=now,
        control_id=appointment.control_id,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        version=appointment.version,
        **detail,
    )
