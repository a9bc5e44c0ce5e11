"""Doubts and how they end: by evidence, by one re-send at most, by a human."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox import receipts
from telecontrol.outbox.intents import void
from telecontrol.outbox.models import AttemptState, Intent, IntentState
from telecontrol.outbox.policy import CURRENT
from telecontrol.outbox.targets import Evidence, Outgoing
from telecontrol.tasks.models import TaskKind
from tests.outbox.conftest import Send, Settle, later
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import attempts_of, intent_of, open_tasks, queue


async def in_doubt(database: Database, clock: VirtualClock, ledger: Ledger, send: Send, step: str) -> Intent:
    """An intent whose only attempt is ambiguous: `lost` was taken, `cut` was not."""
    (intent,) = await queue(database, now=clock.now())
    ledger.script[intent.recipient] = [step]
    assert (await send()).ambiguous == 1
    found = await intent_of(database, intent)
    assert found.state is IntentState.UNSETTLED
    assert (await send()).claimed == 0, "a doubt is not sent again by itself"
    return found


async def later_with(clock: VirtualClock, settle: Settle, target: LedgerTarget, *, by: timedelta) -> None:
    async def run() -> int:
        return await settle(targets={target.name: target})

    await later(clock, run, by=by)


async def test_evidence_that_it_was_taken_ends_the_doubt(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    intent = await in_doubt(committed_database, clock, ledger, send, "lost")
    assert await settle() == 0, "the provider needs a moment"
    clock.advance(CURRENT.first_look_up)
    await settle()
    found = await intent_of(committed_database, intent)
    assert (found.state, found.provider_id) == (IntentState.ACCEPTED, ledger.entries[0].provider_id)
    (attempt,) = await attempts_of(committed_database, intent)
    assert (attempt.state, attempt.phase) == (AttemptState.ACCEPTED, "reply"), "that it was in doubt stays on record"
    await send()
    assert len(ledger.entries) == 1


async def test_a_message_that_is_not_listed_is_sent_again_early_which_is_the_one_resend(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    intent = await in_doubt(committed_database, clock, ledger, send, "cut")
    await later(clock, settle, by=timedelta(seconds=30))
    assert (await intent_of(committed_database, intent)).state is IntentState.UNSETTLED, (
        "it may be in the provider's hands"
    )
    await later(clock, settle, by=timedelta(seconds=30))
    assert (await send()).accepted == 1
    found = await intent_of(committed_database, intent)
    assert (found.state, found.resends_after_ambiguity) == (IntentState.ACCEPTED, 1)
    assert len(ledger.entries) == 1
    first, _ = await attempts_of(committed_database, intent)
    assert (first.state, first.code) == (AttemptState.AMBIGUOUS, "not_listed"), "an absence is no proof"


async def test_a_list_that_shows_nothing_does_not_send_a_message_over_and_over(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    """P2: taken each time, never listed, never answered: twice, then a human."""
    ledger.lists = False
    intent = await in_doubt(committed_database, clock, ledger, send, "lost")
    ledger.script[intent.recipient] = ["lost"] * 5
    for _ in range(20):
        await later(clock, settle, by=timedelta(minutes=1))
        await send()
    found = await intent_of(committed_database, intent)
    ambiguous = [one for one in await attempts_of(committed_database, intent) if one.state is AttemptState.AMBIGUOUS]
    assert len(ledger.entries) == 2 <= 1 + len(ambiguous)
    assert (found.state, found.failure_code) == (IntentState.FAILED, "unknown_outcome")
    assert found.resends_after_ambiguity == 1
    assert len(await open_tasks(committed_database, TaskKind.MESSAGE_FAILED)) == 1


async def test_after_a_second_absence_the_callback_is_still_awaited(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    ledger.lists = False
    intent = await in_doubt(committed_database, clock, ledger, send, "lost")
    ledger.script[intent.recipient] = ["lost"]
    await later(clock, settle, by=timedelta(minutes=1))
    assert (await send()).ambiguous == 1
    await later(clock, settle, by=CURRENT.evidence_wait - timedelta(minutes=1))
    assert (await intent_of(committed_database, intent)).state is IntentState.UNSETTLED
    ledger.lists = True
    await later(clock, settle, by=timedelta(seconds=30))
    assert (await intent_of(committed_database, intent)).state is IntentState.ACCEPTED
    assert len(ledger.entries) == 2


async def test_without_evidence_it_is_sent_once_more_and_then_goes_to_a_human(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    """P2: at most one automatic re-send."""
    ledger.knows = False
    intent = await in_doubt(committed_database, clock, ledger, send, "lost")
    await later(clock, settle, by=CURRENT.evidence_wait - timedelta(seconds=30))
    assert (await intent_of(committed_database, intent)).state is IntentState.UNSETTLED
    await later(clock, settle, by=timedelta(minutes=1))
    ledger.script[intent.recipient] = ["lost"]
    assert (await send()).ambiguous == 1
    await later(clock, settle, by=CURRENT.evidence_wait + timedelta(minutes=1))
    await send()
    found = await intent_of(committed_database, intent)
    assert (found.state, found.failure_code) == (IntentState.FAILED, "unknown_outcome")
    assert (found.resends_after_ambiguity, len(ledger.entries), found.attempts_made) == (1, 2, 2)
    assert len(await open_tasks(committed_database, TaskKind.MESSAGE_FAILED)) == 1


async def test_a_look_up_is_told_since_when_the_message_may_have_been_taken(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    asked: list[Outgoing] = []

    class Asking(LedgerTarget):
        async def look_up(self, outgoing: Outgoing) -> Evidence:
            asked.append(outgoing)
            return Evidence(taken=None)

    start = clock.now()
    intent = await in_doubt(committed_database, clock, ledger, send, "lost")
    await later_with(clock, settle, Asking(ledger.port), by=CURRENT.evidence_wait + timedelta(seconds=30))
    ledger.script[intent.recipient] = ["lost"]
    await send()
    await later_with(clock, settle, Asking(ledger.port), by=timedelta(minutes=1))
    assert {(one.intent_id, one.attempted_at) for one in asked} == {(intent.id, start)}
    assert asked[0].content == b"invitation for r0@example.org: Bonjour"


async def test_a_provider_that_does_not_answer_decides_nothing(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    intent = await in_doubt(committed_database, clock, ledger, send, "lost")
    await ledger.stop()
    await later(clock, settle, by=timedelta(minutes=2))
    assert (await intent_of(committed_database, intent)).state is IntentState.UNSETTLED
    await ledger.start()
    await later(clock, settle, by=timedelta(minutes=1))
    assert (await intent_of(committed_database, intent)).state is IntentState.ACCEPTED


async def test_near_the_deadline_evidence_is_not_awaited_for_long(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    ledger.knows = False
    limit = clock.now() + timedelta(minutes=6)
    (intent,) = await queue(committed_database, now=clock.now(), deadline_at=limit)
    ledger.script[intent.recipient] = ["cut"]
    await send()
    await later(clock, settle, by=timedelta(minutes=2, seconds=30))
    assert (await send()).accepted == 1
    assert clock.now() < limit


async def test_a_target_with_a_key_is_simply_tried_again(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    """P7: any number of lost replies, one effect."""
    target = LedgerTarget(ledger.port, name="insurer", takes_idempotency_key=True)
    (intent,) = await queue(committed_database, now=clock.now(), target="insurer", channel="insurer")
    ledger.script[intent.recipient] = ["lost", "busy", "cut", "lost", "busy", "lost"]
    while (found := await intent_of(committed_database, intent)).state is IntentState.PENDING:
        clock.advance_to(found.next_attempt_at)
        await send(targets={"insurer": target})
    assert (found.state, found.attempts_made, len(ledger.entries)) == (IntentState.ACCEPTED, 7, 1)
    assert found.provider_id == ledger.entries[0].provider_id


async def test_three_days_of_outage_are_survived_with_one_effect(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    """P7: the insurer accepts, loses its reply, is down for 72 hours, then answers."""
    target = LedgerTarget(ledger.port, name="insurer", takes_idempotency_key=True)
    start = clock.now()
    values: dict[str, Any] = {"target": "insurer", "channel": "insurer", "not_after": start + timedelta(days=30)}
    (intent,) = await queue(committed_database, now=start, **values)
    ledger.script[intent.recipient] = ["lost"]
    await send(targets={"insurer": target})
    await ledger.stop()
    for _ in range(72):
        clock.advance(timedelta(hours=1))
        await send(targets={"insurer": target})
        assert (await intent_of(committed_database, intent)).state is IntentState.PENDING
    assert len(await open_tasks(committed_database, TaskKind.MESSAGE_LATE)) == 1
    await ledger.start()
    clock.advance(timedelta(minutes=5))
    await send(targets={"insurer": target})
    assert (await intent_of(committed_database, intent)).state is IntentState.ACCEPTED
    assert len(ledger.entries) == 1
    assert await open_tasks(committed_database, TaskKind.MESSAGE_LATE) == []


async def test_a_voided_doubt_is_never_sent_again(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    """P8."""
    ledger.knows = False
    intent = await in_doubt(committed_database, clock, ledger, send, "lost")
    async with committed_database.transaction() as session:
        known = await void(
            session, subject_kind="appointment", subject_id=intent.subject_id, reason="moved", now=clock.now()
        )
    assert known.reached == {("mail", intent.recipient)}
    await later(clock, settle, by=CURRENT.evidence_wait + timedelta(minutes=1))
    await send()
    found = await intent_of(committed_database, intent)
    assert (found.state, found.failure_code) == (IntentState.CANCELLED, "unknown_outcome")
    assert len(ledger.calls) == 1
    async with committed_database.transaction() as session:
        known = await void(
            session, subject_kind="appointment", subject_id=intent.subject_id, reason="again", now=clock.now()
        )
    assert known.reached == {("mail", intent.recipient)}, "it may still have been taken"


async def test_a_voided_resend_leaves_the_first_one_in_doubt(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    ledger.knows = False
    intent = await in_doubt(committed_database, clock, ledger, send, "lost")
    await later(clock, settle, by=CURRENT.evidence_wait + timedelta(seconds=30))
    assert (await intent_of(committed_database, intent)).state is IntentState.PENDING
    async with committed_database.transaction() as session:
        known = await void(
            session, subject_kind="appointment", subject_id=intent.subject_id, reason="moved", now=clock.now()
        )
    assert known.reached == {("mail", intent.recipient)}
    await send()
    assert len(ledger.calls) == 1


async def test_a_receipt_is_evidence(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    ledger.knows = False
    intent = await in_doubt(committed_database, clock, ledger, send, "lost")
    await later(clock, settle, by=CURRENT.evidence_wait + timedelta(seconds=30))
    assert (await intent_of(committed_database, intent)).state is IntentState.PENDING, "about to be sent again"
    async with committed_database.transaction() as session:
        noted = await receipts.record(
            session,
            target="mail",
            event_key="e1",
            provider_id="M000001",
            intent_id=intent.id,
            status="delivered",
            now=clock.now(),
        )
    assert noted.became == "delivered"
    found = await intent_of(committed_database, intent)
    assert (found.state, found.provider_id, found.delivery) == (IntentState.ACCEPTED, "M000001", "delivered")
    await send()
    assert len(ledger.entries) == 1, "the re-send was called off"
