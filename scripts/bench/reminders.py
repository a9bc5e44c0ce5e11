"""A thousand people whose reminders, an e-mail and an SMS each, all fall due at the same minute: two workers, PostgreSQL."""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiosmtplib
import httpx2

from scripts.bench.ground import Ground, fill_day, settle
from scripts.bench.running import Outside, environment, outside, service
from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.scheduling import deadlines, telling
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.worker import Runtime, assemble
from tests.support.ports import free_port
from tests.support.twilio_server import ACCOUNT, TOKEN
from tests.support.world import NOW

PEOPLE = 1_000
WORKERS = 2
SEEN_ON = date(2026, 3, 11)
_DOCTORS = 63
"""Sixteen appointments a day each."""
_READY_WITHIN = timedelta(seconds=12)
_PATIENCE = 60.0
_CONNECTIONS, _IN_FLIGHT = 4, 12
"""What one worker keeps open towards the mail relay, and has on the wire towards the SMS provider."""


async def measure(ground: Ground) -> dict[str, Any]:
    """Seconds from the due instant to the acceptances, beside a bare loop that sends the same bytes over as many lines."""
    with outside() as providers:
        url = ground.database("postgresql")
        given = environment(url, providers, ground.folder, public_url=f"http://127.0.0.1:{free_port()}")
        due_at = await _prepare(given)
        ahead = due_at - _READY_WITHIN - datetime.now(UTC)
        with service(*["worker"] * WORKERS, ahead=ahead, environment=given):
            # On a busy machine the workers may be ready after the instant: they are counted from when they can work.
            ready_at = datetime.now(UTC)
            await _until(providers, 2 * PEOPLE, seconds=_READY_WITHIN.total_seconds() + _PATIENCE)
            # Whatever comes twice comes soon after.
            await asyncio.sleep(2)
            counts, times = providers.ask("counts"), providers.ask("times")
        due = max(due_at - ahead, ready_at).timestamp()
        kept = ground.folder / "sent.json"
        providers.ask(f"keep {kept}")
        bare = [await _bare(providers, kept) for _ in range(3)]
    return _figures(counts, [at - due for at in times], statistics.median(bare))


def _figures(counts: dict[str, int], after: list[float], bare: float) -> dict[str, Any]:
    whole = after[-1] if after else float("nan")
    return {
        "people": PEOPLE,
        "messages": 2 * PEOPLE,
        "taken": counts["mail"] + counts["sms"],
        "taken_twice": counts["mail"] + counts["sms"] - counts["different_mail"] - counts["different_sms"],
        "seconds_to_1000": round(after[999], 2) if len(after) >= 1000 else None,
        "seconds_to_all": round(whole, 2),
        "bare_loop_seconds": round(bare, 2),
        "ratio_to_bare_loop": round(whole / bare, 2),
    }


async def _prepare(given: dict[str, str]) -> datetime:
    """People booked and convoked long ago, whose reminders wait; the instant at which they all may leave."""
    settings = Settings(**{name.removeprefix("TELECONTROL_").lower(): value for name, value in given.items()})  # type: ignore[arg-type]
    runtime = assemble(settings, clock=VirtualClock(frozen_at=NOW))
    try:
        async with runtime.database.transaction() as session:
            world, doctors, controls = await settle(session, doctors=_DOCTORS, people=PEOPLE)
            appointments = await fill_day(session, world, doctors, controls, on=SEEN_ON)
        opens_at, _ = deadlines.reminder_window(appointments[0].starts_at, ZoneInfo("Europe/Paris"))
        for start in range(0, PEOPLE, 50):
            await _remind(runtime, [each.id for each in appointments[start : start + 50]])
        return opens_at
    finally:
        await runtime.aclose()


async def _remind(runtime: Runtime, appointment_ids: list[Any]) -> None:
    async with runtime.database.transaction() as session:
        for appointment_id in appointment_ids:
            dossier = await load_dossier(session, appointment_id)
            await telling.remind(session, runtime.operator, dossier, now=NOW)


async def _until(providers: Outside, wanted: int, *, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and providers.ask("so_far") < wanted:
        await asyncio.sleep(0.1)


async def _bare(providers: Outside, kept: Path) -> float:
    """Seconds that it takes to send the same bytes with no database, no locks and no record."""
    providers.ask("forget")
    sent = json.loads(kept.read_text("utf-8"))
    mails = [(sender, recipient, base64.b64decode(content)) for sender, recipient, content in sent["mails"]]
    texts: list[dict[str, str]] = list(sent["texts"])
    started = time.perf_counter()
    async with httpx2.AsyncClient(auth=(ACCOUNT, TOKEN)) as http:
        await asyncio.gather(
            *(_mail(mails, int(providers.ports["smtp_port"])) for _ in range(WORKERS * _CONNECTIONS)),
            *(_text(texts, http, providers.ports["twilio_url"]) for _ in range(WORKERS * _IN_FLIGHT)),
        )
    took = time.perf_counter() - started
    counts = providers.ask("counts")
    if (counts["mail"], counts["sms"]) != (len(sent["mails"]), len(sent["texts"])):
        raise RuntimeError(f"the bare loop lost messages: {counts}, not {len(sent['mails'])} and {len(sent['texts'])}")
    return took


async def _mail(mails: list[tuple[str, str, bytes]], port: int) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as line:
        while mails:
            sender, recipient, content = mails.pop()
            await line.sendmail(sender, [recipient], content)


async def _text(texts: list[dict[str, str]], http: httpx2.AsyncClient, url: str) -> None:
    while texts:
        answer = await http.post(f"{url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json", data=texts.pop())
        answer.raise_for_status()
