"""Holds: sending stands still, and every timed decision with it, until the hour or the database can be trusted again.

A hold is a row beside those of paused targets, under a name that no target has, so that every process sees it. A paused target
probes and resumes by itself; a hold ends when its cause is gone or when an administrator says so, by name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.db.journal import SERVICE, Actor, record
from telecontrol.errors import NotFound
from telecontrol.outbox.models import PausedTarget
from telecontrol.outbox.pauses import target_id
from telecontrol.tasks.desk import close_tasks, open_task
from telecontrol.tasks.models import Owner, TaskKind

CLOCK = "clock"
"""Followed by the machine whose hour is in doubt: `clock:3fa9c1d2`."""
RESTORE = "restore"
_ENDLESS_YEAR = 9000


def is_hold(name: str) -> bool:
    return name == RESTORE or name.startswith(f"{CLOCK}:")


async def standing(session: AsyncSession) -> list[PausedTarget]:
    """The holds that stand, the oldest first. One query."""
    found = await session.scalars(select(PausedTarget).order_by(PausedTarget.paused_at))
    return [row for row in found if is_hold(row.target)]


async def hold(session: AsyncSession, name: str, *, code: str, now: datetime, **detail: Any) -> bool:
    """Hold everything back, tell the administrators, and leave a line in the journal; False when it stood already."""
    assert is_hold(name)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    until = now.replace(year=_ENDLESS_YEAR, month=1, day=1)
    made = await session.scalar(
        dialect.insert(PausedTarget)
        .values(target=name, paused_at=now, until_at=until, code=code)
        .on_conflict_do_nothing()
        .returning(PausedTarget.target)
    )
    if made is None:
        return False
    await open_task(
        session,
        TaskKind.TARGET_PAUSED,
        subject_kind="hold",
        subject_id=target_id(name),
        owner=Owner.ADMINISTRATOR,
        now=now,
        target=name,
        code=code,
        **detail,
    )
    record(session, "sending.held", actor=SERVICE, now=now, subject_kind="hold", subject_id=name, code=code, **detail)
    return True


async def lift(session: AsyncSession, name: str, *, outcome: str, now: datetime, actor: Actor = SERVICE) -> None:
    """Go on. `outcome` is `agree_again`, `hour_confirmed` or `reconciled`. Raises `NotFound` when nothing is held under `name`."""
    row = await session.get(PausedTarget, name, with_for_update=True, populate_existing=True)
    if row is None or not is_hold(name):
        raise NotFound("nothing is held back under this name", code="no_hold")
    await session.delete(row)
    by = actor.id or actor.label
    await close_tasks(session, TaskKind.TARGET_PAUSED, subject_id=target_id(name), outcome=outcome, by=by, now=now)
    record(session, "sending.resumed", actor=actor, now=now, subject_kind="hold", subject_id=name, outcome=outcome)
