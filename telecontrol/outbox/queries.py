"""Reading the outbox: for timelines, for the rule of the legal notice, for the demo's time bar, for metrics.

Nothing here loads sealed bytes. Recipients are returned as they are: who shows them masks them.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.outbox.locks import NO_SECRETS, matching
from telecontrol.outbox.models import (
    Attempt,
    DeliveryState,
    Intent,
    IntentState,
    PausedTarget,
    Receipt,
)

_UNDONE = (IntentState.PENDING, IntentState.SENDING, IntentState.UNSETTLED)
_BAD = {DeliveryState.UNDELIVERED, DeliveryState.FAILED}


@dataclass(frozen=True, slots=True)
class Story:
    """An intent with all that happened to it, oldest first."""

    intent: Intent
    attempts: Sequence[Attempt]
    receipts: Sequence[Receipt]


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How far one channel came with what it had to tell. Instants are aware, in UTC."""

    channel: str
    intent_id: uuid.UUID
    recipient: str
    state: IntentState
    accepted_at: datetime | None
    bounced_at: datetime | None
    """When its provider said that it was not delivered after all."""
    delivery: DeliveryState
    failure_code: str
    others: tuple[ChannelState, ...] = ()
    """The other messages of the same channel."""

    @property
    def has_bounced(self) -> bool:
        return self.bounced_at is not None

    @property
    def is_undecided(self) -> bool:
        """Still to be sent, on the wire, or in doubt."""
        return self.state in _UNDONE

    def counts_before(self, limit: datetime) -> bool:
        """Whether the provider accepted one of the channel's messages before `limit` and that one did not bounce before it
        (`DOMAIN.md` §3, *when a notice counts*). At `limit` itself is too late."""
        was_accepted = self.accepted_at is not None and self.accepted_at < limit
        has_held = self.bounced_at is None or self.bounced_at >= limit
        return (was_accepted and has_held) or any(other.counts_before(limit) for other in self.others)


async def of_subject(
    session: AsyncSession, *, subject_kind: str, subject_id: uuid.UUID, kinds: Collection[str] | None = None
) -> list[Story]:
    """The messages about a subject with their attempts and receipts, oldest first."""
    wanted = matching(subject_kind, subject_id, kinds=kinds, version=None, versions_below=None)
    return await _stories(session, *wanted)


async def of_control(session: AsyncSession, control_id: uuid.UUID) -> list[Story]:
    """The messages of a control with their attempts and receipts, oldest first."""
    return await _stories(session, Intent.control_id == control_id)


async def channel_states(
    session: AsyncSession, *, subject_kind: str, subject_id: uuid.UUID, version: int, kind: str | Collection[str]
) -> dict[str, ChannelState]:
    """Where each channel stands with the message `kind` (or any of several kinds) of one version, by channel.

    Where a channel had several (another number, a repetition after a bounce) the one that counts best speaks for it: the
    first one accepted that did not bounce, else one still undecided, else the latest.
    """
    kinds = [kind] if isinstance(kind, str) else kind
    wanted = matching(subject_kind, subject_id, kinds=kinds, version=version, versions_below=None)
    found = await session.scalars(select(Intent).where(*wanted).options(*NO_SECRETS))
    by_channel: dict[str, list[ChannelState]] = defaultdict(list)
    for intent in sorted(found, key=lambda one: one.created_at):
        by_channel[intent.channel].append(_channel_state(intent))
    return {channel: _speaker(states) for channel, states in by_channel.items()}


async def next_due_at(session: AsyncSession, *, is_first_try: bool | None = None) -> datetime | None:
    """The next instant at which the outbox has something to do by itself; None when nothing waits.

    With `is_first_try` only messages never tried yet, or only those that are tried again or whose fate is looked for.
    """
    which = (
        [] if is_first_try is None else [(Intent.attempts_made == 0) if is_first_try else (Intent.attempts_made > 0)]
    )
    undone = Intent.state.in_([IntentState.PENDING, IntentState.UNSETTLED])
    rows = await session.execute(
        select(Intent.target, func.min(Intent.next_attempt_at)).where(undone, *which).group_by(Intent.target)
    )
    paused = {row.target: row.until_at for row in await session.scalars(select(PausedTarget))}
    due = [max(at, paused.get(target, at)) for target, at in rows]
    lease: datetime | None = await session.scalar(
        select(func.min(Intent.lease_until)).where(Intent.state == IntentState.SENDING, *which)
    )
    expiry: datetime | None = await session.scalar(
        select(func.min(Intent.not_after)).where(Intent.state == IntentState.PENDING, *which)
    )
    return min([*due, *(at for at in (lease, expiry) if at is not None)], default=None)


async def counts_by_state(session: AsyncSession) -> dict[tuple[str, IntentState], int]:
    """How many intents there are, by (target, state)."""
    rows = await session.execute(
        select(Intent.target, Intent.state, func.count()).group_by(Intent.target, Intent.state)
    )
    return {(target, state): count for target, state, count in rows}


async def oldest_due_at(session: AsyncSession, *, now: datetime) -> datetime | None:
    """Since when the longest waiting due message waits: the age of the queue. None when nothing is due."""
    found: datetime | None = await session.scalar(
        select(func.min(Intent.next_attempt_at)).where(
            Intent.state == IntentState.PENDING, Intent.next_attempt_at <= now
        )
    )
    return found


async def paused_targets(session: AsyncSession) -> list[PausedTarget]:
    """The targets whose queue stands still, or is being probed."""
    return list(await session.scalars(select(PausedTarget).order_by(PausedTarget.paused_at)))


def _channel_state(intent: Intent) -> ChannelState:
    return ChannelState(
        channel=intent.channel,
        intent_id=intent.id,
        recipient=intent.recipient,
        state=intent.state,
        accepted_at=intent.accepted_at,
        bounced_at=intent.delivery_at if intent.delivery in _BAD else None,
        delivery=intent.delivery,
        failure_code=intent.failure_code,
    )


def _speaker(states: Sequence[ChannelState]) -> ChannelState:
    """Of several states of one channel, in the order they were created, the one that counts best."""
    good = [state for state in states if state.accepted_at is not None and not state.has_bounced]
    undecided = [state for state in states if state.is_undecided]
    first_good = sorted(good, key=lambda state: (state.accepted_at, state.intent_id))[:1]
    chosen = (first_good or undecided or states)[-1]
    return replace(chosen, others=tuple(state for state in states if state is not chosen))


async def _stories(session: AsyncSession, *wanted: ColumnElement[bool]) -> list[Story]:
    found = await session.scalars(
        select(Intent).where(*wanted).order_by(Intent.created_at, Intent.id).options(*NO_SECRETS)
    )
    intents = found.all()
    ids = [intent.id for intent in intents]
    attempts: dict[uuid.UUID, list[Attempt]] = defaultdict(list)
    for attempt in await session.scalars(
        select(Attempt).where(Attempt.intent_id.in_(ids)).order_by(Attempt.started_at, Attempt.number)
    ):
        attempts[attempt.intent_id].append(attempt)
    receipts: dict[uuid.UUID | None, list[Receipt]] = defaultdict(list)
    for receipt in await session.scalars(
        select(Receipt).where(Receipt.intent_id.in_(ids)).order_by(Receipt.received_at, Receipt.id)
    ):
        receipts[receipt.intent_id].append(receipt)
    return [Story(intent, attempts[intent.id], receipts[intent.id]) for intent in intents]
