"""Controls over the API: ask for one, follow it."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.api_keys import Scope
from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.queries import find_by_external_reference, find_control, list_controls
from telecontrol.controls.request_data import NewControl, NewInsured
from telecontrol.controls.requests import request_control
from telecontrol.controls.states import ControlState
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.outbox import queries as outbox
from telecontrol.outbox.models import Intent
from telecontrol.reports import queries as reports
from telecontrol.reports.models import Report
from telecontrol.reports.wording import label
from telecontrol.scheduling.queries import appointments_of
from telecontrol.web.api.bodies import (
    PROBLEMS,
    AppointmentOut,
    ConclusionOut,
    ControlDetail,
    ControlIn,
    ControlList,
    ControlOut,
    MessageList,
    MessageOut,
    ReportList,
    ReportOut,
)
from telecontrol.web.api.door import IdempotencyKey, key_with, once
from telecontrol.web.dates import masked_email, masked_phone
from telecontrol.web.dependencies import NowDep, ReadingDep, SessionDep

routes = APIRouter(tags=["controls"], responses=PROBLEMS)
Reader = Annotated[Viewer, Depends(key_with(Scope.CONTROLS_READ))]
Writer = Annotated[Viewer, Depends(key_with(Scope.CONTROLS_WRITE))]


@routes.post("/controls", status_code=201, response_model=ControlOut)
async def ask(
    request: Request,
    viewer: Writer,
    session: SessionDep,
    now: NowDep,
    body: ControlIn,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Ask for a control. Your number again for the same request answers 409 (`control_exists`) with its `control_id`."""

    async def work(session: AsyncSession) -> tuple[int, ControlOut]:
        organisation = await session.get(Organisation, viewer.organisation_id)
        assert organisation is not None
        control = await request_control(
            session,
            organisation=organisation,
            insurer=await _insurer(session, body.insurer),
            request=_new(body),
            actor=viewer.actor,
            now=now,
        )
        return 201, ControlOut.of(control)

    return await once(request, session, viewer, idempotency_key, now, work)


@routes.get("/controls")
async def listed(
    viewer: Reader,
    session: ReadingDep,
    state: Annotated[list[ControlState] | None, Query()] = None,
    external_reference: Annotated[str | None, Query(max_length=80)] = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ControlList:
    """Your controls, newest request first; by state, or the one with your number."""
    if external_reference is not None:
        try:
            found = [await find_by_external_reference(session, viewer, external_reference)]
        except NotFound:
            found = []
        return ControlList(controls=[ControlOut.of(row) for row in found], after=None)
    page = await list_controls(session, viewer, states=state or (), after=after, limit=limit)
    return ControlList(controls=[ControlOut.of(row) for row in page.controls], after=page.after)


@routes.get("/controls/{control_id}")
async def one(viewer: Reader, session: ReadingDep, control_id: uuid.UUID) -> ControlDetail:
    """A control with its appointments and, once there is one, its conclusion in administrative words."""
    control = await find_control(session, viewer, control_id)
    conclusions = await reports.conclusions_of(session, viewer, control_id)
    last = conclusions[-1] if conclusions else None
    return ControlDetail(
        **ControlOut.of(control).model_dump(),
        appointments=[AppointmentOut.of(row) for row in await appointments_of(session, control_id)],
        conclusion=None
        if last is None
        else ConclusionOut(
            id=last.id,
            appointment_id=last.appointment_id,
            result=last.result,
            words=label(last.result, language="fr"),
            event_at=last.event_at,
            signed_at=last.signed_at,
            examination_took_place=last.examination_took_place,
            content_hash=last.content_hash,
        ),
    )


@routes.get("/controls/{control_id}/messages")
async def messages(
    viewer: Annotated[Viewer, Depends(key_with(Scope.MESSAGES_READ))], session: ReadingDep, control_id: uuid.UUID
) -> MessageList:
    """Every message about a control and what became of it; never its text, its link or a whole address."""
    await find_control(session, viewer, control_id)
    stories = await outbox.of_control(session, control_id)
    told = [_message(story.intent, len(story.attempts)) for story in stories if story.intent.target in ("mail", "sms")]
    return MessageList(messages=told)


@routes.get("/controls/{control_id}/report")
async def report(
    viewer: Annotated[Viewer, Depends(key_with(Scope.REPORTS_READ))],
    session: ReadingDep,
    control_id: uuid.UUID,
) -> ReportList:
    """The 48-hour reports of a control: when each is due, whether it was sent and acknowledged. Proof, never content."""
    await find_control(session, viewer, control_id)
    rows = await session.scalars(select(Report).where(Report.control_id == control_id).order_by(Report.drafted_at))
    return ReportList(
        reports=[ReportOut(**{name: getattr(row, name) for name in ReportOut.model_fields}) for row in rows]
    )


def _new(body: ControlIn) -> NewControl:
    given = body.model_dump(exclude={"insurer", "insured"})
    return NewControl(**given, insured=NewInsured(**body.insured.model_dump()))


async def _insurer(session: AsyncSession, code: str) -> Insurer:
    found: Insurer | None = await session.scalar(select(Insurer).where(Insurer.code == code, Insurer.is_active))
    if found is None:
        raise InvalidInput("no insurer with this code", field="insurer", code="insurer_unknown")
    return found


def _message(intent: Intent, attempts: int) -> MessageOut:
    return MessageOut(
        id=intent.id,
        kind=intent.kind,
        channel=intent.channel,
        recipient=(masked_email if "@" in intent.recipient else masked_phone)(intent.recipient),
        version=intent.version,
        state=intent.state,
        delivery=intent.delivery,
        not_before=intent.not_before,
        not_after=intent.not_after,
        accepted_at=intent.accepted_at,
        failure_code=intent.failure_code,
        attempts=attempts,
        content_hash=intent.content_hash,
    )
