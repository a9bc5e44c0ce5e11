"""Taking due messages in hand."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox import pauses
from telecontrol.outbox.claims import Claim, claim_due, expire
from telecontrol.outbox.intents import void
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.outbox.policy import CURRENT
from telecontrol.tasks.models import TaskKind
from tests.support.mailing import all_intents, intent_of, open_tasks, queue, write

LEASE = timedelta(minutes=1)


async def claim(database: Database, now: datetime, *targets: str, limit: int = 100) -> list[Claim]:
    async with database.transaction() as session:
        return await claim_due(session, now=now, limit=limit, lease=LEASE, targets=targets or ("mail",))


async def test_due_messages_come_oldest_deadline_first(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    async with database.transaction() as session:
        for hours in (5, 1, 3, 2, 4):
            await write(session, now=now, deadline_at=now + timedelta(hours=hours))
    first = await claim(database, now, limit=3)
    rest = await claim(database, now, limit=3)
    assert [(one.deadline_at - now) / timedelta(hours=1) for one in (*first, *rest)] == [1, 2, 3, 4, 5]


async def test_what_is_not_due_is_left(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    subject = uuid.uuid4()
    async with database.transaction() as session:
        await write(session, now=now, not_before=now + timedelta(seconds=1))
        await write(session, now=now - timedelta(days=2), not_after=now)
        await write(session, now=now, target="sms")
        await write(session, now=now, subject_id=subject)
        await void(session, subject_kind="appointment", subject_id=subject, reason="moved", now=now)
        postponed = await write(session, now=now)
        postponed.next_attempt_at = now + timedelta(seconds=1)
    assert await claim(database, now) == []
    assert len(await claim(database, now + timedelta(seconds=1))) == 2


async def test_a_lease_that_ended_is_taken_by_another_with_a_higher_fence(
    database: Database, clock: VirtualClock
) -> None:
    (intent,) = await queue(database, now=clock.now())
    (first,) = await claim(database, clock.now())
    assert await claim(database, clock.now() + LEASE - timedelta(seconds=1)) == []
    (second,) = await claim(database, clock.now() + LEASE)
    assert (first.fence, second.fence) == (1, 2)
    assert (await intent_of(database, intent)).fence == 2


async def test_racing_workers_share_the_messages_without_overlap(
    committed_database: Database, clock: VirtualClock
) -> None:
    await queue(committed_database, now=clock.now(), count=120)
    taken = await asyncio.gather(*(claim(committed_database, clock.now(), limit=25) for _ in range(6)))
    ids = [one.intent_id for batch in taken for one in batch]
    assert len(ids) == len(set(ids)) == 120


# SQLite has one writer: the other transaction is waited for, which the race above shows.
@pytest.mark.parametrize("committed_database", ["postgresql"], indirect=True)
async def test_rows_that_another_transaction_holds_are_skipped(
    committed_database: Database, clock: VirtualClock
) -> None:
    first, second = await queue(committed_database, now=clock.now(), count=2)
    async with committed_database.transaction() as session:
        await session.get(Intent, first.id, with_for_update=True)
        claims = await asyncio.wait_for(claim(committed_database, clock.now()), 5)
    assert [one.intent_id for one in claims] == [second.id]


async def test_a_paused_target_is_left_and_then_probed_with_one_message(
    database: Database, clock: VirtualClock
) -> None:
    now = clock.now()
    await queue(database, now=now, count=3)
    await queue(database, now=now, count=2, target="sms", channel="sms")
    async with database.transaction() as session:
        await pauses.pause(session, "mail", code="no_credit", now=now, policy=CURRENT)
    assert {one.target for one in await claim(database, now, "mail", "sms")} == {"sms"}
    later = now + CURRENT.shortest_pause
    assert len(await claim(database, later)) == 1
    assert await claim(database, later) == [], "one probe at a time"
    async with database.transaction() as session:
        await pauses.resume(session, "mail", started_at=now, now=later)
    assert await claim(database, later) == [], "what started before the pause proves nothing"
    async with database.transaction() as session:
        await pauses.resume(session, "mail", started_at=later, now=later)
    assert len(await claim(database, later)) == 2


async def test_what_is_too_late_goes_to_a_human(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    control = uuid.uuid4()
    async with database.transaction() as session:
        late = await write(session, now=now, not_after=now + timedelta(hours=1), control_id=control, target="nobody")
        await write(session, now=now)
    async with database.transaction() as session:
        assert await expire(session, now=now + timedelta(hours=1), limit=100) == 1
    found = await intent_of(database, late)
    assert (found.state, found.failure_code) == (IntentState.FAILED, "too_late")
    (task,) = await open_tasks(database, TaskKind.MESSAGE_FAILED)
    assert (task.subject_id, task.control_id, task.detail["code"]) == (late.id, control, "too_late")
    assert [one.state for one in await all_intents(database)].count(IntentState.PENDING) == 1
