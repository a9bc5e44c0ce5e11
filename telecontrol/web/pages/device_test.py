"""The test of the device and the connection for anybody: without an account, a link or an answer; nothing is read or kept."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from telecontrol.accounts.throttle import Limit
from telecontrol.errors import TooManyAttempts
from telecontrol.web import paths
from telecontrol.web.address_meter import AddressMeter
from telecontrol.web.calls import test_answer
from telecontrol.web.dates import phone
from telecontrol.web.dependencies import NowDep, RuntimeDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.insured_door import AnyGuestDep
from telecontrol.web.rendering import page, public_brand
from telecontrol.web.security import browser_id, form_token

pages = APIRouter(route_class=HelpfulRoute)

TESTS = Limit(free=30, first=timedelta(minutes=1), longest=timedelta(minutes=15))
"""Of one address, which a whole hospital may share; each answer lets somebody use the relay for five minutes."""


@pages.get(paths.DEVICE_TEST)
async def show(request: Request, runtime: RuntimeDep, guest: AnyGuestDep, now: NowDep) -> Response:
    brand = public_brand(runtime)
    mount = {
        "connection-url": paths.DEVICE_TEST_CONNECTION,
        "token": form_token(runtime.settings, browser_id(request)),
        "phone": phone(brand["phone"]),
        "is-public": "yes",
    }
    back = paths.HOME if guest is not None else paths.WELCOME
    return page(
        request,
        "insured/test.html",
        now=now,
        organisation=brand,
        test=mount,
        last=None,
        back_href=back,
        is_kept=False,
        is_public=guest is None,
    )


@pages.post(paths.DEVICE_TEST_CONNECTION)
async def connection(request: Request, now: NowDep) -> Response:
    """What to try, of the provider in use. Raises `TooManyAttempts` for an address that asks all the time."""
    meter = _meter(request)
    address = request.client.host if request.client else ""
    wait = meter.seconds_to_wait(address, now=now)
    if wait:
        raise TooManyAttempts("too many tests from this connection", retry_after=wait)
    meter.count(address, now=now)
    return JSONResponse(test_answer(request.app.state.video))


def _meter(request: Request) -> AddressMeter:
    state = request.app.state
    if not hasattr(state, "connection_tests"):
        state.connection_tests = AddressMeter(TESTS)
    meter: AddressMeter = state.connection_tests
    return meter
