"""Sites for in-person appointments: where they are, whom they serve, their rooms and hours."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.requests import Door
from telecontrol.errors import Conflict, InvalidInput
from telecontrol.scheduling.models import Site
from telecontrol.scheduling.places import (
    SiteFacts,
    add_hours,
    add_room,
    add_site,
    appointments_to_come,
    change_site,
    find_site,
    hours_of_site,
    list_sites,
    remove_hours,
    rename_room,
    rooms_of,
    set_room_open,
)
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.admin.frame import (
    AdminDep,
    Faults,
    admin_page,
    faults,
    hour_typed,
    is_made,
    row_id,
    ticked,
    translator_of,
    typed,
    weekday_numbers,
    weekdays,
    zones,
)
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import Staff

pages = APIRouter()
_TEXTS = ("code", "name", "address", "postcode", "city", "access", "phone", "zone", "departments")
_NEW = paths.admin(paths.ADMIN_SITES, "new")
_ONE = paths.admin(paths.ADMIN_SITES, "{site_id:uuid}")


@dataclass(frozen=True, slots=True)
class Returned:
    """A form of a site's page that comes back: its name, what was typed, what is wrong with it."""

    form: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    days: Sequence[str] = ()
    errors: Faults = field(default_factory=Faults)


@pages.get(paths.ADMIN_SITES)
async def listed(request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep) -> Response:
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/sites.html",
        place="sites",
        now=now,
        sites=await list_sites(session),
        weekdays=weekdays(translator_of(request, admin)),
    )


@pages.get(_NEW)
async def blank(request: Request, runtime: RuntimeDep, admin: AdminDep, now: NowDep) -> Response:
    given = {**dict.fromkeys(_TEXTS, ""), "is_active": "1", "once": str(uuid.uuid4())}
    return _new(request, runtime, admin, given, Faults(), now=now)


@pages.post(_NEW)
async def add(request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep) -> Response:
    given = await typed(request, "once", "is_active", *_TEXTS)
    new_id = row_id(given)
    there = paths.admin(paths.ADMIN_SITES, str(new_id))
    if await is_made(session, Site, new_id):
        return see_other(request, there)
    try:
        await add_site(session, _facts(given), actor=admin.actor, now=now, row_id=new_id)
    except (InvalidInput, Conflict) as error:
        if await is_made(session, Site, new_id):
            return see_other(request, there)
        return _new(request, runtime, admin, given, faults(request, admin, error), now=now, status=422)
    return see_other(request, there, text="Le site est ajouté. Il reste ses salles et ses heures.")


@pages.get(_ONE)
async def one(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep, site_id: uuid.UUID
) -> Response:
    site = await find_site(session, site_id)
    return await _page(request, runtime, admin, session, site, Returned(), now=now)


@pages.post(_ONE)
async def change(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, site_id: uuid.UUID
) -> Response:
    site = await find_site(session, site_id)
    given = await typed(request, "is_active", *_TEXTS)
    try:
        changed = await change_site(session, site, _facts(given), actor=admin.actor, now=now)
    except (InvalidInput, Conflict) as error:
        await session.refresh(site)
        back = Returned("facts", given, errors=faults(request, admin, error))
        return await _page(request, runtime, admin, session, site, back, now=now)
    convoked = await appointments_to_come(session, site.id, now=now)
    if convoked and set(changed) & {"address", "postcode", "city", "is_active"}:
        return see_other(
            request,
            _back(site),
            tone="warning",
            text="Le site est enregistré. Personnes déjà convoquées ici : {count}. Demandez au bureau de les prévenir.",
            count=convoked,
        )
    return see_other(request, _back(site), text="Le site est enregistré.")


@pages.post(_ONE + "/rooms")
async def room_added(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, site_id: uuid.UUID
) -> Response:
    site = await find_site(session, site_id)
    given = await typed(request, "room")
    try:
        await add_room(session, site, name=given["room"], actor=admin.actor, now=now)
    except InvalidInput as error:
        back = Returned("room", given, errors=faults(request, admin, error))
        return await _page(request, runtime, admin, session, site, back, now=now)
    return see_other(request, _back(site, "rooms"), text="La salle est ouverte.")


@pages.post(_ONE + "/rooms/{room_id:uuid}")
async def room_renamed(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: SessionDep,
    now: NowDep,
    site_id: uuid.UUID,
    room_id: uuid.UUID,
) -> Response:
    site = await find_site(session, site_id)
    given = await typed(request, "room")
    try:
        await rename_room(session, site, room_id=room_id, name=given["room"], actor=admin.actor, now=now)
    except (InvalidInput, Conflict) as error:
        back = Returned(str(room_id), given, errors=faults(request, admin, error))
        return await _page(request, runtime, admin, session, site, back, now=now)
    return see_other(request, _back(site, "rooms"), text="La salle a son nouveau nom.")


@pages.post(_ONE + "/rooms/{room_id:uuid}/close")
async def room_closed(
    request: Request, admin: AdminDep, session: SessionDep, now: NowDep, site_id: uuid.UUID, room_id: uuid.UUID
) -> Response:
    site = await find_site(session, site_id)
    await set_room_open(session, site, room_id=room_id, is_open=False, actor=admin.actor, now=now)
    return see_other(request, _back(site, "rooms"), text="La salle est fermée. Les rendez-vous déjà pris y restent.")


@pages.post(_ONE + "/rooms/{room_id:uuid}/open")
async def room_opened(
    request: Request, admin: AdminDep, session: SessionDep, now: NowDep, site_id: uuid.UUID, room_id: uuid.UUID
) -> Response:
    site = await find_site(session, site_id)
    await set_room_open(session, site, room_id=room_id, is_open=True, actor=admin.actor, now=now)
    return see_other(request, _back(site, "rooms"), text="La salle est ouverte.")


@pages.post(_ONE + "/hours")
async def hours_added(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, site_id: uuid.UUID
) -> Response:
    site = await find_site(session, site_id)
    given, days, door = await typed(request, "opens", "closes"), await ticked(request, "weekdays"), Door()
    opens = door.let(hour_typed, given["opens"], field="opens", otherwise=None)
    closes = door.let(hour_typed, given["closes"], field="closes", otherwise=None)
    weekly: list[int] = door.let(weekday_numbers, days, otherwise=[])
    try:
        if opens is None or closes is None or door.problems:
            raise InvalidInput.of_all(door.problems)
        await add_hours(session, site, weekdays=weekly, opens=opens, closes=closes, actor=admin.actor, now=now)
    except InvalidInput as error:
        back = Returned("hours", given, days, faults(request, admin, error))
        return await _page(request, runtime, admin, session, site, back, now=now)
    return see_other(request, _back(site, "hours"), text="Les heures sont ajoutées.")


@pages.post(_ONE + "/hours/{hours_id:uuid}/remove")
async def hours_removed(
    request: Request, admin: AdminDep, session: SessionDep, now: NowDep, site_id: uuid.UUID, hours_id: uuid.UUID
) -> Response:
    site = await find_site(session, site_id)
    await remove_hours(session, site, hours_id=hours_id, actor=admin.actor, now=now)
    return see_other(request, _back(site, "hours"), text="Ces heures sont retirées. Les rendez-vous déjà pris restent.")


async def _page(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    session: AsyncSession,
    site: Site,
    returned: Returned,
    *,
    now: datetime,
) -> Response:
    hours = await hours_of_site(session, site.id)
    language = translator_of(request, admin)
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/site.html",
        place="sites",
        now=now,
        status=422 if returned.form else 200,
        site=site,
        given=returned.given if returned.form == "facts" else _given(site),
        rooms=await rooms_of(session, site.id),
        hours=[[row for row in hours if row.weekday == day] for day in range(7)],
        weekdays=weekdays(language),
        zones=zones(language),
        returned=returned,
        base=paths.admin(paths.ADMIN_SITES, str(site.id)),
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
        "staff/admin/site_new.html",
        place="sites",
        now=now,
        status=status,
        given=given,
        errors=errors,
        zones=zones(translator_of(request, admin)),
    )


def _facts(given: Mapping[str, str]) -> SiteFacts:
    values: dict[str, Any] = {name: given[name] for name in _TEXTS}
    return SiteFacts(**values, is_active=bool(given["is_active"]))


def _given(site: Site) -> dict[str, str]:
    values = {name: str(getattr(site, name)) for name in _TEXTS if name != "departments"}
    return {**values, "departments": ", ".join(site.departments), "is_active": "1" if site.is_active else ""}


def _back(site: Site, part: str = "") -> str:
    return paths.admin(paths.ADMIN_SITES, str(site.id)) + (f"#{part}" if part else "")
