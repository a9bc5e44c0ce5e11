"""The circumstances of an appointment: facts with their times, recorded apart from the conclusion (`DOMAIN.md` §5). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from telecontrol.controls.medical_words import medical_words_in
from telecontrol.errors import InvalidInput

REMARK_LENGTH = 300
"""Characters of the one free line."""
ADDED_LATER = ("seen_without_record", "announced_absent_at", "waited_from", "waited_how")
"""Members that came after the insurers' contract was published: a report holds them only where they say something."""


class IdentityDocument(StrEnum):
    """The photo document that the doctor looked at: checking it is a legal duty."""

    NOT_SHOWN = "not_shown"
    NATIONAL_CARD = "national_card"
    PASSPORT = "passport"
    RESIDENCE_PERMIT = "residence_permit"
    DRIVING_LICENCE = "driving_licence"
    OTHER = "other"


class Statement(StrEnum):
    """Who says that the person was seen, where the service has no record of a call."""

    DOCTOR = "doctor"
    """The doctor, here, with a remark that says how."""
    OWN_SYSTEM = "own_system"
    """The system in which the doctor signed, through the API."""


class WaitedHow(StrEnum):
    """How the doctor says that they waited, where the service did not see them wait in the room."""

    BY_PHONE = "by_phone"
    OTHERWISE = "otherwise"
    OWN_SYSTEM = "own_system"
    """Said by the system in which the doctor signed, through the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What happened, without a medical word. Instants are aware; an empty one did not happen or is not known."""

    identity_document: IdentityDocument = IdentityDocument.NOT_SHOWN
    arrived_at: datetime | None = None
    """The insured came: into the waiting room, to the desk, to the door."""
    admitted_at: datetime | None = None
    seen_without_record: Statement | None = None
    """The person was seen, and nothing here recorded it: a statement, told as one."""
    announced_absent_at: datetime | None = None
    """When the insured said that they could not come. Why they cannot is not told here."""
    waited_from: datetime | None = None
    """Since when the doctor waited, where they came after the scheduled start."""
    waited_until: datetime | None = None
    """Until when the doctor waited for somebody who did not come."""
    waited_how: WaitedHow | None = None
    """Stated by the doctor; empty where the service saw them wait in the room, and in person."""
    calls_made_at: tuple[datetime, ...] = ()
    """When the doctor tried to reach the insured by phone."""
    call_answered: bool | None = None
    intercom_rung_at: datetime | None = None
    """Home visit: when the door or the intercom was rung."""
    passage_notice_left_at: datetime | None = None
    """Home visit: when the passage notice was left."""
    technical_problem_at: tuple[datetime, ...] = ()
    """When something technical went wrong, on either side."""
    remark: str = ""
    """One administrative line, at most 300 characters; medical words are refused."""

    def to_json(self) -> dict[str, Any]:
        """Plain values: instants in UTC to the second, nothing left out."""
        return {part.name: _plain(getattr(self, part.name)) for part in fields(self)}


def checked(circumstances: Circumstances, *, now: datetime) -> Circumstances:
    """The same facts, tidied. Raises `InvalidInput` for a fact in the future, a naive instant or a medical word.

    The refusal names the field and never repeats the words: they would end in a log.
    """
    for part in fields(circumstances):
        for instant in _instants(getattr(circumstances, part.name)):
            if instant.tzinfo is None or instant > now:
                raise InvalidInput(
                    "a circumstance is a past fact, with its zone", field=part.name, code="not_a_past_fact"
                )
    remark = " ".join(circumstances.remark.split())
    if len(remark) > REMARK_LENGTH:
        raise InvalidInput(f"at most {REMARK_LENGTH} characters", field="remark", code="too_long")
    if medical_words_in(remark):
        raise InvalidInput(
            "this line is read by people outside the medical service: write medical words in your sealed notes instead",
            field="remark",
            code="medical_word",
        )
    values = {part.name: getattr(circumstances, part.name) for part in fields(circumstances)}
    return Circumstances(**{**values, "remark": remark})


def _instants(value: object) -> Sequence[datetime]:
    if isinstance(value, datetime):
        return [value]
    return [part for part in value if isinstance(part, datetime)] if isinstance(value, tuple) else []


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [_plain(part) for part in sorted(value)]
    return str(value) if isinstance(value, StrEnum) else value
