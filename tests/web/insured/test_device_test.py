"""The test pages over HTTP: what to try, for anybody and for a short while; what was found, kept for those who help."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from telecontrol.accounts.models import LinkPurpose
from telecontrol.config import Environment
from telecontrol.scheduling.models import Appointment
from telecontrol.video import tickets
from telecontrol.video.models import Role
from tests.support.insured import Page, Visitor, everything, link_to
from tests.support.service import Service, serving
from tests.support.world import NOW, World

SHOWN = "est montré au médecin"
NOTHING_KEPT = "Rien n'est enregistré"
WELL = {"browser": "ok", "camera": "ok", "microphone": "ok", "speaker": "ok", "connection": "ok"}


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    given: dict[str, Any] = {
        "environment": Environment.DEVELOPMENT,
        "turn_urls": "stun:turn.example:3478,turn:turn.example:3478?transport=udp",
        "turn_secret": "shared-with-the-relay",
    }
    async with serving(database_url(), now=NOW, folder=tmp_path, **given) as running:
        yield running


def token_of(page: Page) -> str:
    return page.html.split('data-token="')[1].split('"')[0]


async def asked(visitor: Visitor, page: Page, path: str, body: Any = None) -> Page:
    """As the script asks: the page's token in a header."""
    headers = {"X-CSRF-Token": token_of(page), "Accept": "application/json"}
    return Page(await visitor.http.post(path, headers=headers, json=body))


async def heard(service: Service, offer: dict[str, Any], ticket: str) -> str:
    """What the test socket answers to a page that shows `ticket`."""
    async with connect(offer["url"], origin=service.url) as socket:  # type: ignore[arg-type]
        await socket.send(json.dumps({"type": "test", "ticket": ticket}))
        answer = json.loads(await asyncio.wait_for(socket.recv(), 5))
        return str(answer.get("reason", answer["type"]))


async def test_anybody_may_try_the_connection_and_nothing_is_kept(
    service: Service, world: World, visitor: Visitor
) -> None:
    page = await visitor.get("/test")
    assert "data-result-url" not in page.html
    before = await everything(service)
    answer = await asked(visitor, page, "/test/connection")
    assert answer.response.headers["cache-control"] == "no-store"
    offer = answer.response.json()
    assert (offer["provider"], offer["has_relay"]) == ("builtin", True)
    plain, relay = offer["ice_servers"]
    assert plain == {"urls": ["stun:turn.example:3478"]}
    until = datetime.fromtimestamp(int(relay["username"].split(":")[0]), UTC)
    assert timedelta(minutes=4) < until - datetime.now(UTC) <= timedelta(minutes=5), "too short to be worth taking"
    assert await heard(service, offer, offer["token"]) == "heard"
    assert await everything(service) == before


async def test_the_token_of_a_test_opens_the_test_and_nothing_else(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    offer = (await asked(visitor, await visitor.get("/test"), "/test/connection")).response.json()
    claims = jwt.decode(offer["token"], options={"verify_signature": False})
    assert claims["video"] == {
        "roomJoin": False, "canPublish": False, "canSubscribe": False, "canPublishData": False,
    }  # fmt: skip
    assert timedelta(0) < datetime.fromtimestamp(claims["exp"], UTC) - datetime.now(UTC) <= tickets.TEST_LIFETIME
    answer = await visitor.http.post(f"/calls/{appointment.id}/waiting", json={"ticket": offer["token"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "ticket_invalid")
    a_ticket, _ = tickets.issue(
        service.settings, room_id=appointment.id, role=Role.INSURED, identity="x", now_real=datetime.now(UTC)
    )
    assert await heard(service, offer, a_ticket) == "ticket_invalid", "nor does a ticket open a test"
    assert await heard(service, offer, offer["token"][:-4] + "AAAA") == "ticket_invalid"


async def test_what_is_no_first_word_is_refused(service: Service, world: World, visitor: Visitor) -> None:
    offer = (await asked(visitor, await visitor.get("/test"), "/test/connection")).response.json()
    for text in ("", "{}", "x" * 70_000, '{"type":"join"}'):
        async with connect(offer["url"], origin=service.url) as socket:  # type: ignore[arg-type]
            await socket.send(text)
            assert json.loads(await socket.recv())["type"] == "refused"
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 5)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4403


async def test_an_address_that_asks_all_the_time_waits(service: Service, world: World, visitor: Visitor) -> None:
    page = await visitor.get("/test")
    answers = [(await asked(visitor, page, "/test/connection")).status for _ in range(31)]
    assert answers == [200] * 30 + [429]
    last = await asked(visitor, page, "/test/connection")
    assert int(last.response.headers["retry-after"]) > 0
    without = await visitor.http.post("/test/connection", headers={"Accept": "application/json"})
    assert (without.status_code, without.json()["code"]) == (403, "stale_form")


async def test_what_was_found_is_kept_and_told_in_plain_words(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    await visitor.enter(await link_to(service, appointment))
    page = await visitor.get("/r/test")
    assert 'data-result-url="/r/test"' in page.html
    assert SHOWN in page.words
    assert (await asked(visitor, page, "/r/test/connection")).status == 200
    before = await everything(service)
    for body in (
        {"steps": {"camera": "a grippe"}, "route": ""},
        {"steps": {}, "route": ""},
        {"steps": WELL, "route": "192.0.2.7"},
        {"steps": WELL, "route": "direct", "note": "free text"},
    ):
        assert (await asked(visitor, page, "/r/test", body)).status == 422
    assert await everything(service) == before
    silent = {**WELL, "microphone": "microphone_silent"}
    assert (await asked(visitor, page, "/r/test", {"steps": silent, "route": "direct"})).status == 204
    assert "votre micro ne captait aucun son" in (await visitor.get("/r")).words
    service.clock.advance(timedelta(minutes=3))
    assert (await asked(visitor, page, "/r/test", {"steps": WELL, "route": "relay"})).status == 204
    assert "tout fonctionne, par notre relais" in (await visitor.get("/r")).words
    assert "Dernier test le 2 mars 2026 à 10 h 03" in (await visitor.get("/r/test")).words


async def test_a_link_that_only_shows_may_try_and_keeps_nothing(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    await visitor.enter(await link_to(service, appointment, purpose=LinkPurpose.VIEW))
    page = await visitor.get("/r/test")
    assert "data-result-url" not in page.html
    assert SHOWN not in page.words
    assert NOTHING_KEPT in page.words
    assert (await asked(visitor, page, "/r/test/connection")).status == 200
    assert (await asked(visitor, page, "/r/test", {"steps": WELL, "route": "direct"})).status == 403


async def test_the_page_for_anybody_promises_to_keep_nothing_to_somebody_who_came_by_a_link_too(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    await visitor.enter(await link_to(service, appointment))
    page = await visitor.get("/test")
    assert "data-result-url" not in page.html
    assert SHOWN not in page.words
    assert NOTHING_KEPT in page.words
    assert page.links_to("/r")


async def test_before_the_birth_date_nothing_is_tried_by_the_link(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    public = await visitor.get("/test")
    assert (await asked(visitor, public, "/r/test/connection")).status == 403
    await visitor.enter(await link_to(service, appointment), birth=None)
    assert (await visitor.get("/r/test")).path == "/r"
    for path, body in (("/r/test/connection", None), ("/r/test", {"steps": WELL, "route": "direct"})):
        # What the public page showed is no appointment of theirs: refused before anything else is looked at.
        assert (await asked(visitor, public, path, body)).status == 409
