"""`telecontrol demo`: migrate, tell the story, serve, say where to sign in."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from rich.console import Console
from sqlalchemy import func, select

from telecontrol import log
from telecontrol.accounts.api_keys import Scope, issue_key
from telecontrol.accounts.links import link_url, mint_link
from telecontrol.accounts.models import Insurer, LinkPurpose, Organisation
from telecontrol.clock import VirtualClock
from telecontrol.config import Environment, Settings
from telecontrol.controls.models import Insured
from telecontrol.db.journal import SERVICE, JournalEntry
from telecontrol.db.migrate import upgrade
from telecontrol.db.session import Database
from telecontrol.demo.clock import clock_facts
from telecontrol.demo.people import PASSWORD, add_cast
from telecontrol.demo.story import DAYS_BEFORE, Story, curtain, tell
from telecontrol.errors import Misconfigured
from telecontrol.reports.gateway_setup import set_gateway
from telecontrol.scheduling.models import Appointment
from telecontrol.web.app import create_app
from telecontrol.web.local_insurer import bearer, gateway_url
from telecontrol.worker import Runtime, assemble, run_once

_ACCOUNTS = {
    "handler": "gestion@demo.example",
    "doctor": "helene.faure@demo.example",
    "admin": "admin@demo.example",
}


_DATABASE = "demo.sqlite"
_WHO = {"handler": "Case handler", "doctor": "Doctor", "admin": "Administrator"}


def run_demo(*, port: int, keep: bool, console: Console, begins_at: datetime | None = None) -> None:
    """Serve until interrupted. `keep` goes on from the last demonstration's data and clock, where there are some; another
    begins at `begins_at` (aware), by default on the next working morning.

    Raises `Misconfigured` when the port is taken.
    """
    settings = _settings(_free_port(port))
    log.configure(json=False, level="WARNING")
    database, memory = settings.data_dir / _DATABASE, settings.data_dir / "demo.json"
    known = _read(memory) if keep and database.exists() else None
    if known is None:
        for stale in settings.data_dir.glob(f"{_DATABASE}*"):
            stale.unlink()
    with console.status("Preparing the database…"):
        upgrade(settings.database_url)
    with console.status("Telling the story of the last nine days…"):
        opening, facts = asyncio.run(_prepare(settings, known, begins_at or curtain(datetime.now(UTC))))
    clock = VirtualClock(offset=opening - datetime.now(UTC))
    _write(memory, {**facts, "base_url": settings.public_url, **clock_facts(opening)})
    app = create_app(settings, clock=clock)
    app.state.demo_memory = memory
    _tell_where(console, settings, facts, opening)
    uvicorn.run(
        app, host=settings.host, port=settings.port, log_level="warning", access_log=False, timeout_graceful_shutdown=5
    )


def _settings(port: int) -> Settings:
    """The environment's settings, but for what makes a demonstration: its own database, anew each time, on this machine."""
    folder = Settings.from_environment().data_dir
    folder.mkdir(parents=True, exist_ok=True)
    return Settings(
        environment=Environment.DEMO,
        database_url=f"sqlite+aiosqlite:///{folder / _DATABASE}",
        public_url=f"http://127.0.0.1:{port}",
        host="127.0.0.1",
        port=port,
        data_dir=folder,
        operator_name="Télécontrôle Rhône",
    )


def _free_port(port: int) -> int:
    """The port itself once it is sure that nobody listens on it; 0 finds a free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Misconfigured(f"port {port} is taken: try `make run PORT={port + 1}`", code="port_taken") from None
        taken: int = probe.getsockname()[1]
        return taken


async def _prepare(
    settings: Settings, known: dict[str, Any] | None, opening: datetime
) -> tuple[datetime, dict[str, Any]]:
    """The service's time at the start, and what `var/demo.json` tells."""
    if known is not None:
        return await _go_on(settings, known)
    runtime = assemble(settings, clock=VirtualClock(frozen_at=opening - timedelta(days=DAYS_BEFORE)))
    # Reports wait in the outbox until the local insurer answers, which is when the server runs.
    runtime.targets = {name: target for name, target in runtime.targets.items() if name != "insurer"}
    try:
        facts = await _seed(runtime, settings, opening)
    finally:
        await runtime.aclose()
    return opening, facts


async def _seed(runtime: Runtime, settings: Settings, opening: datetime) -> dict[str, Any]:
    now = runtime.clock.now()
    async with runtime.database.transaction() as session:
        cast = await add_cast(session, now=now)
        await _connect_insurer(session, cast.insurer, runtime, settings, now=now)
        _, key = await issue_key(
            session, organisation_id=cast.fund.id, name="demonstration", scopes=list(Scope), actor=SERVICE, now=now
        )
    await tell(Story(runtime, cast, opening))
    return {
        "api_key": key,
        "accounts": {role: {"email": email, "password": PASSWORD} for role, email in _ACCOUNTS.items()},
        "insured": await _insured(runtime, settings, now=opening),
        "insurer_inbox": gateway_url(settings),
        "outbox": f"{settings.public_url}/outbox",
    }


async def _connect_insurer(
    session: Any, insurer: Insurer, runtime: Runtime, settings: Settings, *, now: datetime
) -> None:
    await set_gateway(
        session,
        insurer,
        sealer=runtime.operator.messages,
        url=gateway_url(settings),
        key=bearer(settings),
        allow_loopback=True,
        actor=SERVICE,
        now=now,
    )


async def _insured(runtime: Runtime, settings: Settings, *, now: datetime) -> list[dict[str, Any]]:
    """Every appointment with a working link: only the demonstration writes such links down."""
    told = []
    async with runtime.database.transaction() as session:
        rows = await session.execute(
            select(Appointment, Insured)
            .join(Insured, Insured.id == Appointment.insured_id)
            .order_by(Appointment.starts_at)
        )
        for appointment, insured in rows:
            token = await mint_link(
                session,
                appointment_id=appointment.id,
                insured_id=insured.id,
                control_id=appointment.control_id,
                purpose=LinkPurpose.ACT,
                now=now,
                expires_at=appointment.ends_at + timedelta(days=30),
            )
            told.append(
                {
                    "control_id": str(appointment.control_id),
                    "appointment_id": str(appointment.id),
                    "state": str(appointment.state),
                    "starts_at": appointment.starts_at.isoformat(),
                    "mode": str(appointment.mode),
                    "link": link_url(settings.public_url, token),
                    "birth_date": insured.birth_on.isoformat() if insured.birth_on else None,
                }
            )
    return told


async def _go_on(settings: Settings, known: dict[str, Any]) -> tuple[datetime, dict[str, Any]]:
    """Take up the last demonstration: its clock never goes back, and the insurer is where this server listens."""
    database = Database(settings.database_url)
    try:
        opening = await latest_instant(database, known, now_real=datetime.now(UTC))
    finally:
        await database.dispose()
    runtime = assemble(settings, clock=VirtualClock(frozen_at=opening))
    runtime.targets = {name: target for name, target in runtime.targets.items() if name != "insurer"}
    try:
        async with runtime.database.transaction() as session:
            for insurer in await session.scalars(select(Insurer)):
                await _connect_insurer(session, insurer, runtime, settings, now=opening)
            assert await session.scalar(select(Organisation.id).limit(1)) is not None
        await run_once(runtime)
        facts = {**known, "insured": await _insured(runtime, settings, now=opening)}
    finally:
        await runtime.aclose()
    return opening, {**facts, "insurer_inbox": gateway_url(settings), "outbox": f"{settings.public_url}/outbox"}


async def latest_instant(database: Database, known: Mapping[str, Any], *, now_real: datetime) -> datetime:
    """Where the service's time stands: the clock as it was written down and what has passed since, and never before anything
    that was done (a server that was killed had gone on without writing its clock)."""
    clock = datetime.fromisoformat(known["clock"])
    written_at = datetime.fromisoformat(known["clock_written_at"]) if "clock_written_at" in known else now_real
    async with database.reading() as session:
        done = await session.scalar(select(func.max(JournalEntry.at)))
    return max(clock + max(now_real - written_at, timedelta(0)), done or clock)


def _tell_where(console: Console, settings: Settings, facts: Mapping[str, Any], opening: datetime) -> None:
    """Plain lines: an address that wraps or is cut cannot be opened."""
    sign_in = f"{settings.public_url}/sign-in"
    near = next(
        (each for each in facts["insured"] if each["state"] == "booked" and each["starts_at"] > opening.isoformat()),
        facts["insured"][0],
    )
    rows = [
        (_WHO[role], f"{sign_in}  {account['email']}  {account['password']}")
        for role, account in facts["accounts"].items()
    ]
    rows += [
        ("Insured", f"{near['link']}  born {near['birth_date']}, appointment in a few minutes"),
        ("Messages", f"{facts['outbox']}  the mailbox and the phone of everybody"),
        ("Insurer", f"{facts['insurer_inbox']}  the reports it received; tell it to refuse, or to lose its reply"),
    ]
    console.print("Telecontrol, demonstration", style="bold")
    for who, text in rows:
        console.print(f"  {who:<15}{text}", soft_wrap=True, highlight=False)
    console.print(
        f"Service time is {opening:%Y-%m-%d %H:%M} UTC: the bar at the top of each page moves it forward. "
        f"Every link is in {settings.data_dir / 'demo.json'}. Stop with Ctrl+C; "
        "the next start begins anew, unless it says `make run KEEP=1`.",
        soft_wrap=True,
        highlight=False,
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return known if "clock" in known else None


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
