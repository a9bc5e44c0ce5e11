"""Tables as offices export them: whatever the encoding and separator, the same cells, each with its line."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress

import pytest
from hypothesis import assume, given
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
LOOKS_GARBLED = re.compile("[ÂÃÄÅÌÍâð][^\x00-\x7f]")
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
    assume(any(cell.strip() for row in written for cell in row))
    # Two signs in a row that no language writes, and that UTF-8 makes of one letter: their file is refused as mixed.
    assume(encoding != "cp1252" or not any(LOOKS_GARBLED.search(cell) for row in written for cell in row))
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
        (b"\xff\xferef", "file_not_text"),
        (b"reference;nom\n;\n", "lines_missing"),
        (b"x" * (LARGEST + 1), "file_too_large"),
        (b"reference;nom\n" + b"1;x\n" * (MOST_LINES + 1), "too_many_lines"),
    ],
)
def test_what_is_no_table_is_refused_clearly(data: bytes, code: str) -> None:
    assert code_of(data)[0] == code


ZOE, LONE = "Zoé Lefèvre".encode(), "Zoé".encode("cp1252")


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ([ZOE, LONE], [3]),
        ([ZOE, ZOE, b"x", LONE, ZOE, LONE + LONE], [5, 7]),
        ([LONE, LONE, LONE, "é".encode(), LONE], [5]),
        (["l’œuvre".encode(), LONE], [3]),
        (["Jose\u0301".encode(), LONE], [3]),
        ([b"\xc9\xbb", LONE, ZOE, ZOE], [3]),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_file_of_two_encodings_is_refused_with_the_lines_to_look_at(
    lines: list[bytes], named: list[int], end: bytes
) -> None:
    data = b"reference;nom" + end + b"".join(b"1;" + line + end for line in lines)
    assert code_of(data) == ("encodings_mixed", {"lines": named})


def test_a_byte_that_the_marked_encoding_does_not_have_is_told_with_its_line() -> None:
    assert code_of(b"\xef\xbb\xbfreference;nom\n1;\xe9\n") == ("encodings_mixed", {"lines": [2]})
    assert code_of(b"reference;nom\n1;x\n1;\x81\xe9\n") == ("characters_unreadable", {"lines": [3]})
    many = b"".join(b"1;" + LONE + b"\n" for _ in range(50)) + (b"1;" + ZOE + b"\n") * 60
    assert len(code_of(b"reference;nom\n" + many)[1]["lines"]) == 20  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["CAFÉ» et été", "SOCIÉTÉ\u00a0: été", "L’ÉTÉ’S", "Ê”é", "À» é", "Ça… é – œuvre"])
def test_windows_1252_is_taken_for_itself_even_where_chance_makes_valid_utf_8(text: str) -> None:
    (line,) = read(f"référence;nom\n1;{text}\n", "cp1252")
    assert line["name"] == text


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
