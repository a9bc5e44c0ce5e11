"""What the pages of imports share: who imports what, the frame of each role, an import in the words of its reader."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.models import Organisation, Role
from telecontrol.accounts.parties import list_insurers, list_organisations
from telecontrol.controls.csv_reading import LARGEST, MOST_LINES, Column, Problem
from telecontrol.controls.import_jobs import may_import
from telecontrol.controls.import_report import ImportReport
from telecontrol.controls.import_words import LANGUAGES, say
from telecontrol.controls.intake import COLUMNS
from telecontrol.controls.models import ImportKind
from telecontrol.errors import NotFound
from telecontrol.scheduling.doctor_filing import DOCTOR_COLUMNS
from telecontrol.scheduling.site_filing import SITE_COLUMNS
from telecontrol.web import paths
from telecontrol.web.dependencies import RuntimeDep
from telecontrol.web.pages.admin.frame import admin_page
from telecontrol.web.pages.desk.frame import desk_page
from telecontrol.web.rendering import language_of
from telecontrol.web.staff_door import Staff, staff

ImporterDep = Annotated[Staff, Depends(staff(Role.HANDLER, Role.ADMINISTRATOR))]
"""Handlers import controls, administrators doctors and sites; each meets only their own."""

COLUMNS_OF: dict[ImportKind, tuple[Column, ...]] = {
    ImportKind.CONTROLS: COLUMNS,
    ImportKind.DOCTORS: DOCTOR_COLUMNS,
    ImportKind.SITES: SITE_COLUMNS,
}
SHOWN = 200
"""Lines told on the page; the file of errors holds them all."""
_PLACE = {ImportKind.CONTROLS: "import", ImportKind.DOCTORS: "doctors", ImportKind.SITES: "sites"}


async def import_page(
    request: Request,
    runtime: RuntimeDep,
    session: AsyncSession,
    importer: Staff,
    template: str,
    *,
    kind: ImportKind,
    now: datetime,
    status: int = 200,
    **context: Any,
) -> Response:
    """Render a page of an import in the frame of whoever imports."""
    given = {"place": _PLACE[kind], "now": now, "status": status, "kind": str(kind), **context}
    if kind is ImportKind.CONTROLS:
        return await desk_page(request, runtime, session, importer, template, **given)
    return admin_page(request, runtime, importer, template, **given)


def kind_for(importer: Staff, wanted: str) -> ImportKind:
    """The kind that is asked for, or the first that this person imports. Raises `NotFound` for one they do not."""
    kinds = kinds_for(importer)
    if not wanted and kinds:
        return kinds[0]
    found = next((each for each in kinds if str(each) == wanted), None)
    if found is None:
        raise NotFound("no such import")
    return found


def kinds_for(importer: Staff) -> list[ImportKind]:
    return [each for each in ImportKind if may_import(importer.viewer, each)]


async def upload_form(session: AsyncSession, importer: Staff, kind: ImportKind) -> dict[str, Any]:
    """What the form to send a file offers."""
    found: dict[str, Any] = {
        "kinds": [
            {"href": f"{paths.DESK_IMPORT}?kind={each}", "code": str(each), "is_current": each is kind}
            for each in kinds_for(importer)
        ],
        "organisations": [],
        "insurers": [],
        "columns": COLUMNS_OF[kind],
        "largest": LARGEST // 1024 // 1024,
        "most_lines": MOST_LINES,
    }
    if kind is ImportKind.CONTROLS:
        found["organisations"] = await organisations_of(session, importer)
        found["insurers"] = await list_insurers(session, active_only=True)
    return found


async def organisations_of(session: AsyncSession, importer: Staff) -> list[Organisation]:
    """The organisations whose controls this person may import."""
    own = importer.viewer.organisation_id
    return [row for row in await list_organisations(session, active_only=True) if own in (None, row.id)]


def language_of_words(request: Request, importer: Staff) -> str:
    """The language in which lines are told: the words of imports exist in French and English."""
    language = language_of(request, preferred=importer.user.language)
    return language if language in LANGUAGES else "en"


def told(report: ImportReport | None, language: str) -> dict[str, Any]:
    """A report as the page shows it: counts, and the first lines in words."""
    if report is None:
        return {"report": None, "file_problem": "", "refused": [], "known": [], "refused_count": 0, "known_count": 0}
    problem = report.file_problem
    return {
        "report": report,
        "file_problem": _sentence(problem, language) if problem else "",
        "refused": [_line(each, language) for each in report.errors[:SHOWN]],
        "known": [_line(each, language) for each in report.notices[:SHOWN]],
        "refused_count": len(report.errors),
        "known_count": len(report.notices),
    }


def _line(problem: Problem, language: str) -> dict[str, object]:
    return {"line": problem.line, "column": problem.column, "reason": _sentence(problem, language)}


def _sentence(problem: Problem, language: str) -> str:
    said = say(problem.code, problem.params, language=language)
    return f"{said[:1].upper()}{said[1:]}"
