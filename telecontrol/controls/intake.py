"""Controls from a CSV file (docs/import.md). The same file twice creates nothing twice."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Insurer
from telecontrol.controls import cells
from telecontrol.controls.csv_reading import Column, Line, Problem, Table
from telecontrol.controls.filing import AlreadyThere, Filed, Leave, Outcome, Request, file_requests, rehearse_requests
from telecontrol.controls.import_report import ImportMode, ImportReport
from telecontrol.controls.import_run import Importing, LineResult, Progress, Verdict, run_import, silent
from telecontrol.controls.models import ImportKind, Procedure
from telecontrol.controls.request_data import NewControl, NewInsured
from telecontrol.controls.requests import Door, check_request, legal_today, procedure_named
from telecontrol.db.journal import Actor
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput

COLUMNS = (
    Column(
        "external_reference", "référence", ("reference", "external reference", "numéro de dossier"), is_required=True
    ),
    Column("procedure", "procédure", ("procedure",)),
    Column(
        "insured_reference", "matricule", ("insured reference", "numéro assuré", "employee number"), is_required=True
    ),
    Column("family_name", "nom", ("family name", "last name", "nom de famille"), is_required=True),
    Column("given_name", "prénom", ("given name", "first name"), is_required=True),
    Column("birth_on", "date de naissance", ("birth date", "date of birth", "né le")),
    Column("email", "courriel", ("email", "e-mail", "mail", "adresse électronique")),
    Column("phone", "mobile", ("téléphone mobile", "portable", "mobile phone", "téléphone", "phone")),
    Column("language", "langue", ("language",)),
    Column("address", "adresse", ("address",)),
    Column("postcode", "code postal", ("postcode", "postal code", "cp")),
    Column("city", "ville", ("city", "commune")),
    Column("leave_starts_on", "début de l'arrêt", ("leave start", "début arrêt", "arrêt du"), is_required=True),
    Column("leave_ends_on", "fin de l'arrêt", ("leave end", "fin arrêt", "arrêt au"), is_required=True),
    Column("prescriber_name", "prescripteur", ("prescriber", "nom du prescripteur")),
    Column("prescriber_rpps", "RPPS prescripteur", ("prescriber rpps", "rpps du prescripteur")),
    Column("treating_rpps", "RPPS médecin traitant", ("treating doctor rpps", "rpps du médecin traitant")),
    Column("insurer", "assureur", ("insurer", "code assureur")),
)


async def import_controls(
    database: Database,
    data: bytes,
    *,
    organisation_id: uuid.UUID,
    mode: ImportMode,
    actor: Actor,
    now: datetime,
    insurer_id: uuid.UUID | None = None,
    is_rehearsal: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Import an organisation's controls from the bytes of a file.

    `insurer_id` is for lines that name no insurer; without it the only active insurer is meant, where there is one.
    A rehearsal writes nothing and reports what would happen.
    """
    insurers = await _insurers(database, insurer_id)
    today = legal_today(now)
    earlier: dict[str, list[Leave]] = {}
    absent_columns: set[str] = set()

    def check(table: Table, line: Line, problems: list[Problem], notices: list[Problem]) -> Request | None:
        request, insurer, refusals = read_line(line, insurers=insurers, today=today)
        problems += [table.problem(line, refusal) for refusal in refusals]
        notices += _doubts(table, line, request, absent_columns)
        return None if insurer is None or problems else (request, insurer)

    async def apply(session: AsyncSession, requests: Sequence[Request]) -> list[LineResult]:
        outcomes = await file_requests(
            session, organisation_id=organisation_id, requests=requests, actor=actor, now=now
        )
        return [_result(outcome) for outcome in outcomes]

    async def rehearse(session: AsyncSession, requests: Sequence[Request]) -> list[LineResult]:
        outcomes = await rehearse_requests(session, organisation_id=organisation_id, requests=requests, earlier=earlier)
        return [_result(outcome) for outcome in outcomes]

    importing = Importing(
        columns=COLUMNS,
        check=check,
        apply=apply,
        rehearse=rehearse,
        key=lambda request: request[0].external_reference,
        key_field="external_reference",
    )
    report = ImportReport(ImportKind.CONTROLS, mode, is_rehearsal=is_rehearsal)
    return await run_import(database, importing, data, report, progress=progress)


def read_line(
    line: Line, *, insurers: Mapping[str, uuid.UUID], today: date
) -> tuple[NewControl, uuid.UUID | None, list[InvalidInput]]:
    """The request that a line makes, its insurer, and all that is wrong with it. `insurers` maps codes in lower case; the
    empty code is the one meant where none is named. Pure."""
    given, door = line.cells, Door()
    insured = NewInsured(
        external_reference=given["insured_reference"],
        family_name=given["family_name"],
        given_name=given["given_name"],
        birth_on=door.let(cells.day, given["birth_on"], field="birth_on", otherwise=None),
        email=given["email"],
        phone=given["phone"],
        language=given["language"],
        address=given["address"],
        postcode=given["postcode"],
        city=given["city"],
    )
    days_before = len(door.problems)
    # A date that cannot be read is told as such; today stands in for it, so that the order of the two is not doubted as well.
    starts_on = door.let(cells.needed_day, given["leave_starts_on"], field="leave_starts_on", otherwise=today)
    ends_on = door.let(cells.needed_day, given["leave_ends_on"], field="leave_ends_on", otherwise=today)
    if len(door.problems) > days_before:
        starts_on = ends_on = today
    request = NewControl(
        external_reference=given["external_reference"],
        procedure=door.let(procedure_named, given["procedure"], otherwise=Procedure.A),
        insured=insured,
        leave_starts_on=starts_on,
        leave_ends_on=ends_on,
        prescriber_name=given["prescriber_name"],
        prescriber_rpps=given["prescriber_rpps"],
        treating_rpps=given["treating_rpps"],
    )
    insurer = door.let(_insurer_named, given["insurer"], insurers=insurers, otherwise=None)
    accepted, refusals = check_request(request, today=today)
    return accepted, insurer, door.problems + refusals


def _insurer_named(code: str, *, insurers: Mapping[str, uuid.UUID]) -> uuid.UUID | None:
    found = insurers.get(code.strip().casefold())
    if found is None and code.strip():
        raise InvalidInput("no insurer has this code", field="insurer", code="insurer_unknown")
    if found is None:
        raise InvalidInput("the insurer must be named", field="insurer", code="insurer_missing")
    return found


async def _insurers(database: Database, insurer_id: uuid.UUID | None) -> dict[str, uuid.UUID]:
    async with database.reading() as session:
        rows = (await session.execute(select(Insurer.code, Insurer.id).where(Insurer.is_active.is_(True)))).all()
    known = {code.casefold(): found for code, found in rows}
    meant = insurer_id or (rows[0][1] if len(rows) == 1 else None)
    return known if meant is None else {**known, "": meant}


def _doubts(table: Table, line: Line, request: NewControl, absent_columns: set[str]) -> list[Problem]:
    """What makes a control harder to hold, though it can be: no birth date, a channel missing.

    A column that the whole file lacks is told once; `absent_columns` remembers which were.
    """
    insured = request.insured
    given = {"birth_on": insured.birth_on, "email": insured.email, "phone": insured.phone}
    doubts = []
    for name in [name for name, value in given.items() if not value and name not in absent_columns]:
        if name not in table.headers:
            absent_columns.add(name)
        doubts.append(Problem(line.number, table.headers.get(name, ""), f"{name}_absent"))
    return doubts


def _result(outcome: Outcome) -> LineResult:
    if isinstance(outcome, Filed):
        return LineResult(Verdict.CREATED)
    if isinstance(outcome, AlreadyThere):
        return LineResult(Verdict.CHANGED if outcome.changed else Verdict.UNCHANGED, outcome.changed)
    return LineResult(Verdict.REFUSED, error=outcome.error)
