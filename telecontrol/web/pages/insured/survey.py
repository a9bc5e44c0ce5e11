"""The survey's page: two questions, a free line, a thank-you. Answering twice gives the same thank-you."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.access import Action, Kind
from telecontrol.errors import Forbidden, InvalidInput, WrongState
from telecontrol.insights.models import Favourable
from telecontrol.insights.survey import REMARK_LENGTH, answer, has_answered, is_asked, read_answer
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_page import own_dossier
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.i18n import mark
from telecontrol.web.insured_door import Guest, KnownGuestDep
from telecontrol.web.pages.insured.frame import insured_page, page_token
from telecontrol.web.pages.insured.proofs import OfQuery, candidates
from telecontrol.web.rendering import see_other
from telecontrol.worker import Runtime

pages = APIRouter(route_class=HelpfulRoute)

FAVOURABLE = {
    Favourable.YES: mark("Oui"),
    Favourable.NO: mark("Non"),
    Favourable.NO_OPINION: mark("Sans avis"),
}
SATISFACTION = {
    5: mark("Très bien"),
    4: mark("Bien"),
    3: mark("Moyennement"),
    2: mark("Mal"),
    1: mark("Très mal"),
}
_FAULTS = {
    "answer_missing": mark("Choisissez une réponse."),
    "too_long": mark("Au plus 500 caractères. Raccourcissez votre texte : il est gardé ci-dessous."),
    "medical_word": mark(
        "Ce texte semble parler de santé. Retirez ce qui touche à votre santé, puis envoyez de nouveau : le reste est gardé ci-dessous."
    ),
}
_THANKS = mark("Merci pour votre réponse. Elle est gardée sans votre nom.")


@pages.get(paths.SURVEY)
async def ask(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: ReadingDep, now: NowDep, of: OfQuery = None
) -> Response:
    dossier = await _asked(session, guest, of)
    if dossier is None:
        return see_other(request, paths.HOME)
    is_done = await has_answered(session, dossier.appointment.id, secret=secret_of(runtime))
    survey = "done" if is_done else survey_for(guest, is_done=False)
    return await _page(request, session, guest, dossier, {}, {}, now=now, survey=survey)


@pages.post(paths.SURVEY)
async def answered(
    request: Request,
    runtime: RuntimeDep,
    guest: KnownGuestDep,
    session: SessionDep,
    now: NowDep,
    of: Annotated[str, Form(max_length=40)] = "",
    favourable: Annotated[str, Form(max_length=20)] = "",
    satisfaction: Annotated[str, Form(max_length=5)] = "",
    remark: Annotated[str, Form(max_length=5000)] = "",
) -> Response:
    if not guest.viewer.may(Action.CREATE, Kind.SURVEY):
        raise Forbidden("this link only shows", code="view_only")
    dossier = await _asked(session, guest, _id_in(of))
    if dossier is None:
        raise WrongState("this appointment is not one to ask about", code="not_asked")
    given = {"favourable": favourable, "satisfaction": satisfaction, "remark": remark}
    try:
        said = read_answer(**given)
    except InvalidInput as error:
        if not await has_answered(session, dossier.appointment.id, secret=secret_of(runtime)):
            return await _page(request, session, guest, dossier, given, _faults(error), now=now, status=422)
    else:
        await answer(session, dossier, said, secret=secret_of(runtime), now=now)
    return see_other(request, paths.HOME, text=_THANKS)


def secret_of(runtime: Runtime) -> str:
    return runtime.settings.secret.get_secret_value()


def survey_for(guest: Guest, *, is_done: bool) -> str:
    """`open`, `done`, or `none` for a link that only shows."""
    if is_done:
        return "done"
    return "open" if guest.viewer.may(Action.CREATE, Kind.SURVEY) else "none"


def survey_values(
    dossier: Dossier, given: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What the form's template takes."""
    return {
        "survey_of": str(dossier.appointment.id),
        "survey_given": {"favourable": "", "satisfaction": "", "remark": "", **(given or {})},
        "survey_errors": errors or {},
        "survey_choices": {
            "favourable": [{"value": str(code), "name": name} for code, name in FAVOURABLE.items()],
            "satisfaction": [{"value": str(level), "name": name} for level, name in SATISFACTION.items()],
            "longest": REMARK_LENGTH,
        },
    }


async def _asked(session: AsyncSession, guest: Guest, of: uuid.UUID | None) -> Dossier | None:
    for dossier in await candidates(session, guest, of):
        if await is_asked(session, dossier.appointment):
            return dossier
    return None


async def _page(
    request: Request,
    session: AsyncSession,
    guest: Guest,
    dossier: Dossier,
    given: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    now: datetime,
    survey: str = "open",
    status: int = 200,
) -> Response:
    return insured_page(
        request,
        "insured/survey.html",
        dossier,
        now=now,
        status=status,
        path=paths.SURVEY,
        # It may be asked of an earlier appointment, which `of` names; the door looks at the present one.
        csrf_token=page_token(request, await own_dossier(session, guest.viewer)),
        survey=survey,
        **survey_values(dossier, given, errors),
    )


def _faults(error: InvalidInput) -> dict[str, str]:
    listed = error.details.get("problems") or [{"field": error.field, "code": error.code}]
    return {each["field"]: _FAULTS[each["code"]] for each in listed}


def _id_in(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
