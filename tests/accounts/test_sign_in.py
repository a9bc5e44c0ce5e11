"""Signing in: one answer for every wrong pair, growing delays, tokens that end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from telecontrol.accounts import passwords
from telecontrol.accounts.models import FailedTry, StaffSignIn, StaffUser
from telecontrol.accounts.sign_in import (
    IDLE,
    LIFETIME,
    PER_ACCOUNT,
    PER_ADDRESS,
    Refused,
    SignedIn,
    Throttled,
    csrf_token,
    find_sign_in,
    forget_old_sign_ins,
    is_csrf_token,
    is_due_to_be_seen,
    note_seen,
    sign_in,
    sign_out,
)
from telecontrol.accounts.staff import deactivate, set_password
from telecontrol.accounts.throttle import address_key
from telecontrol.db.journal import SERVICE
from telecontrol.db.session import Database

MakeUser = Callable[..., Awaitable[StaffUser]]
CHEAP = passwords.Cost(rounds=1, memory=8, lanes=1)
PASSWORD = "un cheval bleu sur le toit"


async def entered(
    database: Database, email: str, now: datetime, *, password: str = PASSWORD, address: str = "192.0.2.7"
) -> SignedIn | Refused | Throttled:
    async with database.transaction() as session:
        return await sign_in(session, email=email, password=password, address=address, now=now, cost=CHEAP)


async def test_the_right_pair_opens_a_sign_in_kept_as_a_hash(
    database: Database, make_user: MakeUser, now: datetime
) -> None:
    user = await make_user(email="Desk@Gestion.example")
    opened = await entered(database, " DESK@gestion.EXAMPLE ", now)
    assert isinstance(opened, SignedIn)
    assert (opened.user.id, opened.expires_at) == (user.id, now + LIFETIME)
    async with database.reading() as session:
        stored = repr((await session.execute(select(StaffSignIn.__table__))).all())
        found = await find_sign_in(session, opened.token, now=now)
        assert await find_sign_in(session, "another", now=now) is None
        assert opened.token not in stored
        assert found is not None
        assert found[1].id == user.id


async def test_wrong_password_unknown_and_closed_accounts_answer_alike(
    database: Database, make_user: MakeUser, now: datetime
) -> None:
    user, closed = await make_user(), await make_user()
    async with database.transaction() as session:
        row = await session.get_one(StaffUser, closed.id)
        await deactivate(session, row, actor=SERVICE, now=now)
    assert await entered(database, user.email, now, password="faux faux faux faux") == Refused()
    assert await entered(database, "nobody@gestion.example", now) == Refused()
    assert await entered(database, closed.email, now) == Refused()


@pytest.mark.parametrize("is_known", [True, False])
async def test_delays_grow_alike_for_known_and_unknown_accounts(
    database: Database, make_user: MakeUser, now: datetime, is_known: bool
) -> None:
    email = (await make_user()).email if is_known else "nobody@gestion.example"
    for number in range(PER_ACCOUNT.free):
        answer = await entered(database, email, now, password="faux faux faux faux", address=f"192.0.2.{number}")
        assert answer == Refused()
    first = int(PER_ACCOUNT.first.total_seconds())
    assert await entered(database, email, now) == Throttled(first)
    assert await entered(database, email, now + timedelta(seconds=first - 1)) == Throttled(1)
    later = now + PER_ACCOUNT.first
    assert await entered(database, email, later, password="faux faux faux faux") == Refused()
    assert await entered(database, email, later) == Throttled(2 * first)
    after = later + 2 * PER_ACCOUNT.first
    assert isinstance(await entered(database, email, after), SignedIn if is_known else Refused)


async def test_success_forgives_and_the_wait_has_an_end(database: Database, make_user: MakeUser, now: datetime) -> None:
    user = await make_user()
    for _ in range(PER_ACCOUNT.free - 1):
        await entered(database, user.email, now, password="faux faux faux faux")
    assert isinstance(await entered(database, user.email, now), SignedIn)
    assert await entered(database, user.email, now, password="faux faux faux faux") == Refused()
    assert isinstance(await entered(database, user.email, now), SignedIn)
    assert PER_ACCOUNT.wait_after(10_000) == PER_ACCOUNT.longest


async def test_one_address_cannot_try_account_after_account(database: Database, now: datetime) -> None:
    for number in range(PER_ADDRESS.free):
        answer = await entered(database, f"nobody{number}@gestion.example", now, address="2001:db8::1")
        assert answer == Refused()
    same_site = await entered(database, "one-more@gestion.example", now, address="2001:db8::ffff")
    assert same_site == Throttled(int(PER_ADDRESS.first.total_seconds()))
    assert await entered(database, "one-more@gestion.example", now, address="192.0.2.9") == Refused()


async def test_failures_are_forgotten_after_a_day(database: Database, make_user: MakeUser, now: datetime) -> None:
    user = await make_user()
    for _ in range(PER_ACCOUNT.free):
        await entered(database, user.email, now, password="faux faux faux faux")
    tomorrow = now + timedelta(days=1)
    assert await entered(database, user.email, tomorrow, password="faux faux faux faux") == Refused()
    async with database.reading() as session:
        assert len((await session.scalars(select(FailedTry))).all()) == 2  # one for the account, one for the address
    assert isinstance(await entered(database, user.email, tomorrow), SignedIn)


async def test_simultaneous_guesses_are_each_counted(committed_database: Database, now: datetime) -> None:
    guesses = [entered(committed_database, "victim@gestion.example", now, address=f"192.0.2.{n}") for n in range(12)]
    answers = await asyncio.gather(*guesses)
    assert answers.count(Refused()) == PER_ACCOUNT.free
    assert sum(isinstance(answer, Throttled) for answer in answers) == 12 - PER_ACCOUNT.free


async def test_a_sign_in_ends_when_idle_when_old_and_when_signed_out(
    database: Database, make_user: MakeUser, now: datetime
) -> None:
    user = await make_user()
    opened = await entered(database, user.email, now)
    assert isinstance(opened, SignedIn)

    async def stands(at: datetime) -> bool:
        async with database.reading() as session:
            return await find_sign_in(session, opened.token, now=at) is not None

    assert await stands(now + IDLE - timedelta(seconds=1))
    assert not await stands(now + IDLE)
    seen = now
    while seen + IDLE / 2 < now + LIFETIME:
        seen += IDLE / 2
        async with database.transaction() as session:
            found = await find_sign_in(session, opened.token, now=seen)
            assert found is not None
            assert is_due_to_be_seen(found[0], now=seen)
            await note_seen(session, found[0].id, now=seen)
    assert await stands(now + LIFETIME - timedelta(seconds=1))
    assert not await stands(now + LIFETIME)
    async with database.transaction() as session:
        await sign_out(session, opened.token, now=seen)
    assert not await stands(seen)
    async with database.transaction() as session:
        await forget_old_sign_ins(session, now=seen + timedelta(days=2))
        assert (await session.scalars(select(StaffSignIn))).all() == []


async def test_a_new_password_ends_every_sign_in_and_lifts_the_delay(
    database: Database, make_user: MakeUser, now: datetime
) -> None:
    user = await make_user()
    opened = await entered(database, user.email, now)
    assert isinstance(opened, SignedIn)
    for _ in range(PER_ACCOUNT.free):
        await entered(database, user.email, now, password="faux faux faux faux")
    new = "trois renards dans la neige"
    async with database.transaction() as session:
        row = await session.get_one(StaffUser, user.id)
        assert row.locked_until is not None
        await set_password(session, row, password=new, actor=SERVICE, now=now, cost=CHEAP)
        assert await find_sign_in(session, opened.token, now=now) is None
    assert await entered(database, user.email, now) == Refused()
    assert isinstance(await entered(database, user.email, now, password=new), SignedIn)


async def test_a_hash_of_another_cost_is_renewed_at_the_next_sign_in(
    database: Database, make_user: MakeUser, now: datetime
) -> None:
    user = await make_user(cost=passwords.Cost(rounds=2, memory=8, lanes=1))
    assert isinstance(await entered(database, user.email, now), SignedIn)
    async with database.reading() as session:
        row = await session.get_one(StaffUser, user.id)
        assert not passwords.is_outdated(row.password_hash, cost=CHEAP)


def test_the_form_token_belongs_to_one_cookie_and_one_secret() -> None:
    token = csrf_token("cookie", secret="s" * 32)
    assert is_csrf_token(token, "cookie", secret="s" * 32)
    assert not is_csrf_token(token, "other", secret="s" * 32)
    assert not is_csrf_token(token, "cookie", secret="t" * 32)
    assert not is_csrf_token("", "cookie", secret="s" * 32)
    assert not is_csrf_token("é", "cookie", secret="s" * 32)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "unknown"),
    ],
)
def test_addresses_are_counted_by_who_shares_them(address: str, key: str) -> None:
    assert address_key(address) == key
