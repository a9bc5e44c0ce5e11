"""The database gone and the disk full while messages are on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from sqlalchemy import event

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox.models import IntentState
from telecontrol.outbox.sweeps import send_due
from tests.support import schema
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER, all_attempts, all_intents, queue
from tests.support.postgres import PostgresServer


@pytest_asyncio.fixture
async def own_server() -> AsyncIterator[PostgresServer]:
    """A PostgreSQL server that the test may break."""
    server = await asyncio.to_thread(PostgresServer.create)
    yield server
    await asyncio.to_thread(server.stop)


async def test_a_database_that_restarts_costs_no_message_and_no_duplicate(
    own_server: PostgresServer, ledger: Ledger, clock: VirtualClock
) -> None:
    """What came back while it was away is held and recorded afterwards; a COMMIT that was cut is read back."""
    url = own_server.url(own_server.create_database())
    await schema.create_models(url)
    database = Database(url)
    intents = await queue(database, now=clock.now(), count=400)
    sending = asyncio.create_task(
        send_due(database, targets={"mail": LedgerTarget(ledger.port)}, sealer=SEALER, clock=clock)
    )
    for taken in (50, 200):
        while len(ledger.entries) < taken:
            assert not sending.done()
            await asyncio.sleep(0.002)
        await asyncio.to_thread(own_server.kill)
        await asyncio.sleep(0.3)
        heard = len(ledger.calls)
        await asyncio.sleep(0.3)
        assert len(ledger.calls) == heard, "no attempt can be committed, so nothing leaves"
        await asyncio.to_thread(own_server.start)
    await asyncio.wait_for(sending, 30)
    assert ledger.taken() == {str(intent.id): 1 for intent in intents}
    found = await all_intents(database)
    assert {intent.state for intent in found} == {IntentState.ACCEPTED}
    assert {intent.attempts_made for intent in found} <= {1, 2, 3}
    await database.dispose()


async def test_a_full_disk_stops_sending_before_its_effects_and_recovers_alone(
    sqlite_url: Any, ledger: Ledger, clock: VirtualClock
) -> None:
    database = Database(sqlite_url())
    most_pages = 2**30

    @event.listens_for(database.engine.sync_engine, "checkout")
    def limit(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={most_pages}").close()

    intents = await queue(database, now=clock.now(), count=200)
    sending = asyncio.create_task(
        send_due(database, targets={"mail": LedgerTarget(ledger.port)}, sealer=SEALER, clock=clock)
    )
    while len(ledger.entries) < 40:
        assert not sending.done()
        await asyncio.sleep(0.002)
    most_pages = 1
    await asyncio.sleep(0.7)
    heard = len(ledger.calls)
    assert heard < 200
    await asyncio.sleep(0.7)
    assert len(ledger.calls) == heard
    assert not sending.done()
    most_pages = 2**30
    await asyncio.wait_for(sending, 20)
    assert ledger.taken() == {str(intent.id): 1 for intent in intents}
    attempts = await all_attempts(database)
    for intent in await all_intents(database):
        assert intent.state is IntentState.ACCEPTED
        assert [attempt.phase for attempt in attempts[intent.id]] == [""]
    await database.dispose()
