"""How lines become rows: all in one transaction, or the good ones some hundreds at a time, or in a rehearsal not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.csv_reading import Column, Line, Problem, Table, read_table
from telecontrol.controls.import_report import ImportMode, ImportReport
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, TelecontrolError

T = TypeVar("T")
AT_ONCE = 500
_CHECKED_AT_ONCE = 100
"""Lines checked before other work gets its turn on the event loop."""

Progress = Callable[[int, int], None]
"""Told how many lines are done, of how many. Quick, and writes nothing: a transaction may be open."""


class Verdict(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one line: with the fields that differ, or the error that refused it."""

    verdict: Verdict
    fields: tuple[str, ...] = ()
    error: TelecontrolError | None = None


def upserted(*, is_new: bool, changed: Sequence[str]) -> LineResult:
    """The result of a line that creates, or brings up to date, or finds everything as it says."""
    if is_new:
        return LineResult(Verdict.CREATED)
    return LineResult(Verdict.UPDATED, tuple(changed)) if changed else LineResult(Verdict.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Importing(Generic[T]):
    """What sets one kind of import apart."""

    columns: Sequence[Column]
    check: Callable[[Table, Line, list[Problem], list[Problem]], T | None]
    """The value of a line, or none after adding to the problems; the second list takes notices. Pure."""
    apply: Callable[[AsyncSession, Sequence[T]], Awaitable[list[LineResult]]]
    rehearse: Callable[[AsyncSession, Sequence[T]], Awaitable[list[LineResult]]]
    """As `apply`, writing nothing."""
    key: Callable[[T], str]
    """What two lines of a file may not share; kept in the column `key_field`."""
    key_field: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """A line that says word for word what line `first` says; `header` names the column that tells lines apart."""

    line: int
    first: int
    header: str


class _Withdrawn(Exception):
    """Rolls an all-or-nothing transaction back."""


def silent(_done: int, _total: int) -> None:
    """Tells nobody."""


async def run_import(
    database: Database,
    importing: Importing[T],
    data: bytes,
    report: ImportReport,
    *,
    progress: Progress = silent,
) -> ImportReport:
    """Read, check and apply a file; `report` says how (mode, rehearsal) and takes what happened.

    A file that cannot be read at all is told in `report.file_problem`.
    """
    began = time.perf_counter()
    try:
        table = await asyncio.to_thread(read_table, data, importing.columns)
    except InvalidInput as error:
        report.file_problem = Problem(int(error.details.get("line", 0)), "", error.code, dict(error.details))
        return report
    report.describe(table)
    steps = _Steps(progress, total=len(table.lines))
    repeats: list[Repeat] = []
    good = await _check(importing, table, report, steps, repeats)
    if report.is_rehearsal:
        async with database.reading() as session:
            for chunk in _chunks(good):
                _count(report, table, chunk, await importing.rehearse(session, [value for _, value in chunk]))
                steps.applied(len(chunk))
    elif report.mode is ImportMode.GOOD_LINES:
        await _apply_good(database, importing, table, report, good, steps)
    elif not report.errors:
        await _apply_all(database, importing, table, report, good, steps)
    _settle_repeats(report, repeats)
    report.settle()
    report.seconds = round(time.perf_counter() - began, 3)
    steps.finish()
    return report


async def _check(
    importing: Importing[T], table: Table, report: ImportReport, steps: _Steps, repeats: list[Repeat]
) -> list[tuple[Line, T]]:
    good: list[tuple[Line, T]] = []
    seen: dict[str, Line] = {}
    spoilt = {problem.line for problem in table.problems}
    for number, line in enumerate(table.lines):
        problems: list[Problem] = []
        notices: list[Problem] = []
        value = importing.check(table, line, problems, notices)
        if value is not None and not problems:
            first = seen.setdefault(importing.key(value), line)
            if first is not line:
                header = table.headers.get(importing.key_field, importing.key_field)
                if _says_the_same(first, line) and line.number not in spoilt:
                    repeats.append(Repeat(line.number, first.number, header))
                else:
                    problems.append(Problem(line.number, header, "twice_in_file", {"first": first.number}))
            elif line.number not in spoilt:
                good.append((line, value))
                report.notices += notices
        report.errors += problems
        if number % _CHECKED_AT_ONCE == 0:
            steps.checked(number)
            await asyncio.sleep(0)
    return good


def _says_the_same(one: Line, other: Line) -> bool:
    return {name: text.strip() for name, text in one.cells.items()} == {
        name: text.strip() for name, text in other.cells.items()
    }


def _settle_repeats(report: ImportReport, repeats: Sequence[Repeat]) -> None:
    """A line that repeats another word for word counts as that one: there already, unless the first was refused."""
    refused = {problem.line for problem in report.errors}
    for repeat in repeats:
        if repeat.first in refused:
            report.errors.append(Problem(repeat.line, repeat.header, "twice_in_file", {"first": repeat.first}))
            continue
        report.notices.append(Problem(repeat.line, "", "repeated_in_file", {"first": repeat.first}))
        if report.is_applied or report.is_rehearsal:
            report.unchanged += 1


async def _apply_good(
    database: Database,
    importing: Importing[T],
    table: Table,
    report: ImportReport,
    good: list[tuple[Line, T]],
    steps: _Steps,
) -> None:
    for chunk in _chunks(good):
        async with database.transaction() as session:
            results = await importing.apply(session, [value for _, value in chunk])
        _count(report, table, chunk, results)
        steps.applied(len(chunk))
        await asyncio.sleep(0)
    report.is_applied = True


async def _apply_all(
    database: Database,
    importing: Importing[T],
    table: Table,
    report: ImportReport,
    good: list[tuple[Line, T]],
    steps: _Steps,
) -> None:
    try:
        async with database.transaction() as session:
            for chunk in _chunks(good):
                results = await importing.apply(session, [value for _, value in chunk])
                _count(report, table, chunk, results)
                # What was written is in the database: forgetting it keeps ten thousand lines in little memory.
                session.expunge_all()
                steps.applied(len(chunk))
                await asyncio.sleep(0)
            if report.errors:
                raise _Withdrawn
    except _Withdrawn:
        return
    report.is_applied = True


def _count(report: ImportReport, table: Table, chunk: Sequence[tuple[Line, T]], results: Sequence[LineResult]) -> None:
    for (line, _), result in zip(chunk, results, strict=True):
        if result.verdict is Verdict.REFUSED:
            error = result.error
            assert error is not None
            name = error.field if isinstance(error, InvalidInput) else None
            column = table.headers.get(name or "", name or "")
            # Ids are left out: those of a transaction that is rolled back mean nothing afterwards.
            params = {key: value for key, value in error.details.items() if not key.endswith("_id")}
            report.errors.append(Problem(line.number, column, error.code, params))
            continue
        setattr(report, result.verdict, getattr(report, result.verdict) + 1)
        if result.verdict is Verdict.CHANGED:
            names = [table.headers.get(name, name) for name in result.fields]
            report.notices.append(Problem(line.number, "", "already_there_changed", {"columns": names}))


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


class _Steps:
    """Progress over two passes, checking (a tenth of the way) and applying, told as lines of the file."""

    def __init__(self, progress: Progress, *, total: int) -> None:
        self._progress, self._total, self._applied = progress, total, 0

    def checked(self, count: int) -> None:
        self._progress(count // 10, self._total)

    def applied(self, count: int) -> None:
        self._applied += count
        self._progress(min(self._total, (self._total + 9 * self._applied) // 10), self._total)

    def finish(self) -> None:
        self._progress(self._total, self._total)
