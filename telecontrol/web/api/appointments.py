"""Appointments over the API: book, move, cancel, answer for the insured, conclude."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.api_keys import Scope
from telecontrol.accounts.models import StaffUser
from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.queries import find_control
from telecontrol.controls.results import CONSEQUENCES, Result
from telecontrol.controls.states import Act
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.reports.circumstances import Circumstances, Statement, WaitedHow
from telecontrol.reports.conclusions import conclude
from telecontrol.reports.wording import label
from telecontrol.scheduling import answers
from telecontrol.scheduling.booking import book, move
from telecontrol.scheduling.deadlines import first_bookable_start
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.freeing import cancel
from telecontrol.scheduling.models import Appointment
from telecontrol.scheduling.queries import require_visible
from telecontrol.web.api.bodies import (
    PROBLEMS,
    AnswerIn,
    AnswerKind,
    AppointmentIn,
    AppointmentOut,
    CancelIn,
    ConclusionIn,
    ConclusionOut,
    MoveIn,
)
from telecontrol.web.api.door import IdempotencyKey, key_with, once
from telecontrol.web.api.slots import fresh_slots
from telecontrol.web.dependencies import NowDep, RuntimeDep, SessionDep
from telecontrol.worker import Runtime

routes = APIRouter(tags=["appointments"], responses=PROBLEMS, prefix="/appointments")
Writer = Annotated[Viewer, Depends(key_with(Scope.APPOINTMENTS_WRITE))]
Concluder = Annotated[Viewer, Depends(key_with(Scope.CONCLUSIONS_WRITE))]
_FRESH = 10


@routes.post("", status_code=201, response_model=AppointmentOut)
async def booked(
    request: Request,
    runtime: RuntimeDep,
    viewer: Writer,
    session: SessionDep,
    now: NowDep,
    body: AppointmentIn,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Book a control. The invitation leaves at once, in the open window. 409 `slot_taken` carries fresh `slots`, 409
    `notice_impossible` the `first_possible` start."""
    offer_instead(request, runtime, viewer, body.control_id, body, now)

    async def work(session: AsyncSession) -> tuple[int, AppointmentOut]:
        await find_control(session, viewer, body.control_id)
        appointment = await book(
            session,
            operator=runtime.operator,
            **body.model_dump(),
            actor=viewer.actor,
            now=now,
            hold=timedelta(0),
        )
        return 201, AppointmentOut.of(appointment)

    return await once(request, session, viewer, idempotency_key, now, work)


@routes.post("/{appointment_id}/move", response_model=AppointmentOut)
async def moved(
    request: Request,
    runtime: RuntimeDep,
    viewer: Writer,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
    body: MoveIn,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Move to another hour, doctor or site before it begins; whoever knew the old hour is told of the change."""

    async def work(session: AsyncSession) -> tuple[int, AppointmentOut]:
        dossier = await _dossier(session, viewer, appointment_id)
        offer_instead(request, runtime, viewer, dossier.control.id, body, now)
        appointment = await move(
            session, operator=runtime.operator, dossier=dossier, **body.model_dump(), actor=viewer.actor, now=now
        )
        return 200, AppointmentOut.of(appointment)

    return await once(request, session, viewer, idempotency_key, now, work)


@routes.post("/{appointment_id}/cancel", response_model=AppointmentOut)
async def cancelled(
    request: Request,
    runtime: RuntimeDep,
    viewer: Writer,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
    body: CancelIn,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Give the appointment up before it begins; the control is to be booked again, or ends with `ends_control`. From its start
    on: 409 `already_begun`, as for a move."""

    async def work(session: AsyncSession) -> tuple[int, AppointmentOut]:
        dossier = await _dossier(session, viewer, appointment_id)
        await cancel(
            session,
            operator=runtime.operator,
            dossier=dossier,
            actor=viewer.actor,
            now=now,
            then=Act.CANCEL if body.ends_control else Act.RELEASE,
            reason=body.reason,
        )
        return 200, AppointmentOut.of(dossier.appointment)

    return await once(request, session, viewer, idempotency_key, now, work)


@routes.post("/{appointment_id}/answer", response_model=AppointmentOut)
async def answered(
    request: Request,
    runtime: RuntimeDep,
    viewer: Writer,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
    body: AnswerIn,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Record what the insured told you. Declining video is free and is never held against anybody."""

    async def work(session: AsyncSession) -> tuple[int, AppointmentOut]:
        dossier = await _dossier(session, viewer, appointment_id)
        offer_instead(request, runtime, viewer, dossier.control.id, body, now)
        return 200, AppointmentOut.of(await _answer(session, runtime, dossier, viewer, body, now))

    return await once(request, session, viewer, idempotency_key, now, work)


@routes.post("/{appointment_id}/conclusion", status_code=201, response_model=ConclusionOut)
async def concluded(
    request: Request,
    runtime: RuntimeDep,
    viewer: Concluder,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
    body: ConclusionIn,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Record the conclusion that the appointment's doctor signed in your system. A report that is owed leaves at once.

    What was not recorded here (a call held elsewhere, a wait) is told in the report as your system's statement.
    """

    async def work(session: AsyncSession) -> tuple[int, ConclusionOut]:
        dossier = await _dossier(session, viewer, appointment_id)
        user = await _signer(session, dossier, body.signed_by_rpps)
        done = await conclude(
            session,
            operator=runtime.operator,
            dossier=dossier,
            user=user,
            result=body.result,
            circumstances=_stated(body),
            event_at=body.event_at,
            by_phone=body.by_phone,
            actor=viewer.actor,
            now=now,
        )
        row = done.conclusion
        values = {name: getattr(row, name) for name in ConclusionOut.model_fields if name != "words"}
        return 201, ConclusionOut(**values, words=label(row.result, language="fr"))

    return await once(request, session, viewer, idempotency_key, now, work)


async def _dossier(session: AsyncSession, viewer: Viewer, appointment_id: uuid.UUID) -> Dossier:
    await require_visible(session, viewer, appointment_id)
    return await load_dossier(session, appointment_id, lock=True)


def _stated(body: ConclusionIn) -> Circumstances:
    """What the caller says; where this service has a record of its own, that holds instead."""
    is_absence = body.result is Result.UNEXCUSED_ABSENCE
    is_of_person = CONSEQUENCES[body.result].meets_person or body.result is Result.NEEDS_PHYSICAL_EXAMINATION
    return Circumstances(
        identity_document=body.identity_document,
        arrived_at=body.arrived_at,
        seen_without_record=Statement.OWN_SYSTEM if body.seen and is_of_person and not body.by_phone else None,
        waited_until=body.waited_until,
        waited_how=WaitedHow.OWN_SYSTEM if is_absence else None,
        calls_made_at=tuple(body.calls_made_at),
        remark=body.remark,
    )


async def _signer(session: AsyncSession, dossier: Dossier, rpps: str) -> StaffUser:
    if rpps != dossier.doctor.rpps:
        raise InvalidInput("only the doctor of the appointment signs", field="signed_by_rpps", code="not_the_doctor")
    user = None if dossier.doctor.user_id is None else await session.get(StaffUser, dossier.doctor.user_id)
    if user is None:
        raise WrongState("this doctor has no account here to sign with", code="doctor_without_account")
    return user


async def _answer(
    session: AsyncSession, runtime: Runtime, dossier: Dossier, viewer: Viewer, body: AnswerIn, now: datetime
) -> Appointment:
    operator, actor = runtime.operator, viewer.actor
    match body.answer:
        case AnswerKind.DECLINE_VIDEO:
            return await answers.decline_video(session, operator=operator, dossier=dossier, actor=actor, now=now)
        case AnswerKind.UNDO_DECLINE:
            return await answers.undo_decline(session, operator=operator, dossier=dossier, actor=actor, now=now)
        case AnswerKind.CANNOT_COME:
            if body.reason is None:
                raise InvalidInput("choose a reason from the list", field="reason", code="reason_missing")
            return await answers.announce_absence(
                session, operator=operator, dossier=dossier, reason=body.reason, actor=actor, now=now
            )
        case AnswerKind.WITHDRAW_ABSENCE:
            return await answers.withdraw_absence(session, dossier=dossier, actor=actor, now=now)
        case AnswerKind.ANOTHER_HOUR:
            if body.starts_at is None:
                raise InvalidInput("say which hour", field="starts_at", code="hour_missing")
            return await answers.ask_another_hour(
                session,
                operator=operator,
                dossier=dossier,
                starts_at=body.starts_at,
                doctor_id=body.doctor_id or dossier.doctor.id,
                actor=actor,
                now=now,
            )


def offer_instead(
    request: Request, runtime: Runtime, viewer: Viewer, control_id: uuid.UUID, body: object, now: datetime
) -> None:
    """Prepare what a refusal for a taken slot adds: fresh slots, read once the refused transaction is over."""

    async def slots() -> list[dict[str, object]]:
        async with runtime.database.reading() as session:
            control = await find_control(session, viewer, control_id)
            first = first_bookable_start(now, ZoneInfo(control.insured.zone), hold=timedelta(0))
            found = await fresh_slots(
                session,
                control,
                mode=getattr(body, "mode", None),
                first_at=max(first, getattr(body, "starts_at", None) or first),
                last_at=first + timedelta(days=28),
                limit=_FRESH,
            )
        return [slot.model_dump(mode="json") for slot in found]

    request.state.fresh_slots = slots
