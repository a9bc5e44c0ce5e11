"""Dates, durations and contacts in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from telecontrol.web import dates
from telecontrol.web.i18n import load_translators

FR, EN = load_translators()["fr"], load_translators()["en"]
AT = datetime(2026, 3, 24, 6, 0, tzinfo=UTC)


def spaced(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("zone", "french", "english"),
    [
        (
            "Indian/Reunion",
            "mardi 24 mars 2026 à 10 h 00 (heure de La Réunion)",
            "Tuesday 24 March 2026 at 10:00 (Réunion time)",
        ),
        ("Europe/Paris", "mardi 24 mars 2026 à 7 h 00 (heure de Paris)", "Tuesday 24 March 2026 at 07:00 (Paris time)"),
        (
            "America/Miquelon",
            "mardi 24 mars 2026 à 4 h 00 (heure de Saint-Pierre-et-Miquelon)",
            "Tuesday 24 March 2026 at 04:00 (Saint-Pierre and Miquelon time)",
        ),
    ],
)
def test_moment(zone: str, french: str, english: str) -> None:
    assert spaced(dates.moment(AT, FR, zone=zone)) == french
    assert spaced(dates.moment(AT, EN, zone=zone)) == english


def test_zone_without_words_of_its_own() -> None:
    assert spaced(dates.zone_name("Europe/Madrid", FR)) == "heure de Madrid"
    assert dates.zone_name("Europe/Madrid", EN) == "Madrid time"


def test_first_of_the_month() -> None:
    assert dates.day(date(2026, 5, 1), FR) == "vendredi 1er mai 2026"
    assert dates.date_only(date(2026, 5, 11), FR) == "11 mai 2026"
    assert dates.day(date(2026, 5, 1), EN) == "Friday 1 May 2026"


def test_day_of_an_instant_depends_on_the_zone() -> None:
    late = datetime(2026, 3, 24, 22, 0, tzinfo=UTC)
    assert dates.day(late, FR, zone="Indian/Reunion") == "mercredi 25 mars 2026"
    assert dates.day(late, FR, zone="America/Cayenne") == "mardi 24 mars 2026"
    with pytest.raises(ValueError, match="zone"):
        dates.day(late, FR)


def test_naive_instants_are_refused() -> None:
    naive = datetime(2026, 3, 24, 6, 0)  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        dates.hour(naive, FR, zone="Europe/Paris")
    with pytest.raises(ValueError, match="naive"):
        dates.iso(naive)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(seconds=0), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=4, seconds=30), "4 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=2, minutes=5), "2 h 05 min"),
        (timedelta(hours=47, minutes=59), "47 h 59 min"),
        (timedelta(days=3, hours=5), "3 jours"),
        (timedelta(seconds=-5), "0 s"),
    ],
)
def test_duration(length: timedelta, expected: str) -> None:
    assert spaced(dates.duration(length, FR)) == expected


def test_relative() -> None:
    assert spaced(dates.relative(AT + timedelta(hours=3), FR, now=AT)) == "dans 3 h"
    assert spaced(dates.relative(AT - timedelta(minutes=4), FR, now=AT)) == "il y a 4 min"
    assert spaced(dates.relative(AT - timedelta(minutes=4), EN, now=AT)) == "4 min ago"


def test_iso_is_utc() -> None:
    paris = datetime.fromisoformat("2026-03-24T10:00:00+01:00")
    assert dates.iso(paris) == "2026-03-24T09:00:00Z"


@pytest.mark.parametrize(
    ("number", "shown", "address"),
    [
        ("+33 1 84 80 00 00", "01 84 80 00 00", "tel:+33184800000"),
        ("+262639123456", "0639 12 34 56", "tel:+262639123456"),
        ("+32470123456", "+32 470 12 34 56", "tel:+32470123456"),
        ("appelez", "appelez", "tel:"),
    ],
)
def test_phone(number: str, shown: str, address: str) -> None:
    assert spaced(dates.phone(number)) == shown
    assert dates.tel(number) == address


def test_masks_show_enough_to_recognise_and_no_more() -> None:
    assert spaced(dates.masked_phone("+33612345634")) == "•• •• •• •• 34"
    assert dates.masked_phone("12") == "••"
    assert dates.masked_email("camille@exemple.fr") == "c•••@exemple.fr"
    assert dates.masked_email("rien") == "•••"
