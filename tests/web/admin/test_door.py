"""Whoever is no administrator meets nothing of the administration; forms of another page, or none, do nothing."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from telecontrol.accounts.models import StaffUser
from tests.support.insured import Visitor, everything, visiting
from tests.support.routes import Route, routes_of
from tests.support.seeding import DOCTOR, HANDLER, PASSWORD, Seeded
from tests.support.service import Service
from tests.support.staffing import signed_in

_PARAMETER = re.compile(r"\{(\w+)(:\w+)?\}")


def address(route: Route, seeded: Seeded) -> str:
    """The route's path about rows that exist, where the world has one."""
    world = seeded.world
    known: dict[str, Any] = {
        "organisation_id": world.organisation.id,
        "insurer_id": world.insurer.id,
        "doctor_id": world.doctor.id,
        "site_id": world.site.id,
        "room_id": world.room.id,
        "user_id": world.doctor_user.id,
        "procedure": "A",
    }
    return _PARAMETER.sub(lambda found: str(known.get(found[1], uuid.UUID(int=7))), route.path)


async def test_other_roles_meet_nothing(service: Service, seeded: Seeded) -> None:
    """Every route of the administration × handler and doctor, with a right form token: 404, and not a byte changes."""
    routes = [route for route in routes_of(service.app) if route.path.startswith("/admin")]
    assert len(routes) > 45
    async with service.runtime.database.reading() as session:
        users = list(await session.scalars(select(StaffUser).where(StaffUser.email.in_([HANDLER, DOCTOR]))))
    for user in users:
        async with signed_in(service, user, password=PASSWORD) as visitor:
            token = {"csrf_token": ((await visitor.get("/sign-in")).form("/sign-out") or {})["csrf_token"]}
            before = await everything(service)
            for route in routes:
                where = address(route, seeded)
                page = await (visitor.get(where) if route.method == "GET" else visitor.post(where, token))
                assert page.status == 404, (user.role, route)
            assert await everything(service) == before


async def test_nobody_is_sent_to_sign_in(service: Service, seeded: Seeded) -> None:
    routes = [route for route in routes_of(service.app) if route.path.startswith("/admin") and route.method == "GET"]
    async with visiting(service) as visitor:
        for route in routes:
            assert (await visitor.get(address(route, seeded))).path == "/sign-in", route


async def test_a_form_without_its_token_changes_nothing(
    service: Service, seeded: Seeded, admin: Visitor, acts: Callable[..., Any]
) -> None:
    routes = [route for route in routes_of(service.app) if route.path.startswith("/admin") and route.method == "POST"]
    for route in routes:
        page = await admin.post(address(route, seeded), {"csrf_token": "0" * 64})
        assert page.status == 403, route
    assert await acts() == []


async def test_every_page_is_read_without_a_write(service: Service, seeded: Seeded, admin: Visitor) -> None:
    before = await everything(service)
    for route in routes_of(service.app):
        if route.path.startswith("/admin") and route.method == "GET":
            await admin.get(address(route, seeded))
    assert await everything(service) == before
