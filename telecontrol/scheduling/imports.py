"""Doctors with their openings, and sites with their rooms and hours, from CSV files (docs/import.md).

Unlike a control, a doctor or a site that exists already is brought up to date: what a line gives replaces what was known,
and an empty cell leaves it alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Role, StaffUser
from telecontrol.controls.csv_reading import Line, Problem, Table
from telecontrol.controls.import_report import ImportMode, ImportReport
from telecontrol.controls.import_run import Importing, LineResult, Progress, run_import, silent
from telecontrol.controls.intake import import_controls
from telecontrol.controls.models import Doctor, ImportKind
from telecontrol.db.journal import Actor
from telecontrol.db.session import Database
from telecontrol.scheduling.doctor_filing import DOCTOR_COLUMNS, DoctorEntry, Known, file_doctors, read_doctor
from telecontrol.scheduling.models import Site
from telecontrol.scheduling.site_filing import SITE_COLUMNS, SiteEntry, file_sites, read_site


async def import_file(
    database: Database,
    data: bytes,
    *,
    kind: ImportKind,
    mode: ImportMode,
    actor: Actor,
    now: datetime,
    organisation_id: uuid.UUID | None = None,
    insurer_id: uuid.UUID | None = None,
    is_rehearsal: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Import, or rehearse, a file of any kind; controls belong to `organisation_id`, which the other kinds do not need."""
    if kind is ImportKind.CONTROLS:
        assert organisation_id is not None, "controls belong to an organisation"
        return await import_controls(
            database,
            data,
            organisation_id=organisation_id,
            insurer_id=insurer_id,
            mode=mode,
            actor=actor,
            now=now,
            is_rehearsal=is_rehearsal,
            progress=progress,
        )
    import_them = import_doctors if kind is ImportKind.DOCTORS else import_sites
    return await import_them(
        database, data, mode=mode, actor=actor, now=now, is_rehearsal=is_rehearsal, progress=progress
    )


async def import_doctors(
    database: Database,
    data: bytes,
    *,
    mode: ImportMode,
    actor: Actor,
    now: datetime,
    is_rehearsal: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Import doctors, their approvals and weekly openings. Sites and accounts that lines name must exist."""
    known = await _known(database)

    def check(table: Table, line: Line, problems: list[Problem], _notices: list[Problem]) -> DoctorEntry | None:
        entry, refusals = read_doctor(line, known)
        problems += [table.problem(line, refusal) for refusal in refusals]
        return None if problems else entry

    async def apply(session: AsyncSession, entries: Sequence[DoctorEntry]) -> list[LineResult]:
        return await file_doctors(session, entries, actor=actor, now=now, writes=True)

    async def rehearse(session: AsyncSession, entries: Sequence[DoctorEntry]) -> list[LineResult]:
        return await file_doctors(session, entries, actor=actor, now=now, writes=False)

    importing = Importing(
        columns=DOCTOR_COLUMNS, check=check, apply=apply, rehearse=rehearse, key=lambda e: e.rpps, key_field="rpps"
    )
    report = ImportReport(ImportKind.DOCTORS, mode, is_rehearsal=is_rehearsal)
    return await run_import(database, importing, data, report, progress=progress)


async def import_sites(
    database: Database,
    data: bytes,
    *,
    mode: ImportMode,
    actor: Actor,
    now: datetime,
    is_rehearsal: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Import sites, their consulting rooms and hours."""

    def check(table: Table, line: Line, problems: list[Problem], _notices: list[Problem]) -> SiteEntry | None:
        entry, refusals = read_site(line)
        problems += [table.problem(line, refusal) for refusal in refusals]
        return None if problems else entry

    async def apply(session: AsyncSession, entries: Sequence[SiteEntry]) -> list[LineResult]:
        return await file_sites(session, entries, actor=actor, now=now, writes=True)

    async def rehearse(session: AsyncSession, entries: Sequence[SiteEntry]) -> list[LineResult]:
        return await file_sites(session, entries, actor=actor, now=now, writes=False)

    importing = Importing(
        columns=SITE_COLUMNS, check=check, apply=apply, rehearse=rehearse, key=lambda e: e.code, key_field="code"
    )
    report = ImportReport(ImportKind.SITES, mode, is_rehearsal=is_rehearsal)
    return await run_import(database, importing, data, report, progress=progress)


async def _known(database: Database) -> Known:
    async with database.reading() as session:
        sites = (await session.execute(select(Site.code, Site.id))).all()
        users = (
            await session.execute(select(StaffUser.email, StaffUser.id).where(StaffUser.role == Role.DOCTOR))
        ).all()
        owners = (await session.execute(select(Doctor.user_id, Doctor.rpps).where(Doctor.user_id.is_not(None)))).all()
    return Known(
        sites={code.casefold(): site_id for code, site_id in sites},
        accounts=dict(users),
        owners={user_id: rpps for user_id, rpps in owners if user_id is not None},
    )
