"""The local insurer: the contract of any gateway, every mode, one effect per key."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput
from telecontrol.reports import contract, insurer_inbox, published
from telecontrol.reports.canonical import canonical
from telecontrol.reports.insurer_inbox import SLOW, Exchange
from telecontrol.reports.models import InboxMode, InsurerInboxReport
from tests.support.concluding import START

BEARER = "key-of-the-local-insurer"
KEY = contract.key_of(published.EXAMPLE["report_id"], 1)


def request(**changes: Any) -> tuple[dict[str, str], bytes]:
    body = canonical({**published.EXAMPLE, **changes})
    headers = {
        "authorization": f"Bearer {BEARER}",
        "content-type": "application/json",
        "content-digest": contract.digest_of(body),
        "idempotency-key": KEY,
    }
    return headers, body


async def post(database: Database, mode: InboxMode | None = None, **changes: Any) -> Exchange:
    headers, body = request(**changes)
    async with database.transaction() as session:
        played = mode or await insurer_inbox.take_mode(session)
        return await insurer_inbox.receive(session, headers=headers, body=body, bearer=BEARER, mode=played, now=START)


async def look_up(database: Database, *, bearer: str = BEARER) -> contract.Answer:
    async with database.reading() as session:
        headers = {"authorization": f"Bearer {BEARER}"}
        return await insurer_inbox.look_up(session, key=KEY, headers=headers, bearer=bearer)


async def effects(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(InsurerInboxReport)) or 0


@pytest.mark.parametrize(
    ("mode", "status", "kept", "drops", "delay"),
    [
        (InboxMode.ACCEPT, 201, 1, False, timedelta(0)),
        (InboxMode.REFUSE, 422, 0, False, timedelta(0)),
        (InboxMode.LOSE_REPLY, 201, 1, True, timedelta(0)),
        (InboxMode.SLOW, 201, 1, False, SLOW),
        (InboxMode.ERROR, 500, 0, False, timedelta(0)),
    ],
)
async def test_each_mode_then_the_same_report_again(
    database: Database, mode: InboxMode, status: int, kept: int, drops: bool, delay: timedelta
) -> None:
    first = await post(database, mode)
    assert (first.answer.status, first.drop_connection, first.delay) == (status, drops, delay)
    assert await effects(database) == kept
    again = await post(database, InboxMode.ACCEPT)
    assert again.answer.status == (200 if kept else 201)
    assert await effects(database) == 1
    found = await look_up(database)
    assert json.loads(found.body)["acknowledgement_id"] == json.loads(again.answer.body)["acknowledgement_id"]


async def test_a_report_it_has_is_acknowledged_even_when_told_to_refuse(database: Database) -> None:
    await post(database, InboxMode.ACCEPT)
    assert (await post(database, InboxMode.REFUSE)).answer.status == 200


async def test_another_content_under_the_same_key_is_a_conflict(database: Database) -> None:
    await post(database, InboxMode.ACCEPT)
    answer = (await post(database, InboxMode.ACCEPT, due_at="2026-03-26T11:15:00+04:00")).answer
    assert (answer.status, json.loads(answer.body)["code"]) == (409, "content_mismatch")
    async with database.reading() as session:
        [row] = await insurer_inbox.received(session)
    assert row.document == published.EXAMPLE


async def test_a_mode_for_some_reports_then_it_accepts_again(database: Database) -> None:
    async with database.transaction() as session:
        await insurer_inbox.set_mode(session, InboxMode.ERROR, times=2)
    said = [(await post(database)).answer.status for _ in range(4)]
    assert said == [500, 500, 201, 200]
    async with database.transaction() as session:
        assert await insurer_inbox.mode_of(session) is InboxMode.ACCEPT
        await insurer_inbox.set_mode(session, InboxMode.REFUSE)
        with pytest.raises(InvalidInput):
            await insurer_inbox.set_mode(session, InboxMode.SLOW, times=0)
    async with database.reading() as session:
        assert await insurer_inbox.mode_of(session) is InboxMode.REFUSE


async def test_who_does_not_know_the_key_gets_nothing(database: Database) -> None:
    headers, body = request()
    async with database.transaction() as session:
        exchange = await insurer_inbox.receive(
            session, headers=headers, body=body, bearer="another", mode=InboxMode.LOSE_REPLY, now=START
        )
    assert (exchange.answer.status, exchange.drop_connection) == (401, False)
    assert (await look_up(database, bearer="another")).status == 401
    assert await effects(database) == 0


async def test_an_unknown_key_is_not_found(database: Database) -> None:
    answer = await look_up(database)
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "unknown_key")


async def test_the_same_report_many_times_at_once_is_one_effect(committed_database: Database) -> None:
    answers = await asyncio.gather(*(post(committed_database, InboxMode.ACCEPT) for _ in range(8)))
    assert sorted(answer.answer.status for answer in answers) == [200] * 7 + [201]
    assert len({json.loads(answer.answer.body)["acknowledgement_id"] for answer in answers}) == 1
    async with committed_database.reading() as session:
        [row] = await insurer_inbox.received(session)
    assert row.times_received == 8
