"""The hour of an appointment: who may let the insured in and when, what is noted, and that no refusal and admission both win."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.config import VideoProvider
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import Result
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import SERVICE, of_control
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.reports.circumstances import Circumstances
from telecontrol.reports.drafting import settle_over
from telecontrol.reports.facts import with_evidence
from telecontrol.scheduling import attendance
from telecontrol.scheduling.answers import CannotCome, Decision, announce_absence, answer_absence, decline_video
from telecontrol.scheduling.booking import move
from telecontrol.scheduling.conditions import Waiver
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.freeing import cancel, release
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.tasks.desk import find_open
from telecontrol.tasks.models import TaskKind
from telecontrol.video import rooms
from telecontrol.video.models import WaitingEntry
from tests.support.concluding import MINUTE, OPERATOR, START, appoint, doctor_actor, insured_arrives, say
from tests.support.world import HANDLER, INSURED, World, make_world


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as session:
        made = await make_world(session)
    yield made


async def _appoint(database: Database, world: World, **given: Any) -> Appointment:
    async with database.transaction() as session:
        return await appoint(session, world, **given)


async def _admit(database: Database, world: World, appointment: Appointment, *, at: datetime = START) -> uuid.UUID:
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        return await attendance.admit(session, dossier, actor=doctor_actor(world), now=at)


async def _state(database: Database, appointment: Appointment) -> tuple[AppointmentState, ControlState]:
    async with database.reading() as session:
        dossier = await load_dossier(session, appointment.id)
        return dossier.appointment.state, dossier.control.state


async def test_whoever_waits_is_let_in_once_and_can_no_longer_decline(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    room_id = await insured_arrives(database, appointment, at=START - 5 * MINUTE)

    assert await _admit(database, world, appointment, at=START - 4 * MINUTE) == room_id
    assert await _admit(database, world, appointment, at=START - 4 * MINUTE) == room_id

    assert await _state(database, appointment) == (AppointmentState.IN_PROGRESS, ControlState.BOOKED)
    async with database.reading() as session:
        stay = (await session.scalars(select(WaitingEntry))).one()
        lines = [line.action for line in await of_control(session, world.control.id)]
    assert stay.admitted_at == START - 4 * MINUTE
    assert stay.admitted_by == str(world.doctor.id)
    assert lines.count("appointment.admitted") == 1
    with pytest.raises(WrongState) as refused:
        async with database.transaction() as session:
            dossier = await load_dossier(session, appointment.id, lock=True)
            await decline_video(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=START)
    assert refused.value.code == "too_late_to_decline"


async def test_whoever_declined_is_not_let_in(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    await insured_arrives(database, appointment, at=START - 5 * MINUTE)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await decline_video(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=START - 4 * MINUTE)

    with pytest.raises(WrongState) as refused:
        await _admit(database, world, appointment)

    assert refused.value.code == "not_in_the_hour"


async def test_a_refusal_and_an_admission_never_both_win(committed_database: Database) -> None:
    async with committed_database.transaction() as session:
        world = await make_world(session)
        appointment = await appoint(session, world)
    await insured_arrives(committed_database, appointment, at=START - 5 * MINUTE)

    async def decline() -> None:
        async with committed_database.transaction() as session:
            dossier = await load_dossier(session, appointment.id, lock=True)
            await decline_video(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=START)

    outcomes = await asyncio.gather(_admit(committed_database, world, appointment), decline(), return_exceptions=True)

    assert [isinstance(outcome, WrongState) for outcome in outcomes].count(True) == 1, outcomes
    state, control = await _state(committed_database, appointment)
    assert (state, control) in (
        (AppointmentState.IN_PROGRESS, ControlState.BOOKED),
        (AppointmentState.HELD, ControlState.IN_PERSON_TO_BOOK),
    )


@pytest.mark.parametrize(
    ("at", "code"),
    [
        pytest.param(START - 16 * MINUTE, "room_not_open", id="before the room opens"),
        pytest.param(START + 51 * MINUTE, "room_over", id="a page left open for an hour"),
    ],
)
async def test_nobody_is_let_in_outside_the_hour(database: Database, world: World, at: datetime, code: str) -> None:
    appointment = await _appoint(database, world)
    await insured_arrives(database, appointment, at=START - 20 * MINUTE)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await attendance.open_room(session, dossier, provider=VideoProvider.BUILTIN, now=START - 20 * MINUTE)

    with pytest.raises(WrongState) as refused:
        await _admit(database, world, appointment, at=at)

    assert refused.value.code == code


async def test_nobody_waits_nobody_is_let_in(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)

    with pytest.raises(WrongState) as refused:
        await _admit(database, world, appointment)

    assert refused.value.code == "nobody_waits"
    assert (await _state(database, appointment))[0] is AppointmentState.BOOKED


async def test_somebody_who_comes_late_to_an_appointment_that_is_over_is_let_in(
    database: Database, world: World
) -> None:
    appointment = await _appoint(database, world, state=AppointmentState.OVER)
    await insured_arrives(database, appointment, at=START + 22 * MINUTE)

    await _admit(database, world, appointment, at=START + 23 * MINUTE)

    # What is settled stays settled: the doctor concludes, and arriving stands against an absence.
    assert (await _state(database, appointment))[0] is AppointmentState.OVER


async def test_coming_withdraws_an_announced_absence(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await announce_absence(
            session,
            operator=OPERATOR,
            dossier=dossier,
            reason=CannotCome.TRAVEL,
            actor=INSURED,
            now=START - timedelta(hours=2),
        )
    await insured_arrives(database, appointment, at=START)

    await _admit(database, world, appointment)

    assert await _state(database, appointment) == (AppointmentState.IN_PROGRESS, ControlState.BOOKED)
    async with database.reading() as session:
        assert await find_open(session, TaskKind.ABSENCE_TO_QUALIFY, subject_id=world.control.id) is None


async def test_the_socket_admits_for_the_doctor_of_the_appointment_alone(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    room_id = await insured_arrives(database, appointment, at=START)

    async with database.transaction() as session:
        with pytest.raises(WrongState):
            await attendance.admit_into(session, room_id=room_id, by=str(world.other_doctor.id), now=START)
    assert (await _state(database, appointment))[0] is AppointmentState.BOOKED

    async with database.transaction() as session:
        await attendance.admit_into(session, room_id=room_id, by=str(world.doctor.id), now=START)
    assert (await _state(database, appointment))[0] is AppointmentState.IN_PROGRESS
    async with database.reading() as session:
        admitted = [line for line in await of_control(session, world.control.id) if line.action.endswith("admitted")]
    assert [line.actor_id for line in admitted] == [str(world.doctor_user.id)]


async def test_a_delay_is_told_within_bounds_while_somebody_waits(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)

    async def ask(minutes: int) -> None:
        async with database.transaction() as session:
            dossier = await load_dossier(session, appointment.id, lock=True)
            await attendance.ask_to_wait(session, dossier, minutes=minutes, actor=doctor_actor(world), now=START)

    with pytest.raises(WrongState):
        await ask(10)
    await insured_arrives(database, appointment, at=START)
    for minutes in (0, 121):
        with pytest.raises(InvalidInput):
            await ask(minutes)
    await ask(10)

    async with database.reading() as session:
        assert (await session.scalars(select(WaitingEntry))).one().delay_minutes == 10
    await _admit(database, world, appointment)
    with pytest.raises(WrongState):
        await ask(10)


async def test_what_the_doctor_notes_is_read_back_with_its_times(database: Database, world: World) -> None:
    appointment = await _appoint(database, world, mode=Mode.SURGERY)
    actor = doctor_actor(world)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await attendance.note_call(session, dossier, is_answered=False, actor=actor, now=START + 2 * MINUTE)
        await attendance.note_call(session, dossier, is_answered=True, actor=actor, now=START + 5 * MINUTE)
        for document, minute in (("passport", 6), ("passport", 7), ("national_card", 8)):
            await attendance.note_document(
                session, dossier, document=document, actor=actor, now=START + minute * MINUTE
            )
        for minute in (9, 11):
            await attendance.receive(session, dossier, actor=actor, now=START + minute * MINUTE)

    async with database.reading() as session:
        dossier = await load_dossier(session, appointment.id)
        noted = await attendance.noted(session, dossier)
        lines = [line for line in await of_control(session, world.control.id) if "document" in line.action]

    assert noted == attendance.Noted(
        calls_made_at=(START + 2 * MINUTE, START + 5 * MINUTE),
        call_answered=True,
        document="national_card",
        document_at=START + 8 * MINUTE,
        received_at=START + 9 * MINUTE,
    )
    assert len(lines) == 2, "the same choice again is not another fact"
    assert dossier.appointment.state is AppointmentState.IN_PROGRESS


async def test_nothing_is_noted_of_an_appointment_that_is_not_held(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    actor = doctor_actor(world)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        with pytest.raises(WrongState):
            await attendance.note_call(session, dossier, is_answered=True, actor=actor, now=START - 20 * MINUTE)
        with pytest.raises(WrongState, match="waiting room"):
            await attendance.receive(session, dossier, actor=actor, now=START)
        dossier.appointment.state = AppointmentState.RELEASED
        for note in (
            attendance.note_call(session, dossier, is_answered=True, actor=actor, now=START),
            attendance.note_document(session, dossier, document="passport", actor=actor, now=START),
            attendance.note_technical_problem(session, dossier, provider=VideoProvider.BUILTIN, actor=actor, now=START),
        ):
            with pytest.raises(WrongState):
                await note


async def test_a_technical_problem_noted_by_the_doctor_keeps_anybody_from_being_absent(
    database: Database, world: World
) -> None:
    appointment = await _appoint(database, world)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await attendance.note_technical_problem(
            session, dossier, provider=VideoProvider.BUILTIN, actor=doctor_actor(world), now=START
        )

    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        facts = await with_evidence(session, dossier.appointment, Circumstances())
        report = await settle_over(session, OPERATOR, dossier, now=START + 30 * MINUTE)

    assert facts.technical_problem_at == (START,)
    assert report is None, "a technical problem is never the insured's absence"
    assert await _state(database, appointment) == (AppointmentState.OVER, ControlState.TO_QUALIFY)


async def test_an_abandoned_tab_after_admission_leaves_the_control_to_qualify(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    await insured_arrives(database, appointment, at=START)
    await _admit(database, world, appointment)

    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        report = await settle_over(session, OPERATOR, dossier, now=START + 40 * MINUTE)

    assert report is None
    assert await _state(database, appointment) == (AppointmentState.OVER, ControlState.TO_QUALIFY)


async def _end(database: Database, world: World, appointment: Appointment, how: str) -> None:
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        given: dict[str, Any] = {"operator": OPERATOR, "dossier": dossier, "now": START}
        early: dict[str, Any] = {**given, "now": START - MINUTE}
        match how:
            case "cancel":
                await cancel(session, **early, actor=HANDLER)
            case "release":
                await release(session, **given, actor=SERVICE)
            case "decline":
                await decline_video(session, **given, actor=INSURED)
            case "excuse":
                await announce_absence(session, **early, reason=CannotCome.TRAVEL, actor=INSURED)
                await answer_absence(session, **early, decision=Decision.EXCUSE, actor=HANDLER)
            case "move":
                await move(session, **early, starts_at=START + timedelta(days=7), actor=HANDLER)
            case "over":
                await settle_over(session, OPERATOR, dossier, now=START + 30 * MINUTE)


@pytest.mark.parametrize("how", ["cancel", "release", "decline", "excuse", "move"])
async def test_whatever_ends_or_moves_an_appointment_closes_the_room_where_somebody_waits(
    database: Database, world: World, how: str
) -> None:
    appointment = await _appoint(database, world)
    room_id = await insured_arrives(database, appointment, at=START - 5 * MINUTE)
    await _end(database, world, appointment, how)
    async with database.reading() as session:
        assert (await rooms.get_room(session, room_id)).closed_at is not None


async def test_concluding_by_the_api_too_closes_the_room(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    room_id = await insured_arrives(database, appointment, at=START)
    await say(database, world, appointment, Result.JUSTIFIED)
    async with database.reading() as session:
        assert (await rooms.get_room(session, room_id)).closed_at is not None


async def test_a_doctor_who_is_only_late_still_finds_whoever_waits(database: Database, world: World) -> None:
    """Over without a conclusion, and a colleague who takes over the same hour: the room stays."""
    appointment = await _appoint(database, world)
    room_id = await insured_arrives(database, appointment, at=START - 5 * MINUTE)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        given: dict[str, Any] = {"starts_at": START, "doctor_id": world.other_doctor.id, "actor": HANDLER}
        await move(
            session,
            operator=OPERATOR,
            dossier=dossier,
            **given,
            now=START - MINUTE,
            waiver=Waiver(world.handler.id, "agreed by phone"),
        )
    await _end(database, world, appointment, "over")
    async with database.reading() as session:
        assert (await rooms.get_room(session, room_id)).closed_at is None
