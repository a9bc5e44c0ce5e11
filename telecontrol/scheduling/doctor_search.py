"""The list of doctors as administrators read it: found by name or number, with what keeps one from being offered."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Doctor, DoctorApproval, Procedure
from telecontrol.controls.policies import Mode
from telecontrol.scheduling.models import OpeningRange

A_PAGE = 50


class Lack(StrEnum):
    """What keeps an active doctor from being offered; a filter of the list."""

    OPENING = "no_opening"
    APPROVAL = "no_approval"
    ACCOUNT = "no_account"
    """Offered all the same, and nobody signs the reports."""


@dataclass(frozen=True, slots=True)
class DoctorLine:
    """A doctor with what stands on the day: procedures approved for, modes open for."""

    doctor: Doctor
    procedures: Sequence[Procedure]
    modes: Sequence[Mode]

    @property
    def lacks(self) -> list[Lack]:
        lacking = {
            Lack.OPENING: not self.modes,
            Lack.APPROVAL: not self.procedures,
            Lack.ACCOUNT: self.doctor.user_id is None,
        }
        return [lack for lack, is_lacking in lacking.items() if is_lacking]


@dataclass(frozen=True, slots=True)
class DoctorPage:
    """Some doctors, how many there are in all, and how many active ones lack something."""

    lines: Sequence[DoctorLine]
    total: int
    page: int
    counts: dict[Lack, int]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // A_PAGE))


async def search_doctors(
    session: AsyncSession, *, today: date, text: str = "", lack: Lack | None = None, page: int = 1
) -> DoctorPage:
    """Doctors whose name or RPPS number holds `text`, active ones first, by name; fifty a page, five queries.

    `lack` keeps the active ones who lack it on `today` (a local day of Paris).
    """
    wanted = [_named(word) for word in text.split()]
    if lack is not None:
        wanted += [Doctor.is_active.is_(True), _lacking(lack, today)]
    total = await session.scalar(select(func.count(Doctor.id)).where(*wanted)) or 0
    page = min(max(1, page), max(1, -(-total // A_PAGE)))
    found = await session.scalars(
        select(Doctor)
        .where(*wanted)
        .order_by(Doctor.is_active.desc(), Doctor.family_name, Doctor.given_name, Doctor.id)
        .offset((page - 1) * A_PAGE)
        .limit(A_PAGE)
    )
    doctors = list(found)
    counted = await session.execute(
        select(
            *(
                select(func.count(Doctor.id)).where(Doctor.is_active.is_(True), _lacking(each, today)).scalar_subquery()
                for each in Lack
            )
        )
    )
    counts = dict(zip(Lack, counted.one(), strict=True))
    return DoctorPage(await _lines(session, doctors, today), total, page, counts)


async def line_of(session: AsyncSession, doctor: Doctor, *, today: date) -> DoctorLine:
    """One doctor as the list shows them. Two queries."""
    (line,) = await _lines(session, [doctor], today)
    return line


async def _lines(session: AsyncSession, doctors: Sequence[Doctor], today: date) -> list[DoctorLine]:
    ids = [doctor.id for doctor in doctors]
    procedures: defaultdict[uuid.UUID, set[Procedure]] = defaultdict(set)
    for doctor_id, procedure in await session.execute(
        select(DoctorApproval.doctor_id, DoctorApproval.procedure).where(
            DoctorApproval.doctor_id.in_(ids), *_approved_on(today)
        )
    ):
        procedures[doctor_id].add(procedure)
    modes: defaultdict[uuid.UUID, set[Mode]] = defaultdict(set)
    for doctor_id, mode in await session.execute(
        select(OpeningRange.doctor_id, OpeningRange.mode)
        .where(OpeningRange.doctor_id.in_(ids), *_open_from(today))
        .distinct()
    ):
        modes[doctor_id].add(mode)
    return [DoctorLine(each, sorted(procedures[each.id]), sorted(modes[each.id])) for each in doctors]


def _named(word: str) -> ColumnElement[bool]:
    literal = word.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    like = f"%{literal}%"
    columns = (func.lower(Doctor.family_name), func.lower(Doctor.given_name), Doctor.rpps)
    return or_(*(column.like(like, escape="\\") for column in columns))


def _lacking(lack: Lack, today: date) -> ColumnElement[bool]:
    match lack:
        case Lack.OPENING:
            return Doctor.id.not_in(select(OpeningRange.doctor_id).where(*_open_from(today)))
        case Lack.APPROVAL:
            return Doctor.id.not_in(select(DoctorApproval.doctor_id).where(*_approved_on(today)))
        case Lack.ACCOUNT:
            return Doctor.user_id.is_(None)


def _approved_on(day: date) -> tuple[ColumnElement[bool], ...]:
    last = DoctorApproval.valid_until_on
    return DoctorApproval.valid_from_on <= day, or_(last.is_(None), last >= day)


def _open_from(day: date) -> tuple[ColumnElement[bool], ...]:
    """A weekly opening that still comes, now or later."""
    last = OpeningRange.valid_until_on
    return (or_(last.is_(None), last >= day),)
