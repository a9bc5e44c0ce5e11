"""Facts on their way to the database: written in order, outside the sockets' way, kept until the database takes them."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque

from sqlalchemy.exc import IntegrityError

from telecontrol import log
from telecontrol.db.session import Database
from telecontrol.video.attendance import Fact, record_facts

_BATCH = 100
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_MOST_KEPT = 50_000
"""Beyond this the database has been away for hours: the newest facts are refused, and said so in the log."""

logger = log.get("telecontrol.video.evidence")


class EvidenceWriter:
    """One per process. A write that fails is tried again for as long as the process lives."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: deque[Fact] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, fact: Fact) -> None:
        """Queue a fact; returns at once."""
        if len(self._pending) >= _MOST_KEPT:
            logger.error("call.evidence_full", count=len(self._pending), room_id=str(fact.room_id))
            return
        self._pending.append(fact)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name="call-evidence")

    async def flushed(self, *, within: float = 5.0) -> bool:
        """Wait until everything queued so far is written; False when that took longer than `within` seconds."""
        if self._task is None or self._task.done():
            return True
        done, _ = await asyncio.wait({self._task}, timeout=within)
        return bool(done)

    async def aclose(self) -> None:
        """Write what is left, for a few seconds at most."""
        if not await self.flushed() and self._task is not None:
            logger.error("call.evidence_lost", count=len(self._pending))
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _drain(self) -> None:
        failures = 0
        while self._pending:
            # After a failure one at a time: a fact that the database will never take must not hold up the others.
            batch = list(itertools.islice(self._pending, 1 if failures else _BATCH))
            try:
                async with self._database.transaction() as session:
                    await record_facts(session, batch)
            except IntegrityError as error:
                failures += 1
                if len(batch) == 1:
                    logger.error(
                        "call.evidence_refused", room_id=str(batch[0].room_id), reason=type(error.orig).__name__
                    )
                    self._pending.popleft()
            except Exception as error:  # noqa: BLE001  (told in the next line)
                # Whatever ails the database, the evidence waits for it.
                logger.warning("call.evidence_delayed", count=len(self._pending), reason=type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1
            else:
                failures = 0
                for _ in batch:
                    self._pending.popleft()
