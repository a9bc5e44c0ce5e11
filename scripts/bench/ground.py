"""What the measures stand on: databases with the schema, many doctors, many people to see."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Control, Doctor, Insured, Procedure, ProcedurePolicy
from telecontrol.controls.policies import Mode, Rules
from telecontrol.controls.states import ControlState
from telecontrol.scheduling.conditions import times_of
from telecontrol.scheduling.models import Appointment
from tests.support.postgres import PostgresServer
from tests.support.schema import create_schema
from tests.support.world import NOW, World, make_doctor, make_world

_PARIS = ZoneInfo("Europe/Paris")
_FULL_DAY = [time(hour, minute) for hour in (8, 9, 10, 11, 14, 15, 16, 17) for minute in (0, 30)]
"""The starts of a doctor's full day, local: an appointment and its buffer last half an hour."""


@dataclass
class Ground:
    """Empty databases of both kinds, on demand; gone with `ground()`."""

    folder: Path
    postgres: PostgresServer
    _names: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        create_schema(self.postgres.url(self.postgres.create_database("template")))
        create_schema(f"sqlite+aiosqlite:///{self.folder / 'template.sqlite'}")

    def database(self, engine: str) -> str:
        """The address of a fresh database of `engine` (sqlite or postgresql) that holds the schema and nothing else."""
        if engine == "postgresql":
            return self.postgres.url(self.postgres.create_database(template="template"))
        path = self.folder / f"bench_{next(self._names)}.sqlite"
        shutil.copyfile(self.folder / "template.sqlite", path)
        return f"sqlite+aiosqlite:///{path}"


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """A PostgreSQL server of our own, and `folder` for SQLite files."""
    postgres = PostgresServer.create()
    try:
        yield Ground(folder, postgres)
    finally:
        postgres.stop()


async def settle(session: AsyncSession, *, doctors: int, people: int) -> tuple[World, list[Doctor], list[Control]]:
    """`doctors` doctors, open on weekdays 08:00–12:00 and 14:00–18:00 in Paris, and `people` controls to book."""
    world = await make_world(session)
    # Their own messages would blur what is counted.
    world.doctor.email = world.other_doctor.email = ""
    cast = [world.doctor, world.other_doctor]
    for number in range(len(cast), doctors):
        cast.append(await make_doctor(session, f"{20_000_000_000 + number}", site=world.site))
        cast[-1].email = ""
    return world, cast, await _people(session, world, count=people)


async def _people(session: AsyncSession, world: World, *, count: int) -> list[Control]:
    insured = [
        Insured(
            id=uuid.uuid4(),
            organisation_id=world.organisation.id,
            external_reference=f"BENCH-{number}",
            family_name="Durand",
            given_name=f"Camille {number}",
            search_name=f"camille durand {number}",
            birth_on=date(1985, 5, 17),
            email=f"bench{number}@example.org",
            phone=f"+3361235{number:04d}",
            postcode="69003",
            city="Lyon",
            zone="Europe/Paris",
        )
        for number in range(count)
    ]
    controls = [
        Control(
            id=uuid.uuid4(),
            reference=f"TC-B{number:05d}",
            external_reference=f"BENCH-{number}",
            organisation_id=world.organisation.id,
            insurer_id=world.insurer.id,
            insured_id=person.id,
            procedure=Procedure.A,
            policy_id=world.control.policy_id,
            state=ControlState.TO_BOOK,
            leave_starts_on=date(2026, 2, 20),
            leave_ends_on=date(2026, 4, 30),
            requested_at=NOW,
            state_since_at=NOW,
        )
        for number, person in enumerate(insured)
    ]
    session.add_all(insured)
    await session.flush()
    session.add_all(controls)
    await session.flush()
    return controls


def starts_of(on: date) -> list[datetime]:
    """The sixteen starts of a doctor's full day, in UTC."""
    local = (datetime.combine(on, at, tzinfo=_PARIS) for at in _FULL_DAY)
    return [start.astimezone(UTC) for start in local]


def weekdays(first_on: date, count: int) -> list[date]:
    """`count` days from `first_on`, Monday to Friday."""
    days = (first_on + timedelta(days=number) for number in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


async def fill(session: AsyncSession, world: World, doctors: list[Doctor], controls: list[Control]) -> None:
    """One booked appointment for each control, spread evenly over the doctors and four weeks, as rows only."""
    days = weekdays(NOW.date() + timedelta(days=3), 20)
    starts = []
    for turn in range(-(-len(controls) // len(doctors))):
        # Far apart within a day: free time in pieces is what makes a search work.
        start = starts_of(days[turn % len(days)])[turn // len(days) * 5 % len(_FULL_DAY)]
        starts += [(doctor, start) for doctor in doctors]
    await _rows(session, world, controls, starts)


async def fill_day(
    session: AsyncSession, world: World, doctors: list[Doctor], controls: list[Control], *, on: date
) -> list[Appointment]:
    """One appointment for each control, all on one day, their notices long settled; as rows only."""
    starts = [(doctor, start) for start in starts_of(on) for doctor in doctors]
    appointments = await _rows(session, world, controls, starts)
    for control in controls:
        control.state = ControlState.BOOKED
    for appointment in appointments:
        appointment.notice_settled_at = NOW
    await session.flush()
    return appointments


async def _rows(
    session: AsyncSession, world: World, controls: list[Control], starts: list[tuple[Doctor, datetime]]
) -> list[Appointment]:
    policy = await session.get_one(ProcedurePolicy, world.control.policy_id)
    rules = Rules.from_json(policy.rules)
    if len(starts) < len(controls):
        raise ValueError("more people than slots")
    appointments = [
        Appointment(
            control_id=control.id,
            organisation_id=control.organisation_id,
            insured_id=control.insured_id,
            doctor_id=doctor.id,
            mode=Mode.VIDEO,
            zone=_PARIS.key,
            booked_at=NOW,
            booked_by="bench",
            **times_of(rules, Mode.VIDEO, start, _PARIS),
        )
        for control, (doctor, start) in zip(controls, starts, strict=False)
    ]
    session.add_all(appointments)
    await session.flush()
    return appointments
