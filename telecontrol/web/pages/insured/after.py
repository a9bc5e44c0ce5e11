"""After the appointment: what came of it, the proof of having come, what happens next, the rights (read-only, 30 days)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.models import Procedure
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import Result
from telecontrol.errors import NotFound
from telecontrol.reports.conclusions import conclusion_of
from telecontrol.reports.models import AbsenceQualification, Conclusion, Qualification
from telecontrol.reports.wording import words_of
from telecontrol.scheduling.attendance import noted
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_page import own_dossier
from telecontrol.video.attendance import attendance
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.i18n import mark, typeset
from telecontrol.web.insured_door import KnownGuestDep
from telecontrol.web.pages.insured.frame import insured_page, language_for, person_of
from telecontrol.web.rendering import templates_of

pages = APIRouter(route_class=HelpfulRoute)

_OUTCOMES = {
    Result.UNEXCUSED_ABSENCE: "not_attended",
    Result.TECHNICAL_FAILURE: "technical",
    Result.EXCUSED_ABSENCE: "not_held",
    Result.DOCTOR_UNAVAILABLE: "not_held",
    Result.IMPOSSIBLE_NOT_ATTRIBUTABLE: "not_held",
    Result.CONTROL_REFUSED: "over",
}
_QUALIFIED = {
    Qualification.TECHNICAL_FAILURE: "technical",
    Qualification.EXCUSED_ABSENCE: "not_held",
    Qualification.DOCTOR_UNAVAILABLE: "not_held",
}

_WRITTEN_RESULT = mark("Vous pouvez demander à votre organisme le résultat écrit de ce contrôle.")
_REVIEW = mark(
    "Si le versement de vos indemnités est suspendu, vous avez dix jours francs après la décision pour demander un nouvel examen."
)
_ANSWER = mark("Si quelque chose vous a empêché de venir, expliquez-le à votre organisme : il examinera votre réponse.")


@dataclass(frozen=True, slots=True)
class Presence:
    """When the insured came, and when they were last there."""

    arrived_at: datetime
    left_at: datetime | None


@pages.get(paths.RECEIPT)
async def receipt(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: ReadingDep, now: NowDep
) -> Response:
    dossier = await own_dossier(session, guest.viewer)
    presence = await _presence(session, dossier, now=now)
    if presence is None:
        raise NotFound("nobody came to this appointment", code="no_attendance")
    return insured_page(
        request,
        "insured/receipt.html",
        dossier,
        now=now,
        person=person_of(dossier.insured),
        attendance={"arrived_at": presence.arrived_at, "left_at": presence.left_at},
        issued_at=now,
        operator_name=runtime.settings.operator_name,
    )


async def show_after(request: Request, session: AsyncSession, dossier: Dossier, *, now: datetime) -> Response:
    conclusion = await conclusion_of(session, dossier.appointment.id)
    presence = await _presence(session, dossier, now=now)
    outcome = await _outcome(session, dossier, conclusion)
    language = language_for(request, dossier.insured)
    words = templates_of(request).translators[language]
    told = conclusion is not None and dossier.rules.conclusion_told_to_insured
    return insured_page(
        request,
        "insured/after.html",
        dossier,
        now=now,
        person=person_of(dossier.insured),
        outcome=outcome,
        attendance=None if presence is None else {"arrived_at": presence.arrived_at, "left_at": presence.left_at},
        conclusion=_card(conclusion.result, language) if told and conclusion is not None else None,
        rights=[words.t(sentence) for sentence in _rights(dossier, conclusion)],
        survey="none",
        next_href="",
    )


async def _outcome(session: AsyncSession, dossier: Dossier, conclusion: Conclusion | None) -> str:
    if conclusion is not None:
        return _OUTCOMES.get(conclusion.result, "attended")
    qualified = await session.scalar(
        select(AbsenceQualification.kind).where(AbsenceQualification.appointment_id == dossier.appointment.id)
    )
    return _QUALIFIED[qualified] if qualified is not None else "no_conclusion"


async def _presence(session: AsyncSession, dossier: Dossier, *, now: datetime) -> Presence | None:
    """From the call's own evidence, or from what the doctor noted at a site."""
    if dossier.appointment.mode is not Mode.VIDEO:
        received_at = (await noted(session, dossier)).received_at
        return None if received_at is None else Presence(received_at, None)
    seen = await attendance(session, subject_id=dossier.appointment.id)
    if seen.arrived_at is None:
        return None
    is_over = dossier.appointment.ended_at is not None or now >= dossier.appointment.ends_at
    return Presence(seen.arrived_at, seen.last_seen_at if is_over else None)


def _card(result: Result, language: str) -> dict[str, Any]:
    words = words_of(result, language=language)
    return {"title": typeset(words.label, language=language), "text": typeset(words.insured, language=language)}


def _rights(dossier: Dossier, conclusion: Conclusion | None) -> list[str]:
    """What may be asked for, by whom it concerns. The ten days are procedure A's (`DOMAIN.md` §3): told, not enforced."""
    if conclusion is None:
        return []
    if conclusion.result is Result.NOT_JUSTIFIED and dossier.control.procedure is Procedure.A:
        return [_REVIEW, _WRITTEN_RESULT]
    if conclusion.result in (Result.UNEXCUSED_ABSENCE, Result.CONTROL_REFUSED):
        return [_ANSWER, _WRITTEN_RESULT]
    return [_WRITTEN_RESULT]
