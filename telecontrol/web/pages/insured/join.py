"""Entering the call: the button, the page that holds it, and the tickets its script asks for.

Pressing the button is the arrival, kept at once in the waiting room: whatever fails afterwards (camera, script, network), the
person had come (PROMISES P17). Opening the page changes nothing.
"""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from telecontrol.accounts.links import link_url, mint_link
from telecontrol.accounts.models import LinkPurpose
from telecontrol.errors import WrongState
from telecontrol.scheduling.attendance import arrive as enter_waiting
from telecontrol.scheduling.attendance import open_room
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_page import own_dossier, state_of
from telecontrol.video import waiting
from telecontrol.video.models import Role, WaitingEntry
from telecontrol.video.rooms import find_room
from telecontrol.web import paths
from telecontrol.web.calls import ticket_answer
from telecontrol.web.dates import phone
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.insured_door import KnownGuestDep
from telecontrol.web.pages.insured.frame import insured_page, page_token
from telecontrol.web.rendering import see_other
from telecontrol.worker import Runtime

pages = APIRouter(route_class=HelpfulRoute)


@pages.post(paths.JOIN)
async def arrive(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: SessionDep, now: NowDep
) -> Response:
    viewer = guest.require_join()
    dossier = await own_dossier(session, viewer, lock=True)
    _check_open(dossier, now)
    await enter_waiting(session, dossier, provider=runtime.settings.video_provider, actor=viewer.actor, now=now)
    return see_other(request, paths.JOIN)


@pages.get(paths.JOIN)
async def show(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: ReadingDep, now: NowDep
) -> Response:
    dossier = await own_dossier(session, guest.require_join())
    room = await find_room(session, subject_id=dossier.appointment.id)
    stay = None if room is None else await waiting.current_stay(session, room_id=room.id)
    if stay is None or not state_of(dossier, now=now, may_act=True).can_join:
        # Nobody came in by the button, or they left: it is there.
        return see_other(request, paths.HOME)
    return insured_page(
        request,
        "insured/call.html",
        dossier,
        now=now,
        stage="waiting" if stay.admitted_at is None else "in_call",
        since_at=stay.arrived_at,
        delay_minutes=stay.delay_minutes,
        call=_mount(request, runtime, dossier, stay),
    )


@pages.post(paths.JOIN_TICKET)
async def ticket(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: SessionDep, now: NowDep
) -> Response:
    """A fresh ticket for the call's script, as JSON, each time the right to enter was looked at again."""
    viewer = guest.require_join()
    dossier = await own_dossier(session, viewer)
    _check_open(dossier, now)
    room = await open_room(session, dossier, provider=runtime.settings.video_provider, now=now)
    answer = ticket_answer(request.app.state.video, room_id=room.id, role=Role.INSURED, identity=str(viewer.user_id))
    return JSONResponse(answer)


@pages.post(paths.JOIN_LINK)
async def another_link(runtime: RuntimeDep, guest: KnownGuestDep, session: SessionDep, now: NowDep) -> Response:
    """A link to be opened in another browser, where this one (inside an application, most often) has no camera.

    The page's own address would not do: it needs this browser's visit. The link asks for the birth date like any other, and
    opens what the link opens by which this browser came.
    """
    viewer = guest.require_join()
    dossier = await own_dossier(session, viewer)
    _check_open(dossier, now)
    token = await mint_link(
        session,
        appointment_id=dossier.appointment.id,
        insured_id=dossier.insured.id,
        control_id=dossier.control.id,
        purpose=LinkPurpose.ACT,
        now=now,
        expires_at=guest.link.expires_at,
    )
    return JSONResponse({"url": link_url(runtime.settings.public_url, token)}, headers={"Cache-Control": "no-store"})


def _check_open(dossier: Dossier, now: datetime) -> None:
    if not state_of(dossier, now=now, may_act=True).can_join:
        raise WrongState("this call cannot be joined now", code="not_joinable")


def _mount(request: Request, runtime: Runtime, dossier: Dossier, stay: WaitingEntry) -> dict[str, str]:
    """What the call's script reads of its element. The button was pressed on the page before: the person has arrived, and
    chooses camera and microphone first; whoever is in the call already comes straight back to it."""
    return {
        "call": "",
        "call-provider": str(runtime.settings.video_provider),
        "call-role": str(Role.INSURED),
        "call-ticket-url": paths.JOIN_TICKET,
        "call-room": str(stay.room_id),
        "call-phone": phone(dossier.organisation.phone or runtime.settings.support_phone),
        "call-start": "devices" if stay.admitted_at is None else "now",
        "call-link-url": paths.JOIN_LINK,
        "call-token": page_token(request, dossier),
        "call-after-url": paths.HOME,
        "call-zone": dossier.appointment.zone,
    }
