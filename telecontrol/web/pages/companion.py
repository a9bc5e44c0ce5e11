"""Whoever comes with the insured from elsewhere (LiveKit alone): a door that asks for a name, then the call.

The link is the insured's to give. Opening it changes nothing (P9); what is behind it is a place to wait, until the doctor lets
this person in or not.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.errors import InvalidInput, WrongState
from telecontrol.scheduling.attendance import open_room, room_hours
from telecontrol.scheduling.companion_links import find_by_companion_token
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_page import is_joinable
from telecontrol.scheduling.preparations import has_place_for_companion, read_name
from telecontrol.video.models import Role
from telecontrol.web import paths
from telecontrol.web.calls import companion_answer
from telecontrol.web.companion_door import AccompanyingDep, come_in
from telecontrol.web.dates import phone
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.pages.insured.gate import unknown_link
from telecontrol.web.rendering import page, public_brand, see_other
from telecontrol.web.security import browser_id, form_token
from telecontrol.worker import Runtime

pages = APIRouter(route_class=HelpfulRoute)


@pages.get(paths.COMPANION)
async def call(
    request: Request, runtime: RuntimeDep, guest: AccompanyingDep, session: ReadingDep, now: NowDep
) -> Response:
    dossier = await _find(request, runtime, session, guest.token, now=now)
    if dossier is None:
        return unknown_link(request, runtime, now)
    if not is_joinable(dossier, now=now):
        return see_other(request, paths.companion_link(guest.token))
    return _page(request, runtime, "companion/call.html", dossier, now=now, call=_mount(request, runtime, dossier))


@pages.post(paths.COMPANION_TICKET)
async def ticket(
    request: Request, runtime: RuntimeDep, guest: AccompanyingDep, session: SessionDep, now: NowDep
) -> Response:
    """A fresh ticket for the call's script, as JSON, each time the link was looked at again."""
    dossier = await _find(request, runtime, session, guest.token, now=now)
    if dossier is None or not is_joinable(dossier, now=now):
        raise WrongState("this call cannot be joined now", code="not_joinable")
    room = await open_room(session, dossier, provider=runtime.settings.video_provider, now=now)
    answer = companion_answer(request.app.state.video, room_id=room.id, identity=guest.id, name=guest.name)
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


@pages.get(paths.companion_link("{token}"))
async def door(request: Request, runtime: RuntimeDep, session: ReadingDep, now: NowDep, token: str) -> Response:
    dossier = await _find(request, runtime, session, token, now=now)
    return unknown_link(request, runtime, now) if dossier is None else _door(request, runtime, dossier, token, now=now)


@pages.post(paths.companion_link("{token}"))
async def enter(
    request: Request,
    runtime: RuntimeDep,
    session: ReadingDep,
    now: NowDep,
    token: str,
    companion_name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    dossier = await _find(request, runtime, session, token, now=now)
    if dossier is None:
        return unknown_link(request, runtime, now)
    if not is_joinable(dossier, now=now):
        return see_other(request, paths.companion_link(token))
    try:
        name = read_name(companion_name)
    except InvalidInput as error:
        return _door(
            request, runtime, dossier, token, now=now, status=422, companion_name=companion_name, error=error.code
        )
    response = see_other(request, paths.COMPANION)
    come_in(response, runtime.settings, token=token, name=name)
    return response


async def _find(
    request: Request, runtime: Runtime, session: AsyncSession, token: str, *, now: datetime
) -> Dossier | None:
    secret = runtime.settings.secret.get_secret_value()
    dossier = await find_by_companion_token(session, secret, token, now=now)
    if dossier is None:
        return None
    # The provider may have been changed since the companion was announced.
    has_place = has_place_for_companion(dossier.appointment.mode, places=request.app.state.video.places)
    return dossier if has_place else None


def _door(
    request: Request,
    runtime: Runtime,
    dossier: Dossier,
    token: str,
    *,
    now: datetime,
    status: int = 200,
    companion_name: str = "",
    error: str = "",
) -> Response:
    return _page(
        request,
        runtime,
        "companion/door.html",
        dossier,
        now=now,
        status=status,
        path=paths.WELCOME,
        action=paths.companion_link(token),
        opens_at=room_hours(dossier)[0],
        is_open=is_joinable(dossier, now=now),
        companion_name=companion_name,
        error=error,
    )


def _page(
    request: Request,
    runtime: Runtime,
    template: str,
    dossier: Dossier,
    *,
    now: datetime,
    status: int = 200,
    **more: Any,
) -> Response:
    """The organisation and the hour, as on the insured's gate: not whom the appointment is with, nor what for."""
    when = {"starts_at": dossier.appointment.starts_at, "zone": dossier.appointment.zone}
    brand = public_brand(runtime, dossier.organisation)
    return page(request, template, now=now, status=status, organisation=brand, appointment=when, **more)


def _mount(request: Request, runtime: Runtime, dossier: Dossier) -> dict[str, str]:
    """What the call's script reads of its element."""
    return {
        "call": "",
        "call-companion": "",
        "call-provider": str(runtime.settings.video_provider),
        "call-role": str(Role.INSURED),
        "call-ticket-url": paths.COMPANION_TICKET,
        "call-room": f"companion-{dossier.appointment.id}",
        "call-phone": phone(dossier.organisation.phone or runtime.settings.support_phone),
        "call-start": "devices",
        "call-token": form_token(runtime.settings, browser_id(request)),
        "call-zone": dossier.appointment.zone,
    }
