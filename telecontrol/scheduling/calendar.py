"""Public holidays of France by rule, for comfort only: no legal limit depends on them (DOMAIN §3). Pure.

Sources: Code du travail L3133-1 (the eleven national days), L3134-13 (Good Friday and 26 December in Bas-Rhin, Haut-Rhin and
Moselle), L3422-2 and décret 83-1003 (commemorations overseas). Saint-Martin has the national days alone here: texts and
practice disagree on its commemoration (27 or 28 May), so an agenda closes that day by a dated exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

KNOWN_YEARS = range(2018, 2041)
"""Years for which the rules below were read. The end is near on purpose: laws change the list, so it must be read again."""


class Territory(StrEnum):
    """A part of France with its own list of public holidays."""

    METROPOLE = "metropole"
    ALSACE_MOSELLE = "alsace_moselle"
    GUADELOUPE = "guadeloupe"
    MARTINIQUE = "martinique"
    GUYANE = "guyane"
    REUNION = "reunion"
    MAYOTTE = "mayotte"
    SAINT_PIERRE_ET_MIQUELON = "saint_pierre_et_miquelon"
    SAINT_BARTHELEMY = "saint_barthelemy"
    SAINT_MARTIN = "saint_martin"


class Holiday(StrEnum):
    """What is celebrated. Pages translate by value."""

    NEW_YEAR = "new_year"
    GOOD_FRIDAY = "good_friday"
    EASTER_MONDAY = "easter_monday"
    LABOUR_DAY = "labour_day"
    VICTORY_1945 = "victory_1945"
    ASCENSION = "ascension"
    WHIT_MONDAY = "whit_monday"
    NATIONAL_DAY = "national_day"
    ASSUMPTION = "assumption"
    ALL_SAINTS = "all_saints"
    ARMISTICE_1918 = "armistice_1918"
    CHRISTMAS = "christmas"
    SAINT_STEPHEN = "saint_stephen"
    ABOLITION_OF_SLAVERY = "abolition_of_slavery"


_FIXED = {
    Holiday.NEW_YEAR: (1, 1),
    Holiday.LABOUR_DAY: (5, 1),
    Holiday.VICTORY_1945: (5, 8),
    Holiday.NATIONAL_DAY: (7, 14),
    Holiday.ASSUMPTION: (8, 15),
    Holiday.ALL_SAINTS: (11, 1),
    Holiday.ARMISTICE_1918: (11, 11),
    Holiday.CHRISTMAS: (12, 25),
}
_AFTER_EASTER = {Holiday.EASTER_MONDAY: 1, Holiday.ASCENSION: 39, Holiday.WHIT_MONDAY: 50}
"""Days after Easter Sunday."""

_ABOLITION = {
    Territory.MAYOTTE: (4, 27),
    Territory.MARTINIQUE: (5, 22),
    Territory.GUADELOUPE: (5, 27),
    Territory.GUYANE: (6, 10),
    Territory.SAINT_BARTHELEMY: (10, 9),
    Territory.REUNION: (12, 20),
}

_BY_ZONE = {
    "Europe/Paris": Territory.METROPOLE,
    "America/Guadeloupe": Territory.GUADELOUPE,
    "America/Martinique": Territory.MARTINIQUE,
    "America/Cayenne": Territory.GUYANE,
    "Indian/Reunion": Territory.REUNION,
    "Indian/Mayotte": Territory.MAYOTTE,
    "America/Miquelon": Territory.SAINT_PIERRE_ET_MIQUELON,
    "America/St_Barthelemy": Territory.SAINT_BARTHELEMY,
    "America/Marigot": Territory.SAINT_MARTIN,
}

_BY_OVERSEAS_DEPARTMENT = {
    "971": Territory.GUADELOUPE,
    "972": Territory.MARTINIQUE,
    "973": Territory.GUYANE,
    "974": Territory.REUNION,
    "975": Territory.SAINT_PIERRE_ET_MIQUELON,
    "976": Territory.MAYOTTE,
    "977": Territory.SAINT_BARTHELEMY,
    "978": Territory.SAINT_MARTIN,
}
_ALSACE_MOSELLE = frozenset({"57", "67", "68"})
_METROPOLE = frozenset({f"{number:02d}" for number in range(1, 96)} - {"20"} | {"2A", "2B"}) - _ALSACE_MOSELLE


def territory_of_department(code: str) -> Territory:
    """The list that holds in a department or overseas collectivity, by its code (`"67"`, `"2A"`, `"974"`).

    Raises `ValueError` for a code that is none.
    """
    wanted = code.strip().upper()
    if wanted in _ALSACE_MOSELLE:
        return Territory.ALSACE_MOSELLE
    if wanted in _METROPOLE:
        return Territory.METROPOLE
    try:
        return _BY_OVERSEAS_DEPARTMENT[wanted]
    except KeyError:
        raise ValueError(f"no department {code!r}") from None


def territory_of_zone(zone: ZoneInfo) -> Territory:
    """The list that holds in a legal zone when the department is not known: Paris stands for the métropole without
    Alsace-Moselle. Raises `ValueError` for a zone that is not one of France's in DOMAIN §3."""
    try:
        return _BY_ZONE[zone.key]
    except KeyError:
        raise ValueError(f"no public holidays known for the zone {zone.key}") from None


@lru_cache(maxsize=256)
def public_holidays(year: int, territory: Territory) -> Mapping[date, tuple[Holiday, ...]]:
    """The public holidays of a year, in order; a day can hold two (10 June 2019 in Guyane).

    Raises `ValueError` outside `KNOWN_YEARS`.
    """
    easter = easter_sunday(year)
    days = [(date(year, month, day), holiday) for holiday, (month, day) in _FIXED.items()]
    days += [(easter + timedelta(days=after), holiday) for holiday, after in _AFTER_EASTER.items()]
    if territory is Territory.ALSACE_MOSELLE:
        days += [(easter - timedelta(days=2), Holiday.GOOD_FRIDAY), (date(year, 12, 26), Holiday.SAINT_STEPHEN)]
    if territory in _ABOLITION:
        days.append((date(year, *_ABOLITION[territory]), Holiday.ABOLITION_OF_SLAVERY))
    found: dict[date, tuple[Holiday, ...]] = {}
    for day, holiday in sorted(days):
        found[day] = (*found.get(day, ()), holiday)
    return MappingProxyType(found)


def is_public_holiday(on: date, territory: Territory) -> bool:
    """Whether a day is a public holiday. Raises `ValueError` outside `KNOWN_YEARS`."""
    return on in public_holidays(on.year, territory)


def public_holidays_between(first_on: date, last_on: date, territory: Territory) -> frozenset[date]:
    """The public holidays from one day to another, both included: what closes an agenda. Raises `ValueError` outside
    `KNOWN_YEARS`."""
    years = range(first_on.year, last_on.year + 1)
    return frozenset(day for year in years for day in public_holidays(year, territory) if first_on <= day <= last_on)


def easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar: the Sunday after the first ecclesiastical full moon from 21 March on.

    Raises `ValueError` outside `KNOWN_YEARS`.
    """
    if year not in KNOWN_YEARS:
        raise ValueError(f"the holidays of {year} are not known: read the law again and extend KNOWN_YEARS")
    century, golden = year // 100, year % 19
    # 19 days later each year, as the moon's cycle has it, with the Gregorian corrections of the sun's and the moon's drift.
    to_full_moon = (19 * golden + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    to_full_moon -= to_full_moon == 29 or (to_full_moon == 28 and golden > 10)
    full_moon = date(year, 3, 21) + timedelta(days=to_full_moon)
    return full_moon + timedelta(days=7 - (full_moon.weekday() + 1) % 7)
