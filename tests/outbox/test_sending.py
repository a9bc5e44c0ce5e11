"""Sending against a provider with a ledger: what it took is what was written, once."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from telecontrol.clock import VirtualClock
from telecontrol.db.journal import JournalEntry
from telecontrol.db.session import Database
from telecontrol.outbox.contents import read_content
from telecontrol.outbox.models import AttemptState, Intent, IntentState, PausedTarget
from telecontrol.outbox.policy import CURRENT
from telecontrol.outbox.targets import Outcome, Outgoing
from telecontrol.tasks.models import Owner, TaskKind
from tests.outbox.conftest import Send
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER, all_intents, attempts_of, count_of, intent_of, open_tasks, queue, write


async def test_every_message_is_taken_exactly_once_as_it_was_recorded(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    """P2 without a fault, and P3."""
    intents = await queue(committed_database, now=clock.now(), count=150)
    sent = await send()
    assert (sent.claimed, sent.accepted) == (150, 150)
    assert ledger.taken() == {str(intent.id): 1 for intent in intents}
    by_intent = {entry.intent_id: entry for entry in ledger.entries}
    for intent in await all_intents(committed_database):
        entry = by_intent[str(intent.id)]
        assert intent.state is IntentState.ACCEPTED
        assert (intent.content_hash, intent.provider_id) == (entry.sha256, entry.provider_id)
    (attempt,) = await attempts_of(committed_database, intents[0])
    assert (attempt.state, attempt.content_hash) == (AttemptState.ACCEPTED, by_intent[str(intents[0].id)].sha256)
    assert attempt.reply == "taken"
    async with committed_database.reading() as session:
        content = await read_content(session, intents[0].id, sealer=SEALER)
        assert hashlib.sha256(content).hexdigest() == attempt.content_hash
        lines = await session.scalars(select(JournalEntry).where(JournalEntry.action == "message.accepted"))
        assert len(lines.all()) == 150
    assert (await send()).claimed == 0


async def test_the_attempt_is_committed_before_the_provider_hears_of_it(
    committed_database: Database, clock: VirtualClock, send: Send, mail: LedgerTarget
) -> None:
    seen: list[tuple[IntentState, AttemptState, str]] = []

    class Watching(LedgerTarget):
        async def deliver(self, outgoing: Outgoing) -> Outcome:
            intent = (await all_intents(committed_database))[0]
            (attempt,) = await attempts_of(committed_database, intent)
            seen.append((intent.state, attempt.state, attempt.content_hash))
            assert outgoing.content, "the bytes are stored before they are sent"
            return await super().deliver(outgoing)

    await queue(committed_database, now=clock.now())
    await send(targets={"mail": Watching(mail.port)})
    ((intent_state, attempt_state, digest),) = seen
    assert (intent_state, attempt_state) == (IntentState.SENDING, AttemptState.OPEN)
    assert len(digest) == 64


async def test_a_temporary_refusal_is_tried_again_later_with_the_same_bytes(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    (intent,) = await queue(committed_database, now=clock.now())
    ledger.script[intent.recipient] = ["busy", "busy"]
    assert (await send()).rejected == 1
    waiting = await intent_of(committed_database, intent)
    assert (waiting.state, waiting.failure_code) == (IntentState.PENDING, "451")
    assert waiting.next_attempt_at > clock.now()
    assert (await send()).claimed == 0
    for _ in range(2):
        clock.advance_to((await intent_of(committed_database, intent)).next_attempt_at)
        await send()
    done = await intent_of(committed_database, intent)
    assert (done.state, done.attempts_made, done.failure_code) == (IntentState.ACCEPTED, 3, "")
    states = [attempt.state for attempt in await attempts_of(committed_database, intent)]
    assert states == [AttemptState.REJECTED_TEMPORARY, AttemptState.REJECTED_TEMPORARY, AttemptState.ACCEPTED]
    assert {attempt.content_hash for attempt in await attempts_of(committed_database, intent)} == {
        ledger.entries[0].sha256
    }
    assert ledger.taken()[str(intent.id)] == 1
    assert await open_tasks(committed_database, TaskKind.MESSAGE_FAILED) == []


async def test_refused_until_the_limit_it_goes_to_a_human_after_a_warning(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    """P1: neither lost nor late in silence."""
    start = clock.now()
    limit = start + timedelta(hours=1)
    (intent,) = await queue(committed_database, now=start, not_after=limit, deadline_at=limit)
    ledger.script[intent.recipient] = ["busy"] * 100
    warned_at = None
    while (found := await intent_of(committed_database, intent)).state is IntentState.PENDING:
        clock.advance_to(found.next_attempt_at)
        await send()
        if warned_at is None and await open_tasks(committed_database, TaskKind.MESSAGE_LATE):
            warned_at = clock.now()
    assert (found.state, found.failure_code) == (IntentState.FAILED, "refused_until_limit")
    assert warned_at is not None
    assert start + timedelta(minutes=40) < warned_at < limit
    (task,) = await open_tasks(committed_database, TaskKind.MESSAGE_FAILED)
    assert task.detail["last"] == "451"
    assert clock.now() < limit
    assert await open_tasks(committed_database, TaskKind.MESSAGE_LATE) == []
    assert len(ledger.calls) == found.attempts_made > 10


async def test_a_permanent_refusal_is_not_tried_again(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    (intent,) = await queue(committed_database, now=clock.now())
    ledger.script[intent.recipient] = ["refuse"]
    await send()
    clock.advance(timedelta(hours=5))
    await send()
    found = await intent_of(committed_database, intent)
    assert (found.state, found.failure_code, found.attempts_made) == (IntentState.FAILED, "550", 1)
    (task,) = await open_tasks(committed_database, TaskKind.MESSAGE_FAILED)
    assert (task.subject_id, task.owner) == (intent.id, Owner.HANDLER)
    assert "example.org" not in str(task.detail)


async def test_poison_spoils_nothing_but_itself(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    await queue(committed_database, now=clock.now(), count=40)
    (poison,) = await queue(committed_database, now=clock.now(), text="poison", recipient="x@example.org")
    (huge,) = await queue(committed_database, now=clock.now(), text="x" * 3_000_000, recipient="y@example.org")
    (odd,) = await queue(committed_database, now=clock.now(), text="é\u0000\U0001f600", recipient="z@example.org")
    sent = await send()
    assert (sent.accepted, sent.spoiled) == (41, 2)
    codes = {intent.id: (await intent_of(committed_database, intent)).failure_code for intent in (poison, huge, odd)}
    assert codes == {poison.id: "poison:ValueError", huge.id: "too_large", odd.id: ""}
    tasks = await open_tasks(committed_database, TaskKind.MESSAGE_FAILED)
    assert {task.subject_id for task in tasks} == {poison.id, huge.id}
    assert str(poison.id) not in ledger.taken()


async def test_a_key_that_is_missing_here_is_not_the_fault_of_the_message(
    committed_database: Database, clock: VirtualClock, send: Send
) -> None:
    (intent,) = await queue(committed_database, now=clock.now())
    await send(sealer=SEALER.for_purpose("another"))
    found = await intent_of(committed_database, intent)
    assert (found.state, found.failure_code) == (IntentState.PENDING, "sealed_value_unreadable")
    clock.advance_to(found.next_attempt_at)
    assert (await send()).accepted == 1


async def test_one_bad_recipient_among_many_stops_nobody(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    intents = await queue(committed_database, now=clock.now(), count=200)
    ledger.script[intents[0].recipient] = ["slow:4"]
    ledger.script[intents[1].recipient] = ["refuse"]
    ledger.script[intents[2].recipient] = ["cut"]
    after: list[int] = []
    ledger.on_taken = lambda entry: (
        after.append(len(ledger.entries)) if entry.recipient == intents[0].recipient else None
    )
    sent = await send()
    assert (sent.accepted, sent.rejected, sent.ambiguous) == (198, 1, 1)
    assert after == [198], "all the others left while the slow one was waited for"


async def test_a_fault_of_ours_pauses_that_target_only(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, mail: LedgerTarget
) -> None:
    messages = await queue(committed_database, now=clock.now(), count=60)
    await queue(committed_database, now=clock.now(), count=30, target="sms", channel="sms")
    other = Ledger()
    await other.start()
    targets = {"mail": mail, "sms": LedgerTarget(other.port, name="sms")}
    ledger.is_broke = True
    sent = await send(targets=targets)
    assert len(other.entries) == sent.accepted == 30
    assert len(ledger.calls) <= CURRENT.concurrency, "what was on the wire, and no more"
    (task,) = await open_tasks(committed_database, TaskKind.TARGET_PAUSED)
    assert (task.owner, task.detail) == (Owner.ADMINISTRATOR, {"target": "mail", "code": "no_credit"})
    assert {(await intent_of(committed_database, one)).state for one in messages} == {IntentState.PENDING}
    assert (await send(targets=targets)).claimed == 0

    asked = len(ledger.calls)
    clock.advance(CURRENT.shortest_pause)
    await send(targets=targets)
    assert len(ledger.calls) == asked + 1, "one probe"
    clock.advance(CURRENT.shortest_pause - timedelta(seconds=1))
    assert (await send(targets=targets)).claimed == 0

    ledger.is_broke = False
    clock.advance(CURRENT.longest_pause)
    assert (await send(targets=targets)).accepted == 60
    assert {intent.temporary_refusals for intent in await all_intents(committed_database)} == {0}
    assert set(ledger.taken().values()) == {1}
    assert await open_tasks(committed_database, TaskKind.TARGET_PAUSED) == []
    assert await count_of(committed_database, PausedTarget) == 0
    await other.stop()


async def test_a_backlog_leaves_oldest_deadline_first_and_late_ones_go_to_humans(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    """A worker that was down a whole day."""
    start = clock.now()
    async with committed_database.transaction() as session:
        for number in range(60):
            await write(
                session,
                now=start,
                recipient=f"r{number}@example.org",
                deadline_at=start + timedelta(hours=10 + (number * 37) % 60),
                not_after=start + timedelta(hours=10 + (number * 37) % 60),
            )
    clock.advance(timedelta(hours=24))
    sent = await send(policy=replace(CURRENT, concurrency=1))
    assert (sent.expired, sent.accepted) == (15, 45)
    deadlines = {str(intent.id): intent.deadline_at for intent in await all_intents(committed_database)}
    left = [deadlines[entry.intent_id] for entry in ledger.entries]
    assert left == sorted(left)
    assert min(left) > clock.now()
    assert len(await open_tasks(committed_database, TaskKind.MESSAGE_FAILED)) == 15


async def test_a_target_that_raises_or_never_ends_leaves_a_doubt(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, mail: LedgerTarget
) -> None:
    def fail(point: str, outgoing: Outgoing) -> None:
        if point == "answered" and outgoing.recipient == "r0@example.org":
            raise KeyError("defect")

    first, second = await queue(committed_database, now=clock.now(), count=2)
    ledger.script[second.recipient] = ["slow:30"]
    mail.at = fail
    await send(policy=replace(CURRENT, attempt_lease=timedelta(seconds=0.3)))
    phases = [(await attempts_of(committed_database, one))[0].phase for one in (first, second)]
    assert phases == ["defect", "timeout"]
    assert ledger.taken()[str(first.id)] == 1


async def test_the_clock_put_back_since_the_claim_sends_nothing_early(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, mail: LedgerTarget, send: Send
) -> None:
    """P16: claimed while the clock was an hour ahead."""
    now = clock.now()
    (intent,) = await queue(committed_database, now=now, not_before=now + timedelta(minutes=30))

    class Jumpy(VirtualClock):
        readings = 0

        def now(self) -> datetime:
            self.readings += 1
            return now + (timedelta(hours=1) if self.readings <= 2 else timedelta(0))

    await send(clock=Jumpy())
    assert ledger.calls == []
    found = await intent_of(committed_database, intent)
    assert (found.state, found.lease_until, found.attempts_made) == (IntentState.PENDING, None, 0)


async def test_intents_of_a_target_that_nobody_serves_wait_and_are_warned_about(
    committed_database: Database, clock: VirtualClock, send: Send
) -> None:
    (intent,) = await queue(committed_database, now=clock.now(), target="post", channel="post")
    assert (await send()).late == 0
    clock.advance(timedelta(hours=23, minutes=50))
    assert (await send()).late == 1
    assert (await send()).late == 0, "told once"
    (task,) = await open_tasks(committed_database, TaskKind.MESSAGE_LATE)
    assert (task.subject_id, task.due_at) == (intent.id, intent.deadline_at)
    assert await count_of(committed_database, Intent) == 1


async def test_a_message_flagged_as_late_and_then_accepted_closes_its_task(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    (intent,) = await queue(committed_database, now=clock.now(), deadline_at=clock.now() + timedelta(seconds=1))
    ledger.script[intent.recipient] = ["busy"]
    clock.advance(timedelta(seconds=1))
    assert (await send()).late == 1
    clock.advance(timedelta(minutes=1))
    await send()
    assert (await intent_of(committed_database, intent)).state is IntentState.ACCEPTED
    assert await open_tasks(committed_database, TaskKind.MESSAGE_LATE) == []


def test_an_outgoing_message_does_not_show_its_secrets() -> None:
    outgoing = Outgoing(
        intent_id=uuid.uuid4(),
        kind="invitation",
        channel="mail",
        recipient="a@example.org",
        language="fr",
        context={"link": "https://example.org/i/secret"},
        not_after=datetime(2026, 3, 2, tzinfo=UTC),
        content=b"secret",
    )
    assert "secret" not in repr(outgoing)
    assert "example.org" not in repr(outgoing)
