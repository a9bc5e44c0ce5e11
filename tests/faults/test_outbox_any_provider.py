"""Whatever a provider does, in whatever order: the first three promises hold."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox import queries
from telecontrol.outbox.intents import void
from telecontrol.outbox.models import AttemptState, IntentState
from telecontrol.outbox.sweeps import send_due, settle_doubts
from telecontrol.tasks.models import TaskKind
from tests.conftest import START
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER, all_attempts, all_intents, open_tasks, queue

steps = st.sampled_from(["take", "busy", "refuse", "lost", "cut", "broke"])
scripts = st.lists(st.lists(steps, max_size=5), min_size=1, max_size=6)
DONE = {IntentState.ACCEPTED, IntentState.FAILED, IntentState.CANCELLED}


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    scripts=scripts,
    knows=st.booleans(),
    lists=st.booleans(),
    keyed=st.booleans(),
    voided=st.sets(st.integers(0, 5)),
    hours=st.integers(1, 4),
)
async def test_no_loss_no_phantom_bounded_duplicates(
    committed_database: Database,
    ledger: Ledger,
    scripts: list[list[str]],
    knows: bool,
    lists: bool,
    keyed: bool,
    voided: set[int],
    hours: int,
) -> None:
    """P1, P2, P3 and, for targets with a key, P7."""
    database, clock = committed_database, VirtualClock(frozen_at=START)
    await _start_afresh(database, ledger)
    ledger.knows, ledger.lists = knows, lists
    target = LedgerTarget(ledger.port, takes_idempotency_key=keyed)
    limit = clock.now() + timedelta(hours=hours)
    intents = await queue(database, now=clock.now(), count=len(scripts), not_after=limit, deadline_at=limit)
    for intent, script in zip(intents, scripts, strict=True):
        ledger.script[intent.recipient] = list(script)

    await send_due(database, targets={"mail": target}, sealer=SEALER, clock=clock)
    calls_when_voided = {}
    for number in sorted(voided & set(range(len(intents)))):
        intent = intents[number]
        async with database.transaction() as session:
            known = await void(
                session, subject_kind="appointment", subject_id=intent.subject_id, reason="moved", now=clock.now()
            )
        calls_when_voided[intent.recipient] = ledger.calls.count(intent.recipient)
        if ledger.taken()[str(intent.id)]:
            assert known.reached == {("mail", intent.recipient)}, "whoever may know is told to the canceller"
    await _run_dry(database, ledger, target, clock)

    tasks = {task.subject_id for task in await open_tasks(database, TaskKind.MESSAGE_FAILED)}
    hashes = {(entry.intent_id, entry.sha256) for entry in ledger.entries}
    by_intent = await all_attempts(database)
    for intent in await all_intents(database):
        attempts = by_intent[intent.id]
        ambiguous = [attempt for attempt in attempts if attempt.phase]
        taken = ledger.taken()[str(intent.id)]
        assert intent.state in DONE, "P1: every intent ends"
        assert (intent.state is IntentState.FAILED and intent.voided_at is None) == (intent.id in tasks)
        assert taken <= 1 + len(ambiguous), "P2"
        assert keyed or len(ambiguous) <= 2, "P2: one automatic re-send at most"
        assert intent.resends_after_ambiguity <= 1
        if not ambiguous:
            assert taken == (intent.state is IntentState.ACCEPTED)
        if keyed:
            assert taken <= 1, "P7"
        if intent.state is IntentState.ACCEPTED:
            assert (str(intent.id), intent.content_hash) in hashes, "P3"
        assert all(attempt.state is not AttemptState.OPEN for attempt in attempts)
    for recipient, calls in calls_when_voided.items():
        assert ledger.calls.count(recipient) == calls, "P8: nothing voided started"


async def _start_afresh(database: Database, ledger: Ledger) -> None:
    async with database.transaction() as session:
        for table in ("receipt", "attempt", "intent", "paused_target", "task"):
            await session.execute(text(f"DELETE FROM {table}"))
    ledger.entries.clear()
    ledger.calls.clear()
    ledger.script.clear()


async def _run_dry(database: Database, ledger: Ledger, target: LedgerTarget, clock: VirtualClock) -> None:
    """Go from one due instant to the next until nothing waits."""
    given = {"targets": {"mail": target}, "sealer": SEALER, "clock": clock}
    for _ in range(400):
        async with database.reading() as session:
            due = await queries.next_due_at(session)
        if due is None:
            return
        clock.advance_to(due)
        await settle_doubts(database, **given)  # type: ignore[arg-type]
        await send_due(database, **given)  # type: ignore[arg-type]
        await asyncio.sleep(0)
    raise AssertionError("the outbox never comes to rest")
