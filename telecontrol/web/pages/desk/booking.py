"""Booking and moving from the desk: what a handler chose, done or refused. The page itself is `booking_page`'s."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode
from telecontrol.controls.queries import find_control
from telecontrol.controls.states import AWAITS_BOOKING
from telecontrol.errors import InvalidInput, NoticeImpossible, SlotTaken, WrongState
from telecontrol.scheduling.booking import book, move
from telecontrol.scheduling.conditions import Waiver
from telecontrol.scheduling.dossier import Dossier, load_control, load_dossier
from telecontrol.scheduling.freeing import current_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.web import dates, paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.i18n import mark
from telecontrol.web.pages.desk.booking_page import Asked, booking_page
from telecontrol.web.rendering import language_of, see_other, templates_of
from telecontrol.web.staff_door import HandlerDep, Staff
from telecontrol.worker import Runtime

pages = APIRouter()
_BOOKED = mark(
    "Rendez-vous réservé. La convocation part dans deux minutes : jusque-là, annuler ne laisse aucune trace chez l'assuré."
)
_MOVED = mark("Rendez-vous déplacé. Le changement part sur chaque moyen de contact.")
_PLANNED = mark("Rien n'a été réservé : ce contrôle est déjà planifié le {when}.")
_NOT_TO_BOOK = mark("Ce contrôle n'est pas à planifier. Voici où il en est.")
_NOT_TO_MOVE = mark("Il n'y a pas de rendez-vous à déplacer. Voici où en est ce contrôle.")


@pages.get(paths.control("{control_id}", "book"))
@pages.get(paths.control("{control_id}", "move"))
async def choose(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: ReadingDep,
    now: NowDep,
    control_id: uuid.UUID,
    mode: Annotated[Mode | None, Query()] = None,
    since: Annotated[str, Query(max_length=20)] = "",
    before: Annotated[str, Query(max_length=20)] = "",
    doctor: Annotated[str, Query(max_length=40)] = "",
    waive: Annotated[bool, Query()] = False,
    site: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    asked = Asked(
        moving=_is_move(request), mode=mode, since=since, before=before, doctor=doctor, site=site, waive=waive
    )
    await find_control(session, staff.viewer, control_id)
    control = await load_control(session, control_id)
    dossier = await current_dossier(session, control)
    if not _is_possible(control, dossier, moving=asked.moving, now=now):
        return _elsewhere(request, control, dossier, moving=asked.moving)
    return await booking_page(request, runtime, session, staff, control, dossier, asked, now=now)


@pages.post(paths.control("{control_id}", "book"))
@pages.post(paths.control("{control_id}", "move"))
async def chosen(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    control_id: uuid.UUID,
    slot: Annotated[str, Form(max_length=200)] = "",
    mode: Annotated[Mode | None, Form()] = None,
    since: Annotated[str, Form(max_length=20)] = "",
    doctor: Annotated[str, Form(max_length=40)] = "",
    site: Annotated[str, Form(max_length=40)] = "",
    waiver_reason: Annotated[str, Form(max_length=2000)] = "",
    waive: Annotated[bool, Form()] = False,
) -> Response:
    moving = _is_move(request)
    await find_control(session, staff.viewer, control_id)
    waiver = Waiver(staff.user.id, waiver_reason) if waive else None
    try:
        starts_at, doctor_id, site_id = _read(slot)
        async with session.begin_nested():
            await _act(
                session,
                runtime,
                staff,
                control_id,
                moving=moving,
                starts_at=starts_at,
                doctor_id=doctor_id,
                site_id=site_id,
                mode=mode,
                waiver=waiver,
                now=now,
            )
    except WrongState:
        session.expire_all()
        control = await load_control(session, control_id)
        return _elsewhere(request, control, await current_dossier(session, control), moving=moving)
    except (SlotTaken, NoticeImpossible, InvalidInput) as error:
        session.expire_all()
        control = await load_control(session, control_id)
        asked = Asked(moving=moving, mode=mode, since=since, doctor=doctor, site=site, waive=waive)
        return await booking_page(
            request,
            runtime,
            session,
            staff,
            control,
            await current_dossier(session, control),
            asked,
            now=now,
            status=422 if isinstance(error, InvalidInput) else 409,
            error=error.code,
            chosen=slot,
            waiver_reason=waiver_reason,
        )
    return see_other(request, paths.control(str(control_id)), text=_MOVED if moving else _BOOKED)


def _is_move(request: Request) -> bool:
    return request.url.path.endswith("/move")


def _is_possible(control: Control, dossier: Dossier | None, *, moving: bool, now: datetime) -> bool:
    if not moving:
        return control.state in AWAITS_BOOKING
    return dossier is not None and _stands(dossier.appointment) and now < dossier.appointment.starts_at


def _stands(appointment: Appointment) -> bool:
    return appointment.state is AppointmentState.BOOKED


def _elsewhere(request: Request, control: Control, dossier: Dossier | None, *, moving: bool) -> Response:
    """To the control's page, with what stands in the way: a colleague booked it, or *back* was pressed after booking."""
    where = paths.control(str(control.id))
    if moving:
        return see_other(request, where, tone="warning", text=_NOT_TO_MOVE)
    if dossier is None or not _stands(dossier.appointment):
        return see_other(request, where, tone="warning", text=_NOT_TO_BOOK)
    translator = templates_of(request).translators[language_of(request)]
    appointment = dossier.appointment
    when = dates.moment(appointment.starts_at, translator, zone=appointment.zone)
    return see_other(request, where, tone="warning", text=_PLANNED, when=when)


async def _act(
    session: AsyncSession,
    runtime: Runtime,
    staff: Staff,
    control_id: uuid.UUID,
    *,
    moving: bool,
    starts_at: datetime,
    doctor_id: uuid.UUID,
    site_id: uuid.UUID | None,
    mode: Mode | None,
    waiver: Waiver | None,
    now: datetime,
) -> None:
    if not moving:
        control = await load_control(session, control_id, lock=True)
        dossier = await current_dossier(session, control)
        if dossier is not None and control.state not in AWAITS_BOOKING:
            known = dossier.appointment
            if (known.starts_at, known.doctor_id, known.state) == (starts_at, doctor_id, AppointmentState.BOOKED):
                return  # the same form, sent twice
        await book(
            session,
            control_id=control_id,
            doctor_id=doctor_id,
            starts_at=starts_at,
            mode=mode,
            site_id=site_id,
            operator=runtime.operator,
            actor=staff.actor,
            now=now,
            waiver=waiver,
        )
        return
    control = await load_control(session, control_id, lock=True)
    dossier = await current_dossier(session, control)
    if dossier is None:
        raise WrongState("there is no appointment to move")
    await move(
        session,
        dossier=await load_dossier(session, dossier.appointment.id, lock=True),
        starts_at=starts_at,
        doctor_id=doctor_id,
        site_id=site_id,
        operator=runtime.operator,
        actor=staff.actor,
        now=now,
        waiver=waiver,
    )


def _read(slot: str) -> tuple[datetime, uuid.UUID, uuid.UUID | None]:
    try:
        at, doctor, site = slot.split("|")
        starts_at, doctor_id, site_id = datetime.fromisoformat(at), uuid.UUID(doctor), uuid.UUID(site) if site else None
    except ValueError:
        raise InvalidInput("choose a slot", field="slot", code="slot_missing") from None
    if starts_at.tzinfo is None:
        raise InvalidInput("a slot says its offset", field="slot", code="slot_missing")
    return starts_at, doctor_id, site_id
