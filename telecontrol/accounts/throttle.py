"""Failed tries, counted per scope and key: what makes guessing slow, for accounts, network addresses and public forms."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import FailedTry

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """After `free` failures within a day each further one doubles the wait, from `first` up to `longest`."""

    free: int
    first: timedelta
    longest: timedelta

    def wait_after(self, failures: int) -> timedelta:
        if failures < self.free:
            return timedelta(0)
        # Past twenty doublings every wait is the longest; the bound keeps the figure small.
        doublings = min(failures - self.free, 20)
        return min(self.longest, self.first * (1 << doublings))


def address_key(address: str) -> str:
    """A caller's network address as a key; IPv6 callers are counted by their /64, which one household or firm shares."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def secret_key(text: str) -> str:
    """A key that does not show what was typed (an e-mail address, a phone number)."""
    return hashlib.sha256(text.strip().casefold().encode()).hexdigest()


async def take_turns(session: AsyncSession, key: str) -> None:
    """Have simultaneous tries under `key` wait for each other until the transaction ends, so that each is counted.

    On SQLite every writing transaction waits for the others anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


async def seconds_to_wait(session: AsyncSession, *, scope: str, key: str, limit: Limit, now: datetime) -> int:
    """How long `key` must wait before another try, in whole seconds; 0 when it may try now."""
    row = (
        await session.execute(
            select(func.count(FailedTry.id), func.max(FailedTry.at)).where(
                FailedTry.scope == scope, FailedTry.key == key, FailedTry.at > now - KEPT
            )
        )
    ).one()
    failures: int = row[0]
    if not failures:
        return 0
    last: datetime = row[1]
    left = last + limit.wait_after(failures) - now
    return max(0, -(-left // timedelta(seconds=1)))


async def count_failure(session: AsyncSession, *, scope: str, key: str, now: datetime) -> int:
    """Count one more failure and forget those older than a day; how many there are now for this key."""
    await session.execute(delete(FailedTry).where(FailedTry.at <= now - KEPT))
    session.add(FailedTry(scope=scope, key=key, at=now))
    await session.flush()
    counted = await session.scalar(
        select(func.count(FailedTry.id)).where(
            FailedTry.scope == scope, FailedTry.key == key, FailedTry.at > now - KEPT
        )
    )
    return counted or 0


async def forget_failures(session: AsyncSession, *, scope: str, key: str) -> None:
    await session.execute(delete(FailedTry).where(FailedTry.scope == scope, FailedTry.key == key))
