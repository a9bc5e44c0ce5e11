"""Mobile numbers as people write them, into the one form that providers take (E.164).

A number is refused by its type (fixed line, premium rate), never because a library calls it invalid: some ranges in use in
France are unknown to it (06 39 98, 07 00, +262 639).
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from telecontrol.errors import InvalidInput

_REGION_OF_ZONE = {
    "Europe/Paris": "FR",
    "America/Guadeloupe": "GP",
    "America/Martinique": "MQ",
    "America/Cayenne": "GF",
    "Indian/Reunion": "RE",
    "Indian/Mayotte": "YT",
    "America/Miquelon": "PM",
    "America/St_Barthelemy": "BL",
    "America/Marigot": "MF",
    "Pacific/Noumea": "NC",
    "Pacific/Tahiti": "PF",
    "Pacific/Wallis": "WF",
}
# Mobile prefixes of the French numbering plan, by country code (Arcep, plan national de numérotation).
_FRENCH_MOBILE = {
    33: re.compile(r"[67]\d{8}"),
    262: re.compile(r"(?:69[23]|639|709)\d{6}"),
    508: re.compile(r"(?:[45]\d{5}|70[89]\d{6})"),
    590: re.compile(r"(?:69[01]|709)\d{6}"),
    594: re.compile(r"(?:694|709)\d{6}"),
    596: re.compile(r"(?:69[67]|709)\d{6}"),
}
# Dialled from mainland France, these prefixes lead overseas: the country code follows from them. 06 39 98 stays on the
# mainland: it is the range kept for fiction, which demonstrations and tests use.
_OVERSEAS = (
    (re.compile(r"69[23]\d{6}|639(?!98)\d{6}"), 262),
    (re.compile(r"69[01]\d{6}"), 590),
    (re.compile(r"694\d{6}"), 594),
    (re.compile(r"69[67]\d{6}"), 596),
)
_FIXED = {PhoneNumberType.FIXED_LINE, PhoneNumberType.VOIP, PhoneNumberType.UAN, PhoneNumberType.PAGER}
_COSTLY = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.TOLL_FREE}


def region_of(zone: str) -> str:
    """The numbering region of a zone (`Indian/Reunion` → `RE`); France where it is unknown."""
    return _REGION_OF_ZONE.get(zone, "FR")


def mobile_number(text: str, *, region: str = "FR") -> str:
    """`text` as E.164. Read with the insured's region first, then as French.

    Raises `InvalidInput` with `code`: `phone_unreadable`, `phone_fixed_line`, `phone_premium` or `phone_not_mobile`.
    """
    readings = [reading for reading in (_read(text, region), _read(text, "FR")) if reading is not None]
    if not readings:
        raise InvalidInput("not a phone number", field="phone", code="phone_unreadable")
    mobile = next((reading for reading in readings if _is_mobile(reading)), None)
    if mobile is None:
        raise InvalidInput("not a number that can receive an SMS", field="phone", code=_refusal(readings))
    return phonenumbers.format_number(mobile, phonenumbers.PhoneNumberFormat.E164)


def _read(text: str, region: str) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    number.extension = None
    if number.country_code == 33:
        national = str(number.national_number)
        code = next((code for pattern, code in _OVERSEAS if pattern.fullmatch(national)), 33)
        return PhoneNumber(country_code=code, national_number=number.national_number)
    return number


def _is_mobile(number: PhoneNumber) -> bool:
    known = _FRENCH_MOBILE.get(number.country_code or 0)
    if known is not None:
        return known.fullmatch(str(number.national_number)) is not None
    kind = phonenumbers.number_type(number)
    return kind not in _FIXED | _COSTLY


def _refusal(readings: list[PhoneNumber]) -> str:
    kinds = {phonenumbers.number_type(reading) for reading in readings}
    if kinds & _COSTLY:
        return "phone_premium"
    return "phone_fixed_line" if kinds & _FIXED else "phone_not_mobile"
