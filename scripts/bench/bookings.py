"""Bookings through the API over HTTP, one client after another and eight at once, and their invitations out."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from scripts.bench.ground import Ground, settle, starts_of, weekdays
from scripts.bench.running import Outside, environment, outside, service
from telecontrol.accounts.api_keys import Scope, issue_key
from telecontrol.db.journal import SERVICE
from telecontrol.db.session import Database
from tests.support.ports import free_port
from tests.support.world import NOW

_BOOKINGS = {1: 60, 8: 160}
"""How many bookings by how many clients."""
_DOCTORS = 8
_MESSAGES_EACH = 2
_PATIENCE = 30.0


async def measure(ground: Ground) -> list[dict[str, Any]]:
    """One row per database and number of clients. On PostgreSQL the worker is a process of its own, on SQLite it runs inside."""
    rows = []
    for engine in ("postgresql", "sqlite"):
        with outside() as providers:
            rows += await _on(engine, ground, providers)
    return rows


async def _on(engine: str, ground: Ground, providers: Outside) -> list[dict[str, Any]]:
    database_url, port = ground.database(engine), free_port()
    key, bodies = await _prepare(database_url)
    url = f"http://127.0.0.1:{port}"
    inside = engine == "sqlite"
    given = environment(database_url, providers, ground.folder, public_url=url, port=port, worker_inside=inside)
    rows = []
    with service(*(["serve"] if inside else ["serve", "worker"]), ahead=NOW - datetime.now(UTC), environment=given):
        async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
            await _book(http, [bodies.pop()])
            await _all_out(providers, _MESSAGES_EACH)
            for clients, count in _BOOKINGS.items():
                providers.ask("forget")
                mine = [bodies.pop() for _ in range(count)]
                started = time.perf_counter()
                taken = await asyncio.gather(*(_book(http, mine[number::clients]) for number in range(clients)))
                booked = time.perf_counter() - started
                out = await _all_out(providers, count * _MESSAGES_EACH)
                every = [one for client in taken for one in client]
                rows.append(
                    {
                        "database": engine,
                        "clients": clients,
                        "bookings": count,
                        "bookings_per_second": round(count / booked, 1),
                        "p50_ms": round(statistics.median(every) * 1000, 1),
                        "p95_ms": round(statistics.quantiles(every, n=100)[94] * 1000, 1),
                        "invitations_out": out,
                        "out_after_last_booking_s": round(time.perf_counter() - started - booked, 2),
                    }
                )
    return rows


async def _prepare(database_url: str) -> tuple[str, list[dict[str, str]]]:
    """A key, and bodies that book different slots of different people."""
    count = 1 + sum(_BOOKINGS.values())
    database = Database(database_url)
    try:
        async with database.transaction() as session:
            world, doctors, controls = await settle(session, doctors=_DOCTORS, people=count)
            _, key = await issue_key(
                session, organisation_id=world.organisation.id, name="bench", scopes=list(Scope), actor=SERVICE, now=NOW
            )
    finally:
        await database.dispose()
    days = weekdays(NOW.date() + timedelta(days=7), 5)
    slots = [(doctor, start) for day in days for start in starts_of(day) for doctor in doctors]
    bodies = [
        {"control_id": str(control.id), "doctor_id": str(doctor.id), "starts_at": start.isoformat()}
        for control, (doctor, start) in zip(controls, slots, strict=False)
    ]
    return key, bodies


async def _book(http: httpx2.AsyncClient, bodies: list[dict[str, str]]) -> list[float]:
    taken = []
    for body in bodies:
        started = time.perf_counter()
        answer = await http.post("/api/v1/appointments", json=body)
        taken.append(time.perf_counter() - started)
        if answer.status_code != 201:
            raise RuntimeError(f"not booked: {answer.status_code} {answer.text}")
    return taken


async def _all_out(providers: Outside, wanted: int) -> int:
    until = time.monotonic() + _PATIENCE
    out = 0
    while out < wanted and time.monotonic() < until:
        await asyncio.sleep(0.05)
        out = int(providers.ask("so_far"))
    return out
