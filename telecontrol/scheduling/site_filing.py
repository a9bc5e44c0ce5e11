"""Sites from lines of a file: read, compared with what is known, created or brought up to date (docs/import.md)."""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls import cells, checks
from telecontrol.controls.csv_reading import Column, Line
from telecontrol.controls.import_run import LineResult, upserted
from telecontrol.controls.requests import Door
from telecontrol.controls.zones import zone_of_postcode
from telecontrol.db.journal import Actor, record
from telecontrol.errors import InvalidInput
from telecontrol.scheduling.calendar import territory_of_department
from telecontrol.scheduling.doctor_filing import PLACES
from telecontrol.scheduling.models import ConsultingRoom, Site, SiteHours

SITE_COLUMNS = (
    Column("code", "code", is_required=True),
    Column("name", "nom", ("name",), is_required=True),
    Column("address", "adresse", ("address",), is_required=True),
    Column("postcode", "code postal", ("postcode", "postal code", "cp"), is_required=True),
    Column("city", "ville", ("city", "commune"), is_required=True),
    Column("access", "accès", ("access",)),
    Column("phone", "téléphone", ("phone",)),
    Column("zone", "fuseau", ("zone", "time zone")),
    Column("departments", "départements", ("departments",)),
    Column("rooms", "salles", ("rooms",)),
    Column("hours", "horaires", ("hours", "ouvertures")),
)

Hours = tuple[int, time, time]


@dataclass(frozen=True, slots=True)
class SiteEntry:
    """A line about a site."""

    code: str
    plain: dict[str, Any]
    rooms: tuple[str, ...] | None
    hours: tuple[Hours, ...] | None


def read_site(line: Line) -> tuple[SiteEntry, list[InvalidInput]]:
    """What a line says of a site, and what is wrong with it. Pure."""
    given, door = line.cells, Door()
    let = door.let
    postcode = let(checks.postcode, given["postcode"], otherwise="")
    if not given["postcode"].strip():
        door.problems.append(InvalidInput("a value is needed", field="postcode", code="value_missing"))
    zone = let(checks.zone, given["zone"], otherwise="") or zone_of_postcode(postcode)
    plain: dict[str, Any] = {
        "name": let(checks.plain, given["name"], field="name", longest=120, is_needed=True, otherwise=""),
        "address": let(checks.plain, given["address"], field="address", longest=300, is_needed=True, otherwise=""),
        "postcode": postcode,
        "city": let(checks.plain, given["city"], field="city", longest=80, is_needed=True, otherwise=""),
        "access": let(checks.plain, given["access"], field="access", longest=500, otherwise=""),
        "phone": let(checks.phone, given["phone"], zone=zone, otherwise=""),
        "zone": zone,
    }
    kept = {name: value for name, value in plain.items() if value}
    departments = let(read_departments, given["departments"], otherwise=None)
    if departments is not None:
        kept["departments"] = departments
    entry = SiteEntry(
        code=let(read_site_code, given["code"], otherwise=""),
        plain=kept,
        rooms=let(_rooms, given["rooms"], otherwise=None),
        hours=let(_site_hours, given["hours"], otherwise=None),
    )
    return entry, door.problems


def read_site_code(text: str) -> str:
    """A site's code as it is kept. Raises `InvalidInput`."""
    code = text.strip()
    if not code:
        raise InvalidInput("a value is needed", field="code", code="value_missing")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", code):
        raise InvalidInput("a code has letters, digits and hyphens", field="code", code="code_malformed")
    if code.casefold() in PLACES:
        raise InvalidInput("this code means something else", field="code", code="code_reserved")
    return code


def read_departments(text: str) -> list[str] | None:
    """Department codes between spaces or commas, in order; None for an empty text. Raises `InvalidInput`."""
    if not text.strip():
        return None
    found = set() if text.strip() == cells.NONE else {code.upper() for code in cells.words(text)}
    for code in found:
        try:
            territory_of_department(code)
        except ValueError:
            raise InvalidInput(
                "no such department", field="departments", code="department_unknown", part=code[:10]
            ) from None
    return sorted(found)


def _rooms(text: str) -> tuple[str, ...] | None:
    if not text.strip():
        return None
    names = [] if text.strip() == cells.NONE else cells.parts(text)
    return tuple(sorted({checks.plain(name, field="rooms", longest=60, is_needed=True) for name in names}))


def _site_hours(text: str) -> tuple[Hours, ...] | None:
    if not text.strip():
        return None
    ranges = [] if text.strip() == cells.NONE else cells.weekly_hours(text, field="hours")
    return tuple(sorted((each.weekday, each.opens, each.closes) for each in ranges))


async def file_sites(
    session: AsyncSession, entries: Sequence[SiteEntry], *, actor: Actor, now: datetime, writes: bool
) -> list[LineResult]:
    """Create or bring up to date some hundreds of sites; without `writes`, say what would be done."""
    sites = {
        site.code: site
        for site in await session.scalars(select(Site).where(Site.code.in_([entry.code for entry in entries])))
    }
    ids = [site.id for site in sites.values()]
    rooms: defaultdict[uuid.UUID, dict[str, ConsultingRoom]] = defaultdict(dict)
    for room in await session.scalars(select(ConsultingRoom).where(ConsultingRoom.site_id.in_(ids))):
        rooms[room.site_id][room.name] = room
    hours: defaultdict[uuid.UUID, list[Hours]] = defaultdict(list)
    for row in await session.scalars(select(SiteHours).where(SiteHours.site_id.in_(ids))):
        hours[row.site_id].append((row.weekday, row.opens, row.closes))
    results: list[LineResult] = []
    for entry in entries:
        site = sites.get(entry.code)
        is_new = site is None
        if site is None:
            site = Site(id=uuid.uuid4(), code=entry.code)
        changed = [name for name, value in entry.plain.items() if is_new or getattr(site, name) != value]
        open_rooms = tuple(sorted(name for name, room in rooms[site.id].items() if room.is_active))
        changed += ["rooms"] if entry.rooms not in (None, open_rooms) else []
        changed += ["hours"] if entry.hours not in (None, tuple(sorted(hours[site.id]))) else []
        if writes and changed:
            for name, value in entry.plain.items():
                setattr(site, name, value)
            session.add(site)
            await session.flush()
            await _replace_sites_lists(session, site.id, entry, changed, rooms[site.id])
            act = "site.created" if is_new else "site.updated"
            record(session, act, actor=actor, now=now, subject_kind="site", subject_id=site.id, fields=changed)
        results.append(upserted(is_new=is_new, changed=changed))
    await session.flush()
    return results


async def _replace_sites_lists(
    session: AsyncSession,
    site_id: uuid.UUID,
    entry: SiteEntry,
    changed: Collection[str],
    known_rooms: Mapping[str, ConsultingRoom],
) -> None:
    if "rooms" in changed:
        wanted = entry.rooms or ()
        # A room that is no longer listed is closed, not deleted: past appointments were held in it.
        for name, room in known_rooms.items():
            room.is_active = name in wanted
        session.add_all(ConsultingRoom(site_id=site_id, name=name) for name in wanted if name not in known_rooms)
    if "hours" in changed:
        await session.execute(delete(SiteHours).where(SiteHours.site_id == site_id))
        session.add_all(
            SiteHours(site_id=site_id, weekday=weekday, opens=opens, closes=closes)
            for weekday, opens, closes in entry.hours or ()
        )
