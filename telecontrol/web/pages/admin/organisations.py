"""Asking organisations: who they are, in whose name people are called, the accent of their pages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.api_keys import keys_of
from telecontrol.accounts.models import Organisation
from telecontrol.accounts.parties import (
    OrganisationFacts,
    add_organisation,
    change_organisation,
    find_organisation,
    list_organisations,
)
from telecontrol.errors import Conflict, InvalidInput
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.admin.accent import accent_picture
from telecontrol.web.pages.admin.frame import (
    AdminDep,
    Faults,
    admin_page,
    faults,
    is_made,
    row_id,
    translator_of,
    typed,
)
from telecontrol.web.pages.admin.new_key import shown_key
from telecontrol.web.pages.admin.words import SCOPES
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import Staff

pages = APIRouter()
_FIELDS = ("code", "name", "mandate", "mandate_en", "phone", "email", "accent_colour", "is_active")
_ONE = paths.admin(paths.ADMIN_ORGANISATIONS, "{organisation_id:uuid}")
_NEW = paths.admin(paths.ADMIN_ORGANISATIONS, "new")
_ACCENT = paths.admin(paths.ADMIN_ORGANISATIONS, "accent")


@pages.get(paths.ADMIN_ORGANISATIONS)
async def listed(request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep) -> Response:
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/organisations.html",
        place="organisations",
        now=now,
        organisations=await list_organisations(session),
    )


@pages.get(_NEW)
async def blank(request: Request, runtime: RuntimeDep, admin: AdminDep, now: NowDep) -> Response:
    return _new(request, runtime, admin, _blank(), Faults(), now=now)


@pages.post(_NEW)
async def add(request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep) -> Response:
    given = await typed(request, "once", *_FIELDS)
    new_id = row_id(given)
    there = paths.admin(paths.ADMIN_ORGANISATIONS, str(new_id))
    if await is_made(session, Organisation, new_id):
        return see_other(request, there)
    try:
        async with session.begin_nested():
            await add_organisation(session, _facts(given), actor=admin.actor, now=now, row_id=new_id)
    except (InvalidInput, Conflict) as error:
        if await is_made(session, Organisation, new_id):
            return see_other(request, there)
        return _new(request, runtime, admin, given, faults(request, admin, error), now=now, status=422)
    return see_other(request, there, text="L'organisme est ajouté.")


@pages.get(_ACCENT)
async def accent(request: Request, admin: AdminDep, accent_colour: str = Query("", max_length=20)) -> Response:
    """The picture of a colour in use; with htmx it follows what is typed."""
    return accent_picture(accent_colour, translator_of(request, admin))


@pages.get(_ACCENT + "/preview")
async def accent_typed(
    request: Request, runtime: RuntimeDep, admin: AdminDep, now: NowDep, accent_colour: str = Query("", max_length=20)
) -> Response:
    """The picture's place in the form, fetched while a colour is typed."""
    return admin_page(
        request, runtime, admin, "staff/admin/_accent.html", place="organisations", now=now, colour=accent_colour
    )


@pages.get(_ONE)
async def one(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: ReadingDep,
    now: NowDep,
    organisation_id: uuid.UUID,
) -> Response:
    row = await find_organisation(session, organisation_id)
    return await organisation_page(request, runtime, admin, session, row, now=now)


@pages.post(_ONE)
async def change(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: SessionDep,
    now: NowDep,
    organisation_id: uuid.UUID,
) -> Response:
    row = await find_organisation(session, organisation_id)
    given = await typed(request, *_FIELDS)
    try:
        async with session.begin_nested():
            await change_organisation(session, row, _facts(given), actor=admin.actor, now=now)
    except (InvalidInput, Conflict) as error:
        await session.refresh(row)
        return await organisation_page(
            request,
            runtime,
            admin,
            session,
            row,
            now=now,
            given=given,
            errors=faults(request, admin, error),
            status=422,
        )
    return see_other(request, request.url.path, text="L'organisme est enregistré.")


async def organisation_page(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    session: AsyncSession,
    row: Organisation,
    *,
    now: datetime,
    given: Mapping[str, str] | None = None,
    errors: Faults | None = None,
    key_given: Mapping[str, Any] | None = None,
    key_errors: Faults | None = None,
    status: int = 200,
) -> Response:
    """An organisation with its API keys; a key that was just made is shown, this once."""
    keys = await keys_of(session, row.id)
    fresh = shown_key(request, runtime, {key.id for key in keys if key.revoked_at is None})
    response = admin_page(
        request,
        runtime,
        admin,
        "staff/admin/organisation.html",
        place="organisations",
        now=now,
        status=status,
        organisation=row,
        given=given or _given(row),
        errors=errors or Faults(),
        keys=keys,
        scopes=[{"value": code, "label": label} for code, label in SCOPES.items()],
        key_given=key_given or {"name": "", "scopes": list(SCOPES)[:3], "once": str(uuid.uuid4())},
        key_errors=key_errors or Faults(),
        fresh_key=fresh.token,
    )
    fresh.forget(response)
    return response


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
        "staff/admin/organisation_new.html",
        place="organisations",
        now=now,
        status=status,
        given=given,
        errors=errors,
    )


def _facts(given: Mapping[str, str]) -> OrganisationFacts:
    values: dict[str, Any] = {name: given[name] for name in _FIELDS if name != "is_active"}
    return OrganisationFacts(**values, is_active=bool(given["is_active"]))


def _given(row: Organisation) -> dict[str, str]:
    values = {name: str(getattr(row, name)) for name in _FIELDS if name != "is_active"}
    return {**values, "is_active": "1" if row.is_active else ""}


def _blank() -> dict[str, str]:
    return {**dict.fromkeys(_FIELDS, ""), "is_active": "1", "once": str(uuid.uuid4())}
