"""Concluding: the form, what is about to be signed with what each reader will read, and the signature (`DOMAIN.md` §5)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.background import BackgroundTask
from starlette.responses import Response

from telecontrol.accounts import signature
from telecontrol.accounts.access import Action, Kind
from telecontrol.accounts.sign_in import Refused, Throttled
from telecontrol.controls.results import Result
from telecontrol.errors import Conflict, InvalidInput, TelecontrolError
from telecontrol.reports.absences import waited_until
from telecontrol.reports.circumstances import Circumstances, IdentityDocument, Statement, WaitedHow
from telecontrol.reports.conclusions import conclude, conclusion_of
from telecontrol.reports.preview import preview
from telecontrol.scheduling.attendance import note_document, noted
from telecontrol.scheduling.doctor_day import own_dossier
from telecontrol.scheduling.dossier import Dossier
from telecontrol.video.rooms import close_room
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, RuntimeDep, SessionDep
from telecontrol.web.pages.doctor.frame import is_partial, language_for
from telecontrol.web.pages.doctor.refusals import RoomRoute, said_of
from telecontrol.web.pages.doctor.room import show_room
from telecontrol.web.pages.doctor.scene import as_circumstances
from telecontrol.web.pages.doctor.signing import Draft, review_parts
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import DoctorDep, Staff
from telecontrol.worker import Runtime

pages = APIRouter(route_class=RoomRoute)

Text = Annotated[str, Form(max_length=2000)]


@pages.post(paths.room("{appointment_id}", "conclude"))
async def show_or_sign(
    request: Request,
    runtime: RuntimeDep,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
    result: Text = "",
    identity_document: Text = "",
    remark: Text = "",
    by_phone: Text = "",
    close_control: Text = "",
    seen: Text = "",
    waited_how: Text = "",
    event_at: Text = "",
    step: Text = "review",
    password: Annotated[str, Form(max_length=1024)] = "",
) -> Response:
    """`step`: `review` shows what would be signed, `edit` goes back to the form, `sign` signs with the password."""
    staff.viewer.require(Action.CONCLUDE, Kind.CONCLUSION, "administrative")
    dossier = await own_dossier(session, staff.viewer, appointment_id, lock=True)
    draft = Draft(
        result=result,
        document=identity_document,
        remark=remark,
        by_phone=bool(by_phone),
        close_control=bool(close_control),
        seen=bool(seen),
        waited_how=waited_how,
    )
    if step == "edit":
        return await _form(request, runtime, staff, session, dossier, draft, now=now)
    try:
        wanted = _result(draft)
        facts = await _circumstances(session, staff, dossier, wanted, draft, now=now)
        if step == "sign":
            at = _instant(event_at)
            return await _sign(request, runtime, staff, session, dossier, wanted, facts, draft, at, password, now=now)
        return await _review(request, runtime, staff, session, dossier, wanted, facts, draft, None, now=now)
    except (InvalidInput, Conflict) as error:
        return await _refused(request, runtime, staff, session, appointment_id, draft, error, now=now)


async def _sign(
    request: Request,
    runtime: Runtime,
    staff: Staff,
    session: AsyncSession,
    dossier: Dossier,
    result: Result,
    facts: Circumstances,
    draft: Draft,
    event_at: datetime | None,
    password: str,
    *,
    now: datetime,
) -> Response:
    refusal = await signature.prove(session, staff.user, password, now=now)
    if refusal is not None:
        return await _review(
            request, runtime, staff, session, dossier, result, facts, draft, event_at, now=now, refusal=refusal
        )
    appointment_id = dossier.appointment.id
    # A refusal takes back what was written so far, and nothing else.
    async with session.begin_nested():
        await conclude(
            session,
            operator=runtime.operator,
            dossier=dossier,
            user=staff.user,
            result=result,
            circumstances=facts,
            event_at=event_at,
            by_phone=draft.by_phone,
            close_control=draft.close_control,
            actor=staff.actor,
            now=now,
        )
    room_id = await close_room(session, subject_id=appointment_id, now=now)
    address = paths.room(str(appointment_id))
    response = see_other(request, address, text="La conclusion est signée.")
    if is_partial(request):
        # The whole page follows: the call is over for both.
        response = _followed(response, address)
    if room_id is not None:
        response.background = BackgroundTask(request.app.state.video.close_room, room_id)
    return response


async def _review(
    request: Request,
    runtime: Runtime,
    staff: Staff,
    session: AsyncSession,
    dossier: Dossier,
    result: Result,
    facts: Circumstances,
    draft: Draft,
    event_at: datetime | None,
    *,
    now: datetime,
    refusal: Refused | Throttled | None = None,
) -> Response:
    appointment_id = dossier.appointment.id
    if await conclusion_of(session, appointment_id) is not None:
        return see_other(request, paths.room(str(appointment_id)), tone="info", text="Ce rendez-vous est déjà conclu.")
    seen = await preview(
        session,
        operator=runtime.operator,
        dossier=dossier,
        user=staff.user,
        result=result,
        circumstances=facts,
        event_at=event_at,
        by_phone=draft.by_phone,
        close_control=draft.close_control,
        actor=staff.actor,
        now=now,
    )
    dossier = await own_dossier(session, staff.viewer, appointment_id)
    review = review_parts(
        seen,
        draft,
        dossier,
        language=language_for(request, staff),
        now=now,
        refused=isinstance(refusal, Refused),
        wait_seconds=refusal.retry_after if isinstance(refusal, Throttled) else 0,
    )
    status = {Refused: 403, Throttled: 429}.get(type(refusal), 200)
    return await show_room(
        request,
        runtime,
        staff,
        session,
        dossier,
        now=now,
        # A part of the page shows what it is given only when the answer is a success.
        status=200 if is_partial(request) else status,
        draft=draft,
        review=review,
    )


async def _form(
    request: Request,
    runtime: Runtime,
    staff: Staff,
    session: AsyncSession,
    dossier: Dossier,
    draft: Draft,
    *,
    now: datetime,
    status: int = 200,
    problem: str = "",
) -> Response:
    return await show_room(
        request,
        runtime,
        staff,
        session,
        dossier,
        now=now,
        status=200 if is_partial(request) else status,
        draft=draft,
        problem=problem,
    )


async def _refused(
    request: Request,
    runtime: Runtime,
    staff: Staff,
    session: AsyncSession,
    appointment_id: uuid.UUID,
    draft: Draft,
    error: TelecontrolError,
    *,
    now: datetime,
) -> Response:
    """The form again, with what was typed and what stands against it."""
    session.expunge_all()
    dossier = await own_dossier(session, staff.viewer, appointment_id)
    field = (error.field or "") if isinstance(error, InvalidInput) else ""
    typed = replace(draft, field=field, code=error.code)
    status = 422 if isinstance(error, InvalidInput) else 409
    return await _form(request, runtime, staff, session, dossier, typed, now=now, status=status, problem=said_of(error))


async def _circumstances(
    session: AsyncSession, staff: Staff, dossier: Dossier, result: Result, draft: Draft, *, now: datetime
) -> Circumstances:
    """What was noted, with what the form says: a document chosen there is noted like the others, with its time."""
    shown = _document(draft)
    wrote = await noted(session, dossier)
    if (
        draft.document
        and wrote.document != draft.document
        and await conclusion_of(session, dossier.appointment.id) is None
    ):
        await note_document(session, dossier, document=draft.document, actor=staff.actor, now=now)
    facts = as_circumstances(wrote, remark=draft.remark, document=shown)
    if result is not Result.UNEXCUSED_ABSENCE:
        return replace(facts, seen_without_record=Statement.DOCTOR if draft.seen else None)
    until = waited_until(dossier)
    return replace(
        facts,
        identity_document=IdentityDocument.NOT_SHOWN,
        waited_until=until if until <= now else None,
        waited_how=_waited_how(draft),
    )


def _result(draft: Draft) -> Result:
    try:
        return Result(draft.result)
    except ValueError:
        raise InvalidInput("no such result", field="result", code="result_missing") from None


def _document(draft: Draft) -> IdentityDocument | None:
    if not draft.document:
        return None
    try:
        return IdentityDocument(draft.document)
    except ValueError:
        raise InvalidInput("no such document", field="identity_document", code="kind_missing") from None


def _waited_how(draft: Draft) -> WaitedHow | None:
    if draft.waited_how in (WaitedHow.BY_PHONE, WaitedHow.OTHERWISE):
        return WaitedHow(draft.waited_how)
    return None


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("not an instant", field="event_at", code="not_the_fact") from None


def _followed(response: Response, address: str) -> Response:
    """The same answer for a part of the page: the browser goes there."""
    response.status_code = 200
    response.headers["HX-Redirect"] = address
    del response.headers["location"]
    return response
