"""A birth date as three fields of a form."""

from __future__ import annotations

from datetime import date

_EARLIEST = date(1900, 1, 1)


def as_birth_date(day: str, month: str, year: str, *, today: date) -> date | None:
    """What was typed, as a day; None for what is none, or cannot be anybody's birth."""
    try:
        given = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return given if _EARLIEST <= given <= today else None
