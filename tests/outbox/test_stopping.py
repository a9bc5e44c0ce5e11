"""Cancelled or asked to stop in the middle of a pass."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox.intents import void
from telecontrol.outbox.models import AttemptState, IntentState
from telecontrol.outbox.policy import CURRENT
from telecontrol.tasks.models import TaskKind
from tests.outbox.conftest import Send
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import all_intents, attempts_of, intent_of, open_tasks, queue


async def test_a_cancellation_on_the_wire_is_told_to_the_caller_and_the_acceptance_kept(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    """P8."""
    (intent,) = await queue(committed_database, now=clock.now())
    ledger.script[intent.recipient] = ["slow:0.3"]
    sending = asyncio.create_task(send())
    while not ledger.calls:
        await asyncio.sleep(0.01)
    async with committed_database.transaction() as session:
        known = await void(
            session, subject_kind="appointment", subject_id=intent.subject_id, reason="moved", now=clock.now()
        )
    assert known.reached == {("mail", intent.recipient)}
    assert [found.id for found in known.in_doubt] == [intent.id]
    await sending
    found = await intent_of(committed_database, intent)
    assert (found.state, found.void_reason) == (IntentState.ACCEPTED, "moved")


async def test_nothing_voided_starts_whatever_hand_it_is_in(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, mail: LedgerTarget
) -> None:
    """P8: half of the messages are voided while the pass that sends them runs; none of these starts afterwards."""
    intents = await queue(committed_database, now=clock.now(), count=150)
    sending = asyncio.create_task(send(policy=replace(CURRENT, concurrency=4)))
    while len(ledger.calls) < 5:
        await asyncio.sleep(0.001)
    reached: set[str] = set()
    # In the order in which everybody locks: voiding many subjects in one transaction could else meet the sender crosswise.
    voided = sorted(intents[::2], key=lambda one: one.id)
    async with committed_database.transaction() as session:
        for intent in voided:
            known = await void(
                session, subject_kind="appointment", subject_id=intent.subject_id, reason="moved", now=clock.now()
            )
            reached |= {recipient for _, recipient in known.reached}
    await sending
    taken = {entry.recipient for entry in ledger.entries}
    assert {intent.recipient for intent in voided} & taken <= reached, "each one taken was told to the canceller"
    assert len(reached) < 60, "most of them had not started"
    assert {intent.recipient for intent in intents[1::2]} <= taken
    states = {intent.state for intent in await all_intents(committed_database) if intent.voided_at is not None}
    assert states <= {IntentState.CANCELLED, IntentState.ACCEPTED}


@pytest.mark.parametrize("answer", ["busy", "refuse"])
async def test_a_message_voided_on_the_wire_and_then_refused_is_cancelled_without_a_task(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, answer: str
) -> None:
    (intent,) = await queue(committed_database, now=clock.now())
    ledger.script[intent.recipient] = ["slow:0.2", answer]
    sending = asyncio.create_task(send())
    while not ledger.calls:
        await asyncio.sleep(0.01)
    about = {"subject_kind": "appointment", "subject_id": intent.subject_id}
    async with committed_database.transaction() as session:
        known = await void(session, **about, reason="moved", now=clock.now())  # type: ignore[arg-type]
    assert known.reached, "nobody could know yet"
    await sending
    assert (await intent_of(committed_database, intent)).state is IntentState.CANCELLED
    assert await open_tasks(committed_database, TaskKind.MESSAGE_FAILED) == []
    async with committed_database.transaction() as session:
        known = await void(session, **about, reason="moved", now=clock.now())  # type: ignore[arg-type]
    assert known.reached == frozenset(), "refused, so surely not known"


async def test_asked_to_stop_it_finishes_what_is_on_the_wire_and_starts_nothing(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    intents = await queue(committed_database, now=clock.now(), count=60)
    for intent in intents:
        ledger.script[intent.recipient] = ["slow:0.2"]
    stopping = asyncio.Event()
    sending = asyncio.create_task(send(stopping=stopping))
    while not ledger.calls:
        await asyncio.sleep(0.01)
    stopping.set()
    await asyncio.wait_for(sending, 5)
    found = await all_intents(committed_database)
    accepted = [intent for intent in found if intent.state is IntentState.ACCEPTED]
    assert 1 <= len(accepted) == len(ledger.entries) <= CURRENT.concurrency
    rest = [intent for intent in found if intent.state is not IntentState.ACCEPTED]
    assert {intent.state for intent in rest} == {IntentState.PENDING}
    assert {intent.lease_until for intent in rest} == {None}, "given back at once"


async def test_a_delivery_that_does_not_end_in_time_is_marked_as_ambiguous(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    (intent,) = await queue(committed_database, now=clock.now())
    ledger.script[intent.recipient] = ["slow:30"]
    stopping = asyncio.Event()
    sending = asyncio.create_task(send(stopping=stopping, policy=replace(CURRENT, stop_grace=timedelta(seconds=3.2))))
    while not ledger.calls:
        await asyncio.sleep(0.01)
    stopping.set()
    await asyncio.wait_for(sending, 5)
    (attempt,) = await attempts_of(committed_database, intent)
    assert (attempt.state, attempt.phase) == (AttemptState.AMBIGUOUS, "stopped")
    assert (await intent_of(committed_database, intent)).state is IntentState.UNSETTLED
