"""The doctor's private notes, saved as they are typed. They are in this page and in no other (PROMISES P13)."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from telecontrol.accounts.access import Action, Kind
from telecontrol.errors import Conflict
from telecontrol.reports.notes import LONGEST, read_note, save_note
from telecontrol.scheduling.doctor_day import own_dossier
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, RuntimeDep, SessionDep
from telecontrol.web.errors import wants_json
from telecontrol.web.pages.doctor.frame import counts_of, doctor_page, person_of
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import DoctorDep

pages = APIRouter()


@pages.post(paths.room("{appointment_id}", "notes"))
async def save(
    request: Request,
    runtime: RuntimeDep,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    appointment_id: uuid.UUID,
    text: Annotated[str, Form(max_length=LONGEST)] = "",
    revision: Annotated[int, Form(ge=0)] = 0,
) -> Response:
    """Save what stands in the editor, which was opened at `revision`. A script gets JSON, a browser the page.

    When another window saved meanwhile, both texts are shown and the doctor chooses: 409 `note_changed`, with the text that
    is kept and its revision.
    """
    staff.viewer.require(Action.CHANGE, Kind.NOTES)
    # A form writes its lines as on a typewriter, a script as they are.
    text = text.replace("\r\n", "\n")
    dossier = await own_dossier(session, staff.viewer, appointment_id)
    sealer = runtime.operator.notes
    try:
        note = await save_note(
            session,
            sealer=sealer,
            appointment_id=appointment_id,
            user=staff.user,
            text=text,
            revision=revision,
            now=now,
        )
    except Conflict as error:
        if error.code != "note_changed":
            raise
        kept = await read_note(session, sealer=sealer, appointment_id=appointment_id, user=staff.user)
        if wants_json(request):
            body = {"code": error.code, "revision": kept.revision, "text": kept.text}
            return JSONResponse(body, status_code=409)
        return doctor_page(
            request,
            "notes_conflict.html",
            staff,
            now=now,
            status=409,
            place="today",
            counts=await counts_of(session, staff.viewer, now=now),
            action=paths.room(str(appointment_id), "notes"),
            back_href=paths.room(str(appointment_id)),
            person=person_of(dossier.insured),
            kept=kept.text,
            revision=kept.revision,
            typed=text,
        )
    if wants_json(request):
        return JSONResponse({"revision": note.revision, "saved_at": now.isoformat()})
    return see_other(request, paths.room(str(appointment_id)), text="Vos notes sont enregistrées et scellées.")
