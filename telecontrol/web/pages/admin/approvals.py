"""The procedures that a doctor is approved for, each between two days."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.models import Doctor, Procedure
from telecontrol.controls.requests import Door, legal_today
from telecontrol.errors import InvalidInput
from telecontrol.scheduling.doctors import add_approval, approvals_of, end_approval, find_doctor, remove_approval
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.admin.doctor_frame import doctor_page
from telecontrol.web.pages.admin.frame import AdminDep, Faults, day_needed, day_typed, faults, typed
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import Staff

pages = APIRouter()
_APPROVALS = paths.admin(paths.ADMIN_DOCTORS, "{doctor_id:uuid}", "approvals")
_ONE = _APPROVALS + "/{approval_id:uuid}"


@pages.get(_APPROVALS)
async def listed(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep, doctor_id: uuid.UUID
) -> Response:
    return await _page(request, runtime, admin, session, await find_doctor(session, doctor_id), now=now)


@pages.post(_APPROVALS)
async def add(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, doctor_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id)
    given = await typed(request, "procedure", "valid_from_on", "valid_until_on")
    try:
        door = Door()
        procedure = door.let(_procedure, given["procedure"], otherwise=None)
        first = door.let(day_needed, given["valid_from_on"], field="valid_from_on", otherwise=None)
        last = door.let(day_typed, given["valid_until_on"], field="valid_until_on", otherwise=None)
        if procedure is None or first is None or door.problems:
            raise InvalidInput.of_all(door.problems)
        await add_approval(
            session,
            doctor,
            procedure=procedure,
            valid_from_on=first,
            valid_until_on=last,
            actor=admin.actor,
            now=now,
        )
    except InvalidInput as error:
        errors = faults(request, admin, error)
        return await _page(request, runtime, admin, session, doctor, now=now, given=given, errors=errors, status=422)
    return see_other(request, request.url.path, text="L'agrément est ajouté.")


@pages.post(_ONE)
async def change(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: SessionDep,
    now: NowDep,
    doctor_id: uuid.UUID,
    approval_id: uuid.UUID,
) -> Response:
    doctor = await find_doctor(session, doctor_id, lock=True)
    given = await typed(request, "valid_until_on")
    try:
        last = day_typed(given["valid_until_on"], field="valid_until_on")
        await end_approval(session, doctor, approval_id=approval_id, valid_until_on=last, actor=admin.actor, now=now)
    except InvalidInput as error:
        errors = Faults({str(approval_id): next(iter(faults(request, admin, error).values()))})
        ends = {str(approval_id): given["valid_until_on"]}
        return await _page(request, runtime, admin, session, doctor, now=now, ends=ends, errors=errors, status=422)
    return see_other(request, _back(doctor), text="Le dernier jour de l'agrément est enregistré.")


@pages.post(_ONE + "/remove")
async def remove(
    request: Request, admin: AdminDep, session: SessionDep, now: NowDep, doctor_id: uuid.UUID, approval_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id, lock=True)
    await remove_approval(session, doctor, approval_id=approval_id, actor=admin.actor, now=now)
    return see_other(request, _back(doctor), text="L'agrément est retiré. Les rendez-vous déjà pris restent.")


async def _page(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    session: AsyncSession,
    doctor: Doctor,
    *,
    now: datetime,
    given: Mapping[str, str] | None = None,
    ends: Mapping[str, str] | None = None,
    errors: Faults | None = None,
    status: int = 200,
) -> Response:
    today = legal_today(now)
    return await doctor_page(
        request,
        runtime,
        admin,
        session,
        doctor,
        "staff/admin/doctor_approvals.html",
        tab="approvals",
        now=now,
        status=status,
        approvals=await approvals_of(session, doctor.id),
        procedures=[str(each) for each in Procedure],
        given=given or {"procedure": "", "valid_from_on": today.isoformat(), "valid_until_on": ""},
        ends=ends or {},
        errors=errors or Faults(),
        today=today,
    )


def _procedure(text: str) -> Procedure:
    found = next((each for each in Procedure if str(each) == text), None)
    if found is None:
        raise InvalidInput("choose a procedure", field="procedure", code="procedure_unknown")
    return found


def _back(doctor: Doctor) -> str:
    return paths.admin(paths.ADMIN_DOCTORS, str(doctor.id), "approvals")
