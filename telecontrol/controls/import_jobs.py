"""Imports started on screen: they run on in the background, and a page can ask how far they are."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.accounts.access import Action, Kind, Who
from telecontrol.accounts.viewer import Viewer, organisation_filter
from telecontrol.clock import Clock
from telecontrol.controls.import_report import ImportReport
from telecontrol.controls.import_run import Progress
from telecontrol.controls.models import DraftState, ImportDraft, ImportJob, ImportKind, ImportState
from telecontrol.db.journal import Actor, record
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, NotFound, TelecontrolError

Work = Callable[[Progress], Awaitable[ImportReport]]
_SAVED_EVERY = 1.0
"""Seconds between two notes of progress that other processes can read."""
_log = log.get("imports")


class ImportJobs:
    """The imports, and their rehearsals, that this process runs. One per process; `aclose` at the end stops what still runs."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._tasks: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._done: dict[uuid.UUID, tuple[int, int]] = {}
        # A file takes one connection for as long as it is read: the others are for people. SQLite has two in all.
        self._turn = asyncio.Semaphore(1 if database.is_sqlite else 3)

    async def take_over(self) -> None:
        """When the only web process starts: what the last one was doing has ended. A database that does not answer yet is
        no reason not to start: `/health/ready` says it."""
        now = self._clock.now()
        try:
            async with self._database.transaction() as session:
                ended = await end_interrupted(session, now=now)
        except (DBAPIError, OSError) as error:
            _log.warning("imports_not_looked_at", reason=type(error).__name__)
            return
        if ended:
            _log.warning("imports_interrupted", count=ended)

    async def start(
        self,
        work: Work,
        *,
        kind: ImportKind,
        organisation_id: uuid.UUID | None,
        file_name: str,
        data: bytes,
        actor: Actor,
        draft_id: uuid.UUID | None = None,
    ) -> uuid.UUID:
        """Run `work` (an import that waits for its progress callback) in the background; the job's id.

        With `draft_id` the job takes the draft's place and its id, in one transaction. Raises `Conflict` (`import_running`)
        while the same file of the same organisation is being imported, and (`draft_gone`) when the draft is no more.
        """
        now, file_hash = self._clock.now(), hashlib.sha256(data).hexdigest()
        job = ImportJob(
            id=draft_id or uuid.uuid4(),
            kind=kind,
            organisation_id=organisation_id,
            file_name=short_name(file_name),
            file_hash=file_hash,
            report={},
            started_by=actor.id,
            started_at=now,
        )
        async with self._database.transaction() as session:
            if draft_id is not None:
                await _take_draft(session, draft_id)
            await _refuse_twin(session, job)
            session.add(job)
            record(session, "import.started", actor=actor, now=now, subject_kind="import", subject_id=job.id, kind=kind)
        self._done[job.id] = (0, 0)
        self._tasks[job.id] = asyncio.create_task(self._run(job.id, work), name=f"import {job.id}")
        return job.id

    def progress(self, job: ImportJob) -> tuple[int, int]:
        """Lines done, of how many: as this process knows it, else as the row says."""
        return self._done.get(job.id, (job.done, job.total))

    def rehearse(self, draft_id: uuid.UUID, work: Work) -> None:
        """Run `work` (a rehearsal of the draft's file) in the background; the draft takes its report."""
        self._done[draft_id] = (0, 0)
        self._tasks[draft_id] = asyncio.create_task(self._rehearse(draft_id, work), name=f"rehearsal {draft_id}")

    def steps(self, draft_id: uuid.UUID) -> tuple[int, int]:
        """Lines read of a rehearsal, of how many; (0, 0) before it begins, and for another process's."""
        return self._done.get(draft_id, (0, 0))

    async def wait(self, job_id: uuid.UUID, *, seconds: float | None = None) -> None:
        """Return when the job, or the rehearsal, has ended; after `seconds` at the latest."""
        task = self._tasks.get(job_id)
        if task is not None:
            await asyncio.wait({task}, timeout=seconds)

    async def aclose(self) -> None:
        """Stop what still runs: a file of good lines keeps what is committed, an all-or-nothing one leaves nothing."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, job_id: uuid.UUID, work: Work) -> None:
        def note(done: int, total: int) -> None:
            self._done[job_id] = (done, total)

        saving = None if self._database.is_sqlite else asyncio.create_task(self._save_progress(job_id))
        state, report = ImportState.INTERRUPTED, None
        try:
            async with self._turn:
                report = await work(note)
            state = ImportState.DONE if report.is_applied else ImportState.REFUSED
        except TelecontrolError as error:
            _log.warning("import_refused", import_id=str(job_id), code=error.code)
            state = ImportState.REFUSED
        except Exception:  # noqa: BLE001  (a defect in one import must end its job, and nothing else)
            _log.exception("import_failed", import_id=str(job_id))
        finally:
            if saving is not None:
                saving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await saving
            await self._end(job_id, state, report)

    async def _rehearse(self, draft_id: uuid.UUID, work: Work) -> None:
        def note(done: int, total: int) -> None:
            self._done[draft_id] = (done, total)

        values: dict[str, Any] = {"state": DraftState.INTERRUPTED}
        try:
            async with self._turn:
                report = await work(note)
            values = {"state": DraftState.REHEARSED, "report": report.to_json()}
        except Exception:  # noqa: BLE001  (a defect in one rehearsal must end it, and nothing else)
            _log.exception("rehearsal_failed", import_id=str(draft_id))
        finally:
            async with self._database.transaction() as session:
                await session.execute(update(ImportDraft).where(ImportDraft.id == draft_id).values(values))
            self._done.pop(draft_id, None)
            self._tasks.pop(draft_id, None)

    async def _end(self, job_id: uuid.UUID, state: ImportState, report: ImportReport | None) -> None:
        done, total = self._done[job_id]
        values: dict[str, Any] = {"state": state, "done": done, "total": total, "ended_at": self._clock.now()}
        if report is not None:
            values["report"] = report.to_json()
        async with self._database.transaction() as session:
            await session.execute(update(ImportJob).where(ImportJob.id == job_id).values(values))
        self._done.pop(job_id, None)
        self._tasks.pop(job_id, None)

    async def _save_progress(self, job_id: uuid.UUID) -> None:
        """Let other processes see it. SQLite has one process and one writer: there it would only wait for the import."""
        while True:
            await asyncio.sleep(_SAVED_EVERY)
            done, total = self._done[job_id]
            async with self._database.transaction() as session:
                await session.execute(update(ImportJob).where(ImportJob.id == job_id).values(done=done, total=total))


async def _take_draft(session: AsyncSession, draft_id: uuid.UUID) -> None:
    taken = await session.execute(
        delete(ImportDraft).where(ImportDraft.id == draft_id, ImportDraft.state == DraftState.REHEARSED)
    )
    if not taken.rowcount:  # type: ignore[attr-defined]
        raise Conflict("this file was imported or given up already", code="draft_gone")


def short_name(file_name: str) -> str:
    """A file's own name, without the folders that some browsers send."""
    return file_name.replace("\\", "/").rpartition("/")[2][:200]


async def _refuse_twin(session: AsyncSession, job: ImportJob) -> None:
    twin = await session.scalar(
        select(ImportJob.id).where(
            ImportJob.state == ImportState.RUNNING,
            ImportJob.file_hash == job.file_hash,
            ImportJob.kind == job.kind,
            ImportJob.organisation_id.is_not_distinct_from(job.organisation_id),
        )
    )
    if twin is not None:
        raise Conflict("this file is being imported already", code="import_running", import_id=str(twin))


def report_of(job: ImportJob) -> ImportReport | None:
    """What a job told when it ended; nothing while it runs, and for one that ended otherwise."""
    return ImportReport.from_json(job.report) if job.report else None


async def end_interrupted(session: AsyncSession, *, now: datetime) -> int:
    """When the only web process starts: whatever the table still calls running died with the last one. How many did."""
    await session.execute(
        update(ImportDraft).where(ImportDraft.state == DraftState.REHEARSING).values(state=DraftState.INTERRUPTED)
    )
    ended = await session.execute(
        update(ImportJob)
        .where(ImportJob.state == ImportState.RUNNING)
        .values(state=ImportState.INTERRUPTED, ended_at=now)
    )
    return int(ended.rowcount)  # type: ignore[attr-defined]


async def find_job(session: AsyncSession, viewer: Viewer, job_id: uuid.UUID) -> ImportJob:
    """The job, for a viewer who may import such a file. Raises `NotFound`."""
    found: ImportJob | None = await session.scalar(select(ImportJob).where(ImportJob.id == job_id, _mine(viewer)))
    if found is None:
        raise NotFound("no such import", code="import_not_found")
    return found


async def list_jobs(session: AsyncSession, viewer: Viewer, *, limit: int = 20) -> list[ImportJob]:
    """The viewer's last imports, newest first."""
    found = await session.scalars(
        select(ImportJob).where(_mine(viewer)).order_by(ImportJob.started_at.desc(), ImportJob.id).limit(limit)
    )
    return list(found)


def may_import(viewer: Viewer, kind: ImportKind) -> bool:
    """Whether the viewer imports files of this kind: handlers controls, administrators doctors and sites."""
    return viewer.may(Action.CREATE, Kind.IMPORT, "controls" if kind is ImportKind.CONTROLS else "reference_data")


def seen_by(viewer: Viewer, *, kind: Any, organisation_id: Any) -> ColumnElement[bool]:
    """The condition that keeps a query over imports, by these two columns, to the viewer's."""
    if viewer.role is Who.ADMINISTRATOR and viewer.may(Action.READ, Kind.IMPORT, "reference_data"):
        found: ColumnElement[bool] = kind != ImportKind.CONTROLS
        return found
    return and_(organisation_filter(viewer, organisation_id), kind == ImportKind.CONTROLS)


def _mine(viewer: Viewer) -> ColumnElement[bool]:
    return seen_by(viewer, kind=ImportJob.kind, organisation_id=ImportJob.organisation_id)
