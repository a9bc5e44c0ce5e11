"""Cells that are more than text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time

import pytest

from telecontrol.controls import cells
from telecontrol.errors import InvalidInput


def code(read: Callable[..., object], text: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        read(text, field="x")
    assert refused.value.field == "x"
    return refused.value.code


@pytest.mark.parametrize("text", ["2026-03-24", "24/03/2026", " 24/3/2026 "])
def test_days_are_read_in_two_forms(text: str) -> None:
    assert cells.day(text, field="x") == date(2026, 3, 24)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31/02/2026", "day_not_real"),
        ("2026-13-01", "day_not_real"),
        ("2025-02-29", "day_not_real"),
        ("9999-12-31", "day_not_real"),
        ("0001-01-01", "day_not_real"),
        ("24/03/26", "day_malformed"),
        ("03-24-2026", "day_malformed"),
        ("46105", "day_malformed"),
        ("24 mars 2026", "day_malformed"),
        ("٢٤/٠٣/٢٠٢٦", "day_malformed"),
    ],
)
def test_other_days_are_refused(text: str, expected: str) -> None:
    assert code(cells.day, text) == expected


def test_an_empty_day_is_none_unless_it_is_needed() -> None:
    assert cells.day(" ", field="x") is None
    assert code(cells.needed_day, " ") == "value_missing"


def test_weekly_hours_in_their_compact_form() -> None:
    found = cells.weekly_hours("lun-mar 9h-12h30 video; Mercredi 14:00-17:00 LYON-1 | sat 8-9", field="x")
    assert [(hours.weekday, hours.opens, hours.closes, hours.place) for hours in found] == [
        (0, time(9), time(12, 30), "video"),
        (1, time(9), time(12, 30), "video"),
        (2, time(14), time(17), "LYON-1"),
        (5, time(8), time(9), ""),
    ]
    assert cells.weekly_hours("", field="x") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lundi", "range_malformed"),
        ("lun 9:00-12:00 video encore", "range_malformed"),
        ("jou 9:00-12:00", "weekday_unknown"),
        ("ven-lun 9:00-12:00", "weekday_unknown"),
        ("lun 12:00-9:00", "range_backwards"),
        ("lun 9:00-9:00", "range_backwards"),
        ("lun 9:00", "hour_malformed"),
        ("lun 25:00-26:00", "hour_malformed"),
        ("lun 9:00-24:00", "hour_malformed"),
        ("lun 9:00-12:00; lun 11:59-13:00", "ranges_overlap"),
    ],
)
def test_hours_that_make_no_sense_are_refused(text: str, expected: str) -> None:
    assert code(cells.weekly_hours, text) == expected


def test_ranges_may_touch_and_two_places_may_be_open_at_once() -> None:
    assert len(cells.weekly_hours("lun 9:00-12:00; lun 12:00-13:00; mar 9:00-12:00", field="x")) == 3
    assert len(cells.weekly_hours("lun 9:00-12:00 video; lun 10:00-11:00 LYON", field="x")) == 2
    assert code(cells.weekly_hours, "lun 9:00-12:00 LYON; lun 10:00-11:00 lyon") == "ranges_overlap"
