"""The gate: a link is shown, exchanged for a visit, and the birth date is asked (PROMISES §4.3, P9).

A message's link is a ticket that is never used up: reading it, by a person or a mail scanner, changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.links import (
    Blocked,
    Verified,
    Wrong,
    find_link,
    find_visit,
    open_visit,
    verify_birth_date,
    wrong_dates_given,
)
from telecontrol.accounts.models import InsuredLink, InsuredVisit, LinkPurpose
from telecontrol.accounts.throttle import Limit
from telecontrol.db.journal import Actor, ActorKind, JournalEntry, record
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_page import hour_told, present_dossier, state_of
from telecontrol.web import paths
from telecontrol.web.address_meter import AddressMeter
from telecontrol.web.birth_dates import as_birth_date
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.insured_door import VISIT_COOKIE, VISIT_LASTS, Guest, GuestDep, set_visit
from telecontrol.web.insured_language import follow_press
from telecontrol.web.pages.insured.calendar import prepare_calendar
from telecontrol.web.pages.insured.frame import insured_page, language_for
from telecontrol.web.rendering import LANGUAGE_COOKIE, page, public_brand, remember_language, see_other
from telecontrol.web.security import cookie_name
from telecontrol.worker import Runtime

pages = APIRouter(route_class=HelpfulRoute)

UNKNOWN_LINKS = Limit(free=20, first=timedelta(minutes=1), longest=timedelta(minutes=15))

Typed = Annotated[str, Form(max_length=20)]
_NOTHING = ("", "", "")


@pages.get(paths.link("{token}"))
async def show(request: Request, runtime: RuntimeDep, session: ReadingDep, now: NowDep, token: str) -> Response:
    link = await find_link(session, token, now=now)
    if link is None:
        return unknown_link(request, runtime, now)
    dossier = await _dossier(session, link)
    state = state_of(dossier, now=now, may_act=False)
    return insured_page(
        request,
        "insured/gate.html",
        dossier,
        now=now,
        action=paths.link(token),
        is_over=not state.stands,
        asks_code=dossier.insured.birth_on is None,
    )


@pages.post(paths.link("{token}"))
async def exchange(request: Request, runtime: RuntimeDep, session: SessionDep, now: NowDep, token: str) -> Response:
    link = await find_link(session, token, now=now)
    if link is None:
        return unknown_link(request, runtime, now)
    dossier = await _dossier(session, link)
    known = await _already_known(request, runtime, session, link, now)
    if known is not None and known.link.purpose is LinkPurpose.ACT and link.purpose is LinkPurpose.VIEW:
        # The calendar's link shows what this browser may act on already: it takes nothing away, least of all in a call.
        return see_other(request, paths.HOME)
    verified_at = None if known is None else known.visit.verified_at
    visit = await open_visit(session, link, now=now, lifetime=VISIT_LASTS, verified_at=verified_at)
    is_moved = False
    if verified_at is not None:
        if (opened := await find_visit(session, visit, now=now)) is not None:
            await follow_press(request, session, *opened, now=now)
        await prepare_calendar(session, dossier, runtime.settings, now=now)
        is_moved = await hour_told(session, link, dossier) is not None
    response = see_other(request, paths.MOVED if is_moved else paths.HOME)
    set_visit(response, runtime.settings, visit)
    if cookie_name(runtime.settings, LANGUAGE_COOKIE) not in request.cookies:
        language = language_for(request, dossier.insured)
        remember_language(response, runtime.settings, language)
    return response


@pages.get(paths.BIRTH_DATE)
async def ask_again(request: Request) -> Response:
    return see_other(request, paths.HOME)


@pages.post(paths.BIRTH_DATE)
async def verify(
    request: Request,
    runtime: RuntimeDep,
    guest: GuestDep,
    session: SessionDep,
    now: NowDep,
    birth_day: Typed = "",
    birth_month: Typed = "",
    birth_year: Typed = "",
) -> Response:
    dossier = await _dossier(session, guest.link)
    typed = (birth_day, birth_month, birth_year)
    given = as_birth_date(*typed, today=now.date())
    if given is None:
        return await ask_birth_date(
            request, session, guest, dossier, now=now, status=422, error="not_a_date", typed=typed
        )
    visit = await session.get_one(InsuredVisit, guest.visit.id)
    link = await session.get_one(InsuredLink, guest.link.id)
    tries = dossier.rules.birth_date_tries
    answer = await verify_birth_date(
        session, visit, link, given=given, expected=dossier.insured.birth_on, tries=tries, now=now
    )
    match answer:
        case Verified():
            await follow_press(request, session, visit, link, now=now)
            await prepare_calendar(session, dossier, runtime.settings, now=now)
            is_moved = await hour_told(session, link, dossier) is not None
            return see_other(request, paths.MOVED if is_moved else paths.HOME)
        case Wrong(tries_left=left):
            return _birth_date_page(request, dossier, now, status=403, error="wrong", tries_left=left, typed=typed)
        case Blocked():
            await note_blocked(session, link, dossier, now=now)
            return _birth_date_page(request, dossier, now, status=403, is_blocked=True)


async def ask_birth_date(
    request: Request,
    session: AsyncSession,
    guest: Guest,
    dossier: Dossier,
    *,
    now: datetime,
    status: int = 200,
    error: str = "",
    typed: tuple[str, str, str] = _NOTHING,
) -> Response:
    """The page that asks for the birth date, or the one that leads to a person when no try is left or no date is on file."""
    spent = await wrong_dates_given(session, appointment_id=guest.link.appointment_id)
    left = dossier.rules.birth_date_tries - spent
    is_blocked = left <= 0 or dossier.insured.birth_on is None
    tries_left = left if spent else None
    return _birth_date_page(
        request, dossier, now, status=status, error=error, tries_left=tries_left, is_blocked=is_blocked, typed=typed
    )


def _birth_date_page(
    request: Request,
    dossier: Dossier,
    now: datetime,
    *,
    status: int,
    error: str = "",
    tries_left: int | None = None,
    is_blocked: bool = False,
    typed: tuple[str, str, str] = _NOTHING,
) -> Response:
    day, month, year = typed
    return insured_page(
        request,
        "insured/birth_date.html",
        dossier,
        now=now,
        status=status,
        path=paths.HOME,
        error=error,
        tries_left=tries_left,
        is_blocked=is_blocked,
        day=day,
        month=month,
        year=year,
    )


async def note_blocked(session: AsyncSession, link: InsuredLink, dossier: Dossier, *, now: datetime) -> None:
    """Said once in the control's story, so that whoever answers the call knows why."""
    known = select(JournalEntry.id).where(
        JournalEntry.action == "link.blocked", JournalEntry.subject_id == str(link.appointment_id)
    )
    if await session.scalar(known.limit(1)) is None:
        record(
            session,
            "link.blocked",
            actor=Actor(ActorKind.INSURED, "", "insured"),
            now=now,
            control_id=dossier.control.id,
            subject_kind="appointment",
            subject_id=link.appointment_id,
        )


async def _dossier(session: AsyncSession, link: InsuredLink) -> Dossier:
    return await present_dossier(session, control_id=link.control_id, insured_id=link.insured_id)


async def _already_known(
    request: Request, runtime: Runtime, session: AsyncSession, link: InsuredLink, now: datetime
) -> Guest | None:
    """The verified visit of this browser for the same person and control: the birth date is not asked twice a day."""
    token = request.cookies.get(cookie_name(runtime.settings, VISIT_COOKIE))
    row = await find_visit(session, token, now=now) if token else None
    if row is None:
        return None
    visit, earlier = row
    is_same = (earlier.insured_id, earlier.control_id) == (link.insured_id, link.control_id)
    return Guest(visit, earlier) if is_same and visit.verified_at is not None else None


def unknown_link(request: Request, runtime: Runtime, now: datetime) -> Response:
    """Unknown, expired and revoked links look alike. Whoever tries many is slowed down; a link that works never is."""
    meter = _meter(request)
    address = request.client.host if request.client else ""
    wait = meter.seconds_to_wait(address, now=now)
    brand = public_brand(runtime)
    if wait:
        return page(
            request,
            "public/error.html",
            now=now,
            status=429,
            path=paths.WELCOME,
            organisation=brand,
            code="too_many_attempts",
            retry_after=wait,
        )
    meter.count(address, now=now)
    template = "insured/unknown_link.html"
    return page(request, template, now=now, status=404, path=paths.WELCOME, organisation=brand)


def _meter(request: Request) -> AddressMeter:
    state = request.app.state
    if not hasattr(state, "unknown_links"):
        state.unknown_links = AddressMeter(UNKNOWN_LINKS)
    meter: AddressMeter = state.unknown_links
    return meter
