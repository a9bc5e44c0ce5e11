"""Signing asks the password again: counted, delayed, apart from signing in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import select

from telecontrol.accounts import passwords, signature
from telecontrol.accounts.models import Role, StaffUser
from telecontrol.accounts.sign_in import Refused, SignedIn, Throttled, sign_in
from telecontrol.db.journal import JournalEntry
from telecontrol.db.session import Database

MakeUser = Callable[..., Awaitable[StaffUser]]
CHEAP = passwords.Cost(rounds=1, memory=8, lanes=1)
PASSWORD = "un cheval bleu sur le toit"


async def _prove(database: Database, user: StaffUser, password: str, now: datetime) -> Refused | Throttled | None:
    async with database.transaction() as session:
        return await signature.prove(session, user, password, now=now, cost=CHEAP)


async def test_the_right_password_proves_it_and_a_wrong_one_does_not(
    database: Database, make_user: MakeUser, now: datetime
) -> None:
    user = await make_user(role=Role.DOCTOR)

    assert await _prove(database, user, "not this one", now) == Refused()
    assert await _prove(database, user, "", now) == Refused()
    assert await _prove(database, user, PASSWORD, now) is None

    async with database.reading() as session:
        lines = (await session.scalars(select(JournalEntry.action))).all()
    assert lines.count("staff.signature_refused") == 2


async def test_guessing_is_slowed_down_and_a_success_forgives(
    database: Database, make_user: MakeUser, now: datetime
) -> None:
    user = await make_user(role=Role.DOCTOR)
    for _ in range(signature.LIMIT.free):
        assert await _prove(database, user, "guess", now) == Refused()

    waiting = await _prove(database, user, PASSWORD, now)
    assert isinstance(waiting, Throttled), "even the right one waits"
    assert 0 < waiting.retry_after <= 30
    later = now + timedelta(seconds=31)
    assert await _prove(database, user, PASSWORD, later) is None
    assert await _prove(database, user, "guess", later) == Refused()
    assert await _prove(database, user, PASSWORD, later) is None


async def test_wrong_signatures_do_not_shut_the_account(database: Database, make_user: MakeUser, now: datetime) -> None:
    user = await make_user(role=Role.DOCTOR)
    for _ in range(signature.LIMIT.free + 1):
        await _prove(database, user, "guess", now)

    async with database.transaction() as session:
        entered = await sign_in(session, email=user.email, password=PASSWORD, address="192.0.2.7", now=now, cost=CHEAP)

    assert isinstance(entered, SignedIn)
