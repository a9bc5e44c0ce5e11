"""A doctor's conclusion: checked, frozen, hashed; and in the same transaction everything that it leads to (`DOMAIN.md` §5)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import StaffUser
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import CONSEQUENCES, Result
from telecontrol.controls.states import Act, after
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, Forbidden, InvalidInput, WrongState
from telecontrol.reports.absences import can_be_concluded, require_unexcused, waited_until
from telecontrol.reports.canonical import canonical, content_hash
from telecontrol.reports.circumstances import Circumstances, IdentityDocument, Statement, checked
from telecontrol.reports.facts import with_evidence, with_wait
from telecontrol.reports.models import Conclusion, Report
from telecontrol.reports.reports import draft, draft_of, owed, sign, withdraw
from telecontrol.reports.telling import tell_conclusion
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.endings import end_appointment
from telecontrol.scheduling.models import AppointmentState
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.desk import close_tasks
from telecontrol.tasks.models import TaskKind

_ABSENT = (Result.EXCUSED_ABSENCE, Result.UNEXCUSED_ABSENCE, Result.CONTROL_REFUSED)


@dataclass(frozen=True, slots=True)
class Concluded:
    """The conclusion, and the report that it owes. `again` is True for the second of two identical submissions."""

    conclusion: Conclusion
    report: Report | None
    again: bool = False


async def conclude(
    session: AsyncSession,
    *,
    operator: Operator,
    dossier: Dossier,
    user: StaffUser,
    result: Result,
    circumstances: Circumstances,
    event_at: datetime | None = None,
    by_phone: bool = False,
    close_control: bool = False,
    actor: Actor,
    now: datetime,
) -> Concluded:
    """Conclude an appointment as its doctor (`user`), who has just proved again who they are: that is the signature.

    `dossier` is loaded with `lock=True`. `event_at` is the fact: by default the end of the examination, and for an absence
    always the end of the waiting time; never the moment of recording. `close_control` ends a control that could not be
    carried out (*impossible, not attributable* only). The same submission again gets the same answer.

    Raises `Forbidden` for another user than the doctor; `InvalidInput` naming the field; `Conflict` whose code says what
    stands against it (`already_concluded`, `too_early`, `not_started`, and those of `absences.require_unexcused`); `WrongState`.
    """
    if user.id != dossier.doctor.user_id or not user.is_active:
        raise Forbidden("only the doctor of the appointment concludes")
    known = await conclusion_of(session, dossier.appointment.id)
    if known is not None:
        return await _same_answer(session, known, result=result, circumstances=circumstances, by_phone=by_phone)
    _check_allowed(dossier, result, by_phone=by_phone, close_control=close_control, now=now)
    facts = await with_evidence(session, dossier.appointment, checked(circumstances, now=now))
    _check_met(dossier, result, facts, by_phone=by_phone, now=now)
    _check_identity(result, facts)
    if result is Result.UNEXCUSED_ABSENCE:
        facts = await with_wait(session, dossier, facts, now=now)
        await require_unexcused(session, dossier, facts, now=now)
    at = event_of(dossier, result, given=event_at, now=now)
    conclusion = _frozen(dossier, user, result, facts, event_at=at, by_phone=by_phone, now=now)
    session.add(conclusion)
    await _end(session, dossier, result, facts, by_phone=by_phone, close_control=close_control, actor=actor, now=now)
    await session.flush()
    report = await _settle_report(
        session, operator, dossier, conclusion, user=user, closing=close_control, actor=actor, now=now
    )
    await tell_conclusion(session, operator, dossier, conclusion, arrived_at=facts.arrived_at, now=now)
    record(
        session,
        "conclusion.signed",
        actor=actor,
        now=now,
        control_id=conclusion.control_id,
        subject_kind="conclusion",
        subject_id=conclusion.id,
        result=result,
        event_at=at,
        by_phone=by_phone,
        content_hash=conclusion.content_hash,
        report_id=None if report is None else report.id,
    )
    return Concluded(conclusion, report)


async def conclusion_of(session: AsyncSession, appointment_id: uuid.UUID) -> Conclusion | None:
    """The conclusion of an appointment, in its latest version."""
    found: Conclusion | None = await session.scalar(
        select(Conclusion)
        .where(Conclusion.appointment_id == appointment_id)
        .order_by(Conclusion.version.desc())
        .limit(1)
    )
    return found


def event_of(dossier: Dossier, result: Result, *, given: datetime | None, now: datetime) -> datetime:
    """The fact from which the 48 hours run, in UTC.

    An absence is a fact at the end of the waiting time. An examination ends when it is concluded, or at its scheduled end
    when it is recorded after its time: recording late never moves the deadline. Raises `InvalidInput` for another `given`.
    """
    appointment = dossier.appointment
    if result is Result.UNEXCUSED_ABSENCE:
        if given is not None and given != waited_until(dossier):
            raise InvalidInput(
                "an absence is a fact at the end of the waiting time", field="event_at", code="not_the_fact"
            )
        return waited_until(dossier)
    if given is None:
        return now if now <= appointment.busy_until else appointment.ends_at
    if given.tzinfo is None or not _opens_at(dossier) <= given <= now:
        raise InvalidInput("between the opening of the appointment and now", field="event_at", code="not_the_fact")
    return given.astimezone(UTC)


def signed_content(conclusion: Conclusion, *, rpps: str) -> dict[str, Any]:
    """What the doctor signs, as plain values: the hash is that of its canonical JSON."""
    return {
        "appointment_id": str(conclusion.appointment_id),
        "control_id": str(conclusion.control_id),
        "version": conclusion.version,
        "doctor_rpps": rpps,
        "result": str(conclusion.result),
        "event_at": _exact(conclusion.event_at),
        "circumstances": conclusion.circumstances,
        "examination_took_place": conclusion.examination_took_place,
        "by_phone": conclusion.by_phone,
        "signed_at": _exact(conclusion.signed_at),
        "signed_by": str(conclusion.signed_by),
    }


def is_intact(conclusion: Conclusion, *, rpps: str) -> bool:
    """Whether the row still holds what was signed."""
    return content_hash(canonical(signed_content(conclusion, rpps=rpps))) == conclusion.content_hash


def _check_allowed(dossier: Dossier, result: Result, *, by_phone: bool, close_control: bool, now: datetime) -> None:
    appointment, consequence = dossier.appointment, CONSEQUENCES[result]
    if not can_be_concluded(dossier):
        raise WrongState("this appointment can no longer be concluded", state=str(appointment.state))
    if now < _opens_at(dossier):
        raise Conflict("the appointment has not begun", code="too_early", opens_at=_opens_at(dossier).isoformat())
    if close_control and result is not Result.IMPOSSIBLE_NOT_ATTRIBUTABLE:
        raise InvalidInput("only for what could not be carried out", field="close_control", code="cannot_close")
    if by_phone and not consequence.by_phone and Mode.PHONE not in dossier.rules.modes:
        raise InvalidInput("this cannot be concluded by phone", field="result", code="not_by_phone")
    after(dossier.control.state, _act(result, close_control=close_control))


def _check_met(dossier: Dossier, result: Result, facts: Circumstances, *, by_phone: bool, now: datetime) -> None:
    """Before the hour nothing is said of the insured, unless they came; and nobody was examined whom nobody met.

    By video the record of the call is the evidence. Without it the doctor can only state that they saw the person, and how:
    the report tells it as a statement. In person it is always the doctor who says so.
    """
    is_video, consequence = dossier.appointment.mode is Mode.VIDEO, CONSEQUENCES[result]
    was_met = facts.admitted_at is not None or (not is_video and facts.arrived_at is not None)
    if now < dossier.appointment.starts_at and not (consequence.needs_nobody or was_met):
        raise Conflict(
            "nothing is said of the insured before the hour",
            code="not_started",
            starts_at=dossier.appointment.starts_at.isoformat(),
        )
    if is_video and consequence.meets_person and not (was_met or by_phone or facts.seen_without_record):
        raise InvalidInput("nobody was let into the call", field="seen", code="nobody_was_seen")
    if facts.seen_without_record is Statement.DOCTOR and not facts.remark:
        raise InvalidInput("say how the person was seen", field="remark", code="remark_missing")


def _check_identity(result: Result, circumstances: Circumstances) -> None:
    """Looking at a photo document is a legal duty; without it nobody was examined."""
    if CONSEQUENCES[result].examination_took_place and circumstances.identity_document is IdentityDocument.NOT_SHOWN:
        raise InvalidInput("which identity document was shown?", field="identity_document", code="identity_missing")


def _frozen(
    dossier: Dossier,
    user: StaffUser,
    result: Result,
    circumstances: Circumstances,
    *,
    event_at: datetime,
    by_phone: bool,
    now: datetime,
) -> Conclusion:
    appointment = dossier.appointment
    conclusion = Conclusion(
        id=uuid.uuid4(),
        control_id=appointment.control_id,
        organisation_id=appointment.organisation_id,
        appointment_id=appointment.id,
        doctor_id=appointment.doctor_id,
        version=1,
        result=result,
        event_at=event_at,
        circumstances=circumstances.to_json(),
        examination_took_place=CONSEQUENCES[result].examination_took_place,
        by_phone=by_phone,
        signed_at=now,
        signed_by=user.id,
    )
    conclusion.content_hash = content_hash(canonical(signed_content(conclusion, rpps=dossier.doctor.rpps)))
    return conclusion


async def _end(
    session: AsyncSession,
    dossier: Dossier,
    result: Result,
    circumstances: Circumstances,
    *,
    by_phone: bool,
    close_control: bool,
    actor: Actor,
    now: datetime,
) -> None:
    appointment, control = dossier.appointment, dossier.control
    signs = (circumstances.arrived_at, circumstances.admitted_at, circumstances.seen_without_record)
    was_there = any(sign is not None for sign in signs) or (by_phone and circumstances.call_answered is not False)
    in_person = appointment.mode is not Mode.VIDEO and CONSEQUENCES[result].meets_person
    state = AppointmentState.ATTENDED if was_there or in_person else _without_arrival(result)
    if result is Result.IDENTITY_NOT_ESTABLISHED:
        control.identity_failures += 1
    act = _act(result, close_control=close_control)
    await end_appointment(session, appointment, control, state=state, act=act, actor=actor, now=now)
    kinds = (TaskKind.CONTROL_TO_QUALIFY, TaskKind.SIGNATURE_DUE)
    await close_tasks(session, *kinds, subject_id=appointment.id, outcome="concluded", by=actor.id, now=now)


async def _settle_report(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    conclusion: Conclusion,
    *,
    user: StaffUser,
    closing: bool,
    actor: Actor,
    now: datetime,
) -> Report | None:
    failures = dossier.control.identity_failures
    owes = owed(conclusion.result, dossier.rules, identity_failures=failures, closing=closing)
    report = await draft_of(session, dossier.appointment.id)
    if report is not None and (owes is None or owes.kind is not report.kind):
        reason = f"concluded as {conclusion.result}"
        await withdraw(session, report, user=user, reason=reason, actor=actor, now=now)
        report = None
    if owes is None:
        return None
    if report is None:
        report = await draft(session, dossier, kind=owes.kind, event_at=conclusion.event_at, actor=actor, now=now)
    await sign(
        session,
        operator,
        dossier,
        report,
        conclusion,
        insured_is_the_cause=owes.insured_is_the_cause,
        actor=actor,
        now=now,
    )
    return report


async def _same_answer(
    session: AsyncSession, known: Conclusion, *, result: Result, circumstances: Circumstances, by_phone: bool
) -> Concluded:
    """What was answered the first time, for the same content. Times are not compared: a form sent twice has its own."""
    told = circumstances.to_json()
    same = (
        known.result is result
        and known.by_phone == by_phone
        and known.circumstances["identity_document"] == told["identity_document"]
        and known.circumstances["remark"] == " ".join(circumstances.remark.split())
    )
    if not same:
        raise Conflict("this appointment has another conclusion already", code="already_concluded", result=known.result)
    report = await session.scalar(
        select(Report).where(Report.conclusion_id == known.id).order_by(Report.version.desc()).limit(1)
    )
    return Concluded(known, report, again=True)


def _without_arrival(result: Result) -> AppointmentState:
    """Nobody is said to have been absent where a machine, the doctor or a wrong address was the cause."""
    return AppointmentState.NOT_ATTENDED if result in _ABSENT else AppointmentState.OVER


def _act(result: Result, *, close_control: bool) -> Act:
    return Act.CONCLUDE if close_control else CONSEQUENCES[result].act


def _opens_at(dossier: Dossier) -> datetime:
    return dossier.appointment.starts_at - timedelta(minutes=dossier.rules.join_opens_minutes)


def _exact(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
