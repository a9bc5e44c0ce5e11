"""Workers killed, stopped and raced, as real processes against a provider that keeps a ledger."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox.models import AttemptState, IntentState
from telecontrol.outbox.policy import CURRENT
from telecontrol.outbox.sweeps import send_due, settle_doubts
from telecontrol.tasks.models import TaskKind
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER, all_attempts, all_intents, attempts_of, intent_of, open_tasks, queue

ROOT = Path(__file__).parents[2]
several_processes = pytest.mark.parametrize("committed_database", ["postgresql"], indirect=True)
"""SQLite has one working process: there is nobody to fence, and one that stands still may hold the only write lock."""


@asynccontextmanager
async def worker(database: Database, ledger: Ledger, *arguments: str) -> AsyncIterator[Process]:
    """A worker process; killed at the end if it still lives."""
    address = database.engine.url.render_as_string(hide_password=False)
    command = ["-m", "tests.support.outbox_worker", address, str(ledger.port), *arguments]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()


async def killed_at(point: str, database: Database, ledger: Ledger) -> None:
    async with worker(database, ledger, point) as process:
        assert await said(process) == point
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def stopped(process: Process) -> None:
    """Until the process stands still (`T` in its status)."""
    for _ in range(500):
        status = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        if status == "T":
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the worker did not stop")


async def recover(database: Database, ledger: Ledger, clock: VirtualClock, *, steps: int = 30) -> None:
    """The next worker, for half an hour of the service's time."""
    given = {"targets": {"mail": LedgerTarget(ledger.port)}, "sealer": SEALER, "clock": clock}
    for _ in range(steps):
        clock.advance(timedelta(minutes=1))
        await settle_doubts(database, **given)  # type: ignore[arg-type]
        await send_due(database, **given)  # type: ignore[arg-type]


@pytest.fixture
def now_clock() -> VirtualClock:
    """The machine's clock, which the worker processes have too, and which this one can run ahead of."""
    return VirtualClock()


async def test_killed_before_the_attempt_is_committed_it_is_sent_once(
    committed_database: Database, ledger: Ledger, now_clock: VirtualClock
) -> None:
    (intent,) = await queue(committed_database, now=now_clock.now())
    await killed_at("prepare", committed_database, ledger)
    assert await attempts_of(committed_database, intent) == []
    await recover(committed_database, ledger, now_clock, steps=3)
    assert ledger.taken() == {str(intent.id): 1}
    (attempt,) = await attempts_of(committed_database, intent)
    assert (attempt.state, attempt.phase) == (AttemptState.ACCEPTED, "")


@pytest.mark.parametrize("knows", [True, False], ids=["evidence", "no evidence"])
async def test_killed_between_the_attempt_and_the_network_it_is_sent_once(
    committed_database: Database, ledger: Ledger, now_clock: VirtualClock, knows: bool
) -> None:
    ledger.knows = knows
    (intent,) = await queue(committed_database, now=now_clock.now())
    await killed_at("called", committed_database, ledger)
    assert [one.state for one in await attempts_of(committed_database, intent)] == [AttemptState.OPEN]
    assert ledger.calls == []
    await recover(committed_database, ledger, now_clock)
    found = await intent_of(committed_database, intent)
    assert (found.state, found.resends_after_ambiguity) == (IntentState.ACCEPTED, 1)
    assert ledger.taken() == {str(intent.id): 1}


@pytest.mark.parametrize("knows", [True, False], ids=["evidence", "no evidence"])
async def test_killed_between_the_acceptance_and_our_commit(
    committed_database: Database, ledger: Ledger, now_clock: VirtualClock, knows: bool
) -> None:
    """Settled by evidence, else at most one duplicate, counted (P2); what is recorded was taken (P3)."""
    ledger.knows = knows
    (intent,) = await queue(committed_database, now=now_clock.now())
    await killed_at("answered", committed_database, ledger)
    assert ledger.taken() == {str(intent.id): 1}
    await recover(committed_database, ledger, now_clock)
    found = await intent_of(committed_database, intent)
    attempts = await attempts_of(committed_database, intent)
    ambiguous = [attempt for attempt in attempts if attempt.phase]
    assert found.state is IntentState.ACCEPTED
    assert len(ambiguous) == 1
    assert ledger.taken()[str(intent.id)] == (1 if knows else 2) <= 1 + len(ambiguous)
    assert found.provider_id in {entry.provider_id for entry in ledger.entries}
    assert {entry.sha256 for entry in ledger.entries} == {found.content_hash}, "a re-send has the same bytes"
    assert await open_tasks(committed_database, TaskKind.MESSAGE_FAILED) == []


async def test_killed_among_many_nothing_is_lost_and_duplicates_are_bounded(
    committed_database: Database, ledger: Ledger, now_clock: VirtualClock
) -> None:
    """P1 and P2: workers are killed at moments nobody chose, until everything has gone out."""
    intents = await queue(committed_database, now=now_clock.now(), count=240)
    for taken in (5, 40, 90):
        async with worker(committed_database, ledger) as process:
            while len(ledger.entries) < taken:
                assert process.returncode is None
                await asyncio.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            await process.wait()
    await recover(committed_database, ledger, now_clock, steps=16)
    attempts = await all_attempts(committed_database)
    for intent in await all_intents(committed_database):
        ambiguous = [one for one in attempts[intent.id] if one.phase]
        assert intent.state is IntentState.ACCEPTED
        assert 1 <= ledger.taken()[str(intent.id)] <= 1 + len(ambiguous)
        assert intent.resends_after_ambiguity <= 1
    assert len(ledger.taken()) == len(intents)


@several_processes
async def test_stopped_beyond_its_lease_and_resumed_before_the_network_it_sends_nothing(
    committed_database: Database, ledger: Ledger, now_clock: VirtualClock
) -> None:
    """The fence, right before the irreversible byte."""
    (intent,) = await queue(committed_database, now=now_clock.now())
    async with worker(committed_database, ledger, "called", str(int(signal.SIGSTOP))) as process:
        assert await said(process) == "called"
        await stopped(process)
        await recover(committed_database, ledger, now_clock, steps=16)
        assert ledger.taken() == {str(intent.id): 1}
        process.send_signal(signal.SIGCONT)
        assert await said(process) == "sent 0"
        await asyncio.wait_for(process.wait(), 60)
    assert ledger.taken() == {str(intent.id): 1}
    assert len(ledger.calls) == 1
    late, sent = await attempts_of(committed_database, intent)
    assert (late.state, sent.state) == (AttemptState.REJECTED_TEMPORARY, AttemptState.ACCEPTED)


@several_processes
async def test_stopped_beyond_its_claim_and_resumed_it_opens_nothing(
    committed_database: Database, ledger: Ledger, now_clock: VirtualClock
) -> None:
    (intent,) = await queue(committed_database, now=now_clock.now())
    async with worker(committed_database, ledger, "prepare", str(int(signal.SIGSTOP))) as process:
        assert await said(process) == "prepare"
        await stopped(process)
        now_clock.advance(CURRENT.claim_lease)
        await recover(committed_database, ledger, now_clock, steps=2)
        process.send_signal(signal.SIGCONT)
        assert await said(process) == "sent 0"
        await asyncio.wait_for(process.wait(), 60)
    assert ledger.taken() == {str(intent.id): 1}
    assert len(await attempts_of(committed_database, intent)) == 1


@several_processes
async def test_stopped_after_the_acceptance_its_late_word_is_recorded(
    committed_database: Database, ledger: Ledger, now_clock: VirtualClock
) -> None:
    ledger.knows = False
    (intent,) = await queue(committed_database, now=now_clock.now())
    async with worker(committed_database, ledger, "answered", str(int(signal.SIGSTOP))) as process:
        assert await said(process) == "answered"
        await stopped(process)
        await recover(committed_database, ledger, now_clock, steps=13)
        assert (await intent_of(committed_database, intent)).state is IntentState.UNSETTLED
        process.send_signal(signal.SIGCONT)
        assert await said(process) == "sent 1"
    found = await intent_of(committed_database, intent)
    assert (found.state, found.provider_id) == (IntentState.ACCEPTED, ledger.entries[0].provider_id)
    await recover(committed_database, ledger, now_clock, steps=15)
    assert ledger.taken() == {str(intent.id): 1}


@several_processes
async def test_two_workers_racing_send_each_message_exactly_once(
    committed_database: Database, ledger: Ledger, now_clock: VirtualClock
) -> None:
    intents = await queue(committed_database, now=now_clock.now(), count=400)
    async with worker(committed_database, ledger) as one, worker(committed_database, ledger) as two:
        shares = [int((await said(process)).removeprefix("sent ")) for process in (one, two)]
    assert sum(shares) == 400
    assert min(shares) > 0, "both worked"
    assert ledger.taken() == {str(intent.id): 1 for intent in intents}
    assert {intent.attempts_made for intent in await all_intents(committed_database)} == {1}
