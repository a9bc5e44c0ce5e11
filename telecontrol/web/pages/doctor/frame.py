"""What every page of the doctor is given: the frame, the numbers on the rail, appointments and people as templates know them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.models import Insured
from telecontrol.reports.queries import Line, to_sign
from telecontrol.scheduling.doctor_day import Day, Entry
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.models import AppointmentState
from telecontrol.web import paths
from telecontrol.web.rendering import language_of, operator_brand, page, templates_of
from telecontrol.web.staff_door import Staff
from telecontrol.worker import Runtime

Counts = dict[str, dict[str, Any]]


def doctor_page(
    request: Request,
    template: str,
    staff: Staff,
    *,
    now: datetime,
    place: str,
    counts: Mapping[str, Any],
    status: int = 200,
    **context: Any,
) -> Response:
    """Render a page of the doctor's, in the language on file unless another was chosen. `place` is the rail's entry."""
    runtime: Runtime = request.app.state.runtime
    return page(
        request,
        f"staff/doctor/{template}",
        now=now,
        status=status,
        language=language_for(request, staff),
        operator=operator_brand(runtime),
        viewer=staff.for_layout(),
        place=place,
        counts=counts,
        **context,
    )


def language_for(request: Request, staff: Staff) -> str:
    return language_of(request, preferred=staff.user.language)


def told(request: Request, staff: Staff, sentence: str) -> str:
    """A sentence of the catalogue in the doctor's language; nothing stays nothing."""
    return templates_of(request).translators[language_for(request, staff)].t(sentence) if sentence else ""


def is_partial(request: Request) -> bool:
    """Whether a part of the page asks (htmx) and not the browser itself."""
    return request.headers.get("hx-request") == "true"


async def counts_of(session: AsyncSession, viewer: Viewer, *, now: datetime) -> Counts:
    """The numbers on the rail, for pages that do not show the list itself. One query."""
    return report_counts(await to_sign(session, viewer, now=now))


def report_counts(lines: list[Line]) -> Counts:
    return {"reports": {"number": len(lines), "is_late": any(line.is_overdue for line in lines)}}


def person_of(insured: Insured) -> str:
    return f"{insured.given_name} {insured.family_name}"


def row_of(entry: Entry, day: Day, *, now: datetime) -> dict[str, Any]:
    """An appointment of the day, as lists show it. Hours are the doctor's; the insured's zone is named where it differs."""
    appointment, waiting = entry.appointment, entry.waiting
    return {
        "id": str(appointment.id),
        "href": paths.room(str(appointment.id)),
        "person": person_of(entry.dossier.insured),
        "reference": entry.dossier.control.reference,
        "organisation": entry.dossier.organisation.name,
        "mode": str(appointment.mode),
        "state": str(appointment.state),
        "starts_at": appointment.starts_at,
        "ends_at": appointment.ends_at,
        "zone": day.doctor.zone,
        "insured_zone": appointment.zone if is_elsewhere(appointment.zone, day.doctor.zone, now) else None,
        "site": entry.dossier.site.name if entry.dossier.site else "",
        "waiting": None
        if waiting is None
        else {"since_at": waiting.since, "is_there": waiting.is_there, "delay_minutes": waiting.delay_minutes},
        "arrived_at": entry.arrived_at,
        "device": entry.device,
        "tested_at": entry.tested_at,
        "is_announced_absent": appointment.announced_at is not None,
        "is_to_conclude": entry.is_to_conclude,
        "is_live": appointment.state in (AppointmentState.BOOKED, AppointmentState.IN_PROGRESS),
        "may_enter": entry.may_enter(now=now),
    }


def appointment_of(dossier: Dossier, *, now: datetime) -> dict[str, Any]:
    """The appointment itself, as the room and a report show it."""
    appointment = dossier.appointment
    elsewhere = is_elsewhere(appointment.zone, dossier.doctor.zone, now)
    return {
        "id": str(appointment.id),
        "mode": str(appointment.mode),
        "state": str(appointment.state),
        "starts_at": appointment.starts_at,
        "ends_at": appointment.ends_at,
        "zone": dossier.doctor.zone,
        "insured_zone": appointment.zone if elsewhere else None,
        "announced_at": appointment.announced_at,
        "announced_reason": appointment.announced_reason,
        "announced_decision": appointment.announced_decision,
    }


def is_elsewhere(zone: str, home: str, now: datetime) -> bool:
    """Whether the clocks of two zones differ now, so that an hour needs both."""
    return now.astimezone(ZoneInfo(zone)).utcoffset() != now.astimezone(ZoneInfo(home)).utcoffset()
