"""What the insured prepares: one form that can be sent again until the hour, and a button that empties it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from telecontrol.accounts.access import Action, Kind
from telecontrol.controls.policies import Mode
from telecontrol.errors import InvalidInput
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_page import own_dossier
from telecontrol.scheduling.models import CompanionRole
from telecontrol.scheduling.preparations import (
    InterpreterLanguage,
    Prepared,
    can_prepare,
    has_place_for_companion,
    needs_offered,
    prepare,
    prepared_for,
    read_companion,
    read_prepared,
)
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.i18n import mark
from telecontrol.web.insured_door import KnownGuestDep
from telecontrol.web.pages.insured.frame import insured_page
from telecontrol.web.rendering import see_other

pages = APIRouter(route_class=HelpfulRoute)

Choice = Annotated[str, Form(max_length=40)]
_SAVED = mark("C'est noté. Vous pouvez changer ces réponses jusqu'à l'heure du rendez-vous.")


@pages.get(paths.PREPARE)
async def show(request: Request, guest: KnownGuestDep, session: ReadingDep, now: NowDep) -> Response:
    viewer = guest.require_answer()
    dossier = await own_dossier(session, viewer)
    if not can_prepare(dossier, now=now):
        return see_other(request, paths.HOME)
    prepared = await prepared_for(session, viewer, dossier)
    return _form(request, dossier, prepared, now=now)


@pages.post(paths.PREPARE)
async def keep(
    request: Request,
    guest: KnownGuestDep,
    session: SessionDep,
    now: NowDep,
    documents: Choice = "",
    quiet_place: Choice = "",
    needs: Annotated[list[str], Form(max_length=10)] = [],  # noqa: B006  (FastAPI copies it)
    language: Choice = "",
    interpreter: Choice = "",
    companion_name: Annotated[str, Form(max_length=200)] = "",
    companion_role: Choice = "",
) -> Response:
    viewer = guest.require_answer()
    viewer.require(Action.ANSWER, Kind.PREPARATION)
    dossier = await own_dossier(session, viewer, lock=True)
    places = request.app.state.video.places
    said = read_prepared(
        has_documents=bool(documents),
        has_quiet_place=bool(quiet_place),
        needs=needs,
        language=language,
        interpreter=interpreter,
        companion=None,
    )
    try:
        companion = read_companion(name=companion_name, role=companion_role)
    except InvalidInput as error:
        typed = {"name": companion_name, "role": companion_role}
        return _form(request, dossier, said, now=now, status=422, error=error.code, companion=typed)
    given = Prepared(said.has_documents, said.has_quiet_place, said.needs, said.language, said.interpreter, companion)
    await prepare(session, dossier=dossier, prepared=given, places=places, actor=viewer.actor, now=now)
    return see_other(request, paths.HOME, text=_SAVED)


@pages.post(paths.PREPARE_CLEAR)
async def clear(request: Request, guest: KnownGuestDep, session: SessionDep, now: NowDep) -> Response:
    viewer = guest.require_answer()
    viewer.require(Action.ANSWER, Kind.PREPARATION)
    dossier = await own_dossier(session, viewer, lock=True)
    places = request.app.state.video.places
    await prepare(session, dossier=dossier, prepared=Prepared(), places=places, actor=viewer.actor, now=now)
    return see_other(request, paths.HOME, text=mark("Vos réponses sont effacées. Votre rendez-vous n'a pas changé."))


def _form(
    request: Request,
    dossier: Dossier,
    prepared: Prepared,
    *,
    now: datetime,
    status: int = 200,
    error: str = "",
    companion: dict[str, str] | None = None,
) -> Response:
    mode = dossier.appointment.mode
    known = prepared.companion
    return insured_page(
        request,
        "insured/prepare.html",
        dossier,
        now=now,
        status=status,
        path=paths.PREPARE,
        documents=prepared.has_documents,
        quiet_place=prepared.has_quiet_place,
        needs=[str(need) for need in prepared.needs],
        needs_offered=[str(need) for need in needs_offered(mode)],
        spoken=prepared.language,
        interpreter=str(prepared.interpreter or ""),
        interpreters=[str(each) for each in InterpreterLanguage],
        companion=companion or {"name": known.name if known else "", "role": str(known.role) if known else ""},
        roles=[str(role) for role in CompanionRole],
        has_place=has_place_for_companion(mode, places=request.app.state.video.places),
        is_video=mode is Mode.VIDEO,
        is_prepared=not prepared.is_empty,
        error=error,
    )
