"""The reasons that people type: kept on one line, never empty, never medical."""

from __future__ import annotations

import pytest

from telecontrol.controls.reasons import LONGEST, reason
from telecontrol.errors import InvalidInput


def test_a_reason_is_kept_on_one_line() -> None:
    assert reason("  coupure chez\n l'opérateur ") == "coupure chez l'opérateur"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("  ", "reason_missing"),
        ("x" * (LONGEST + 1), "too_long"),
        ("Coupure chez l'opérateur, fracture de la jambe", "medical_word"),
        ("He has the flu", "medical_word"),
    ],
)
def test_what_is_refused_names_its_field_and_repeats_nothing(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        reason(text, field="waiver_reason")
    assert (refused.value.field, refused.value.code) == ("waiver_reason", code)
    assert text.strip() == "" or text not in str(refused.value)
