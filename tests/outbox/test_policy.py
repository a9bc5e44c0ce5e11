"""The arithmetic of waiting."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecontrol.outbox.policy import CURRENT, evidence_limit, late_from, next_pause, next_try

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SOME = uuid.UUID("8a4c3a52-30a2-4f8e-9f5c-1d9ad1f0a001")


def minutes(figure: float) -> timedelta:
    return timedelta(minutes=figure)


@given(ids=st.uuids(version=4), refusals=st.integers(1, 400), left=st.integers(1, 5000), asked=st.integers(0, 900))
def test_a_retry_is_after_now_before_the_limit_and_never_before_the_provider_said(
    ids: uuid.UUID, refusals: int, left: int, asked: int
) -> None:
    not_after = NOW + timedelta(seconds=left)
    retry_after = timedelta(seconds=asked)
    at = next_try(ids, refusals=refusals, now=NOW, not_after=not_after, retry_after=retry_after)
    if at is None:
        assert not_after - CURRENT.last_try_before < NOW + max(CURRENT.first_retry / 2, retry_after)
    else:
        assert NOW + retry_after <= at <= not_after - CURRENT.last_try_before
        assert at > NOW


def test_waits_grow_and_stay_under_five_minutes() -> None:
    far = NOW + timedelta(days=3)
    waits = [next_try(SOME, refusals=n, now=NOW, not_after=far) for n in range(1, 300)]
    seconds = [(at - NOW).total_seconds() for at in waits if at is not None]
    assert len(seconds) == 299
    assert 12 <= seconds[0] <= 18
    assert seconds[0] < seconds[1] < seconds[2] < seconds[3]
    assert max(seconds) < 300, "a provider that recovers is caught up with within five minutes"


def test_refused_messages_do_not_come_back_together() -> None:
    far = NOW + timedelta(days=3)
    at = {next_try(uuid.uuid4(), refusals=1, now=NOW, not_after=far) for _ in range(200)}
    assert len(at) > 100


def test_the_last_try_is_made_shortly_before_the_limit() -> None:
    not_after = NOW + minutes(3)
    assert next_try(SOME, refusals=9, now=NOW, not_after=not_after) == not_after - minutes(1)
    assert next_try(SOME, refusals=9, now=not_after - minutes(1), not_after=not_after) is None
    assert next_try(SOME, refusals=1, now=NOW, not_after=not_after, retry_after=minutes(20)) is None


@pytest.mark.parametrize(
    ("left", "wait"),
    [(minutes(600), minutes(10)), (minutes(15), minutes(5)), (minutes(2), minutes(1)), (minutes(-5), minutes(10))],
)
def test_evidence_is_awaited_less_near_the_deadline(left: timedelta, wait: timedelta) -> None:
    assert evidence_limit(NOW, deadline_at=NOW + left) == NOW + wait


def test_a_pause_lasts_as_long_as_it_has_lasted_already() -> None:
    assert next_pause(paused_at=NOW, now=NOW) == minutes(1)
    assert next_pause(paused_at=NOW, now=NOW + minutes(2)) == minutes(2)
    assert next_pause(paused_at=NOW, now=NOW + minutes(60)) == minutes(4)


def test_late_is_told_in_the_last_quarter_of_a_short_time() -> None:
    assert late_from(start=NOW, deadline_at=NOW + minutes(600)) == NOW + minutes(585)
    assert late_from(start=NOW, deadline_at=NOW + minutes(20)) == NOW + minutes(15)
    assert late_from(start=NOW + minutes(5), deadline_at=NOW) == NOW
