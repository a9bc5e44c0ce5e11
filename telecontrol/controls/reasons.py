"""The reason that somebody types for a decision: never empty, never medical (PROMISES P13)."""

from __future__ import annotations

from telecontrol.controls.medical_words import medical_words_in
from telecontrol.errors import InvalidInput

LONGEST = 300


def reason(text: str, *, field: str = "reason") -> str:
    """The reason as it is kept, on one line. Raises `InvalidInput` when it is missing, too long or holds a medical word.

    The refusal names the field and never repeats the words: they would end in a log.
    """
    one_line = " ".join(text.split())
    if not one_line:
        raise InvalidInput("say why", field=field, code="reason_missing")
    if len(one_line) > LONGEST:
        raise InvalidInput(f"at most {LONGEST} characters", field=field, code="too_long", most=LONGEST)
    if medical_words_in(one_line):
        raise InvalidInput(
            "this line is read outside the medical service: say it without medical words",
            field=field,
            code="medical_word",
        )
    return one_line
