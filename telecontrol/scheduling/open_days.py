"""Free hours by day of the insured, a few open days at a time, forwards and backwards: what a page of a calendar shows.

A day is given whole: every hour that `free.all_offers` knows of it, once, by the doctor whom that search names first.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby, islice
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Control, Doctor, DoctorApproval
from telecontrol.scheduling.agenda_rows import Search
from telecontrol.scheduling.free import Offer, distinct_offers
from telecontrol.scheduling.wall_clock import earliest_instant

_LOOKS_BACK = timedelta(days=7)
"""How far one step backwards reaches: most weeks hold the open days of a page."""
_MOST_STEPS_BACK = 8


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A local day of the insured with its free hours, by start."""

    on: date
    offers: tuple[Offer, ...]


async def open_days(session: AsyncSession, search: Search, *, count: int) -> list[OpenDay]:
    """The first `count` days of `search` with something free, each whole; fewer when the search ends before."""
    offers = await distinct_offers(session, search)
    return list(islice(_by_day(offers, _zone(search)), count))


async def open_days_before(session: AsyncSession, search: Search, before: date, *, count: int) -> list[OpenDay]:
    """The last `count` days before the local day `before` with something free, from the beginning of `search` on.

    Looks back at most eight weeks.
    """
    found: deque[OpenDay] = deque()
    until = before
    for _ in range(_MOST_STEPS_BACK):
        since = until - _LOOKS_BACK
        part = replace(
            search,
            first_at=max(search.first_at, start_of(since, search.control)),
            last_at=start_of(until, search.control) - timedelta(seconds=1),
        )
        if part.first_at <= part.last_at:
            offers = await distinct_offers(session, part)
            found.extendleft(reversed(list(_by_day(offers, _zone(search)))))
        if len(found) >= count or part.first_at == search.first_at:
            break
        until = since
    return list(found)[-count:]


def start_of(on: date, control: Control) -> datetime:
    """When a day begins where the insured is (aware, UTC)."""
    return earliest_instant(on, time(0), ZoneInfo(control.insured.zone))


async def suitable_doctors(session: AsyncSession, control: Control) -> list[tuple[uuid.UUID, str]]:
    """(id, name) of every doctor who may examine this person, by name: active, approved for the procedure at some time,
    neither prescriber nor treating."""
    not_neutral = [rpps for rpps in (control.prescriber_rpps, control.treating_rpps) if rpps]
    approved = (
        select(DoctorApproval.id)
        .where(DoctorApproval.doctor_id == Doctor.id, DoctorApproval.procedure == control.procedure)
        .exists()
    )
    rows = await session.scalars(
        select(Doctor)
        .where(Doctor.is_active, Doctor.rpps.not_in(not_neutral), approved)
        .order_by(Doctor.family_name, Doctor.given_name, Doctor.id)
    )
    return [(doctor.id, doctor.name) for doctor in rows]


def _zone(search: Search) -> ZoneInfo:
    return ZoneInfo(search.control.insured.zone)


def _by_day(offers: Iterator[Offer], zone: ZoneInfo) -> Iterator[OpenDay]:
    for on, of_day in groupby(offers, key=lambda offer: offer.starts_at.astimezone(zone).date()):
        yield OpenDay(on, tuple(of_day))
