"""The test base itself: what each fixture promises."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from playwright.async_api import BrowserContext
from pytest_socket import SocketConnectBlockedError
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.db.journal import SERVICE, JournalEntry, record
from telecontrol.db.session import Database
from telecontrol.errors import Conflict

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def write(database: Database, action: str) -> None:
    async with database.transaction() as session:
        record(session, action, actor=SERVICE, now=NOW)


async def count(database: Database) -> int:
    async with database.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(JournalEntry)) or 0)


@pytest.mark.parametrize("turn", [1, 2])
async def test_a_test_sees_its_own_commits_and_nobody_else_s(database: Database, turn: int) -> None:
    assert await count(database) == 0
    await write(database, f"turn.{turn}")
    await write(database, f"turn.{turn}")
    assert await count(database) == 2


async def test_what_raises_is_rolled_back_and_the_rest_stays(database: Database) -> None:
    await write(database, "kept")
    with pytest.raises(Conflict):
        async with database.transaction() as session:
            record(session, "lost", actor=SERVICE, now=NOW)
            await session.flush()
            raise Conflict("no")
    assert await count(database) == 1


async def test_a_violated_constraint_leaves_the_database_usable(database: Database) -> None:
    async with database.transaction() as session:
        first = record(session, "first", actor=SERVICE, now=NOW)
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            record(session, "second", actor=SERVICE, now=NOW).id = first.id
    await write(database, "third")
    assert await count(database) == 2


async def test_what_a_reader_changes_is_not_kept(database: Database) -> None:
    async with database.reading() as session:
        record(session, "by mistake", actor=SERVICE, now=NOW)
        await session.flush()
    assert await count(database) == 0


@pytest.mark.parametrize("turn", [1, 2])
async def test_commits_are_real_where_the_test_asks_for_it(committed_database: Database, turn: int) -> None:
    assert await count(committed_database) == 0
    await asyncio.gather(*(write(committed_database, f"turn.{turn}") for _ in range(8)))
    other = Database(committed_database.engine.url.render_as_string(hide_password=False))
    try:
        assert await count(other) == 8
    finally:
        await other.dispose()


async def test_addresses_are_of_fresh_databases(database_url: Callable[..., str]) -> None:
    first, second = Database(database_url()), Database(database_url())
    try:
        await write(first, "here")
        assert await count(first) == 1
        assert await count(second) == 0
    finally:
        await first.dispose()
        await second.dispose()


async def test_an_empty_database_has_no_table(database_url: Callable[..., str]) -> None:
    database = Database(database_url(empty=True))
    try:
        with pytest.raises(Exception, match="journal_entry"):
            await count(database)
    finally:
        await database.dispose()


async def test_postgresql_acknowledges_as_in_production(postgres_url: Callable[..., str]) -> None:
    database = Database(postgres_url())
    try:
        async with database.reading() as session:
            assert await session.scalar(text("SHOW synchronous_commit")) == "on"
            assert await session.scalar(text("SHOW server_encoding")) == "UTF8"
    finally:
        await database.dispose()


def test_the_clock_stands_still(clock: VirtualClock) -> None:
    assert clock.now() == clock.now() == NOW


def test_settings_are_explicit(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(port=0).port == 0
    assert settings().data_dir != Settings().data_dir


def test_the_machine_s_zone_is_an_odd_one() -> None:
    assert time.tzname[0] == "+1245"


def test_nothing_leaves_the_machine() -> None:
    with socket.socket() as outside, pytest.raises((SocketConnectBlockedError, UserWarning)):
        outside.connect(("192.0.2.1", 80))


@pytest.mark.serial
async def test_chromium_has_a_camera(context_factory: Callable[..., Awaitable[BrowserContext]]) -> None:
    context = await context_factory()
    page = await context.new_page()
    await page.route("**/*", lambda route: route.fulfill(body="<title>here</title>", content_type="text/html"))
    await page.goto("http://127.0.0.1:1/")
    tracks = await page.evaluate(
        "navigator.mediaDevices.getUserMedia({audio: true, video: true}).then((s) => s.getTracks().length)"
    )
    assert tracks == 2
