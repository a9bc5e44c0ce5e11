"""Insurers and the gateways that take their reports: configured, tried."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from telecontrol.accounts.models import Insurer
from telecontrol.accounts.parties import InsurerFacts, add_insurer, change_insurer, find_insurer, list_insurers
from telecontrol.config import Environment
from telecontrol.errors import Conflict, InvalidInput
from telecontrol.reports.gateway_setup import check_gateway, open_gateway, set_gateway
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.admin.frame import AdminDep, Faults, admin_page, admitted, faults, is_made, row_id, typed
from telecontrol.web.pages.admin.words import check_sentence
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import Staff

pages = APIRouter()
_FIELDS = ("code", "name", "is_active")
_NEW = paths.admin(paths.ADMIN_INSURERS, "new")
_ONE = paths.admin(paths.ADMIN_INSURERS, "{insurer_id:uuid}")
_GATEWAY = paths.admin(paths.ADMIN_INSURERS, "{insurer_id:uuid}", "gateway")
_TEST = paths.admin(paths.ADMIN_INSURERS, "{insurer_id:uuid}", "test")


@pages.get(paths.ADMIN_INSURERS)
async def listed(request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep) -> Response:
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/insurers.html",
        place="insurers",
        now=now,
        insurers=await list_insurers(session),
    )


@pages.get(_NEW)
async def blank(request: Request, runtime: RuntimeDep, admin: AdminDep, now: NowDep) -> Response:
    given = {"code": "", "name": "", "is_active": "1", "once": str(uuid.uuid4())}
    return _new(request, runtime, admin, given, Faults(), now=now)


@pages.post(_NEW)
async def add(request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep) -> Response:
    given = await typed(request, "once", *_FIELDS)
    new_id = row_id(given)
    there = paths.admin(paths.ADMIN_INSURERS, str(new_id))
    if await is_made(session, Insurer, new_id):
        return see_other(request, there)
    try:
        await add_insurer(session, _facts(given), actor=admin.actor, now=now, row_id=new_id)
    except (InvalidInput, Conflict) as error:
        if await is_made(session, Insurer, new_id):
            return see_other(request, there)
        return _new(request, runtime, admin, given, faults(request, admin, error), now=now, status=422)
    return see_other(request, there, text="L'assureur est ajouté. Il reste à donner sa passerelle.")


@pages.get(_ONE)
async def one(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep, insurer_id: uuid.UUID
) -> Response:
    return _page(request, runtime, admin, await find_insurer(session, insurer_id), now=now)


@pages.post(_ONE)
async def change(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, insurer_id: uuid.UUID
) -> Response:
    row = await find_insurer(session, insurer_id)
    given = await typed(request, *_FIELDS)
    try:
        await change_insurer(session, row, _facts(given), actor=admin.actor, now=now)
    except (InvalidInput, Conflict) as error:
        await session.refresh(row)
        errors = faults(request, admin, error)
        return _page(request, runtime, admin, row, now=now, given=given, errors=errors, status=422)
    return see_other(request, request.url.path, text="L'assureur est enregistré.")


@pages.post(_GATEWAY)
async def configure(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, insurer_id: uuid.UUID
) -> Response:
    row = await find_insurer(session, insurer_id)
    given = await typed(request, "gateway_url", "gateway_key")
    key = given["gateway_key"].strip()
    try:
        if given["gateway_url"].strip() and not key and row.gateway_key_sealed is None:
            raise InvalidInput("a key is needed", field="gateway_key", code="gateway_key_missing")
        await set_gateway(
            session,
            row,
            sealer=runtime.operator.messages,
            url=given["gateway_url"],
            key=key or None,
            allow_loopback=_takes_loopback(runtime),
            actor=admin.actor,
            now=now,
        )
    except InvalidInput as error:
        errors = faults(request, admin, error)
        return _page(request, runtime, admin, row, now=now, url=given["gateway_url"], errors=errors, status=422)
    there = paths.admin(paths.ADMIN_INSURERS, str(insurer_id))
    return see_other(request, there, text="La passerelle est enregistrée. Essayez-la avant d'y compter.")


@pages.post(_TEST, dependencies=[Depends(admitted)])
async def try_it(request: Request, runtime: RuntimeDep, insurer_id: uuid.UUID) -> Response:
    """Ask the gateway once. No transaction is open while it answers, however long it takes."""
    async with runtime.database.reading() as session:
        gateway = open_gateway(await find_insurer(session, insurer_id), sealer=runtime.operator.messages)
    found = await check_gateway(gateway, allow_loopback=_takes_loopback(runtime))
    sentence, values = check_sentence(found.code)
    return see_other(
        request,
        paths.admin(paths.ADMIN_INSURERS, str(insurer_id)),
        tone="success" if found.ok else "warning",
        text=sentence,
        **{**values, "milliseconds": found.milliseconds},
    )


def _takes_loopback(runtime: RuntimeDep) -> bool:
    return runtime.settings.environment is not Environment.PRODUCTION


def _page(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    row: Insurer,
    *,
    now: datetime,
    given: Mapping[str, str] | None = None,
    url: str | None = None,
    errors: Faults | None = None,
    status: int = 200,
) -> Response:
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/insurer.html",
        place="insurers",
        now=now,
        status=status,
        insurer=row,
        given=given or {"code": row.code, "name": row.name, "is_active": "1" if row.is_active else ""},
        gateway_url=row.gateway_url if url is None else url,
        has_key=row.gateway_key_sealed is not None,
        errors=errors or Faults(),
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
        "staff/admin/insurer_new.html",
        place="insurers",
        now=now,
        status=status,
        given=given,
        errors=errors,
    )


def _facts(given: Mapping[str, str]) -> InsurerFacts:
    return InsurerFacts(given["code"], given["name"], bool(given["is_active"]))
