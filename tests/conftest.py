"""The ground that every test stands on: databases, clock, settings, browser.

* `database`: one of SQLite and PostgreSQL, the test runs on both. What the test writes is gone after it. On PostgreSQL all
  of it happens on one connection inside a transaction that is rolled back: one thing at a time.
* `committed_database`: the same pair with real commits and as many connections as the test likes: races, crashes, workers.
* `database_url`, `sqlite_url`, `postgres_url`: addresses of fresh databases for tests that start real processes.
* `settings`, `clock`: explicit settings and a frozen clock; neither the machine's environment, nor its date, nor its zone.
* `browser`, `context_factory`: Debian's Chromium with a fake camera and microphone.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect
from sqlalchemy import event

from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.db.session import Database
from tests.support import chromium, schema
from tests.support.needs import in_ci
from tests.support.postgres import PostgresServer

# A zone with an odd offset and its own daylight saving: whatever leans on the machine's zone shows.
os.environ["TZ"] = "Pacific/Chatham"
time.tzset()
for name in [name for name in os.environ if name.startswith("TELECONTROL_")]:
    del os.environ[name]

# A slow moment of a shared machine is no defect; CI takes the same examples each time, a desk takes new ones.
hypothesis.settings.register_profile("project", deadline=None, derandomize=in_ci(), print_blob=True)
hypothesis.settings.load_profile("project")

expect.set_options(timeout=20_000)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ENGINES = ["sqlite", "postgresql"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two browsers in a call want the machine for themselves: their tests run in the serial part of the run."""
    browsers = Path(__file__).parent / "browser"
    for item in items:
        if item.path.is_relative_to(browsers) and not item.path.is_relative_to(browsers / "pages"):
            item.add_marker(pytest.mark.serial)


@pytest.fixture
def clock() -> VirtualClock:
    """Stands at 2026-03-02T09:00:00Z until it is moved."""
    return VirtualClock(frozen_at=START)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Makes `Settings` from explicit values over defaults that touch nothing outside the test's folder."""

    def make(**values: Any) -> Settings:
        given = {
            "database_url": f"sqlite+aiosqlite:///{tmp_path / 'settings.sqlite'}",
            "data_dir": tmp_path / "var",
            "secret": "a-secret-for-tests-of-more-than-32-characters",
            "livekit_api_secret": "a-ticket-secret-for-tests-of-more-than-32-characters",
        }
        return Settings(**{**given, **values})

    return make


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """This worker process's PostgreSQL, with a template that holds the schema. To break a server, make another one."""
    server = PostgresServer.create()
    try:
        schema.create_schema(server.url(server.create_database("template")))
        server.create_database("shared", template="template")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that holds the schema; copied, never opened."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    schema.create_schema(f"sqlite+aiosqlite:///{path}")
    assert not path.with_name("template.sqlite-wal").exists(), "the file alone must hold everything"
    return path


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    """Makes the address of a fresh SQLite file: with the schema, or nothing at all (`empty=True`)."""
    made = 0

    def make(*, empty: bool = False) -> str:
        nonlocal made
        made += 1
        path = tmp_path / f"database_{made}.sqlite"
        if not empty:
            shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite+aiosqlite:///{path}"

    return make


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[Callable[..., str]]:
    """Makes the address of a fresh PostgreSQL database: with the schema, or nothing at all (`empty=True`)."""
    made: list[str] = []

    def make(*, empty: bool = False) -> str:
        made.append(postgres_server.create_database(template="template0" if empty else "template"))
        return postgres_server.url(made[-1])

    yield make
    for name in made:
        postgres_server.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> Callable[..., str]:
    """`sqlite_url` and `postgres_url` in turn."""
    make: Callable[..., str] = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return make


@pytest_asyncio.fixture(scope="session")
async def _shared_postgres(postgres_server: PostgresServer) -> AsyncIterator[Database]:
    database = Database(postgres_server.url("shared"))
    yield database
    await database.dispose()


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database of each kind. For anything that happens at the same time take `committed_database`."""
    found: Database = request.getfixturevalue(f"_{request.param}_database")
    return found


@pytest.fixture(params=ENGINES)
def committed_database(request: pytest.FixtureRequest) -> Database:
    """An empty database of each kind where commits are real and many connections may race."""
    found: Database = request.getfixturevalue(f"_committed_{request.param}_database")
    return found


@pytest_asyncio.fixture
async def _sqlite_database(sqlite_url: Callable[..., str]) -> AsyncIterator[Database]:
    database = Database(sqlite_url())
    event.listen(database.engine.sync_engine, "connect", _without_fsync)
    yield database
    await database.dispose()


@pytest_asyncio.fixture
async def _postgresql_database(_shared_postgres: Database) -> AsyncIterator[Database]:
    async with _shared_postgres.engine.connect() as connection:
        outer = await connection.begin()
        database = Database(_address(_shared_postgres))
        database.bind_to(connection)
        yield database
        await outer.rollback()
        await database.dispose()


@pytest_asyncio.fixture
async def _committed_sqlite_database(sqlite_url: Callable[..., str]) -> AsyncIterator[Database]:
    database = Database(sqlite_url())
    yield database
    await database.dispose()


@pytest_asyncio.fixture
async def _committed_postgresql_database(_shared_postgres: Database) -> AsyncIterator[Database]:
    database = Database(_address(_shared_postgres))
    yield database
    await database.dispose()
    await schema.empty(_shared_postgres)


def _address(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def _without_fsync(connection: Any, _record: Any) -> None:
    """A unit test does not wait for the disk."""
    connection.execute("PRAGMA synchronous=OFF").close()


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, once per run."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=str(chromium.path()), args=chromium.ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture
async def context_factory(browser: Browser) -> AsyncIterator[Callable[..., Awaitable[BrowserContext]]]:
    """Makes separate browser contexts (as different people), camera and microphone allowed; closed after the test."""
    made: list[BrowserContext] = []

    async def make(**options: Any) -> BrowserContext:
        given = {"locale": "fr-FR", "permissions": ["camera", "microphone"]}
        context = await browser.new_context(**{**given, **options})
        context.set_default_timeout(45_000)  # generous: a busy machine is no defect
        made.append(context)
        return context

    yield make
    for context in made:
        await context.close()
