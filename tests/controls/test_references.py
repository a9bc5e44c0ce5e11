"""References: random, readable, recognised however they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecontrol.controls.references import (
    ALPHABET,
    as_part_of_reference,
    as_reference,
    free_references,
    new_reference,
)
from telecontrol.db.session import Database

signs = st.text(ALPHABET, min_size=4, max_size=4)


@given(signs, signs, st.sampled_from(["TC-{}-{}", "tc {} {}", "TC{}{}", " tc-{} - {}\n"]))
def test_a_reference_is_recognised_however_it_is_typed(first: str, second: str, shape: str) -> None:
    assert as_reference(shape.format(first, second).lower()) == f"TC-{first}-{second}"


@given(st.text(max_size=20))
def test_other_text_is_no_reference_or_becomes_a_well_formed_one(text: str) -> None:
    found = as_reference(text)
    assert found is None or as_reference(found) == found


def test_references_fit_their_column_and_hold_no_doubtful_sign() -> None:
    drawn = {new_reference() for _ in range(500)}
    assert len(drawn) == 500
    assert {len(reference) for reference in drawn} == {12}
    assert not set("AEIOUYL01") & set(ALPHABET)
    assert all(as_reference(reference) == reference for reference in drawn)


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("TC-K4G5", "TC-K4G5"),
        ("tc k4", "TC-K4"),
        ("TC-K4G5-7", "TC-K4G5-7"),
        ("k4g5", "-K4G5"),
        ("TC-", None),
        ("TCK", None),
        ("DGHJ", None),
        ("K4G57", None),
        ("Durand", None),
        ("", None),
    ],
)
def test_part_of_a_reference_is_written_as_it_stands_there(typed: str, part: str | None) -> None:
    assert as_part_of_reference(typed) == part


async def test_free_references_are_all_different(database: Database) -> None:
    async with database.reading() as session:
        assert len(set(await free_references(session, 500))) == 500
