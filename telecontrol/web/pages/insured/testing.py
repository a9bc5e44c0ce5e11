"""The test of the device and the connection, from the insured's own page: what it finds is kept, to help, and shown in words."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from telecontrol.accounts.access import Action, Kind
from telecontrol.controls.policies import Mode
from telecontrol.scheduling.insured_page import own_dossier
from telecontrol.video.device_tests import finding_of, latest_tests, record_test
from telecontrol.web import paths
from telecontrol.web.calls import test_answer
from telecontrol.web.dates import phone
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.insured_door import KnownGuestDep
from telecontrol.web.pages.insured.frame import insured_page, page_token
from telecontrol.web.rendering import see_other

pages = APIRouter(route_class=HelpfulRoute)

Code = Annotated[str, Field(max_length=40)]


class Found(BaseModel):
    """What the test's script tells, as codes of closed lists (`video.device_tests`)."""

    model_config = ConfigDict(extra="forbid")

    steps: dict[Code, Code] = Field(min_length=1, max_length=5)
    route: Code = ""


@pages.get(paths.TEST)
async def show(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: ReadingDep, now: NowDep
) -> Response:
    viewer = guest.viewer
    dossier = await own_dossier(session, viewer)
    appointment = dossier.appointment
    if appointment.mode is not Mode.VIDEO:
        return see_other(request, paths.HOME)
    viewer.require(Action.READ, Kind.DEVICE_TEST)
    test = (await latest_tests(session, [appointment.id])).get(appointment.id)
    last = None if test is None else {"finding": str(finding_of(test)), "at": test.tested_at, "zone": appointment.zone}
    mount = {
        "connection-url": paths.TEST_CONNECTION,
        "token": page_token(request, dossier),
        "phone": phone(dossier.organisation.phone or runtime.settings.support_phone),
    }
    is_kept = viewer.may(Action.CREATE, Kind.DEVICE_TEST)
    if is_kept:
        mount["result-url"] = paths.TEST
    return insured_page(
        request,
        "insured/test.html",
        dossier,
        now=now,
        test=mount,
        last=last,
        back_href=paths.HOME,
        is_kept=is_kept,
        is_public=False,
    )


@pages.post(paths.TEST)
async def keep(found: Found, guest: KnownGuestDep, session: SessionDep, now: NowDep) -> Response:
    """Kept to help, for the person and for the doctor: nothing follows from it."""
    viewer = guest.viewer
    viewer.require(Action.CREATE, Kind.DEVICE_TEST)
    dossier = await own_dossier(session, viewer)
    await record_test(session, subject_id=dossier.appointment.id, steps=found.steps, route=found.route, now=now)
    return Response(status_code=204)


@pages.post(paths.TEST_CONNECTION)
async def connection(request: Request, guest: KnownGuestDep) -> Response:
    """What to try, of the provider in use. It opens no room, so a link that only shows may have it too."""
    guest.viewer.require(Action.READ, Kind.DEVICE_TEST)
    return JSONResponse(test_answer(request.app.state.video))
