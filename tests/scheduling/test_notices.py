"""When a notice counts: settled, flagged before its limit, released at it; a late bounce tells the desk."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.controls.models import Control
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import of_control
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.outbox.models import DeliveryState, Intent, IntentState
from telecontrol.scheduling import sweeps
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.conditions import Waiver
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.scheduling.notices import RISK_MARGIN, ChannelState, DecisionKind, Verdict, decide_for_channel, judge
from telecontrol.tasks.desk import find_open
from telecontrol.tasks.models import TaskKind
from tests.support.world import HANDLER, NOW, World, make_world, operator

MONDAY_NINE = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
LIMIT = MONDAY_NINE - timedelta(hours=48)
OPERATOR = operator()


@pytest.mark.parametrize(("mail", "sms"), list(itertools.product(ChannelState, repeat=2)))
@pytest.mark.parametrize("moment", [LIMIT - RISK_MARGIN - timedelta(hours=1), LIMIT - timedelta(minutes=1), LIMIT])
def test_the_verdict_for_every_pair_of_channels(mail: ChannelState, sms: ChannelState, moment: datetime) -> None:
    verdict = judge({"mail": mail, "sms": sms}, hard_limit_at=LIMIT, now=moment).verdict
    good = {ChannelState.ACCEPTED, ChannelState.DECIDED}
    if mail in good and sms in good:
        assert verdict is Verdict.GOOD
    elif moment >= LIMIT:
        assert verdict is Verdict.MISSED
    elif {mail, sms} <= good | {ChannelState.QUEUED} | (
        {ChannelState.PENDING} if moment < LIMIT - RISK_MARGIN else set()
    ):
        assert verdict is Verdict.WAITING
    else:
        assert verdict is Verdict.AT_RISK


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as session:
        made = await make_world(session)
    yield made


@pytest_asyncio.fixture
async def appointment(database: Database, world: World) -> Appointment:
    return await _book(database, world)


async def _book(database: Database, world: World, **given: Any) -> Appointment:
    async with database.transaction() as session:
        return await book(
            session,
            **{
                "operator": OPERATOR,
                "control_id": world.control.id,
                "doctor_id": world.doctor.id,
                "starts_at": MONDAY_NINE,
                "actor": HANDLER,
                "now": NOW,
                **given,
            },
        )


async def _set(
    database: Database, appointment: Appointment, channel: str, kind: str = "invitation", **values: Any
) -> None:
    async with database.transaction() as session:
        intent = (
            await session.scalars(
                select(Intent).where(
                    Intent.subject_id == appointment.id, Intent.channel == channel, Intent.kind == kind
                )
            )
        ).one()
        for name, value in values.items():
            setattr(intent, name, value)


ACCEPTED: dict[str, Any] = {"state": IntentState.ACCEPTED, "accepted_at": NOW + timedelta(minutes=3)}


async def _state(database: Database, appointment: Appointment) -> tuple[Appointment, Control, set[TaskKind]]:
    async with database.reading() as session:
        row = await session.get_one(Appointment, appointment.id)
        control = await session.get_one(Control, row.control_id)
        tasks = {
            kind
            for kind in TaskKind
            for subject in (row.id, control.id)
            if await find_open(session, kind, subject_id=subject) is not None
        }
    return row, control, tasks


async def test_both_channels_accepted_settle_the_notice(database: Database, appointment: Appointment) -> None:
    await _set(database, appointment, "mail", **ACCEPTED)
    await sweeps.notices(database, operator=OPERATOR, now=NOW + timedelta(minutes=5))
    row, _, tasks = await _state(database, appointment)
    assert row.notice_settled_at is None
    assert not tasks
    await _set(database, appointment, "sms", **ACCEPTED)
    await sweeps.notices(database, operator=OPERATOR, now=NOW + timedelta(minutes=6))
    row, _, tasks = await _state(database, appointment)
    assert row.notice_settled_at == NOW + timedelta(minutes=6)
    assert not tasks
    # Past the limit a settled notice stands.
    await sweeps.notices(database, operator=OPERATOR, now=LIMIT + timedelta(hours=1))
    row, _, _ = await _state(database, appointment)
    assert row.state is AppointmentState.BOOKED


async def test_an_sms_that_fails_for_good_is_flagged_then_released_and_said_without_blame(
    database: Database, appointment: Appointment
) -> None:
    await _set(database, appointment, "mail", **ACCEPTED)
    await _set(database, appointment, "sms", state=IntentState.FAILED, failure_code="21211")
    for minutes in (5, 6):
        await sweeps.notices(database, operator=OPERATOR, now=NOW + timedelta(minutes=minutes))
    row, _, tasks = await _state(database, appointment)
    assert row.state is AppointmentState.BOOKED
    assert tasks == {TaskKind.NOTICE_AT_RISK}
    async with database.reading() as session:
        alerts = (await session.scalars(select(Intent).where(Intent.kind == "desk_alert"))).all()
    assert len(alerts) == 1
    await sweeps.notices(database, operator=OPERATOR, now=LIMIT)
    row, control, tasks = await _state(database, appointment)
    assert row.state is AppointmentState.RELEASED
    assert control.state is ControlState.TO_BOOK
    assert tasks == {TaskKind.CONTROL_TO_BOOK, TaskKind.NOTICE_RELEASED}
    async with database.reading() as session:
        released = (await session.scalars(select(Intent).where(Intent.kind == "release"))).all()
    assert [intent.channel for intent in released] == ["mail"]


async def test_a_notice_whose_hour_has_not_come_is_no_doubt_however_near_the_limit(
    database: Database, world: World
) -> None:
    # Wednesday 10:03 in Paris is the first start that an invitation of Monday 9:33 can still convoke.
    now = datetime(2026, 3, 2, 8, 31, tzinfo=UTC)
    starts_at = datetime(2026, 3, 4, 9, 10, tzinfo=UTC)
    appointment = await _book(database, world, starts_at=starts_at, now=now)
    assert appointment.hard_limit_at - now < RISK_MARGIN
    for minutes in (0, 1, 6):
        await sweeps.notices(database, operator=OPERATOR, now=now + timedelta(minutes=minutes))
        _, _, tasks = await _state(database, appointment)
        assert not tasks, minutes
    async with database.reading() as session:
        assert (await session.scalars(select(Intent).where(Intent.kind == "desk_alert"))).all() == []
    # Two minutes of hold and five for the first try: then it should have left.
    await sweeps.notices(database, operator=OPERATOR, now=now + timedelta(minutes=7))
    _, _, tasks = await _state(database, appointment)
    assert tasks == {TaskKind.NOTICE_AT_RISK}


async def test_a_notice_that_was_tried_and_not_taken_is_doubtful_near_the_limit(
    database: Database, world: World
) -> None:
    now = datetime(2026, 3, 2, 8, 31, tzinfo=UTC)
    appointment = await _book(database, world, starts_at=datetime(2026, 3, 4, 9, 10, tzinfo=UTC), now=now)
    await _set(database, appointment, "mail", **ACCEPTED)
    await _set(database, appointment, "sms", attempts_made=1)
    await sweeps.notices(database, operator=OPERATOR, now=now + timedelta(minutes=3))
    _, _, tasks = await _state(database, appointment)
    assert tasks == {TaskKind.NOTICE_AT_RISK}


async def test_a_named_decision_stands_for_a_channel(
    database: Database, world: World, appointment: Appointment
) -> None:
    await _set(database, appointment, "mail", **ACCEPTED)
    await _set(database, appointment, "sms", state=IntentState.FAILED)
    given: dict[str, Any] = {
        "channel": "sms",
        "kind": DecisionKind.TOLD_IN_PERSON,
        "user_id": world.handler.id,
        "actor": HANDLER,
    }
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        with pytest.raises(InvalidInput):
            await decide_for_channel(session, dossier=dossier, reason="", now=NOW, **given)
        with pytest.raises(WrongState):
            await decide_for_channel(session, dossier=dossier, reason="appel du 2 mars", now=LIMIT, **given)
        await decide_for_channel(session, dossier=dossier, reason="appel du 2 mars", now=NOW, **given)
    await sweeps.notices(database, operator=OPERATOR, now=NOW + timedelta(hours=1))
    row, _, tasks = await _state(database, appointment)
    assert row.notice_settled_at is not None
    assert not tasks


async def test_a_waived_notice_is_never_released(database: Database, world: World) -> None:
    appointment = await _book(database, world, waiver=Waiver(world.handler.id, "au téléphone"))
    await sweeps.notices(database, operator=OPERATOR, now=LIMIT + timedelta(hours=1))
    row, _, _ = await _state(database, appointment)
    assert row.state is AppointmentState.BOOKED


async def test_a_bounce_reopens_before_the_limit_and_tells_the_desk_after_it(
    database: Database, appointment: Appointment
) -> None:
    for channel in ("mail", "sms"):
        await _set(database, appointment, channel, **ACCEPTED)
    await sweeps.notices(database, operator=OPERATOR, now=NOW + timedelta(hours=1))
    await _set(database, appointment, "mail", delivery=DeliveryState.FAILED, delivery_at=NOW + timedelta(hours=2))
    await sweeps.notices(database, operator=OPERATOR, now=NOW + timedelta(hours=2))
    row, _, tasks = await _state(database, appointment)
    assert row.notice_settled_at is None
    assert TaskKind.NOTICE_AT_RISK in tasks
    await _set(database, appointment, "mail", delivery=DeliveryState.DELIVERED)
    await sweeps.notices(database, operator=OPERATOR, now=NOW + timedelta(hours=3))
    await _set(database, appointment, "mail", delivery=DeliveryState.FAILED)
    for hours in (1, 2):
        await sweeps.notices(database, operator=OPERATOR, now=LIMIT + timedelta(hours=hours))
    row, _, tasks = await _state(database, appointment)
    assert row.state is AppointmentState.BOOKED
    assert TaskKind.BOUNCE_AFTER_LIMIT in tasks
    async with database.reading() as session:
        actions = [entry.action for entry in await of_control(session, row.control_id)]
    assert actions.count("notice.bounced_after_limit") == 1


async def test_one_channel_only_is_told_at_booking_and_released_at_the_limit(database: Database, world: World) -> None:
    async with database.transaction() as session:
        insured = await session.get_one(type(world.insured), world.insured.id)
        insured.phone = ""
    appointment = await _book(database, world)
    _, _, tasks = await _state(database, appointment)
    assert TaskKind.NOTICE_AT_RISK in tasks
    await _set(database, appointment, "mail", **ACCEPTED)
    await sweeps.notices(database, operator=OPERATOR, now=LIMIT)
    row, _, _ = await _state(database, appointment)
    assert row.state is AppointmentState.RELEASED


async def test_a_reminder_that_missed_its_day_is_recorded_and_alerted(
    database: Database, appointment: Appointment
) -> None:
    for channel in ("mail", "sms"):
        await _set(database, appointment, channel, **ACCEPTED)
    await _set(database, appointment, "mail", kind="reminder", state=IntentState.FAILED, failure_code="too_late")
    await _set(database, appointment, "sms", kind="reminder", state=IntentState.FAILED, failure_code="too_late")
    evening = datetime(2026, 3, 8, 19, 0, tzinfo=UTC)
    await sweeps.reminders(database, operator=OPERATOR, now=evening - timedelta(minutes=1))
    _, _, tasks = await _state(database, appointment)
    assert TaskKind.REMINDER_MISSED not in tasks
    for _ in range(2):
        await sweeps.reminders(database, operator=OPERATOR, now=evening)
    _, _, tasks = await _state(database, appointment)
    assert TaskKind.REMINDER_MISSED in tasks


async def test_no_reminder_for_who_was_invited_on_the_eve(database: Database, world: World) -> None:
    appointment = await _book(database, world, waiver=Waiver(world.handler.id, "au téléphone"))
    eve = datetime(2026, 3, 8, 8, 0, tzinfo=UTC)
    for channel in ("mail", "sms"):
        await _set(database, appointment, channel, state=IntentState.ACCEPTED, accepted_at=eve)
    await sweeps.reminders(database, operator=OPERATOR, now=eve + timedelta(minutes=1))
    async with database.reading() as session:
        reminders = (await session.scalars(select(Intent).where(Intent.kind == "reminder"))).all()
    assert {intent.state for intent in reminders} == {IntentState.WAIVED}
