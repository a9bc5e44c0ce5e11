"""Imports on screen: they run in the background, tell how far they are, and end whatever happens."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from telecontrol.accounts.access import Who
from telecontrol.accounts.viewer import Viewer, ViewerKind
from telecontrol.clock import VirtualClock
from telecontrol.controls.import_jobs import ImportJobs, end_interrupted, find_job, list_jobs, report_of
from telecontrol.controls.import_report import ImportMode, ImportReport
from telecontrol.controls.import_run import Progress
from telecontrol.controls.intake import import_controls
from telecontrol.controls.models import ImportJob, ImportKind, ImportState
from telecontrol.db.journal import SERVICE
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, InvalidInput, NotFound
from tests.controls.conftest import opened

DESK = Viewer(ViewerKind.STAFF, Who.HANDLER, uuid.uuid4())
LINES = "référence;matricule;nom;prénom;début de l'arrêt;fin de l'arrêt\n" + "".join(
    f"D-{number};M-{number};Moreau;Hélène;2026-02-23;2026-03-22\n" for number in range(600)
)


async def started(jobs: ImportJobs, work: Any, data: bytes = b"x", **given: Any) -> uuid.UUID:
    values: dict[str, Any] = {
        "kind": ImportKind.CONTROLS,
        "organisation_id": None,
        "file_name": "C:\\Bureau\\contrôles.csv",
        "actor": SERVICE,
    }
    return await jobs.start(work, data=data, **{**values, **given})


async def found(database: Database, job_id: uuid.UUID) -> ImportJob:
    async with database.reading() as session:
        return await find_job(session, DESK, job_id)


@pytest.mark.parametrize("mode", list(ImportMode))
async def test_an_import_runs_in_the_background_and_keeps_its_report(
    committed_database: Database, clock: VirtualClock, mode: ImportMode
) -> None:
    office, jobs = await opened(committed_database), ImportJobs(committed_database, clock)
    seen: set[int] = set()

    async def work(progress: Progress) -> ImportReport:
        def told(done: int, total: int) -> None:
            progress(done, total)
            seen.add(done)

        return await import_controls(
            committed_database,
            LINES.encode(),
            organisation_id=office.organisation.id,
            mode=mode,
            actor=SERVICE,
            now=clock.now(),
            progress=told,
        )

    job_id = await started(jobs, work, organisation_id=office.organisation.id)
    running = await found(committed_database, job_id)
    assert (running.state, running.file_name, report_of(running)) == (ImportState.RUNNING, "contrôles.csv", None)
    await jobs.wait(job_id)
    ended = await found(committed_database, job_id)
    assert (ended.state, ended.done, ended.total, ended.ended_at) == (ImportState.DONE, 600, 600, clock.now())
    report = report_of(ended)
    assert report is not None
    assert (report.created, report.mode) == (600, mode)
    assert jobs.progress(ended) == (600, 600)
    assert len(seen) > 5


async def test_progress_is_told_while_it_runs(committed_database: Database, clock: VirtualClock) -> None:
    jobs, go_on = ImportJobs(committed_database, clock), asyncio.Event()

    async def work(progress: Progress) -> ImportReport:
        progress(40, 100)
        await go_on.wait()
        return ImportReport(ImportKind.CONTROLS, ImportMode.GOOD_LINES, is_applied=True)

    job_id = await started(jobs, work)
    await asyncio.sleep(0)
    assert jobs.progress(await found(committed_database, job_id)) == (40, 100)
    with pytest.raises(Conflict) as refused:
        await started(jobs, work)
    assert refused.value.code == "import_running"
    go_on.set()
    await jobs.wait(job_id)
    again = await started(jobs, work)
    await jobs.wait(again)
    async with committed_database.reading() as session:
        assert {job.id for job in await list_jobs(session, DESK)} == {job_id, again}


@pytest.mark.parametrize(
    ("error", "state"),
    [(InvalidInput("no"), ImportState.REFUSED), (RuntimeError("defect"), ImportState.INTERRUPTED)],
)
async def test_an_import_that_fails_ends_its_job(
    committed_database: Database, clock: VirtualClock, error: Exception, state: ImportState
) -> None:
    jobs = ImportJobs(committed_database, clock)

    async def work(_progress: Progress) -> ImportReport:
        raise error

    job_id = await started(jobs, work)
    await jobs.wait(job_id)
    assert (await found(committed_database, job_id)).state is state


async def test_stopping_ends_what_runs_and_a_new_start_ends_what_was_left(
    committed_database: Database, clock: VirtualClock
) -> None:
    jobs = ImportJobs(committed_database, clock)

    async def work(_progress: Progress) -> ImportReport:
        await asyncio.Event().wait()
        raise AssertionError("never")

    stopped = await started(jobs, work)
    await asyncio.sleep(0)
    await jobs.aclose()
    assert (await found(committed_database, stopped)).state is ImportState.INTERRUPTED
    async with committed_database.transaction() as session:
        left = ImportJob(
            kind=ImportKind.CONTROLS,
            file_name="x",
            file_hash="x",
            report={},
            started_by="",
            started_at=clock.now(),
        )
        session.add(left)
    clock.advance(timedelta(hours=1))
    async with committed_database.transaction() as session:
        assert await end_interrupted(session, now=clock.now()) == 1
    job = await found(committed_database, left.id)
    assert (job.state, job.ended_at) == (ImportState.INTERRUPTED, clock.now())


async def test_imports_are_met_by_those_who_may_make_them(database: Database, clock: VirtualClock) -> None:
    ours, theirs = await opened(database, "ours"), await opened(database, "theirs")
    async with database.transaction() as session:
        jobs = {
            name: ImportJob(
                kind=kind,
                organisation_id=organisation_id,
                file_name=name,
                file_hash="x",
                report={},
                started_by="",
                started_at=clock.now(),
            )
            for name, kind, organisation_id in (
                ("ours", ImportKind.CONTROLS, ours.organisation.id),
                ("theirs", ImportKind.CONTROLS, theirs.organisation.id),
                ("doctors", ImportKind.DOCTORS, None),
            )
        }
        session.add_all(jobs.values())
    async with database.reading() as session:
        handler = Viewer(ViewerKind.STAFF, Who.HANDLER, uuid.uuid4(), organisation_id=ours.organisation.id)
        administrator = Viewer(ViewerKind.STAFF, Who.ADMINISTRATOR, uuid.uuid4())
        doctor = Viewer(ViewerKind.STAFF, Who.DOCTOR, uuid.uuid4(), doctor_id=uuid.uuid4())
        met = {}
        for viewer in (DESK, handler, administrator, doctor):
            met[viewer] = {job.file_name for job in await list_jobs(session, viewer)}
        assert list(met.values()) == [{"ours", "theirs"}, {"ours"}, {"doctors"}, set()]
        with pytest.raises(NotFound):
            await find_job(session, handler, jobs["theirs"].id)
