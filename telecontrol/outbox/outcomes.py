"""Recording what came of attempts: on the attempt always, on its intent when it still has a say there.

A worker that was fenced out records all the same: what a provider accepted is a fact (PROMISES P3), and what it surely did
not take ends a doubt.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.outbox import fates
from telecontrol.outbox.models import Attempt, AttemptState, Intent, IntentState
from telecontrol.outbox.policy import SendingPolicy
from telecontrol.outbox.targets import NOT_OURS, Accepted, Ambiguous, Outcome, Rejected

NOT_LISTED = "not_listed"
"""The code of an ambiguous attempt that its provider, asked later, did not show."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One delivery, from `started_at` to `at`. `started` is False when the target was never called."""

    intent_id: uuid.UUID
    attempt_id: uuid.UUID
    outcome: Outcome
    started_at: datetime
    at: datetime
    started: bool = True

    @property
    def is_unsent(self) -> bool:
        """Held back by ourselves: nothing left, and it does not count as a refusal."""
        return not self.started or (isinstance(self.outcome, Rejected) and self.outcome.code == NOT_OURS)


async def record_finished(
    session: AsyncSession,
    finished: Sequence[Finished],
    *,
    intents: Mapping[uuid.UUID, Intent],
    keyed: bool,
    now: datetime,
    policy: SendingPolicy,
) -> None:
    """Record these outcomes on rows that the caller holds locked. Recording twice changes nothing."""
    wanted = [one.attempt_id for one in finished]
    attempts = {row.id: row for row in await session.scalars(select(Attempt).where(Attempt.id.in_(wanted)))}
    for one in finished:
        attempt, intent = attempts.get(one.attempt_id), intents.get(one.intent_id)
        if attempt is None or intent is None or attempt.state not in _UNDECIDED:
            continue
        match one.outcome:
            case Accepted():
                await _taken(session, intent, attempt, one.outcome, at=one.at, now=now)
            case Rejected():
                await _not_taken(session, intent, attempt, one, now=now, policy=policy)
            case Ambiguous() if attempt.state is AttemptState.OPEN:
                await make_ambiguous(
                    session, intent, attempt, one.outcome, at=one.at, keyed=keyed, now=now, policy=policy
                )
            case _:
                pass


async def _taken(
    session: AsyncSession, intent: Intent, attempt: Attempt, said: Accepted, *, at: datetime, now: datetime
) -> None:
    _end(attempt, AttemptState.ACCEPTED, at=at, reply=said.reply)
    attempt.provider_id = clean(said.provider_id, 254)
    await fates.accept(session, intent, provider_id=attempt.provider_id, at=at, now=now)


async def _not_taken(
    session: AsyncSession, intent: Intent, attempt: Attempt, one: Finished, *, now: datetime, policy: SendingPolicy
) -> None:
    said = one.outcome
    assert isinstance(said, Rejected)
    has_a_say = _is_current(intent, attempt) or await _ends_the_doubt(session, intent, attempt)
    permanent = said.permanent and not one.is_unsent
    state = AttemptState.REJECTED_PERMANENT if permanent else AttemptState.REJECTED_TEMPORARY
    _end(attempt, state, at=one.at, code=said.code, reply=said.reply)
    if not has_a_say:
        return
    if one.is_unsent:
        await fates.put_back(session, intent, at=now, now=now)
    else:
        plain = Rejected(said.permanent, clean(said.code, 80), "", said.retry_after, said.stops_target)
        await fates.refuse(session, intent, plain, now=now, policy=policy)


async def make_ambiguous(
    session: AsyncSession,
    intent: Intent,
    attempt: Attempt,
    said: Ambiguous,
    *,
    at: datetime,
    keyed: bool,
    now: datetime,
    policy: SendingPolicy,
) -> None:
    """The message may have left. A target with an idempotency key is simply tried again; others wait for evidence."""
    current = _is_current(intent, attempt)
    _end(attempt, AttemptState.AMBIGUOUS, at=at, reply=said.reply)
    attempt.phase = clean(said.phase, 40) or "unknown"
    if not current:
        return
    if keyed and intent.voided_at is None:
        again = Rejected(permanent=False, code=f"ambiguous:{attempt.phase}")
        await fates.refuse(session, intent, again, now=now, policy=policy)
    else:
        await fates.doubt(session, intent, phase=attempt.phase, look_at=now + policy.first_look_up, now=now)


async def settle_taken(
    session: AsyncSession, intent: Intent, attempts: Sequence[Attempt], *, provider_id: str, now: datetime
) -> None:
    """Evidence says that the provider took it: the attempt known by `provider_id`, else the latest doubtful one."""
    doubtful = [attempt for attempt in attempts if attempt.state is AttemptState.AMBIGUOUS]
    if not doubtful:
        return
    by_id = [attempt for attempt in doubtful if provider_id and attempt.provider_id == provider_id]
    attempt = (by_id or sorted(doubtful, key=lambda one: one.number))[-1]
    said = Accepted(provider_id or attempt.provider_id, reply="by evidence")
    await _taken(session, intent, attempt, said, at=now, now=now)


def note_not_listed(attempts: Sequence[Attempt]) -> None:
    """The provider's list shows none of the doubtful attempts: kept on record, and each stays ambiguous all the same."""
    for attempt in attempts:
        if attempt.state is AttemptState.AMBIGUOUS:
            attempt.code = NOT_LISTED


def clean(text: str, limit: int) -> str:
    """What the other side said, as every database takes it: no NUL, no lone surrogate, not too long."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:limit]


_UNDECIDED = {AttemptState.OPEN, AttemptState.AMBIGUOUS}


def _end(attempt: Attempt, state: AttemptState, *, at: datetime, code: str = "", reply: str = "") -> None:
    attempt.state = state
    attempt.ended_at = at
    attempt.code = clean(code, 80)
    attempt.reply = clean(reply, 500)


def _is_current(intent: Intent, attempt: Attempt) -> bool:
    return intent.state is IntentState.SENDING and intent.fence == attempt.fence


async def _ends_the_doubt(session: AsyncSession, intent: Intent, attempt: Attempt) -> bool:
    """A late refusal settles an intent that waits for evidence of this attempt and of no other."""
    if intent.state is not IntentState.UNSETTLED or attempt.state is not AttemptState.AMBIGUOUS:
        return False
    others = await session.scalar(
        select(Attempt.id)
        .where(Attempt.intent_id == intent.id, Attempt.state == AttemptState.AMBIGUOUS, Attempt.id != attempt.id)
        .limit(1)
    )
    return others is None
