"""Free slots from the database: a fixed number of queries whatever the number of doctors, then the arithmetic of `slots`.

"The first free slot of any suitable doctor", "all free slots" and "is this slot free" are one computation, stopped at
different points: what is offered is bookable, and nothing else is.
"""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode, Rules
from telecontrol.scheduling import deadlines
from telecontrol.scheduling.agenda import Place, expand_openings, local_days
from telecontrol.scheduling.agenda_rows import AgendaRows, Busy, Search, SiteRows, load_agendas, load_busy, load_sites
from telecontrol.scheduling.calendar import public_holidays_between, territory_of_zone
from telecontrol.scheduling.models import BLOCKING, Appointment, ConsultingRoom
from telecontrol.scheduling.slots import (
    Bookable,
    FreeSlot,
    Grid,
    Span,
    all_free,
    grid,
    instant,
    intersect,
    merge,
    span,
)
from telecontrol.scheduling.wall_clock import earliest_instant

_FIRST_WINDOW = 2 * 24 * 60 * 60
"""Seconds; most searches want the first free hours, not four weeks."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A slot that can be booked now."""

    doctor_id: uuid.UUID
    doctor_name: str
    starts_at: datetime
    ends_at: datetime
    mode: Mode
    site_id: uuid.UUID | None = None


async def all_offers(session: AsyncSession, search: Search, *, limit: int | None = None) -> list[Offer]:
    """Free slots by start, then by doctor. The prescriber and the treating doctor are never among them."""
    loaded = await _load(session, search)
    return [_offer(slot, search.mode, loaded) for slot in islice(_slots(search, loaded), limit)]


async def distinct_offers(session: AsyncSession, search: Search) -> Iterator[Offer]:
    """As `all_offers`, each start once in each place, by the first of its doctors; worked out as it is asked for."""
    loaded = await _load(session, search)
    return (_offer(slot, search.mode, loaded) for slot in _first_of_each_start(_slots(search, loaded)))


async def first_offer(session: AsyncSession, search: Search) -> Offer | None:
    """The first of `all_offers`, or None."""
    found = await all_offers(session, search, limit=1)
    return found[0] if found else None


async def offers_that_keep_notice(
    session: AsyncSession,
    *,
    control: Control,
    rules: Rules,
    mode: Mode,
    now: datetime,
    hold: timedelta = timedelta(0),
    horizon: timedelta = timedelta(days=28),
    limit: int | None = None,
    doctor_id: uuid.UUID | None = None,
    site_ids: tuple[uuid.UUID, ...] = (),
    ignoring: uuid.UUID | None = None,
) -> list[Offer]:
    """What may be offered now: every slot from the first start that can still be convoked in time."""
    first = deadlines.first_bookable_start(now, ZoneInfo(control.insured.zone), hold=hold)
    search = Search(control, rules, mode, first, first + horizon, doctor_id, site_ids, ignoring)
    return await all_offers(session, search, limit=limit)


async def is_offered(
    session: AsyncSession,
    *,
    control: Control,
    rules: Rules,
    doctor_id: uuid.UUID,
    starts_at: datetime,
    mode: Mode,
    site_id: uuid.UUID | None = None,
    ignoring: uuid.UUID | None = None,
) -> bool:
    """Whether `all_offers` would give exactly this slot."""
    sites = () if site_id is None else (site_id,)
    search = Search(control, rules, mode, starts_at, starts_at, doctor_id, sites, ignoring)
    return await first_offer(session, search) is not None


async def free_room(
    session: AsyncSession, site_id: uuid.UUID, *, starts_at: datetime, busy_until: datetime, ignoring: uuid.UUID | None
) -> uuid.UUID | None:
    """The first consulting room of a site, by name, that is free over [starts_at, busy_until); None when all are taken."""
    taken = (
        select(Appointment.id)
        .where(
            Appointment.room_id == ConsultingRoom.id,
            Appointment.state.in_(BLOCKING),
            Appointment.starts_at < busy_until,
            Appointment.busy_until > starts_at,
            *([Appointment.id != ignoring] if ignoring else []),
        )
        .exists()
    )
    found: uuid.UUID | None = await session.scalar(
        select(ConsultingRoom.id)
        .where(ConsultingRoom.site_id == site_id, ConsultingRoom.is_active, ~taken)
        .order_by(ConsultingRoom.name)
        .limit(1)
    )
    return found


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What the queries gave. `doctor_ids` are in the order in which slots of one start are offered."""

    agendas: dict[uuid.UUID, AgendaRows]
    sites: dict[uuid.UUID, SiteRows]
    busy: Busy
    doctor_ids: list[uuid.UUID]


async def _load(session: AsyncSession, search: Search) -> _Loaded:
    agendas = await load_agendas(session, search)
    if not agendas:
        return _Loaded({}, {}, {}, [])
    sites = await load_sites(session, search) if search.mode is Mode.SURGERY else {}
    busy = await load_busy(session, search, list(agendas), [room for site in sites.values() for room in site.rooms])
    return _Loaded(agendas, sites, busy, sorted(agendas, key=lambda key: (len(busy.get(("doctor", key), [])), key)))


def _slots(search: Search, loaded: _Loaded) -> Iterator[FreeSlot]:
    """Every free slot, by start and then by doctor; agendas are worked out a few days at a time, as slots are asked for."""
    whole = grid(
        length=search.rules.length_of(search.mode),
        buffer_after=search.rules.buffer,
        step=timedelta(minutes=search.rules.step_minutes),
        not_before=search.first_at,
        not_after=search.last_at,
    )
    for cut in _windows(whole):
        yield from all_free(list(_bookables(search, loaded, cut)), cut)


def _first_of_each_start(slots: Iterator[FreeSlot]) -> Iterator[FreeSlot]:
    """Of the slots that share a start and a place, the first; `slots` are by start."""
    at: int | None = None
    places: set[uuid.UUID | None] = set()
    for slot in slots:
        if slot.start != at:
            at, places = slot.start, set()
        _, place = cast(tuple[uuid.UUID, uuid.UUID | None], slot.key)
        if place not in places:
            places.add(place)
            yield slot


def _windows(whole: Grid) -> Iterator[Grid]:
    """The same grid in parts, one after the other, each twice as long as the one before.

    Openings stay within a local day and every part sees its days whole, so the starts do not depend on where it is parted.
    """
    first, length = whole.not_before, _FIRST_WINDOW
    while first <= whole.not_after:
        last = min(first + length - 1, whole.not_after)
        yield replace(whole, not_before=first, not_after=last)
        first, length = last + 1, length * 2


def _bookables(search: Search, loaded: _Loaded, cut: Grid) -> Iterator[Bookable]:
    agendas, sites, busy = loaded.agendas, loaded.sites, loaded.busy
    own = busy.get(("insured", search.control.insured_id), [])
    site_spans = {site_id: _site_spans(cut, site_id, site) for site_id, site in sites.items()}
    for doctor_id in loaded.doctor_ids:
        agenda = agendas[doctor_id]
        taken = [*busy.get(("doctor", doctor_id), []), *own]
        for place, spans in _openings(cut, agenda).items():
            if place.mode != search.mode:
                continue
            if search.mode is not Mode.SURGERY:
                yield Bookable((doctor_id, None), spans, taken)
                continue
            site_id = cast(uuid.UUID, place.site)
            if site_id in sites:
                rooms: dict[Hashable, list[Span]] = {
                    room: busy.get(("room", room), []) for room in sites[site_id].rooms
                }
                yield Bookable((doctor_id, site_id), intersect(spans, site_spans[site_id]), taken, rooms)


def _openings(cut: Grid, agenda: AgendaRows) -> dict[Place, list[Span]]:
    first_on, last_on = _days_of(cut, agenda.zone)
    closed = frozenset() if agenda.works_on_holidays else _holidays(agenda.zone, first_on, last_on)
    spans = expand_openings(
        agenda.weekly,
        agenda.exceptions,
        agenda.absences,
        zone=agenda.zone,
        first_on=first_on,
        last_on=last_on,
        closed_on=closed,
    )
    approved = merge(
        span(
            _day_start(start, agenda.zone),
            _day_start((end or last_on) + timedelta(days=1), agenda.zone),
        )
        for start, end in agenda.approved
        if start <= last_on and (end is None or end >= first_on)
    )
    return {place: intersect(found, approved) for place, found in spans.items()}


def _site_spans(cut: Grid, site_id: uuid.UUID, site: SiteRows) -> list[Span]:
    first_on, last_on = _days_of(cut, site.zone)
    spans = expand_openings(site.weekly, zone=site.zone, first_on=first_on, last_on=last_on)
    return spans.get(Place(Mode.SURGERY, site_id), [])


def _days_of(cut: Grid, zone: ZoneInfo) -> tuple[date, date]:
    return local_days(instant(cut.not_before), instant(cut.not_after), zone)


@lru_cache(maxsize=256)
def _holidays(zone: ZoneInfo, first_on: date, last_on: date) -> frozenset[date]:
    return public_holidays_between(first_on, last_on, territory_of_zone(zone))


def _day_start(on: date, zone: ZoneInfo) -> datetime:
    return earliest_instant(on, time(0), zone)


def _offer(slot: FreeSlot, mode: Mode, loaded: _Loaded) -> Offer:
    doctor_id, site_id = cast(tuple[uuid.UUID, uuid.UUID | None], slot.key)
    return Offer(doctor_id, loaded.agendas[doctor_id].name, slot.starts_at, slot.ends_at, mode, site_id)
