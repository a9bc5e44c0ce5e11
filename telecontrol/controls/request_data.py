"""What a request for a control holds, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from telecontrol.controls.models import Procedure


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInsured:
    """The person on sick leave, as the asking organisation describes them. Empty text means *not given*."""

    external_reference: str
    """The organisation's own number of the person."""
    family_name: str
    given_name: str
    birth_on: date | None = None
    email: str = ""
    phone: str = ""
    """Mobile."""
    language: str = ""
    """`fr` or `en`; empty: French for a person who is new."""
    address: str = ""
    postcode: str = ""
    city: str = ""
    zone: str = ""
    """IANA zone of the place of rest; empty: the postcode's, and Europe/Paris for a person who is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewControl:
    """One control to be made. Both days of the leave are included."""

    external_reference: str
    procedure: Procedure
    insured: NewInsured
    leave_starts_on: date
    leave_ends_on: date
    prescriber_name: str = ""
    prescriber_rpps: str = ""
    treating_rpps: str = ""
