"""API keys, and the same answer for the same request."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from telecontrol.accounts.api_keys import (
    ANSWERS_KEPT,
    Answer,
    Scope,
    find_key,
    forget_answers,
    issue_key,
    recall,
    remember,
    request_hash,
    revoke_key,
)
from telecontrol.accounts.models import ApiKey, Organisation
from telecontrol.db.journal import SERVICE
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, InvalidInput

REQUEST = request_hash("POST", "/api/v1/controls", b'{"a": 1}')


async def issued(database: Database, organisation: Organisation, now: datetime) -> tuple[ApiKey, str]:
    async with database.transaction() as session:
        return await issue_key(
            session,
            organisation_id=organisation.id,
            name="Logiciel de paie",
            scopes=["controls:write", "controls:read"],
            actor=SERVICE,
            now=now,
        )


async def test_a_key_is_shown_once_and_kept_as_a_hash(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    key, token = await issued(database, organisation, now)
    assert token.startswith("tck_")
    assert len(token) > 40
    async with database.transaction() as session:
        assert token not in repr((await session.execute(select(ApiKey.__table__))).all())
        found = await find_key(session, token, now=now + timedelta(minutes=5))
        assert found is not None
        assert (found.id, set(found.scopes)) == (key.id, {Scope.CONTROLS_READ, Scope.CONTROLS_WRITE})
        assert found.last_used_at == now + timedelta(minutes=5)
        for other in ("", "tck_", token[:-1], token.removeprefix("tck_")):
            assert await find_key(session, other, now=now) is None
        await revoke_key(session, found, actor=SERVICE, now=now)
        assert await find_key(session, token, now=now) is None


@pytest.mark.parametrize(("name", "scopes"), [("Paie", ["everything"]), ("", ["controls:read"]), ("Paie", [])])
async def test_a_key_needs_a_name_and_known_scopes(
    database: Database, organisation: Organisation, now: datetime, name: str, scopes: list[str]
) -> None:
    async with database.transaction() as session:
        with pytest.raises(InvalidInput):
            await issue_key(session, organisation_id=organisation.id, name=name, scopes=scopes, actor=SERVICE, now=now)


async def test_the_same_request_gets_the_same_answer_and_another_is_refused(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    key, _ = await issued(database, organisation, now)
    async with database.transaction() as session:
        assert await recall(session, api_key_id=key.id, idempotency_key="k1", request=REQUEST, now=now) is None
        await remember(session, api_key_id=key.id, idempotency_key="k1", status=201, body={"id": "x"})
    async with database.transaction() as session:
        again = await recall(session, api_key_id=key.id, idempotency_key="k1", request=REQUEST, now=now)
        assert again == Answer(201, {"id": "x"})
        other = request_hash("POST", "/api/v1/controls", b'{"a": 2}')
        with pytest.raises(Conflict) as refused:
            await recall(session, api_key_id=key.id, idempotency_key="k1", request=other, now=now)
        assert refused.value.code == "idempotency_key_reused"
        assert await recall(session, api_key_id=key.id, idempotency_key="k2", request=other, now=now) is None
    async with database.transaction() as session:
        await forget_answers(session, now=now + ANSWERS_KEPT + timedelta(seconds=1))
        assert await recall(session, api_key_id=key.id, idempotency_key="k1", request=other, now=now) is None


async def test_a_request_that_failed_leaves_the_key_free(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    key, _ = await issued(database, organisation, now)
    with pytest.raises(Conflict, match="the slot"):
        async with database.transaction() as session:
            assert await recall(session, api_key_id=key.id, idempotency_key="k", request=REQUEST, now=now) is None
            raise Conflict("the slot is gone")
    async with database.transaction() as session:
        assert await recall(session, api_key_id=key.id, idempotency_key="k", request=REQUEST, now=now) is None


async def test_of_simultaneous_requests_one_works_and_the_others_hear_its_answer(
    committed_database: Database, now: datetime
) -> None:
    async with committed_database.transaction() as session:
        organisation = Organisation(code="o", name="o", created_at=now)
        session.add(organisation)
    key, _ = await issued(committed_database, organisation, now)
    worked: list[int] = []

    async def request(number: int) -> Answer:
        async with committed_database.transaction() as session:
            known = await recall(session, api_key_id=key.id, idempotency_key="k", request=REQUEST, now=now)
            if known is not None:
                return known
            worked.append(number)
            await asyncio.sleep(0.05)
            await remember(session, api_key_id=key.id, idempotency_key="k", status=201, body={"number": number})
            return Answer(201, {"number": number})

    answers = await asyncio.gather(*(request(number) for number in range(8)))
    assert len(worked) == 1
    assert answers == [Answer(201, {"number": worked[0]})] * 8


@pytest.mark.parametrize("idempotency_key", ["", "x" * 129])
async def test_a_misshapen_key_is_refused(
    database: Database, organisation: Organisation, now: datetime, idempotency_key: str
) -> None:
    key, _ = await issued(database, organisation, now)
    async with database.transaction() as session:
        with pytest.raises(InvalidInput):
            await recall(session, api_key_id=key.id, idempotency_key=idempotency_key, request=REQUEST, now=now)
