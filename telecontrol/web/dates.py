"""Dates, hours, durations and masked contacts in words, in the reader's language.

Instants are aware; a naive one is a `ValueError`. `zone` is an IANA name: the legal zone of the place where the insured is,
unless a page says otherwise.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
from babel import Locale
from babel.dates import format_date, get_timezone_location
from babel.numbers import format_decimal

from telecontrol.clock import as_utc
from telecontrol.notify.wording import ZONES
from telecontrol.web.i18n import Translator, mark

NBSP = "\u00a0"


def day(when: date | datetime, language: Translator, *, zone: str | None = None, year: bool = True) -> str:
    """ "mardi 24 mars 2026". An instant needs its `zone`."""
    return _date(when, "EEEE d MMMM y" if year else "EEEE d MMMM", language.locale, zone)


def date_only(when: date | datetime, language: Translator, *, zone: str | None = None) -> str:
    """ "24 mars 2026"."""
    return _date(when, "d MMMM y", language.locale, zone)


def month(when: date, language: Translator, *, zone: str | None = None) -> str:
    """ "mars 2026"."""
    return _date(when, "MMMM y", language.locale, zone)


def short_day(when: date | datetime, language: Translator, *, zone: str | None = None) -> str:
    """ "mar. 24 mars": for lists that staff read."""
    return _date(when, "E d MMM", language.locale, zone)


def hour(when: datetime, language: Translator, *, zone: str) -> str:
    """ "10 h 00" in French, "10:00" elsewhere, as in the messages."""
    local = as_utc(when).astimezone(ZoneInfo(zone))
    if language.code == "fr":
        return f"{local.hour}{NBSP}h{NBSP}{local.minute:02d}"
    return f"{local.hour:02d}:{local.minute:02d}"


def minute_of_day(when: datetime, zone: str, *, end: bool = False) -> int:
    """Minutes since local midnight on the wall clock; as an `end`, midnight is the 1440th minute of the day before."""
    local = as_utc(when).astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return 24 * 60 if end and minute == 0 else minute


def zone_name(zone: str, language: Translator) -> str:
    """ "heure de La Réunion", in the words of the messages."""
    known = ZONES.get(zone)
    if known is not None:
        return known.en if language.code == "en" else language.plain(known.fr)
    return language.plain(
        mark("heure de {place}"), place=get_timezone_location(zone, locale=language.locale, return_city=True)
    )


def moment(when: datetime, language: Translator, *, zone: str) -> str:
    """ "mardi 24 mars 2026 à 10 h 00 (heure de La Réunion)": nothing in it can be doubted."""
    return language.plain(
        "{day} à {hour} ({zone})",
        day=day(when, language, zone=zone),
        hour=hour(when, language, zone=zone),
        zone=zone_name(zone, language),
    )


def stamp(when: datetime, language: Translator, *, zone: str = "Europe/Paris") -> str:
    """ "24 mars 2026, 10 h 00": for histories that staff read."""
    return f"{_date(when, 'd MMM y', language.locale, zone)}, {hour(when, language, zone=zone)}"


def local_day(when: date | datetime, zone: str | None) -> date:
    """The day of an instant in a zone; a day stays itself."""
    if not isinstance(when, datetime):
        return when
    if zone is None:
        raise ValueError("an instant needs a zone to become a day")
    return as_utc(when).astimezone(ZoneInfo(zone)).date()


def _date(when: date | datetime, pattern: str, locale: Locale, zone: str | None) -> str:
    when = local_day(when, zone)
    text = format_date(when, pattern, locale=locale)
    if locale.language == "fr" and when.day == 1:
        text = re.sub(r"(?<!\d)1(?!\d)", "1er", text, count=1)
    return text


def duration(length: timedelta, language: Translator) -> str:
    """ "2 h 15 min", "3 jours", "40 s": the two largest units at most, rounded down; never negative."""
    seconds = max(0, int(length.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    if days >= 2:
        return str(language.tn("{n} jour", "{n} jours", days))
    hours += days * 24
    if hours:
        return f"{hours}{NBSP}h{NBSP}{minutes:02d}{NBSP}min" if minutes else f"{hours}{NBSP}h"
    return f"{minutes}{NBSP}min" if minutes else f"{seconds}{NBSP}s"


def age(since: datetime, language: Translator, *, now: datetime) -> str:
    """How long ago: "4 min"."""
    return duration(as_utc(now) - as_utc(since), language)


def relative(when: datetime, language: Translator, *, now: datetime) -> str:
    """ "dans 3 h", "il y a 4 min"."""
    left = as_utc(when) - as_utc(now)
    sentence = mark("dans {duration}") if left >= timedelta(0) else mark("il y a {duration}")
    return language.plain(sentence, duration=duration(abs(left), language))


def iso(when: datetime) -> str:
    """RFC 3339 in UTC, for attributes that scripts read."""
    return as_utc(when).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def number(value: float, language: Translator) -> str:
    return format_decimal(value, locale=language.locale)


def at_most(value: int, most: int, language: Translator) -> str:
    """ "9 999+": a count that has to stay small on the page."""
    return number(value, language) if value <= most else f"{number(most, language)}+"


def phone(value: str) -> str:
    """A number as people of its country write it, abroad's with its country code; what cannot be read stays as it is."""
    try:
        parsed = phonenumbers.parse(value, "FR")
    except phonenumbers.NumberParseException:
        return value
    home = parsed.country_code in {33, 262, 508, 590, 594, 596}
    style = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style).replace(" ", NBSP)


def tel(value: str) -> str:
    """The `tel:` address of a number."""
    try:
        return "tel:" + phonenumbers.format_number(phonenumbers.parse(value, "FR"), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return "tel:" + re.sub(r"[^\d+]", "", value)


def masked_phone(value: str) -> str:
    """ "•• •• •• •• 34": enough to recognise one's own, no more."""
    digits = re.sub(r"\D", "", value)
    return f"••{NBSP}••{NBSP}••{NBSP}••{NBSP}{digits[-2:]}" if len(digits) >= 4 else "••"


def masked_email(value: str) -> str:
    """ "c•••@exemple.fr"."""
    name, at, host = value.partition("@")
    return f"{name[:1]}•••@{host}" if at and name else "•••"
