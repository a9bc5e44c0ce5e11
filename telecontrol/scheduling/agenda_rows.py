"""The rows that free slots are computed from: three queries for video, one more in person, whatever the number of doctors."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    String,
    and_,
    cast,
    extract,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.functions import aggregate_strings

from telecontrol.controls.models import Control, Doctor, DoctorApproval
from telecontrol.controls.policies import Mode, Rules
from telecontrol.scheduling.agenda import Absence, DatedException, Place, WeeklyOpening
from telecontrol.scheduling.models import (
    BLOCKING,
    AgendaException,
    Appointment,
    ConsultingRoom,
    DoctorAbsence,
    OpeningRange,
    Site,
    SiteHours,
)
from telecontrol.scheduling.slots import Span

_LONGEST_BLOCK = timedelta(hours=4)
"""An appointment that began this long before a range cannot reach into it."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: for whom, how, and when (aware instants; `first_at` and `last_at` may themselves be starts)."""

    control: Control
    rules: Rules
    mode: Mode
    first_at: datetime
    last_at: datetime
    doctor_id: uuid.UUID | None = None
    site_ids: tuple[uuid.UUID, ...] = ()
    ignoring: uuid.UUID | None = None
    """An appointment that is being moved: its own time does not stand in its way."""


@dataclass(slots=True)
class AgendaRows:
    name: str
    zone: ZoneInfo
    works_on_holidays: bool
    approved: list[tuple[date, date | None]]
    weekly: list[WeeklyOpening]
    exceptions: list[DatedException]
    absences: list[Absence]


@dataclass(slots=True)
class SiteRows:
    zone: ZoneInfo
    rooms: list[uuid.UUID]
    weekly: list[WeeklyOpening]


async def load_agendas(session: AsyncSession, search: Search) -> dict[uuid.UUID, AgendaRows]:
    """First query: suitable doctors, with everything their agendas say (one row per saying)."""
    control = search.control
    not_neutral = [rpps for rpps in (control.prescriber_rpps, control.treating_rpps) if rpps]
    suitable = (
        select(Doctor.id)
        .where(
            Doctor.is_active,
            Doctor.rpps.not_in(not_neutral),
            select(DoctorApproval.id)
            .where(DoctorApproval.doctor_id == Doctor.id, DoctorApproval.procedure == control.procedure)
            .exists(),
            *([Doctor.id == search.doctor_id] if search.doctor_id else []),
        )
        .cte("suitable")
    )
    day, clock = cast(null(), Date), cast(null(), OpeningRange.opens.type)
    instant = cast(null(), DoctorAbsence.starts_at.type)
    flag = cast(null(), AgendaException.is_open.type)
    weekday = cast(null(), OpeningRange.weekday.type)
    text_null = cast(null(), Doctor.zone.type)
    id_null = cast(null(), Doctor.id.type)
    rows = union_all(
        select(
            literal("doctor").label("what"),
            Doctor.id.label("doctor_id"),
            Doctor.zone.label("words"),
            (Doctor.given_name + " " + Doctor.family_name).label("name"),
            Doctor.works_on_holidays.label("flag"),
            weekday.label("weekday"),
            day.label("from_on"),
            day.label("until_on"),
            clock.label("opens"),
            clock.label("closes"),
            instant.label("starts_at"),
            instant.label("ends_at"),
            id_null.label("site_id"),
        ).where(Doctor.id.in_(select(suitable.c.id))),
        select(
            literal("approval"),
            DoctorApproval.doctor_id,
            text_null,
            text_null,
            flag,
            weekday,
            DoctorApproval.valid_from_on,
            DoctorApproval.valid_until_on,
            clock,
            clock,
            instant,
            instant,
            id_null,
        ).where(DoctorApproval.procedure == control.procedure, DoctorApproval.doctor_id.in_(select(suitable.c.id))),
        select(
            literal("opening"),
            OpeningRange.doctor_id,
            cast(OpeningRange.mode, Doctor.zone.type),
            text_null,
            flag,
            OpeningRange.weekday,
            OpeningRange.valid_from_on,
            OpeningRange.valid_until_on,
            OpeningRange.opens,
            OpeningRange.closes,
            instant,
            instant,
            OpeningRange.site_id,
        ).where(OpeningRange.mode == search.mode, OpeningRange.doctor_id.in_(select(suitable.c.id))),
        select(
            literal("exception"),
            AgendaException.doctor_id,
            cast(AgendaException.mode, Doctor.zone.type),
            text_null,
            AgendaException.is_open,
            weekday,
            AgendaException.on,
            day,
            AgendaException.opens,
            AgendaException.closes,
            instant,
            instant,
            AgendaException.site_id,
        ).where(
            AgendaException.doctor_id.in_(select(suitable.c.id)),
            AgendaException.on.between(
                (search.first_at - timedelta(days=2)).date(), (search.last_at + timedelta(days=2)).date()
            ),
        ),
        select(
            literal("absence"),
            DoctorAbsence.doctor_id,
            text_null,
            text_null,
            flag,
            weekday,
            day,
            day,
            clock,
            clock,
            DoctorAbsence.starts_at,
            DoctorAbsence.ends_at,
            id_null,
        ).where(
            DoctorAbsence.doctor_id.in_(select(suitable.c.id)),
            DoctorAbsence.ends_at > search.first_at - timedelta(days=1),
            DoctorAbsence.starts_at < search.last_at + timedelta(days=1),
        ),
    )
    found = (await session.execute(rows)).all()
    agendas = {
        row.doctor_id: AgendaRows(row.name, ZoneInfo(row.words), bool(row.flag), [], [], [], [])
        for row in found
        if row.what == "doctor"
    }
    for row in found:
        agenda = agendas[row.doctor_id]
        match row.what:
            case "approval":
                agenda.approved.append((row.from_on, row.until_on))
            case "opening":
                place = Place(row.words, row.site_id)
                agenda.weekly.append(
                    WeeklyOpening(row.weekday, row.opens, row.closes, place, row.from_on, row.until_on)
                )
            case "exception":
                # A closed range without a site closes that hour for everything.
                where = Place(row.words, row.site_id) if row.flag or row.site_id else None
                agenda.exceptions.append(DatedException(row.from_on, bool(row.flag), row.opens, row.closes, where))
            case "absence":
                agenda.absences.append(Absence(row.starts_at, row.ends_at))
    return agendas


async def load_sites(session: AsyncSession, search: Search) -> dict[uuid.UUID, SiteRows]:
    """In person only: the sites' rooms and hours."""
    wanted = [Site.is_active, *([Site.id.in_(search.site_ids)] if search.site_ids else [])]
    rows = await session.execute(
        select(Site.id, Site.zone, ConsultingRoom.id, SiteHours.weekday, SiteHours.opens, SiteHours.closes)
        .join(ConsultingRoom, and_(ConsultingRoom.site_id == Site.id, ConsultingRoom.is_active))
        .join(SiteHours, SiteHours.site_id == Site.id)
        .where(*wanted)
        .order_by(ConsultingRoom.name)
    )
    sites: dict[uuid.UUID, SiteRows] = {}
    hours: defaultdict[uuid.UUID, set[WeeklyOpening]] = defaultdict(set)
    for site_id, zone, room_id, weekday, opens, closes in rows:
        site = sites.setdefault(site_id, SiteRows(ZoneInfo(zone), [], []))
        if room_id not in site.rooms:
            site.rooms.append(room_id)
        hours[site_id].add(WeeklyOpening(weekday, opens, closes, Place(Mode.SURGERY, site_id)))
    for site_id, found in hours.items():
        sites[site_id].weekly = list(found)
    return sites


Busy = dict[tuple[str, uuid.UUID], list[Span]]


async def load_busy(
    session: AsyncSession, search: Search, doctor_ids: Sequence[uuid.UUID], room_ids: Sequence[uuid.UUID]
) -> Busy:
    """Second query (third in person): the blocks of these doctors, of the insured, and of the rooms."""
    insured_id = search.control.insured_id
    is_own = Appointment.insured_id == insured_id
    whose = [is_own, Appointment.doctor_id.in_(doctor_ids)]
    if room_ids:
        whose.append(Appointment.room_id.in_(room_ids))
    owner = [
        Appointment.doctor_id,
        is_own.label("is_own"),
        (Appointment.room_id if room_ids else null()).label("room_id"),
    ]
    # Agendas may be full: one row an owner, all its blocks in one text, in the seconds that slots are counted in.
    blocks_of = aggregate_strings(_second(Appointment.starts_at) + "-" + _second(Appointment.busy_until), " ")
    rows = await session.execute(
        select(blocks_of.label("blocks"), *owner)
        .where(
            Appointment.starts_at < search.last_at + _LONGEST_BLOCK,
            Appointment.starts_at > search.first_at - _LONGEST_BLOCK,
            Appointment.busy_until > search.first_at,
            Appointment.state.in_(BLOCKING),
            or_(*whose),
            *([Appointment.id != search.ignoring] if search.ignoring else []),
        )
        .group_by(Appointment.doctor_id, is_own, *([Appointment.room_id] if room_ids else []))
    )
    busy: defaultdict[tuple[str, uuid.UUID], list[Span]] = defaultdict(list)
    for row in rows:
        blocks = [_block(block) for block in row.blocks.split(" ")]
        busy["doctor", row.doctor_id] += blocks
        if row.is_own:
            busy["insured", insured_id] += blocks
        if row.room_id is not None:
            busy["room", row.room_id] += blocks
    return busy


def _second(instant: Any) -> ColumnElement[str]:
    """Seconds since 1970, as text; appointments begin and end on whole minutes."""
    return cast(cast(extract("epoch", instant), BigInteger), String)


def _block(text: str) -> Span:
    starts, _, until = text.partition("-")
    return int(starts), int(until)
