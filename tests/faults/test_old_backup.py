"""A backup of two hours ago is restored: sending stands still until it is reconciled, and nothing is sent twice (PROMISES §3)."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console
from sqlalchemy import make_url, select

from telecontrol.cli.reconcile import COMMAND_LINE, reconcile
from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.db.session import Database
from telecontrol.errors import NotFound
from telecontrol.outbox.clock_guard import ClockGuard
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.outbox.restore_guard import MAY_HAVE_BEEN_SENT, OLDER, RestoreGuard
from telecontrol.outbox.sweeps import send_due
from telecontrol.tasks.models import Owner, Task, TaskKind
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER, write
from tests.support.postgres import PostgresServer

HOUR = timedelta(hours=1)


def copied(url: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """A backup of the whole database, ready to be restored: nobody is connected to it."""
    if url.startswith("sqlite"):
        path = make_url(url).database
        assert path is not None
        shutil.copyfile(path, folder / "backup.sqlite")
        return f"sqlite+aiosqlite:///{folder / 'backup.sqlite'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url(server.create_database(template=str(make_url(url).database)))


@pytest_asyncio.fixture
async def ledger() -> AsyncIterator[Ledger]:
    provider = Ledger()
    await provider.start()
    yield provider
    await provider.stop()


async def works(database: Database, folder: Path, clock: VirtualClock, ledger: Ledger) -> str | None:
    """What the worker does at each tick, as a process that has just begun; why it did nothing."""
    await RestoreGuard(folder).check(database, now=clock.now())
    reason = await ClockGuard(clock, folder=folder).reason(database)
    if reason is None:
        targets = {"mail": LedgerTarget(ledger.port)}
        await send_due(database, targets=targets, sealer=SEALER, clock=clock)
    return reason


async def test_an_old_backup_is_noticed_and_nothing_is_sent_twice(
    request: pytest.FixtureRequest,
    database_url: Callable[..., str],
    settings: Callable[..., Settings],
    tmp_path: Path,
    ledger: Ledger,
) -> None:
    clock = VirtualClock(frozen_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    url = database_url()
    folder = settings().data_dir
    database = Database(url)
    async with database.transaction() as session:
        sent_since = await write(session, now=clock.now(), not_before=clock.now() + HOUR)
        tomorrow = await write(
            session, now=clock.now(), recipient="later@example.org", not_before=clock.now() + 20 * HOUR
        )
    assert await works(database, folder, clock, ledger) is None
    await database.dispose()
    backup = copied(url, request, tmp_path)

    clock.advance(2 * HOUR)
    database = Database(url)
    assert await works(database, folder, clock, ledger) is None
    assert len(ledger.entries) == 1
    await database.dispose()

    restored = Database(backup)
    try:
        for _ in range(2):
            assert await works(restored, folder, clock, ledger) == OLDER
        assert len(ledger.entries) == 1
        async with restored.reading() as session:
            [task] = (await session.scalars(select(Task))).all()
        assert (task.kind, task.owner, task.detail["code"]) == (TaskKind.TARGET_PAUSED, Owner.ADMINISTRATOR, OLDER)

        said = StringIO()
        assert await reconcile(restored, settings(), yes=True, console=Console(file=said, width=200))
        assert "1 message(s)" in said.getvalue()
        assert "1 × invitation by mail" in said.getvalue()
        assert "@" not in said.getvalue(), "a terminal is no place for addresses"

        assert await works(restored, folder, clock, ledger) is None
        assert len(ledger.entries) == 1, "what may have left is a human's to judge"
        async with restored.reading() as session:
            doubtful = await session.get_one(Intent, sent_since.id)
            due_later = await session.get_one(Intent, tomorrow.id)
            tasks = (await session.scalars(select(Task).where(Task.done_at.is_(None)))).all()
        assert (doubtful.state, doubtful.failure_code) == (IntentState.FAILED, MAY_HAVE_BEEN_SENT)
        assert due_later.state is IntentState.PENDING
        assert [(each.kind, each.subject_id) for each in tasks] == [(TaskKind.MESSAGE_FAILED, sent_since.id)]
        clock.advance(20 * HOUR)
        assert await works(restored, folder, clock, ledger) is None
        assert len(ledger.entries) == 2
        with pytest.raises(NotFound):
            await RestoreGuard(folder).reconcile(restored, actor=COMMAND_LINE, now=clock.now())
        assert not await reconcile(restored, settings(), yes=True, console=Console(file=StringIO()))
    finally:
        await restored.dispose()


async def test_another_database_in_the_same_folder_is_no_backup(
    database_url: Callable[..., str], tmp_path: Path, ledger: Ledger
) -> None:
    clock = VirtualClock(frozen_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    for _ in range(2):
        database = Database(database_url())
        try:
            for _ in range(3):
                assert await works(database, tmp_path / "var", clock, ledger) is None
        finally:
            await database.dispose()


async def test_a_mark_that_cannot_be_read_or_written_stops_nobody(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "var"
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    await RestoreGuard(folder).check(database, now=now)
    mark = folder / "work-mark.json"
    mark.write_text("{", encoding="ascii")
    await RestoreGuard(folder).check(database, now=now)
    assert RestoreGuard(folder).kept() is not None
    await RestoreGuard(mark / "a-file-is-no-folder").check(database, now=now)
