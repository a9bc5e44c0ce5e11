"""What the insured answers: each a page that asks, a POST that does it, and the way back (`DOMAIN.md` §5).

Pressing twice, going back or answering in two windows gives the same answer; a slot that went in between gives fresh ones.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.background import BackgroundTask
from starlette.responses import Response

from telecontrol import log
from telecontrol.controls.policies import Mode
from telecontrol.errors import InvalidInput, NoticeImpossible, SlotTaken, Unavailable, WrongState
from telecontrol.scheduling.answers import (
    CannotCome,
    announce_absence,
    ask_another_hour,
    choose_in_person,
    decline_video,
    grace_until,
    undo_decline,
    withdraw_absence,
)
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.insured_choices import key_of, other_hours, read_key
from telecontrol.scheduling.insured_page import Stage, own_dossier, state_of
from telecontrol.scheduling.models import AppointmentState
from telecontrol.scheduling.sites import sites_for
from telecontrol.video.provider import VideoProvider
from telecontrol.video.rooms import close_room
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.helpful_route import HelpfulRoute
from telecontrol.web.i18n import mark
from telecontrol.web.insured_door import KnownGuestDep
from telecontrol.web.pages.insured.calendar import prepare_calendar
from telecontrol.web.pages.insured.frame import insured_page
from telecontrol.web.pages.insured.home import show_state
from telecontrol.web.rendering import see_other

pages = APIRouter(route_class=HelpfulRoute)
logger = log.get("web.insured")

SlotForm = Annotated[str, Form(max_length=120)]


@pages.get(paths.DECLINE)
async def ask_decline(request: Request, guest: KnownGuestDep, session: ReadingDep, now: NowDep) -> Response:
    dossier = await own_dossier(session, guest.require_answer())
    state = state_of(dossier, now=now, may_act=True)
    if not state.can_decline:
        if state.stage in (Stage.NEAR, Stage.IN_CALL, Stage.AFTER):
            raise WrongState("the appointment has been held, or is being held", code="too_late_to_decline")
        # Declined already, given up, or in person: the page of that state says it all.
        return see_other(request, paths.HOME)
    until, starts_at = grace_until(dossier, now=now), dossier.appointment.starts_at
    return insured_page(
        request,
        "insured/decline_confirm.html",
        dossier,
        now=now,
        grace_minutes=int((until - now).total_seconds() // 60),
        is_grace_until_start=until >= starts_at,
    )


@pages.post(paths.DECLINE)
async def decline(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: SessionDep, now: NowDep
) -> Response:
    viewer = guest.require_answer()
    dossier = await own_dossier(session, viewer, lock=True)
    response = see_other(request, paths.HOME)
    if dossier.appointment.state is AppointmentState.DECLINED_BY_INSURED:
        return response
    await decline_video(session, operator=runtime.operator, dossier=dossier, actor=viewer.actor, now=now)
    room_id = await close_room(session, subject_id=dossier.appointment.id, now=now)
    if room_id is not None:
        response.background = BackgroundTask(_empty_room, request.app.state.video, room_id)
    return response


async def _empty_room(provider: VideoProvider, room_id: uuid.UUID) -> None:
    """Whoever was in the waiting room in another window is told. The database already refuses them."""
    try:
        await provider.close_room(room_id)
    except Unavailable:
        logger.warning("room_not_emptied", room_id=str(room_id))


@pages.post(paths.DECLINE_UNDO)
async def take_back(
    request: Request, runtime: RuntimeDep, guest: KnownGuestDep, session: SessionDep, now: NowDep
) -> Response:
    viewer = guest.require_answer()
    dossier = await own_dossier(session, viewer, lock=True)
    if dossier.appointment.mode is not Mode.VIDEO:
        raise WrongState("an in-person appointment was chosen meanwhile", code="too_late_to_undo")
    await undo_decline(session, operator=runtime.operator, dossier=dossier, actor=viewer.actor, now=now)
    return see_other(request, paths.HOME, text=mark("Votre rendez-vous en visioconférence est maintenu."))


@pages.post(paths.IN_PERSON)
async def choose(
    request: Request,
    runtime: RuntimeDep,
    guest: KnownGuestDep,
    session: SessionDep,
    now: NowDep,
    slot: SlotForm = "",
) -> Response:
    viewer = guest.require_answer()
    dossier = await own_dossier(session, viewer, lock=True)
    chosen = read_key(slot, zone=dossier.zone)
    if chosen.site_id is None:
        raise InvalidInput("choose a site", field="slot", code="no_such_choice")
    if not _is_already(dossier, chosen.site_id, chosen.starts_at):
        if chosen.site_id not in await sites_for(session, dossier.insured):
            raise InvalidInput("not one of the sites that were shown", field="slot", code="no_such_choice")
        try:
            async with session.begin_nested():
                await choose_in_person(
                    session,
                    operator=runtime.operator,
                    dossier=dossier,
                    doctor_id=chosen.doctor_id,
                    site_id=chosen.site_id,
                    starts_at=chosen.starts_at,
                    actor=viewer.actor,
                    now=now,
                )
        except (SlotTaken, NoticeImpossible):
            dossier = await own_dossier(session, viewer)
            state = state_of(dossier, now=now, may_act=True)
            return await show_state(request, session, dossier, state, guest=guest, now=now, status=409, error="taken")
        await prepare_calendar(session, await own_dossier(session, viewer), runtime.settings, now=now)
    return see_other(request, paths.HOME, text=mark("Votre rendez-vous sur place est réservé."))


def _is_already(dossier: Dossier, site_id: uuid.UUID, starts_at: datetime) -> bool:
    """Whether the very slot was booked by an earlier press of the same button."""
    appointment = dossier.appointment
    return (
        appointment.state is AppointmentState.BOOKED
        and appointment.site_id == site_id
        and appointment.starts_at == starts_at
    )


@pages.get(paths.CANNOT_COME)
async def ask_reason(request: Request, guest: KnownGuestDep, session: ReadingDep, now: NowDep) -> Response:
    dossier = await own_dossier(session, guest.require_answer())
    state = state_of(dossier, now=now, may_act=True)
    if state.is_absence_announced:
        return insured_page(
            request,
            "insured/cannot_come_done.html",
            dossier,
            now=now,
            announced_at=dossier.appointment.announced_at or now,
            reason=dossier.appointment.announced_reason or CannotCome.OTHER,
            can_undo=state.can_withdraw_absence,
        )
    if not state.can_say_absent:
        return see_other(request, paths.HOME)
    return _reasons(request, dossier, now)


@pages.post(paths.CANNOT_COME)
async def cannot_come(
    request: Request,
    runtime: RuntimeDep,
    guest: KnownGuestDep,
    session: SessionDep,
    now: NowDep,
    reason: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    viewer = guest.require_answer()
    dossier = await own_dossier(session, viewer, lock=True)
    if reason not in set(CannotCome):
        return _reasons(request, dossier, now, status=422, error="missing")
    await announce_absence(
        session,
        operator=runtime.operator,
        dossier=dossier,
        reason=CannotCome(reason),
        actor=viewer.actor,
        now=now,
    )
    return see_other(request, paths.CANNOT_COME)


@pages.post(paths.CANNOT_COME_UNDO)
async def can_come(request: Request, guest: KnownGuestDep, session: SessionDep, now: NowDep) -> Response:
    viewer = guest.require_answer()
    dossier = await own_dossier(session, viewer, lock=True)
    await withdraw_absence(session, dossier=dossier, actor=viewer.actor, now=now)
    return see_other(request, paths.HOME, text=mark("C'est noté : vous venez. Votre rendez-vous n'a pas changé."))


def _reasons(request: Request, dossier: Dossier, now: datetime, *, status: int = 200, error: str = "") -> Response:
    state = state_of(dossier, now=now, may_act=True)
    return insured_page(
        request,
        "insured/cannot_come.html",
        dossier,
        now=now,
        status=status,
        path=paths.CANNOT_COME,
        reasons=[str(reason) for reason in CannotCome],
        chosen="",
        error=error,
        can_decline=state.can_decline,
    )


@pages.get(paths.OTHER_HOUR)
async def ask_hour(request: Request, guest: KnownGuestDep, session: ReadingDep, now: NowDep) -> Response:
    dossier = await own_dossier(session, guest.require_answer())
    if not state_of(dossier, now=now, may_act=True).can_change_hour:
        return see_other(request, paths.HOME)
    return await _hours(request, session, dossier, now=now)


@pages.post(paths.OTHER_HOUR)
async def change_hour(
    request: Request,
    runtime: RuntimeDep,
    guest: KnownGuestDep,
    session: SessionDep,
    now: NowDep,
    slot: SlotForm = "",
) -> Response:
    viewer = guest.require_answer()
    dossier = await own_dossier(session, viewer, lock=True)
    if not slot:
        return await _hours(request, session, dossier, now=now, status=422, error="missing")
    chosen = read_key(slot, zone=dossier.zone)
    if chosen.starts_at != dossier.appointment.starts_at:
        try:
            async with session.begin_nested():
                await ask_another_hour(
                    session,
                    operator=runtime.operator,
                    dossier=dossier,
                    starts_at=chosen.starts_at,
                    doctor_id=chosen.doctor_id,
                    actor=viewer.actor,
                    now=now,
                )
        except (SlotTaken, NoticeImpossible):
            dossier = await own_dossier(session, viewer)
            return await _hours(request, session, dossier, now=now, status=409, error="taken")
    return see_other(
        request, paths.HOME, text=mark("Votre nouvelle heure est enregistrée. Vous la recevez aussi par message.")
    )


async def _hours(
    request: Request,
    session: AsyncSession,
    dossier: Dossier,
    *,
    now: datetime,
    status: int = 200,
    error: str = "",
) -> Response:
    zone = dossier.appointment.zone
    days = [
        {
            "day": each.day,
            "hours": [{"value": key_of(offer), "starts_at": offer.starts_at, "zone": zone} for offer in each.offers],
        }
        for each in await other_hours(session, dossier, now=now)
    ]
    return insured_page(
        request,
        "insured/other_hour.html",
        dossier,
        now=now,
        status=status,
        path=paths.OTHER_HOUR,
        days=days,
        chosen="",
        error=error,
    )
