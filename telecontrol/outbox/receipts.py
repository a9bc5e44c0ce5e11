"""What providers report later: status callbacks and bounces, in any order, any number of times, for any id.

The delivery state of an intent is computed from the set of its receipts, so the order of their arrival cannot matter
(PROMISES P10). For one message queued < sent < delivered < undelivered < failed: a failure told beside a delivery wins,
because a notice that may not have arrived must be looked at. Where an ambiguity had the provider take two messages, one
that was delivered is enough.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.outbox import fates, outcomes
from telecontrol.outbox.locks import lock
from telecontrol.outbox.models import Attempt, DeliveryState, Intent, IntentState, Receipt

_WORDS = {
    "accepted": DeliveryState.QUEUED,
    "scheduled": DeliveryState.QUEUED,
    "queued": DeliveryState.QUEUED,
    "sending": DeliveryState.QUEUED,
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.DELIVERED,
    "undelivered": DeliveryState.UNDELIVERED,
    "bounced": DeliveryState.UNDELIVERED,
    "failed": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}
_RANK = {state: rank for rank, state in enumerate(DeliveryState)}
_BAD = {DeliveryState.UNDELIVERED, DeliveryState.FAILED}
_ORPHANS_KEPT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Noted:
    """What a receipt changed. `became` is the intent's new delivery state, None when it stayed what it was."""

    is_new: bool
    intent: Intent | None = None
    became: DeliveryState | None = None


def meaning(status: str) -> DeliveryState:
    """The delivery state that a provider's word stands for; `unknown` for a word that says nothing of delivery."""
    return _WORDS.get(status.lower(), DeliveryState.UNKNOWN)


def delivery_of(receipts: Iterable[tuple[str, str, datetime]]) -> tuple[DeliveryState, datetime | None]:
    """The state that a set of (provider id, status, received at) amounts to, and since when it is known.

    A receipt without a provider id speaks of every message of its intent.
    """
    by_message: dict[str, list[tuple[DeliveryState, datetime]]] = defaultdict(list)
    for provider_id, status, at in receipts:
        by_message[provider_id].append((meaning(status), at))
    common = by_message.pop("", [])
    messages = [[*said, *common] for said in by_message.values()] or [common]
    reached = [max((state for state, _ in said), key=_RANK.__getitem__) for said in messages if said]
    if not reached:
        return DeliveryState.UNKNOWN, None
    is_delivered = DeliveryState.DELIVERED in reached
    state = DeliveryState.DELIVERED if is_delivered else max(reached, key=_RANK.__getitem__)
    return state, min(at for said in messages for told, at in said if told is state)


async def record(
    session: AsyncSession,
    *,
    target: str,
    event_key: str,
    provider_id: str,
    intent_id: uuid.UUID | None,
    status: str,
    now: datetime,
    code: str = "",
    detail: dict[str, Any] | None = None,
) -> Noted:
    """Keep what a provider reported, once per (target, event key), and bring its intent up to date.

    `intent_id` is what the callback's address carries; without it the provider's id finds the intent, now or, if our own
    commit is still to come, then. `status` is the provider's word. `detail` holds no name, address or number. A receipt for
    a doubtful attempt is evidence that the provider took it.
    """
    provider_id = outcomes.clean(provider_id, 254)
    known = await _intent_of(session, target, provider_id=provider_id, intent_id=intent_id)
    values = {
        "id": uuid.uuid4(),
        "target": target,
        "event_key": outcomes.clean(event_key, 200),
        "provider_id": provider_id,
        "intent_id": known,
        "status": outcomes.clean(status, 40),
        "code": outcomes.clean(code, 80),
        "received_at": now,
        "detail": detail or {},
    }
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    made = await session.scalar(dialect.insert(Receipt).values(values).on_conflict_do_nothing().returning(Receipt.id))
    if made is None or known is None:
        return Noted(is_new=made is not None)
    intent = (await lock(session, [known]))[known]
    became = await _bring_up_to_date(session, intent, provider_id=provider_id, now=now)
    return Noted(is_new=True, intent=intent, became=became)


async def adopt(session: AsyncSession, intents: Collection[Intent], *, now: datetime) -> None:
    """Give these accepted intents (locked) the receipts that came before their acceptance was recorded."""
    by_provider_id = {intent.provider_id: intent for intent in intents if intent.provider_id}
    orphans = await session.scalars(
        select(Receipt).where(Receipt.intent_id.is_(None), Receipt.provider_id.in_(by_provider_id))
    )
    for receipt in orphans.all():
        intent = by_provider_id[receipt.provider_id]
        if intent.target == receipt.target:
            receipt.intent_id = intent.id
            await session.flush()
            await _bring_up_to_date(session, intent, provider_id=receipt.provider_id, now=now)


async def match_orphans(session: AsyncSession, *, now: datetime, limit: int) -> int:
    """Match receipts that crossed our commit on the wire, so that neither saw the other; how many were matched."""
    found = await session.execute(
        select(Receipt, Intent.id)
        .join(Attempt, Attempt.provider_id == Receipt.provider_id)
        .join(Intent, (Intent.id == Attempt.intent_id) & (Intent.target == Receipt.target))
        .where(Receipt.intent_id.is_(None), Receipt.provider_id != "", Receipt.received_at > now - _ORPHANS_KEPT)
        .limit(limit)
    )
    pairs = [(receipt, intent_id) for receipt, intent_id in found]
    intents = await lock(session, {intent_id for _, intent_id in pairs})
    for receipt, intent_id in pairs:
        receipt.intent_id = intent_id
    await session.flush()
    for intent in intents.values():
        await _bring_up_to_date(session, intent, provider_id="", now=now)
    return len(pairs)


async def has_any(session: AsyncSession, intent_id: uuid.UUID) -> str | None:
    """The provider's id from a receipt of this intent; empty when the receipt names none, None without receipt."""
    found: str | None = await session.scalar(
        select(Receipt.provider_id).where(Receipt.intent_id == intent_id).order_by(Receipt.provider_id.desc()).limit(1)
    )
    return found


async def _intent_of(
    session: AsyncSession, target: str, *, provider_id: str, intent_id: uuid.UUID | None
) -> uuid.UUID | None:
    found: uuid.UUID | None = None
    if intent_id is not None:
        found = await session.scalar(select(Intent.id).where(Intent.id == intent_id, Intent.target == target))
    if found is None and provider_id:
        found = await session.scalar(
            select(Intent.id)
            .join(Attempt, Attempt.intent_id == Intent.id)
            .where(Attempt.provider_id == provider_id, Intent.target == target)
            .limit(1)
        )
    return found


async def _bring_up_to_date(
    session: AsyncSession, intent: Intent, *, provider_id: str, now: datetime
) -> DeliveryState | None:
    if intent.state not in {IntentState.ACCEPTED, IntentState.SENDING}:
        await outcomes.settle_taken(
            session, intent, await attempts_of(session, intent.id), provider_id=provider_id, now=now
        )
    rows = await session.execute(
        select(Receipt.provider_id, Receipt.status, Receipt.received_at).where(Receipt.intent_id == intent.id)
    )
    state, at = delivery_of((told_by, status, at) for told_by, status, at in rows)
    if state is intent.delivery:
        return None
    intent.delivery, intent.delivery_at = state, at
    if state in _BAD or state is DeliveryState.DELIVERED:
        fates.note(session, intent, str(state), now=now)
    return state


async def attempts_of(session: AsyncSession, intent_id: uuid.UUID) -> Sequence[Attempt]:
    """The attempts of an intent, first one first, read afresh."""
    found = await session.scalars(
        select(Attempt)
        .where(Attempt.intent_id == intent_id)
        .order_by(Attempt.number)
        .execution_options(populate_existing=True)
    )
    return found.all()
