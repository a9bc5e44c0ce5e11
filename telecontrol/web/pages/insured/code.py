"""The gate where no birth date is on file: a code by the channel that did not carry the link (PROMISES §4.3).

Nothing leaves on GET: the code is asked for by a button. Somebody with one channel only, or no try left, is led to a person.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.access_codes import (
    PAUSE,
    Expired,
    codes_left,
    make_code,
    other_channel,
    present_code,
    verify_code,
)
from telecontrol.accounts.links import Blocked, Verified, Wrong, wrong_dates_given
from telecontrol.accounts.models import InsuredLink, InsuredVisit
from telecontrol.db.journal import Actor, ActorKind, record
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_page import hour_told, present_dossier
from telecontrol.scheduling.telling import channels_of, tell_code
from telecontrol.web import paths
from telecontrol.web.dates import masked_phone
from telecontrol.web.dependencies import NowDep, RuntimeDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.insured_door import Guest, GuestDep
from telecontrol.web.insured_language import follow_press
from telecontrol.web.pages.insured.calendar import prepare_calendar
from telecontrol.web.pages.insured.frame import insured_page
from telecontrol.web.pages.insured.gate import note_blocked
from telecontrol.web.rendering import see_other

pages = APIRouter(route_class=HelpfulRoute)


@pages.get(paths.CODE)
@pages.get(paths.CODE_SEND)
async def ask_again(request: Request) -> Response:
    return see_other(request, paths.HOME)


@pages.post(paths.CODE_SEND)
async def send(request: Request, runtime: RuntimeDep, guest: GuestDep, session: SessionDep, now: NowDep) -> Response:
    """Send a code, unless one is on its way already: pressing twice sends one."""
    dossier = await _dossier(session, guest.link)
    channel, recipient = where_to(guest.link, dossier)
    if guest.is_verified or not channel or dossier.insured.birth_on is not None:
        return see_other(request, paths.HOME)
    visit = await session.get_one(InsuredVisit, guest.visit.id)
    link = await session.get_one(InsuredLink, guest.link.id)
    if await wrong_dates_given(session, appointment_id=link.appointment_id) >= dossier.rules.birth_date_tries:
        return see_other(request, paths.HOME)
    secret = runtime.settings.secret.get_secret_value()
    made = await make_code(session, visit, link, secret=secret, channel=channel, now=now)
    if made is not None:
        await tell_code(
            session,
            runtime.operator,
            dossier,
            channel=channel,
            recipient=recipient,
            code=made.digits,
            code_id=made.id,
            now=now,
            expires_at=made.expires_at,
        )
        record(
            session,
            "link.code_sent",
            actor=Actor(ActorKind.INSURED, "", "insured"),
            now=now,
            control_id=dossier.control.id,
            subject_kind="appointment",
            subject_id=link.appointment_id,
            channels=[channel],
        )
    return see_other(request, paths.HOME)


@pages.post(paths.CODE)
async def verify(
    request: Request,
    runtime: RuntimeDep,
    guest: GuestDep,
    session: SessionDep,
    now: NowDep,
    code: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    dossier = await _dossier(session, guest.link)
    given = "".join(sign for sign in code if sign.isascii() and sign.isdigit())
    if len(given) != 6:
        return await ask_code(request, session, guest, dossier, now=now, status=422, error="not_a_code", typed=code)
    visit = await session.get_one(InsuredVisit, guest.visit.id)
    link = await session.get_one(InsuredLink, guest.link.id)
    answer = await verify_code(
        session,
        visit,
        link,
        given=given,
        secret=runtime.settings.secret.get_secret_value(),
        tries=dossier.rules.birth_date_tries,
        now=now,
    )
    match answer:
        case Verified():
            await follow_press(request, session, visit, link, now=now)
            await prepare_calendar(session, dossier, runtime.settings, now=now)
            is_moved = await hour_told(session, link, dossier) is not None
            return see_other(request, paths.MOVED if is_moved else paths.HOME)
        case Expired():
            return await ask_code(request, session, guest, dossier, now=now, status=403, error="expired")
        case Wrong():
            return await ask_code(request, session, guest, dossier, now=now, status=403, error="wrong")
        case Blocked():
            await note_blocked(session, link, dossier, now=now)
            return await ask_code(request, session, guest, dossier, now=now, status=403)


def where_to(link: InsuredLink, dossier: Dossier) -> tuple[str, str]:
    """The channel and the recipient of a code; both empty where there is no second way to reach the person."""
    wanted = other_channel(link)
    return next(((channel, to) for channel, to in channels_of(dossier) if channel == wanted), ("", ""))


async def ask_code(
    request: Request,
    session: AsyncSession,
    guest: Guest,
    dossier: Dossier,
    *,
    now: datetime,
    status: int = 200,
    error: str = "",
    typed: str = "",
) -> Response:
    """The page that sends the code and asks for it, or leads to a person."""
    spent = await wrong_dates_given(session, appointment_id=guest.link.appointment_id)
    left = max(0, dossier.rules.birth_date_tries - spent)
    channel, recipient = where_to(guest.link, dossier)
    code = await present_code(session, guest.visit, now=now) if channel and left else None
    more = await codes_left(session, appointment_id=guest.link.appointment_id, now=now) if channel else 0
    return insured_page(
        request,
        "insured/code.html",
        dossier,
        now=now,
        status=status,
        path=paths.HOME,
        channel=channel,
        recipient=_hint(recipient) if channel == "mail" else masked_phone(recipient),
        is_blocked=not channel or not left or (code is None and not more),
        has_one_channel=not channel,
        expires_at=None if code is None else code.expires_at,
        may_send_again=code is not None and more > 0 and now - code.created_at >= PAUSE,
        again_at=None if code is None or not more else code.created_at + PAUSE,
        error=error,
        tries_left=left if spent else None,
        typed=typed,
    )


def _hint(email: str) -> str:
    """`c•••@e•••.org`: enough for whoever owns it; a stranger with a link learns neither a name nor a firm."""
    name, _, host = email.partition("@")
    domain, _, end = host.rpartition(".")
    return f"{name[:1]}•••@{domain[:1]}•••.{end}"


async def _dossier(session: AsyncSession, link: InsuredLink) -> Dossier:
    return await present_dossier(session, control_id=link.control_id, insured_id=link.insured_id)
