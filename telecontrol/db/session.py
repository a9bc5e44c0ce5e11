"""The unit of work: the only module that commits.

`session` always means a database handle. One request, or one swept row, is one transaction. On SQLite a transaction that
may write begins with `BEGIN IMMEDIATE` (the default of the driver loses updates without an error); one that only reads
begins with `BEGIN`.
"""

from __future__ import annotations

import contextvars
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from telecontrol.db.integrity import as_domain_error

_reading: contextvars.ContextVar[bool] = contextvars.ContextVar("reading", default=False)


class Database:
    """An engine and its sessions. One per process; `dispose()` at the end."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if parsed.database and parsed.database != ":memory:":
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = create_async_engine(
                url, pool_size=2, max_overflow=0, pool_timeout=30, connect_args={"timeout": 30}, hide_parameters=True
            )
            _prepare_sqlite(self.engine)
        else:
            self.engine = create_async_engine(
                url, pool_size=pool_size, max_overflow=5, pool_timeout=30, pool_pre_ping=True, hide_parameters=True
            )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    def bind_to(self, connection: AsyncConnection) -> None:
        """Run every session inside `connection`'s transaction, as savepoints: how the tests roll back."""
        self._sessions = async_sessionmaker(
            bind=connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A transaction that may write: commits when the block ends, rolls back when it raises.

        A violated constraint that the domain knows is raised as its domain error.
        """
        async with self._sessions() as session:
            try:
                async with session.begin():
                    yield session
            except IntegrityError as error:
                raise as_domain_error(error) from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A transaction that only reads; what it changed by mistake is rolled back. Rows stay readable after it."""
        async with self._sessions() as session:
            token = _reading.set(True)
            try:
                await session.connection()
            finally:
                _reading.reset(token)
            yield session

    async def ping(self) -> None:
        """Raises when the database does not answer."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def dispose(self) -> None:
        await self.engine.dispose()


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """Pragmas on connect, and an explicit BEGIN that takes the write lock at once unless the reader said otherwise."""

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if _reading.get() else "BEGIN IMMEDIATE")
