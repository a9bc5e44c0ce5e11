from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest

from telecontrol.clock import VirtualClock
from telecontrol.config import VideoProvider
from telecontrol.db.session import Database
from telecontrol.errors import NotFound, WrongState
from telecontrol.video import rooms
from telecontrol.video.models import CallRoom

HOUR = timedelta(hours=1)


async def ensure(database: Database, subject_id: uuid.UUID, now: datetime, *, last: timedelta = HOUR) -> CallRoom:
    async with database.transaction() as session:
        return await rooms.ensure_room(
            session,
            subject_id=subject_id,
            opens_at=now,
            closes_at=now + last,
            provider=VideoProvider.BUILTIN,
            now=now,
        )


async def test_a_subject_has_one_open_room_whose_hours_follow(database: Database, clock: VirtualClock) -> None:
    subject_id = uuid.uuid4()
    first = await ensure(database, subject_id, clock.now())
    again = await ensure(database, subject_id, clock.now(), last=2 * HOUR)
    assert again.id == first.id != subject_id
    async with database.reading() as session:
        assert (await rooms.get_room(session, first.id)).closes_at == clock.now() + 2 * HOUR


async def test_a_closed_room_is_followed_by_another(database: Database, clock: VirtualClock) -> None:
    subject_id = uuid.uuid4()
    first = await ensure(database, subject_id, clock.now())
    async with database.transaction() as session:
        assert await rooms.close_room(session, subject_id=subject_id, now=clock.now()) == first.id
        assert await rooms.close_room(session, subject_id=subject_id, now=clock.now()) == first.id, "the same decision"
        assert await rooms.close_room(session, subject_id=subject_id, now=clock.now() + HOUR) is None
    assert (await ensure(database, subject_id, clock.now())).id != first.id


async def test_two_at_once_get_the_same_room(committed_database: Database, clock: VirtualClock) -> None:
    subject_id = uuid.uuid4()
    made = await asyncio.gather(*(ensure(committed_database, subject_id, clock.now()) for _ in range(8)))
    assert len({room.id for room in made}) == 1


async def test_when_a_room_may_be_entered(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    room = await ensure(database, uuid.uuid4(), now)

    def refusal(at: datetime, **options: bool) -> str:
        with pytest.raises(WrongState) as refused:
            rooms.check_may_enter(room, now=at, **options)
        return refused.value.code

    rooms.check_may_enter(room, now=now)
    rooms.check_may_enter(room, now=now + HOUR)
    assert refusal(now - timedelta(seconds=1)) == "room_not_open"
    assert refusal(now + HOUR + timedelta(seconds=1)) == "room_over"
    rooms.check_may_enter(room, now=now + 2 * HOUR, is_running=True)
    room.closed_at = now
    assert refusal(now, is_running=True) == "room_closed"


async def test_an_unknown_room_and_impossible_hours(database: Database, clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="closes after"):
        await ensure(database, uuid.uuid4(), clock.now(), last=timedelta(0))
    async with database.reading() as session:
        with pytest.raises(NotFound):
            await rooms.get_room(session, uuid.uuid4())
