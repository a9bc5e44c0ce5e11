"""What others read of the outbox."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import InvalidRequestError

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox import pauses, queries, receipts
from telecontrol.outbox.decisions import send_again
from telecontrol.outbox.models import AttemptState, Intent, IntentState
from telecontrol.outbox.policy import CURRENT
from telecontrol.outbox.queries import ChannelState
from tests.outbox.conftest import Send
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER, queue, write

SUBJECT = uuid.UUID("8a4c3a52-30a2-4f8e-9f5c-1d9ad1f0a001")
ABOUT: dict[str, Any] = {"subject_kind": "appointment", "subject_id": SUBJECT}


async def states(database: Database, *kinds: str) -> dict[str, ChannelState]:
    async with database.reading() as session:
        return await queries.channel_states(session, **ABOUT, version=1, kind=kinds or "invitation")


async def bounce(database: Database, intent: Intent, now: datetime) -> None:
    async with database.transaction() as session:
        await receipts.record(
            session,
            target=intent.target,
            event_key=f"bounce:{intent.id}",
            provider_id="",
            intent_id=intent.id,
            status="bounced",
            now=now,
        )


async def test_the_notice_rule_reads_each_channel(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, mail: LedgerTarget
) -> None:
    start = clock.now()
    limit = start + timedelta(hours=2)
    targets = {"mail": mail, "sms": LedgerTarget(ledger.port, name="sms")}
    (letter,) = await queue(committed_database, now=start, **ABOUT)
    (text,) = await queue(
        committed_database, now=start, target="sms", channel="sms", **{**ABOUT, "recipient": "+33600000000"}
    )
    ledger.script[text.recipient] = ["refuse"]
    assert await states(committed_database, "reminder") == {}
    assert all(state.is_undecided for state in (await states(committed_database)).values())
    await send(targets=targets)

    found = await states(committed_database)
    assert found["mail"].counts_before(limit)
    assert not found["mail"].counts_before(start), "at the limit itself is too late"
    assert not found["sms"].counts_before(limit)
    assert (found["sms"].state, found["sms"].failure_code) == (IntentState.FAILED, "550")

    await bounce(committed_database, letter, start + timedelta(hours=1))
    found = await states(committed_database)
    assert found["mail"].has_bounced
    assert not found["mail"].counts_before(limit), "a bounce before the limit reopens the question"
    assert found["mail"].counts_before(start + timedelta(minutes=30)), "after it the appointment stands"


async def test_a_repetition_after_a_bounce_speaks_for_its_channel(
    committed_database: Database, clock: VirtualClock, send: Send
) -> None:
    start = clock.now()
    (letter,) = await queue(committed_database, now=start, **ABOUT)
    await send()
    bounced_at = start + timedelta(hours=1)
    await bounce(committed_database, letter, bounced_at)
    async with committed_database.transaction() as session:
        bounced = await session.get(Intent, letter.id)
        assert bounced is not None
        again = await send_again(session, bounced, sealer=SEALER, now=bounced_at, not_before=bounced_at)
        assert again is not None
    assert (await states(committed_database))["mail"].intent_id == again.id
    clock.advance(timedelta(hours=1))
    await send()
    found = (await states(committed_database))["mail"]
    assert (found.intent_id, found.has_bounced) == (again.id, False)
    assert found.counts_before(bounced_at + timedelta(hours=1))
    assert found.counts_before(bounced_at), "the first one counted until it bounced"
    assert not found.counts_before(start)


async def test_a_timeline_has_attempts_and_receipts_and_no_secret(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    control = uuid.uuid4()
    (intent,) = await queue(committed_database, now=clock.now(), control_id=control, **ABOUT)
    await queue(committed_database, now=clock.now(), recipient="other@example.org")
    ledger.script[intent.recipient] = ["busy"]
    await send()
    clock.advance(timedelta(minutes=1))
    await send()
    await bounce(committed_database, intent, clock.now())
    async with committed_database.reading() as session:
        (story,) = await queries.of_control(session, control)
        assert [story.intent.id] == [one.intent.id for one in await queries.of_subject(session, **ABOUT)]
        assert await queries.of_subject(session, **ABOUT, kinds=["reminder"]) == []
        with pytest.raises(InvalidRequestError):
            _ = story.intent.context_sealed
    assert [attempt.state for attempt in story.attempts] == [AttemptState.REJECTED_TEMPORARY, AttemptState.ACCEPTED]
    assert [receipt.status for receipt in story.receipts] == ["bounced"]


async def test_the_next_due_instant(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    now = clock.now()

    async def next_due() -> datetime | None:
        async with committed_database.reading() as session:
            return await queries.next_due_at(session)

    assert await next_due() is None
    async with committed_database.transaction() as session:
        await write(session, now=now, not_before=now + timedelta(hours=3))
        await write(session, now=now, not_before=now + timedelta(hours=1), recipient="b@example.org")
        await write(
            session, now=now, target="sms", not_before=now + timedelta(minutes=30), not_after=now + timedelta(hours=9)
        )
    assert await next_due() == now + timedelta(minutes=30)
    async with committed_database.transaction() as session:
        long = CURRENT.longest_pause
        await pauses.pause(session, "sms", code="no_credit", now=now + timedelta(hours=2) - long, policy=CURRENT)
    assert await next_due() == now + timedelta(hours=1), "a paused target has nothing to do before its pause ends"
    clock.advance(timedelta(hours=1))
    ledger.script["b@example.org"] = ["lost"]
    await send()
    assert await next_due() == clock.now() + CURRENT.first_look_up


async def test_counts_and_age_of_the_queue(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    start = clock.now()
    intents = await queue(committed_database, now=start, count=5)
    await queue(committed_database, now=start, count=2, target="post", channel="post")
    ledger.script[intents[0].recipient] = ["refuse"]
    ledger.script[intents[1].recipient] = ["lost"]
    clock.advance(timedelta(minutes=10))
    async with committed_database.reading() as session:
        assert await queries.oldest_due_at(session, now=clock.now()) == start
    await send()
    async with committed_database.reading() as session:
        assert await queries.counts_by_state(session) == {
            ("mail", IntentState.ACCEPTED): 3,
            ("mail", IntentState.FAILED): 1,
            ("mail", IntentState.UNSETTLED): 1,
            ("post", IntentState.PENDING): 2,
        }
        assert await queries.paused_targets(session) == []
