"""Consulting doctors: found, added, changed, approved for procedures. Their agendas stand in `agendas`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.models import StaffUser
from telecontrol.controls.models import Doctor
from telecontrol.controls.requests import legal_today
from telecontrol.controls.zones import PARIS
from telecontrol.errors import Conflict, InvalidInput
from telecontrol.scheduling.doctor_search import Lack, search_doctors
from telecontrol.scheduling.doctors import DoctorFacts, add_doctor, change_doctor, find_doctor
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.admin.doctor_frame import doctor_page
from telecontrol.web.pages.admin.frame import (
    AdminDep,
    Faults,
    admin_page,
    faults,
    is_made,
    row_id,
    translator_of,
    typed,
    zones,
)
from telecontrol.web.pages.admin.words import LACKS
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import Staff

pages = APIRouter()
_TEXTS = ("rpps", "family_name", "given_name", "email", "phone", "zone", "account")
_TICKS = ("works_on_holidays", "is_active")
_NEW = paths.admin(paths.ADMIN_DOCTORS, "new")
_ONE = paths.admin(paths.ADMIN_DOCTORS, "{doctor_id:uuid}")


@pages.get(paths.ADMIN_DOCTORS)
async def listed(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: ReadingDep,
    now: NowDep,
    q: Annotated[str, Query(max_length=120)] = "",
    lack: Annotated[str, Query(max_length=20)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    chosen = next((each for each in Lack if str(each) == lack), None)
    found = await search_doctors(session, today=legal_today(now), text=q, lack=chosen, page=page)
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/doctors.html",
        place="doctors",
        now=now,
        found=found,
        q=q,
        lack=str(chosen or ""),
        lacks=[{"code": str(each), "name": LACKS[each], "count": found.counts[each]} for each in Lack],
    )


@pages.get(_NEW)
async def blank(request: Request, runtime: RuntimeDep, admin: AdminDep, now: NowDep) -> Response:
    given = {**dict.fromkeys(_TEXTS, ""), "zone": PARIS, "works_on_holidays": "", "is_active": "1"}
    return _new(request, runtime, admin, {**given, "once": str(uuid.uuid4())}, Faults(), now=now)


@pages.post(_NEW)
async def add(request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep) -> Response:
    given = await typed(request, "once", *_TEXTS, *_TICKS)
    new_id = row_id(given)
    there = paths.admin(paths.ADMIN_DOCTORS, str(new_id), "approvals")
    if await is_made(session, Doctor, new_id):
        return see_other(request, there)
    try:
        await add_doctor(session, _facts(given), actor=admin.actor, now=now, row_id=new_id)
    except (InvalidInput, Conflict) as error:
        if await is_made(session, Doctor, new_id):
            return see_other(request, there)
        return _new(request, runtime, admin, given, faults(request, admin, error), now=now, status=422)
    return see_other(request, there, text="Le médecin est ajouté. Il reste ses agréments et ses ouvertures.")


@pages.get(_ONE)
async def one(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep, doctor_id: uuid.UUID
) -> Response:
    return await _form(request, runtime, admin, session, await find_doctor(session, doctor_id), now=now)


@pages.post(_ONE)
async def change(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, doctor_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id, lock=True)
    given = await typed(request, *_TEXTS, *_TICKS)
    try:
        left = await change_doctor(session, doctor, _facts(given), actor=admin.actor, now=now)
    except (InvalidInput, Conflict) as error:
        await session.refresh(doctor)
        errors = faults(request, admin, error)
        return await _form(request, runtime, admin, session, doctor, now=now, given=given, errors=errors, status=422)
    if left:
        return see_other(
            request,
            request.url.path,
            tone="warning",
            text="Le médecin n'est plus proposé. Rendez-vous à venir que le bureau doit confier à un autre : {count}.",
            count=left,
        )
    return see_other(request, request.url.path, text="Le médecin est enregistré.")


async def _form(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    session: AsyncSession,
    doctor: Doctor,
    *,
    now: datetime,
    given: Mapping[str, str] | None = None,
    errors: Faults | None = None,
    status: int = 200,
) -> Response:
    account = await session.get(StaffUser, doctor.user_id) if doctor.user_id else None
    return await doctor_page(
        request,
        runtime,
        admin,
        session,
        doctor,
        "staff/admin/doctor.html",
        tab="",
        now=now,
        status=status,
        account=account,
        given=given or _given(doctor, account.email if account else ""),
        errors=errors or Faults(),
        zones=zones(translator_of(request, admin)),
    )


def _new(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    given: Mapping[str, str],
    errors: Faults,
    *,
    now: datetime,
    status: int = 200,
) -> Response:
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/doctor_new.html",
        place="doctors",
        now=now,
        status=status,
        given=given,
        errors=errors,
        zones=zones(translator_of(request, admin)),
    )


def _facts(given: Mapping[str, str]) -> DoctorFacts:
    values: dict[str, Any] = {name: given[name] for name in _TEXTS}
    ticks: dict[str, Any] = {name: bool(given[name]) for name in _TICKS}
    return DoctorFacts(**values, **ticks)


def _given(doctor: Doctor, account: str) -> dict[str, str]:
    values = {name: str(getattr(doctor, name)) for name in _TEXTS if name != "account"}
    ticks = {name: "1" if getattr(doctor, name) else "" for name in _TICKS}
    return {**values, **ticks, "account": account}
