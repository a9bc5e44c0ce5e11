"""Who is at the insured's door: the visit of a browser that exchanged a link, as a `Viewer` once the birth date was given.

The visit's cookie stands for one link of one person; nothing here knows more than that row. Before the birth date a visit shows
the organisation, the day, the hour and the phone number, and allows nothing (PROMISES §4.3).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request, Response

from telecontrol.accounts.access import Action, Kind
from telecontrol.accounts.links import find_visit
from telecontrol.accounts.models import InsuredLink, InsuredVisit
from telecontrol.accounts.viewer import Viewer, insured_viewer
from telecontrol.config import Settings
from telecontrol.errors import Conflict, Forbidden, InvalidInput
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_choices import read_key
from telecontrol.scheduling.insured_page import present_dossier
from telecontrol.scheduling.models import Appointment
from telecontrol.web.dependencies import NowDep, RuntimeDep
from telecontrol.web.security import SAFE_METHODS, cookie_name, set_cookie
from telecontrol.worker import Runtime

VISIT_COOKIE = "tc_visit"
VISIT_LASTS = timedelta(hours=12)
"""Long enough to prepare in the morning and join in the afternoon; after it the link opens a new one."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A browser that came by a link."""

    visit: InsuredVisit
    link: InsuredLink

    @property
    def is_verified(self) -> bool:
        return self.visit.verified_at is not None

    @property
    def viewer(self) -> Viewer:
        """Raises `Forbidden` (`not_verified`) before the birth date was given."""
        return insured_viewer(self.visit, self.link)

    def require_answer(self) -> Viewer:
        """The viewer, where this link may answer. Raises `Forbidden`: `not_verified`, or `view_only` for a calendar's link."""
        viewer = self.viewer
        if not viewer.may(Action.ANSWER, Kind.APPOINTMENT):
            raise Forbidden("this link only shows", code="view_only")
        return viewer

    def require_join(self) -> Viewer:
        """As `require_answer`, for entering the call."""
        viewer = self.viewer
        if not viewer.may(Action.JOIN, Kind.VIDEO, "live"):
            raise Forbidden("this link only shows", code="view_only")
        return viewer


async def find_guest(request: Request, runtime: RuntimeDep, now: NowDep) -> Guest | None:
    """The visit of this browser, verified or not. Its own short transaction, over before the route's begins.

    Routes name their guest before their session: dependencies are resolved in that order, and a route that held its session
    while the door asks for a second connection would wait for itself where a database has only two.
    """
    token = request.cookies.get(cookie_name(runtime.settings, VISIT_COOKIE))
    if not token:
        return None
    async with runtime.database.reading() as session:
        row = await find_visit(session, token, now=now)
    return None if row is None else Guest(*row)


AnyGuestDep = Annotated[Guest | None, Depends(find_guest)]


async def _guest(request: Request, runtime: RuntimeDep, guest: AnyGuestDep) -> Guest:
    if guest is None:
        raise Forbidden("no visit in this browser", code="no_visit")
    if request.method not in SAFE_METHODS:
        await _check_shown(request, runtime, guest)
    return guest


def shown_as(appointment: Appointment) -> str:
    """How a page's forms name the appointment it showed. Its hour is part of it, and its version is not: refusing and taking
    back make versions too, and the same button pressed in two windows must give the same answer."""
    return f"{appointment.id.hex}-{int(appointment.starts_at.timestamp())}"


async def _check_shown(request: Request, runtime: Runtime, guest: Guest) -> None:
    """A browser has one visit and may have many tabs: an act is for the appointment that its page showed, or for none.

    Raises `Conflict`: `other_appointment` where another link was opened meanwhile, `other_hour` where the appointment moved.
    """
    link, shown = guest.link, str(getattr(request.state, "shown", ""))
    async with runtime.database.reading() as session:
        dossier = await present_dossier(session, control_id=link.control_id, insured_id=link.insured_id)
        if shown == shown_as(dossier.appointment):
            return
        earlier = await session.get(Appointment, _id_in(shown))
    is_same_control = earlier is not None and earlier.control_id == link.control_id
    if is_same_control and await _has_chosen(request, dossier):
        return
    raise Conflict("the page showed another appointment", code="other_hour" if is_same_control else "other_appointment")


async def _has_chosen(request: Request, dossier: Dossier) -> bool:
    """Whether the form asks for the very slot that the appointment has by now: the same button, pressed twice."""
    slot = (await request.form()).get("slot")
    if not isinstance(slot, str) or not slot:
        return False
    try:
        return read_key(slot, zone=dossier.zone).starts_at == dossier.appointment.starts_at
    except InvalidInput:
        return False


def _id_in(shown: str) -> uuid.UUID:
    try:
        return uuid.UUID(hex=shown.partition("-")[0])
    except ValueError:
        return uuid.UUID(int=0)


GuestDep = Annotated[Guest, Depends(_guest)]
"""Somebody who came by a link. Without a visit the page says to open the link again."""


async def _known_guest(guest: GuestDep) -> Guest:
    if not guest.is_verified:
        raise Forbidden("the birth date has not been given", code="not_verified")
    return guest


KnownGuestDep = Annotated[Guest, Depends(_known_guest)]
"""Somebody who gave their birth date. Others are sent to the page that asks for it."""


def set_visit(response: Response, settings: Settings, token: str) -> None:
    set_cookie(response, settings, VISIT_COOKIE, token, max_age=int(VISIT_LASTS.total_seconds()))
