"""Doubts and how they end: by evidence, by one re-send at most, by a human."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox import receipts
from telecontrol.outbox.claims import Claim, claim_due
from telecontrol.outbox.flights import fly
from telecontrol.outbox.intents import void
from telecontrol.outbox.models import AttemptState, Intent, IntentState
from telecontrol.outbox.outcomes import Finished
from telecontrol.outbox.parcels import Parcel, pack
from telecontrol.outbox.policy import CURRENT
from telecontrol.outbox.targets import Accepted, Outcome, Rejected
from telecontrol.outbox.turns import Taken, Turn, take
from telecontrol.tasks.models import TaskKind
from tests.outbox.conftest import Send, Settle
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER, attempts_of, intent_of, open_tasks, queue


async def in_doubt(database: Database, clock: VirtualClock, ledger: Ledger, send: Send, step: str) -> Intent:
    """An intent whose only attempt is ambiguous: `lost` was taken, `cut` was not."""
    (intent,) = await queue(database, now=clock.now())
    ledger.script[intent.recipient] = [step]
    assert (await send()).ambiguous == 1
    found = await intent_of(database, intent)
    assert found.state is IntentState.UNSETTLED
    assert (await send()).claimed == 0, "a doubt is not sent again by itself"
    return found


async def later(clock: VirtualClock, settle: Settle, *, by: timedelta) -> None:
    """Let time pass in small steps, settling at each."""
    until = clock.now() + by
    while clock.now() < until:
        clock.advance(min(timedelta(seconds=30), until - clock.now()))
        await settle()


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


async def test_evidence_that_it_was_not_taken_sends_it_again_which_is_no_resend(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, settle: Settle
) -> None:
    intent = await in_doubt(committed_database, clock, ledger, send, "cut")
    await later(clock, settle, by=timedelta(minutes=1))
    assert (await send()).accepted == 1
    found = await intent_of(committed_database, intent)
    assert (found.state, found.resends_after_ambiguity) == (IntentState.ACCEPTED, 0)
    assert len(ledger.entries) == 1


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


class Worker:
    """A worker taken apart into its steps, so that a test can stand between them."""

    def __init__(self, database: Database, clock: VirtualClock, mail: LedgerTarget) -> None:
        self.database, self.clock, self.mail = database, clock, mail

    async def open(self) -> Parcel:
        """Claim, render and open the attempt of the one message that is due."""
        async with self.database.transaction() as session:
            now = self.clock.now()
            claims: list[Claim] = await claim_due(
                session, now=now, limit=1, lease=CURRENT.claim_lease, targets=["mail"]
            )
        parcel = pack(claims[0], target=self.mail, sealer=SEALER, policy=CURRENT)
        assert isinstance(parcel, Parcel)
        taken = await self.turn(Turn(leaving=[parcel]))
        assert taken.opened == [parcel]
        return parcel

    async def turn(self, turn: Turn) -> Taken:
        async with self.database.transaction() as session:
            return await take(session, turn, target=self.mail, now=self.clock.now(), policy=CURRENT)

    async def fly(self, parcel: Parcel) -> Finished:
        """As after a long pause: the last look at the row is too old to count."""
        return await fly(
            parcel,
            target=self.mail,
            looked_at=float("-inf"),
            database=self.database,
            clock=self.clock,
            policy=CURRENT,
        )

    async def report(self, parcel: Parcel, outcome: Outcome) -> None:
        now = self.clock.now()
        finished = Finished(parcel.claim.intent_id, parcel.attempt_id, outcome, started_at=now, at=now)
        await self.turn(Turn(finished=[finished]))


async def test_an_attempt_whose_lease_ended_is_a_doubt_and_its_worker_fenced(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, mail: LedgerTarget, settle: Settle, send: Send
) -> None:
    (intent,) = await queue(committed_database, now=clock.now())
    paused = Worker(committed_database, clock, mail)
    parcel = await paused.open()
    clock.advance(CURRENT.attempt_lease - timedelta(seconds=1))
    assert await settle() == 0
    clock.advance(timedelta(seconds=1))
    await settle()
    (attempt,) = await attempts_of(committed_database, intent)
    assert (attempt.state, attempt.phase) == (AttemptState.AMBIGUOUS, "lease_ended")

    finished = await paused.fly(parcel)
    assert finished.is_unsent
    assert ledger.calls == [], "a worker that was paused beyond its lease sends nothing"
    await paused.turn(Turn(finished=[finished]))
    found = await intent_of(committed_database, intent)
    assert found.state is IntentState.PENDING, "that it sent nothing ends the doubt"
    assert (await send()).accepted == 1


async def test_a_late_acceptance_is_a_fact_whatever_was_decided_meanwhile(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, mail: LedgerTarget, settle: Settle, send: Send
) -> None:
    """P3, from a worker that was fenced out after its message was taken."""
    ledger.knows = False
    (intent,) = await queue(committed_database, now=clock.now())
    slow = Worker(committed_database, clock, mail)
    parcel = await slow.open()
    await later(clock, settle, by=CURRENT.attempt_lease + CURRENT.evidence_wait + timedelta(minutes=1))
    ledger.script[intent.recipient] = ["lost"]
    assert (await send()).ambiguous == 1
    await later(clock, settle, by=CURRENT.evidence_wait + timedelta(minutes=1))
    assert (await intent_of(committed_database, intent)).state is IntentState.FAILED
    for _ in range(2):
        await slow.report(parcel, Accepted("M-late"))
    found = await intent_of(committed_database, intent)
    assert (found.state, found.provider_id, found.failure_code) == (IntentState.ACCEPTED, "M-late", "")
    first, second = await attempts_of(committed_database, intent)
    assert (first.state, first.phase, first.provider_id) == (AttemptState.ACCEPTED, "lease_ended", "M-late")
    assert second.state is AttemptState.AMBIGUOUS
    assert await open_tasks(committed_database, TaskKind.MESSAGE_FAILED) == []


async def test_a_late_acceptance_stops_the_second_attempt_before_it_leaves(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, mail: LedgerTarget, settle: Settle, send: Send
) -> None:
    ledger.knows = False
    (intent,) = await queue(committed_database, now=clock.now())
    slow, other = Worker(committed_database, clock, mail), Worker(committed_database, clock, mail)
    first = await slow.open()
    await later(clock, settle, by=CURRENT.attempt_lease + CURRENT.evidence_wait + timedelta(minutes=1))
    second = await other.open()
    await slow.report(first, Accepted("M-first"))
    finished = await other.fly(second)
    assert finished.is_unsent
    await other.turn(Turn(finished=[finished]))
    assert ledger.calls == []
    assert (await intent_of(committed_database, intent)).state is IntentState.ACCEPTED
    states = [attempt.state for attempt in await attempts_of(committed_database, intent)]
    assert states == [AttemptState.ACCEPTED, AttemptState.REJECTED_TEMPORARY]


async def test_an_attempt_left_open_on_a_settled_intent_is_closed_as_a_doubt(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, mail: LedgerTarget, settle: Settle
) -> None:
    ledger.knows = False
    (intent,) = await queue(committed_database, now=clock.now())
    slow, other = Worker(committed_database, clock, mail), Worker(committed_database, clock, mail)
    first = await slow.open()
    await later(clock, settle, by=CURRENT.attempt_lease + CURRENT.evidence_wait + timedelta(minutes=1))
    await other.open()
    await slow.report(first, Accepted("M-first"))
    await later(clock, settle, by=CURRENT.attempt_lease + timedelta(minutes=1))
    states = [attempt.state for attempt in await attempts_of(committed_database, intent)]
    assert states == [AttemptState.ACCEPTED, AttemptState.AMBIGUOUS]
    assert (await intent_of(committed_database, intent)).state is IntentState.ACCEPTED


async def test_a_late_refusal_ends_a_doubt_but_not_a_newer_attempt(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, mail: LedgerTarget, settle: Settle
) -> None:
    ledger.knows = False
    (intent,) = await queue(committed_database, now=clock.now())
    slow, other = Worker(committed_database, clock, mail), Worker(committed_database, clock, mail)
    first = await slow.open()
    await later(clock, settle, by=CURRENT.attempt_lease + CURRENT.evidence_wait + timedelta(minutes=1))
    second = await other.open()
    await slow.report(first, Rejected(permanent=True, code="550"))
    assert (await intent_of(committed_database, intent)).state is IntentState.SENDING
    await other.report(second, Accepted("M-second"))
    found = await intent_of(committed_database, intent)
    assert (found.state, found.provider_id) == (IntentState.ACCEPTED, "M-second")


async def test_a_turn_done_twice_for_a_lost_commit_changes_nothing_more(
    committed_database: Database, clock: VirtualClock, mail: LedgerTarget
) -> None:
    (intent,) = await queue(committed_database, now=clock.now())
    worker = Worker(committed_database, clock, mail)
    parcel = await worker.open()
    again = await worker.turn(Turn(leaving=[parcel]))
    assert again.opened == [parcel]
    assert len(await attempts_of(committed_database, intent)) == 1
    for _ in range(2):
        await worker.report(parcel, Rejected(permanent=False, code="451"))
    found = await intent_of(committed_database, intent)
    assert (found.temporary_refusals, found.attempts_made) == (1, 1)
