"""The sweep that closes rooms whose hour is over."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from telecontrol.clock import VirtualClock
from telecontrol.config import VideoProvider
from telecontrol.db.session import Database
from telecontrol.video import rooms, waiting
from telecontrol.video.attendance import Fact, attendance, record_facts
from telecontrol.video.closing import close_rooms_over
from telecontrol.video.models import CallRoom, EventKind, Role

MINUTE = timedelta(minutes=1)


async def _room(database: Database, clock: VirtualClock) -> CallRoom:
    now = clock.now()
    async with database.transaction() as session:
        made = await rooms.ensure_room(
            session,
            subject_id=uuid.uuid4(),
            opens_at=now,
            closes_at=now + 60 * MINUTE,
            provider=VideoProvider.BUILTIN,
            now=now,
        )
        await waiting.arrive(session, room_id=made.id, now=now + 10 * MINUTE)
        return made


async def test_the_room_of_somebody_who_was_never_let_in_closes_after_its_hour(
    database: Database, clock: VirtualClock
) -> None:
    made, now = await _room(database, clock), clock.now()
    assert await close_rooms_over(database, now=now + 59 * MINUTE) == 0
    assert await close_rooms_over(database, now=now + 60 * MINUTE) == 1
    assert await close_rooms_over(database, now=now + 61 * MINUTE) == 0, "once"
    async with database.reading() as session:
        assert (await rooms.get_room(session, made.id)).closed_at == now + 60 * MINUTE
        assert (await attendance(session, subject_id=made.subject_id)).had_arrived, "what happened in it stays"


@pytest.mark.parametrize(
    ("role_seen_last", "closes"), [(None, False), (Role.DOCTOR, True), (Role.INSURED, True)], ids=str
)
async def test_a_call_that_goes_on_is_not_cut(
    database: Database, clock: VirtualClock, role_seen_last: Role | None, closes: bool
) -> None:
    made, now = await _room(database, clock), clock.now()
    late = now + 70 * MINUTE
    async with database.transaction() as session:
        await record_facts(session, [Fact(made.id, role, EventKind.JOINED, now + 50 * MINUTE) for role in Role])
        seen = Role if role_seen_last is None else [role_seen_last]
        await record_facts(session, [Fact(made.id, role, None, late - MINUTE) for role in seen])
    assert await close_rooms_over(database, now=late) == int(closes)
    assert await close_rooms_over(database, now=late + 30 * MINUTE) == int(not closes), "the other has gone since"
