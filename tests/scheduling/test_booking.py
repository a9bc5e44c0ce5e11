"""Booking, moving, giving back: what each decision leaves behind in its transaction."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode, Rules
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import of_control
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, NoticeImpossible, SlotTaken, WrongState
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.scheduling.agenda_rows import Search
from telecontrol.scheduling.answers import (
    CannotCome,
    Decision,
    announce_absence,
    answer_absence,
    ask_another_hour,
    choose_in_person,
    decline_video,
    undo_decline,
    withdraw_absence,
)
from telecontrol.scheduling.booking import book, move
from telecontrol.scheduling.conditions import Waiver
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.free import all_offers, first_offer, offers_that_keep_notice
from telecontrol.scheduling.freeing import cancel, cancel_control, release
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.scheduling.sweeps import expired_holds
from telecontrol.tasks.desk import find_open
from telecontrol.tasks.models import TaskKind
from tests.support.world import HANDLER, INSURED, NOW, World, make_control, make_world, operator

MONDAY_NINE = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)  # 09:00 in Paris
OPERATOR = operator()


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as session:
        made = await make_world(session)
    yield made


async def _book(database: Database, world: World, starts_at: datetime = MONDAY_NINE, **given: Any) -> Appointment:
    async with database.transaction() as session:
        return await book(
            session,
            **{
                "operator": OPERATOR,
                "control_id": world.control.id,
                "doctor_id": world.doctor.id,
                "starts_at": starts_at,
                "actor": HANDLER,
                "now": NOW,
                **given,
            },
        )


async def _intents(database: Database, appointment: Appointment, *, to_insured: bool = True) -> list[Intent]:
    async with database.reading() as session:
        found = await session.scalars(
            select(Intent)
            .where(Intent.subject_id == appointment.id)
            .order_by(Intent.version, Intent.kind, Intent.channel)
        )
        return [intent for intent in found if not (to_insured and intent.kind.startswith("doctor_"))]


def _said(intents: list[Intent], state: IntentState = IntentState.PENDING) -> list[tuple[int, str, str]]:
    return [(i.version, i.kind, i.channel) for i in intents if i.state is state]


async def test_a_booking_leaves_its_convocation_reminder_and_journal(database: Database, world: World) -> None:
    appointment = await _book(database, world)

    intents = await _intents(database, appointment)
    assert _said(intents) == [
        (1, "invitation", "mail"),
        (1, "invitation", "sms"),
        (1, "reminder", "mail"),
        (1, "reminder", "sms"),
    ]
    invitation, reminder = intents[0], intents[2]
    assert invitation.not_before == NOW + timedelta(minutes=2)
    assert invitation.not_after == appointment.hard_limit_at == MONDAY_NINE - timedelta(hours=48)
    assert (reminder.not_before, reminder.not_after) == (
        datetime(2026, 3, 8, 7, tzinfo=UTC),
        datetime(2026, 3, 8, 19, tzinfo=UTC),
    )
    async with database.reading() as session:
        control = await session.get_one(Control, world.control.id)
        assert control.state is ControlState.BOOKED
        actions = [entry.action for entry in await of_control(session, control.id)]
        assert actions == ["control.book", "appointment.booked"] or set(actions) == {
            "control.book",
            "appointment.booked",
        }


async def test_too_late_to_convoke_says_which_start_is_possible(database: Database, world: World) -> None:
    with pytest.raises(NoticeImpossible) as refused:
        await _book(database, world, datetime(2026, 3, 4, 8, 0, tzinfo=UTC))
    first = datetime.fromisoformat(refused.value.details["first_possible"])
    assert datetime(2026, 3, 4, 9, 0, tzinfo=UTC) < first < datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


async def test_a_named_waiver_lets_a_late_booking_stand(database: Database, world: World) -> None:
    start = datetime(2026, 3, 3, 13, 0, tzinfo=UTC)
    with pytest.raises(InvalidInput, match="say why"):
        await _book(database, world, start, waiver=Waiver(world.handler.id, " "))
    appointment = await _book(database, world, start, waiver=Waiver(world.handler.id, "au téléphone, le 2 mars"))
    assert appointment.waiver_by == world.handler.id
    kinds = _said(await _intents(database, appointment))
    # The eve is today and the invitation itself leaves on it: no reminder.
    assert kinds == [(1, "invitation", "mail"), (1, "invitation", "sms")]


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (datetime(2026, 3, 9, 11, 50, tzinfo=UTC), "slot_taken"),  # closed at noon
        (datetime(2026, 3, 9, 8, 5, tzinfo=UTC), "slot_taken"),  # off the grid
        (datetime(2026, 3, 8, 8, 0, tzinfo=UTC), "slot_taken"),  # a Sunday
        (datetime(2026, 3, 1, 8, 0, tzinfo=UTC), "in_the_past"),
    ],
)
async def test_only_what_is_offered_can_be_booked(database: Database, world: World, start: datetime, code: str) -> None:
    with pytest.raises((SlotTaken, InvalidInput)) as refused:
        await _book(database, world, start)
    assert refused.value.code == code


async def test_an_hour_that_exists_twice_is_refused(database: Database, world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _book(database, world, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert refused.value.code == "ambiguous_local_time"


async def test_the_prescriber_is_never_offered_nor_booked(database: Database, world: World) -> None:
    async with database.transaction() as session:
        control = await session.get_one(Control, world.control.id)
        control.prescriber_rpps = world.doctor.rpps
    with pytest.raises(InvalidInput) as refused:
        await _book(database, world)
    assert refused.value.code == "doctor_not_neutral"
    async with database.reading() as session:
        control.insured = world.insured
        offers = await offers_that_keep_notice(
            session, control=control, rules=Rules.from_json(world.control.policy.rules), mode=Mode.VIDEO, now=NOW
        )
        assert {offer.doctor_id for offer in offers} == {world.other_doctor.id}


async def test_first_and_all_offers_agree_and_are_bookable(database: Database, world: World) -> None:
    rules = Rules.from_json(world.control.policy.rules)
    search = Search(world.control, rules, Mode.VIDEO, MONDAY_NINE, MONDAY_NINE + timedelta(days=1))
    async with database.reading() as session:
        offers = await all_offers(session, search)
        assert await first_offer(session, search) == offers[0]
    assert offers[0].starts_at == MONDAY_NINE
    assert len({offer.doctor_id for offer in offers}) == 2
    appointment = await _book(database, world, offers[0].starts_at, doctor_id=offers[0].doctor_id)
    async with database.reading() as session:
        left = await all_offers(session, search)
    # The insured is taken too: nobody is offered to them over that block.
    assert min(offer.starts_at for offer in left) == appointment.busy_until


async def test_a_taken_slot_is_refused_even_partially(database: Database, world: World) -> None:
    await _book(database, world)
    async with database.transaction() as session:
        other = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
    for minutes in (0, 10, 20):
        with pytest.raises(SlotTaken):
            await _book(database, world, MONDAY_NINE + timedelta(minutes=minutes), control_id=other.id)
    await _book(database, world, MONDAY_NINE + timedelta(minutes=30), control_id=other.id)


async def test_the_database_itself_refuses_an_overlap(database: Database, world: World) -> None:
    first = await _book(database, world)
    with pytest.raises(SlotTaken):
        async with database.transaction() as session:
            session.add(
                Appointment(
                    control_id=world.control.id,
                    organisation_id=world.organisation.id,
                    insured_id=world.insured.id,
                    doctor_id=world.doctor.id,
                    mode=Mode.VIDEO,
                    starts_at=first.starts_at + timedelta(minutes=29),
                    ends_at=first.starts_at + timedelta(minutes=49),
                    busy_until=first.starts_at + timedelta(minutes=59),
                    zone="Europe/Paris",
                    booked_at=NOW,
                    booked_by="x",
                    hard_limit_at=NOW,
                )
            )


async def test_a_move_before_anything_left_invites_to_the_new_hour(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await move(
            session,
            operator=OPERATOR,
            dossier=dossier,
            starts_at=MONDAY_NINE + timedelta(days=1),
            actor=HANDLER,
            now=NOW,
        )
    intents = await _intents(database, appointment)
    assert all(version == 1 for version, _, _ in _said(intents, IntentState.CANCELLED))
    assert _said(intents) == [
        (2, "invitation", "mail"),
        (2, "invitation", "sms"),
        (2, "reminder", "mail"),
        (2, "reminder", "sms"),
    ]


async def test_a_move_after_an_invitation_was_taken_tells_the_change(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    await _accept(database, appointment, "invitation", "mail")
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await move(
            session,
            operator=OPERATOR,
            dossier=dossier,
            starts_at=MONDAY_NINE + timedelta(days=1),
            actor=HANDLER,
            now=NOW,
        )
    kinds = _said(await _intents(database, appointment))
    assert (2, "change", "mail") in kinds
    assert (2, "invitation", "sms") in kinds


async def test_a_cancellation_frees_the_slot_and_corrects_only_who_knew(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    await _accept(database, appointment, "invitation", "sms")
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await cancel(session, operator=OPERATOR, dossier=dossier, actor=HANDLER, now=NOW, reason="doctor_unavailable")
    assert _said(await _intents(database, appointment)) == [(2, "cancellation", "sms")]
    async with database.reading() as session:
        control = await session.get_one(Control, world.control.id)
        assert control.state is ControlState.TO_BOOK
        assert await find_open(session, TaskKind.CONTROL_TO_BOOK, subject_id=control.id) is not None
    again = await _book(database, world)
    assert again.starts_at == appointment.starts_at


async def test_declining_holds_then_frees_and_the_desk_sees_it(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    await _accept(database, appointment, "invitation", "mail")
    later = NOW + timedelta(hours=1)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await decline_video(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=later)
        await decline_video(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=later)
    kinds = _said(await _intents(database, appointment))
    assert kinds == [(1, "refusal_receipt", "mail"), (1, "refusal_receipt", "sms")]
    assert await expired_holds(database, operator=OPERATOR, now=later + timedelta(minutes=29)) == 0
    assert await expired_holds(database, operator=OPERATOR, now=later + timedelta(minutes=30)) == 1
    intents = await _intents(database, appointment)
    assert (2, "refusal_freed", "mail") in _said(intents)
    async with database.reading() as session:
        control = await session.get_one(Control, world.control.id)
        assert control.state is ControlState.IN_PERSON_TO_BOOK
        assert await find_open(session, TaskKind.IN_PERSON_TO_BOOK, subject_id=control.id) is not None
        control.insured = world.insured
        offers = await offers_that_keep_notice(
            session, control=control, rules=dossier.rules, mode=Mode.SURGERY, now=later, limit=3
        )
    assert len(offers) == 3
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        seen = await choose_in_person(
            session,
            operator=OPERATOR,
            dossier=dossier,
            doctor_id=offers[0].doctor_id,
            site_id=offers[0].site_id or uuid.uuid4(),
            starts_at=offers[0].starts_at,
            actor=INSURED,
            now=later,
        )
    assert seen.room_id == world.room.id
    assert ("in_person_convocation", "mail") in {(k, c) for _, k, c in _said(await _intents(database, seen))}


async def test_declining_can_be_undone_until_the_slot_is_gone(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await decline_video(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=NOW)
        await undo_decline(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=NOW)
    kinds = _said(await _intents(database, appointment))
    assert (2, "reminder", "mail") in kinds
    assert (2, "refusal_undone", "sms") in kinds
    later = NOW + timedelta(hours=2)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await decline_video(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=NOW)
    await expired_holds(database, operator=OPERATOR, now=later)
    async with database.transaction() as session:
        other = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
    await _book(database, world, control_id=other.id)
    with pytest.raises(SlotTaken):
        async with database.transaction() as session:
            dossier = await load_dossier(session, appointment.id, lock=True)
            await undo_decline(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=later)


async def test_an_announced_absence_waits_for_the_desk(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await announce_absence(
            session, operator=OPERATOR, dossier=dossier, reason=CannotCome.TRAVEL, actor=INSURED, now=NOW
        )
        assert await find_open(session, TaskKind.ABSENCE_TO_QUALIFY, subject_id=dossier.control.id) is not None
        await withdraw_absence(session, dossier=dossier, actor=INSURED, now=NOW)
        assert await find_open(session, TaskKind.ABSENCE_TO_QUALIFY, subject_id=dossier.control.id) is None
        await announce_absence(
            session, operator=OPERATOR, dossier=dossier, reason=CannotCome.TRAVEL, actor=INSURED, now=NOW
        )
        await answer_absence(
            session, operator=OPERATOR, dossier=dossier, decision=Decision.EXCUSE, actor=HANDLER, now=NOW
        )
        assert dossier.control.state is ControlState.IN_PERSON_TO_BOOK
        assert appointment.id == dossier.appointment.id
        assert dossier.appointment.state is AppointmentState.CANCELLED_BY_SERVICE


async def test_another_hour_once(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    for day, refused in ((1, False), (2, True)):
        async with database.transaction() as session:
            dossier = await load_dossier(session, appointment.id, lock=True)
            asked = ask_another_hour(
                session,
                operator=OPERATOR,
                dossier=dossier,
                starts_at=MONDAY_NINE + timedelta(days=day),
                doctor_id=world.doctor.id,
                actor=INSURED,
                now=NOW,
            )
            if refused:
                with pytest.raises(WrongState):
                    await asked
            else:
                await asked


async def test_cancelling_a_control_ends_its_appointment(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    async with database.transaction() as session:
        control = await cancel_control(session, operator=OPERATOR, control_id=world.control.id, actor=HANDLER, now=NOW)
        assert control.state is ControlState.CANCELLED
    async with database.reading() as session:
        assert (await session.get_one(Appointment, appointment.id)).state is AppointmentState.CANCELLED_BY_SERVICE


@pytest.mark.parametrize("reason", ["", "technical", "doctor_unavailable", "request_withdrawn"])
async def test_from_its_start_on_an_appointment_is_no_longer_cancelled(
    database: Database, world: World, reason: str
) -> None:
    """`DOMAIN.md` §5: else whoever asked for the control could make an absence, and its report, disappear."""
    appointment = await _book(database, world)
    with pytest.raises(WrongState) as refused:
        async with database.transaction() as session:
            dossier = await load_dossier(session, appointment.id, lock=True)
            await cancel(
                session, operator=OPERATOR, dossier=dossier, actor=HANDLER, now=appointment.starts_at, reason=reason
            )
    assert refused.value.code == "already_begun"
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        just_before = appointment.starts_at - timedelta(seconds=1)
        await cancel(session, operator=OPERATOR, dossier=dossier, actor=HANDLER, now=just_before, reason=reason)


@pytest.mark.parametrize(
    ("state", "control_state", "minutes"),
    [
        (AppointmentState.BOOKED, ControlState.BOOKED, 0),
        (AppointmentState.BOOKED, ControlState.ABSENCE_TO_QUALIFY, 5),
        (AppointmentState.IN_PROGRESS, ControlState.BOOKED, -2),
        (AppointmentState.OVER, ControlState.TO_QUALIFY, 200),
    ],
)
async def test_nor_is_its_control(
    database: Database, world: World, state: AppointmentState, control_state: ControlState, minutes: int
) -> None:
    appointment = await _book(database, world)
    async with database.transaction() as session:
        (await session.get_one(Appointment, appointment.id)).state = state
        (await session.get_one(Control, world.control.id)).state = control_state
    with pytest.raises(WrongState) as refused:
        async with database.transaction() as session:
            now = appointment.starts_at + timedelta(minutes=minutes)
            await cancel_control(session, operator=OPERATOR, control_id=world.control.id, actor=HANDLER, now=now)
    assert refused.value.code == "already_begun"


async def test_after_an_appointment_that_was_concluded_a_control_can_be_cancelled(
    database: Database, world: World
) -> None:
    """A technical failure ends the appointment `over` and the control is to be booked again: it may also be given up."""
    appointment = await _book(database, world)
    async with database.transaction() as session:
        (await session.get_one(Appointment, appointment.id)).state = AppointmentState.OVER
        (await session.get_one(Control, world.control.id)).state = ControlState.TO_BOOK
    async with database.transaction() as session:
        now = appointment.starts_at + timedelta(hours=5)
        control = await cancel_control(session, operator=OPERATOR, control_id=world.control.id, actor=HANDLER, now=now)
        assert control.state is ControlState.CANCELLED


async def test_a_release_blames_nobody_and_returns_the_control(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    await _accept(database, appointment, "invitation", "mail")
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await release(session, operator=OPERATOR, dossier=dossier, actor=HANDLER, now=appointment.hard_limit_at)
    assert _said(await _intents(database, appointment)) == [(2, "release", "mail")]


async def _accept(database: Database, appointment: Appointment, kind: str, channel: str) -> None:
    async with database.transaction() as session:
        intent = (
            await session.scalars(
                select(Intent).where(
                    Intent.subject_id == appointment.id, Intent.kind == kind, Intent.channel == channel
                )
            )
        ).one()
        intent.state = IntentState.ACCEPTED
        intent.accepted_at = NOW + timedelta(minutes=3)
