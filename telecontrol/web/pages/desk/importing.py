"""Files of controls, imported on screen: rehearsed, confirmed, followed, told line by line.

A file is first rehearsed in the background: nothing is written. Its page then offers what can be done with it. Between the two
the file waits in the installation's own folder, for a day at most, readable by the service alone.
"""

from __future__ import annotations

import csv
import io
import json
import time
import uuid
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.controls.csv_reading import LARGEST
from telecontrol.controls.import_jobs import ImportJobs, find_job, list_jobs, report_of
from telecontrol.controls.import_report import ImportMode, ImportReport
from telecontrol.controls.import_run import Progress
from telecontrol.controls.import_words import say_problem
from telecontrol.controls.intake import import_controls
from telecontrol.controls.models import ImportKind, ImportState
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep
from telecontrol.web.pages.desk.frame import desk_page
from telecontrol.web.rendering import language_of, see_other
from telecontrol.web.staff_door import HandlerDep, Staff
from telecontrol.worker import Runtime

pages = APIRouter()
_KEPT_SECONDS = 24 * 60 * 60
_SHOWN = 200
"""Errors on the page; the file of errors holds them all."""


@pages.get(paths.DESK_IMPORT)
async def choose(
    request: Request, runtime: RuntimeDep, staff: HandlerDep, session: ReadingDep, now: NowDep, error: str = ""
) -> Response:
    return await desk_page(
        request,
        runtime,
        session,
        staff,
        "staff/desk/import.html",
        place="import",
        now=now,
        status=422 if error else 200,
        organisations=await _organisations(session, staff),
        insurers=list(await session.scalars(select(Insurer).where(Insurer.is_active).order_by(Insurer.name))),
        jobs=[job for job in await list_jobs(session, staff.viewer) if not job.report.get("is_rehearsal", False)],
        error=error if error in ("no_file", "file_too_large") else "",
        largest=LARGEST // 1024 // 1024,
    )


@pages.post(paths.DESK_IMPORT)
async def rehearsed(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    now: NowDep,
    file: Annotated[UploadFile, File()],
    organisation: Annotated[uuid.UUID, Form()],
    insurer: Annotated[str, Form(max_length=36)] = "",
) -> Response:
    """Take the file in and rehearse it; nothing is written yet."""
    data = await file.read(LARGEST + 1)
    if not data or len(data) > LARGEST:
        code = "file_too_large" if data else "no_file"
        return see_other(request, f"{paths.DESK_IMPORT}?error={code}")
    async with runtime.database.reading() as session:
        await _own(session, staff, organisation)
    chosen = uuid.UUID(insurer) if insurer else None

    async def work(progress: Progress) -> ImportReport:
        return await import_controls(
            runtime.database,
            data,
            organisation_id=organisation,
            mode=ImportMode.ALL_OR_NOTHING,
            actor=staff.actor,
            now=now,
            insurer_id=chosen,
            is_rehearsal=True,
            progress=progress,
        )

    job_id = await _jobs(request).start(
        work,
        kind=ImportKind.CONTROLS,
        organisation_id=organisation,
        file_name=file.filename or "controls.csv",
        data=data,
        actor=staff.actor,
    )
    _keep(runtime, job_id, data, insurer_id=chosen)
    return see_other(request, paths.desk_import(str(job_id)))


@pages.get(paths.desk_import("{import_id}"))
async def followed(
    request: Request, runtime: RuntimeDep, staff: HandlerDep, session: ReadingDep, now: NowDep, import_id: uuid.UUID
) -> Response:
    job = await find_job(session, staff.viewer, import_id)
    report = report_of(job)
    language = language_of(request, preferred=staff.user.language)
    done, total = _jobs(request).progress(job)
    return await desk_page(
        request,
        runtime,
        session,
        staff,
        "staff/desk/import_job.html",
        place="import",
        now=now,
        job=job,
        is_running=job.state is ImportState.RUNNING,
        done=done,
        total=total,
        report=report,
        is_kept=_path(runtime, import_id).exists(),
        problems=_told(report, language)[:_SHOWN],
        problem_count=len(report.errors) if report else 0,
        file_problem=say_problem(report.file_problem, language=language) if report and report.file_problem else "",
    )


@pages.post(paths.desk_import("{import_id}", "confirm"))
async def confirmed(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    now: NowDep,
    import_id: uuid.UUID,
    mode: Annotated[ImportMode, Form()],
) -> Response:
    """Import the rehearsed file: all of it, or its good lines. The same file twice creates nothing twice."""
    async with runtime.database.reading() as session:
        job = await find_job(session, staff.viewer, import_id)
    path = _path(runtime, import_id)
    if not path.exists() or job.organisation_id is None:
        raise WrongState("this file is no longer kept: choose it again", code="file_gone")
    data, organisation_id = path.read_bytes(), job.organisation_id
    kept = json.loads(path.with_suffix(".json").read_text("utf-8"))
    insurer_id = uuid.UUID(kept["insurer_id"]) if kept["insurer_id"] else None

    async def work(progress: Progress) -> ImportReport:
        return await import_controls(
            runtime.database,
            data,
            organisation_id=organisation_id,
            mode=mode,
            actor=staff.actor,
            now=now,
            insurer_id=insurer_id,
            progress=progress,
        )

    started = await _jobs(request).start(
        work,
        kind=ImportKind.CONTROLS,
        organisation_id=organisation_id,
        file_name=job.file_name,
        data=data,
        actor=staff.actor,
    )
    _forget(path)
    return see_other(request, paths.desk_import(str(started)))


@pages.get(paths.desk_import("{import_id}", "errors.csv"))
async def errors(request: Request, staff: HandlerDep, session: ReadingDep, import_id: uuid.UUID) -> Response:
    """Every error, for a spreadsheet: no cell can be taken for a formula."""
    job = await find_job(session, staff.viewer, import_id)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(["ligne", "colonne", "erreur"])
    for problem in _told(report_of(job), language_of(request, preferred=staff.user.language)):
        writer.writerow([problem["line"], _plain(str(problem["column"])), _plain(str(problem["text"]))])
    headers = {"Content-Disposition": f'attachment; filename="erreurs-{import_id}.csv"'}
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _jobs(request: Request) -> ImportJobs:
    jobs: ImportJobs = request.app.state.imports
    return jobs


async def _organisations(session: AsyncSession, staff: Staff) -> list[Organisation]:
    wanted = select(Organisation).where(Organisation.is_active).order_by(Organisation.name)
    if staff.viewer.organisation_id is not None:
        wanted = wanted.where(Organisation.id == staff.viewer.organisation_id)
    return list(await session.scalars(wanted))


async def _own(session: AsyncSession, staff: Staff, organisation_id: uuid.UUID) -> None:
    if organisation_id not in {each.id for each in await _organisations(session, staff)}:
        raise InvalidInput("choose an organisation", field="organisation", code="organisation_unknown")


def _told(report: ImportReport | None, language: str) -> list[dict[str, object]]:
    if report is None:
        return []
    return [
        {"line": problem.line, "column": problem.column, "text": say_problem(problem, language=language)}
        for problem in report.errors
    ]


def _plain(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _path(runtime: Runtime, job_id: uuid.UUID) -> Path:
    return runtime.settings.data_dir / "imports" / f"{job_id}.csv"


def _keep(runtime: Runtime, job_id: uuid.UUID, data: bytes, *, insurer_id: uuid.UUID | None) -> None:
    path = _path(runtime, job_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for stale in path.parent.glob("*.csv"):
        if time.time() - stale.stat().st_mtime > _KEPT_SECONDS:
            _forget(stale)
    path.touch(mode=0o600)
    path.write_bytes(data)
    path.with_suffix(".json").write_text(json.dumps({"insurer_id": str(insurer_id or "")}), encoding="utf-8")


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)
