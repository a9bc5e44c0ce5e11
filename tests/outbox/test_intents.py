"""Writing, voiding, waiving: what the deciding transaction does."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from telecontrol.clock import VirtualClock
from telecontrol.db.journal import Actor, ActorKind, JournalEntry
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, NotFound, Unavailable, WrongState
from telecontrol.outbox import fates
from telecontrol.outbox.contents import open_context, read_content, read_context
from telecontrol.outbox.decisions import retry, revive, send_again
from telecontrol.outbox.intents import void, waive
from telecontrol.outbox.models import DeliveryState, Intent, IntentState
from telecontrol.tasks.models import TaskKind
from tests.support.mailing import SEALER, all_intents, count_of, intent_of, open_tasks, write

HANDLER = Actor(ActorKind.STAFF, "7", "handler")
SUBJECT = uuid.UUID("8a4c3a52-30a2-4f8e-9f5c-1d9ad1f0a001")


async def test_the_same_message_again_is_the_same_row(database: Database, clock: VirtualClock) -> None:
    async with database.transaction() as session:
        first = await write(session, now=clock.now(), subject_id=SUBJECT, text="first")
        again = await write(session, now=clock.now(), subject_id=SUBJECT, text="second")
        other = await write(session, now=clock.now(), subject_id=SUBJECT, recipient="b@example.org")
    assert again.id == first.id != other.id
    async with database.reading() as session:
        assert await read_context(session, first.id, sealer=SEALER) == {"text": "first"}
    assert await count_of(database, Intent) == 2


async def test_two_transactions_that_write_the_same_message_write_one(
    committed_database: Database, clock: VirtualClock
) -> None:
    async def one() -> uuid.UUID:
        async with committed_database.transaction() as session:
            found = await write(session, now=clock.now(), subject_id=SUBJECT)
            await asyncio.sleep(0.02)
            return found.id

    assert len(set(await asyncio.gather(*(one() for _ in range(6))))) == 1
    assert await count_of(committed_database, Intent) == 1


async def test_nothing_is_written_when_the_decision_is_rolled_back(database: Database, clock: VirtualClock) -> None:
    with pytest.raises(WrongState):
        async with database.transaction() as session:
            await write(session, now=clock.now())
            raise WrongState("the decision was refused")
    assert await count_of(database, Intent) == 0


async def test_what_is_stored_does_not_show_the_link_and_opens_for_its_row_only(
    database: Database, clock: VirtualClock
) -> None:
    async with database.transaction() as session:
        intent = await write(session, now=clock.now(), text="https://example.org/i/0123456789abcdef")
    async with database.reading() as session:
        sealed = await session.scalar(select(Intent.context_sealed).where(Intent.id == intent.id))
        assert sealed is not None
        assert b"0123456789abcdef" not in sealed
        assert await read_content(session, intent.id, sealer=SEALER) == b""
    with pytest.raises(Unavailable):
        open_context(uuid.uuid4(), sealed, SEALER)
    with pytest.raises(Unavailable):
        open_context(intent.id, sealed, SEALER.for_purpose("notes"))


async def test_bad_values_are_refused(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    async with database.transaction() as session:
        for recipient in ("", " ", "a" * 255, "a\x00b"):
            with pytest.raises(InvalidInput):
                await write(session, now=now, recipient=recipient)
        with pytest.raises(InvalidInput):
            await write(session, now=now, not_after=now)
        with pytest.raises(ValueError, match="naive"):
            await write(session, now=now, not_before=datetime(2026, 3, 2, 9, 0))  # noqa: DTZ001
        with pytest.raises(NotFound):
            await read_context(session, uuid.uuid4(), sealer=SEALER)


async def test_voiding_takes_the_named_kinds_and_versions_only(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    async with database.transaction() as session:
        for version in (1, 2):
            for kind in ("invitation", "reminder"):
                await write(session, now=now, subject_id=SUBJECT, version=version, kind=kind)
        await write(session, now=now, kind="reminder")
        known = await void(
            session,
            subject_kind="appointment",
            subject_id=SUBJECT,
            kinds={"reminder"},
            versions_below=2,
            reason="moved",
            now=now,
        )
        assert [(intent.kind, intent.version) for intent in known.voided] == [("reminder", 1)]
        assert known.voided[0].state is IntentState.CANCELLED
        assert known.reached == frozenset()
        known = await void(session, subject_kind="appointment", subject_id=SUBJECT, version=2, reason="moved", now=now)
        assert {intent.kind for intent in known.voided} == {"invitation", "reminder"}
    states = {
        (intent.subject_id == SUBJECT, intent.version, intent.kind): intent.state
        for intent in await all_intents(database)
    }
    assert states[True, 1, "invitation"] is IntentState.PENDING
    assert states[False, 1, "reminder"] is IntentState.PENDING
    async with database.reading() as session:
        lines = await session.scalars(select(JournalEntry.action))
        assert list(lines).count("message.cancelled") == 3


async def test_voiding_says_who_knows_already(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    async with database.transaction() as session:
        accepted = await write(session, now=now, subject_id=SUBJECT, recipient="a@example.org")
        await fates.accept(session, accepted, provider_id="M1", at=now, now=now)
        await write(session, now=now, subject_id=SUBJECT, recipient="+33600000000", channel="sms", target="sms")
    voided = []
    for _ in range(2):
        async with database.transaction() as session:
            known = await void(session, subject_kind="appointment", subject_id=SUBJECT, reason="moved", now=now)
        assert known.reached == {("mail", "a@example.org")}
        assert known.accepted[0].state is IntentState.ACCEPTED
        voided.append([intent.channel for intent in known.voided])
    assert voided == [["sms"], []]


async def test_what_was_voided_can_be_neither_tried_nor_repeated(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    async with database.transaction() as session:
        failed = await write(session, now=now, subject_id=SUBJECT, recipient="a@example.org")
        await fates.fail(session, failed, code="550", now=now)
        bounced = await write(session, now=now, subject_id=SUBJECT, recipient="b@example.org")
        await fates.accept(session, bounced, provider_id="M1", at=now, now=now)
        bounced.delivery = DeliveryState.UNDELIVERED
        await void(session, subject_kind="appointment", subject_id=SUBJECT, reason="moved", now=now)
        with pytest.raises(WrongState):
            await retry(session, failed.id, now=now, not_after=now + timedelta(hours=1), actor=HANDLER)
        assert await send_again(session, bounced, sealer=SEALER, now=now, not_before=now) is None
    assert await open_tasks(database, TaskKind.MESSAGE_FAILED) == []


async def test_a_bounced_message_is_repeated_once_and_voided_with_its_kind(
    database: Database, clock: VirtualClock
) -> None:
    now = clock.now()
    async with database.transaction() as session:
        intent = await write(session, now=now, subject_id=SUBJECT, text="the same words")
        await fates.accept(session, intent, provider_id="M1", at=now, now=now)
        assert await send_again(session, intent, sealer=SEALER, now=now, not_before=now) is None, "not known as bounced"
        intent.delivery = DeliveryState.UNDELIVERED
        again = await send_again(session, intent, sealer=SEALER, now=now, not_before=now + timedelta(minutes=10))
        assert again is not None
        assert await read_context(session, again.id, sealer=SEALER) == {"text": "the same words"}
        assert again.kind == "invitation.again"
        again.delivery = DeliveryState.UNDELIVERED
        assert await send_again(session, again, sealer=SEALER, now=now, not_before=now) is None, "once"
        known = await void(
            session, subject_kind="appointment", subject_id=SUBJECT, kinds=["invitation"], reason="moved", now=now
        )
    assert [found.id for found in known.voided] == [again.id]


async def test_an_undone_void_brings_back_what_was_not_sent_and_still_has_time(
    database: Database, clock: VirtualClock
) -> None:
    now = clock.now()
    async with database.transaction() as session:
        reminder = await write(
            session, now=now, subject_id=SUBJECT, kind="reminder", not_before=now + timedelta(hours=20)
        )
        short = await write(session, now=now, subject_id=SUBJECT, kind="receipt", not_after=now + timedelta(minutes=5))
        await void(session, subject_kind="appointment", subject_id=SUBJECT, reason="declined", now=now)
        later = now + timedelta(minutes=10)
        back = await revive(session, subject_kind="appointment", subject_id=SUBJECT, version=1, now=later)
        assert [intent.id for intent in back] == [reminder.id]
        assert reminder.state is IntentState.PENDING
        assert reminder.voided_at is None
        assert reminder.next_attempt_at == now + timedelta(hours=20)
        assert short.state is IntentState.CANCELLED


async def test_waiving_needs_a_reason_and_closes_the_task(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    async with database.transaction() as session:
        intent = await write(session, now=now)
        await fates.fail(session, intent, code="550", now=now)
        with pytest.raises(InvalidInput):
            await waive(session, intent.id, reason=" ", now=now, actor=HANDLER)
    assert len(await open_tasks(database, TaskKind.MESSAGE_FAILED)) == 1
    async with database.transaction() as session:
        waived = await waive(session, intent.id, reason="letter_sent", now=now, actor=HANDLER)
        assert (waived.state, waived.void_reason) == (IntentState.WAIVED, "letter_sent")
        with pytest.raises(WrongState):
            await waive(session, intent.id, reason="again", now=now, actor=HANDLER)
    assert await open_tasks(database, TaskKind.MESSAGE_FAILED) == []
    async with database.reading() as session:
        line = (await session.scalars(select(JournalEntry).where(JournalEntry.action == "message.waived"))).one()
        assert (line.actor_id, line.detail["reason"]) == ("7", "letter_sent")
        assert "example.org" not in str(line.detail)


async def test_a_person_tries_a_failed_message_again(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    async with database.transaction() as session:
        intent = await write(session, now=now)
        with pytest.raises(WrongState):
            await retry(session, intent.id, now=now, not_after=now + timedelta(hours=1), actor=HANDLER)
        await fates.fail(session, intent, code="550", now=now)
        with pytest.raises(InvalidInput):
            await retry(session, intent.id, now=now, not_after=now, actor=HANDLER)
        await retry(session, intent.id, now=now, not_after=now + timedelta(hours=1), actor=HANDLER)
    found = await intent_of(database, intent)
    assert (found.state, found.failure_code) == (IntentState.PENDING, "")
    assert found.next_attempt_at == now
    assert await open_tasks(database, TaskKind.MESSAGE_FAILED) == []
