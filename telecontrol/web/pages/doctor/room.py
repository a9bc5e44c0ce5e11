"""The room of an appointment: who waits, the call (or the place), what happened, the dossier and the conclusion."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.background import BackgroundTask
from starlette.responses import Response

from telecontrol.accounts.access import Action, Kind
from telecontrol.controls.policies import Mode
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.reports.circumstances import IdentityDocument
from telecontrol.reports.notes import read_note
from telecontrol.scheduling import attendance
from telecontrol.scheduling.doctor_day import own_dossier
from telecontrol.scheduling.dossier import Dossier
from telecontrol.video.attendance import timeline
from telecontrol.video.desk import CallDesk
from telecontrol.video.models import Role
from telecontrol.web import paths
from telecontrol.web.calls import ticket_answer
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.i18n import mark
from telecontrol.web.pages.doctor.connection_log import LogLine, told_log
from telecontrol.web.pages.doctor.frame import appointment_of, counts_of, doctor_page, language_for, row_of, told
from telecontrol.web.pages.doctor.refusals import RoomRoute
from telecontrol.web.pages.doctor.scene import before_of, call_of, dossier_of, live_parts, set_scene
from telecontrol.web.pages.doctor.signing import Draft, form_parts, signed_parts
from telecontrol.web.rendering import see_other, templates_of
from telecontrol.web.staff_door import DoctorDep, Staff
from telecontrol.worker import Runtime

pages = APIRouter(route_class=RoomRoute)

ROOM = paths.room("{appointment_id}")


async def _evidence_written(request: Request) -> None:
    """Before the request's transaction: on SQLite the evidence waits for the same lock."""
    provider: CallDesk = request.app.state.video
    await provider.evidence_written()


_AFTER_EVIDENCE = [Depends(_evidence_written)]


@pages.get(ROOM)
async def show(
    request: Request,
    runtime: RuntimeDep,
    staff: DoctorDep,
    session: ReadingDep,
    now: NowDep,
    appointment_id: uuid.UUID,
) -> Response:
    dossier = await own_dossier(session, staff.viewer, appointment_id)
    return await show_room(request, runtime, staff, session, dossier, now=now)


async def show_room(
    request: Request,
    runtime: Runtime,
    staff: Staff,
    session: AsyncSession,
    dossier: Dossier,
    *,
    now: datetime,
    status: int = 200,
    draft: Draft | None = None,
    review: dict[str, Any] | None = None,
    problem: str = "",
) -> Response:
    """The room's page. `draft` is what the conclusion's form holds, `review` what is about to be signed, `problem` what
    stands against it (a sentence of the catalogue)."""
    scene = await set_scene(session, staff, dossier, now=now)
    conclusion = scene.conclusion
    staff.viewer.require(Action.READ, Kind.NOTES)
    note = await read_note(
        session, sealer=runtime.operator.notes, appointment_id=dossier.appointment.id, user=staff.user
    )
    upcoming = scene.day.next_up(now=now, after=dossier.appointment.id)
    language = language_for(request, staff)
    opens_at, _ = attendance.room_hours(dossier)
    may_conclude = scene.is_open and now >= opens_at
    return doctor_page(
        request,
        "room.html",
        staff,
        now=now,
        status=status,
        place="today",
        counts=await counts_of(session, staff.viewer, now=now),
        dossier=dossier_of(dossier),
        before=await before_of(session, staff, dossier),
        call=call_of(request, runtime, scene, now=now),
        opens_at=opens_at,
        note={"text": note.text, "revision": note.revision, "saved_at": note.updated_at},
        conclusion=None if conclusion is None else signed_parts(conclusion, dossier, language=language),
        form=form_parts(scene, draft, language=language) if may_conclude else None,
        review=review,
        connection_log=await _log_of(request, session, dossier, language) if may_conclude else [],
        problem=told(request, staff, problem),
        next_row=row_of(upcoming, scene.day, now=now) if upcoming else None,
        **live_parts(request, scene, now=now),
    )


async def _log_of(request: Request, session: AsyncSession, dossier: Dossier, language: str) -> list[LogLine]:
    """What the call's own record says, where there was a call."""
    if dossier.appointment.mode is not Mode.VIDEO:
        return []
    events = await timeline(session, subject_id=dossier.appointment.id)
    return told_log(events, templates_of(request).translators[language])


@pages.get(paths.room("{appointment_id}", "waiting"))
async def refresh(
    request: Request, staff: DoctorDep, session: ReadingDep, now: NowDep, appointment_id: uuid.UUID
) -> Response:
    """The parts of the room that change by themselves, asked for every 10 s and whenever the call says something."""
    dossier = await own_dossier(session, staff.viewer, appointment_id)
    scene = await set_scene(session, staff, dossier, now=now)
    return doctor_page(
        request, "_live.html", staff, now=now, place="today", counts={}, **live_parts(request, scene, now=now)
    )


@pages.get(paths.room("{appointment_id}", "log"))
async def connection_log(
    request: Request, staff: DoctorDep, session: ReadingDep, now: NowDep, appointment_id: uuid.UUID
) -> Response:
    """The call's record as it stands, asked for when the doctor chooses a result."""
    dossier = await own_dossier(session, staff.viewer, appointment_id)
    return doctor_page(
        request,
        "_connection_log.html",
        staff,
        now=now,
        place="today",
        counts={},
        appointment=appointment_of(dossier, now=now),
        connection_log=await _log_of(request, session, dossier, language_for(request, staff)),
    )


@pages.post(paths.room("{appointment_id}", "ticket"))
async def ticket(
    request: Request,
    runtime: RuntimeDep,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
) -> Response:
    """A ticket for the call's script, as JSON, each time the right to enter was looked at again."""
    staff.viewer.require(Action.JOIN, Kind.VIDEO, "live")
    dossier = await own_dossier(session, staff.viewer, appointment_id)
    opens_at, _ = attendance.room_hours(dossier)
    if now < opens_at:
        raise WrongState("the room is not open yet", code="room_not_open")
    room = await attendance.open_room(session, dossier, provider=runtime.settings.video_provider, now=now)
    identity = str(dossier.appointment.doctor_id)
    return JSONResponse(ticket_answer(request.app.state.video, room_id=room.id, role=Role.DOCTOR, identity=identity))


@pages.post(paths.room("{appointment_id}", "admit"), dependencies=_AFTER_EVIDENCE)
async def admit(
    request: Request, staff: DoctorDep, session: SessionDep, now: NowDep, appointment_id: uuid.UUID
) -> Response:
    dossier = await own_dossier(session, staff.viewer, appointment_id, lock=True)
    room_id = await attendance.admit(session, dossier, actor=staff.actor, now=now)
    response = _back(request, appointment_id)
    # Sent once the answer is on its way: by then the admission is committed.
    response.background = BackgroundTask(request.app.state.video.tell_admitted, room_id)
    return response


@pages.post(paths.room("{appointment_id}", "ask-to-wait"), dependencies=_AFTER_EVIDENCE)
async def ask_to_wait(
    request: Request,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
    minutes: Annotated[str, Form(max_length=4)] = "",
) -> Response:
    asked = int(minutes) if minutes.isascii() and minutes.isdigit() else 0
    dossier = await own_dossier(session, staff.viewer, appointment_id, lock=True)
    room_id = await attendance.ask_to_wait(session, dossier, minutes=asked, actor=staff.actor, now=now)
    response = _back(
        request, appointment_id, mark("L'assuré est prévenu : environ {minutes} min d'attente."), minutes=asked
    )
    response.background = BackgroundTask(request.app.state.video.tell_delay, room_id, minutes=asked)
    return response


@pages.post(paths.room("{appointment_id}", "receive"))
async def receive(
    request: Request, staff: DoctorDep, session: SessionDep, now: NowDep, appointment_id: uuid.UUID
) -> Response:
    """In person: the insured has come."""
    dossier = await own_dossier(session, staff.viewer, appointment_id, lock=True)
    await attendance.receive(session, dossier, actor=staff.actor, now=now)
    return _back(request, appointment_id, mark("L'arrivée de l'assuré est notée."))


@pages.post(paths.room("{appointment_id}", "phone-call"))
async def phone_call(
    request: Request,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
    answered: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    if answered not in ("yes", "no"):
        raise InvalidInput("answered or not", field="answered", code="kind_missing")
    dossier = await own_dossier(session, staff.viewer, appointment_id, lock=True)
    await attendance.note_call(session, dossier, is_answered=answered == "yes", actor=staff.actor, now=now)
    return _back(request, appointment_id, mark("L'appel est noté avec son heure."))


@pages.post(paths.room("{appointment_id}", "problem"))
async def technical_problem(
    request: Request,
    runtime: RuntimeDep,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
) -> Response:
    dossier = await own_dossier(session, staff.viewer, appointment_id, lock=True)
    provider = runtime.settings.video_provider
    await attendance.note_technical_problem(session, dossier, provider=provider, actor=staff.actor, now=now)
    return _back(request, appointment_id, mark("Le problème technique est noté : il n'y aura pas d'absence."))


@pages.post(paths.room("{appointment_id}", "document"))
async def document(
    request: Request,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
    identity_document: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Which kind of document was shown, kept as soon as it is chosen: never its number, never a picture."""
    if identity_document not in set(IdentityDocument):
        raise InvalidInput("an unknown kind of document", field="identity_document", code="kind_missing")
    dossier = await own_dossier(session, staff.viewer, appointment_id, lock=True)
    await attendance.note_document(session, dossier, document=identity_document, actor=staff.actor, now=now)
    return _back(request, appointment_id)


def _back(request: Request, appointment_id: uuid.UUID, text: str = "", **values: Any) -> Response:
    return see_other(request, paths.room(str(appointment_id)), text=text, **values)
