"""The outbox's timed work. Whatever wakes it, rows know what is due: downtime catches up by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.clock import Clock
from telecontrol.db.sealing import Sealer
from telecontrol.db.session import Database
from telecontrol.outbox import receipts, settle
from telecontrol.outbox.claims import expire
from telecontrol.outbox.dispatch import Lane, Pass
from telecontrol.outbox.locks import NO_SECRETS
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.outbox.policy import CURRENT, SendingPolicy, late_from
from telecontrol.outbox.targets import Target
from telecontrol.tasks.desk import open_task
from telecontrol.tasks.models import Owner, TaskKind

_UNDONE = (IntentState.PENDING, IntentState.SENDING, IntentState.UNSETTLED)
_FLAGGED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Sent:
    """What a pass of `send_due` did. Counts of deliveries, except `expired`, `late` and `spoiled` (intents)."""

    claimed: int = 0
    accepted: int = 0
    rejected: int = 0
    ambiguous: int = 0
    held_back: int = 0
    spoiled: int = 0
    expired: int = 0
    late: int = 0


async def send_due(
    database: Database,
    *,
    targets: Mapping[str, Target],
    sealer: Sealer,
    clock: Clock,
    policy: SendingPolicy = CURRENT,
    stopping: asyncio.Event | None = None,
) -> Sent:
    """One pass: send until nothing is due, or until `stopping` is set; then finish or mark what is in hand within the
    policy's grace. `targets` by their names; `sealer` is the one for messages.

    Returns when nothing is on the wire any more. Raises what the database raises; every other target's work goes on first.
    """
    run = Pass(database, sealer, clock, policy, stopping or asyncio.Event())
    run.tally["expired"] = await hand_over_expired(database, now=clock.now(), policy=policy)
    lanes = [Lane(run, target) for target in targets.values()]
    ended = await asyncio.gather(*(lane.work() for lane in lanes), return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error
    async with database.transaction() as session:
        run.tally["late"] = await flag_late(session, now=clock.now(), policy=policy)
    return Sent(**run.tally)


async def hand_over_expired(database: Database, *, now: datetime, policy: SendingPolicy = CURRENT) -> int:
    """Hand to humans every message whose `not_after` is past, in batches; how many there were."""
    total = 0
    while True:
        async with database.transaction() as session:
            count = await expire(session, now=now, limit=policy.batch)
        total += count
        if count < policy.batch:
            return total


async def flag_late(session: AsyncSession, *, now: datetime, policy: SendingPolicy = CURRENT) -> int:
    """Tell the desk, before the deadline, of messages that may miss it: none is late without an alert (PROMISES P1).

    Part of `send_due`, after the sending; also woken by itself while a pass is held up by a slow provider.
    """
    found = await session.scalars(
        select(Intent)
        .where(
            Intent.state.in_(_UNDONE),
            Intent.voided_at.is_(None),
            Intent.late_flagged_at.is_(None),
            Intent.deadline_at <= now + policy.late_warning,
        )
        .order_by(Intent.deadline_at)
        .limit(_FLAGGED_AT_ONCE)
        .options(*NO_SECRETS)
        .with_for_update(skip_locked=True)
    )
    count = 0
    for intent in found.all():
        start = max(intent.created_at, intent.not_before)
        if now < late_from(start=start, deadline_at=intent.deadline_at, policy=policy):
            continue
        intent.late_flagged_at = now
        count += 1
        await open_task(
            session,
            TaskKind.MESSAGE_LATE,
            subject_kind="intent",
            subject_id=intent.id,
            owner=Owner.HANDLER,
            now=now,
            control_id=intent.control_id,
            organisation_id=intent.organisation_id,
            due_at=intent.deadline_at,
            code=intent.failure_code,
            channel=intent.channel,
            message=intent.kind,
        )
    return count


async def settle_doubts(
    database: Database,
    *,
    targets: Mapping[str, Target],
    sealer: Sealer,
    clock: Clock,
    policy: SendingPolicy = CURRENT,
) -> int:
    """One pass over doubts: attempts whose lease ended, receipts that found no message, evidence that is due; how many
    rows were looked at. What is to be sent again is due for the next `send_due`."""
    keyed = {name for name, target in targets.items() if target.takes_idempotency_key}
    total = 0
    while True:
        async with database.transaction() as session:
            count = await settle.end_leases(session, now=clock.now(), keyed=keyed, policy=policy)
            count += await receipts.match_orphans(session, now=clock.now(), limit=policy.batch)
        count += await settle.seek_evidence(database, targets=targets, sealer=sealer, clock=clock, policy=policy)
        total += count
        if count < policy.batch:
            return total
