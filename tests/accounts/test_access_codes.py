"""The code by the other channel: bound to one browser, ten minutes long, five tries however many codes and links."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from telecontrol.accounts.access_codes import (
    LIFETIME,
    MOST_A_DAY,
    PAUSE,
    Expired,
    Made,
    make_code,
    other_channel,
    verify_code,
)
from telecontrol.accounts.links import Blocked, Verified, Wrong, find_link, find_visit, mint_link, open_visit
from telecontrol.accounts.models import AccessCode, InsuredLink, InsuredVisit, LinkPurpose
from telecontrol.db.session import Database

APPOINTMENT = uuid.uuid4()
SECRET = "a-secret-of-the-service"


async def visiting(database: Database, now: datetime, *, channel: str = "mail") -> str:
    """The cookie of a browser that came by a fresh link of `channel`."""
    async with database.transaction() as session:
        token = await mint_link(
            session,
            appointment_id=APPOINTMENT,
            insured_id=uuid.uuid4(),
            control_id=uuid.uuid4(),
            purpose=LinkPurpose.ACT,
            now=now,
            expires_at=now + timedelta(days=30),
            channel=channel,
        )
        link = await find_link(session, token, now=now)
        assert link is not None
        return await open_visit(session, link, now=now, lifetime=timedelta(days=2))


async def made(database: Database, cookie: str, now: datetime) -> Made | None:
    async with database.transaction() as session:
        found = await find_visit(session, cookie, now=now)
        assert found is not None
        return await make_code(session, *found, secret=SECRET, channel="sms", now=now)


async def code_for(database: Database, cookie: str, now: datetime) -> str:
    code = await made(database, cookie, now)
    assert code is not None
    return code.digits


async def tried(
    database: Database, cookie: str, given: str, now: datetime, *, secret: str = SECRET
) -> Verified | Wrong | Blocked | Expired:
    async with database.transaction() as session:
        found = await find_visit(session, cookie, now=now)
        assert found is not None
        return await verify_code(session, *found, given=given, secret=secret, tries=5, now=now)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_the_right_code_opens_the_page_of_the_browser_that_asked(database: Database, now: datetime) -> None:
    mine, theirs = await visiting(database, now), await visiting(database, now)
    code = await code_for(database, mine, now)
    assert len(code) == 6
    assert await tried(database, theirs, code, now) == Expired(), "in another browser there is no such code"
    assert await tried(database, mine, code, now + LIFETIME - timedelta(seconds=1)) == Verified()
    async with database.reading() as session:
        found = await find_visit(session, mine, now=now)
        assert found is not None
        assert found[0].verified_at is not None
        other = await find_visit(session, theirs, now=now)
        assert other is not None
        assert other[0].verified_at is None


async def test_only_a_keyed_hash_is_kept(database: Database, now: datetime) -> None:
    cookie = await visiting(database, now)
    code = await code_for(database, cookie, now)
    async with database.reading() as session:
        rows = (await session.execute(select(AccessCode.__table__))).all()
    assert code not in repr([row.code_hash for row in rows])
    answer = await tried(database, cookie, code, now, secret="another-secret")
    assert isinstance(answer, Wrong), "without the service's secret the hash says nothing"


async def test_after_ten_minutes_another_is_asked_for_and_no_try_is_lost(database: Database, now: datetime) -> None:
    cookie = await visiting(database, now)
    code = await code_for(database, cookie, now)
    assert await tried(database, cookie, code, now + LIFETIME) == Expired()
    later = now + LIFETIME + timedelta(seconds=1)
    fresh = await code_for(database, cookie, later)
    assert await tried(database, cookie, wrong(fresh), later) == Wrong(4)
    assert await tried(database, cookie, fresh, later) == Verified()


async def test_five_tries_in_all_however_many_codes_and_links(database: Database, now: datetime) -> None:
    first, second = await visiting(database, now), await visiting(database, now, channel="sms")
    for number, cookie in enumerate([first, second, first, second]):
        at = now + number * PAUSE
        code = await code_for(database, cookie, at)
        assert await tried(database, cookie, wrong(code), at) == Wrong(4 - number)
    at = now + 5 * PAUSE
    code = await code_for(database, first, at)
    assert await tried(database, first, wrong(code), at) == Blocked()
    assert await tried(database, first, code, at) == Blocked(), "the right one comes too late: a person helps"
    async with database.reading() as session:
        assert sum((await session.scalars(select(InsuredLink.failed_count))).all()) == 5


async def test_nobody_is_flooded(database: Database, now: datetime) -> None:
    cookie = await visiting(database, now)
    assert await made(database, cookie, now) is not None
    assert await made(database, cookie, now + PAUSE - timedelta(seconds=1)) is None, "the first may be on its way"
    sent = 1
    for number in range(1, 10):
        sent += await made(database, cookie, now + number * PAUSE) is not None
    assert sent == MOST_A_DAY
    assert await made(database, await visiting(database, now), now + 10 * PAUSE) is None, "another link changes nothing"
    assert await made(database, cookie, now + timedelta(days=1, minutes=10)) is not None


@pytest.mark.parametrize(("channel", "other"), [("mail", "sms"), ("sms", "mail"), ("", "")])
def test_the_code_goes_by_the_channel_that_did_not_carry_the_link(channel: str, other: str) -> None:
    assert other_channel(InsuredLink(channel=channel)) == other


async def test_a_visit_that_is_verified_needs_no_code(database: Database, now: datetime) -> None:
    cookie = await visiting(database, now)
    async with database.transaction() as session:
        found = await find_visit(session, cookie, now=now)
        assert found is not None
        (await session.get_one(InsuredVisit, found[0].id)).verified_at = now
    assert await tried(database, cookie, "000000", now) == Verified()
