"""Files of controls, doctors and sites, imported on screen: rehearsed, confirmed, followed, told line by line.

A file is rehearsed in the background, which writes nothing, and waits sealed in the database for somebody's choice
(`controls.import_drafts`). Chosen, it is imported in the background under the same address.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile
from starlette.responses import Response

from telecontrol.controls.csv_reading import LARGEST
from telecontrol.controls.import_drafts import find_draft, give_up, keep_draft, list_drafts, open_file, rehearsal_of
from telecontrol.controls.import_errors import errors_csv
from telecontrol.controls.import_jobs import ImportJobs, Work, find_job, list_jobs, report_of
from telecontrol.controls.import_report import ImportMode, ImportReport
from telecontrol.controls.import_run import Progress
from telecontrol.controls.models import DraftState, ImportDraft, ImportJob, ImportKind, ImportState
from telecontrol.errors import Conflict, InvalidInput, NotFound
from telecontrol.scheduling.imports import import_file
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.i18n import mark
from telecontrol.web.pages.desk.import_frame import (
    COLUMNS_OF,
    ImporterDep,
    import_page,
    kind_for,
    language_of_words,
    organisations_of,
    told,
    upload_form,
)
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import Staff
from telecontrol.web.uploads import bounded_route

_TOO_LARGE = mark("Ce fichier dépasse {largest} Mo : il n'a pas été pris. Coupez-le en plusieurs.")
_FAULTS = {
    "no_file": mark("Choisissez un fichier."),
    "file_empty": mark("Ce fichier est vide."),
    "file_too_large": mark("Ce fichier dépasse 20 Mo : coupez-le en plusieurs."),
    "organisation_unknown": mark("Choisissez un organisme de la liste."),
    "insurer_unknown": mark("Choisissez un assureur de la liste."),
}
_SOON = 1.5
"""Seconds that a small file is waited for, so that its sender sees the answer at once."""


def _refused(request: Request) -> Response:
    return see_other(request, paths.DESK_IMPORT, tone="warning", text=_TOO_LARGE, largest=LARGEST // 1024 // 1024)


pages = APIRouter()
_sending = APIRouter(route_class=bounded_route(LARGEST, _refused))
_ONE = paths.desk_import("{import_id:uuid}")


@pages.get(paths.DESK_IMPORT)
async def choose(
    request: Request,
    runtime: RuntimeDep,
    importer: ImporterDep,
    session: ReadingDep,
    now: NowDep,
    kind: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    return await _form(request, runtime, importer, session, kind_for(importer, kind), now=now)


@pages.get(paths.DESK_IMPORT + "/model.csv")
async def model(importer: ImporterDep, kind: Annotated[str, Query(max_length=20)] = "") -> Response:
    """A file with its titles and nothing else, to begin from."""
    wanted = kind_for(importer, kind)
    titles = ";".join(column.header for column in COLUMNS_OF[wanted])
    return _file(f"{titles}\r\n".encode("utf-8-sig"), f"{wanted}.csv")


@_sending.post(paths.DESK_IMPORT)
async def send(request: Request, runtime: RuntimeDep, importer: ImporterDep, now: NowDep) -> Response:
    """Take a file in and rehearse it. No transaction is open while it is read."""
    form = await request.form()
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    kind = kind_for(importer, given.get("kind", ""))
    upload = form.get("file")
    data = await upload.read() if isinstance(upload, UploadFile) else b""
    name = (upload.filename if isinstance(upload, UploadFile) else "") or ""
    try:
        async with runtime.database.transaction() as session:
            owner = await _owner(session, importer, kind, given)
            _check_file(name, data)
            draft, is_new = await keep_draft(
                session,
                kind=kind,
                **owner,
                file_name=name,
                data=data,
                sealer=runtime.operator.messages,
                actor=importer.actor,
                now=now,
            )
    except InvalidInput as error:
        async with runtime.database.reading() as session:
            return await _form(request, runtime, importer, session, kind, now=now, given=given, error=error, status=422)
    except Conflict as error:
        return see_other(
            request,
            paths.desk_import(str(error.details["import_id"])),
            tone="info",
            text="Ce fichier est déjà en cours d'import. Le voici.",
        )
    if is_new:
        jobs = _jobs(request)
        jobs.rehearse(draft.id, _work(runtime, importer, draft, data, ImportMode.GOOD_LINES, now, is_rehearsal=True))
        await jobs.wait(draft.id, seconds=_SOON)
    return see_other(request, paths.desk_import(str(draft.id)))


@pages.get(_ONE)
async def followed(
    request: Request, runtime: RuntimeDep, importer: ImporterDep, session: ReadingDep, now: NowDep, import_id: uuid.UUID
) -> Response:
    """Where an import is: being rehearsed, waiting for a choice, running, done."""
    found = await _found(session, importer, import_id)
    steps = _steps(request, found)
    if isinstance(found, ImportDraft):
        report, at, ended_at = rehearsal_of(found), found.sent_at, None
    else:
        report, at, ended_at = report_of(found), found.started_at, found.ended_at
    return await import_page(
        request,
        runtime,
        session,
        importer,
        "staff/desk/import_job.html",
        kind=found.kind,
        now=now,
        import_id=str(import_id),
        state=str(found.state),
        file_name=found.file_name,
        at=at,
        ended_at=ended_at,
        is_open=steps is not None,
        done=steps[0] if steps else 0,
        total=steps[1] if steps else 0,
        **told(report, language_of_words(request, importer)),
    )


@pages.get(_ONE + "/progress")
async def progress(
    request: Request, runtime: RuntimeDep, importer: ImporterDep, session: ReadingDep, now: NowDep, import_id: uuid.UUID
) -> Response:
    """The bar alone, fetched every second; when there is nothing to wait for, the whole page is."""
    found = await _found(session, importer, import_id)
    steps = _steps(request, found)
    if steps is None:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return await import_page(
        request,
        runtime,
        session,
        importer,
        "staff/desk/_import_progress.html",
        kind=found.kind,
        now=now,
        import_id=str(import_id),
        done=steps[0],
        total=steps[1],
        is_rehearsal=isinstance(found, ImportDraft),
    )


@pages.post(_ONE + "/confirm")
async def confirm(
    request: Request, runtime: RuntimeDep, importer: ImporterDep, now: NowDep, import_id: uuid.UUID
) -> Response:
    """Import a rehearsed file, all of it or its good lines. Pressed twice, it is imported once."""
    chosen = (await request.form()).get("mode")
    mode = next((each for each in ImportMode if str(each) == chosen), None)
    here = paths.desk_import(str(import_id))
    if mode is None:
        return see_other(request, here, tone="warning", text="Choisissez ce qui doit être importé.")
    async with runtime.database.reading() as session:
        draft = await find_draft(session, importer.viewer, import_id)
        if draft is None:
            # Imported by an earlier press, or by a colleague; or given up, and then there is nothing to see.
            await find_job(session, importer.viewer, import_id)
            return see_other(request, here)
        try:
            data = await open_file(session, importer.viewer, import_id, sealer=runtime.operator.messages)
        except NotFound:
            # Another press took it between both looks.
            return see_other(request, here)
    jobs = _jobs(request)
    try:
        await jobs.start(
            _work(runtime, importer, draft, data, mode, now),
            kind=draft.kind,
            organisation_id=draft.organisation_id,
            file_name=draft.file_name,
            data=data,
            actor=importer.actor,
            draft_id=draft.id,
        )
    except Conflict:
        return see_other(request, here)
    await jobs.wait(draft.id, seconds=_SOON)
    return see_other(request, here)


@pages.post(_ONE + "/cancel")
async def cancel(
    request: Request, importer: ImporterDep, session: SessionDep, now: NowDep, import_id: uuid.UUID
) -> Response:
    """Give a rehearsed file up."""
    draft = await find_draft(session, importer.viewer, import_id)
    if draft is None:
        try:
            await find_job(session, importer.viewer, import_id)
        except NotFound:
            return see_other(request, paths.DESK_IMPORT)
        return see_other(request, paths.desk_import(str(import_id)))
    await give_up(session, draft, actor=importer.actor, now=now)
    back = f"{paths.DESK_IMPORT}?kind={draft.kind}"
    return see_other(request, back, text="Le fichier est oublié. Rien n'a été enregistré.")


@pages.get(_ONE + "/errors.csv")
async def errors(request: Request, importer: ImporterDep, session: ReadingDep, import_id: uuid.UUID) -> Response:
    """Every line that needs a hand, for a spreadsheet: no cell of it can be taken for a formula."""
    found = await _found(session, importer, import_id)
    report = rehearsal_of(found) if isinstance(found, ImportDraft) else report_of(found)
    if report is None:
        raise NotFound("no report of this import")
    language = language_of_words(request, importer)
    return _file(errors_csv(report, language=language), f"erreurs-{str(import_id)[:8]}.csv")


pages.include_router(_sending)


async def _found(session: AsyncSession, importer: Staff, import_id: uuid.UUID) -> ImportDraft | ImportJob:
    """The file that waits under this id, or the import that took its place. Raises `NotFound`."""
    draft = await find_draft(session, importer.viewer, import_id)
    return draft if draft is not None else await find_job(session, importer.viewer, import_id)


def _steps(request: Request, found: ImportDraft | ImportJob) -> tuple[int, int] | None:
    """Lines done, of how many, while something is going on; nothing when it is over."""
    if isinstance(found, ImportDraft):
        return _jobs(request).steps(found.id) if found.state is DraftState.REHEARSING else None
    return _jobs(request).progress(found) if found.state is ImportState.RUNNING else None


def _jobs(request: Request) -> ImportJobs:
    jobs: ImportJobs = request.app.state.imports
    return jobs


def _work(
    runtime: RuntimeDep,
    importer: Staff,
    draft: ImportDraft,
    data: bytes,
    mode: ImportMode,
    now: datetime,
    *,
    is_rehearsal: bool = False,
) -> Work:
    async def work(progress: Progress) -> ImportReport:
        return await import_file(
            runtime.database,
            data,
            kind=draft.kind,
            organisation_id=draft.organisation_id,
            insurer_id=draft.insurer_id,
            mode=mode,
            actor=importer.actor,
            now=now,
            is_rehearsal=is_rehearsal,
            progress=progress,
        )

    return work


async def _owner(
    session: AsyncSession, importer: Staff, kind: ImportKind, given: dict[str, str]
) -> dict[str, uuid.UUID | None]:
    """Whose controls they are and whom their reports go to. Raises `InvalidInput`."""
    if kind is not ImportKind.CONTROLS:
        return {"organisation_id": None, "insurer_id": None}
    offered = await upload_form(session, importer, kind)
    organisations = {str(row.id): row.id for row in await organisations_of(session, importer)}
    insurers = {"": None, **{str(row.id): row.id for row in offered["insurers"]}}
    wanted, insurer = given.get("organisation", ""), given.get("insurer", "")
    if not wanted and len(organisations) == 1:
        wanted = next(iter(organisations))
    if wanted not in organisations:
        raise InvalidInput("not one of theirs", field="organisation", code="organisation_unknown")
    if insurer not in insurers:
        raise InvalidInput("no such insurer", field="insurer", code="insurer_unknown")
    return {"organisation_id": organisations[wanted], "insurer_id": insurers[insurer]}


def _check_file(name: str, data: bytes) -> None:
    if not name:
        raise InvalidInput("no file was chosen", field="file", code="no_file")
    if not data:
        raise InvalidInput("the file is empty", field="file", code="file_empty")
    if len(data) > LARGEST:
        raise InvalidInput("the file is larger than 20 MB", field="file", code="file_too_large")


async def _form(
    request: Request,
    runtime: RuntimeDep,
    importer: Staff,
    session: AsyncSession,
    kind: ImportKind,
    *,
    now: datetime,
    given: dict[str, str] | None = None,
    error: InvalidInput | None = None,
    status: int = 200,
) -> Response:
    faults: dict[str, Any] = {error.field or "": _FAULTS[error.code]} if error else {}
    return await import_page(
        request,
        runtime,
        session,
        importer,
        "staff/desk/import.html",
        kind=kind,
        now=now,
        status=status,
        given={"organisation": "", "insurer": "", **(given or {})},
        faults=faults,
        drafts=[
            each
            for each in await list_drafts(session, importer.viewer, now=now)
            if each.kind is kind and _has_something(rehearsal_of(each))
        ],
        jobs=[each for each in await list_jobs(session, importer.viewer) if each.kind is kind],
        **await upload_form(session, importer, kind),
    )


def _has_something(rehearsal: ImportReport | None) -> bool:
    """Whether there is a choice to make, or may be: a file that cannot be read, or says nothing new, waits for nobody."""
    return rehearsal is None or bool(rehearsal.created or rehearsal.updated)


def _file(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
