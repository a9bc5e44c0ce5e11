"""Odd requests against the JSON API, made from its own description: never a 5xx, and every answer as described."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import hypothesis
import pytest
import requests
import schemathesis
import uvicorn
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.errors import InvalidInput
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.conditions import check_local_time
from telecontrol.web.api import openapi_document
from telecontrol.web.app import create_app
from tests.support.ports import free_port
from tests.support.seeding import Seeded, seed
from tests.support.service import Service
from tests.support.world import HANDLER, NOW, make_control

NINE = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@dataclass(frozen=True)
class Api:
    url: str
    key: dict[str, str]
    known: dict[str, str]
    """Ids that exist, by the names that paths and bodies give them."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Api]:
    """The application on SQLite, served from a thread: requests are made as other programs make them."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "api.sqlite").write_bytes(sqlite_template.read_bytes())
    port = free_port()
    settings = Settings(
        database_url=f"sqlite+aiosqlite:///{folder / 'api.sqlite'}",
        data_dir=folder,
        public_url=f"http://127.0.0.1:{port}",
        port=port,
        secret="a-secret-for-tests-of-more-than-32-characters",
        livekit_api_secret="a-ticket-secret-for-tests-of-more-than-32-characters",
        worker_inside=False,
    )
    clock = VirtualClock(frozen_at=NOW)
    key, known = asyncio.run(_seed(settings, clock))
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, clock=clock), port=port, log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _until(lambda: server.started)
    try:
        yield Api(settings.public_url, key, known)
    finally:
        server.should_exit = True
        thread.join(20)


async def _seed(settings: Settings, clock: VirtualClock) -> tuple[dict[str, str], dict[str, str]]:
    app = create_app(settings, clock=clock)
    async with httpx2.AsyncClient() as http:
        service = Service(app, settings, clock, app.state.runtime, http)
        try:
            seeded = await seed(service)
            return seeded.key, await _booked(service, seeded)
        finally:
            await service.runtime.aclose()


async def _booked(service: Service, seeded: Seeded) -> dict[str, str]:
    world = seeded.world
    async with service.runtime.database.transaction() as session:
        control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
        appointment = await book(
            session,
            operator=service.runtime.operator,
            control_id=control.id,
            doctor_id=world.doctor.id,
            starts_at=NINE,
            actor=HANDLER,
            now=NOW,
        )
    return {
        "control_id": str(world.control.id),
        "doctor_id": str(world.doctor.id),
        "site_id": str(world.site.id),
        "appointment_id": str(appointment.id),
    }


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


schema = schemathesis.openapi.from_dict(openapi_document())


def acquaint(values: Any, known: dict[str, str]) -> None:
    """Put ids that exist in the place of about half of the others: what nobody knows gets no further than 404."""
    if not isinstance(values, dict):
        return
    for name in known.keys() & values.keys():
        if isinstance(values[name], str) and values[name][-1:] < "8":
            values[name] = known[name]


@schema.parametrize()
@hypothesis.settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.generate],
)
def test_answers_are_as_described(case: schemathesis.Case, api: Api) -> None:
    for values in (case.path_parameters, case.query, case.body):
        acquaint(values, api.known)
    with requests.Session() as session:
        case.call_and_validate(base_url=api.url, session=session, headers=api.key, checks=CHECKS, timeout=20)


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "3477-03-09T09:00:00Z"])
def test_years_that_nobody_knows_are_refused(api: Api, instant: str) -> None:
    """No holiday is known there, and arithmetic leaves the calendar."""
    asked = {"control_id": api.known["control_id"], "from": instant}
    answer = requests.get(f"{api.url}/api/v1/slots", params=asked, headers=api.key, timeout=20)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_year")
    with pytest.raises(InvalidInput, match="too far away"):
        check_local_time(datetime.fromisoformat(instant), ZoneInfo("Europe/Paris"))
