"""Instants and days as the API takes them: strings of one form each, and nothing that only looks like them.

A number would pass as seconds since 1970, a birth date of `0` as the first of January 1970: both are typing errors.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _written_as_instant(value: Any) -> str:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("an instant is text with its offset (RFC 3339), as 2026-03-09T09:00:00+01:00")
    return value


def _written_as_day(value: Any) -> str:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day is text, as 2026-03-09")
    return value


def _in_utc(value: datetime) -> datetime:
    """The same instant in UTC: what is answered does not depend on the offset that the caller wrote."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        # At the calendar's two ends there is no UTC: left as it is, and refused as a year that nobody knows.
        return value


Instant = Annotated[AwareDatetime, BeforeValidator(_written_as_instant), AfterValidator(_in_utc)]
"""RFC 3339 with an offset; aware and in UTC once it is in."""
Day = Annotated[date, BeforeValidator(_written_as_day)]
"""`YYYY-MM-DD`."""
