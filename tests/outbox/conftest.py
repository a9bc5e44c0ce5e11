"""A provider with a ledger, and sending passes against it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox.sweeps import Sent, send_due, settle_doubts
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER

Send = Callable[..., Coroutine[Any, Any, Sent]]
Settle = Callable[..., Coroutine[Any, Any, int]]


@pytest_asyncio.fixture
async def ledger() -> AsyncIterator[Ledger]:
    provider = Ledger()
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
def mail(ledger: Ledger) -> LedgerTarget:
    return LedgerTarget(ledger.port)


@pytest.fixture
def send(committed_database: Database, clock: VirtualClock, mail: LedgerTarget) -> Send:
    """One pass of `send_due` on the test's database, to the mail target unless others are named."""

    async def run(**given: Any) -> Sent:
        values: dict[str, Any] = {"targets": {"mail": mail}, "sealer": SEALER, "clock": clock}
        return await send_due(committed_database, **{**values, **given})

    return run


@pytest.fixture
def settle(committed_database: Database, clock: VirtualClock, mail: LedgerTarget) -> Settle:
    """One pass of `settle_doubts`, likewise."""

    async def run(**given: Any) -> int:
        values: dict[str, Any] = {"targets": {"mail": mail}, "sealer": SEALER, "clock": clock}
        return await settle_doubts(committed_database, **{**values, **given})

    return run


async def later(clock: VirtualClock, settle: Settle, *, by: timedelta) -> None:
    """Let time pass in small steps, settling at each."""
    until = clock.now() + by
    while clock.now() < until:
        clock.advance(min(timedelta(seconds=30), until - clock.now()))
        await settle()
