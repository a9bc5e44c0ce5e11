"""Ending doubts: attempts nobody recorded the outcome of, by evidence, then by one re-send at most, then by a human."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.clock import Clock
from telecontrol.db.sealing import Sealer
from telecontrol.db.session import Database
from telecontrol.errors import Unavailable
from telecontrol.outbox import fates, outcomes, receipts
from telecontrol.outbox.claims import Claim, claim_doubtful
from telecontrol.outbox.locks import lock
from telecontrol.outbox.models import Attempt, AttemptState, Intent, IntentState
from telecontrol.outbox.parcels import outgoing_of
from telecontrol.outbox.policy import SendingPolicy, evidence_limit
from telecontrol.outbox.targets import Ambiguous, Evidence, Target

_log = log.get("outbox")
_LOOK_UPS_AT_ONCE = 8
_LOOK_UP_SECONDS = 10.0


async def end_leases(session: AsyncSession, *, now: datetime, keyed: Collection[str], policy: SendingPolicy) -> int:
    """Attempts still open whose lease is over are ambiguous; how many there were. Whoever held one may send it no more: its
    intent is not *sending* any longer, and the next claim raises the fence.

    `keyed` names the targets that take an idempotency key: their intents are simply due again.
    """
    current = and_(Intent.state == IntentState.SENDING, Intent.fence == Attempt.fence)
    ended = or_(
        and_(current, Intent.lease_until <= now),
        # Its intent was decided by other evidence while the worker that opened it died.
        and_(~current, Attempt.started_at <= now - policy.attempt_lease),
    )
    found = await session.execute(
        select(Attempt.id, Attempt.intent_id)
        .join(Intent, Intent.id == Attempt.intent_id)
        .where(Attempt.state == AttemptState.OPEN, ended)
        .order_by(Attempt.started_at)
        .limit(policy.batch)
    )
    pairs = found.all()
    intents = await lock(session, {intent_id for _, intent_id in pairs})
    open_still = await session.scalars(
        select(Attempt)
        .where(Attempt.id.in_([attempt_id for attempt_id, _ in pairs]), Attempt.state == AttemptState.OPEN)
        .execution_options(populate_existing=True)
    )
    count = 0
    for attempt in open_still:
        intent = intents[attempt.intent_id]
        is_current = intent.state is IntentState.SENDING and intent.fence == attempt.fence
        if is_current and intent.lease_until is not None and intent.lease_until > now:
            continue
        broke = Ambiguous("lease_ended")
        is_keyed = intent.target in keyed
        await outcomes.make_ambiguous(session, intent, attempt, broke, at=now, keyed=is_keyed, now=now, policy=policy)
        count += 1
    return count


async def seek_evidence(
    database: Database,
    *,
    targets: Mapping[str, Target],
    sealer: Sealer,
    clock: Clock,
    policy: SendingPolicy,
) -> int:
    """Ask providers about the doubtful intents whose turn it is; how many were looked at. No transaction is open meanwhile."""
    async with database.transaction() as session:
        claims = await claim_doubtful(session, now=clock.now(), limit=policy.batch, lease=policy.claim_lease)
        began = await _began(session, claims)
    if not claims:
        return 0
    gate = asyncio.Semaphore(_LOOK_UPS_AT_ONCE)

    async def ask(claim: Claim) -> Evidence:
        async with gate:
            return await _look_up(claim, targets.get(claim.target), sealer, attempted_at=began.get(claim.intent_id))

    found = await asyncio.gather(*(ask(claim) for claim in claims))
    async with database.transaction() as session:
        now = clock.now()
        intents = await lock(session, [claim.intent_id for claim in claims])
        for claim, evidence in zip(claims, found, strict=True):
            intent = intents[claim.intent_id]
            if intent.state is IntentState.UNSETTLED and intent.fence == claim.fence:
                await _weigh(session, intent, evidence, now=now, policy=policy)
    return len(claims)


async def _began(session: AsyncSession, claims: Collection[Claim]) -> dict[uuid.UUID, datetime]:
    """When the first of each intent's doubtful attempts began: what the provider took since then is evidence."""
    rows = await session.execute(
        select(Attempt.intent_id, func.min(Attempt.started_at))
        .where(Attempt.intent_id.in_([claim.intent_id for claim in claims]), Attempt.state == AttemptState.AMBIGUOUS)
        .group_by(Attempt.intent_id)
    )
    return {intent_id: at for intent_id, at in rows}  # noqa: C416  (a row is not a pair to mypy)


async def _look_up(claim: Claim, target: Target | None, sealer: Sealer, *, attempted_at: datetime | None) -> Evidence:
    if target is None:
        return Evidence(taken=None)
    try:
        outgoing = replace(outgoing_of(claim, sealer), attempted_at=attempted_at)
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            return await target.look_up(outgoing)
    except Unavailable as error:
        _log.warning("evidence not sought", intent_id=str(claim.intent_id), code=error.code)
    except Exception as error:  # noqa: BLE001  (a provider that does not answer decides nothing)
        _log.warning("look-up failed", intent_id=str(claim.intent_id), target=claim.target, code=type(error).__name__)
    return Evidence(taken=None)


async def _weigh(
    session: AsyncSession, intent: Intent, evidence: Evidence, *, now: datetime, policy: SendingPolicy
) -> None:
    attempts = await receipts.attempts_of(session, intent.id)
    told = await receipts.has_any(session, intent.id)
    if told is not None:
        evidence = replace(evidence, taken=True, provider_id=evidence.provider_id or told)
    if evidence.taken is True:
        await outcomes.settle_taken(session, intent, attempts, provider_id=evidence.provider_id, now=now)
        await receipts.adopt(session, [intent], now=now)
    else:
        is_absent = evidence.taken is False and now >= _doubted_at(attempts, now) + policy.absence_counts_after
        if is_absent:
            outcomes.note_not_listed(attempts)
        await _wait_or_give_up(session, intent, attempts, is_absent=is_absent, now=now, policy=policy)


async def _wait_or_give_up(
    session: AsyncSession,
    intent: Intent,
    attempts: Collection[Attempt],
    *,
    is_absent: bool,
    now: datetime,
    policy: SendingPolicy,
) -> None:
    """A provider whose list does not show the message shortens the wait and proves nothing: the list may be late, cut short or
    of another region. So what follows is the one automatic re-send (PROMISES P2), and the attempt stays in doubt."""
    can_resend = (
        intent.voided_at is None
        and intent.resends_after_ambiguity < policy.automatic_resends
        and now < intent.not_after
    )
    limit = evidence_limit(
        _doubted_at(attempts, now), deadline_at=min(intent.deadline_at, intent.not_after), policy=policy
    )
    if now < limit and not (is_absent and can_resend):
        intent.next_attempt_at = min(limit, now + max(policy.look_up_every, timedelta(milliseconds=1)))
        intent.lease_until = None
    elif intent.voided_at is not None:
        await fates.cancel(session, intent, now=now, code=fates.UNKNOWN_OUTCOME)
    elif can_resend:
        intent.resends_after_ambiguity += 1
        await fates.put_back(session, intent, at=now, now=now)
    else:
        await fates.fail(session, intent, code=fates.UNKNOWN_OUTCOME, now=now)


def _doubted_at(attempts: Collection[Attempt], now: datetime) -> datetime:
    """When the latest of the doubtful attempts became one."""
    return max((one.ended_at or now for one in attempts if one.state is AttemptState.AMBIGUOUS), default=now)
