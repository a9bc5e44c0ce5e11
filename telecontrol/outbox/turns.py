"""One transaction of a lane: what came back is recorded, and the attempts of what leaves next are opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.outbox import pauses, receipts
from telecontrol.outbox.attempts import open_attempts, set_aside
from telecontrol.outbox.claims import release
from telecontrol.outbox.locks import lock
from telecontrol.outbox.models import PausedTarget
from telecontrol.outbox.outcomes import Finished, record_finished
from telecontrol.outbox.parcels import Parcel, Spoiled
from telecontrol.outbox.policy import SendingPolicy
from telecontrol.outbox.targets import Accepted, Rejected, Target


@dataclass(frozen=True, slots=True)
class Turn:
    """What goes into a turn. `unwanted` are claims given back unopened."""

    finished: Sequence[Finished] = ()
    spoiled: Sequence[Spoiled] = ()
    leaving: Sequence[Parcel] = ()
    unwanted: Sequence[Parcel] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.finished or self.spoiled or self.leaving or self.unwanted)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a turn: the parcels whose attempts are open, and whether the target's queue stands still."""

    opened: Sequence[Parcel]
    is_paused: bool


async def take(session: AsyncSession, turn: Turn, *, target: Target, now: datetime, policy: SendingPolicy) -> Taken:
    """Do a turn in the caller's transaction. Doing it again after a lost COMMIT changes nothing more."""
    parcels = [*turn.leaving, *turn.unwanted]
    claims = [*(parcel.claim for parcel in parcels), *(one.claim for one in turn.spoiled)]
    wanted = {*(claim.intent_id for claim in claims), *(one.intent_id for one in turn.finished)}
    intents = await lock(session, wanted)
    keyed = target.takes_idempotency_key
    await record_finished(session, turn.finished, intents=intents, keyed=keyed, now=now, policy=policy)
    taken = [intents[one.intent_id] for one in turn.finished if isinstance(one.outcome, Accepted)]
    if taken:
        await receipts.adopt(session, taken, now=now)
    await set_aside(session, turn.spoiled, intents=intents, now=now, policy=policy)
    is_paused = await _pause_or_resume(session, turn, target, now=now, policy=policy)
    if is_paused:
        release((parcel.claim for parcel in parcels), intents=intents)
        return Taken([], is_paused)
    release((parcel.claim for parcel in turn.unwanted), intents=intents)
    opened = await open_attempts(session, turn.leaving, intents=intents, now=now, lease=policy.attempt_lease)
    return Taken(opened, is_paused)


async def _pause_or_resume(
    session: AsyncSession, turn: Turn, target: Target, *, now: datetime, policy: SendingPolicy
) -> bool:
    """Whether the target stands still after what was just learned of it."""
    answered = [one for one in turn.finished if not one.is_unsent]
    stops = [one.outcome for one in answered if isinstance(one.outcome, Rejected) and one.outcome.stops_target]
    if stops:
        await pauses.pause(session, target.name, code=stops[-1].code, now=now, policy=policy)
    standing = await session.get(PausedTarget, target.name, populate_existing=True)
    if standing is None:
        return False
    if not stops:
        for one in answered:
            if isinstance(one.outcome, Accepted | Rejected):
                await pauses.resume(session, target.name, started_at=one.started_at, now=now)
        standing = await session.get(PausedTarget, target.name)
    return standing is not None and standing.until_at > now
