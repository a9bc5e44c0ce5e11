"""A doctor's week as a page shows it: each local day with its openings, appointments, absences and exceptions.

What is shown as open is computed as free slots compute it (`agenda.expand_openings`); six queries for a week of any fullness.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from telecontrol.accounts.access import Action, Kind
from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.models import Control, Doctor
from telecontrol.controls.policies import Mode
from telecontrol.errors import NotFound
from telecontrol.scheduling.agenda import Absence, DatedException, Place, WeeklyOpening, expand_openings
from telecontrol.scheduling.calendar import KNOWN_YEARS, Holiday, public_holidays, territory_of_zone
from telecontrol.scheduling.doctor_day import ON_THE_DAY, own_cases
from telecontrol.scheduling.models import AgendaException, Appointment, DoctorAbsence, OpeningRange, Site
from telecontrol.scheduling.slots import instant
from telecontrol.scheduling.wall_clock import earliest_instant, on_wall_clock


@dataclass(frozen=True, slots=True)
class Opening:
    """Open over these instants, by these ways (a doctor may be open for video and at a site at once)."""

    starts_at: datetime
    ends_at: datetime
    places: tuple[tuple[Mode, str], ...]
    """Mode, and the site's name or nothing."""


@dataclass(frozen=True, slots=True)
class AgendaDay:
    on: date
    begins_at: datetime
    ends_at: datetime
    holidays: tuple[Holiday, ...]
    """Named even for a doctor who works on them; `is_closed_by_holiday` says whether they close the day."""
    is_closed_by_holiday: bool
    openings: Sequence[Opening]
    appointments: Sequence[Appointment]
    absences: Sequence[DoctorAbsence]
    exceptions: Sequence[AgendaException]


@dataclass(frozen=True, slots=True)
class Week:
    """`absences` and `exceptions` are all those of the week or later, in order: what the doctor may take back."""

    doctor: Doctor
    days: Sequence[AgendaDay]
    absences: Sequence[DoctorAbsence]
    exceptions: Sequence[AgendaException]
    sites: dict[uuid.UUID, Site]
    """The sites where this doctor is ever open."""


def monday_of(on: date) -> date:
    return on - timedelta(days=on.weekday())


async def week_of(session: AsyncSession, viewer: Viewer, *, now: datetime, on: date | None = None) -> Week:
    """The week that holds the day `on` (today in the doctor's zone by default). Raises `NotFound` for who is no doctor, and for
    a year whose holidays are not known."""
    if viewer.doctor_id is None or not viewer.may(Action.READ, Kind.AGENDA):
        raise NotFound("no agenda for this account", code="not_a_doctor")
    doctor = await session.get(Doctor, viewer.doctor_id)
    if doctor is None:
        raise NotFound("no agenda for this account", code="not_a_doctor")
    zone = ZoneInfo(doctor.zone)
    monday = monday_of(on or on_wall_clock(now, zone).date())
    days = [monday + timedelta(days=number) for number in range(7)]
    if {days[0].year, days[-1].year} - set(KNOWN_YEARS):
        raise NotFound("no agenda for that year", code="year_unknown")
    begins, ends = (
        earliest_instant(days[0], time(0), zone),
        earliest_instant(days[-1] + timedelta(days=1), time(0), zone),
    )
    weekly = list(await session.scalars(select(OpeningRange).where(OpeningRange.doctor_id == doctor.id)))
    exceptions = list(
        await session.scalars(
            select(AgendaException)
            .where(AgendaException.doctor_id == doctor.id, AgendaException.on >= min(days[0], now.date()))
            .order_by(AgendaException.on, AgendaException.opens)
        )
    )
    absences = list(
        await session.scalars(
            select(DoctorAbsence)
            .where(DoctorAbsence.doctor_id == doctor.id, DoctorAbsence.ends_at > min(begins, now))
            .order_by(DoctorAbsence.starts_at)
        )
    )
    appointments = await session.scalars(
        select(Appointment)
        .where(
            own_cases(viewer),
            Appointment.state.in_(ON_THE_DAY),
            Appointment.starts_at >= begins,
            Appointment.starts_at < ends,
        )
        .options(joinedload(Appointment.control).joinedload(Control.insured), joinedload(Appointment.site))
        .order_by(Appointment.starts_at)
    )
    sites = await _sites(session, weekly, exceptions)
    openings = _openings(doctor, weekly, exceptions, absences, sites, days)
    booked: defaultdict[date, list[Appointment]] = defaultdict(list)
    for appointment in appointments:
        booked[on_wall_clock(appointment.starts_at, zone).date()].append(appointment)
    return Week(
        doctor=doctor,
        days=[_day(doctor, day, zone, openings[day], booked[day], absences, exceptions) for day in days],
        absences=[absence for absence in absences if absence.ends_at > now],
        exceptions=[each for each in exceptions if each.on >= on_wall_clock(now, zone).date()],
        sites=sites,
    )


def _day(
    doctor: Doctor,
    on: date,
    zone: ZoneInfo,
    openings: Sequence[Opening],
    appointments: Sequence[Appointment],
    absences: Sequence[DoctorAbsence],
    exceptions: Sequence[AgendaException],
) -> AgendaDay:
    begins, ends = earliest_instant(on, time(0), zone), earliest_instant(on + timedelta(days=1), time(0), zone)
    holidays = tuple(public_holidays(on.year, territory_of_zone(zone)).get(on, ()))
    return AgendaDay(
        on=on,
        begins_at=begins,
        ends_at=ends,
        holidays=holidays,
        is_closed_by_holiday=bool(holidays) and not doctor.works_on_holidays,
        openings=openings,
        appointments=appointments,
        absences=[each for each in absences if each.starts_at < ends and each.ends_at > begins],
        exceptions=[each for each in exceptions if each.on == on],
    )


def _openings(
    doctor: Doctor,
    weekly: Sequence[OpeningRange],
    exceptions: Sequence[AgendaException],
    absences: Sequence[DoctorAbsence],
    sites: dict[uuid.UUID, Site],
    days: Sequence[date],
) -> dict[date, list[Opening]]:
    zone = ZoneInfo(doctor.zone)
    territory = territory_of_zone(zone)
    closed = {day for day in days if public_holidays(day.year, territory).get(day)}
    spans = expand_openings(
        [
            WeeklyOpening(
                row.weekday, row.opens, row.closes, Place(row.mode, row.site_id), row.valid_from_on, row.valid_until_on
            )
            for row in weekly
        ],
        [
            DatedException(
                row.on,
                row.is_open,
                row.opens,
                row.closes,
                # As for free slots: a closed range without a site closes that hour for everything.
                Place(row.mode, row.site_id) if row.is_open or row.site_id else None,
            )
            for row in exceptions
        ],
        [Absence(row.starts_at, row.ends_at) for row in absences],
        zone=zone,
        first_on=days[0],
        last_on=days[-1],
        closed_on=frozenset() if doctor.works_on_holidays else frozenset(closed),
    )
    ways: defaultdict[tuple[int, int], list[tuple[Mode, str]]] = defaultdict(list)
    for place, found in spans.items():
        site = sites.get(place.site) if isinstance(place.site, uuid.UUID) else None
        for each in found:
            ways[each].append((Mode(place.mode), site.name if site else ""))
    by_day: dict[date, list[Opening]] = {day: [] for day in days}
    for (start, end), places in sorted(ways.items()):
        opening = Opening(instant(start), instant(end), tuple(sorted(places)))
        by_day[on_wall_clock(opening.starts_at, zone).date()].append(opening)
    return by_day


async def _sites(
    session: AsyncSession, weekly: Sequence[OpeningRange], exceptions: Sequence[AgendaException]
) -> dict[uuid.UUID, Site]:
    wanted = {row.site_id for row in weekly if row.site_id} | {row.site_id for row in exceptions if row.site_id}
    if not wanted:
        return {}
    found = await session.scalars(select(Site).where(Site.id.in_(wanted)).order_by(Site.name))
    return {site.id: site for site in found}
