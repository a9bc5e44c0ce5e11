"""Keys of the JSON API: made for an organisation, shown once, revoked."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request
from starlette.responses import Response

from telecontrol.accounts.api_keys import issue_key, revoke_key
from telecontrol.accounts.models import ApiKey
from telecontrol.accounts.parties import find_organisation
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.admin.frame import AdminDep, admin_page, faults, is_made, row_id, ticked, typed
from telecontrol.web.pages.admin.new_key import carry_key
from telecontrol.web.pages.admin.organisations import organisation_page
from telecontrol.web.rendering import see_other

pages = APIRouter()
_KEYS = paths.admin(paths.ADMIN_ORGANISATIONS, "{organisation_id:uuid}", "keys")
_REVOKE = _KEYS + "/{key_id:uuid}/revoke"


@pages.post(_KEYS)
async def issue(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: SessionDep,
    now: NowDep,
    organisation_id: uuid.UUID,
) -> Response:
    organisation = await find_organisation(session, organisation_id)
    back = paths.admin(paths.ADMIN_ORGANISATIONS, str(organisation_id))
    given = await typed(request, "name", "once")
    scopes = await ticked(request, "scopes")
    new_id = row_id(given)
    if await is_made(session, ApiKey, new_id):
        # Sent twice: the first answer alone could show the key.
        return see_other(
            request,
            back,
            tone="warning",
            text="Cette clé est déjà faite. Si vous n'avez pas pu la copier, révoquez-la et faites-en une autre.",
        )
    try:
        key, token = await issue_key(
            session,
            organisation_id=organisation.id,
            name=given["name"],
            scopes=scopes,
            actor=admin.actor,
            now=now,
            key_id=new_id,
        )
    except InvalidInput as error:
        return await organisation_page(
            request,
            runtime,
            admin,
            session,
            organisation,
            now=now,
            key_given={"name": given["name"], "scopes": scopes, "once": str(new_id)},
            key_errors=faults(request, admin, error),
            status=422,
        )
    response = see_other(request, f"{back}#keys")
    carry_key(response, runtime, key.id, token)
    return response


@pages.get(_REVOKE)
async def ask_revoke(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: ReadingDep,
    now: NowDep,
    organisation_id: uuid.UUID,
    key_id: uuid.UUID,
) -> Response:
    organisation = await find_organisation(session, organisation_id)
    key = await session.get(ApiKey, key_id)
    if key is None or key.organisation_id != organisation.id:
        raise NotFound("no such key")
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/key_revoke.html",
        place="organisations",
        now=now,
        organisation=organisation,
        key=key,
    )


@pages.post(_REVOKE)
async def revoke(
    request: Request,
    admin: AdminDep,
    session: SessionDep,
    now: NowDep,
    organisation_id: uuid.UUID,
    key_id: uuid.UUID,
) -> Response:
    organisation = await find_organisation(session, organisation_id)
    key = await session.get(ApiKey, key_id)
    if key is None or key.organisation_id != organisation.id:
        raise NotFound("no such key")
    await revoke_key(session, key, actor=admin.actor, now=now)
    back = paths.admin(paths.ADMIN_ORGANISATIONS, str(organisation_id))
    return see_other(request, f"{back}#keys", text="La clé est révoquée : plus aucun programme n'entre avec elle.")
