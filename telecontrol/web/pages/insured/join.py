"""Entering the call: the device test before it, the button, the page that holds it, and the tickets its script asks for.

Pressing the button is the arrival, kept at once in the waiting room: whatever fails afterwards (camera, script, network), the
person had come (PROMISES P17). Opening the page changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.responses import Response

from telecontrol.errors import WrongState
from telecontrol.scheduling.attendance import arrive as enter_waiting
from telecontrol.scheduling.attendance import open_room
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_page import own_dossier, state_of
from telecontrol.video import waiting
from telecontrol.video.call_messages import ProblemCode
from telecontrol.video.device_tests import latest_tests, record_test, result_of
from telecontrol.video.models import Role, WaitingEntry
from telecontrol.video.rooms import find_room
from telecontrol.web import paths
from telecontrol.web.calls import ticket_answer
from telecontrol.web.dates import phone
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.insured_door import KnownGuestDep
from telecontrol.web.pages.insured.frame import insured_page
from telecontrol.web.rendering import see_other
from telecontrol.web.security import browser_id, form_token
from telecontrol.worker import Runtime

pages = APIRouter(route_class=HelpfulRoute)


class TestResult(BaseModel):
    """What the device test's script tells. `code` says what the matter is, where there is one."""

    result: Literal["ready", "problem"]
    code: ProblemCode | Literal[""] = ""


@pages.get(paths.TEST)
async def show_test(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: ReadingDep, now: NowDep
) -> Response:
    dossier = await own_dossier(session, guest.viewer)
    appointment = dossier.appointment
    test = (await latest_tests(session, [appointment.id])).get(appointment.id)
    last = None if test is None else {"result": result_of(test), "at": test.tested_at, "zone": appointment.zone}
    mount = {"call-result-url": paths.TEST, "call-token": form_token(runtime.settings, browser_id(request))}
    return insured_page(request, "insured/test.html", dossier, now=now, test=mount, last=last, back_href=paths.HOME)


@pages.post(paths.TEST)
async def keep_test(found: TestResult, guest: KnownGuestDep, session: SessionDep, now: NowDep) -> Response:
    """Kept to help, for the person and for the doctor: nothing follows from it."""
    dossier = await own_dossier(session, guest.viewer)
    problem = "" if found.result == "ready" else found.code or ProblemCode.OTHER
    await record_test(session, subject_id=dossier.appointment.id, problem=problem, now=now)
    return Response(status_code=204)


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


def _check_open(dossier: Dossier, now: datetime) -> None:
    if not state_of(dossier, now=now, may_act=True).can_join:
        raise WrongState("this call cannot be joined now", code="not_joinable")


def _mount(request: Request, runtime: Runtime, dossier: Dossier, stay: WaitingEntry) -> dict[str, str]:
    """What the call's script reads of its element. It enters at once: the button was pressed on the page before."""
    return {
        "call": "",
        "call-role": str(Role.INSURED),
        "call-ticket-url": paths.JOIN_TICKET,
        "call-room": str(stay.room_id),
        "call-phone": phone(dossier.organisation.phone or runtime.settings.support_phone),
        "call-start": "now",
        "call-token": form_token(runtime.settings, browser_id(request)),
        "call-after-url": paths.HOME,
    }
