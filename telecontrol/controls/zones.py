"""The legal zone of a French place, from its postcode (`DOMAIN.md` §3). Pure."""

from __future__ import annotations

PARIS = "Europe/Paris"

# Saint-Barthélemy and Saint-Martin kept postcodes of Guadeloupe; 977 and 978 are their department codes, used as prefixes too.
_BY_POSTCODE = {"97133": "America/St_Barthelemy", "97150": "America/Marigot"}
_DEPARTMENT_BY_POSTCODE = {"97133": "977", "97150": "978"}
_BY_PREFIX = {
    "971": "America/Guadeloupe",
    "972": "America/Martinique",
    "973": "America/Cayenne",
    "974": "Indian/Reunion",
    "975": "America/Miquelon",
    "976": "Indian/Mayotte",
    "977": "America/St_Barthelemy",
    "978": "America/Marigot",
}
ZONES = frozenset({PARIS, *_BY_PREFIX.values()})
"""Every zone that a person or a site can have."""


def zone_of_postcode(postcode: str) -> str:
    """The IANA zone of a postcode; Europe/Paris for mainland France and for what is not known."""
    return _BY_POSTCODE.get(postcode) or _BY_PREFIX.get(postcode[:3], PARIS)


def department_of_postcode(postcode: str) -> str:
    """The department's code (`"01"`, `"2A"`, `"974"`); empty for what is no French postcode."""
    if len(postcode) != 5 or not postcode.isdigit():
        return ""
    if postcode in _DEPARTMENT_BY_POSTCODE:
        return _DEPARTMENT_BY_POSTCODE[postcode]
    if postcode.startswith("20"):
        return "2A" if postcode < "20200" else "2B"
    return postcode[:3] if postcode.startswith("97") else postcode[:2]
