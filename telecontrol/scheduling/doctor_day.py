"""A doctor's day as a page shows it: the appointments, who waits since when, who comes next, what is still to conclude.

The number of queries does not depend on the number of appointments. Rows are the viewer's own cases (`DOMAIN.md` §6): another
doctor's appointment and none at all are the same `NotFound`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from telecontrol.accounts.access import Action, Kind, RowFilter, row_filter
from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.models import Control, Doctor, Insured
from telecontrol.controls.policies import Mode
from telecontrol.controls.states import ControlState
from telecontrol.errors import NotFound
from telecontrol.scheduling.dossier import Dossier, load_dossier, of
from telecontrol.scheduling.models import LIVE, Appointment, AppointmentState
from telecontrol.scheduling.wall_clock import earliest_instant, on_wall_clock
from telecontrol.video.attendance import arrived
from telecontrol.video.device_tests import finding_of, latest_tests
from telecontrol.video.waiting import Waiting, who_waits

ON_THE_DAY = (
    AppointmentState.HELD,
    AppointmentState.BOOKED,
    AppointmentState.IN_PROGRESS,
    AppointmentState.OVER,
    AppointmentState.ATTENDED,
    AppointmentState.NOT_ATTENDED,
    AppointmentState.DECLINED_BY_INSURED,
)
"""What a doctor's day shows; what was moved, released or cancelled is no longer in it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One appointment of the day, with its file. `waiting` is set while the insured waits to be let in."""

    dossier: Dossier
    waiting: Waiting | None
    arrived_at: datetime | None
    device: str = ""
    """What the insured's test found (a `device_tests.Finding`); empty in person."""
    tested_at: datetime | None = None

    @property
    def appointment(self) -> Appointment:
        return self.dossier.appointment

    @property
    def is_to_conclude(self) -> bool:
        """Its time is over, and nobody said what came of it."""
        return self.appointment.state is AppointmentState.OVER and self.dossier.control.state is ControlState.TO_QUALIFY

    def may_enter(self, *, now: datetime) -> bool:
        """Whether its room is worth entering: it can still be held, and its waiting room is open."""
        opens_at = self.appointment.starts_at - timedelta(minutes=self.dossier.rules.join_opens_minutes)
        return self.appointment.state in LIVE and now >= opens_at


@dataclass(frozen=True, slots=True)
class Day:
    """A doctor's day. `entries` are in order; `to_conclude` are older appointments without a conclusion, oldest first."""

    doctor: Doctor
    on: date
    entries: Sequence[Entry]
    to_conclude: Sequence[Entry]

    @property
    def waiting(self) -> list[Entry]:
        """Who waits, longest first."""
        found = [entry for entry in self.entries if entry.waiting is not None]
        return sorted(found, key=lambda entry: entry.waiting.since if entry.waiting else entry.appointment.starts_at)

    def next_up(self, *, now: datetime, after: uuid.UUID | None = None) -> Entry | None:
        """Whom to see next: the one in progress, else the earliest who waits, else the next by hour. `after` is left out."""
        live = [e for e in self.entries if e.appointment.state in LIVE and e.appointment.id != after]
        waiting = [entry for entry in live if entry.waiting is not None and entry.waiting.is_there]
        for found in (
            [entry for entry in live if entry.appointment.state is AppointmentState.IN_PROGRESS],
            waiting,
            [entry for entry in live if entry.appointment.busy_until > now],
        ):
            if found:
                return found[0]
        return None


async def day_of(session: AsyncSession, viewer: Viewer, *, now: datetime, on: date | None = None) -> Day:
    """The viewer's day: today in the doctor's own zone, unless another is asked for. Five queries.

    Raises `NotFound` for a viewer who is no doctor.
    """
    doctor = await _doctor(session, viewer)
    zone = ZoneInfo(doctor.zone)
    day = on or on_wall_clock(now, zone).date()
    begins, ends = earliest_instant(day, time(0), zone), earliest_instant(day + timedelta(days=1), time(0), zone)
    of_the_day = and_(Appointment.starts_at >= begins, Appointment.starts_at < ends, Appointment.state.in_(ON_THE_DAY))
    left_over = and_(
        Appointment.state == AppointmentState.OVER,
        Appointment.starts_at < begins,
        Control.state == ControlState.TO_QUALIFY,
    )
    rows = list(await session.scalars(_loaded().where(own_cases(viewer), or_(of_the_day, left_over))))
    entries = await _entries(session, rows, now=now)
    todays = [entry for entry in entries if begins <= entry.appointment.starts_at < ends]
    older = [entry for entry in entries if entry.appointment.starts_at < begins]
    return Day(doctor, day, todays, older)


async def own_dossier(
    session: AsyncSession, viewer: Viewer, appointment_id: uuid.UUID, *, lock: bool = False
) -> Dossier:
    """The dossier of one of the viewer's own appointments; `lock` as `load_dossier`. Raises `NotFound` for any other."""
    found = await session.scalar(select(Appointment.id).where(Appointment.id == appointment_id, own_cases(viewer)))
    if found is None:
        raise NotFound("no such appointment")
    dossier = await load_dossier(session, appointment_id, lock=lock)
    if lock and dossier.appointment.doctor_id != viewer.doctor_id:
        # Handed to a colleague between the look and the lock.
        raise NotFound("no such appointment")
    return dossier


def own_cases(viewer: Viewer) -> ColumnElement[bool]:
    """The condition that keeps a query over `Appointment` to the doctor's own cases."""
    is_doctor = row_filter(viewer.role) is RowFilter.CASES and viewer.may(Action.READ, Kind.APPOINTMENT)
    return Appointment.doctor_id == viewer.doctor_id if is_doctor and viewer.doctor_id is not None else false()


async def _doctor(session: AsyncSession, viewer: Viewer) -> Doctor:
    doctor = None if viewer.doctor_id is None else await session.get(Doctor, viewer.doctor_id)
    if doctor is None:
        raise NotFound("no agenda for this account", code="not_a_doctor")
    return doctor


def _loaded() -> Select[Appointment]:
    control = joinedload(Appointment.control)
    return (
        select(Appointment)
        .join(Appointment.control)
        .options(
            joinedload(Appointment.doctor),
            joinedload(Appointment.site),
            control.joinedload(Control.insured),
            control.joinedload(Control.organisation),
            control.joinedload(Control.policy),
        )
        .order_by(Appointment.starts_at, Appointment.id)
    )


async def _entries(session: AsyncSession, rows: Iterable[Appointment], *, now: datetime) -> list[Entry]:
    found = list(rows)
    by_video = [row.id for row in found if row.mode is Mode.VIDEO]
    # Somebody may still come, late, to an appointment that is over.
    open_to = [row.id for row in found if row.mode is Mode.VIDEO and row.state in (*LIVE, AppointmentState.OVER)]
    waits = await who_waits(session, open_to, now=now) if open_to else {}
    came = await arrived(session, by_video) if by_video else {}
    tests = await latest_tests(session, by_video) if by_video else {}
    return [
        Entry(
            of(row, row.control, doctor=row.doctor, site=row.site),
            waits.get(row.id),
            came.get(row.id),
            str(finding_of(tests.get(row.id))) if row.mode is Mode.VIDEO else "",
            tests[row.id].tested_at if row.id in tests else None,
        )
        for row in found
    ]


async def people_of(session: AsyncSession, control_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Insured]:
    """The insured of controls that the viewer has met already, by control id. One query, none for nobody."""
    wanted = list(control_ids)
    if not wanted:
        return {}
    rows = await session.execute(
        select(Control.id, Insured).join(Insured, Insured.id == Control.insured_id).where(Control.id.in_(wanted))
    )
    return {row.id: row.Insured for row in rows}
