"""After the appointment: what came of it, the proof of having come, what happens next, the rights, the survey (30 days)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.policies import Mode
from telecontrol.controls.results import Result
from telecontrol.insights.survey import has_answered, is_asked
from telecontrol.reports.conclusions import conclusion_of
from telecontrol.reports.models import AbsenceQualification, Conclusion, Qualification
from telecontrol.reports.wording import words_of
from telecontrol.scheduling.dossier import Dossier
from telecontrol.video.attendance import attendance
from telecontrol.web.i18n import typeset
from telecontrol.web.insured_door import Guest
from telecontrol.web.pages.insured.frame import insured_page, language_for, person_of
from telecontrol.web.pages.insured.next_steps import next_steps, rights
from telecontrol.web.pages.insured.proofs import certified_presence, for_page
from telecontrol.web.pages.insured.survey import secret_of, survey_for, survey_values
from telecontrol.web.rendering import templates_of

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


async def show_after(
    request: Request, session: AsyncSession, dossier: Dossier, guest: Guest, *, now: datetime
) -> Response:
    conclusion = await conclusion_of(session, dossier.appointment.id)
    presence = await certified_presence(session, dossier, conclusion=conclusion, now=now)
    language = language_for(request, dossier.insured)
    words = templates_of(request).translators[language]
    is_told = dossier.rules.conclusion_told_to_insured
    result = None if conclusion is None else conclusion.result
    procedure, state = dossier.control.procedure, dossier.control.state
    steps = next_steps(result, is_told=is_told, procedure=procedure, control_state=state)
    return insured_page(
        request,
        "insured/after.html",
        dossier,
        now=now,
        person=person_of(dossier.insured),
        outcome=await _outcome(session, dossier, conclusion, came=presence is not None),
        attendance=None if presence is None else for_page(presence),
        conclusion=_card(result, language) if is_told and result is not None else None,
        steps=[words.t(sentence) for sentence in steps],
        rights=[words.t(sentence) for sentence in rights(result, is_told=is_told, procedure=procedure)],
        survey=await _survey(request, session, dossier, guest),
        **survey_values(dossier),
    )


async def _survey(request: Request, session: AsyncSession, dossier: Dossier, guest: Guest) -> str:
    if not await is_asked(session, dossier.appointment):
        return "none"
    secret = secret_of(request.app.state.runtime)
    return survey_for(guest, is_done=await has_answered(session, dossier.appointment.id, secret=secret))


async def _outcome(session: AsyncSession, dossier: Dossier, conclusion: Conclusion | None, *, came: bool) -> str:
    if conclusion is not None:
        return _OUTCOMES.get(conclusion.result, "attended")
    qualified = await session.scalar(
        select(AbsenceQualification.kind).where(AbsenceQualification.appointment_id == dossier.appointment.id)
    )
    if qualified is not None:
        return _QUALIFIED[qualified]
    return "not_met" if came and await _was_left_waiting(session, dossier) else "no_conclusion"


async def _was_left_waiting(session: AsyncSession, dossier: Dossier) -> bool:
    """Whether the doctor let nobody in, whom the room saw waiting."""
    if dossier.appointment.mode is not Mode.VIDEO:
        return False
    seen = await attendance(session, subject_id=dossier.appointment.id)
    return seen.had_arrived and seen.admitted_at is None


def _card(result: Result, language: str) -> dict[str, Any]:
    words = words_of(result, language=language)
    return {"title": typeset(words.label, language=language), "text": typeset(words.insured, language=language)}
