"""An appointment that is over without a conclusion: drafted, chased, qualified or signed (`DOMAIN.md` §5, the last rows)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Role, StaffUser
from telecontrol.controls.policies import Mode
from telecontrol.controls.reasons import reason as checked_reason
from telecontrol.controls.results import ReportKind, Result
from telecontrol.controls.states import Act, ControlState
from telecontrol.db.journal import SERVICE, Actor, record
from telecontrol.errors import Forbidden, WrongState
from telecontrol.reports.absences import waited_until
from telecontrol.reports.circumstances import Circumstances
from telecontrol.reports.conclusions import Concluded, conclude
from telecontrol.reports.deadlines import alert_instants, report_due_at
from telecontrol.reports.facts import with_evidence, with_wait
from telecontrol.reports.models import AbsenceQualification, Qualification, Report
from telecontrol.reports.reports import SUBJECT, draft, draft_of, withdraw
from telecontrol.reports.telling import chase_doctor, tell_over
from telecontrol.scheduling.alerts import alert_desk
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.endings import SUBJECT as APPOINTMENT
from telecontrol.scheduling.endings import end_appointment, move_control
from telecontrol.scheduling.models import AppointmentState
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.desk import close_tasks, find_open, open_task
from telecontrol.tasks.models import Owner, Task, TaskKind

_ACTS = {
    Qualification.EXCUSED_ABSENCE: Act.CONCLUDE_IN_PERSON,
    Qualification.TECHNICAL_FAILURE: Act.CONCLUDE_REBOOK,
    Qualification.DOCTOR_UNAVAILABLE: Act.CONCLUDE_REBOOK,
}


async def settle_over(session: AsyncSession, operator: Operator, dossier: Dossier, *, now: datetime) -> Report | None:
    """End an appointment whose time is over and that nobody concluded: its control is *to qualify*.

    The insured never arrived: a report is drafted, due from the end of the waiting time, and the doctor is asked to sign it.
    The insured had arrived, or something technical went wrong: the doctor is asked to conclude; that is never an absence
    (PROMISES P17) and nothing is drafted. Where the service saw no doctor wait in the room of a video appointment, the draft
    cannot be signed as it stands: what is proposed is that the doctor was not there, and the desk is told; only the doctor may
    say that they waited otherwise. Whoever came gets their receipt now.
    """
    appointment = dossier.appointment
    facts = await with_evidence(session, appointment, Circumstances())
    was_there = facts.arrived_at is not None or appointment.state is AppointmentState.IN_PROGRESS
    await end_appointment(
        session,
        appointment,
        dossier.control,
        state=AppointmentState.OVER,
        act=Act.END_WITHOUT_CONCLUSION,
        actor=SERVICE,
        now=now,
    )
    await tell_over(session, operator, dossier, now=now)
    desk_task = await find_open(session, TaskKind.CONTROL_TO_QUALIFY, subject_id=dossier.control.id)
    is_absent = not was_there and not facts.technical_problem_at
    if is_absent and await _is_unattended(session, dossier, now=now):
        _note_unattended(session, dossier, desk_task, now=now)
    if not is_absent or not dossier.rules.report_48h:
        report, event_at = None, appointment.ends_at
        task = await _ask(session, dossier, TaskKind.CONTROL_TO_QUALIFY, APPOINTMENT, appointment.id, event_at, now=now)
    else:
        event_at = waited_until(dossier)
        kind = ReportKind.EXAMINATION_IMPOSSIBLE
        report = await draft(session, dossier, kind=kind, event_at=event_at, actor=SERVICE, now=now)
        task = await _ask(session, dossier, TaskKind.SIGNATURE_DUE, SUBJECT, report.id, event_at, now=now)
    if level_of(event_at, now=now) == 0:
        # Later than that, the alert that is due says it.
        await chase_doctor(session, operator, dossier, task, event_at=event_at, now=now)
    if desk_task is not None:
        # A handler's answer is worth something until the report is due.
        desk_task.due_at = task.due_at
        await alert_desk(session, operator, dossier, desk_task, now=now)
    return report


async def _is_unattended(session: AsyncSession, dossier: Dossier, *, now: datetime) -> bool:
    """Whether the service saw no doctor wait for the insured: by video alone, in person it sees nobody."""
    waited = await with_wait(session, dossier, Circumstances(), now=now)
    return dossier.appointment.mode is Mode.VIDEO and waited.waited_until is None


def _note_unattended(session: AsyncSession, dossier: Dossier, desk_task: Task | None, *, now: datetime) -> None:
    if desk_task is not None:
        desk_task.detail = {**desk_task.detail, "proposed": str(Qualification.DOCTOR_UNAVAILABLE)}
    record(
        session,
        "appointment.doctor_not_seen",
        actor=SERVICE,
        now=now,
        control_id=dossier.control.id,
        subject_kind=APPOINTMENT,
        subject_id=dossier.appointment.id,
        version=dossier.appointment.version,
    )


async def _ask(
    session: AsyncSession,
    dossier: Dossier,
    kind: TaskKind,
    subject_kind: str,
    subject_id: uuid.UUID,
    event_at: datetime,
    *,
    now: datetime,
) -> Task:
    """The doctor's task, due when the report that it may lead to is due; `event_at` is kept for the alerts."""
    appointment = dossier.appointment
    return await open_task(
        session,
        kind,
        subject_kind=subject_kind,
        subject_id=subject_id,
        control_id=appointment.control_id,
        organisation_id=appointment.organisation_id,
        owner=Owner.DOCTOR,
        doctor_id=appointment.doctor_id,
        due_at=report_due_at(event_at, dossier.zone),
        now=now,
        event_at=event_at.isoformat(),
    )


def level_of(event_at: datetime, *, now: datetime) -> int:
    """How many of the alerts are due: 0 to 3. Pure."""
    return sum(instant <= now for instant in alert_instants(event_at))


async def sign_report(
    session: AsyncSession,
    *,
    operator: Operator,
    dossier: Dossier,
    user: StaffUser,
    circumstances: Circumstances,
    actor: Actor,
    now: datetime,
) -> Concluded:
    """The doctor signs a drafted report: that concludes the appointment as an unexcused absence, under its conditions.

    Raises what `conclusions.conclude` raises.
    """
    return await conclude(
        session,
        operator=operator,
        dossier=dossier,
        user=user,
        result=Result.UNEXCUSED_ABSENCE,
        circumstances=circumstances,
        actor=actor,
        now=now,
    )


async def qualify(
    session: AsyncSession,
    *,
    dossier: Dossier,
    qualification: Qualification,
    user: StaffUser,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Qualify an absence as excused, technical or the doctor's, as a handler or its doctor, with a reason: the draft is withdrawn
    and the control goes on (in person, or to be booked again). Twice the same changes nothing more.

    Raises `Forbidden`, `InvalidInput` without a reason or with a medical word in it, `WrongState` when the control is not *to qualify*.
    """
    if not user.is_active or not (user.role is Role.HANDLER or user.id == dossier.doctor.user_id):
        raise Forbidden("only a handler or the doctor of the appointment qualifies")
    kept = checked_reason(reason)
    appointment, control = dossier.appointment, dossier.control
    known = await session.scalar(
        select(AbsenceQualification).where(AbsenceQualification.appointment_id == appointment.id)
    )
    if known is not None and known.kind is qualification:
        return
    if control.state is not ControlState.TO_QUALIFY or appointment.state is not AppointmentState.OVER:
        raise WrongState("this appointment is not to be qualified", state=str(control.state))
    report = await draft_of(session, appointment.id)
    if report is not None:
        await withdraw(session, report, user=user, reason=kept, actor=actor, now=now)
    session.add(
        AbsenceQualification(
            appointment_id=appointment.id,
            kind=qualification,
            reason=kept,
            qualified_by=user.id,
            qualified_at=now,
        )
    )
    await close_tasks(
        session,
        TaskKind.CONTROL_TO_QUALIFY,
        subject_id=appointment.id,
        outcome=str(qualification),
        by=actor.id,
        now=now,
    )
    await move_control(session, control, _ACTS[qualification], actor=actor, now=now)
    record(
        session,
        "appointment.qualified",
        actor=actor,
        now=now,
        control_id=control.id,
        subject_kind=APPOINTMENT,
        subject_id=appointment.id,
        qualification=qualification,
        qualified_by=user.id,
        report_id=None if report is None else report.id,
    )
