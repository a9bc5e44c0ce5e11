"""Controls from a file: every line answered for, nothing created twice."""

from __future__ import annotations

import ast
import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import telecontrol
from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.controls.import_report import ImportMode, ImportReport
from telecontrol.controls.import_words import LANGUAGES, known_codes, say, say_problem
from telecontrol.controls.intake import COLUMNS, import_controls
from telecontrol.controls.models import Control, Insured
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import SERVICE, JournalEntry
from telecontrol.db.session import Database
from telecontrol.tasks.models import Task, TaskKind

ALL, GOOD = ImportMode.ALL_OR_NOTHING, ImportMode.GOOD_LINES
HEADER = [column.header for column in COLUMNS]


def row(number: int, **given: str) -> dict[str, str]:
    values = {
        "référence": f"D-{number:05}",
        "procédure": "A",
        "matricule": f"M-{number:05}",
        "nom": "Moreau",
        "prénom": "Hélène",
        "date de naissance": "17/05/1984",
        "courriel": f"personne{number}@courriel.example",
        "mobile": "06 39 98 12 34",
        "langue": "fr",
        "adresse": "4, rue des Lilas",
        "code postal": "01000",
        "ville": "Bourg-en-Bresse",
        "début de l'arrêt": "2026-02-23",
        "fin de l'arrêt": "22/03/2026",
        "prescripteur": "Dr Petit",
        "RPPS prescripteur": "79927398713",
        "RPPS médecin traitant": "",
        "assureur": "",
    }
    return {**values, **given}


def file(*rows: dict[str, str], separator: str = ";", encoding: str = "utf-8") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, HEADER, delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


async def imported(
    database: Database, office: Any, data: bytes, now: datetime, mode: ImportMode = ALL, **given: Any
) -> ImportReport:
    return await import_controls(
        database, data, organisation_id=office.organisation.id, mode=mode, actor=SERVICE, now=now, **given
    )


async def count(database: Database, table: Any) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    return report.total, report.created, report.unchanged, report.changed, report.rejected


@pytest.mark.parametrize(("separator", "encoding"), [(";", "cp1252"), (",", "utf-8-sig"), (";", "utf-8")])
async def test_a_file_becomes_controls_to_book(
    database: Database, office: Any, now: datetime, separator: str, encoding: str
) -> None:
    data = file(row(1), row(2, mobile=""), separator=separator, encoding=encoding)
    report = await imported(database, office, data, now)
    assert counts(report) == (2, 2, 0, 0, 0)
    assert (report.is_applied, report.separator, report.encoding) == (True, separator, encoding)
    assert [(notice.line, notice.column, notice.code) for notice in report.notices] == [(3, "mobile", "phone_absent")]
    async with database.reading() as session:
        controls = list(await session.scalars(select(Control).order_by(Control.external_reference)))
        assert [(c.external_reference, c.state, c.leave_ends_on, c.insurer_id) for c in controls] == [
            ("D-00001", ControlState.TO_BOOK, date(2026, 3, 22), office.insurer.id),
            ("D-00002", ControlState.TO_BOOK, date(2026, 3, 22), office.insurer.id),
        ]
        assert len({control.reference for control in controls}) == 2
        person = (await session.scalars(select(Insured).where(Insured.external_reference == "M-00001"))).one()
        assert (person.given_name, person.birth_on, person.phone) == ("Hélène", date(1984, 5, 17), "+33639981234")
        assert person.address == "4, rue des Lilas"
        kinds = sorted(await session.scalars(select(Task.kind)))
        assert kinds == [TaskKind.CONTROL_TO_BOOK, TaskKind.CONTROL_TO_BOOK, TaskKind.ONE_CHANNEL_ONLY]
        assert await session.scalar(select(func.count(JournalEntry.id))) == 6


@pytest.mark.parametrize("mode", [ALL, GOOD])
async def test_the_same_file_twice_creates_nothing_twice(
    database: Database, office: Any, now: datetime, mode: ImportMode
) -> None:
    data = file(*(row(number) for number in range(5)))
    first, again = [await imported(database, office, data, now + timedelta(hours=h), mode) for h in (0, 1)]
    assert counts(first) == (5, 5, 0, 0, 0)
    assert counts(again) == (5, 0, 5, 0, 0)
    assert (again.notices, again.is_applied) == ([], True)
    assert (await count(database, Control), await count(database, Insured)) == (5, 5)
    assert await count(database, Task) == 5


async def test_other_data_for_a_known_number_is_told_and_left_alone(
    database: Database, office: Any, now: datetime
) -> None:
    await imported(database, office, file(row(1), row(2)), now)
    changed = row(1, courriel="autre@courriel.example", **{"fin de l'arrêt": "2026-03-30"})
    report = await imported(database, office, file(changed, row(2), row(3)), now)
    assert counts(report) == (3, 1, 1, 1, 0)
    (notice,) = report.notices
    assert (notice.line, notice.code) == (2, "already_there_changed")
    assert set(notice.params["columns"]) == {"courriel", "fin de l'arrêt"}
    async with database.reading() as session:
        emails = set(await session.scalars(select(Insured.email)))
        assert "autre@courriel.example" not in emails


BAD = [
    (row(2, mobile="01 42 34 56 78"), "mobile", "phone_fixed_line"),
    (row(2, courriel="pas une adresse"), "courriel", "email_malformed"),
    (row(2, nom=""), "nom", "value_missing"),
    (row(2, référence=""), "référence", "value_missing"),
    (row(2, matricule=" "), "matricule", "value_missing"),
    (row(2, procédure="D"), "procédure", "procedure_unknown"),
    (row(2, assureur="inconnu"), "assureur", "insurer_unknown"),
    (row(2, **{"date de naissance": "31/02/1984"}), "date de naissance", "day_not_real"),
    (row(2, **{"date de naissance": "2020-01-01"}), "date de naissance", "birth_date_implausible"),
    (row(2, **{"début de l'arrêt": ""}), "début de l'arrêt", "value_missing"),
    (row(2, **{"fin de l'arrêt": "bientôt"}), "fin de l'arrêt", "day_malformed"),
    (row(2, **{"fin de l'arrêt": "2026-02-22"}), "fin de l'arrêt", "leave_out_of_order"),
    (row(2, **{"RPPS prescripteur": "79927398710"}), "RPPS prescripteur", "rpps_key_wrong"),
    (row(2, **{"code postal": "1000"}), "code postal", "postcode_malformed"),
    (row(2, nom="x" * 121), "nom", "too_long"),
    (row(2, nom="Moreau\u202e"), "nom", "control_characters"),
    (row(2, langue="de"), "langue", "language_unknown"),
    (row(1, nom="Autre"), "référence", "twice_in_file"),
    (row(2, matricule="M-00001"), "", "control_open"),
]


@pytest.mark.parametrize(("bad", "column", "code"), BAD)
async def test_a_bad_line_is_named_and_stops_everything_or_itself_alone(
    database: Database, office: Any, now: datetime, bad: dict[str, str], column: str, code: str
) -> None:
    data = file(row(1), bad, row(3))
    refused = await imported(database, office, data, now, ALL)
    assert [(error.line, error.column, error.code) for error in refused.errors] == [(3, column, code)]
    assert (refused.is_applied, refused.rejected) == (False, 1)
    assert (await count(database, Control), await count(database, Insured), await count(database, Task)) == (0, 0, 0)
    rehearsal = await imported(database, office, data, now, GOOD, is_rehearsal=True)
    report = await imported(database, office, data, now, GOOD)
    assert counts(report) == counts(rehearsal) == (3, 2, 0, 0, 1)
    assert report.errors == refused.errors == rehearsal.errors
    async with database.reading() as session:
        assert set(await session.scalars(select(Control.external_reference))) == {"D-00001", "D-00003"}


async def test_all_that_is_wrong_is_told_at_once(database: Database, office: Any, now: datetime) -> None:
    bad = row(1, mobile="x", courriel="x", procédure="X", **{"début de l'arrêt": "hier"})
    report = await imported(database, office, file(bad, row(2, nom="")), now)
    assert {(error.line, error.column) for error in report.errors} == {
        (2, "mobile"),
        (2, "courriel"),
        (2, "procédure"),
        (2, "début de l'arrêt"),
        (3, "nom"),
    }
    assert report.rejected == 2


async def test_a_rehearsal_writes_nothing_and_says_what_would_happen(
    database: Database, office: Any, now: datetime
) -> None:
    await imported(database, office, file(row(1)), now)
    lines = [row(1), row(2), row(3, matricule="M-00002"), row(4, mobile="x")]
    report = await imported(database, office, file(*lines), now, GOOD, is_rehearsal=True)
    assert counts(report) == (4, 1, 1, 0, 2)
    assert (report.is_rehearsal, report.is_applied) == (True, False)
    assert {(error.line, error.code) for error in report.errors} == {(4, "control_open"), (5, "phone_unreadable")}
    assert await count(database, Control) == 1
    assert await count(database, JournalEntry) == 3


async def test_a_line_over_several_chunks_is_known_to_the_later_ones(
    database: Database, office: Any, now: datetime
) -> None:
    lines = [row(number) for number in range(520)]
    lines.append(row(900, matricule="M-00000"))
    for given in ({"is_rehearsal": True}, {}):
        steps: list[tuple[int, int]] = []

        def note(done: int, total: int, told: list[tuple[int, int]] = steps) -> None:
            told.append((done, total))

        report = await imported(database, office, file(*lines), now, GOOD, progress=note, **given)
        assert counts(report) == (521, 520, 0, 0, 1)
        assert [(error.line, error.code) for error in report.errors] == [(522, "control_open")]
        assert steps[-1] == (521, 521)
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
        assert len(steps) > 5
    everything = await imported(database, office, file(*lines[:-1], row(901), row(902, nom="")), now, ALL)
    assert (everything.is_applied, await count(database, Control)) == (False, 520)


async def test_the_insurer_is_named_meant_or_asked_for(database: Database, office: Any, now: datetime) -> None:
    async with database.transaction() as session:
        other = Insurer(code="Autre", name="Autre", created_at=now)
        session.add(other)
    report = await imported(database, office, file(row(1), row(2, assureur=" AUTRE ")), now, GOOD)
    assert [(error.line, error.column, error.code) for error in report.errors] == [(2, "assureur", "insurer_missing")]
    report = await imported(database, office, file(row(1)), now, insurer_id=office.insurer.id)
    assert report.created == 1
    async with database.reading() as session:
        found = dict((await session.execute(select(Control.external_reference, Control.insurer_id))).all())
    assert found == {"D-00001": office.insurer.id, "D-00002": other.id}


async def test_organisations_do_not_see_each_others_numbers(database: Database, office: Any, now: datetime) -> None:
    await imported(database, office, file(row(1)), now)
    async with database.transaction() as session:
        other = Organisation(code="other", name="Other", created_at=now)
        session.add(other)
    report = await import_controls(database, file(row(1)), organisation_id=other.id, mode=ALL, actor=SERVICE, now=now)
    assert counts(report) == (1, 1, 0, 0, 0)
    assert await count(database, Insured) == 2


async def test_formulas_are_kept_as_the_text_they_are(database: Database, office: Any, now: datetime) -> None:
    given = row(1, nom="=Moreau()", adresse='=HYPERLINK("http://x")', ville="+Bourg", prescripteur="@Petit")
    assert (await imported(database, office, file(given), now)).created == 1
    async with database.reading() as session:
        person = (await session.scalars(select(Insured))).one()
        assert (person.family_name, person.address, person.city) == ("=Moreau()", '=HYPERLINK("http://x")', "+Bourg")


async def test_a_line_that_repeats_another_counts_once_with_a_note(
    database: Database, office: Any, now: datetime
) -> None:
    data = file(row(1), row(2), row(1, nom=" Moreau "), row(1))
    rehearsal = await imported(database, office, data, now, ALL, is_rehearsal=True)
    report = await imported(database, office, data, now, ALL)
    assert counts(rehearsal) == counts(report) == (4, 2, 2, 0, 0)
    assert report.is_good
    assert [(told.line, told.code, told.params) for told in report.notices] == [
        (4, "repeated_in_file", {"first": 2}),
        (5, "repeated_in_file", {"first": 2}),
    ]
    assert say_problem(report.notices[0]) == "ligne 4 : identique à la ligne 2 du fichier : comptée une seule fois"
    assert await count(database, Control) == 2


async def test_what_repeats_a_refused_line_is_refused_too(database: Database, office: Any, now: datetime) -> None:
    """Line 3 asks for a second control of the same leave, which only the database knows; line 4 repeats it."""
    second = row(2, matricule="M-00001")
    report = await imported(database, office, file(row(1), second, second), now, GOOD)
    assert [(error.line, error.code) for error in report.errors] == [(3, "control_open"), (4, "twice_in_file")]
    assert counts(report) == (3, 1, 0, 0, 2)


async def test_titles_alone_are_told(database: Database, office: Any, now: datetime) -> None:
    report = await imported(database, office, file(), now)
    assert report.file_problem is not None
    assert (report.file_problem.code, report.is_good, report.is_applied) == ("lines_missing", False, False)
    assert say_problem(report.file_problem) == "il n'y a aucune ligne sous les titres : rien à importer"


async def test_a_stray_byte_in_a_utf_8_file_garbles_nobody(database: Database, office: Any, now: datetime) -> None:
    """As Windows-1252 it would be read without an error, and the person be called ZoÃ© in a legal letter."""
    data = file(row(1, prénom="Zoé")) + file(row(2, prénom="Zoé"), encoding="cp1252").partition(b"\r\n")[2]
    report = await imported(database, office, data, now)
    assert report.file_problem is not None
    assert say_problem(report.file_problem, language="en").startswith("line(s) 3: accents saved in another way")
    assert await count(database, Control) == 0


async def test_a_file_that_is_no_table_is_told_as_such(database: Database, office: Any, now: datetime) -> None:
    report = await imported(database, office, b"PK\x03\x04\0\0", now)
    assert report.file_problem is not None
    assert (report.file_problem.code, report.is_good, report.is_applied) == ("file_not_text", False, False)
    broken = await imported(database, office, file() + b'1;"x', now)
    assert broken.file_problem is not None
    assert broken.file_problem.line == 2


async def test_columns_that_a_file_lacks_are_told_once(database: Database, office: Any, now: datetime) -> None:
    text = "référence;matricule;nom;prénom;début de l'arrêt;fin de l'arrêt;Humeur\n" + "".join(
        f"D-{number};M-{number};Moreau;Hélène;2026-02-23;2026-03-22;bonne\n" for number in range(3)
    )
    report = await imported(database, office, text.encode(), now)
    assert (report.created, report.ignored_columns) == (3, ["Humeur"])
    assert sorted(notice.code for notice in report.notices) == ["birth_on_absent", "email_absent", "phone_absent"]


async def test_a_report_survives_being_stored(database: Database, office: Any, now: datetime) -> None:
    report = await imported(database, office, file(row(1), row(2, nom="")), now, GOOD)
    assert ImportReport.from_json(report.to_json()) == report


def codes_raised(*paths: str) -> set[str]:
    """Every literal `code=` in these files, and the codes that problems are made with."""
    found: set[str] = set()
    root = Path(telecontrol.__file__).parent
    for path in paths:
        for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Problem", "unreadable", "Conflict"}:
                found |= {
                    argument.value
                    for argument in node.args
                    if isinstance(argument, ast.Constant)
                    and isinstance(argument.value, str)
                    and "_" in argument.value
                    and " " not in argument.value
                }
    return found


def test_every_code_of_an_import_has_words_in_both_languages() -> None:
    raised = codes_raised(
        "controls/cells.py",
        "controls/checks.py",
        "controls/csv_reading.py",
        "controls/file_text.py",
        "controls/filing.py",
        "controls/import_run.py",
        "controls/intake.py",
        "notify/phones.py",
        "scheduling/doctor_filing.py",
        "scheduling/site_filing.py",
    )
    raised |= {"phone_fixed_line", "phone_premium", "phone_not_mobile"}  # chosen by type, in one function
    raised |= {f"{name}_absent" for name in ("birth_on", "email", "phone")} | {"procedure_unknown"}
    assert raised - known_codes() == set()
    assert known_codes() - raised == set(), "words for codes that nothing raises"
    params = dict.fromkeys(["most", "line", "columns", "found", "expected", "first", "part", "lines"], 1)
    for code in known_codes():
        said = {say(code, params, language=language) for language in LANGUAGES}
        assert len(said) == 2
        assert all(text.strip() for text in said)


async def test_a_problem_reads_as_a_sentence(database: Database, office: Any, now: datetime) -> None:
    report = await imported(database, office, file(row(1, mobile="01 42 34 56 78")), now)
    assert say_problem(report.errors[0]).startswith("ligne 2, colonne « mobile » : ligne fixe")
    assert say_problem(report.errors[0], language="en").startswith("line 2, column “mobile”: a fixed line")
