"""Doctors from lines of a file: read, compared with what is known, created or brought up to date (docs/import.md)."""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls import cells, checks
from telecontrol.controls.csv_reading import Column, Line
from telecontrol.controls.import_run import LineResult, upserted
from telecontrol.controls.models import Doctor, DoctorApproval, Procedure
from telecontrol.controls.policies import Mode
from telecontrol.controls.requests import Door
from telecontrol.controls.zones import PARIS
from telecontrol.db.journal import Actor, record
from telecontrol.errors import InvalidInput
from telecontrol.scheduling.models import OpeningRange

DOCTOR_COLUMNS = (
    Column("rpps", "RPPS", is_required=True),
    Column("family_name", "nom", ("family name", "last name"), is_required=True),
    Column("given_name", "prénom", ("given name", "first name"), is_required=True),
    Column("email", "courriel", ("email", "e-mail", "mail")),
    Column("phone", "téléphone", ("phone",)),
    Column("zone", "fuseau", ("zone", "time zone")),
    Column("approvals", "procédures", ("procedures", "approvals", "agréments")),
    Column("openings", "ouvertures", ("openings", "horaires")),
    Column("account", "compte", ("account", "user")),
)

PLACES = {"video": Mode.VIDEO, "visio": Mode.VIDEO, "home": Mode.HOME, "domicile": Mode.HOME, "phone": Mode.PHONE}
"""Words for where an opening is, apart from the codes of sites."""
_DAYS = re.compile(r"([A-Za-z])\s+(\S+?)\s*\.\.\s*(\S*)")

_UNDATED = (OpeningRange.valid_from_on.is_(None), OpeningRange.valid_until_on.is_(None))

Approval = tuple[Procedure, date, date | None]
Opening = tuple[int, time, time, Mode, uuid.UUID | None]


@dataclass(frozen=True, slots=True)
class DoctorEntry:
    """A line about a doctor. Empty text and `None` mean *not given*."""

    rpps: str
    plain: dict[str, Any]
    """Columns of the doctor's row that were given."""
    approvals: tuple[Approval, ...] | None
    openings: tuple[Opening, ...] | None


@dataclass(frozen=True, slots=True)
class Known:
    """What lines refer to: sites by code in lower case, doctors' accounts by address, and whose account is whose."""

    sites: Mapping[str, uuid.UUID]
    accounts: Mapping[str, uuid.UUID]
    owners: dict[uuid.UUID, str]


def read_doctor(line: Line, known: Known) -> tuple[DoctorEntry, list[InvalidInput]]:
    """What a line says of a doctor, and what is wrong with it. An account it names is its own for the later lines."""
    given, door = line.cells, Door()
    let = door.let
    rpps = let(checks.rpps, given["rpps"], field="rpps", is_needed=True, otherwise="")
    zone = let(checks.zone, given["zone"], otherwise="")
    plain = {
        "family_name": let(checks.name, given["family_name"], field="family_name", otherwise=""),
        "given_name": let(checks.name, given["given_name"], field="given_name", otherwise=""),
        "email": let(checks.email, given["email"], otherwise=""),
        "phone": let(checks.phone, given["phone"], zone=zone or PARIS, otherwise=""),
        "zone": zone,
        "user_id": let(_account, given["account"], rpps=rpps, known=known, otherwise=None),
    }
    entry = DoctorEntry(
        rpps=rpps,
        plain={name: value for name, value in plain.items() if value},
        approvals=let(_approvals, given["approvals"], otherwise=None),
        openings=let(_openings, given["openings"], sites=known.sites, otherwise=None),
    )
    return entry, door.problems


def _account(text: str, *, rpps: str, known: Known) -> uuid.UUID | None:
    email = text.strip().lower()
    if not email:
        return None
    user_id = known.accounts.get(email)
    if user_id is None:
        raise InvalidInput("no doctor's account has this address", field="account", code="user_unknown")
    # The first line of a file that names an account has it, as far as the later lines are concerned.
    if known.owners.setdefault(user_id, rpps) != rpps:
        raise InvalidInput("this account belongs to another doctor", field="account", code="user_taken")
    return user_id


def _approvals(text: str) -> tuple[Approval, ...] | None:
    """`A 2026-01-01..2026-12-31; B 2026-01-01..`"""
    if not text.strip():
        return None
    found: list[Approval] = []
    for part in [] if text.strip() == cells.NONE else cells.parts(text):
        shape = _DAYS.fullmatch(part)
        if shape is None or shape[1].upper() not in set(Procedure):
            raise InvalidInput(
                "an approval is written: A 2026-01-01..2026-12-31",
                field="approvals",
                code="approval_malformed",
                part=part[:40],
            )
        first, last = cells.needed_day(shape[2], field="approvals"), cells.day(shape[3], field="approvals")
        if last is not None and last < first:
            raise InvalidInput("ends before it begins", field="approvals", code="range_backwards", part=part[:40])
        found.append((Procedure(shape[1].upper()), first, last))
    return tuple(sorted(set(found), key=str))


def _openings(text: str, *, sites: Mapping[str, uuid.UUID]) -> tuple[Opening, ...] | None:
    if not text.strip():
        return None
    found: list[Opening] = []
    for hours in [] if text.strip() == cells.NONE else cells.weekly_hours(text, field="openings"):
        mode, site_id = _place(hours, sites)
        found.append((hours.weekday, hours.opens, hours.closes, mode, site_id))
    return tuple(sorted(found, key=str))


def _place(hours: cells.WeeklyHours, sites: Mapping[str, uuid.UUID]) -> tuple[Mode, uuid.UUID | None]:
    place = hours.place.casefold()
    if not place:
        part = f"{cells.WEEKDAYS[hours.weekday]} {hours.opens:%H:%M}-{hours.closes:%H:%M}"
        raise InvalidInput("say video or a site's code", field="openings", code="place_missing", part=part)
    if place in PLACES:
        return PLACES[place], None
    if place not in sites:
        raise InvalidInput("no site has this code", field="openings", code="site_unknown", part=hours.place[:40])
    return Mode.SURGERY, sites[place]


async def file_doctors(
    session: AsyncSession, entries: Sequence[DoctorEntry], *, actor: Actor, now: datetime, writes: bool
) -> list[LineResult]:
    """Create or bring up to date some hundreds of doctors; without `writes`, say what would be done."""
    doctors = {
        doctor.rpps: doctor
        for doctor in await session.scalars(select(Doctor).where(Doctor.rpps.in_([entry.rpps for entry in entries])))
    }
    ids = [doctor.id for doctor in doctors.values()]
    approvals, openings = await _approvals_of(session, ids), await _openings_of(session, ids)
    results: list[LineResult] = []
    for entry in entries:
        doctor = doctors.get(entry.rpps)
        is_new = doctor is None
        if doctor is None:
            doctor = Doctor(id=uuid.uuid4(), rpps=entry.rpps)
        changed = [name for name, value in entry.plain.items() if is_new or getattr(doctor, name) != value]
        changed += ["approvals"] if entry.approvals not in (None, approvals[doctor.id]) else []
        changed += ["openings"] if entry.openings not in (None, openings[doctor.id]) else []
        if writes and changed:
            for name, value in entry.plain.items():
                setattr(doctor, name, value)
            session.add(doctor)
            await session.flush()
            await _replace_doctors_lists(session, doctor.id, entry, changed)
            act = "doctor.created" if is_new else "doctor.updated"
            record(session, act, actor=actor, now=now, subject_kind="doctor", subject_id=doctor.id, fields=changed)
        results.append(upserted(is_new=is_new, changed=changed))
    await session.flush()
    return results


async def _replace_doctors_lists(
    session: AsyncSession, doctor_id: uuid.UUID, entry: DoctorEntry, changed: Collection[str]
) -> None:
    if "approvals" in changed:
        await session.execute(delete(DoctorApproval).where(DoctorApproval.doctor_id == doctor_id))
        session.add_all(
            DoctorApproval(doctor_id=doctor_id, procedure=procedure, valid_from_on=first, valid_until_on=last)
            for procedure, first, last in entry.approvals or ()
        )
    if "openings" in changed:
        await session.execute(delete(OpeningRange).where(OpeningRange.doctor_id == doctor_id, *_UNDATED))
        session.add_all(
            OpeningRange(doctor_id=doctor_id, weekday=weekday, opens=opens, closes=closes, mode=mode, site_id=site_id)
            for weekday, opens, closes, mode, site_id in entry.openings or ()
        )


async def _approvals_of(
    session: AsyncSession, doctor_ids: Sequence[uuid.UUID]
) -> defaultdict[uuid.UUID, tuple[Approval, ...]]:
    rows = await session.scalars(select(DoctorApproval).where(DoctorApproval.doctor_id.in_(doctor_ids)))
    found: defaultdict[uuid.UUID, list[Approval]] = defaultdict(list)
    for row in rows:
        found[row.doctor_id].append((row.procedure, row.valid_from_on, row.valid_until_on))
    return defaultdict(tuple, {key: tuple(sorted(each, key=str)) for key, each in found.items()})


async def _openings_of(
    session: AsyncSession, doctor_ids: Sequence[uuid.UUID]
) -> defaultdict[uuid.UUID, tuple[Opening, ...]]:
    rows = await session.scalars(select(OpeningRange).where(OpeningRange.doctor_id.in_(doctor_ids), *_UNDATED))
    found: defaultdict[uuid.UUID, list[Opening]] = defaultdict(list)
    for row in rows:
        found[row.doctor_id].append((row.weekday, row.opens, row.closes, row.mode, row.site_id))
    return defaultdict(tuple, {key: tuple(sorted(each, key=str)) for key, each in found.items()})
