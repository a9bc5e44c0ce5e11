"""One row, one transaction: how this package's sweeps treat what is due."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.db.session import Database

logger = log.get("reports.sweeps")


async def each(
    database: Database, ids: Iterable[uuid.UUID], treat: Callable[[AsyncSession, uuid.UUID], Awaitable[None]]
) -> int:
    """Treat each row in its own transaction; how many went well. A failure is logged and leaves the others alone."""
    done = 0
    for row_id in ids:
        try:
            async with database.transaction() as session:
                await treat(session, row_id)
            done += 1
        except Exception:
            # A defect in one file must not keep the next report from being alerted; the row is met again next time.
            logger.exception("sweep_failed_on_row", row_id=str(row_id))
    return done
