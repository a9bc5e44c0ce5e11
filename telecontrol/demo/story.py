"""What happened before the demonstration begins: nine days of a small service, told by the same functions that serve it.

Nothing is written into a state by hand: controls are requested, booked, answered and concluded at their moments, and the
worker's sweeps run at every due instant in between.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.clock import VirtualClock
from telecontrol.config import VideoProvider
from telecontrol.controls.models import Procedure
from telecontrol.controls.policies import Mode
from telecontrol.controls.requests import request_control
from telecontrol.controls.results import Result
from telecontrol.db.journal import Actor, ActorKind
from telecontrol.demo.clock import walk
from telecontrol.demo.people import Cast, request_number
from telecontrol.reports.circumstances import Circumstances, IdentityDocument
from telecontrol.reports.conclusions import conclude
from telecontrol.scheduling.answers import CannotCome, announce_absence, decline_video
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.freeing import cancel_control
from telecontrol.scheduling.models import Appointment
from telecontrol.scheduling.preparations import InterpreterLanguage, Need, Prepared, prepare
from telecontrol.video.device_tests import Route, Step, record_test
from telecontrol.video.rooms import ensure_room
from telecontrol.video.waiting import admit, arrive, leave
from telecontrol.worker import Runtime

PARIS = ZoneInfo("Europe/Paris")
DAYS_BEFORE = 9


def curtain(real_now: datetime) -> datetime:
    """When the demonstration begins: the next Tuesday at 09:48 in Paris, a working morning whatever the day today."""
    local = real_now.astimezone(PARIS)
    days = (1 - local.weekday()) % 7
    opening = datetime.combine(local.date() + timedelta(days=days), time(9, 48), tzinfo=PARIS)
    if opening <= local:
        opening = datetime.combine(opening.date() + timedelta(days=7), time(9, 48), tzinfo=PARIS)
    return opening.astimezone(ZoneInfo("UTC"))


@dataclass(slots=True)
class Story:
    """The telling: rows are made at the clock's present instant, which only moves forward."""

    runtime: Runtime
    cast: Cast
    opening: datetime
    """When the curtain rises (aware)."""

    @property
    def clock(self) -> VirtualClock:
        clock = self.runtime.clock
        assert isinstance(clock, VirtualClock)
        return clock

    @property
    def handler(self) -> Actor:
        return Actor(ActorKind.STAFF, str(self.cast.handler.id), "handler")

    async def until(self, days: int, at: time) -> None:
        """Move to a local hour, some days before (negative) or after the opening day."""
        await walk(self.runtime, until=self.at(days, at))

    def at(self, days: int, at: time) -> datetime:
        day = self.opening.astimezone(PARIS).date() + timedelta(days=days)
        return datetime.combine(day, at, tzinfo=PARIS).astimezone(ZoneInfo("UTC"))

    async def request(self, number: int, *, procedure: Procedure = Procedure.A, **insured: str) -> uuid.UUID:
        now = self.clock.now()
        organisation = self.cast.fund if procedure is Procedure.A else self.cast.town
        async with self.runtime.database.transaction() as session:
            control = await request_control(
                session,
                organisation=organisation,
                insurer=self.cast.insurer,
                request=request_number(number, today=now.astimezone(PARIS).date(), procedure=procedure, **insured),
                actor=self.handler,
                now=now,
            )
            return control.id

    async def book(
        self, control_id: uuid.UUID, day: int, at: time, *, doctor: int = 0, mode: Mode = Mode.VIDEO, site: int = 0
    ) -> uuid.UUID:
        """Book at a local hour of a day counted from the opening."""
        async with self.runtime.database.transaction() as session:
            appointment = await book(
                session,
                operator=self.runtime.operator,
                control_id=control_id,
                doctor_id=self.cast.doctors[doctor].id,
                starts_at=self.at(day, at),
                mode=mode,
                site_id=self.cast.sites[site].id if mode is Mode.SURGERY else None,
                actor=self.handler,
                now=self.clock.now(),
            )
            return appointment.id

    async def decline(self, appointment_id: uuid.UUID) -> None:
        async with self.runtime.database.transaction() as session:
            dossier = await load_dossier(session, appointment_id, lock=True)
            await decline_video(
                session,
                operator=self.runtime.operator,
                dossier=dossier,
                actor=_insured(dossier.appointment),
                now=self.clock.now(),
            )

    async def cannot_come(self, appointment_id: uuid.UUID, reason: CannotCome) -> None:
        async with self.runtime.database.transaction() as session:
            dossier = await load_dossier(session, appointment_id, lock=True)
            await announce_absence(
                session,
                operator=self.runtime.operator,
                dossier=dossier,
                reason=reason,
                actor=_insured(dossier.appointment),
                now=self.clock.now(),
            )

    async def prepare(self, appointment_id: uuid.UUID, prepared: Prepared) -> None:
        async with self.runtime.database.transaction() as session:
            dossier = await load_dossier(session, appointment_id, lock=True)
            actor = _insured(dossier.appointment)
            await prepare(session, dossier=dossier, prepared=prepared, places=2, actor=actor, now=self.clock.now())

    async def test_device(self, appointment_id: uuid.UUID, *, route: Route = Route.DIRECT, **found: str) -> None:
        """A test of the device in which everything works but what is `found`."""
        steps = {**{str(step): "ok" for step in Step}, **found}
        async with self.runtime.database.transaction() as session:
            await record_test(session, subject_id=appointment_id, steps=steps, route=route, now=self.clock.now())

    async def cancel(self, control_id: uuid.UUID) -> None:
        async with self.runtime.database.transaction() as session:
            await cancel_control(
                session, operator=self.runtime.operator, control_id=control_id, actor=self.handler, now=self.clock.now()
            )

    async def see(self, appointment_id: uuid.UUID, result: Result) -> None:
        """The insured arrives, the doctor admits them, talks for a quarter of an hour and signs; the clock follows."""
        database = self.runtime.database
        async with database.transaction() as session:
            dossier = await load_dossier(session, appointment_id, lock=True)
            appointment = dossier.appointment
            if appointment.mode is Mode.VIDEO:
                await self._in_the_room(session, appointment)
        self.clock.advance_to(appointment.starts_at + timedelta(minutes=16))
        async with database.transaction() as session:
            dossier = await load_dossier(session, appointment_id, lock=True)
            user = next(user for user in self.cast.doctor_users if user.id == dossier.doctor.user_id)
            await conclude(
                session,
                operator=self.runtime.operator,
                dossier=dossier,
                user=user,
                result=result,
                circumstances=Circumstances(identity_document=IdentityDocument.NATIONAL_CARD),
                actor=Actor(ActorKind.STAFF, str(user.id), "doctor"),
                now=self.clock.now(),
            )

    async def _in_the_room(self, session: AsyncSession, appointment: Appointment) -> None:
        starts = appointment.starts_at
        room = await ensure_room(
            session,
            subject_id=appointment.id,
            opens_at=starts - timedelta(minutes=15),
            closes_at=appointment.ends_at + timedelta(minutes=30),
            provider=VideoProvider.BUILTIN,
            now=self.clock.now(),
        )
        await arrive(session, room_id=room.id, now=starts - timedelta(minutes=4))
        await admit(session, room_id=room.id, by=str(appointment.doctor_id), now=starts + timedelta(minutes=1))
        await leave(session, room_id=room.id, now=starts + timedelta(minutes=15))


async def tell(story: Story) -> None:
    """Nine days, so that every queue of the desk and every page has somebody in it."""
    early = [await story.request(number) for number in range(9)]
    seen = await story.book(early[0], -1, time(9, 0))
    unjustified = await story.book(early[1], -1, time(10, 0), doctor=1)
    await story.book(early[2], -1, time(11, 0))  # nobody comes
    failed = await story.book(early[3], -1, time(14, 0), doctor=2)
    declined = await story.book(early[4], 1, time(9, 0))
    announced = await story.book(early[5], 1, time(10, 0), doctor=1)
    prepared = await story.book(early[6], 0, time(10, 0))
    held = await story.book(early[7], 0, time(15, 0))
    silent = await story.book(early[8], 0, time(10, 30))

    await story.until(-5, time(10, 0))
    later = [await story.request(number) for number in range(9, 17)]
    for control_id, day, at, doctor in (
        (later[0], 0, time(11, 0), 0),
        (later[1], 0, time(11, 30), 1),
        (later[2], 1, time(9, 30), 0),
        (later[3], 1, time(11, 0), 2),
        (later[4], 3, time(9, 0), 0),
    ):
        await story.book(control_id, day, at, doctor=doctor)
    await story.book(later[5], 2, time(14, 0), doctor=1, mode=Mode.SURGERY)
    await story.book(later[6], 3, time(15, 0), doctor=2)
    reunion = await story.request(18, postcode="97400", city="Saint-Denis")
    asking = await story.book(reunion, 2, time(9, 0), doctor=2)

    await story.until(-2, time(16, 0))
    await story.cancel(later[6])

    await story.until(-1, time(8, 56))
    await story.see(seen, Result.JUSTIFIED)
    await story.until(-1, time(9, 56))
    await story.see(unjustified, Result.NOT_JUSTIFIED)
    await story.until(-1, time(13, 56))
    await story.see(failed, Result.TECHNICAL_FAILURE)
    await story.until(-1, time(16, 0))
    await story.decline(declined)
    await story.cannot_come(announced, CannotCome.TRAVEL)
    await story.prepare(prepared, Prepared(has_documents=True, needs=(Need.SPEAK_SLOWLY, Need.WRITTEN_TOO)))
    await story.test_device(prepared, route=Route.RELAY)
    await story.test_device(silent, microphone="microphone_silent")
    await story.prepare(asking, Prepared(interpreter=InterpreterLanguage.FRENCH_SIGN))

    await story.until(0, time(9, 30))
    for number in (19, 20, 21):
        await story.request(number)
    for number in (22, 23):
        await story.request(number, procedure=Procedure.C)
    one_channel = await story.request(24, phone="")
    await story.book(one_channel, 3, time(10, 0), doctor=1)
    await story.until(0, time(9, 41))
    await story.decline(held)
    await walk(story.runtime, until=story.opening)


def _insured(appointment: Appointment) -> Actor:
    return Actor(ActorKind.INSURED, str(appointment.insured_id), "insured")
