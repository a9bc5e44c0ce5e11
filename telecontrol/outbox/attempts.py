"""Opening attempts: committed before their network call, for intents that are still ours and still to be sent."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.outbox import fates
from telecontrol.outbox.models import Attempt, Intent, IntentState
from telecontrol.outbox.parcels import Parcel, Spoiled
from telecontrol.outbox.policy import SendingPolicy
from telecontrol.outbox.targets import Rejected


async def open_attempts(
    session: AsyncSession,
    parcels: Sequence[Parcel],
    *,
    intents: Mapping[uuid.UUID, Intent],
    now: datetime,
    lease: timedelta,
) -> list[Parcel]:
    """Open an attempt for each parcel whose intent (locked, read afresh) may still leave; those parcels.

    Running it again after a lost COMMIT finds the attempts by their ids. A claim whose lease ended but that nobody else
    took is still ours: the fence says so under the row's lock, and the attempt brings its own lease.
    """
    wanted = [parcel.attempt_id for parcel in parcels]
    made = set(await session.scalars(select(Attempt.id).where(Attempt.id.in_(wanted))))
    opened = []
    for parcel in parcels:
        intent = intents.get(parcel.claim.intent_id)
        if intent is None or intent.fence != parcel.claim.fence:
            continue
        if parcel.attempt_id in made:
            if intent.state is IntentState.SENDING:
                opened.append(parcel)
        elif intent.state is IntentState.PENDING and await _may_leave(session, intent, now=now):
            session.add(_open(intent, parcel, now=now, lease=lease))
            opened.append(parcel)
    return opened


async def _may_leave(session: AsyncSession, intent: Intent, *, now: datetime) -> bool:
    if now >= intent.not_after:
        await fates.fail(session, intent, code=fates.TOO_LATE, now=now, last=intent.failure_code)
        return False
    if now < intent.not_before:
        # The clock was put back since the claim.
        intent.lease_until = None
        return False
    return True


def _open(intent: Intent, parcel: Parcel, *, now: datetime, lease: timedelta) -> Attempt:
    intent.state = IntentState.SENDING
    intent.lease_until = now + lease
    intent.attempts_made += 1
    if parcel.to_store is not None:
        intent.content_sealed = parcel.to_store
        intent.content_hash = parcel.content_hash
    return Attempt(
        id=parcel.attempt_id,
        intent_id=intent.id,
        number=intent.attempts_made,
        fence=intent.fence,
        started_at=now,
        content_hash=parcel.content_hash,
    )


async def set_aside(
    session: AsyncSession,
    spoiled: Iterable[Spoiled],
    *,
    intents: Mapping[uuid.UUID, Intent],
    now: datetime,
    policy: SendingPolicy,
) -> None:
    """Poison goes to a human; what could not be read for a fault of ours is tried again later."""
    for one in spoiled:
        intent = intents.get(one.claim.intent_id)
        if intent is None or intent.state is not IntentState.PENDING or intent.fence != one.claim.fence:
            continue
        await fates.refuse(session, intent, Rejected(one.for_good, one.code), now=now, policy=policy)


async def is_ours(session: AsyncSession, parcel: Parcel, *, now: datetime) -> bool:
    """Whether this attempt may still leave: not voided, not too late, not settled or taken by somebody else."""
    found = await session.scalar(
        select(Intent.id).where(
            Intent.id == parcel.claim.intent_id,
            Intent.state == IntentState.SENDING,
            Intent.fence == parcel.claim.fence,
            Intent.voided_at.is_(None),
            Intent.lease_until > now,
            Intent.not_after > now,
        )
    )
    return found is not None
