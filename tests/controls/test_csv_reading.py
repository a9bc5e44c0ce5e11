"""Tables as offices export them: whatever the encoding and separator, the same cells, each with its line."""

from __future__ import annotations

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecontrol.controls.csv_reading import LARGEST, MOST_LINES, Column, read_table
from telecontrol.errors import InvalidInput

COLUMNS = (
    Column("reference", "référence", ("reference",), is_required=True),
    Column("name", "nom", ("family name",), is_required=True),
    Column("note", "début de l'arrêt", ("leave start",)),
)

# What Windows-1252 can write, without the signs that end a line (those have their own test).
cp1252_text = st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cs"]), max_size=30)
rows = st.lists(st.tuples(cp1252_text, cp1252_text, cp1252_text), min_size=1, max_size=12)


def read(text: str, encoding: str = "utf-8") -> list[dict[str, str]]:
    return [line.cells for line in read_table(text.encode(encoding), COLUMNS).lines]


def code_of(data: bytes) -> tuple[str, dict[str, object]]:
    with pytest.raises(InvalidInput) as refused:
        read_table(data, COLUMNS)
    assert refused.value.field == "file"
    return refused.value.code, refused.value.details


@given(
    rows,
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    st.sampled_from([";", ",", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_was_written_is_read_back(
    written: list[tuple[str, str, str]], encoding: str, separator: str, line_end: str, quoting: int
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["Référence", "Nom", "Début de l'arrêt"])
    writer.writerows(written)
    table = read_table(out.getvalue().encode(encoding), COLUMNS)
    full = [(number, row) for number, row in enumerate(written, start=2) if any(cell.strip() for cell in row)]
    assert [(line.number, tuple(line.cells.values())) for line in table.lines] == full
    assert table.separator == separator
    assert table.problems == []


def test_lines_are_numbered_as_an_editor_shows_them() -> None:
    text = '\n\nreference;nom\n\nA;"deux\nlignes"\n;\n  \nB;x\r\n'
    table = read_table(text.encode(), COLUMNS)
    assert [(line.number, line.cells["reference"]) for line in table.lines] == [(5, "A"), (9, "B")]


@pytest.mark.parametrize(
    "titles",
    ["Référence;Nom", "REFERENCE;nom", "reference ; Family_Name", '"référence";"NOM"', "re\u0301fe\u0301rence;nom"],
)
def test_titles_are_recognised_without_accents_case_or_underscores(titles: str) -> None:
    assert read(f"{titles}\n1;Moreau\n") == [{"reference": "1", "name": "Moreau", "note": ""}]


def test_a_separator_inside_titles_or_cells_does_not_deceive() -> None:
    assert read('nom;reference;"a,b,c,d"\n"x;y,z";1;\n')[0]["name"] == "x;y,z"
    assert read('nom,reference,"a;b;c;d"\n"x;y,z",1,\n')[0]["name"] == "x;y,z"


def test_the_separator_line_of_spreadsheets_is_passed_over() -> None:
    table = read_table(b"sep=,\r\nreference,nom\r\n1,Moreau\r\n", COLUMNS)
    assert [(line.number, line.cells["name"]) for line in table.lines] == [(3, "Moreau")]


def test_columns_missing_doubled_and_unknown_are_named() -> None:
    assert code_of(b"nom;autre\nx;y\n") == ("columns_missing", {"columns": ["référence"]})
    assert code_of(b"a;b\n1;2\n") == ("columns_missing", {"columns": ["référence", "nom"]})
    assert code_of("référence;nom;family name\n".encode()) == ("columns_doubled", {"columns": ["family name", "nom"]})
    table = read_table(b"reference;nom;Humeur;\n1;x;bonne;\n", COLUMNS)
    assert table.ignored == ["Humeur"]
    assert table.headers == {"reference": "reference", "name": "nom"}


def test_too_many_cells_are_a_problem_of_their_line_and_too_few_are_empty() -> None:
    table = read_table(b"reference;nom\n1;x;y\n2\n3;x;\n4;x;;;\n", COLUMNS)
    assert [(problem.line, problem.code) for problem in table.problems] == [(2, "too_many_cells")]
    assert [line.cells["name"] for line in table.lines] == ["x", "", "x", "x"]


def test_text_that_looks_like_a_formula_stays_text() -> None:
    cells = ["=1+1", "+33", "-2", "@SUM(A1)", "=cmd|' /C calc'!A0"]
    text = "reference;nom\n" + "".join(f"{number};{cell}\n" for number, cell in enumerate(cells))
    assert [line["name"] for line in read(text)] == cells


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b"\xef\xbb\xbf\n\n", "file_empty"),
        (b"reference;nom\n1;a\0b\n", "file_not_text"),
        (b"PK\x03\x04\x14\x00\x06\x00", "file_not_text"),
        (b"\xef\xbb\xbfreference;nom\n1;\xe9\n", "file_not_text"),
        (b"reference;nom\n1;\x81\xe9\n", "file_not_text"),
        (b"x" * (LARGEST + 1), "file_too_large"),
        (b"reference;nom\n" + b"1;x\n" * (MOST_LINES + 1), "too_many_lines"),
    ],
)
def test_what_is_no_table_is_refused_clearly(data: bytes, code: str) -> None:
    assert code_of(data)[0] == code


def test_a_cell_beyond_measure_is_a_problem_of_its_line_alone() -> None:
    table = read_table(f"reference;nom\n1;x\n2;{'y' * 200_000}\n3;z\n".encode(), COLUMNS)
    assert [(problem.line, problem.column, problem.code) for problem in table.problems] == [(3, "nom", "too_long")]
    assert [line.cells["reference"] for line in table.lines] == ["1", "2", "3"]


@pytest.mark.parametrize("bad", ['3;"Moreau\n4;x\n', '3;"Moreau"x\n4;x\n'])
def test_a_broken_quote_is_told_with_its_line(bad: str) -> None:
    assert code_of(f"reference;nom\n1;x\n{bad}".encode()) == ("quotes_broken", {"line": 3})


@given(st.binary(max_size=400))
def test_any_bytes_give_a_table_or_a_clear_refusal(data: bytes) -> None:
    with suppress(InvalidInput):
        table = read_table(b"reference;nom\n" + data, COLUMNS)
        assert all(set(line.cells) == {"reference", "name", "note"} for line in table.lines)
