"""Dates, hours, zones, lengths and numbers as words, in French and in English. Pure.

Every function takes an aware instant and the zone in which it is told; a naive instant is a `ValueError`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import phonenumbers
from babel.dates import format_date

from telecontrol.clock import as_utc

LANGUAGES = ("fr", "en")
_NBSP = "\u00a0"
_LOCALES = {"fr": "fr_FR", "en": "en_GB"}


@dataclass(frozen=True, slots=True)
class ZoneWords:
    """A zone as people name it, in full and for an SMS."""

    fr: str
    en: str
    fr_short: str = ""
    en_short: str = ""


ZONES: dict[str, ZoneWords] = {
    "Europe/Paris": ZoneWords("heure de Paris", "Paris time"),
    "America/Guadeloupe": ZoneWords("heure de la Guadeloupe", "Guadeloupe time"),
    "America/Martinique": ZoneWords("heure de la Martinique", "Martinique time"),
    "America/Cayenne": ZoneWords("heure de la Guyane", "French Guiana time"),
    "Indian/Reunion": ZoneWords("heure de La Réunion", "Réunion time"),
    "Indian/Mayotte": ZoneWords("heure de Mayotte", "Mayotte time"),
    "America/Miquelon": ZoneWords(
        "heure de Saint-Pierre-et-Miquelon", "Saint-Pierre and Miquelon time", "heure de Miquelon", "Miquelon time"
    ),
    "America/St_Barthelemy": ZoneWords(
        "heure de Saint-Barthélemy", "Saint-Barthélemy time", "heure de St-Barthélemy", "St-Barthélemy time"
    ),
    "America/Marigot": ZoneWords("heure de Saint-Martin", "Saint-Martin time", "heure de St-Martin", "St-Martin time"),
    "Pacific/Noumea": ZoneWords("heure de Nouvelle-Calédonie", "New Caledonia time", "heure de Nouméa", "Nouméa time"),
    "Pacific/Tahiti": ZoneWords("heure de Tahiti", "Tahiti time"),
    "Pacific/Wallis": ZoneWords(
        "heure de Wallis-et-Futuna", "Wallis and Futuna time", "heure de Wallis", "Wallis time"
    ),
}
"""The zones that messages can name; a booking in another one is refused before anything is written."""


def language_of(wanted: str) -> str:
    """The language a message is written in: French unless English is asked for (`en`, `en-GB`)."""
    return "en" if wanted.lower().startswith("en") else "fr"


def local(at: datetime, zone: str) -> datetime:
    """`at` on the clocks of `zone`."""
    return as_utc(at).astimezone(ZoneInfo(zone))


def day(at: datetime, zone: str, language: str, *, with_year: bool = True) -> str:
    """`mardi 24 mars 2026`, `Tuesday 24 March 2026`."""
    there = local(at, zone)
    pattern = "EEEE d MMMM y" if with_year else "EEEE d MMMM"
    words = format_date(there.date(), pattern, locale=_LOCALES[language])
    return words.replace(" 1 ", " 1er ", 1) if language == "fr" and there.day == 1 else words


def short_day(at: datetime, zone: str, language: str, *, with_weekday: bool = True) -> str:
    """`mar. 24 mars`, `Tue 24 Mar`: for an SMS that would not fit otherwise; `24 mars` where even that is too long."""
    there = local(at, zone)
    number = "1er" if language == "fr" and there.day == 1 else str(there.day)
    weekday = format_date(there.date(), "EEE ", locale=_LOCALES[language]) if with_weekday else ""
    return f"{weekday}{number} {format_date(there.date(), 'MMM', locale=_LOCALES[language])}"


def hour(at: datetime, zone: str, language: str) -> str:
    """`10 h 00` with no-break spaces; `10:00` in English."""
    there = local(at, zone)
    if language == "en":
        return f"{there:%H:%M}"
    return f"{there.hour}{_NBSP}h{_NBSP}{there:%M}"


def zone_name(zone: str, language: str, *, short: bool = False) -> str:
    """`heure de La Réunion`, `Réunion time`; `short` for an SMS."""
    words = ZONES[zone]
    if language == "en":
        return (short and words.en_short) or words.en
    return (short and words.fr_short) or words.fr


_AROUND_A_PLACE = re.compile(r"^heure d[eu] (?:la )?| time$")


def zone_place(zone: str, language: str) -> str:
    """The barest name of a zone, for an SMS that would not fit otherwise: `Guadeloupe`, `La Réunion`."""
    return _AROUND_A_PLACE.sub("", zone_name(zone, language, short=True))


def moment(at: datetime, zone: str, language: str) -> str:
    """Day and hour without the zone: `mardi 24 mars 2026 à 10 h 00`."""
    joint = "à" if language == "fr" else "at"
    return f"{day(at, zone, language)} {joint} {hour(at, zone, language)}"


def when(at: datetime, zone: str, language: str) -> str:
    """Day, hour and zone: `mardi 24 mars 2026 à 10 h 00 (heure de La Réunion)`."""
    return f"{moment(at, zone, language)} ({zone_name(zone, language)})"


def same_clock(at: datetime, one: str, other: str) -> bool:
    """Whether two zones show the same date and hour at that instant."""
    return local(at, one).replace(tzinfo=None) == local(at, other).replace(tzinfo=None)


def duration(minutes: int, language: str) -> str:
    """`20 minutes`, `1 heure`, `1 h 30`."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} minute{'s' if rest > 1 else ''}"
    if not rest:
        unit = "heure" if language == "fr" else "hour"
        return f"{hours} {unit}{'s' if hours > 1 else ''}"
    return f"{hours}{_NBSP}h{_NBSP}{rest:02d}" if language == "fr" else f"{hours} h {rest:02d} min"


def phone_words(number: str) -> str:
    """A number as people in France read it (`01 84 80 00 00`), abroad with its country code; unreadable text as it is."""
    try:
        parsed = phonenumbers.parse(number, "FR")
    except phonenumbers.NumberParseException:
        return number
    french = parsed.country_code == 33
    form = phonenumbers.PhoneNumberFormat.NATIONAL if french else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)


def without_scheme(url: str) -> str:
    """An address as it is typed: without `https://` and the last slash."""
    return re.sub(r"^https?://", "", url).rstrip("/")


_BEFORE_HIGH_SIGNS = re.compile(r" (?=[:;?!»])")
_AFTER_GUILLEMET = re.compile(r"(?<=«) ")


def french_spaces(text: str) -> str:
    """Put the no-break spaces that French wants before `: ; ? !` and inside guillemets."""
    return _AFTER_GUILLEMET.sub(_NBSP, _BEFORE_HIGH_SIGNS.sub(_NBSP, text))
