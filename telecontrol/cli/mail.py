"""Mail that comes back."""

from __future__ import annotations

from telecontrol.clock import SystemClock
from telecontrol.db.session import Database
from telecontrol.notify.bounces import parse_bounces
from telecontrol.scheduling.returns import mail_bounce


async def take_bounce(database: Database, raw: bytes) -> int:
    """Note every delivery report that the message holds; how many there were. Another message holds none."""
    reports = parse_bounces(raw)
    for report in reports:
        async with database.transaction() as session:
            await mail_bounce(session, report, now=SystemClock().now())
    return len(reports)
