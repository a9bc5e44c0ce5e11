"""Workers that come back late: what they may still do, and what their word still counts for."""

from __future__ import annotations

from datetime import timedelta

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox import receipts
from telecontrol.outbox.claims import Claim, claim_due
from telecontrol.outbox.flights import fly
from telecontrol.outbox.models import AttemptState, IntentState
from telecontrol.outbox.outcomes import Finished
from telecontrol.outbox.parcels import Parcel, pack
from telecontrol.outbox.policy import CURRENT
from telecontrol.outbox.targets import Accepted, Outcome, Rejected
from telecontrol.outbox.turns import Taken, Turn, take
from telecontrol.tasks.models import TaskKind
from tests.outbox.conftest import Send, Settle, later
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER, attempts_of, intent_of, open_tasks, queue


class Worker:
    """A worker taken apart into its steps, so that a test can stand between them."""

    def __init__(self, database: Database, clock: VirtualClock, mail: LedgerTarget) -> None:
        self.database, self.clock, self.mail = database, clock, mail

    async def claim(self) -> Parcel:
        """Take the one message that is due in hand, and render it."""
        async with self.database.transaction() as session:
            now = self.clock.now()
            claims: list[Claim] = await claim_due(
                session, now=now, limit=1, lease=CURRENT.claim_lease, targets=["mail"]
            )
        parcel = pack(claims[0], target=self.mail, sealer=SEALER, policy=CURRENT)
        assert isinstance(parcel, Parcel)
        return parcel

    async def open(self) -> Parcel:
        """And open its attempt."""
        parcel = await self.claim()
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


async def test_a_claim_that_another_took_over_opens_nothing(
    committed_database: Database, clock: VirtualClock, mail: LedgerTarget
) -> None:
    (intent,) = await queue(committed_database, now=clock.now())
    slow, other = Worker(committed_database, clock, mail), Worker(committed_database, clock, mail)
    first = await slow.claim()
    clock.advance(CURRENT.claim_lease)
    second = await other.claim()
    assert (await slow.turn(Turn(leaving=[first]))).opened == []
    await slow.turn(Turn(unwanted=[first]))
    assert (await intent_of(committed_database, intent)).lease_until is not None, "it is not his to give back"
    assert (await other.turn(Turn(leaving=[second]))).opened == [second]
    assert (await slow.turn(Turn(leaving=[first]))).opened == []


async def test_a_receipt_for_a_message_whose_worker_died_is_evidence(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, mail: LedgerTarget, settle: Settle
) -> None:
    """It came while the attempt was open, so it decided nothing then."""
    ledger.knows = False
    (intent,) = await queue(committed_database, now=clock.now())
    await Worker(committed_database, clock, mail).open()
    async with committed_database.transaction() as session:
        await receipts.record(
            session,
            target="mail",
            event_key="e1",
            provider_id="M000001",
            intent_id=intent.id,
            status="sent",
            now=clock.now(),
        )
    assert (await intent_of(committed_database, intent)).state is IntentState.SENDING
    await later(clock, settle, by=CURRENT.attempt_lease + timedelta(minutes=1))
    found = await intent_of(committed_database, intent)
    assert (found.state, found.provider_id, found.delivery) == (IntentState.ACCEPTED, "M000001", "sent")


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
