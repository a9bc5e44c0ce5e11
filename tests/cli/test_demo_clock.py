"""A demonstration that is taken up again: its clock never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from telecontrol.cli.demo import latest_instant
from telecontrol.db.journal import SERVICE, record
from telecontrol.db.session import Database
from telecontrol.demo.clock import clock_facts

CLOCK = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
REAL = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)
KNOWN = {"clock": CLOCK.isoformat(), "clock_written_at": REAL.isoformat()}


async def _done(database: Database, at: datetime) -> None:
    async with database.transaction() as session:
        record(session, "control.requested", actor=SERVICE, now=at)


@pytest.mark.parametrize(("passed", "done", "stands"), [(48, None, 48), (48, 20, 48), (5, 56, 56), (-30, None, 0)])
async def test_it_stands_where_it_was_and_what_has_passed_since_but_after_all_that_was_done(
    database: Database, passed: int, done: int | None, stands: int
) -> None:
    """Minutes. The machine's own clock may have been set back."""
    if done is not None:
        await _done(database, CLOCK + timedelta(minutes=done))
    opening = await latest_instant(database, KNOWN, now_real=REAL + timedelta(minutes=passed))
    assert opening == CLOCK + timedelta(minutes=stands)


async def test_a_clock_written_down_by_an_earlier_release_goes_on_too(database: Database) -> None:
    assert await latest_instant(database, {"clock": CLOCK.isoformat()}, now_real=REAL) == CLOCK


def test_what_is_written_down_says_when_it_was_written() -> None:
    facts = clock_facts(CLOCK)
    assert facts["clock"] == CLOCK.isoformat()
    assert abs(datetime.now(UTC) - datetime.fromisoformat(facts["clock_written_at"])) < timedelta(minutes=1)
