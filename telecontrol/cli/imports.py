"""Files imported from the command line: a bar while it runs, then every line that needs a hand."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select

from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.clock import SystemClock
from telecontrol.controls.csv_reading import LARGEST
from telecontrol.controls.import_report import ImportMode, ImportReport
from telecontrol.controls.import_run import Progress as Told
from telecontrol.controls.import_words import say_problem, say_summary
from telecontrol.controls.intake import import_controls
from telecontrol.controls.models import ImportKind
from telecontrol.db.journal import Actor, ActorKind
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.scheduling.imports import import_doctors, import_sites

_ACTOR = Actor(ActorKind.SERVICE, "", "command line")


async def run_import(
    database: Database,
    kind: str,
    path: Path,
    *,
    organisation: str,
    insurer: str,
    good_lines: bool,
    language: str,
    console: Console,
    is_rehearsal: bool = False,
) -> bool:
    """Import a file and tell what happened; whether any line, or the file, was refused.

    Raises `NotFound` for an unknown organisation or insurer code, `InvalidInput` for a file over 20 MB or another language.
    """
    if language not in ("fr", "en"):
        raise InvalidInput("the language is fr or en", field="language", code="language_unknown")
    data = _content(path)
    columns = (TextColumn(path.name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        shown = bar.add_task("", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(shown, completed=done, total=total)

        report = await _import(
            database,
            ImportKind(kind),
            data,
            organisation=organisation,
            insurer=insurer,
            mode=ImportMode.GOOD_LINES if good_lines else ImportMode.ALL_OR_NOTHING,
            is_rehearsal=is_rehearsal,
            progress=tell,
        )
    show_report(report, console=console, language=language)
    return not report.is_good


def _content(path: Path) -> bytes:
    """The file's bytes; one that is too large is not even opened."""
    if path.stat().st_size > LARGEST:
        raise InvalidInput("the file is larger than 20 MB", field="file", code="file_too_large")
    return path.read_bytes()


async def _import(
    database: Database,
    kind: ImportKind,
    data: bytes,
    *,
    organisation: str,
    insurer: str,
    mode: ImportMode,
    is_rehearsal: bool,
    progress: Told,
) -> ImportReport:
    now = SystemClock().now()
    if kind is not ImportKind.CONTROLS:
        import_them = import_doctors if kind is ImportKind.DOCTORS else import_sites
        return await import_them(
            database, data, mode=mode, actor=_ACTOR, now=now, is_rehearsal=is_rehearsal, progress=progress
        )
    async with database.reading() as session:
        organisation_id = await session.scalar(select(Organisation.id).where(Organisation.code == organisation))
        insurer_id = await session.scalar(select(Insurer.id).where(Insurer.code == insurer))
    if organisation_id is None:
        raise NotFound(f"no organisation has the code {organisation}", code="organisation_not_found")
    if insurer and insurer_id is None:
        raise NotFound(f"no insurer has the code {insurer}", code="insurer_not_found")
    return await import_controls(
        database,
        data,
        organisation_id=organisation_id,
        insurer_id=insurer_id,
        mode=mode,
        actor=_ACTOR,
        now=now,
        is_rehearsal=is_rehearsal,
        progress=progress,
    )


def show_report(report: ImportReport, *, console: Console, language: str) -> None:
    """Errors first, then what is worth knowing, then the count: the last line is the one that is read."""
    problems = [*([report.file_problem] if report.file_problem else []), *report.errors]
    for style, told in (("red", problems), ("yellow", report.notices)):
        for problem in told:
            # Plain text: what a file says must not be read as markup.
            console.print(say_problem(problem, language=language), style=style, markup=False, highlight=False)
    console.print(say_summary(report, language=language), style="bold", markup=False, highlight=False)
