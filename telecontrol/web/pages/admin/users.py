"""Accounts of staff: found, opened with a role, changed, closed and opened again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.directory import (
    change_user,
    close_account,
    lift_delay,
    open_account_again,
    search_users,
    user_of_id,
)
from telecontrol.accounts.models import Organisation, Role, StaffUser
from telecontrol.accounts.parties import list_organisations
from telecontrol.accounts.passwords import SHORTEST
from telecontrol.accounts.staff import add_user, set_password
from telecontrol.controls.doctors import doctor_of_user
from telecontrol.controls.models import Doctor
from telecontrol.errors import Conflict, InvalidInput
from telecontrol.scheduling.doctors import link_account
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.admin.frame import AdminDep, Faults, admin_page, faults, id_in, is_made, row_id, typed
from telecontrol.web.pages.admin.words import sentence_of
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import Staff

pages = APIRouter()
_FIELDS = ("email", "display_name", "language", "organisation_id")
_NEW = paths.admin(paths.ADMIN_USERS, "new")
_ONE = paths.admin(paths.ADMIN_USERS, "{user_id:uuid}")


@pages.get(paths.ADMIN_USERS)
async def listed(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: ReadingDep,
    now: NowDep,
    q: Annotated[str, Query(max_length=120)] = "",
    role: Annotated[str, Query(max_length=20)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    chosen = _role(role)
    found = await search_users(session, text=q, role=chosen, page=page)
    ids = [user.id for user in found.users]
    doctors = await session.execute(select(Doctor.user_id, Doctor).where(Doctor.user_id.in_(ids)))
    organisations = await session.execute(
        select(Organisation.id, Organisation.name).where(
            Organisation.id.in_({user.organisation_id for user in found.users if user.organisation_id})
        )
    )
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/users.html",
        place="users",
        now=now,
        found=found,
        q=q,
        role=str(chosen or ""),
        roles=[str(each) for each in Role],
        doctors={row[0]: row[1] for row in doctors},
        organisations={row[0]: row[1] for row in organisations},
        own_id=admin.user.id,
    )


@pages.get(_NEW)
async def blank(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: ReadingDep,
    now: NowDep,
    role: Annotated[str, Query(max_length=20)] = "",
    rpps: Annotated[str, Query(max_length=11)] = "",
) -> Response:
    """First the role, then what this role needs."""
    given = {**dict.fromkeys(_FIELDS, ""), "language": "fr", "rpps": rpps, "once": str(uuid.uuid4())}
    doctor = await session.scalar(select(Doctor).where(Doctor.rpps == rpps)) if rpps else None
    if doctor is not None:
        given |= {"display_name": f"Dr {doctor.name}", "email": doctor.email}
    return await _new(request, runtime, admin, session, given, Faults(), role=_role(role), now=now)


@pages.post(_NEW)
async def add(request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep) -> Response:
    given = await typed(request, "once", "role", "password", "rpps", *_FIELDS)
    role, new_id = _role(given["role"]), row_id(given)
    if role is None:
        return see_other(request, _NEW)
    there = paths.admin(paths.ADMIN_USERS, str(new_id))
    if await is_made(session, StaffUser, new_id):
        return see_other(request, there)
    try:
        async with session.begin_nested():
            user = await add_user(
                session,
                email=given["email"],
                display_name=given["display_name"],
                role=role,
                password=given["password"],
                organisation_id=await _organisation(session, given, role),
                language=given["language"],
                actor=admin.actor,
                now=now,
                user_id=new_id,
            )
            if role is Role.DOCTOR and given["rpps"].strip():
                await link_account(session, user, rpps=given["rpps"], actor=admin.actor, now=now)
    except (InvalidInput, Conflict) as error:
        if await is_made(session, StaffUser, new_id):
            return see_other(request, there)
        errors = faults(request, admin, error)
        return await _new(request, runtime, admin, session, given, errors, role=role, now=now, status=422)
    return see_other(request, there, text="Le compte est ouvert. Donnez le mot de passe de vive voix.")


@pages.get(_ONE)
async def one(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep, user_id: uuid.UUID
) -> Response:
    return await _page(request, runtime, admin, session, await user_of_id(session, user_id), now=now)


@pages.post(_ONE)
async def change(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, user_id: uuid.UUID
) -> Response:
    user = await user_of_id(session, user_id)
    given = await typed(request, *_FIELDS)
    try:
        await change_user(
            session,
            user,
            email=given["email"],
            display_name=given["display_name"],
            language=given["language"],
            organisation_id=await _organisation(session, given, user.role),
            actor=admin.actor,
            now=now,
        )
    except (InvalidInput, Conflict) as error:
        await session.refresh(user)
        errors = faults(request, admin, error)
        return await _page(request, runtime, admin, session, user, now=now, given=given, errors=errors)
    return see_other(request, request.url.path, text="Le compte est enregistré.")


@pages.post(_ONE + "/password")
async def new_password(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, user_id: uuid.UUID
) -> Response:
    user = await user_of_id(session, user_id)
    given = await typed(request, "password")
    try:
        await set_password(session, user, password=given["password"], actor=admin.actor, now=now)
    except InvalidInput as error:
        return await _page(request, runtime, admin, session, user, now=now, errors=faults(request, admin, error))
    return see_other(
        request,
        _back(user),
        text="Le mot de passe est changé, et la personne est déconnectée partout. Donnez-le de vive voix.",
    )


@pages.post(_ONE + "/deactivate")
async def deactivate(
    request: Request, admin: AdminDep, session: SessionDep, now: NowDep, user_id: uuid.UUID
) -> Response:
    user = await user_of_id(session, user_id)
    try:
        await close_account(session, user, actor=admin.actor, now=now)
    except Conflict as error:
        return see_other(request, _back(user), tone="warning", text=sentence_of(error.code))
    return see_other(request, _back(user), text="Le compte est fermé, et la personne est déconnectée partout.")


@pages.post(_ONE + "/reactivate")
async def reactivate(
    request: Request, admin: AdminDep, session: SessionDep, now: NowDep, user_id: uuid.UUID
) -> Response:
    user = await user_of_id(session, user_id)
    await open_account_again(session, user, actor=admin.actor, now=now)
    return see_other(request, _back(user), text="Le compte est de nouveau ouvert.")


@pages.post(_ONE + "/unlock")
async def let_in(request: Request, admin: AdminDep, session: SessionDep, now: NowDep, user_id: uuid.UUID) -> Response:
    user = await user_of_id(session, user_id)
    await lift_delay(session, user, actor=admin.actor, now=now)
    return see_other(request, _back(user), text="Cette personne peut réessayer tout de suite.")


async def _page(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    session: AsyncSession,
    user: StaffUser,
    *,
    now: datetime,
    given: Mapping[str, str] | None = None,
    errors: Faults | None = None,
) -> Response:
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/user.html",
        place="users",
        now=now,
        status=422 if errors else 200,
        user=user,
        is_self=user.id == admin.user.id,
        doctor=await doctor_of_user(session, user.id) if user.role is Role.DOCTOR else None,
        organisations=await _choices(session, user.organisation_id),
        given=given or _given(user),
        errors=errors or Faults(),
        shortest=SHORTEST,
        base=_back(user),
    )


async def _new(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    session: AsyncSession,
    given: Mapping[str, str],
    errors: Faults,
    *,
    role: Role | None,
    now: datetime,
    status: int = 200,
) -> Response:
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/user_new.html",
        place="users",
        now=now,
        status=status,
        role=str(role or ""),
        given=given,
        errors=errors,
        organisations=await _choices(session, None),
        shortest=SHORTEST,
    )


async def _choices(session: AsyncSession, present: uuid.UUID | None) -> list[dict[str, str]]:
    """The organisations that a handler may be kept to: the active ones, and the present one."""
    found = await list_organisations(session)
    return [{"value": str(row.id), "label": row.name} for row in found if row.is_active or row.id == present]


async def _organisation(session: AsyncSession, given: Mapping[str, str], role: Role) -> uuid.UUID | None:
    text = given["organisation_id"].strip()
    if role is not Role.HANDLER or not text:
        return None
    organisation_id = id_in(text)
    if organisation_id is None or await session.get(Organisation, organisation_id) is None:
        raise InvalidInput("no such organisation", field="organisation_id", code="organisation_unknown")
    return organisation_id


def _given(user: StaffUser) -> dict[str, str]:
    return {
        "email": user.email,
        "display_name": user.display_name,
        "language": user.language,
        "organisation_id": str(user.organisation_id or ""),
    }


def _role(text: str) -> Role | None:
    return next((each for each in Role if str(each) == text), None)


def _back(user: StaffUser) -> str:
    return paths.admin(paths.ADMIN_USERS, str(user.id))
