"""The language chosen on the insured's pages by pressing its button: theirs from then on, in messages too.

Somebody presses before they said who they are as often as after: the press is kept in the browser for the minutes that this
takes. A language that only follows from a browser's settings, or from somebody else's visit long ago, is nobody's choice.
"""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.access import Action, Kind
from telecontrol.accounts.models import InsuredLink, InsuredVisit
from telecontrol.accounts.viewer import insured_viewer
from telecontrol.scheduling.insured_page import own_dossier
from telecontrol.scheduling.languages import choose_language
from telecontrol.web.insured_door import Guest
from telecontrol.web.rendering import templates_of
from telecontrol.web.security import cookie_name, set_cookie
from telecontrol.worker import Runtime

PRESSED_COOKIE = "tc_language_pressed"
_KEPT = 30 * 60


async def pressed(
    request: Request,
    response: Response,
    session: AsyncSession,
    guest: Guest | None,
    *,
    language: str,
    now: datetime,
) -> None:
    """The button of a language was pressed: at once for who is known, else as soon as they are."""
    runtime: Runtime = request.app.state.runtime
    if guest is not None and guest.is_verified:
        await _choose(session, runtime, guest.visit, guest.link, language=language, now=now)
    else:
        set_cookie(response, runtime.settings, PRESSED_COOKIE, language, max_age=_KEPT)


async def follow_press(
    request: Request, session: AsyncSession, visit: InsuredVisit, link: InsuredLink, *, now: datetime
) -> None:
    """It is known who this is: what they pressed a moment ago holds."""
    runtime: Runtime = request.app.state.runtime
    language = request.cookies.get(cookie_name(runtime.settings, PRESSED_COOKIE), "")
    if language in templates_of(request).languages:
        await _choose(session, runtime, visit, link, language=language, now=now)


async def _choose(
    session: AsyncSession, runtime: Runtime, visit: InsuredVisit, link: InsuredLink, *, language: str, now: datetime
) -> None:
    viewer = insured_viewer(visit, link)
    if viewer.may(Action.CHANGE, Kind.INSURED, "language"):
        dossier = await own_dossier(session, viewer, lock=True)
        await choose_language(
            session, operator=runtime.operator, dossier=dossier, language=language, actor=viewer.actor, now=now
        )
