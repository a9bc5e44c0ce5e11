"""What every page of the insured is given: the asking organisation's frame, the person's language, the appointment's facts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request
from starlette.responses import Response

from telecontrol.controls.models import Insured
from telecontrol.controls.policies import Mode
from telecontrol.notify.wording import same_clock
from telecontrol.scheduling.dossier import Dossier
from telecontrol.web.i18n import mark
from telecontrol.web.insured_door import shown_as
from telecontrol.web.rendering import language_of, page, public_brand, templates_of
from telecontrol.web.security import browser_id, form_token
from telecontrol.worker import Runtime


def language_for(request: Request, insured: Insured) -> str:
    """What the person chose on a page, else the language on file."""
    return language_of(request, preferred=insured.language)


def insured_page(
    request: Request, template: str, dossier: Dossier, *, now: datetime, status: int = 200, **context: Any
) -> Response:
    """Render a page about `dossier`'s appointment. `context` wins over what is given here."""
    runtime: Runtime = request.app.state.runtime
    language = language_for(request, dossier.insured)
    values = {
        "csrf_token": page_token(request, dossier),
        "organisation": public_brand(runtime, dossier.organisation),
        "appointment": facts_of(dossier),
        "reference": dossier.control.reference,
        "by_channels": templates_of(request).translators[language].t(_by_channels(dossier.insured)),
        # What an earlier appointment of the same control left: only the one page of many states looks for it.
        "earlier": getattr(request.state, "earlier", []),
        **context,
    }
    return page(request, template, now=now, status=status, language=language, **values)


def page_token(request: Request, dossier: Dossier) -> str:
    """The token of every form and script of a page about `dossier`'s appointment: the door holds them to it."""
    runtime: Runtime = request.app.state.runtime
    return form_token(runtime.settings, browser_id(request), about=shown_as(dossier.appointment))


def _by_channels(insured: Insured) -> str:
    """How the service writes to this person: what they cannot receive is not promised to them."""
    if insured.email and insured.phone:
        return mark("par e-mail et SMS")
    return mark("par e-mail") if insured.email else mark("par SMS")


def facts_of(dossier: Dossier) -> dict[str, Any]:
    """The appointment as templates know it."""
    appointment = dossier.appointment
    length = appointment.ends_at - appointment.starts_at
    return {
        "mode": str(appointment.mode),
        "starts_at": appointment.starts_at,
        "zone": appointment.zone,
        "doctor_zone": _doctor_zone(dossier),
        "duration_minutes": int(length.total_seconds() // 60),
        "doctor": f"Dr {dossier.doctor.name}",
    }


def _doctor_zone(dossier: Dossier) -> str:
    """The doctor's zone where their clock differs at that hour and the two are apart; else empty."""
    appointment, zone = dossier.appointment, dossier.doctor.zone
    is_apart = appointment.mode is Mode.VIDEO and not same_clock(appointment.starts_at, appointment.zone, zone)
    return zone if is_apart else ""


def person_of(insured: Insured) -> str:
    return f"{insured.given_name} {insured.family_name}"
