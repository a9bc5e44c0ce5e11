"""The insured's page: one address, in whatever state the appointment is (`scheduling.insured_page`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.models import Procedure
from telecontrol.controls.policies import Mode
from telecontrol.scheduling.companion_links import companion_token
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_choices import Choice, in_person_choices
from telecontrol.scheduling.insured_page import PageState, Stage, hour_told, own_dossier, present_dossier, state_of
from telecontrol.scheduling.models import Site
from telecontrol.scheduling.preparations import Prepared, has_place_for_companion, prepared_for
from telecontrol.scheduling.sites import Nearness
from telecontrol.video.device_tests import finding_of, latest_tests
from telecontrol.video.models import DeviceTest
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.i18n import Translator, mark, typeset
from telecontrol.web.insured_door import Guest, GuestDep, KnownGuestDep
from telecontrol.web.pages.insured.after import show_after
from telecontrol.web.pages.insured.code import ask_code
from telecontrol.web.pages.insured.frame import insured_page, language_for, person_of
from telecontrol.web.pages.insured.gate import ask_birth_date
from telecontrol.web.pages.insured.proofs import earlier_of
from telecontrol.web.pages.insured.survey import secret_of
from telecontrol.web.rendering import see_other, templates_of

pages = APIRouter(route_class=HelpfulRoute)

_WHY = {
    Procedure.A: mark(
        "{organisation} vous donne rendez-vous avec un médecin-conseil, dans le cadre du contrôle de votre arrêt de travail."
    ),
    Procedure.B: mark(
        "{organisation} a demandé ce rendez-vous avec un médecin, dans le cadre de la contre-visite de votre arrêt de travail."
    ),
    Procedure.C: mark(
        "{organisation} a demandé ce rendez-vous avec un médecin agréé, dans le cadre du contrôle de votre arrêt de travail."
    ),
}
_DISTANCES = {
    Nearness.SAME_POSTCODE: mark("même commune"),
    Nearness.SAME_DEPARTMENT: mark("même département"),
    Nearness.SERVES_DEPARTMENT: "",
}


@pages.get(paths.HOME)
async def home(request: Request, guest: GuestDep, session: ReadingDep, now: NowDep) -> Response:
    if not guest.is_verified:
        link = guest.link
        dossier = await present_dossier(session, control_id=link.control_id, insured_id=link.insured_id)
        ask = ask_code if dossier.insured.birth_on is None else ask_birth_date
        return await ask(request, session, guest, dossier, now=now)
    viewer = guest.viewer
    dossier = await own_dossier(session, viewer)
    state = state_of(dossier, now=now, may_act=viewer.may_act)
    return await show_state(request, session, dossier, state, guest=guest, now=now)


@pages.get(paths.MOVED)
async def moved(request: Request, guest: KnownGuestDep, session: ReadingDep, now: NowDep) -> Response:
    """What a link of an older message is told first: the present hour, instead of the one in the message."""
    dossier = await own_dossier(session, guest.viewer)
    old = await hour_told(session, guest.link, dossier)
    if old is None or not state_of(dossier, now=now, may_act=False).stands:
        return see_other(request, paths.HOME)
    told = {"mode": str(old.mode), "starts_at": old.starts_at, "zone": old.zone}
    return insured_page(request, "insured/moved.html", dossier, now=now, old=told)


async def show_state(
    request: Request,
    session: AsyncSession,
    dossier: Dossier,
    state: PageState,
    *,
    guest: Guest,
    now: datetime,
    status: int = 200,
    error: str = "",
) -> Response:
    """The page in `state`. `error` is `taken` when the in-person slot that was chosen has just gone."""
    secret = secret_of(request.app.state.runtime)
    request.state.earlier = await earlier_of(session, dossier, secret=secret, now=now)
    match state.stage:
        case Stage.BEFORE | Stage.NEAR | Stage.IN_CALL:
            test = (await latest_tests(session, [dossier.appointment.id])).get(dossier.appointment.id)
            prepared = await prepared_for(session, guest.viewer, dossier)
            return _video(request, dossier, state, test, prepared, now=now)
        case Stage.IN_PERSON:
            prepared = await prepared_for(session, guest.viewer, dossier)
            return _in_person(request, dossier, state, prepared, now=now)
        case Stage.DECLINED:
            choices = await in_person_choices(session, dossier, now=now) if state.can_choose_in_person else []
            return _declined(request, dossier, state, choices, now=now, status=status, error=error)
        case Stage.CANCELLED:
            return insured_page(
                request,
                "insured/cancelled.html",
                dossier,
                now=now,
                will_be_rebooked=state.will_be_rebooked,
                is_excused=state.is_excused,
            )
        case Stage.RELEASED:
            has_both = bool(dossier.insured.email and dossier.insured.phone)
            return insured_page(request, "insured/released.html", dossier, now=now, has_both_channels=has_both)
        case Stage.AFTER:
            return await show_after(request, session, dossier, guest, now=now)


def _video(
    request: Request,
    dossier: Dossier,
    state: PageState,
    test: DeviceTest | None,
    prepared: Prepared,
    *,
    now: datetime,
) -> Response:
    return insured_page(
        request,
        "insured/home.html",
        dossier,
        now=now,
        mandate=mandate_of(request, dossier),
        person=person_of(dossier.insured),
        opens_at=state.opens_at,
        is_open=state.stage is not Stage.BEFORE,
        is_in_call=state.stage is Stage.IN_CALL,
        waiting_minutes=dossier.rules.waiting_minutes,
        can_act=state.can_act,
        can_decline=state.can_decline,
        can_say_absent=state.can_say_absent,
        can_change_hour=state.can_change_hour,
        is_absence_announced=state.is_absence_announced,
        is_kept=state.is_kept,
        device=str(finding_of(test)),
        tested_at=None if test is None else test.tested_at,
        can_prepare=state.can_prepare,
        has_place=has_place_for_companion(dossier.appointment.mode, places=request.app.state.video.places),
        prepared=_said(prepared),
        companion_link=_companion_link(request, dossier, state, prepared),
    )


def _companion_link(request: Request, dossier: Dossier, state: PageState, prepared: Prepared) -> str:
    """The address that the insured gives to whoever they announced; empty where the call has no place, or the link only shows."""
    places = request.app.state.video.places
    if prepared.companion is None or not state.can_act or not has_place_for_companion(Mode.VIDEO, places=places):
        return ""
    settings = request.app.state.runtime.settings
    token = companion_token(settings.secret.get_secret_value(), dossier, prepared.companion)
    return f"{settings.public_url.rstrip('/')}{paths.companion_link(token)}"


def _in_person(request: Request, dossier: Dossier, state: PageState, prepared: Prepared, *, now: datetime) -> Response:
    return insured_page(
        request,
        "insured/in_person.html",
        dossier,
        now=now,
        mandate=mandate_of(request, dossier),
        person=person_of(dossier.insured),
        site=None if dossier.site is None else _site(dossier.site),
        can_act=state.can_act,
        can_say_absent=state.can_say_absent,
        is_absence_announced=state.is_absence_announced,
        is_kept=state.is_kept,
        can_prepare=state.can_prepare,
        prepared=_said(prepared),
    )


def _said(prepared: Prepared) -> dict[str, Any] | None:
    """What the person said already, as their page repeats it; None for nothing."""
    if prepared.is_empty:
        return None
    return {
        "documents": prepared.has_documents,
        "quiet_place": prepared.has_quiet_place,
        "needs": [str(need) for need in prepared.needs],
        "language": prepared.language,
        "interpreter": str(prepared.interpreter or ""),
        "companion": prepared.companion.name if prepared.companion else "",
    }


def _declined(
    request: Request,
    dossier: Dossier,
    state: PageState,
    choices: list[Choice],
    *,
    now: datetime,
    status: int,
    error: str,
) -> Response:
    words = _words(request, dossier)
    appointment = dossier.appointment
    return insured_page(
        request,
        "insured/declined.html",
        dossier,
        now=now,
        status=status,
        path=paths.HOME,
        declined_at=appointment.declined_at or appointment.ended_at or now,
        can_undo=state.can_undo_decline,
        hold_until=appointment.hold_until,
        choices=[_choice(choice, dossier, words) for choice in choices],
        error=error,
    )


def _choice(choice: Choice, dossier: Dossier, words: Translator) -> dict[str, Any]:
    site, distance = choice.site, _DISTANCES[choice.nearness]
    return {
        "value": choice.key,
        "starts_at": choice.offer.starts_at,
        "zone": dossier.appointment.zone,
        "site": site.name,
        "address": f"{site.address}, {site.postcode} {site.city}",
        "distance": words.t(distance) if distance else "",
    }


def _site(site: Site) -> dict[str, Any]:
    return {
        "name": site.name,
        "address": site.address,
        "postcode": site.postcode,
        "city": site.city,
        "access": site.access,
        "phone": site.phone,
        "hours": [],
    }


def mandate_of(request: Request, dossier: Dossier) -> str:
    """Who calls and what for, then on whose behalf, in the organisation's own words."""
    words = _words(request, dossier)
    why = words.plain(_WHY[dossier.control.procedure], organisation=dossier.organisation.name)
    organisation = dossier.organisation
    told = (organisation.mandate_en if words.code == "en" else "") or organisation.mandate
    mandate = typeset(told.strip().rstrip("."), language=words.code)
    return f"{why} {mandate}." if mandate else why


def _words(request: Request, dossier: Dossier) -> Translator:
    return templates_of(request).translators[language_for(request, dossier.insured)]
