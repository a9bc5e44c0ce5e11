"""Pages for anybody: the welcome, the two ways to be sure or to be helped, what is said of data and access, small files."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import PlainTextResponse, Response

from telecontrol.accounts.models import Organisation
from telecontrol.accounts.throttle import Limit, address_key, count_failure, seconds_to_wait, secret_key
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.notify.phones import mobile_number
from telecontrol.scheduling.insured_page import announced
from telecontrol.scheduling.lost_links import send_link_again
from telecontrol.web import paths
from telecontrol.web.birth_dates import as_birth_date
from telecontrol.web.brand import brand_css
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.insured_door import AnyGuestDep
from telecontrol.web.insured_language import pressed
from telecontrol.web.rendering import local_path, page, public_brand, remember_language, templates_of
from telecontrol.web.security import remember_browser
from telecontrol.worker import Runtime

pages = APIRouter(route_class=HelpfulRoute)

EVEN_SECONDS = 0.35
"""Every answer of the lost-link page takes at least this long, so that its length does not tell whether somebody is known."""

_PER_ADDRESS = Limit(free=10, first=timedelta(minutes=1), longest=timedelta(minutes=15))
_PER_PHONE = Limit(free=3, first=timedelta(minutes=15), longest=timedelta(hours=4))
_NOTHING_TYPED = {"phone": "", "day": "", "month": "", "year": ""}
_GENUINE, _LOST_ADDRESS, _LOST_PHONE = "genuine", "lost_link_address", "lost_link_phone"

Typed = Annotated[str, Form(max_length=40)]


@pages.get(paths.WELCOME)
async def welcome(request: Request, runtime: RuntimeDep, now: NowDep) -> Response:
    return _page(request, runtime, "insured/welcome.html", now)


@pages.get(paths.PRIVACY)
async def privacy(request: Request, runtime: RuntimeDep, now: NowDep) -> Response:
    return _page(request, runtime, "insured/privacy.html", now, operator_name=runtime.settings.operator_name)


@pages.get(paths.ACCESSIBILITY)
async def accessibility(request: Request, runtime: RuntimeDep, now: NowDep) -> Response:
    return _page(request, runtime, "insured/accessibility.html", now)


@pages.post(paths.LANGUAGE)
async def choose_language(
    request: Request,
    runtime: RuntimeDep,
    guest: AnyGuestDep,
    session: SessionDep,
    now: NowDep,
    language: Annotated[str, Form(max_length=8)] = "",
    next: Annotated[str, Form(max_length=500)] = "",  # noqa: A002
) -> Response:
    there = local_path(next, otherwise=paths.WELCOME)
    response = Response(status_code=303, headers={"Location": there})
    if language in templates_of(request).languages:
        remember_language(response, runtime.settings, language)
        if there == paths.HOME or there.startswith((f"{paths.HOME}/", paths.link(""))):
            await pressed(request, response, session, guest, language=language, now=now)
    remember_browser(request, response)
    return response


@pages.get(paths.GENUINE)
async def ask_reference(request: Request, runtime: RuntimeDep, now: NowDep) -> Response:
    return _genuine(request, runtime, now)


@pages.post(paths.GENUINE)
async def check_reference(
    request: Request, runtime: RuntimeDep, session: SessionDep, now: NowDep, reference: Typed = ""
) -> Response:
    """Looks something up; a reference that is none is counted, so that guessing is slow."""
    key = _address(request)
    wait = await seconds_to_wait(session, scope=_GENUINE, key=key, limit=_PER_ADDRESS, now=now)
    if wait:
        return _too_many(request, runtime, now, wait=wait)
    found = await announced(session, reference)
    if found is None:
        await count_failure(session, scope=_GENUINE, key=key, now=now)
    answer = {
        "is_known": found is not None,
        "organisation": found.organisation.name if found else "",
        "day": found.day if found else None,
    }
    return _genuine(request, runtime, now, reference=reference.strip(), answer=answer)


@pages.get(paths.LOST_LINK)
async def ask_lost_link(request: Request, runtime: RuntimeDep, now: NowDep, sent: str = "") -> Response:
    return _lost_link(request, runtime, now, is_sent=bool(sent))


async def _even_time() -> AsyncIterator[None]:
    began = time.monotonic()
    yield
    await asyncio.sleep(max(0.0, EVEN_SECONDS - (time.monotonic() - began)))


@pages.post(paths.LOST_LINK)
async def send_lost_link(
    request: Request,
    runtime: RuntimeDep,
    _even: Annotated[None, Depends(_even_time, scope="function")],
    session: SessionDep,
    now: NowDep,
    phone: Typed = "",
    birth_day: Typed = "",
    birth_month: Typed = "",
    birth_year: Typed = "",
) -> Response:
    """The same answer for everybody; a fresh link leaves for the contact on file when both are right."""
    typed = {"phone": phone, "day": birth_day, "month": birth_month, "year": birth_year}
    birth_on = as_birth_date(birth_day, birth_month, birth_year, today=now.date())
    if birth_on is None:
        return _lost_link(request, runtime, now, typed, status=422, error="not_a_date")
    try:
        number = mobile_number(phone)
    except InvalidInput:
        return _lost_link(request, runtime, now, typed, status=422, error="not_a_phone")
    if await _is_throttled(session, request, number, now=now):
        return _lost_link(request, runtime, now, typed, status=429, error="too_many")
    await send_link_again(session, runtime.operator, phone=number, birth_on=birth_on, now=now)
    response = Response(status_code=303, headers={"Location": f"{paths.LOST_LINK}?sent=1"})
    remember_browser(request, response)
    return response


async def _is_throttled(session: AsyncSession, request: Request, number: str, *, now: datetime) -> bool:
    """Counts every request, right or wrong, by network address and by number: neither flooding nor guessing pays."""
    tries = [(_LOST_ADDRESS, _address(request), _PER_ADDRESS), (_LOST_PHONE, secret_key(number), _PER_PHONE)]
    for scope, key, limit in tries:
        if await seconds_to_wait(session, scope=scope, key=key, limit=limit, now=now):
            return True
    for scope, key, _ in tries:
        await count_failure(session, scope=scope, key=key, now=now)
    return False


@pages.get(paths.brand("{organisation_id}"))
async def brand(session: ReadingDep, organisation_id: uuid.UUID) -> Response:
    organisation = await session.get(Organisation, organisation_id)
    if organisation is None or not organisation.accent_colour:
        raise NotFound("no such style sheet")
    return Response(
        brand_css(organisation.accent_colour), media_type="text/css", headers={"Cache-Control": "public, max-age=300"}
    )


@pages.get(paths.ROBOTS)
async def robots() -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


def _address(request: Request) -> str:
    return address_key(request.client.host if request.client else "")


def _beginning(runtime: Runtime) -> str:
    """What our links begin with, as messages write them, up to the stroke that ends the name: `rdv.example` alone begins
    `rdv.example.elsewhere` as well."""
    return f"{urlsplit(runtime.settings.public_url).netloc}/"


def _genuine(
    request: Request,
    runtime: Runtime,
    now: datetime,
    *,
    reference: str = "",
    answer: dict[str, Any] | None = None,
) -> Response:
    return _page(
        request,
        runtime,
        "insured/genuine.html",
        now,
        domain=_beginning(runtime),
        senders={"mail": runtime.settings.mail_from},
        reference=reference,
        answer=answer,
    )


def _lost_link(
    request: Request,
    runtime: Runtime,
    now: datetime,
    typed: Mapping[str, str] = _NOTHING_TYPED,
    *,
    status: int = 200,
    is_sent: bool = False,
    error: str = "",
) -> Response:
    template = "insured/lost_link.html"
    return _page(request, runtime, template, now, status=status, is_sent=is_sent, error=error, **typed)


def _too_many(request: Request, runtime: Runtime, now: datetime, *, wait: int) -> Response:
    return _page(request, runtime, "public/error.html", now, status=429, code="too_many_attempts", retry_after=wait)


def _page(
    request: Request, runtime: Runtime, template: str, now: datetime, *, status: int = 200, **context: Any
) -> Response:
    return page(request, template, now=now, status=status, organisation=public_brand(runtime), **context)
