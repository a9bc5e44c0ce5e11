"""Tables as offices export them: CSV of several encodings and separators, read into named cells with their line numbers.

What makes a whole file unreadable is raised; what is wrong with one line is kept as a problem of that line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from telecontrol.controls.file_text import decode, unreadable
from telecontrol.controls.names import words_of
from telecontrol.errors import InvalidInput

LARGEST = 20 * 1024 * 1024
"""Bytes. Ten thousand lines are about two million."""
MOST_LINES = 100_000
SEPARATORS = (";", ",", "\t")
_LONGEST_CELL = 10_000
# Python's reader gives up on a whole file for one long cell: here that cell is told, and the other lines can be imported.
csv.field_size_limit(LARGEST)
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=.\"?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Column:
    """A documented column: the field it fills, its French header, and the English or older ones accepted too."""

    field: str
    header: str
    aliases: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one line. `column` is the header as the file writes it; empty means the line itself."""

    line: int
    column: str
    code: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One record. `number` is the physical line it begins on, as an editor shows it; every known column has its text."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    lines: list[Line]
    problems: list[Problem]
    headers: dict[str, str]
    """Field → the header as the file writes it."""
    ignored: list[str]
    """Headers that mean nothing to this import."""
    encoding: str
    separator: str

    def problem(self, line: Line, error: InvalidInput) -> Problem:
        """The problem of a cell that did not pass, named by the file's own header."""
        column = self.headers.get(error.field or "", error.field or "")
        return Problem(line.number, column, error.code, dict(error.details))


def read_table(data: bytes, columns: Sequence[Column]) -> Table:
    """Read a whole file. Raises `InvalidInput` (field `file`) when it is too large, empty, no text, of two encodings, or lacks a
    column or lines under its titles."""
    if len(data) > LARGEST:
        raise unreadable("larger than 20 MB", "file_too_large", most=LARGEST // 1024 // 1024)
    text, encoding = decode(data)
    separator = _separator(text, columns)
    records = _records(text, separator)
    try:
        _, titles = next(records)
    except StopIteration:
        raise unreadable("the file is empty", "file_empty") from None
    places, headers, ignored = _match(titles, columns)
    lines: list[Line] = []
    problems: list[Problem] = []
    for number, cells in records:
        if len(lines) >= MOST_LINES:
            raise unreadable(f"more than {MOST_LINES} lines", "too_many_lines", most=MOST_LINES)
        line = Line(number, {name: cells[place] if place < len(cells) else "" for place, name in places.items()})
        for column in columns:
            line.cells.setdefault(column.field, "")
        lines.append(line)
        # One empty cell more is the separator that some programs put at the end of each line.
        if any(cell.strip() for cell in cells[len(titles) :]):
            problems.append(Problem(number, "", "too_many_cells", {"expected": len(titles), "found": len(cells)}))
        problems += [
            Problem(number, headers.get(name, name), "too_long", {"most": _LONGEST_CELL})
            for name, cell in line.cells.items()
            if len(cell) > _LONGEST_CELL
        ]
    if not lines:
        raise unreadable("no line under the titles", "lines_missing")
    return Table(lines, problems, headers, ignored, encoding, separator)


def _separator(text: str, columns: Sequence[Column]) -> str:
    """The separator under which the first line names most of the known columns, and then makes most cells."""

    def found(separator: str) -> tuple[int, int]:
        try:
            titles = next(_records(text, separator))[1]
        except (StopIteration, InvalidInput):
            return (0, 0)
        return len(_places(titles, columns)), len(titles)

    return max(SEPARATORS, key=found)


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins on. Blank lines, and a first line `sep=;`, are passed over but counted."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    is_first = True
    try:
        for cells in reader:
            number, begins = begins, reader.line_num + 1
            if is_first and _SEPARATOR_LINE.fullmatch(separator.join(cells)):
                continue
            if any(cell.strip() for cell in cells):
                is_first = False
                yield number, cells
    except csv.Error as error:
        raise unreadable(
            f"line {begins}: a quote is not closed, or stands in the wrong place", "quotes_broken", line=begins
        ) from error


def _key(title: str) -> str:
    return " ".join(words_of(title.replace("_", " ")))


def _places(titles: Sequence[str], columns: Sequence[Column]) -> dict[int, str]:
    """The known columns among the titles: place → field. Accents, case, spaces and underscores do not matter."""
    known = {_key(name): column.field for column in columns for name in (column.header, *column.aliases, column.field)}
    return {place: known[_key(title)] for place, title in enumerate(titles) if _key(title) in known}


def _match(titles: Sequence[str], columns: Sequence[Column]) -> tuple[dict[int, str], dict[str, str], list[str]]:
    places = _places(titles, columns)
    found = list(places.values())
    doubled = sorted({titles[place].strip() for place, name in places.items() if found.count(name) > 1})
    if doubled:
        raise unreadable(f"columns given twice: {', '.join(doubled)}", "columns_doubled", columns=doubled)
    missing = [column.header for column in columns if column.is_required and column.field not in found]
    if missing:
        raise unreadable(f"missing columns: {', '.join(missing)}", "columns_missing", columns=missing)
    headers = {name: titles[place].strip() for place, name in places.items()}
    ignored = [title.strip() for place, title in enumerate(titles) if place not in places and title.strip()]
    return places, headers, ignored
