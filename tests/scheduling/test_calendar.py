"""Public holidays against lists written by hand."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from telecontrol.scheduling.calendar import (
    KNOWN_YEARS,
    Holiday,
    Territory,
    easter_sunday,
    is_public_holiday,
    public_holidays,
    public_holidays_between,
    territory_of_department,
    territory_of_zone,
)
from tests.scheduling.oracle import FRENCH_ZONES

NATIONAL_2026 = {
    "2026-01-01": Holiday.NEW_YEAR,
    "2026-04-06": Holiday.EASTER_MONDAY,
    "2026-05-01": Holiday.LABOUR_DAY,
    "2026-05-08": Holiday.VICTORY_1945,
    "2026-05-14": Holiday.ASCENSION,
    "2026-05-25": Holiday.WHIT_MONDAY,
    "2026-07-14": Holiday.NATIONAL_DAY,
    "2026-08-15": Holiday.ASSUMPTION,
    "2026-11-01": Holiday.ALL_SAINTS,
    "2026-11-11": Holiday.ARMISTICE_1918,
    "2026-12-25": Holiday.CHRISTMAS,
}

# Month and day of Easter Sunday, as published.
EASTERS = """2018-04-01 2019-04-21 2020-04-12 2021-04-04 2022-04-17 2023-04-09 2024-03-31 2025-04-20 2026-04-05 2027-03-28
2028-04-16 2029-04-01 2030-04-21 2031-04-13 2032-03-28 2033-04-17 2034-04-09 2035-03-25 2036-04-13 2037-04-05 2038-04-25
2039-04-10 2040-04-01"""


def as_text(territory: Territory, year: int = 2026) -> dict[str, Holiday]:
    found = public_holidays(year, territory)
    assert all(len(holidays) == 1 for holidays in found.values())
    return {day.isoformat(): holidays[0] for day, holidays in found.items()}


@pytest.mark.parametrize(
    ("territory", "local"),
    [
        (Territory.METROPOLE, {}),
        (Territory.ALSACE_MOSELLE, {"2026-04-03": Holiday.GOOD_FRIDAY, "2026-12-26": Holiday.SAINT_STEPHEN}),
        (Territory.GUADELOUPE, {"2026-05-27": Holiday.ABOLITION_OF_SLAVERY}),
        (Territory.MARTINIQUE, {"2026-05-22": Holiday.ABOLITION_OF_SLAVERY}),
        (Territory.GUYANE, {"2026-06-10": Holiday.ABOLITION_OF_SLAVERY}),
        (Territory.REUNION, {"2026-12-20": Holiday.ABOLITION_OF_SLAVERY}),
        (Territory.MAYOTTE, {"2026-04-27": Holiday.ABOLITION_OF_SLAVERY}),
        (Territory.SAINT_BARTHELEMY, {"2026-10-09": Holiday.ABOLITION_OF_SLAVERY}),
        (Territory.SAINT_PIERRE_ET_MIQUELON, {}),
        (Territory.SAINT_MARTIN, {}),
    ],
)
def test_the_list_of_each_territory(territory: Territory, local: dict[str, Holiday]) -> None:
    found = as_text(territory)
    assert found == {**NATIONAL_2026, **local}
    assert list(found) == sorted(found)


def test_every_territory_has_a_list_here() -> None:
    for territory in Territory:
        assert len(as_text(territory)) - 11 == {Territory.ALSACE_MOSELLE: 2}.get(
            territory,
            territory not in {Territory.METROPOLE, Territory.SAINT_PIERRE_ET_MIQUELON, Territory.SAINT_MARTIN},
        )


def test_easter_of_every_known_year() -> None:
    assert [easter_sunday(year).isoformat() for year in KNOWN_YEARS] == EASTERS.split()


def test_two_holidays_can_fall_on_one_day() -> None:
    both = public_holidays(2019, Territory.GUYANE)[date(2019, 6, 10)]
    assert set(both) == {Holiday.WHIT_MONDAY, Holiday.ABOLITION_OF_SLAVERY}


@pytest.mark.parametrize("year", [KNOWN_YEARS.start - 1, KNOWN_YEARS.stop, 1789])
def test_unknown_years_fail_loudly(year: int) -> None:
    for ask in (easter_sunday, lambda year: public_holidays(year, Territory.METROPOLE)):
        with pytest.raises(ValueError, match=str(year)):
            ask(year)
    with pytest.raises(ValueError, match=str(year)):
        is_public_holiday(date(year, 6, 1), Territory.METROPOLE)
    with pytest.raises(ValueError, match="not known"):
        public_holidays_between(date(year, 6, 1), date(year, 6, 2), Territory.METROPOLE)


def test_holidays_between_two_days_across_the_year_end() -> None:
    found = public_holidays_between(date(2026, 12, 25), date(2027, 1, 1), Territory.ALSACE_MOSELLE)
    assert found == {date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)}
    assert not public_holidays_between(date(2026, 12, 26), date(2026, 12, 31), Territory.METROPOLE)


def test_a_list_cannot_be_changed_by_its_reader() -> None:
    holidays = public_holidays(2026, Territory.METROPOLE)
    with pytest.raises(TypeError):
        holidays[date(2026, 6, 1)] = ()  # type: ignore[index]


@pytest.mark.parametrize(
    ("code", "territory"),
    [
        ("75", Territory.METROPOLE),
        ("01", Territory.METROPOLE),
        ("2A", Territory.METROPOLE),
        ("2b", Territory.METROPOLE),
        ("57", Territory.ALSACE_MOSELLE),
        ("67", Territory.ALSACE_MOSELLE),
        ("68", Territory.ALSACE_MOSELLE),
        ("971", Territory.GUADELOUPE),
        ("972", Territory.MARTINIQUE),
        ("973", Territory.GUYANE),
        ("974", Territory.REUNION),
        ("975", Territory.SAINT_PIERRE_ET_MIQUELON),
        ("976", Territory.MAYOTTE),
        ("977", Territory.SAINT_BARTHELEMY),
        ("978", Territory.SAINT_MARTIN),
    ],
)
def test_the_territory_of_a_department(code: str, territory: Territory) -> None:
    assert territory_of_department(code) is territory


@pytest.mark.parametrize("code", ["", "00", "20", "96", "99", "970", "1", "2C"])
def test_what_is_no_department_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="no department"):
        territory_of_department(code)


def test_the_territory_of_a_zone() -> None:
    found = {territory_of_zone(ZoneInfo(key)) for key in FRENCH_ZONES}
    assert found == set(Territory) - {Territory.ALSACE_MOSELLE}
    with pytest.raises(ValueError, match="Asia/Kolkata"):
        territory_of_zone(ZoneInfo("Asia/Kolkata"))


def test_moving_days_keep_their_weekday() -> None:
    for year in KNOWN_YEARS:
        named = {
            holiday: day for day, both in public_holidays(year, Territory.ALSACE_MOSELLE).items() for holiday in both
        }
        assert easter_sunday(year).isoweekday() == 7
        assert named[Holiday.GOOD_FRIDAY].isoweekday() == 5
        assert named[Holiday.ASCENSION].isoweekday() == 4
        assert named[Holiday.WHIT_MONDAY] - named[Holiday.EASTER_MONDAY] == timedelta(days=49)
