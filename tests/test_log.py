"""What reaches the log of an error: where and what kind, never the values it was about."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from telecontrol import log
from telecontrol.accounts.models import Organisation
from telecontrol.db.session import Database
from telecontrol.errors import NotFound

PLANTED = "Dupont-Secrète"


@pytest.fixture(autouse=True)
def _logs_end_where_they_began() -> Iterator[None]:
    """What a test of the log set up must not outlive the stream that the test captured."""
    handlers = list(logging.getLogger().handlers)
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers


async def _break_a_rule(database: Database) -> None:
    """A row that breaks a rule the domain does not know: the driver's error quotes the whole row on PostgreSQL."""
    async with database.transaction() as session:
        session.add(Organisation(code=PLANTED, name=None, mandate=PLANTED, created_at=datetime.now(UTC)))
        await session.flush()


@pytest.mark.parametrize("as_json", [True, False])
async def test_a_database_error_is_told_without_what_was_written(
    database: Database, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    log.configure(json=as_json)
    try:
        await _break_a_rule(database)
    except DBAPIError:
        log.get("test").exception("broken")
        logging.getLogger("a.library").exception("broken there")
    said = capsys.readouterr().err
    assert "IntegrityError" in said
    assert "test_log.py" in said, "where it happened is told"
    assert PLANTED not in said
    assert "Secr" not in said


async def test_the_error_itself_quotes_no_parameters(database: Database) -> None:
    """Whoever prints it all the same prints no row."""
    with pytest.raises(IntegrityError) as broken:
        await _break_a_rule(database)
    assert "[parameters" not in str(broken.value) or "hidden" in str(broken.value)


async def test_the_constraint_and_the_code_are_told(database: Database) -> None:
    with pytest.raises(DBAPIError) as broken:
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO organisation (id) VALUES (NULL)"))
    told = log.faults_without_words(broken.value)
    assert "organisation" in told or "NotNull" in told
    try:
        try:
            raise KeyError(PLANTED)
        except KeyError as error:
            raise NotFound(f"no {PLANTED}", code="nobody") from error
    except NotFound as error:
        told = log.faults_without_words(error)
    assert "NotFound (nobody)" in told
    assert "KeyError" in told
    assert PLANTED not in told
