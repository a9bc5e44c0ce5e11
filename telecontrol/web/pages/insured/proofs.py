"""The insured's proof of having come: the receipt, for the present appointment or an earlier one of the same control.

A control that was begun again has a new appointment, and its pages are about that one; what somebody came to before must not
vanish with it. Links stay readable for 30 days, and so do these.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.results import CONSEQUENCES
from telecontrol.errors import NotFound
from telecontrol.insights.survey import has_answered, is_asked
from telecontrol.reports.conclusions import conclusion_of
from telecontrol.reports.models import Conclusion
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.insured_page import own_dossier
from telecontrol.scheduling.presence import Presence, earlier_appointments, presence_of
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.insured_door import Guest, KnownGuestDep
from telecontrol.web.pages.insured.frame import insured_page, person_of

pages = APIRouter(route_class=HelpfulRoute)

OfQuery = Annotated[uuid.UUID | None, Query(alias="of")]


@dataclass(frozen=True, slots=True)
class Earlier:
    """An ended appointment of the same control to which the insured came, as the pages of the present one name it."""

    starts_at: datetime
    zone: str
    receipt_href: str
    survey_href: str
    """Empty where nothing is asked, or all was said."""


@pages.get(paths.RECEIPT)
async def receipt(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: ReadingDep, now: NowDep, of: OfQuery = None
) -> Response:
    for dossier in await candidates(session, guest, of):
        presence = await certified_presence(session, dossier, now=now)
        if presence is not None:
            return insured_page(
                request,
                "insured/receipt.html",
                dossier,
                now=now,
                path=str(request.url.path),
                person=person_of(dossier.insured),
                attendance=for_page(presence),
                place=None
                if dossier.site is None
                else f"{dossier.site.name}, {dossier.site.postcode} {dossier.site.city}",
                issued_at=now,
                operator_name=runtime.settings.operator_name,
            )
    raise NotFound("nobody came to this appointment", code="no_attendance")


async def candidates(session: AsyncSession, guest: Guest, of: uuid.UUID | None) -> list[Dossier]:
    """The appointments that an address without more may mean: the one it names; else the one of the link, then the present
    one. Raises `NotFound` for an appointment of another control or person."""
    viewer = guest.viewer
    if of is not None:
        return [await _own(session, viewer, of)]
    present = await own_dossier(session, viewer)
    if guest.link.appointment_id == present.appointment.id:
        return [present]
    return [await _own(session, viewer, guest.link.appointment_id), present]


async def _own(session: AsyncSession, viewer: Viewer, appointment_id: uuid.UUID) -> Dossier:
    dossier = await load_dossier(session, appointment_id)
    if dossier.control.id != viewer.control_id or dossier.insured.id != viewer.user_id:
        raise NotFound("no such appointment")
    return dossier


async def certified_presence(
    session: AsyncSession, dossier: Dossier, *, now: datetime, conclusion: Conclusion | None = None
) -> Presence | None:
    """What the receipt certifies: the same as the e-mail, brought up to date."""
    conclusion = conclusion or await conclusion_of(session, dossier.appointment.id)
    if conclusion is None:
        return await presence_of(session, dossier, now=now)
    told_at = conclusion.circumstances.get("arrived_at")
    return await presence_of(
        session,
        dossier,
        now=now,
        told_at=datetime.fromisoformat(told_at) if told_at else None,
        examined_until=conclusion.event_at if CONSEQUENCES[conclusion.result].examination_took_place else None,
    )


def for_page(presence: Presence) -> dict[str, Any]:
    return {"arrived_at": presence.arrived_at, "left_at": presence.left_at}


async def earlier_of(session: AsyncSession, dossier: Dossier, *, secret: str, now: datetime) -> list[Earlier]:
    """What an earlier appointment of the control has left: one query where there is none."""
    found: list[Earlier] = []
    for appointment_id in await earlier_appointments(session, dossier):
        other = await load_dossier(session, appointment_id)
        if other.insured.id != dossier.insured.id:
            continue
        named = "?" + urlencode({"of": str(appointment_id)})
        came = await certified_presence(session, other, now=now) is not None
        asked = await is_asked(session, other.appointment) and not await has_answered(
            session, appointment_id, secret=secret
        )
        if came or asked:
            found.append(
                Earlier(
                    other.appointment.starts_at,
                    other.appointment.zone,
                    paths.RECEIPT + named if came else "",
                    paths.SURVEY + named if asked else "",
                )
            )
    return found
