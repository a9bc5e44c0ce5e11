"""Whoever comes with the insured from elsewhere: the link that these give, the door, the place where one waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest_asyncio

from telecontrol.accounts.links import masked
from telecontrol.accounts.models import LinkPurpose
from telecontrol.config import Environment, VideoProvider
from telecontrol.scheduling.models import Appointment
from telecontrol.video.models import Role
from telecontrol.video.tickets import verify
from tests.support.insured import Page, Visitor, everything, link_to, visiting
from tests.support.livekit_server import livekit_stub
from tests.support.service import Service, serving
from tests.support.world import NOW

COMPANION = {"companion_name": "Marie-Ange Payet", "companion_role": "relative"}


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with (
        livekit_stub() as stub,
        serving(
            database_url(),
            now=NOW,
            folder=tmp_path,
            environment=Environment.DEVELOPMENT,
            video_provider=VideoProvider.LIVEKIT,
            livekit_url=stub.url,
        ) as running,
    ):
        yield running


@pytest_asyncio.fixture
async def insured(service: Service, appointment: Appointment) -> AsyncIterator[Visitor]:
    async with visiting(service) as made:
        await made.enter(await link_to(service, appointment))
        yield made


@pytest_asyncio.fixture
async def companion(service: Service) -> AsyncIterator[Visitor]:
    async with visiting(service) as made:
        yield made


def path_in(page: Page) -> str:
    """The link that the insured's page offers; empty where it offers none."""
    _, found, rest = page.html.partition("/with/")
    return f"/with/{rest[:44]}" if found else ""


async def announce(insured: Visitor, **who: str) -> str:
    home = await insured.press(await insured.get("/r/prepare"), "/r/prepare", **{**COMPANION, **who})
    return path_in(home)


async def ticket(visitor: Visitor, page: Page) -> Page:
    token = page.html.split('data-call-token="')[1].split('"')[0]
    headers = {"X-CSRF-Token": token, "Accept": "application/json"}
    return Page(await visitor.http.post("/with/call/ticket", headers=headers))


async def test_the_door_asks_for_a_name_and_leads_to_a_place_to_wait(
    service: Service, appointment: Appointment, insured: Visitor, companion: Visitor
) -> None:
    assert path_in(await insured.get("/r")) == "", "nobody is announced"
    path = await announce(insured)
    before = await everything(service)
    door = await companion.get(path)
    assert door.status == 200
    assert "pas encore ouverte" in door.words
    assert "Payet" not in door.words, "neither whom the appointment is with"
    assert "Dr " not in door.words
    assert (await companion.get("/with/call")).status == 403, "nobody came in by this browser"

    service.clock.advance_to(appointment.starts_at - timedelta(minutes=5))
    door = await companion.get(path)
    again = await companion.press(door, path, companion_name="06 12 34 56 78")
    assert again.status == 422
    assert "sans chiffre ni adresse" in again.words
    page = await companion.press(door, path, companion_name="  Marie-Ange   Payet ")
    assert page.path == "/with/call"
    assert await everything(service) == before, "whoever comes leaves no trace"

    given = await ticket(companion, page)
    assert given.response.headers["cache-control"] == "no-store"
    bearer = verify(service.settings, given.response.json()["token"])
    assert (bearer.role, bearer.is_companion, bearer.label) == (Role.INSURED, True, "Marie-Ange Payet")
    once_more = verify(service.settings, (await ticket(companion, page)).response.json()["token"])
    assert once_more.identity == bearer.identity, "the same through reloads"


async def test_the_link_ends_with_what_it_was_made_for(
    service: Service, appointment: Appointment, insured: Visitor, companion: Visitor
) -> None:
    path = await announce(insured)
    other = await announce(insured, companion_name="Jeanne Hoarau")
    assert path != other
    assert (await companion.get(path)).status == 404, "somebody else was announced"
    for forged in (path[:-1] + ("A" if path[-1] != "A" else "B"), "/with/" + "A" * 44, "/with/short"):
        assert (await companion.get(forged)).status == 404

    service.clock.advance_to(appointment.starts_at)
    page = await companion.press(await companion.get(other), other, companion_name="Jeanne Hoarau")
    assert (await ticket(companion, page)).status == 200
    service.clock.advance_to(appointment.ends_at + timedelta(minutes=31))
    assert (await companion.get(other)).status == 404
    assert (await companion.get("/with/call")).status == 404
    late = await ticket(companion, page)
    assert (late.status, late.response.json()["code"]) == (409, "not_joinable")


async def test_a_link_that_only_shows_has_nothing_to_give_away(
    service: Service, appointment: Appointment, insured: Visitor, companion: Visitor
) -> None:
    path = await announce(insured)
    calendar = await companion.enter(await link_to(service, appointment, purpose=LinkPurpose.VIEW))
    assert calendar.status == 200
    assert path_in(calendar) == ""
    assert path not in masked(f"https://rdv.example{path}")


async def test_whoever_comes_by_another_way_is_told_to_open_the_link(companion: Visitor, insured: Visitor) -> None:
    path = await announce(insured)
    companion.http.cookies.set("tc_companion", "e30=.forged")
    assert (await companion.get("/with/call")).status == 403
    assert (await companion.get(path)).status == 200
