"""How a slot is given back: by the service, by a notice that missed its limit, after a refusal (`DOMAIN.md` §5)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.filing import book_before
from telecontrol.controls.models import Control, Doctor
from telecontrol.controls.states import HAS_APPOINTMENT, Act, ControlState, after
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, WrongState
from telecontrol.notify.contexts import Cancellation, DoctorCancelled, DoctorDeclinedFreed, RefusalFreed, Release
from telecontrol.outbox.intents import Known, void
from telecontrol.scheduling import telling
from telecontrol.scheduling.dossier import Dossier, load_control, of
from telecontrol.scheduling.endings import SUBJECT, end_appointment, move_control
from telecontrol.scheduling.insured_choices import in_person_choices
from telecontrol.scheduling.models import Appointment, AppointmentState, Site
from telecontrol.scheduling.operator import Operator
from telecontrol.scheduling.presence import certify, presence_of
from telecontrol.tasks.desk import open_task
from telecontrol.tasks.models import Owner, TaskKind


async def cancel(
    session: AsyncSession,
    *,
    operator: Operator,
    dossier: Dossier,
    actor: Actor,
    now: datetime,
    then: Act = Act.RELEASE,
    reason: str = "",
) -> None:
    """The service gives the appointment up: the slot is freed and each channel that knows of it gets a cancellation.

    `then` is `RELEASE` (the control is to be booked again) or `CANCEL` (the control ends). `reason` is empty,
    `doctor_unavailable`, `request_withdrawn` or `technical`.

    Raises `WrongState`; its code is `already_begun` from the start on. Then only the endings of `DOMAIN.md` §5 are left:
    the doctor concludes (a technical failure or an unavailable doctor too), or the absence is qualified by name and reason.
    Whoever asked for the control could otherwise make an absence, and the report that it owes, disappear.
    """
    appointment = dossier.appointment
    _refuse_begun(appointment, now=now)
    if appointment.state not in (AppointmentState.BOOKED, AppointmentState.HELD):
        raise WrongState("this appointment can no longer be cancelled", state=str(appointment.state))
    presence = await presence_of(session, dossier, now=now)
    knew = await _free(
        session, dossier, AppointmentState.CANCELLED_BY_SERVICE, then, actor=actor, now=now, reason=reason
    )
    # Somebody may stand in the waiting room when the doctor gives up: they came, and can prove it.
    await certify(session, operator, dossier, presence, now=now)
    await telling.tell_freed(
        session, operator, dossier, Cancellation, knew=knew, now=now, reason=reason, will_rebook=then is Act.RELEASE
    )
    await telling.tell_doctor(
        session, operator, dossier, DoctorCancelled, now=now, reason=reason if reason == "request_withdrawn" else ""
    )


async def release(session: AsyncSession, *, operator: Operator, dossier: Dossier, actor: Actor, now: datetime) -> None:
    """The notice missed its limit: the slot is freed and nobody is blamed (`DOMAIN.md` §3 *when a notice counts*)."""
    knew = await _free(session, dossier, AppointmentState.RELEASED, Act.RELEASE, actor=actor, now=now)
    await telling.tell_freed(session, operator, dossier, Release, knew=knew, now=now)
    await telling.tell_doctor(session, operator, dossier, DoctorCancelled, now=now, reason="notice_missed")
    await open_task(
        session,
        TaskKind.NOTICE_RELEASED,
        subject_kind="control",
        subject_id=dossier.control.id,
        control_id=dossier.control.id,
        organisation_id=dossier.control.organisation_id,
        owner=Owner.HANDLER,
        due_at=book_before(dossier.control.leave_ends_on, dossier.insured.zone, now=now),
        now=now,
        starts_at=dossier.appointment.starts_at.isoformat(),
    )


async def cancel_control(
    session: AsyncSession,
    *,
    operator: Operator,
    control_id: uuid.UUID,
    actor: Actor,
    now: datetime,
    reason: str = "request_withdrawn",
) -> Control:
    """End a control that is no longer wanted; its appointment, if any, is cancelled and told. Raises `WrongState`, with the
    code `already_begun` while an appointment has begun and is neither concluded nor qualified."""
    control = await load_control(session, control_id, lock=True)
    if control.state is ControlState.CANCELLED:
        return control
    dossier = await current_dossier(session, control)
    if dossier is not None and control.state in HAS_APPOINTMENT | {ControlState.TO_QUALIFY}:
        _refuse_begun(dossier.appointment, now=now)
    after(control.state, Act.CANCEL)
    if dossier is not None and dossier.appointment.state in (AppointmentState.BOOKED, AppointmentState.HELD):
        await cancel(session, operator=operator, dossier=dossier, actor=actor, now=now, then=Act.CANCEL, reason=reason)
    else:
        await move_control(session, control, Act.CANCEL, actor=actor, now=now)
    return control


def has_begun(appointment: Appointment, *, now: datetime) -> bool:
    """Whether an appointment has reached its start, or its call, and waits for a conclusion: nobody cancels it any more."""
    if appointment.state is AppointmentState.BOOKED:
        return now >= appointment.starts_at
    return appointment.state in (AppointmentState.IN_PROGRESS, AppointmentState.OVER)


def _refuse_begun(appointment: Appointment, *, now: datetime) -> None:
    if has_begun(appointment, now=now):
        raise WrongState("the appointment has begun: it is concluded or qualified", code="already_begun")


async def current_dossier(session: AsyncSession, control: Control) -> Dossier | None:
    """The dossier of a control's latest appointment, `control` being loaded by `load_control`; None when it never had one."""
    row = (
        await session.execute(
            select(Appointment, Doctor, Site)
            .join(Doctor, Doctor.id == Appointment.doctor_id)
            .outerjoin(Site, Site.id == Appointment.site_id)
            .where(Appointment.control_id == control.id)
            .order_by(Appointment.booked_at.desc(), Appointment.starts_at.desc())
            .limit(1)
        )
    ).first()
    if row is None:
        return None
    appointment, doctor, site = row
    return of(appointment, control, doctor=doctor, site=site)


async def _free(
    session: AsyncSession,
    dossier: Dossier,
    state: AppointmentState,
    act: Act,
    *,
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> Known:
    """End and free the slot: the version is raised so that calendars see a newer SEQUENCE. Who already knew is returned."""
    appointment = dossier.appointment
    knew = await void(session, subject_kind=SUBJECT, subject_id=appointment.id, reason=str(state), now=now)
    appointment.version += 1
    await end_appointment(
        session, appointment, dossier.control, state=state, act=act, actor=actor, now=now, reason=reason
    )
    return knew


async def free_declined(
    session: AsyncSession,
    *,
    operator: Operator,
    dossier: Dossier,
    actor: Actor,
    now: datetime,
    next_at: datetime | None = None,
) -> None:
    """The grace after a refusal is over: the slot is freed, calendars get their `CANCEL`, the doctor is told.

    `next_at` is the hour of the appointment that takes its place, where it ends the grace: nothing is left to be chosen then.
    """
    appointment = dossier.appointment
    if appointment.state is not AppointmentState.HELD:
        raise Conflict("the slot is not held")
    knew = await void(
        session,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        kinds=telling.ABOUT_THE_HOUR,
        reason="declined",
        now=now,
    )
    appointment.state = AppointmentState.DECLINED_BY_INSURED
    appointment.version += 1
    appointment.ended_at = now
    record(
        session,
        "appointment.freed_after_refusal",
        actor=actor,
        now=now,
        control_id=appointment.control_id,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        version=appointment.version,
    )
    can_choose = next_at is None and bool(await in_person_choices(session, dossier, now=now))
    await telling.tell_freed(
        session,
        operator,
        dossier,
        RefusalFreed,
        knew=knew,
        now=now,
        mail_only=True,
        is_own_act=True,
        can_choose_slot=can_choose,
        next_at=next_at,
    )
    await telling.tell_doctor(session, operator, dossier, DoctorDeclinedFreed, now=now)
