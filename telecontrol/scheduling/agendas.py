"""A doctor's weekly openings as administrators keep them; exceptions and absences are changed in `unavailability`.

The doctor's row is locked for each change, as it is by whoever books: a booking comes wholly before it or sees it. Nothing that
was booked is cancelled by a change of the week.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Doctor
from telecontrol.controls.policies import Mode
from telecontrol.db.journal import Actor, record
from telecontrol.errors import InvalidInput
from telecontrol.scheduling.doctors import find_doctor
from telecontrol.scheduling.models import AgendaException, DoctorAbsence, OpeningRange, Site

MODES = (Mode.VIDEO, Mode.SURGERY)
"""What openings are added for; home visits and calls by phone are planned otherwise."""


@dataclass(frozen=True, slots=True)
class Agenda:
    """All that decides when a doctor can be booked, past exceptions and absences left out."""

    openings: Sequence[OpeningRange]
    exceptions: Sequence[AgendaException]
    absences: Sequence[DoctorAbsence]
    sites: dict[uuid.UUID, Site]
    """Every active site, and those that the openings name, by name."""


async def agenda_of(session: AsyncSession, doctor: Doctor, *, today: date, now: datetime) -> Agenda:
    """A doctor's agenda; `today` is a local day of the doctor's zone. Four queries."""
    openings = await session.scalars(
        select(OpeningRange)
        .where(OpeningRange.doctor_id == doctor.id)
        .order_by(OpeningRange.weekday, OpeningRange.opens, OpeningRange.closes, OpeningRange.mode, OpeningRange.id)
    )
    exceptions = await session.scalars(
        select(AgendaException)
        .where(AgendaException.doctor_id == doctor.id, AgendaException.on >= today)
        .order_by(AgendaException.on, AgendaException.opens, AgendaException.id)
    )
    absences = await session.scalars(
        select(DoctorAbsence)
        .where(DoctorAbsence.doctor_id == doctor.id, DoctorAbsence.ends_at > now)
        .order_by(DoctorAbsence.starts_at, DoctorAbsence.id)
    )
    found = list(openings)
    named = {row.site_id for row in found if row.site_id}
    sites = await session.scalars(
        select(Site).where(Site.is_active.is_(True) | Site.id.in_(named)).order_by(Site.name, Site.id)
    )
    return Agenda(found, list(exceptions), list(absences), {site.id: site for site in sites})


async def add_openings(
    session: AsyncSession,
    doctor: Doctor,
    *,
    weekdays: Collection[int],
    opens: time,
    closes: time,
    mode: Mode,
    site_id: uuid.UUID | None = None,
    valid_from_on: date | None = None,
    valid_until_on: date | None = None,
    actor: Actor,
    now: datetime,
) -> list[OpeningRange]:
    """Open a range on some weekdays (0 = Monday), in the doctor's wall time, for video or at one site; what was added.

    What is there already is not added twice. Raises `InvalidInput` naming every field at fault; with code `openings_overlap`
    where the doctor is open at the same place for part of that time.
    """
    await find_doctor(session, doctor.id, lock=True)
    await _check(session, weekdays, opens, closes, mode, site_id, (valid_from_on, valid_until_on))
    known = list(await session.scalars(select(OpeningRange).where(OpeningRange.doctor_id == doctor.id)))
    added = []
    for weekday in sorted(set(weekdays)):
        opening = OpeningRange(
            doctor_id=doctor.id,
            weekday=weekday,
            opens=opens,
            closes=closes,
            mode=mode,
            site_id=site_id,
            valid_from_on=valid_from_on,
            valid_until_on=valid_until_on,
        )
        if any(_is_same(opening, each) for each in known):
            continue
        if any(_overlap(opening, each) for each in known):
            raise InvalidInput("open there already at that time", field="opens", code="openings_overlap")
        added.append(opening)
    session.add_all(added)
    await session.flush()
    for opening in added:
        _note(session, "opening_added", opening, actor=actor, now=now)
    return added


async def remove_opening(
    session: AsyncSession, doctor: Doctor, *, opening_id: uuid.UUID, actor: Actor, now: datetime
) -> None:
    """Take a weekly range back; one that is gone already is no error. What was booked in it stays."""
    await find_doctor(session, doctor.id, lock=True)
    opening = await session.get(OpeningRange, opening_id)
    if opening is None or opening.doctor_id != doctor.id:
        return
    await session.execute(delete(OpeningRange).where(OpeningRange.id == opening_id))
    _note(session, "opening_removed", opening, actor=actor, now=now)


async def _check(
    session: AsyncSession,
    weekdays: Collection[int],
    opens: time,
    closes: time,
    mode: Mode,
    site_id: uuid.UUID | None,
    days: tuple[date | None, date | None],
) -> None:
    problems = []
    if not weekdays or not set(weekdays) <= set(range(7)):
        problems.append(InvalidInput("choose a weekday", field="weekdays", code="weekday_missing"))
    if closes <= opens:
        problems.append(InvalidInput("it closes after it opens", field="closes", code="not_in_order"))
    if mode not in MODES:
        problems.append(InvalidInput("video, or in person at a site", field="place", code="mode_not_allowed"))
    site = await session.get(Site, site_id) if site_id else None
    if (mode is Mode.SURGERY) is not (site is not None and site.is_active):
        problems.append(InvalidInput("choose a site", field="place", code="site_missing"))
    first, last = days
    if first is not None and last is not None and last < first:
        problems.append(InvalidInput("the last day comes first", field="valid_until_on", code="days_backwards"))
    if problems:
        raise InvalidInput.of_all(problems)


def _is_same(one: OpeningRange, other: OpeningRange) -> bool:
    names = ("weekday", "opens", "closes", "mode", "site_id", "valid_from_on", "valid_until_on")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _overlap(one: OpeningRange, other: OpeningRange) -> bool:
    """Whether both open the same place at the same time. Open for video and at a site at once is allowed."""
    if (one.weekday, one.mode, one.site_id) != (other.weekday, other.mode, other.site_id):
        return False
    first, last = max(_first(one), _first(other)), min(_last(one), _last(other))
    return first <= last and one.opens < other.closes and other.opens < one.closes


def _first(opening: OpeningRange) -> date:
    return opening.valid_from_on or date.min


def _last(opening: OpeningRange) -> date:
    return opening.valid_until_on or date.max


def _note(session: AsyncSession, verb: str, opening: OpeningRange, *, actor: Actor, now: datetime) -> None:
    record(
        session,
        f"agenda.{verb}",
        actor=actor,
        now=now,
        subject_kind="agenda",
        subject_id=opening.id,
        doctor_id=opening.doctor_id,
        weekday=opening.weekday,
        opens=f"{opening.opens:%H:%M}",
        closes=f"{opening.closes:%H:%M}",
        mode=opening.mode,
        site_id=opening.site_id or "",
    )
