"""Taking due intents in hand: a lease, and a number that fences whoever held it before."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.outbox import fates
from telecontrol.outbox.locks import NO_SECRETS
from telecontrol.outbox.models import Intent, IntentState, PausedTarget


@dataclass(frozen=True, slots=True)
class Claim:
    """An intent in hand, with what rendering and sending it needs."""

    intent_id: uuid.UUID
    target: str
    fence: int
    kind: str
    channel: str
    language: str
    deadline_at: datetime
    not_after: datetime
    recipient: str = field(repr=False)
    context_sealed: bytes = field(repr=False)
    content_sealed: bytes | None = field(repr=False)
    content_hash: str = ""


async def claim_due(
    session: AsyncSession, *, now: datetime, limit: int, lease: timedelta, targets: Collection[str]
) -> list[Claim]:
    """Take up to `limit` due intents of `targets` in hand until `now + lease`, oldest deadline first.

    Paused targets are left out. Once its pause is over a target gets one message only, as a probe, until one went through.
    On SQLite the caller's `BEGIN IMMEDIATE` keeps others out; PostgreSQL skips rows that others hold.
    """
    paused = {row.target: row.until_at for row in await session.scalars(select(PausedTarget))}
    open_targets = [name for name in targets if name not in paused]
    claims = await _claim(session, open_targets, now=now, limit=limit, lease=lease)
    for name in targets:
        if name in paused and paused[name] <= now and not await _is_in_hand(session, name, now=now):
            claims += await _claim(session, [name], now=now, limit=1, lease=lease)
    return claims


async def _is_in_hand(session: AsyncSession, target: str, *, now: datetime) -> bool:
    """Whether anybody holds a message of `target`: its probe, or what was on the wire when it was paused."""
    held = and_(Intent.state.in_([IntentState.PENDING, IntentState.SENDING]), Intent.lease_until > now)
    return await session.scalar(select(Intent.id).where(Intent.target == target, held).limit(1)) is not None


async def _claim(
    session: AsyncSession, targets: Collection[str], *, now: datetime, limit: int, lease: timedelta
) -> list[Claim]:
    if not targets or limit <= 0:
        return []
    due = (
        Intent.state == IntentState.PENDING,
        Intent.next_attempt_at <= now,
        Intent.not_before <= now,
        Intent.not_after > now,
        Intent.voided_at.is_(None),
        Intent.target.in_(targets),
    )
    return await _take(session, *due, now=now, limit=limit, lease=lease)


async def claim_doubtful(session: AsyncSession, *, now: datetime, limit: int, lease: timedelta) -> list[Claim]:
    """Take in hand intents whose last attempt is ambiguous and whose evidence is to be sought now, of any target."""
    due = (Intent.state == IntentState.UNSETTLED, Intent.next_attempt_at <= now)
    return await _take(session, *due, now=now, limit=limit, lease=lease)


async def _take(
    session: AsyncSession, *wanted: ColumnElement[bool], now: datetime, limit: int, lease: timedelta
) -> list[Claim]:
    free = or_(Intent.lease_until.is_(None), Intent.lease_until <= now)
    chosen = (
        select(Intent.id)
        .where(*wanted, free)
        .order_by(Intent.deadline_at, Intent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
        .prefix_with("MATERIALIZED")
    )
    taken = await session.execute(
        update(Intent)
        .where(Intent.id.in_(select(chosen.c.id)))
        .values(fence=Intent.fence + 1, lease_until=now + lease)
        .returning(
            Intent.id,
            Intent.target,
            Intent.fence,
            Intent.kind,
            Intent.channel,
            Intent.language,
            Intent.deadline_at,
            Intent.not_after,
            Intent.recipient,
            Intent.context_sealed,
            Intent.content_sealed,
            Intent.content_hash,
        )
        .execution_options(synchronize_session=False)
    )
    claims: list[Claim] = [Claim(*values) for values in map(tuple, taken)]
    return sorted(claims, key=lambda claim: (claim.deadline_at, claim.intent_id))


def release(claims: Iterable[Claim], *, intents: Mapping[uuid.UUID, Intent]) -> None:
    """Give back what was taken in hand and not started (`intents` locked): another worker may have it at once."""
    for claim in claims:
        intent = intents.get(claim.intent_id)
        if intent is not None and intent.state is IntentState.PENDING and intent.fence == claim.fence:
            intent.lease_until = None


async def expire(session: AsyncSession, *, now: datetime, limit: int) -> int:
    """Hand to humans what may not be sent any more, whatever its target; how many there were (at most `limit`)."""
    found = await session.scalars(
        select(Intent)
        .where(Intent.state == IntentState.PENDING, Intent.not_after <= now)
        .order_by(Intent.deadline_at)
        .limit(limit)
        .options(*NO_SECRETS)
        .with_for_update(skip_locked=True)
    )
    expired = found.all()
    for intent in expired:
        await fates.fail(session, intent, code=fates.TOO_LATE, now=now, last=intent.failure_code)
    return len(expired)
