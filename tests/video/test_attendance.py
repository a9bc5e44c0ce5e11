from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecontrol.clock import VirtualClock
from telecontrol.config import VideoProvider
from telecontrol.db.session import Database
from telecontrol.errors import WrongState
from telecontrol.video import attendance, rooms, waiting
from telecontrol.video.attendance import Attendance, Fact, overlap
from telecontrol.video.evidence import EvidenceWriter
from telecontrol.video.models import EventKind, EventSource, Role
from tests.support import schema
from tests.support.postgres import PostgresServer

DOCTOR, INSURED = Role.DOCTOR, Role.INSURED


class Scene:
    """One room, a clock, and the acts of the people in it."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.database = database
        self.clock = clock
        self.subject_id = uuid.uuid4()
        self.room_id = uuid.UUID(int=0)
        self.start = clock.now()

    async def open(self) -> None:
        async with self.database.transaction() as session:
            room = await rooms.ensure_room(
                session,
                subject_id=self.subject_id,
                opens_at=self.start,
                closes_at=self.start + timedelta(hours=1),
                provider=VideoProvider.BUILTIN,
                now=self.start,
            )
            self.room_id = room.id

    def at(self, minute: float) -> datetime:
        self.clock.advance_to(self.start + timedelta(minutes=minute))
        return self.start + timedelta(minutes=minute)

    async def arrive(self, minute: float) -> None:
        async with self.database.transaction() as session:
            await waiting.arrive(session, room_id=self.room_id, now=self.at(minute))

    async def admit(self, minute: float) -> None:
        async with self.database.transaction() as session:
            await waiting.admit(session, room_id=self.room_id, by="doctor-id", now=self.at(minute))

    async def fact(self, minute: float, role: Role, event: EventKind | None, **detail: str) -> None:
        async with self.database.transaction() as session:
            source = EventSource.SERVER
            await attendance.record_facts(session, [Fact(self.room_id, role, event, self.at(minute), source, detail)])

    async def summary(self) -> Attendance:
        async with self.database.reading() as session:
            return await attendance.attendance(session, subject_id=self.subject_id)

    async def who_waits(self, minute: float) -> waiting.Waiting | None:
        async with self.database.reading() as session:
            found = await waiting.who_waits(session, [self.subject_id, uuid.uuid4()], now=self.at(minute))
            return found.get(self.subject_id)


@pytest.fixture
async def scene(database: Database, clock: VirtualClock) -> Scene:
    made = Scene(database, clock)
    await made.open()
    return made


async def test_nobody_came(scene: Scene) -> None:
    summary = await scene.summary()
    assert not summary.had_arrived
    assert summary == Attendance(None, timedelta(0), None, None, 0.0, False, None, ())


async def test_a_whole_call(scene: Scene) -> None:
    await scene.arrive(0)
    await scene.fact(1, DOCTOR, EventKind.JOINED)
    await scene.admit(3)
    await scene.fact(3, INSURED, EventKind.JOINED)
    await scene.fact(3.1, INSURED, EventKind.MEDIA_FLOWING)
    assert not (await scene.summary()).media_flowed, "one side only is not a conversation"
    await scene.fact(3.2, DOCTOR, EventKind.MEDIA_FLOWING)
    await scene.fact(5, INSURED, EventKind.AWAY, reason="socket")
    await scene.fact(5.5, INSURED, EventKind.RETURNED)
    await scene.fact(10, INSURED, EventKind.LEFT, reason="hung_up")
    await scene.fact(12, DOCTOR, EventKind.LEFT, reason="hung_up")
    summary = await scene.summary()
    assert summary.arrived_at == scene.start
    assert summary.waited == timedelta(minutes=3)
    assert summary.admitted_at == scene.start + timedelta(minutes=3)
    assert summary.doctor_joined_at == scene.start + timedelta(minutes=1)
    assert summary.both_present_seconds == 7 * 60
    assert summary.media_flowed
    assert summary.last_seen_at == scene.start + timedelta(minutes=10)
    assert summary.technical_problems == ()


async def test_the_insured_came_and_the_doctor_did_not(scene: Scene) -> None:
    await scene.arrive(0)
    await scene.fact(1, INSURED, None)
    await scene.fact(9, INSURED, EventKind.LEFT, reason="grace_over")
    summary = await scene.summary()
    assert summary.had_arrived
    assert summary.waited == timedelta(minutes=9)
    assert summary.admitted_at is None
    assert summary.both_present_seconds == 0


async def test_a_process_that_died_leaves_spans_that_end_at_the_last_sign_of_life(scene: Scene) -> None:
    await scene.arrive(0)
    await scene.fact(0, DOCTOR, EventKind.JOINED)
    await scene.admit(1)
    await scene.fact(1, INSURED, EventKind.JOINED)
    await scene.fact(4, DOCTOR, None)
    await scene.fact(4, INSURED, None)
    assert (await scene.summary()).both_present_seconds == 3 * 60
    # After the restart both come back.
    await scene.fact(6, DOCTOR, EventKind.JOINED)
    await scene.fact(6, INSURED, EventKind.JOINED)
    await scene.fact(8, INSURED, EventKind.LEFT)
    await scene.fact(8, DOCTOR, EventKind.LEFT)
    assert (await scene.summary()).both_present_seconds == 5 * 60


async def test_a_reload_keeps_the_stay_and_its_admission(scene: Scene) -> None:
    await scene.arrive(0)
    await scene.admit(1)
    await scene.arrive(2)
    async with scene.database.reading() as session:
        stay = await waiting.current_stay(session, room_id=scene.room_id)
    assert stay is not None
    assert stay.arrived_at == scene.start
    assert stay.admitted_at == scene.start + timedelta(minutes=1)
    assert stay.admitted_by == "doctor-id"


async def test_who_comes_back_after_leaving_waits_again(scene: Scene) -> None:
    await scene.arrive(0)
    await scene.admit(1)
    await scene.fact(2, INSURED, EventKind.LEFT)
    await scene.arrive(5)
    assert (await scene.who_waits(5)) is not None
    summary = await scene.summary()
    assert summary.arrived_at == scene.start
    kinds = [event.event for event in await _timeline(scene)]
    assert kinds == [EventKind.ARRIVED, EventKind.WAITING, EventKind.ADMITTED, EventKind.LEFT, EventKind.WAITING]


async def _timeline(scene: Scene) -> list:
    async with scene.database.reading() as session:
        return await attendance.timeline(session, subject_id=scene.subject_id)


async def test_who_waits_and_whether_they_are_still_there(scene: Scene) -> None:
    assert await scene.who_waits(0) is None
    await scene.arrive(1)
    found = await scene.who_waits(2)
    assert found is not None
    assert (found.since, found.is_there) == (scene.start + timedelta(minutes=1), True)
    found = await scene.who_waits(5)
    assert found is not None
    assert not found.is_there
    await scene.fact(6, INSURED, None)
    found = await scene.who_waits(6.5)
    assert found is not None
    assert found.is_there
    await scene.admit(7)
    assert await scene.who_waits(7) is None


async def test_admission_needs_somebody_and_is_recorded_once(scene: Scene) -> None:
    with pytest.raises(WrongState):
        await scene.admit(0)
    await scene.arrive(1)
    await scene.admit(2)
    await scene.admit(3)
    assert (await scene.summary()).admitted_at == scene.start + timedelta(minutes=2)
    admitted = [event for event in await _timeline(scene) if event.event is EventKind.ADMITTED]
    assert len(admitted) == 1


async def test_asked_to_wait(scene: Scene) -> None:
    await scene.arrive(0)
    async with scene.database.transaction() as session:
        await waiting.ask_to_wait(session, room_id=scene.room_id, minutes=10, now=scene.at(1))
    found = await scene.who_waits(1)
    assert found is not None
    assert found.delay_minutes == 10
    assert (await _timeline(scene))[-1].event is EventKind.ADMISSION_REFUSED
    await scene.admit(2)
    async with scene.database.transaction() as session:
        with pytest.raises(WrongState):
            await waiting.ask_to_wait(session, room_id=scene.room_id, minutes=10, now=scene.at(3))


async def test_technical_problems_are_told_apart(scene: Scene) -> None:
    await scene.arrive(0)
    await scene.fact(1, INSURED, EventKind.TECHNICAL_PROBLEM, code="refused_by_browser")
    await scene.fact(2, DOCTOR, EventKind.TECHNICAL_PROBLEM, code="no_media")
    problems = (await scene.summary()).technical_problems
    assert [(problem.role, problem.code) for problem in problems] == [
        (INSURED, "refused_by_browser"),
        (DOCTOR, "no_media"),
    ]


async def test_arrivals_of_many_subjects_in_one_query(scene: Scene) -> None:
    await scene.arrive(4)
    async with scene.database.reading() as session:
        found = await attendance.arrived(session, [scene.subject_id, uuid.uuid4()])
    assert found == {scene.subject_id: scene.start + timedelta(minutes=4)}


async def test_two_tabs_arriving_at_once_make_one_stay(committed_database: Database, clock: VirtualClock) -> None:
    scene = Scene(committed_database, clock)
    await scene.open()
    await asyncio.gather(*(scene.arrive(0) for _ in range(6)))
    kinds = [event.event for event in await _timeline(scene)]
    assert kinds == [EventKind.ARRIVED, EventKind.WAITING]


async def test_a_fact_the_database_will_never_take_holds_nobody_up(
    committed_database: Database, clock: VirtualClock
) -> None:
    scene = Scene(committed_database, clock)
    await scene.open()
    writer = EvidenceWriter(committed_database)
    writer.add(Fact(scene.room_id, DOCTOR, EventKind.JOINED, scene.at(1)))
    writer.add(Fact(uuid.uuid4(), INSURED, EventKind.JOINED, scene.at(2)))
    writer.add(Fact(scene.room_id, DOCTOR, EventKind.LEFT, scene.at(3)))
    assert await writer.flushed(within=10)
    assert [event.event for event in await _timeline(scene)] == [EventKind.JOINED, EventKind.LEFT]


async def test_evidence_waits_for_a_database_that_is_away(clock: VirtualClock) -> None:
    server = PostgresServer.create()
    try:
        url = server.url(server.create_database("away"))
        await asyncio.to_thread(schema.create_schema, url)
        database = Database(url)
        scene = Scene(database, clock)
        await scene.open()
        writer = EvidenceWriter(database)
        server.kill()
        for minute, event in enumerate((EventKind.JOINED, EventKind.MEDIA_FLOWING, EventKind.LEFT)):
            writer.add(Fact(scene.room_id, DOCTOR, event, scene.at(minute)))
        assert not await writer.flushed(within=1)
        await asyncio.to_thread(server.start)
        assert await writer.flushed(within=20)
        kinds = [event.event for event in await _timeline(scene)]
        assert kinds == [EventKind.JOINED, EventKind.MEDIA_FLOWING, EventKind.LEFT]
        await database.dispose()
    finally:
        server.stop()


minutes = st.integers(0, 60)
spans = st.lists(st.tuples(minutes, minutes), max_size=4).map(lambda pairs: [(min(a, b), max(a, b)) for a, b in pairs])


@given(spans, spans)
def test_overlap_agrees_with_counting_minutes(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    def apart(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
        kept: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if not kept or start >= kept[-1][1]:
                kept.append((start, end))
        return kept

    def instants(found: list[tuple[int, int]]) -> list[tuple[datetime, datetime]]:
        base = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
        return [(base + timedelta(minutes=a), base + timedelta(minutes=b)) for a, b in found]

    first, second = apart(first), apart(second)
    counted = sum(
        any(a <= minute < b for a, b in first) and any(a <= minute < b for a, b in second) for minute in range(61)
    )
    assert overlap(instants(first), instants(second)) == timedelta(minutes=counted)
