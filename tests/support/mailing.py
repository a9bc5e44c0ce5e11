"""Short ways to write intents and look at them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.db.sealing import Sealer
from telecontrol.db.session import Database
from telecontrol.outbox.intents import enqueue
from telecontrol.outbox.locks import NO_SECRETS
from telecontrol.outbox.models import Attempt, Intent
from telecontrol.tasks.models import Task, TaskKind

SEALER = Sealer({"test": bytes(range(32))}, purpose="messages")


async def write(session: AsyncSession, *, now: datetime, text: str = "Bonjour", **given: Any) -> Intent:
    """An intent that is due at `now` and for two days, unless `given` says otherwise."""
    values: dict[str, Any] = {
        "target": "mail",
        "subject_kind": "appointment",
        "subject_id": uuid.uuid4(),
        "version": 1,
        "kind": "invitation",
        "channel": "mail",
        "recipient": "a@example.org",
        "language": "fr",
        "context": {"text": text},
        "not_before": now,
        "not_after": now + timedelta(days=2),
        "deadline_at": now + timedelta(days=1),
    }
    return await enqueue(session, sealer=SEALER, now=now, **{**values, **given})


async def queue(database: Database, *, now: datetime, count: int = 1, **given: Any) -> list[Intent]:
    """`count` committed intents, to r0@example.org, r1@example.org…"""
    async with database.transaction() as session:
        recipients = [{"recipient": f"r{number}@example.org"} for number in range(count)]
        return [await write(session, now=now, **{**recipient, **given}) for recipient in recipients]


async def intent_of(database: Database, intent: Intent) -> Intent:
    async with database.reading() as session:
        return (await session.scalars(select(Intent).where(Intent.id == intent.id).options(*NO_SECRETS))).one()


async def all_intents(database: Database) -> list[Intent]:
    async with database.reading() as session:
        return list(await session.scalars(select(Intent).order_by(Intent.created_at, Intent.id).options(*NO_SECRETS)))


async def attempts_of(database: Database, intent: Intent) -> list[Attempt]:
    async with database.reading() as session:
        found = await session.scalars(select(Attempt).where(Attempt.intent_id == intent.id).order_by(Attempt.number))
        return list(found)


async def all_attempts(database: Database) -> dict[uuid.UUID, list[Attempt]]:
    """The attempts of every intent, first one first, by the intent's id."""
    found: dict[uuid.UUID, list[Attempt]] = defaultdict(list)
    async with database.reading() as session:
        for attempt in await session.scalars(select(Attempt).order_by(Attempt.number)):
            found[attempt.intent_id].append(attempt)
    return found


async def open_tasks(database: Database, kind: TaskKind) -> list[Task]:
    async with database.reading() as session:
        return list(await session.scalars(select(Task).where(Task.kind == kind, Task.done_at.is_(None))))


async def count_of(database: Database, table: type[Any]) -> int:
    async with database.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)
