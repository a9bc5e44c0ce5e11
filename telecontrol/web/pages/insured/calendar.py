"""The appointment as a calendar file: the same entry as the message's, neutral in every line, with a link that only shows."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.links import calendar_token, ensure_calendar_link, find_link, link_url
from telecontrol.config import Settings
from telecontrol.controls.policies import Mode
from telecontrol.errors import WrongState
from telecontrol.notify.calendar_part import CalendarEntry, calendar_bytes
from telecontrol.notify.names import discreet_name
from telecontrol.notify.wording import when
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_page import own_dossier, state_of
from telecontrol.scheduling.operator import Operator
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.i18n import mark
from telecontrol.web.insured_door import KnownGuestDep
from telecontrol.web.pages.insured.frame import language_for
from telecontrol.web.rendering import templates_of

pages = APIRouter(route_class=HelpfulRoute)

_BY_VIDEO = mark("Par vidéo")
_SUMMARY = mark("Rendez-vous – {organisation}")


async def prepare_calendar(session: AsyncSession, dossier: Dossier, settings: Settings, *, now: datetime) -> None:
    """Have the calendar file's link lead to this appointment: done when somebody acts, so that a download writes nothing."""
    appointment = dossier.appointment
    await ensure_calendar_link(
        session,
        settings.secret.get_secret_value(),
        appointment_id=appointment.id,
        insured_id=appointment.insured_id,
        control_id=appointment.control_id,
        now=now,
        expires_at=appointment.ends_at + timedelta(days=dossier.rules.link_days_after),
    )


@pages.get(paths.CALENDAR)
async def download(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: ReadingDep, now: NowDep
) -> Response:
    dossier = await own_dossier(session, guest.viewer)
    if not state_of(dossier, now=now, may_act=False).stands:
        raise WrongState("this appointment does not stand", code="nothing_to_note")
    token = calendar_token(runtime.settings.secret.get_secret_value(), dossier.appointment.id)
    link = await find_link(session, token, now=now)
    address = link_url(runtime.settings.public_url, token) if link else runtime.operator.public_url
    entry = _entry(request, dossier, runtime.operator, address, now)
    return Response(
        calendar_bytes(entry),
        media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="rendez-vous.ics"'},
    )


def _entry(request: Request, dossier: Dossier, operator: Operator, address: str, now: datetime) -> CalendarEntry:
    appointment, site = dossier.appointment, dossier.site
    language = language_for(request, dossier.insured)
    words = templates_of(request).translators[language]
    name = discreet_name(dossier.organisation.name, otherwise=operator.name)
    summary = words.plain(_SUMMARY, organisation=name)
    by_video = words.plain(_BY_VIDEO) if appointment.mode is Mode.VIDEO else ""
    return CalendarEntry(
        method="PUBLISH",
        uid=f"{appointment.id}@telecontrol",
        sequence=appointment.version - 1,
        starts_at=appointment.starts_at,
        duration_minutes=int((appointment.ends_at - appointment.starts_at).total_seconds() // 60),
        zone=appointment.zone,
        summary=summary,
        location=f"{site.address}, {site.postcode} {site.city}" if site else by_video,
        description=f"{summary}, {when(appointment.starts_at, appointment.zone, language)}. {address}",
        view_link=address,
        organiser_name=name,
        organiser_address=operator.mail_from,
        attendee_address="",
        stamped_at=now,
        alarm_minutes=120 if site else 30,
    )
