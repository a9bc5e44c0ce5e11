"""The insured's links: nothing but a hash is kept, one answer for every dead token, five tries however many links."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from telecontrol.accounts.links import (
    Blocked,
    Verified,
    Wrong,
    find_link,
    find_visit,
    forgive_wrong_dates,
    link_url,
    masked,
    mint_link,
    open_visit,
    revoke_for_appointment,
    verify_birth_date,
)
from telecontrol.accounts.models import InsuredLink, InsuredVisit, LinkPurpose
from telecontrol.db.session import Database

APPOINTMENT, INSURED, CONTROL = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
BORN = date(1984, 5, 17)
HOUR = timedelta(hours=1)


async def minted(database: Database, now: datetime, *, appointment_id: uuid.UUID = APPOINTMENT, days: int = 30) -> str:
    async with database.transaction() as session:
        return await mint_link(
            session,
            appointment_id=appointment_id,
            insured_id=INSURED,
            control_id=CONTROL,
            purpose=LinkPurpose.ACT,
            now=now,
            expires_at=now + timedelta(days=days),
        )


async def tried(
    database: Database, token: str, given: date, now: datetime, *, expected: date | None = BORN
) -> Verified | Wrong | Blocked:
    """One answer to the birth-date question, through a fresh visit of the link."""
    async with database.transaction() as session:
        link = await find_link(session, token, now=now)
        assert link is not None
        cookie = await open_visit(session, link, now=now, lifetime=HOUR)
    async with database.transaction() as session:
        found = await find_visit(session, cookie, now=now)
        assert found is not None
        return await verify_birth_date(session, *found, given=given, expected=expected, tries=5, now=now)


async def test_a_token_is_short_random_and_kept_only_as_a_hash(database: Database, now: datetime) -> None:
    tokens = {await minted(database, now) for _ in range(20)}
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {22}
    async with database.reading() as session:
        rows = (await session.execute(select(InsuredLink.__table__))).all()
    stored = repr(rows)
    assert not any(token in stored for token in tokens)


async def test_unknown_revoked_expired_and_misshapen_tokens_get_the_same_answer(
    database: Database, now: datetime
) -> None:
    token, other = await minted(database, now, days=1), await minted(database, now, appointment_id=uuid.uuid4())
    async with database.transaction() as session:
        assert await find_link(session, token, now=now) is not None
        assert await find_link(session, token, now=now + timedelta(days=1)) is None
        assert await revoke_for_appointment(session, appointment_id=APPOINTMENT, now=now) == 1
        assert await find_link(session, token, now=now) is None
        assert await find_link(session, "A" * 22, now=now) is None
        assert await find_link(session, "é" * 22, now=now) is None
        assert await find_link(session, other + "A", now=now) is None
        assert await find_link(session, other, now=now) is not None


async def test_a_visit_ends_with_its_cookie_its_link_or_its_revocation(database: Database, now: datetime) -> None:
    token = await minted(database, now, days=1)
    async with database.transaction() as session:
        link = await find_link(session, token, now=now)
        assert link is not None
        short = await open_visit(session, link, now=now, lifetime=HOUR)
        long = await open_visit(session, link, now=now, lifetime=timedelta(days=9))
    async with database.transaction() as session:
        found = await find_visit(session, short, now=now)
        assert found is not None
        visit, back = found
        assert (back.id, visit.verified_at) == (link.id, None)
        assert await find_visit(session, short, now=now + HOUR) is None
        assert await find_visit(session, long, now=now + HOUR) is not None
        assert await find_visit(session, long, now=now + timedelta(days=1)) is None
        assert await find_visit(session, token, now=now) is None
        await revoke_for_appointment(session, appointment_id=APPOINTMENT, now=now)
        assert await find_visit(session, long, now=now) is None


async def test_the_right_date_verifies_this_visit_and_no_other(database: Database, now: datetime) -> None:
    token = await minted(database, now)
    assert await tried(database, token, BORN, now) == Verified()
    async with database.reading() as session:
        verified = (await session.scalars(select(InsuredVisit.verified_at))).all()
    assert verified == [now]
    async with database.transaction() as session:
        link = await find_link(session, token, now=now)
        assert link is not None
        cookie = await open_visit(session, link, now=now, lifetime=HOUR)
        found = await find_visit(session, cookie, now=now)
    assert found is not None
    assert found[0].verified_at is None


async def test_several_links_do_not_multiply_the_tries(database: Database, now: datetime) -> None:
    first, second = await minted(database, now), await minted(database, now)
    wrong = date(1984, 5, 18)
    assert await tried(database, first, wrong, now) == Wrong(4)
    assert await tried(database, second, wrong, now) == Wrong(3)
    assert await tried(database, first, wrong, now) == Wrong(2)
    third = await minted(database, now)
    assert await tried(database, third, wrong, now) == Wrong(1)
    assert await tried(database, second, wrong, now) == Blocked()
    assert await tried(database, third, BORN, now) == Blocked()
    elsewhere = await minted(database, now, appointment_id=uuid.uuid4())
    assert await tried(database, elsewhere, BORN, now) == Verified()
    async with database.transaction() as session:
        await forgive_wrong_dates(session, appointment_id=APPOINTMENT)
    assert await tried(database, third, BORN, now) == Verified()


async def test_without_a_birth_date_on_file_only_a_person_helps(database: Database, now: datetime) -> None:
    token = await minted(database, now)
    assert await tried(database, token, BORN, now, expected=None) == Blocked()
    assert await tried(database, token, BORN, now) == Verified()


@pytest.mark.parametrize("public_url", ["https://rdv.example", "https://rdv.example/"])
def test_the_address_is_short_and_can_be_masked(public_url: str) -> None:
    token = "AbCdEfGhIjKlMnOpQrSt-_"
    address = link_url(public_url, token)
    assert address == f"https://rdv.example/i/{token}"
    shown = masked(f"Votre rendez-vous : {address}.")
    assert token not in shown
    assert shown.startswith("Votre rendez-vous : https://rdv.example/i/")
