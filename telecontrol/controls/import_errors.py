"""What an import refused, as a file that its sender opens in a spreadsheet beside their own."""

from __future__ import annotations

import csv
import io

from telecontrol.controls.csv_reading import Problem
from telecontrol.controls.import_report import ImportReport
from telecontrol.controls.import_words import say

_TITLES = {"fr": ("ligne", "colonne", "nature", "motif"), "en": ("line", "column", "nature", "reason")}
_NATURES = {"fr": ("à corriger", "à savoir"), "en": ("to correct", "to know")}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def errors_csv(report: ImportReport, *, language: str) -> bytes:
    """The refused lines, then what is worth knowing, by line. UTF-8 with its mark and semicolons, as French spreadsheets read.

    A cell that a spreadsheet would take for a formula begins with an apostrophe: titles come from the file, and say anything.
    """
    language = language if language in _TITLES else "en"
    refused, known = _NATURES[language]
    told: list[tuple[str, Problem]] = [(refused, each) for each in report.errors]
    told += [(known, each) for each in report.notices]
    if report.file_problem is not None:
        told.insert(0, (refused, report.file_problem))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(_TITLES[language])
    for nature, problem in sorted(told, key=lambda each: each[1].line):
        reason = say(problem.code, problem.params, language=language)
        cells = (str(problem.line or ""), problem.column, nature, reason)
        writer.writerow([harmless(cell) for cell in cells])
    return text.getvalue().encode("utf-8-sig")


def harmless(cell: str) -> str:
    """`cell` so that no spreadsheet computes it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
