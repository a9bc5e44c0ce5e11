"""What happened before the demonstration begins: nine days of a small service, told by the same functions that serve it.

Nothing is written into a state by hand: controls are requested, booked, answered and concluded at their moments, and the
worker's sweeps run at every due instant in between.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from telecontrol.outbox.targets import Evidence, Outcome, Outgoing, Rejected
from telecontrol.reports.absences import waited_until
from telecontrol.reports.circumstances import Circumstances, IdentityDocument
from telecontrol.reports.conclusions import conclude
from telecontrol.reports.contract import written
from telecontrol.reports.gateway_setup import NAME
from telecontrol.scheduling.answers import CannotCome, announce_absence, decline_video
from telecontrol.scheduling.attendance import admit, open_room
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.freeing import cancel_control
from telecontrol.scheduling.models import Appointment
from telecontrol.scheduling.preparations import InterpreterLanguage, Need, Prepared, prepare
from telecontrol.video.attendance import Fact, record_facts
from telecontrol.video.device_tests import Route, Step, record_test
from telecontrol.video.models import CallRoom, EventKind, Role
from telecontrol.video.rooms import close_room
from telecontrol.video.waiting import arrive
from telecontrol.worker import Runtime, run_once

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
        """By video: the insured arrives, the doctor lets them in, talks for a quarter of an hour and signs; the clock follows."""
        async with self._at_work(appointment_id) as (session, dossier, _):
            starts_at = dossier.appointment.starts_at
            await arrive(session, room_id=(await self._room(session, dossier)).id, now=self.clock.now())
        await self._doctor(appointment_id, EventKind.JOINED)
        self.clock.advance_to(starts_at + timedelta(minutes=1))
        async with self._at_work(appointment_id) as (session, dossier, doctor):
            room = await self._room(session, dossier)
            await record_facts(session, [Fact(room.id, Role.INSURED, None, self.clock.now())])
            await admit(session, dossier, actor=doctor, now=self.clock.now())
            await record_facts(session, [Fact(room.id, Role.INSURED, EventKind.JOINED, self.clock.now())])
        self.clock.advance_to(starts_at + timedelta(minutes=15))
        async with self._at_work(appointment_id) as (session, dossier, _):
            room = await self._room(session, dossier)
            await record_facts(session, [Fact(room.id, Role.INSURED, EventKind.LEFT, self.clock.now())])
        await self._doctor(appointment_id, EventKind.LEFT)
        self.clock.advance_to(starts_at + timedelta(minutes=16))
        async with self._at_work(appointment_id) as (session, dossier, doctor):
            user = next(user for user in self.cast.doctor_users if user.id == dossier.doctor.user_id)
            await conclude(
                session,
                operator=self.runtime.operator,
                dossier=dossier,
                user=user,
                result=result,
                circumstances=Circumstances(identity_document=IdentityDocument.NATIONAL_CARD),
                actor=doctor,
                now=self.clock.now(),
            )
            await close_room(session, subject_id=appointment_id, now=self.clock.now())

    async def wait_for_nobody(self, appointment_id: uuid.UUID) -> None:
        """The doctor stays in the room until a minute after the waiting time; nobody comes, and nothing is concluded."""
        await self._doctor(appointment_id, EventKind.JOINED)
        async with self._at_work(appointment_id) as (_, dossier, _):
            until = waited_until(dossier) + timedelta(minutes=1)
        await walk(self.runtime, until=until)
        await self._doctor(appointment_id, EventKind.LEFT)

    async def _doctor(self, appointment_id: uuid.UUID, event: EventKind) -> None:
        """The doctor enters the call, or leaves it."""
        async with self._at_work(appointment_id) as (session, dossier, _):
            room = await self._room(session, dossier)
            await record_facts(session, [Fact(room.id, Role.DOCTOR, event, self.clock.now())])

    async def _room(self, session: AsyncSession, dossier: Dossier) -> CallRoom:
        return await open_room(session, dossier, provider=VideoProvider.BUILTIN, now=self.clock.now())

    @asynccontextmanager
    async def _at_work(self, appointment_id: uuid.UUID) -> AsyncIterator[tuple[AsyncSession, Dossier, Actor]]:
        """A transaction on an appointment, with its doctor as the one who acts."""
        async with self.runtime.database.transaction() as session:
            dossier = await load_dossier(session, appointment_id, lock=True)
            yield session, dossier, Actor(ActorKind.STAFF, str(dossier.doctor.user_id), "doctor")


async def tell(story: Story) -> None:
    """Nine days, so that every queue of the desk and every page has somebody in it."""
    eve = await book_the_eve(story)
    early = [await story.request(number) for number in range(9)]
    seen = await story.book(early[0], -1, time(9, 0))
    unjustified = await story.book(early[1], -1, time(10, 0), doctor=1)
    missed = await story.book(early[2], -1, time(11, 0))
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

    await tell_the_eve(story, eve)
    await story.until(-1, time(8, 56))
    await story.see(seen, Result.JUSTIFIED)
    await story.until(-1, time(9, 56))
    await story.see(unjustified, Result.NOT_JUSTIFIED)
    await story.until(-1, time(10, 58))
    await story.wait_for_nobody(missed)
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


@dataclass(frozen=True, slots=True)
class Eve:
    """Two appointments of the eve's early morning."""

    refused: uuid.UUID
    """Its report will be refused by the insurer."""
    excused: uuid.UUID
    """Its person will not come, and has told why."""


async def book_the_eve(story: Story) -> Eve:
    """Ask for what `tell_the_eve` needs; and for somebody without a mobile, whose notice misses its limit: released."""
    refused, excused = await story.request(25), await story.request(26)
    unreachable = await story.request(27, phone="")
    await story.book(unreachable, 0, time(16, 30), doctor=1)
    return Eve(
        refused=await story.book(refused, -1, time(8, 30), doctor=1),
        excused=await story.book(excused, -1, time(8, 0), doctor=2),
    )


async def tell_the_eve(story: Story, eve: Eve) -> None:
    """An absence that is excused, and a conclusion that waits: the insurer refused its report, somebody has to look."""
    await story.until(-1, time(8, 21))
    async with story.runtime.database.transaction() as session:
        dossier = await load_dossier(session, eve.excused, lock=True)
        user = next(user for user in story.cast.doctor_users if user.id == dossier.doctor.user_id)
        await conclude(
            session,
            operator=story.runtime.operator,
            dossier=dossier,
            user=user,
            result=Result.EXCUSED_ABSENCE,
            circumstances=Circumstances(),
            actor=Actor(ActorKind.STAFF, str(user.id), "doctor"),
            now=story.clock.now(),
        )
    await story.until(-1, time(8, 26))
    await story.see(eve.refused, Result.NOT_JUSTIFIED)
    targets = story.runtime.targets
    story.runtime.targets = {**targets, NAME: RefusingInsurer()}
    await run_once(story.runtime)
    story.runtime.targets = targets


class RefusingInsurer:
    """An insurer that says no for good, as the local insurer does when it is told to; it is asked while no server runs yet."""

    name = NAME
    takes_idempotency_key = True

    def prepare(self, outgoing: Outgoing) -> bytes:
        return written(outgoing.context["document"])

    async def deliver(self, outgoing: Outgoing) -> Outcome:
        return Rejected(permanent=True, code="refused_told_to_refuse", reply="422 told_to_refuse")

    async def look_up(self, outgoing: Outgoing) -> Evidence:
        return Evidence(taken=None)

    async def close(self) -> None:
        """Holds nothing."""
