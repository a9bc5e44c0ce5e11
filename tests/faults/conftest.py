"""A provider with a ledger for workers that are killed, stopped and raced."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.ledger import Ledger


@pytest_asyncio.fixture
async def ledger() -> AsyncIterator[Ledger]:
    provider = Ledger()
    await provider.start()
    yield provider
    await provider.stop()
