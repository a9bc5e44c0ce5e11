"""The guard of an old backup (PROMISES §3): a mark in the database that only grows, and the same mark in a file outside it.

A restored backup brings the database's mark back and leaves the file's where it was: what was sent since is then unknown to the
database, and would be sent again. So everything timed stands still until `telecontrol reconcile` was gone through.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.db.journal import Actor
from telecontrol.db.session import Database
from telecontrol.outbox import fates, holds
from telecontrol.outbox.locks import NO_SECRETS
from telecontrol.outbox.models import Intent, IntentState, WorkMark

logger = log.get("outbox.restore_guard")

OLDER = "older_than_the_mark"
MAY_HAVE_BEEN_SENT = "may_have_been_sent_before_restore"
MARKED_EVERY = 10.0
"""Seconds between two marks: a backup restored within them, and nothing else, passes unseen (choice)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the work was: `lineage` names the database from its first mark on, its copies included."""

    lineage: str
    number: int
    marked_at: datetime


class RestoreGuard:
    """One in each process that works. `folder` must outlive the database: not inside it, not in its backups."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "work-mark.json"
        self._next = 0.0

    async def check(self, database: Database, *, now: datetime) -> None:
        """Raise the mark when it is time, and hold everything back when the database turns out to be older than the file."""
        if time.monotonic() < self._next:
            return
        kept = self.kept()
        async with database.transaction() as session:
            found = await _mark_of(session)
            if found is not None and kept is not None and found.lineage == kept.lineage and found.number < kept.number:
                await holds.hold(
                    session,
                    holds.RESTORE,
                    code=OLDER,
                    now=now,
                    database_at=found.marked_at.isoformat(),
                    seen_at=kept.marked_at.isoformat(),
                )
                logger.error("database_older_than_mark")
                return
            mark = await _raise_mark(session, above=found.number if found else 0, now=now)
        self._keep(mark)
        self._next = time.monotonic() + MARKED_EVERY

    def kept(self) -> Mark | None:
        """What the file says; None without one that can be read."""
        try:
            said = json.loads(self._file.read_text(encoding="ascii"))
            return Mark(str(said["lineage"]), int(said["number"]), datetime.fromisoformat(said["marked_at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _keep(self, mark: Mark) -> None:
        written = self._file.with_suffix(".new")
        text = json.dumps({"lineage": mark.lineage, "number": mark.number, "marked_at": mark.marked_at.isoformat()})
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with written.open("w", encoding="ascii") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            written.replace(self._file)
        except OSError:
            # A full disk stops the sending by itself; a folder that cannot be written costs this protection alone.
            logger.warning("work_mark_not_kept")

    async def in_the_gap(self, session: AsyncSession) -> list[Intent]:
        """What the restored database would send although it may have been sent: due before the file's mark, and unsent here.

        Reports are left out: the insurer's gateway knows them by their key.
        """
        kept = self.kept()
        if kept is None:
            return []
        found = await session.scalars(
            select(Intent)
            .where(
                Intent.state.in_((IntentState.PENDING, IntentState.SENDING, IntentState.UNSETTLED)),
                Intent.voided_at.is_(None),
                Intent.not_before <= kept.marked_at,
                Intent.target != "insurer",
            )
            .order_by(Intent.deadline_at, Intent.id)
            .options(*NO_SECRETS)
        )
        return list(found)

    async def reconcile(self, database: Database, *, actor: Actor, now: datetime) -> int:
        """Hand what is in the gap to humans and let sending resume; how many messages there were.

        Raises `NotFound` when nothing is held back for a restore.
        """
        kept = self.kept()
        async with database.transaction() as session:
            await holds.lift(session, holds.RESTORE, outcome="reconciled", now=now, actor=actor)
            doubtful = await self.in_the_gap(session)
            for intent in doubtful:
                await fates.fail(session, intent, code=MAY_HAVE_BEEN_SENT, now=now)
            mark = await _raise_mark(session, above=kept.number if kept else 0, now=now)
        self._keep(mark)
        return len(doubtful)


async def _mark_of(session: AsyncSession) -> Mark | None:
    row = await session.get(WorkMark, 1, with_for_update=True, populate_existing=True)
    return None if row is None else Mark(row.lineage, row.number, row.marked_at)


async def _raise_mark(session: AsyncSession, *, above: int, now: datetime) -> Mark:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = {"id": 1, "lineage": str(uuid.uuid4()), "number": above + 1, "marked_at": now}
    row: WorkMark | None = await session.scalar(
        dialect.insert(WorkMark)
        .values(fresh)
        .on_conflict_do_update(index_elements=["id"], set_={"number": above + 1, "marked_at": now})
        .returning(WorkMark)
        .execution_options(populate_existing=True)
    )
    assert row is not None
    return Mark(row.lineage, row.number, row.marked_at)
