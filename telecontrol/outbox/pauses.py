"""Targets whose queue stands still because of a fault of ours: refused credentials, a bad certificate, no credit."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.outbox.models import PausedTarget
from telecontrol.outbox.policy import SendingPolicy, next_pause
from telecontrol.tasks.desk import close_tasks, open_task
from telecontrol.tasks.models import Owner, TaskKind

_TARGETS = uuid.UUID("6f0c3f5e-64b5-4c5f-8f0e-5a1f4c1d7b11")


def target_id(name: str) -> uuid.UUID:
    """The id under which tasks know a target."""
    return uuid.uuid5(_TARGETS, name)


async def pause(session: AsyncSession, target: str, *, code: str, now: datetime, policy: SendingPolicy) -> None:
    """Stop claiming for `target`, and tell administrators. Each failed probe lengthens the pause; messages that fail while
    it already stands change nothing."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    values = {"target": target, "paused_at": now, "until_at": now, "code": code}
    await session.execute(dialect.insert(PausedTarget).values(values).on_conflict_do_nothing())
    row = await _locked(session, target)
    if row is None or row.until_at > now:
        return
    row.until_at = now + next_pause(paused_at=row.paused_at, now=now, policy=policy)
    row.code = code
    await open_task(
        session,
        TaskKind.TARGET_PAUSED,
        subject_kind="target",
        subject_id=target_id(target),
        owner=Owner.ADMINISTRATOR,
        now=now,
        target=target,
        code=code,
    )


async def resume(session: AsyncSession, target: str, *, started_at: datetime, now: datetime) -> None:
    """A delivery begun at `started_at` got through. One begun before the pause proves nothing of the time after it."""
    row = await _locked(session, target)
    if row is None or started_at < row.until_at:
        return
    await session.delete(row)
    await close_tasks(
        session, TaskKind.TARGET_PAUSED, subject_id=target_id(target), outcome="resumed", by="service", now=now
    )


async def _locked(session: AsyncSession, target: str) -> PausedTarget | None:
    found: PausedTarget | None = await session.scalar(
        select(PausedTarget)
        .where(PausedTarget.target == target)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found
