"""Another address or number: what the old one had accepted, when the new message leaves, what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.controls.states import ControlState
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.scheduling import sweeps
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.contacts import change_contact
from telecontrol.scheduling.dossier import load_control
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.scheduling.notices import ChannelState, Verdict, notices_of
from telecontrol.tasks.desk import find_open, open_task
from telecontrol.tasks.models import Owner, TaskKind
from tests.support.world import HANDLER, NOW, World, make_world, operator

OPERATOR = operator()
STARTS = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
"""Monday noon on La Réunion; the notice's limit is Saturday noon there."""
LIMIT = STARTS - timedelta(hours=48)
OLD_MAIL, PHONE = "camille1@example.org", "+33612340001"


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as session:
        made = await make_world(session, zone="Indian/Reunion")
    yield made


@pytest_asyncio.fixture
async def appointment(database: Database, world: World) -> Appointment:
    async with database.transaction() as session:
        return await book(
            session,
            operator=OPERATOR,
            control_id=world.control.id,
            doctor_id=world.doctor.id,
            starts_at=STARTS,
            actor=HANDLER,
            now=NOW,
        )


async def _accept(database: Database, appointment: Appointment, *, at: datetime) -> None:
    async with database.transaction() as session:
        for intent in await session.scalars(
            select(Intent).where(Intent.subject_id == appointment.id, Intent.kind == "invitation")
        ):
            if intent.state is IntentState.PENDING:
                intent.state, intent.accepted_at, intent.attempts_made = IntentState.ACCEPTED, at, 1
    await sweeps.notices(database, operator=OPERATOR, now=at)


async def _correct(
    database: Database, world: World, *, now: datetime, email: str = "neuve@example.org", phone: str = PHONE
) -> list[str]:
    async with database.transaction() as session:
        control = await load_control(session, world.control.id, lock=True)
        return await change_contact(
            session, operator=OPERATOR, control=control, email=email, phone=phone, actor=HANDLER, now=now
        )


async def _invitations(database: Database, appointment: Appointment) -> dict[str, Intent]:
    async with database.reading() as session:
        found = await session.scalars(
            select(Intent).where(Intent.subject_id == appointment.id, Intent.kind == "invitation")
        )
        return {intent.recipient: intent for intent in found}


async def _row(database: Database, appointment: Appointment) -> Appointment:
    async with database.reading() as session:
        return await session.get_one(Appointment, appointment.id)


async def test_past_the_limit_the_proof_is_kept_and_the_night_is_left_alone(
    database: Database, world: World, appointment: Appointment
) -> None:
    settled = NOW + timedelta(minutes=5)
    await _accept(database, appointment, at=settled)
    night = datetime(2026, 3, 8, 23, 58, tzinfo=UTC)  # 03:58 on La Réunion, the start is after ten
    assert await _correct(database, world, now=night) == ["mail"]
    assert (await _row(database, appointment)).notice_settled_at == settled
    new = (await _invitations(database, appointment))["neuve@example.org"]
    assert new.not_before == datetime(2026, 3, 9, 4, 0, tzinfo=UTC), "eight o'clock there"
    assert new.not_after == STARTS
    # What the old address had accepted in time is still the proof: nobody is told of a return that never was.
    await sweeps.notices(database, operator=OPERATOR, now=night + timedelta(minutes=1))
    row = await _row(database, appointment)
    assert (row.state, row.notice_settled_at) == (AppointmentState.BOOKED, settled)
    async with database.reading() as session:
        assert await find_open(session, TaskKind.BOUNCE_AFTER_LIMIT, subject_id=appointment.id) is None


async def test_past_the_limit_a_start_before_ten_is_told_at_once(
    database: Database, world: World, appointment: Appointment
) -> None:
    await _accept(database, appointment, at=NOW + timedelta(minutes=5))
    async with database.transaction() as session:
        row = await session.get_one(Appointment, appointment.id)
        row.starts_at, row.hard_limit_at = STARTS - timedelta(hours=3), LIMIT - timedelta(hours=3)
        row.ends_at, row.busy_until = row.ends_at - timedelta(hours=3), row.busy_until - timedelta(hours=3)
    night = datetime(2026, 3, 8, 23, 58, tzinfo=UTC)
    await _correct(database, world, now=night)
    assert (await _invitations(database, appointment))["neuve@example.org"].not_before == night


async def test_before_the_limit_what_the_old_address_accepted_counts_no_more(
    database: Database, world: World, appointment: Appointment
) -> None:
    await _accept(database, appointment, at=NOW + timedelta(minutes=5))
    changed_at = NOW + timedelta(hours=1)
    await _correct(database, world, now=changed_at)
    row = await _row(database, appointment)
    assert row.notice_settled_at is None
    async with database.reading() as session:
        notice = (await notices_of(session, [row], now=changed_at))[row.id]
    assert notice.channels == {"mail": ChannelState.QUEUED, "sms": ChannelState.ACCEPTED}
    assert notice.verdict is Verdict.WAITING
    await sweeps.notices(database, operator=OPERATOR, now=changed_at)
    assert (await _row(database, appointment)).notice_settled_at is None
    await _accept(database, appointment, at=changed_at + timedelta(minutes=1))
    assert (await _row(database, appointment)).notice_settled_at == changed_at + timedelta(minutes=1)


async def test_an_address_taken_away_leaves_its_channel_without_a_notice(
    database: Database, world: World, appointment: Appointment
) -> None:
    await _accept(database, appointment, at=NOW + timedelta(minutes=5))
    await _correct(database, world, now=NOW + timedelta(hours=1), email="")
    async with database.reading() as session:
        row = await session.get_one(Appointment, appointment.id)
        notice = (await notices_of(session, [row], now=NOW + timedelta(hours=1)))[row.id]
    assert notice.channels["mail"] is ChannelState.MISSING
    assert notice.verdict is Verdict.AT_RISK


async def test_back_to_the_address_that_was_right_all_along(
    database: Database, world: World, appointment: Appointment
) -> None:
    await _accept(database, appointment, at=NOW + timedelta(minutes=5))
    await _correct(database, world, now=NOW + timedelta(hours=1))
    await _correct(database, world, now=NOW + timedelta(hours=2), email=OLD_MAIL)
    await sweeps.notices(database, operator=OPERATOR, now=NOW + timedelta(hours=3))
    invitations = await _invitations(database, appointment)
    assert invitations[OLD_MAIL].voided_at is None
    assert invitations["neuve@example.org"].state is IntentState.CANCELLED
    assert (await _row(database, appointment)).notice_settled_at is not None


async def test_every_fault_is_told_at_once_and_nothing_is_kept(database: Database, world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _correct(database, world, now=NOW, email="pas une adresse", phone="01 23 45 67 89")
    assert [each["field"] for each in refused.value.details["problems"]] == ["email", "phone"]
    async with database.reading() as session:
        assert (await load_control(session, world.control.id)).insured.email == OLD_MAIL


@pytest.mark.parametrize("state", [ControlState.CLOSED, ControlState.CANCELLED])
async def test_nothing_is_corrected_on_a_control_that_is_over(
    database: Database, world: World, state: ControlState
) -> None:
    async with database.transaction() as session:
        (await load_control(session, world.control.id)).state = state
    with pytest.raises(WrongState) as refused:
        await _correct(database, world, now=NOW)
    assert refused.value.code == "control_over"


async def test_a_second_channel_ends_the_task_that_asked_for_it(database: Database, world: World) -> None:
    async with database.transaction() as session:
        control = await load_control(session, world.control.id)
        control.insured.phone = ""
        await open_task(
            session,
            TaskKind.ONE_CHANNEL_ONLY,
            subject_kind="control",
            subject_id=control.id,
            control_id=control.id,
            organisation_id=control.organisation_id,
            owner=Owner.HANDLER,
            now=NOW,
        )
    await _correct(database, world, now=NOW, email=OLD_MAIL)
    async with database.reading() as session:
        assert await find_open(session, TaskKind.ONE_CHANNEL_ONLY, subject_id=world.control.id) is None
