"""The 48-hour reports: those to sign, what each says and by when, its signature; or what the absence really was."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts import signature
from telecontrol.accounts.access import Action, Kind
from telecontrol.accounts.sign_in import Refused, Throttled
from telecontrol.controls.results import Result
from telecontrol.errors import Conflict, InvalidInput, NotFound, TelecontrolError
from telecontrol.reports import deadlines
from telecontrol.reports.absences import require_unexcused, waited_until
from telecontrol.reports.circumstances import REMARK_LENGTH, Circumstances
from telecontrol.reports.conclusions import conclusion_of
from telecontrol.reports.drafting import qualify, sign_report
from telecontrol.reports.facts import with_evidence, with_wait
from telecontrol.reports.models import Qualification, Report, ReportState
from telecontrol.reports.queries import Line, find_report, proof_of_sending, to_sign
from telecontrol.reports.wording import Audience, label, report_label, sentence
from telecontrol.scheduling.attendance import noted
from telecontrol.scheduling.doctor_day import own_dossier, people_of
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.readings import Count
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.i18n import Translator, mark, typeset
from telecontrol.web.pages.doctor.frame import (
    appointment_of,
    counts_of,
    doctor_page,
    language_for,
    person_of,
    report_counts,
    told,
)
from telecontrol.web.pages.doctor.refusals import said_of
from telecontrol.web.pages.doctor.scene import as_circumstances, dossier_of
from telecontrol.web.pages.doctor.signing import told_circumstances
from telecontrol.web.rendering import see_other, templates_of
from telecontrol.web.report_refusals import is_refused, refusal_of
from telecontrol.web.staff_door import DoctorDep, Staff

pages = APIRouter()

COUNTED = {
    Count.ELAPSED: mark("48 heures réelles après le fait"),
    Count.WALL_CLOCK: mark("la même heure, deux jours plus tard, à l'horloge du lieu de l'assuré"),
}


@pages.get(paths.DOCTOR_REPORTS)
async def show_all(request: Request, staff: DoctorDep, session: ReadingDep, now: NowDep) -> Response:
    lines = await to_sign(session, staff.viewer, now=now)
    people = await people_of(session, [line.report.control_id for line in lines])
    return doctor_page(
        request,
        "reports.html",
        staff,
        now=now,
        place="reports",
        counts=report_counts(lines),
        rows=[
            {
                "href": paths.report(str(line.report.id)),
                "person": person_of(people[line.report.control_id]),
                "reference": line.reference,
                "kind": str(line.report.kind),
                "event_at": line.report.event_at,
                "zone": line.report.zone,
                "due_at": line.report.due_at,
            }
            for line in lines
        ],
    )


@pages.get(paths.report("{report_id}"))
async def show(request: Request, staff: DoctorDep, session: ReadingDep, now: NowDep, report_id: uuid.UUID) -> Response:
    line = await _own(session, staff, report_id, now=now)
    dossier = await own_dossier(session, staff.viewer, line.report.appointment_id)
    return await _show(request, staff, session, line, dossier, now=now)


@pages.post(paths.report("{report_id}", "sign"))
async def sign(
    request: Request,
    runtime: RuntimeDep,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    report_id: uuid.UUID,
    remark: Annotated[str, Form(max_length=2000)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
) -> Response:
    """Sign a drafted report: the appointment is concluded as an unexcused absence, under its conditions."""
    staff.viewer.require(Action.SIGN, Kind.REPORT, "content")
    line = await _own(session, staff, report_id, now=now)
    dossier = await own_dossier(session, staff.viewer, line.report.appointment_id, lock=True)
    refusal = await signature.prove(session, staff.user, password, now=now)
    if refusal is not None:
        status = 403 if isinstance(refusal, Refused) else 429
        return await _show(
            request, staff, session, line, dossier, now=now, status=status, refusal=refusal, remark=remark
        )
    facts = replace(as_circumstances(await noted(session, dossier), remark=remark), waited_until=waited_until(dossier))
    try:
        async with session.begin_nested():
            await sign_report(
                session,
                operator=runtime.operator,
                dossier=dossier,
                user=staff.user,
                circumstances=facts,
                actor=staff.actor,
                now=now,
            )
    except (Conflict, InvalidInput) as error:
        return await _refused(request, staff, session, report_id, error, now=now, remark=remark)
    return see_other(request, paths.report(str(report_id)), text="Le rapport est signé. Il part vers l'assureur.")


@pages.post(paths.report("{report_id}", "qualify"))
async def say_what_it_was(
    request: Request,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    report_id: uuid.UUID,
    qualification: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """The absence was excused, or technical: the draft is withdrawn, by the doctor's name and with a reason."""
    staff.viewer.require(Action.DECIDE, Kind.CONCLUSION, "administrative")
    line = await _own(session, staff, report_id, now=now)
    dossier = await own_dossier(session, staff.viewer, line.report.appointment_id, lock=True)
    try:
        async with session.begin_nested():
            await qualify(
                session,
                dossier=dossier,
                qualification=_qualification(qualification),
                user=staff.user,
                reason=reason,
                actor=staff.actor,
                now=now,
            )
    except (Conflict, InvalidInput) as error:
        return await _refused(
            request, staff, session, report_id, error, now=now, qualification=qualification, reason=reason
        )
    return see_other(
        request, paths.report(str(report_id)), text="C'est noté. Le rapport est retiré et le contrôle se poursuit."
    )


async def _own(session: AsyncSession, staff: Staff, report_id: uuid.UUID, *, now: datetime) -> Line:
    """Raises `NotFound` for a colleague's report as for none."""
    if not staff.viewer.may(Action.READ, Kind.REPORT, "content"):
        raise NotFound("no such report")
    return await find_report(session, staff.viewer, report_id, now=now)


async def _refused(
    request: Request,
    staff: Staff,
    session: AsyncSession,
    report_id: uuid.UUID,
    error: TelecontrolError,
    *,
    now: datetime,
    **typed: Any,
) -> Response:
    """The page again, with what was typed and what stands against it."""
    session.expunge_all()
    line = await _own(session, staff, report_id, now=now)
    dossier = await own_dossier(session, staff.viewer, line.report.appointment_id)
    status = 422 if isinstance(error, InvalidInput) else 409
    return await _show(request, staff, session, line, dossier, now=now, status=status, problem=said_of(error), **typed)


async def _show(
    request: Request,
    staff: Staff,
    session: AsyncSession,
    line: Line,
    dossier: Dossier,
    *,
    now: datetime,
    status: int = 200,
    refusal: Refused | Throttled | None = None,
    problem: str = "",
    remark: str = "",
    qualification: str = "",
    reason: str = "",
) -> Response:
    report = line.report
    wrote = replace(as_circumstances(await noted(session, dossier)), waited_until=waited_until(dossier))
    facts = await with_wait(session, dossier, await with_evidence(session, dossier.appointment, wrote), now=now)
    stands_against = await _against(session, dossier, facts, report, now=now)
    conclusion = await conclusion_of(session, dossier.appointment.id)
    language = language_for(request, staff)
    translator = templates_of(request).translators[language]
    proof = await proof_of_sending(session, staff.viewer, report.id, now=now)
    return doctor_page(
        request,
        "report.html",
        staff,
        now=now,
        status=status,
        place="reports",
        counts=await counts_of(session, staff.viewer, now=now),
        report={
            "kind": str(report.kind),
            "label": typeset(report_label(report.kind, language=language), language=language),
            "state": str(ReportState.REFUSED if is_refused(proof) else report.state),
            "version": report.version,
            "event_at": report.event_at,
            "due_at": report.due_at,
            "signed_at": report.signed_at,
            "acknowledged_at": report.acknowledged_at,
            "acknowledgement": report.acknowledgement,
            "withdrawn_reason": _why_withdrawn(report.withdrawn_reason, translator, language),
            "refusal": refusal_of(proof, translator),
            "zone": report.zone,
            "insurer_reads": typeset(
                sentence(
                    conclusion.result if conclusion else Result.UNEXCUSED_ABSENCE, Audience.INSURER, language=language
                ),
                language=language,
            ),
        },
        readings=_readings(report),
        appointment=appointment_of(dossier, now=now),
        dossier=dossier_of(dossier),
        circumstances=told_circumstances(conclusion.circumstances if conclusion else facts.to_json()),
        is_to_sign=report.state is ReportState.DRAFTED,
        why_not=told(request, staff, said_of(stands_against) if stands_against else ""),
        actions={"sign": paths.report(str(report.id), "sign"), "qualify": paths.report(str(report.id), "qualify")},
        room_href=paths.room(str(dossier.appointment.id)),
        problem=told(request, staff, problem),
        is_refused=isinstance(refusal, Refused),
        wait_seconds=refusal.retry_after if isinstance(refusal, Throttled) else 0,
        typed={"remark": remark, "qualification": qualification, "reason": reason},
        remark_length=REMARK_LENGTH,
        qualifications=[str(each) for each in Qualification],
    )


async def _against(
    session: AsyncSession, dossier: Dossier, facts: Circumstances, report: Report, *, now: datetime
) -> TelecontrolError | None:
    """What stands against signing the draft as an unexcused absence, shown before anybody types a password."""
    if report.state is not ReportState.DRAFTED:
        return None
    try:
        await require_unexcused(session, dossier, facts, now=now)
    except (Conflict, InvalidInput) as error:
        return error
    return None


def _readings(report: Report) -> dict[str, Any]:
    """Why the report is due when it is: both ways of counting, and which one won."""
    explained = deadlines.explain(report.event_at, ZoneInfo(report.zone))
    return {
        "ways": [
            {"text": COUNTED[reading.count], "at": reading.at, "won": reading.count is explained.won}
            for reading in explained.readings
        ],
        "is_unanimous": explained.is_unanimous,
        "policy_version": explained.policy_version,
    }


def _why_withdrawn(reason: str, translator: Translator, language: str) -> str:
    """What a person wrote stays as it is; the service's own two reasons are codes in English."""
    match reason.partition(" as "), reason.removeprefix("replaced by version "):
        case ("concluded", _, code), _ if code in set(Result):
            return translator.plain(
                mark("le rendez-vous a été conclu autrement ({result})"), result=label(Result(code), language=language)
            )
        case _, version if version.isdecimal():
            return translator.plain(mark("remplacé par la version {n}"), n=version)
    return reason


def _qualification(text: str) -> Qualification:
    try:
        return Qualification(text)
    except ValueError:
        raise InvalidInput("excused or technical", field="qualification", code="kind_missing") from None
