"""Staff sign in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from telecontrol.accounts.sign_in import Refused, SignedIn, Throttled, sign_in, sign_out
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, RuntimeDep, SessionDep
from telecontrol.web.rendering import local_path, operator_brand, page, see_other
from telecontrol.web.security import cookie_name, delete_cookie, set_cookie
from telecontrol.web.staff_door import HOME, STAFF_COOKIE, find_staff

pages = APIRouter()


@pages.get(paths.SIGN_IN)
async def show(request: Request, runtime: RuntimeDep, now: NowDep, next: str = "") -> Response:  # noqa: A002
    found = await find_staff(request, runtime, now)
    if found is not None:
        return see_other(request, local_path(next, otherwise=HOME[found.user.role]))
    return _form(request, runtime, now, next_path=next)


@pages.post(paths.SIGN_IN)
async def enter(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    now: NowDep,
    email: Annotated[str, Form(max_length=254)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form(max_length=500)] = "",  # noqa: A002
) -> Response:
    address = request.client.host if request.client else ""
    answer = await sign_in(session, email=email, password=password, address=address, now=now)
    match answer:
        case SignedIn(token=token, user=user):
            response = see_other(request, local_path(next, otherwise=HOME[user.role]))
            set_cookie(response, runtime.settings, STAFF_COOKIE, token, max_age=None)
            return response
        case Throttled(retry_after=seconds):
            return _form(request, runtime, now, next_path=next, email=email, wait=seconds, status=429)
        case Refused():
            return _form(request, runtime, now, next_path=next, email=email, is_refused=True, status=401)


@pages.post(paths.SIGN_OUT)
async def leave(request: Request, runtime: RuntimeDep, session: SessionDep, now: NowDep) -> Response:
    token = request.cookies.get(cookie_name(runtime.settings, STAFF_COOKIE))
    if token:
        await sign_out(session, token, now=now)
    response = see_other(request, paths.SIGN_IN, text="Vous êtes déconnecté.")
    delete_cookie(response, runtime.settings, STAFF_COOKIE)
    return response


def _form(
    request: Request,
    runtime: RuntimeDep,
    now: NowDep,
    *,
    next_path: str,
    email: str = "",
    is_refused: bool = False,
    wait: int = 0,
    status: int = 200,
) -> Response:
    return page(
        request,
        "staff/sign_in.html",
        now=now,
        status=status,
        operator=operator_brand(runtime),
        next_path=local_path(next_path, otherwise=""),
        email=email,
        is_refused=is_refused,
        wait_seconds=wait,
    )
