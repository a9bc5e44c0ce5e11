"""What the tests of conclusions and reports start from: a booked appointment whose notice was good, and who acts on it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.config import VideoProvider
from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import CONSEQUENCES, Result
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import Actor, ActorKind
from telecontrol.db.session import Database
from telecontrol.reports.circumstances import Circumstances, IdentityDocument, Statement
from telecontrol.reports.conclusions import Concluded, conclude
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.video.attendance import Fact, record_facts
from telecontrol.video.models import EventKind, Role
from telecontrol.video.rooms import ensure_room
from telecontrol.video.waiting import arrive
from tests.support.world import World, operator

OPERATOR = operator()
START = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
"""Monday, 09:00 in Paris."""
SEEN = Circumstances(
    identity_document=IdentityDocument.NATIONAL_CARD,
    seen_without_record=Statement.DOCTOR,
    remark="Vu par un autre moyen de visioconférence.",
)
"""Somebody whom the doctor saw without a call of ours: what the tests that are about something else start from."""
MINUTE = timedelta(minutes=1)


def doctor_actor(world: World) -> Actor:
    return Actor(ActorKind.STAFF, str(world.doctor_user.id), "doctor")


async def appoint(
    session: AsyncSession,
    world: World,
    *,
    starts_at: datetime = START,
    zone: str = "Europe/Paris",
    mode: Mode = Mode.VIDEO,
    **values: Any,
) -> Appointment:
    """An appointment of the world's control and doctor, 20 minutes and a buffer of 10, convoked in time."""
    appointment = Appointment(
        **{
            "control_id": world.control.id,
            "organisation_id": world.organisation.id,
            "insured_id": world.insured.id,
            "doctor_id": world.doctor.id,
            "site_id": world.site.id if mode is Mode.SURGERY else None,
            "room_id": world.room.id if mode is Mode.SURGERY else None,
            "mode": mode,
            "state": AppointmentState.BOOKED,
            "starts_at": starts_at,
            "ends_at": starts_at + 20 * MINUTE,
            "busy_until": starts_at + 30 * MINUTE,
            "zone": zone,
            "booked_at": starts_at - timedelta(days=7),
            "booked_by": "test",
            "hard_limit_at": starts_at - timedelta(days=2),
            "notice_settled_at": starts_at - timedelta(days=6),
            **values,
        }
    )
    session.add(appointment)
    (await session.get_one(Control, world.control.id)).state = ControlState.BOOKED
    await session.flush()
    return appointment


async def say(
    database: Database,
    world: World,
    appointment: Appointment,
    result: Result,
    *,
    at: datetime = START + 10 * MINUTE,
    circumstances: Circumstances | None = None,
    **given: Any,
) -> Concluded:
    """Conclude as the world's doctor, in a transaction of its own."""
    if circumstances is None:
        circumstances = SEEN if CONSEQUENCES[result].meets_person else Circumstances()
    async with database.transaction() as session:
        return await conclude(
            session,
            **{
                "operator": OPERATOR,
                "dossier": await load_dossier(session, appointment.id, lock=True),
                "user": world.doctor_user,
                "result": result,
                "circumstances": circumstances,
                "actor": doctor_actor(world),
                "now": at,
                **given,
            },
        )


async def insured_arrives(database: Database, appointment: Appointment, *, at: datetime) -> uuid.UUID:
    """The insured's page reaches the waiting room; the room's id."""
    async with database.transaction() as session:
        room = await ensure_room(
            session,
            subject_id=appointment.id,
            opens_at=appointment.starts_at - 15 * MINUTE,
            closes_at=appointment.busy_until,
            provider=VideoProvider.BUILTIN,
            now=at,
        )
        await arrive(session, room_id=room.id, now=at)
        return room.id


async def doctor_waits(
    database: Database,
    appointment: Appointment,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """The doctor stays in the call: by default from a minute before the hour to a minute after the waiting time."""
    since = since or appointment.starts_at - MINUTE
    until = until or appointment.starts_at + 16 * MINUTE
    async with database.transaction() as session:
        room = await ensure_room(
            session,
            subject_id=appointment.id,
            opens_at=appointment.starts_at - 15 * MINUTE,
            closes_at=appointment.ends_at + 30 * MINUTE,
            provider=VideoProvider.BUILTIN,
            now=since,
        )
        await record_facts(
            session,
            [
                Fact(room.id, Role.DOCTOR, EventKind.JOINED, since),
                Fact(room.id, Role.DOCTOR, EventKind.LEFT, until),
            ],
        )


async def goes_wrong(database: Database, appointment: Appointment, *, at: datetime) -> None:
    """A technical problem is recorded in the call's own evidence, without anybody having arrived."""
    async with database.transaction() as session:
        room = await ensure_room(
            session,
            subject_id=appointment.id,
            opens_at=appointment.starts_at - 15 * MINUTE,
            closes_at=appointment.busy_until,
            provider=VideoProvider.BUILTIN,
            now=at,
        )
        problem = Fact(room.id, Role.INSURED, EventKind.TECHNICAL_PROBLEM, at, detail={"code": "camera_refused"})
        await record_facts(session, [problem])
