"""Sites as administrators keep them: address and access, departments served, consulting rooms, hours."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls import checks
from telecontrol.controls.requests import Door
from telecontrol.controls.zones import zone_of_postcode
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, InvalidInput, NotFound
from telecontrol.scheduling.models import Appointment, AppointmentState, ConsultingRoom, Site, SiteHours
from telecontrol.scheduling.site_filing import read_departments, read_site_code


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What is kept of a site, as typed. An empty `zone` is the postcode's; `departments` are codes in one text."""

    code: str
    name: str
    address: str
    postcode: str
    city: str
    access: str = ""
    phone: str = ""
    zone: str = ""
    departments: str = ""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class SiteLine:
    """A site with its open rooms and the weekdays on which it opens."""

    site: Site
    rooms: Sequence[ConsultingRoom]
    weekdays: Sequence[int]

    @property
    def can_receive(self) -> bool:
        """Whether anybody can be convoked there at all."""
        return bool(self.rooms and self.weekdays)


async def list_sites(session: AsyncSession) -> list[SiteLine]:
    """Every site, active ones first, by name. Three queries."""
    sites = await session.scalars(select(Site).order_by(Site.is_active.desc(), Site.name, Site.id).limit(2000))
    rooms: defaultdict[uuid.UUID, list[ConsultingRoom]] = defaultdict(list)
    for room in await session.scalars(
        select(ConsultingRoom).where(ConsultingRoom.is_active.is_(True)).order_by(ConsultingRoom.name)
    ):
        rooms[room.site_id].append(room)
    weekdays: defaultdict[uuid.UUID, list[int]] = defaultdict(list)
    for site_id, weekday in await session.execute(
        select(SiteHours.site_id, SiteHours.weekday).distinct().order_by(SiteHours.weekday)
    ):
        weekdays[site_id].append(weekday)
    return [SiteLine(site, rooms[site.id], weekdays[site.id]) for site in sites]


async def find_site(session: AsyncSession, site_id: uuid.UUID) -> Site:
    """Raises `NotFound`."""
    site = await session.get(Site, site_id)
    if site is None:
        raise NotFound("no such site", code="no_such_site")
    return site


async def rooms_of(session: AsyncSession, site_id: uuid.UUID) -> list[ConsultingRoom]:
    """A site's rooms, open ones first, by name."""
    found = await session.scalars(
        select(ConsultingRoom)
        .where(ConsultingRoom.site_id == site_id)
        .order_by(ConsultingRoom.is_active.desc(), ConsultingRoom.name, ConsultingRoom.id)
    )
    return list(found)


async def hours_of_site(session: AsyncSession, site_id: uuid.UUID) -> list[SiteHours]:
    """A site's weekly hours, in its wall time, in order."""
    found = await session.scalars(
        select(SiteHours).where(SiteHours.site_id == site_id).order_by(SiteHours.weekday, SiteHours.opens, SiteHours.id)
    )
    return list(found)


async def add_site(
    session: AsyncSession, facts: SiteFacts, *, actor: Actor, now: datetime, row_id: uuid.UUID | None = None
) -> Site:
    """A new site, which receives nobody until it has a room and hours.

    Raises `InvalidInput` naming every field at fault, `Conflict` (`code_taken`).
    """
    site = Site(id=row_id or uuid.uuid4(), **_checked(facts))
    try:
        async with session.begin_nested():
            session.add(site)
    except IntegrityError as error:
        raise _taken("another site has this code", "code_taken", "code") from error
    record(session, "site.created", actor=actor, now=now, subject_kind="site", subject_id=site.id)
    return site


async def change_site(session: AsyncSession, site: Site, facts: SiteFacts, *, actor: Actor, now: datetime) -> list[str]:
    """Bring a site up to date; the names of what changed. Raises as `add_site`."""
    given = _checked(facts)
    changed = [name for name, value in given.items() if getattr(site, name) != value]
    if not changed:
        return changed
    try:
        async with session.begin_nested():
            for name in changed:
                setattr(site, name, given[name])
    except IntegrityError as error:
        raise _taken("another site has this code", "code_taken", "code") from error
    record(session, "site.updated", actor=actor, now=now, subject_kind="site", subject_id=site.id, fields=changed)
    return changed


async def appointments_to_come(session: AsyncSession, site_id: uuid.UUID, *, now: datetime) -> int:
    """How many people are convoked at a site from `now` on."""
    counted = await session.scalar(
        select(func.count(Appointment.id)).where(
            Appointment.site_id == site_id, Appointment.state == AppointmentState.BOOKED, Appointment.starts_at > now
        )
    )
    return counted or 0


def _checked(facts: SiteFacts) -> dict[str, Any]:
    door = Door()
    let = door.let
    postcode = let(checks.postcode, facts.postcode, otherwise="")
    if not facts.postcode.strip():
        door.problems.append(InvalidInput("a value is needed", field="postcode", code="value_missing"))
    zone = let(checks.zone, facts.zone, otherwise="") or zone_of_postcode(postcode)
    checked = {
        "code": let(read_site_code, facts.code, otherwise=""),
        "name": let(checks.plain, facts.name, field="name", longest=120, is_needed=True, otherwise=""),
        "address": let(checks.plain, facts.address, field="address", longest=300, is_needed=True, otherwise=""),
        "postcode": postcode,
        "city": let(checks.plain, facts.city, field="city", longest=80, is_needed=True, otherwise=""),
        "access": let(checks.plain, facts.access, field="access", longest=500, otherwise=""),
        "phone": let(checks.phone, facts.phone, zone=zone, otherwise=""),
        "zone": zone,
        "departments": let(read_departments, facts.departments, otherwise=None) or [],
        "is_active": facts.is_active,
    }
    if door.problems:
        raise InvalidInput.of_all(door.problems)
    return checked


async def add_room(session: AsyncSession, site: Site, *, name: str, actor: Actor, now: datetime) -> ConsultingRoom:
    """A consulting room; one of that name that was closed is opened again. Raises `InvalidInput` (field `room`)."""
    name = checks.plain(name, field="room", longest=60, is_needed=True)
    await _take(session, site)
    room = await session.scalar(
        select(ConsultingRoom).where(ConsultingRoom.site_id == site.id, ConsultingRoom.name == name)
    )
    if room is not None:
        await set_room_open(session, site, room_id=room.id, is_open=True, actor=actor, now=now)
        return room
    room = ConsultingRoom(site_id=site.id, name=name)
    session.add(room)
    await session.flush()
    record(session, "room.created", actor=actor, now=now, subject_kind="site", subject_id=site.id, room_id=room.id)
    return room


async def rename_room(
    session: AsyncSession, site: Site, *, room_id: uuid.UUID, name: str, actor: Actor, now: datetime
) -> None:
    """Give a room another name. Raises `NotFound`, `InvalidInput` (field `room`), `Conflict` (`room_exists`)."""
    room = await _room(session, site, room_id)
    name = checks.plain(name, field="room", longest=60, is_needed=True)
    if room.name == name:
        return
    try:
        async with session.begin_nested():
            room.name = name
    except IntegrityError as error:
        raise _taken("another room has this name", "room_exists", "room") from error
    record(session, "room.renamed", actor=actor, now=now, subject_kind="site", subject_id=site.id, room_id=room.id)


async def set_room_open(
    session: AsyncSession, site: Site, *, room_id: uuid.UUID, is_open: bool, actor: Actor, now: datetime
) -> None:
    """Close a room to new appointments, or open it again; closed, it keeps what was booked in it. Raises `NotFound`."""
    room = await _room(session, site, room_id)
    if room.is_active is is_open:
        return
    room.is_active = is_open
    act = "room.opened" if is_open else "room.closed"
    record(session, act, actor=actor, now=now, subject_kind="site", subject_id=site.id, room_id=room.id)


async def add_hours(
    session: AsyncSession,
    site: Site,
    *,
    weekdays: Collection[int],
    opens: time,
    closes: time,
    actor: Actor,
    now: datetime,
) -> list[SiteHours]:
    """Open a site on some weekdays (0 = Monday), in its wall time; what was added. What is there already is not added twice.

    Raises `InvalidInput` naming every field at fault; `hours_overlap` where the site is open for part of that time.
    """
    problems = []
    if not weekdays or not set(weekdays) <= set(range(7)):
        problems.append(InvalidInput("choose a weekday", field="weekdays", code="weekday_missing"))
    if closes <= opens:
        problems.append(InvalidInput("it closes after it opens", field="closes", code="not_in_order"))
    if problems:
        raise InvalidInput.of_all(problems)
    await _take(session, site)
    known = await hours_of_site(session, site.id)
    added = []
    for weekday in sorted(set(weekdays)):
        same_day = [each for each in known if each.weekday == weekday]
        if any((each.opens, each.closes) == (opens, closes) for each in same_day):
            continue
        if any(each.opens < closes and opens < each.closes for each in same_day):
            raise InvalidInput("open already at that time", field="opens", code="hours_overlap")
        added.append(SiteHours(site_id=site.id, weekday=weekday, opens=opens, closes=closes))
    session.add_all(added)
    await session.flush()
    for hours in added:
        _note_hours(session, "added", hours, actor=actor, now=now)
    return added


async def remove_hours(session: AsyncSession, site: Site, *, hours_id: uuid.UUID, actor: Actor, now: datetime) -> None:
    """Take weekly hours back; those that are gone already are no error. What was booked in them stays."""
    hours = await session.get(SiteHours, hours_id)
    if hours is None or hours.site_id != site.id:
        return
    await session.execute(delete(SiteHours).where(SiteHours.id == hours_id))
    _note_hours(session, "removed", hours, actor=actor, now=now)


async def _take(session: AsyncSession, site: Site) -> None:
    """Have two people who add the same thing to a site wait for one another."""
    await session.scalar(select(Site.id).where(Site.id == site.id).with_for_update())


async def _room(session: AsyncSession, site: Site, room_id: uuid.UUID) -> ConsultingRoom:
    room = await session.get(ConsultingRoom, room_id)
    if room is None or room.site_id != site.id:
        raise NotFound("no such room", code="no_such_room")
    return room


def _note_hours(session: AsyncSession, verb: str, hours: SiteHours, *, actor: Actor, now: datetime) -> None:
    record(
        session,
        f"site.hours_{verb}",
        actor=actor,
        now=now,
        subject_kind="site",
        subject_id=hours.site_id,
        weekday=hours.weekday,
        opens=f"{hours.opens:%H:%M}",
        closes=f"{hours.closes:%H:%M}",
    )


def _taken(message: str, code: str, field: str) -> Conflict:
    return Conflict(message, code=code, field=field)
