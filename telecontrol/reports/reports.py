"""The 48-hour report: owed or not, drafted, signed and handed to the outbox, withdrawn, sent again in a new version."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Role, StaffUser
from telecontrol.controls.policies import Rules
from telecontrol.controls.results import CONSEQUENCES, ReportKind, Result
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Forbidden, InvalidInput, WrongState
from telecontrol.outbox.intents import enqueue
from telecontrol.reports import contract
from telecontrol.reports.canonical import canonical, content_hash
from telecontrol.reports.circumstances import ADDED_LATER
from telecontrol.reports.deadlines import report_due_at
from telecontrol.reports.gateway_setup import NAME
from telecontrol.reports.models import Conclusion, Report, ReportState
from telecontrol.reports.wording import Audience, sentence
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.desk import close_tasks
from telecontrol.tasks.models import TaskKind

SUBJECT = "report"
"""The outbox's and the tasks' name for what concerns a report."""
KIND = "report_48h"
SENT_UNTIL = timedelta(days=30)
"""After its due time: a late report is still sent (choice)."""
OPEN = (ReportState.DRAFTED, ReportState.SIGNED, ReportState.REFUSED)
"""States in which the report is still owed."""
TASKS = (TaskKind.SIGNATURE_DUE, TaskKind.REPORT_DUE, TaskKind.REPORT_OVERDUE, TaskKind.REPORT_REFUSED)


@dataclass(frozen=True, slots=True)
class Owed:
    """A report that a result owes. `insured_is_the_cause` is None when the question does not arise."""

    kind: ReportKind
    insured_is_the_cause: bool | None


def owed(result: Result, rules: Rules, *, identity_failures: int, closing: bool) -> Owed | None:
    """The report that a result owes under a policy, or None. Pure.

    `identity_failures` counts this one; `closing` is for a control that ends without having been carried out.
    """
    consequence = CONSEQUENCES[result]
    if not rules.report_48h:
        return None
    if result is Result.IMPOSSIBLE_NOT_ATTRIBUTABLE:
        owes = closing and rules.report_when_not_attributable
        return Owed(ReportKind.EXAMINATION_IMPOSSIBLE, insured_is_the_cause=False) if owes else None
    if consequence.report is None:
        return None
    if consequence.report_from_second_time:
        is_due = identity_failures >= rules.identity_failures_before_report
        return Owed(consequence.report, insured_is_the_cause=None) if is_due else None
    at_fault = True if consequence.report is ReportKind.EXAMINATION_IMPOSSIBLE else None
    return Owed(consequence.report, insured_is_the_cause=at_fault)


async def draft_of(session: AsyncSession, appointment_id: uuid.UUID) -> Report | None:
    """The report of an appointment that waits for its signature, locked."""
    found: Report | None = await session.scalar(
        select(Report)
        .where(Report.appointment_id == appointment_id, Report.state == ReportState.DRAFTED)
        .with_for_update()
    )
    return found


async def draft(
    session: AsyncSession, dossier: Dossier, *, kind: ReportKind, event_at: datetime, actor: Actor, now: datetime
) -> Report:
    """Record that a report is owed since `event_at`, the fact: its due time runs from there, whenever it is written down."""
    report = _new(dossier, kind=kind, event_at=event_at, version=await _next_version(session, dossier), now=now)
    session.add(report)
    await session.flush()
    _note(session, report, "drafted", actor=actor, now=now, event_at=event_at, due_at=report.due_at)
    return report


async def sign(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    report: Report,
    conclusion: Conclusion,
    *,
    insured_is_the_cause: bool | None,
    actor: Actor,
    now: datetime,
    verb: str = "signed",
) -> None:
    """The doctor's signature on the conclusion is on the report too: from here the outbox sends it until it is acknowledged.

    A draft's earlier due time is kept: recording a fact later never gains time.
    """
    report.conclusion_id = conclusion.id
    report.event_at = min(report.event_at, conclusion.event_at)
    report.due_at = min(report.due_at, report_due_at(report.event_at, ZoneInfo(report.zone)))
    report.state = ReportState.SIGNED
    report.signed_at = now
    await session.flush()
    document = document_of(dossier, report, conclusion, insured_is_the_cause=insured_is_the_cause)
    await _hand_over(session, operator, report, document, now=now)
    await close_tasks(session, TaskKind.SIGNATURE_DUE, subject_id=report.id, outcome="signed", by=actor.id, now=now)
    _note(session, report, verb, actor=actor, now=now, due_at=report.due_at, content_hash=report.content_hash)


async def withdraw(
    session: AsyncSession,
    report: Report,
    *,
    user: StaffUser,
    reason: str,
    actor: Actor,
    now: datetime,
    replaced_by: int | None = None,
) -> None:
    """Take back a report that was not sent, by a named person with a reason; `replaced_by` is the version that is sent instead.

    Raises `InvalidInput`, `WrongState`.
    """
    if not reason.strip():
        raise InvalidInput("say why", field="reason", code="reason_missing")
    if report.state not in (ReportState.DRAFTED, ReportState.REFUSED):
        raise WrongState("only a draft, or what the insurer refused, can be withdrawn", state=str(report.state))
    report.state = ReportState.WITHDRAWN
    report.withdrawn_by = user.id
    report.withdrawn_reason = reason.strip()[:300]
    await close_tasks(session, *TASKS, subject_id=report.id, outcome="withdrawn", by=actor.id, now=now)
    if replaced_by is None:
        _note(session, report, "withdrawn", actor=actor, now=now, withdrawn_by=user.id)
    else:
        _note(session, report, "replaced", actor=actor, now=now, withdrawn_by=user.id, replaced_by=replaced_by)


async def send_again(
    session: AsyncSession,
    *,
    operator: Operator,
    dossier: Dossier,
    report: Report,
    user: StaffUser,
    actor: Actor,
    now: datetime,
) -> Report:
    """After a refusal by the insurer and its correction: the same signed conclusion in a new version, with a new key.

    `dossier` is loaded with `lock=True`. The refused version had no effect and is withdrawn in favour of the new one; fact,
    signature and due time stay. Pressed twice it is sent again once: the second answer is the version that left. Raises
    `WrongState` unless the insurer refused it, `Forbidden` for anybody but a handler or the doctor concerned.
    """
    if user.role is not Role.HANDLER and user.id != dossier.doctor.user_id:
        raise Forbidden("only a handler or the doctor sends a report again")
    # It may have been read before the lock was waited for.
    await session.refresh(report)
    replaced_by = await _replacement(session, report)
    if replaced_by is not None:
        return replaced_by
    if report.state is not ReportState.REFUSED or report.conclusion_id is None:
        raise WrongState("only a refused report is sent again", state=str(report.state))
    conclusion = await session.get_one(Conclusion, report.conclusion_id)
    version = await _next_version(session, dossier)
    again = _new(dossier, kind=report.kind, event_at=report.event_at, version=version, now=now)
    again.due_at, again.alert_level, again.breached_at = report.due_at, report.alert_level, report.breached_at
    reason = f"replaced by version {version}"
    await withdraw(session, report, user=user, reason=reason, actor=actor, now=now, replaced_by=version)
    session.add(again)
    await session.flush()
    signed_at = report.signed_at
    cause = owed(conclusion.result, dossier.rules, identity_failures=2**31, closing=True)
    await sign(
        session,
        operator,
        dossier,
        again,
        conclusion,
        insured_is_the_cause=cause.insured_is_the_cause if cause else None,
        actor=actor,
        now=now,
        # The signature is the doctor's, and stays the first one's: whoever does this only sends it again.
        verb="sent_again",
    )
    again.signed_at = signed_at
    return again


def document_of(
    dossier: Dossier, report: Report, conclusion: Conclusion, *, insured_is_the_cause: bool | None
) -> dict[str, Any]:
    """The report as the insurer reads it (`contract.ReportDocument`): administrative words and facts, nothing medical."""
    control, insured, doctor, appointment = dossier.control, dossier.insured, dossier.doctor, dossier.appointment
    zone = ZoneInfo(report.zone)
    return {
        "contract": contract.VERSION,
        "report_id": str(report.id),
        "version": report.version,
        "kind": str(report.kind),
        "due_at": _local(report.due_at, zone),
        "control": {
            "reference": control.reference,
            "external_reference": control.external_reference,
            "procedure": str(control.procedure),
            "legal_basis": dossier.rules.legal_basis,
        },
        "requester": {"code": dossier.organisation.code, "name": dossier.organisation.name},
        "insured": {
            "external_reference": insured.external_reference,
            "family_name": insured.family_name,
            "given_name": insured.given_name,
            "birth_on": None if insured.birth_on is None else insured.birth_on.isoformat(),
        },
        "doctor": {"rpps": doctor.rpps, "family_name": doctor.family_name, "given_name": doctor.given_name},
        "appointment": {
            "mode": str(appointment.mode),
            "starts_at": _local(appointment.starts_at, zone),
            "ends_at": _local(appointment.ends_at, zone),
            "zone": report.zone,
        },
        "conclusion": {
            "result": str(conclusion.result),
            "wording": {lang: sentence(conclusion.result, Audience.INSURER, language=lang) for lang in ("fr", "en")},
            "examination_took_place": conclusion.examination_took_place,
            "insured_is_the_cause": insured_is_the_cause,
            "by_phone": conclusion.by_phone,
            "event_at": _local(report.event_at, zone),
            "signed_at": _local(conclusion.signed_at, zone),
            "content_hash": conclusion.content_hash,
        },
        "circumstances": {
            name: value
            for name, value in conclusion.circumstances.items()
            if name not in ADDED_LATER or value is not None
        },
    }


async def _hand_over(
    session: AsyncSession, operator: Operator, report: Report, document: Mapping[str, Any], *, now: datetime
) -> None:
    # Not checked against the contract here: a flaw in somebody's file must not keep a doctor from concluding. It fails the
    # sending, at once, to a human who corrects it (`send_again`).
    report.content_hash = content_hash(canonical(dict(document)))
    await enqueue(
        session,
        sealer=operator.messages,
        target=NAME,
        subject_kind=SUBJECT,
        subject_id=report.id,
        version=report.version,
        kind=KIND,
        channel=NAME,
        recipient=str(report.insurer_id),
        language="fr",
        context={"document": dict(document)},
        now=now,
        not_before=now,
        not_after=max(now, report.due_at) + SENT_UNTIL,
        deadline_at=report.due_at,
        organisation_id=report.organisation_id,
        control_id=report.control_id,
    )


def _new(dossier: Dossier, *, kind: ReportKind, event_at: datetime, version: int, now: datetime) -> Report:
    appointment = dossier.appointment
    return Report(
        control_id=appointment.control_id,
        organisation_id=appointment.organisation_id,
        insurer_id=dossier.control.insurer_id,
        appointment_id=appointment.id,
        doctor_id=appointment.doctor_id,
        version=version,
        kind=kind,
        state=ReportState.DRAFTED,
        event_at=event_at,
        zone=appointment.zone,
        due_at=report_due_at(event_at, dossier.zone),
        drafted_at=now,
        alert_level=0,
    )


async def _replacement(session: AsyncSession, report: Report) -> Report | None:
    """The newest later version of the same signed conclusion, for one that was withdrawn in its favour."""
    if report.state is not ReportState.WITHDRAWN or report.conclusion_id is None:
        return None
    found: Report | None = await session.scalar(
        select(Report)
        .where(
            Report.appointment_id == report.appointment_id,
            Report.conclusion_id == report.conclusion_id,
            Report.version > report.version,
        )
        .order_by(Report.version.desc())
        .limit(1)
    )
    return found


async def _next_version(session: AsyncSession, dossier: Dossier) -> int:
    last = await session.scalar(
        select(Report.version)
        .where(Report.appointment_id == dossier.appointment.id)
        .order_by(Report.version.desc())
        .limit(1)
    )
    return (last or 0) + 1


def _local(instant: datetime, zone: ZoneInfo) -> str:
    """RFC 3339 with the offset of the insured's zone."""
    return instant.astimezone(zone).isoformat(timespec="seconds")


def _note(session: AsyncSession, report: Report, verb: str, *, actor: Actor, now: datetime, **detail: Any) -> None:
    record(
        session,
        f"report.{verb}",
        actor=actor,
        now=now,
        control_id=report.control_id,
        subject_kind=SUBJECT,
        subject_id=report.id,
        version=report.version,
        kind=report.kind,
        **detail,
    )
