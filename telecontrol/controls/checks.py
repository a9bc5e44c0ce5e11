"""What one field must be to pass the door. Each check gives the value as it is kept, or raises `InvalidInput` with the field.

Codes are stable; their words, French and English, stand in `import_words`.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta

import phonenumbers

from telecontrol.controls.zones import ZONES
from telecontrol.errors import InvalidInput
from telecontrol.notify.phones import mobile_number, region_of

LANGUAGES = ("fr", "en")
LONGEST_LEAVE = timedelta(days=3 * 366)
"""Daily allowances end after three years (CSS R323-1): a longer leave is a slip of the keyboard."""
FURTHEST_AHEAD = timedelta(days=366)
YOUNGEST, OLDEST = 14, 110
"""Ages in years between which a birth date is believed."""

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"({_LOCAL})@((?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9])")


def plain(text: str, *, field: str, longest: int, is_needed: bool = False) -> str:
    """Text on one line, composed (NFC), without control or direction signs, spaces made single."""
    one_line = " ".join(unicodedata.normalize("NFC", text).split())
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co") and sign not in "\u200c\u200d" for sign in one_line):
        raise InvalidInput("control characters are not accepted", field=field, code="control_characters")
    if is_needed and not one_line:
        raise InvalidInput("a value is needed", field=field, code="value_missing")
    if len(one_line) > longest:
        raise InvalidInput(f"longer than {longest} characters", field=field, code="too_long", most=longest)
    return one_line


def name(text: str, *, field: str) -> str:
    """A family or given name: needed, with at least one letter."""
    found = plain(text, field=field, longest=120, is_needed=True)
    if not any(sign.isalpha() for sign in found):
        raise InvalidInput("a name has letters", field=field, code="name_without_letters")
    return found


def rpps(text: str, *, field: str, is_needed: bool = False) -> str:
    """A national doctor's number: 11 digits, the last a Luhn key. Spaces are dropped; empty stays empty."""
    digits = re.sub(r"[\s.]", "", text)
    if not digits and not is_needed:
        return ""
    if not digits:
        raise InvalidInput("a value is needed", field=field, code="value_missing")
    if not re.fullmatch(r"[0-9]{11}", digits):
        raise InvalidInput("an RPPS number has 11 digits", field=field, code="rpps_malformed")
    if luhn_sum(digits) % 10:
        raise InvalidInput("the key of this RPPS number is wrong", field=field, code="rpps_key_wrong")
    return digits


def luhn_sum(digits: str) -> int:
    """The Luhn sum of a number with its key: a multiple of ten when the key is right (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total


def email(text: str, *, field: str = "email") -> str:
    """An e-mail address by its shape, its domain in lower case; empty stays empty."""
    given = text.strip()
    if not given:
        return ""
    found = _EMAIL.fullmatch(given)
    if not found or len(given) > 254 or len(found[1]) > 64:
        raise InvalidInput("not an e-mail address", field=field, code="email_malformed")
    return f"{found[1]}@{found[2].lower()}"


def mobile(text: str, *, zone: str, field: str = "phone") -> str:
    """A mobile number in E.164; empty stays empty. Read as the zone's country writes it, then as France does."""
    given = text.strip()
    if not given:
        return ""
    try:
        return mobile_number(given, region=region_of(zone))
    except InvalidInput as problem:
        raise InvalidInput(problem.message, field=field, code=problem.code) from None


def phone(text: str, *, zone: str, field: str = "phone") -> str:
    """A phone number of any type in E.164; empty stays empty."""
    given = text.strip()
    if not given:
        return ""
    try:
        number = phonenumbers.parse(given, region_of(zone))
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise InvalidInput("not a phone number", field=field, code="phone_unreadable")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def postcode(text: str, *, field: str = "postcode") -> str:
    """A French postcode (five digits), or a foreign one written with its country (`B-1000`); empty stays empty."""
    found = plain(text, field=field, longest=10).upper().replace(" ", "")
    if found.startswith(("986", "987", "988")) and len(found) == 5:
        raise InvalidInput("the Pacific territories are not served", field=field, code="postcode_not_served")
    if found and not re.fullmatch(r"[0-9]{5}|[A-Z]{1,3}-[A-Z0-9-]{2,7}", found):
        raise InvalidInput("a French postcode has five digits", field=field, code="postcode_malformed")
    return found


def zone(text: str, *, field: str = "zone") -> str:
    """One of the legal zones that the service knows; empty stays empty."""
    found = text.strip()
    if found and found not in ZONES:
        raise InvalidInput("not a zone that the service knows", field=field, code="zone_unknown")
    return found


def language(text: str, *, field: str = "language") -> str:
    """`fr` or `en`; empty stays empty."""
    found = text.strip().lower()[:2]
    if found and found not in LANGUAGES:
        raise InvalidInput("messages exist in French and English", field=field, code="language_unknown")
    return found


def birth_date(given: date | None, *, today: date, field: str = "birth_on") -> date | None:
    """A birth date that somebody in work can have."""
    if given is None:
        return None
    age = today.year - given.year - ((today.month, today.day) < (given.month, given.day))
    if not YOUNGEST <= age <= OLDEST:
        raise InvalidInput("not a plausible birth date", field=field, code="birth_date_implausible")
    return given


def leave(starts_on: date, ends_on: date, *, today: date) -> None:
    """The dates of a leave: in order, not over, neither absurdly long nor far ahead. Both days are included."""
    if ends_on < starts_on:
        raise InvalidInput("the leave ends before it starts", field="leave_ends_on", code="leave_out_of_order")
    if ends_on < today:
        raise InvalidInput("the leave is over", field="leave_ends_on", code="leave_over")
    if ends_on - starts_on > LONGEST_LEAVE:
        raise InvalidInput("a leave this long is not plausible", field="leave_ends_on", code="leave_too_long")
    if starts_on - today > FURTHEST_AHEAD:
        raise InvalidInput("the leave starts too far ahead", field="leave_starts_on", code="leave_too_far_ahead")
