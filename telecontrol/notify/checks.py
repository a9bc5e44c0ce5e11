"""The door of the messages: a context with an impossible value is refused when the decision is taken, not when it is sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from telecontrol.errors import InvalidInput
from telecontrol.notify.contexts import DeskDigest, DeskLine, ForAppointment, InPersonConvocation, Letterhead
from telecontrol.notify.wording import ZONES
from telecontrol.tasks.models import TaskKind

MODES = ("video", "surgery", "home", "phone")
RESULTS = (
    "justified",
    "not_justified",
    "needs_physical_examination",
    "video_declined",
    "excused_absence",
    "unexcused_absence",
    "control_refused",
    "identity_not_established",
    "technical_failure",
    "doctor_unavailable",
    "impossible_not_attributable",
)
STAGES = ("taken_in_charge", "booked", "first_results", "opinion_available")
_CODES: dict[tuple[str, str], tuple[str, ...]] = {
    ("change", "reason"): ("", "your_request", "doctor_unavailable", "organisation"),
    ("cancellation", "reason"): ("", "doctor_unavailable", "request_withdrawn", "technical", "excused"),
    ("release", "missing_channel"): ("", "sms", "mail"),
    ("conclusion_to_insured", "result"): RESULTS,
    ("conclusion_to_insured", "effect"): ("", "benefits", "salary_top_up"),
    ("doctor_cancelled", "reason"): (
        "", "notice_missed", "request_withdrawn", "handed_over", "cannot_come", "technical",
    ),
    ("requester_status", "stage"): STAGES,
    ("requester_status", "result"): ("", *RESULTS),
}  # fmt: skip
_REQUIRED = ("organisation", "operator", "mail_from", "contact", "support_phone", "reference", "check_url", "link")
_MAY_BE_EMPTY = {("desk_alert", "reference"), ("requester_status", "link")}
_LENGTHS = {"organisation": 120, "operator": 120, "mandate": 400, "site_access": 500, "site_address": 400, "link": 400}
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_PHONE = re.compile(r"\+?[0-9][0-9 .()/-]{1,30}")
_TOKEN_PATH = re.compile(r".*/i/[A-Za-z0-9_-]{22}")


def check_fields(context: Letterhead) -> None:
    """Look at every value of a context. Raises `InvalidInput` whose `field` names the first that no message can carry."""
    for field in fields(context):
        value = getattr(context, field.name)
        _check_value(context.KIND, field.name, value)
    _check_one_domain(context)
    if isinstance(context, ForAppointment):
        _check_appointment(context)
    if isinstance(context, DeskDigest):
        _check_lines(context.lines)


def check_recipient(address: str) -> str:
    """An e-mail address that can stand in a header and an envelope. Raises `InvalidInput`."""
    if not _ADDRESS.fullmatch(address) or len(address) > 254 or not address.isascii():
        raise InvalidInput("not an e-mail address that mail can carry", field="recipient", code="address_invalid")
    return address


def _check_value(kind: str, name: str, value: Any) -> None:
    if isinstance(value, datetime):
        if value.tzinfo is None or value.utcoffset() is None:
            raise InvalidInput(f"{name} has no zone", field=name, code="naive_instant")
    elif isinstance(value, str):
        _check_text(kind, name, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        _check_number(name, value)


def _check_number(name: str, value: int) -> None:
    lowest, highest = (1, 24 * 60) if name == "duration_minutes" else (0, 2**31 - 1)
    if not lowest <= value <= highest:
        raise InvalidInput(f"{name} must be between {lowest} and {highest}", field=name)


def _check_text(kind: str, name: str, value: str) -> None:
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"} for character in value):
        raise InvalidInput(f"{name} holds a line break or a control character", field=name, code="control_character")
    if len(value) > _LENGTHS.get(name, 300):
        raise InvalidInput(f"{name} is too long", field=name, code="too_long")
    if not value.strip() and name in _REQUIRED and (kind, name) not in _MAY_BE_EMPTY:
        raise InvalidInput(f"{name} is empty", field=name, code="empty")
    if (kind, name) in _CODES and value not in _CODES[kind, name]:
        raise InvalidInput(f"{name} is not a known code", field=name, code="unknown_code")
    rule = _rule_of(name)
    if value and rule is not None and not rule(value):
        raise InvalidInput(f"{name} cannot stand in a message", field=name, code="impossible_value")


def _rule_of(name: str) -> Callable[[str], bool] | None:
    if name.endswith("_url") or name in {"link", "view_link"}:
        return _is_url
    return _RULES.get(name)


def _is_url(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in {"https", "http"} and bool(parts.hostname) and not re.search(r"[\s<>\"]", value)


_RULES: dict[str, Callable[[str], bool]] = {
    "mail_from": lambda value: bool(_ADDRESS.fullmatch(value)) and value.isascii(),
    "contact": lambda value: bool(_ADDRESS.fullmatch(value)) and value.isascii(),
    "accent": lambda value: bool(_COLOUR.fullmatch(value)),
    "support_phone": lambda value: bool(_PHONE.fullmatch(value)),
    "site_phone": lambda value: bool(_PHONE.fullmatch(value)),
    "zone": ZONES.__contains__,
    "doctor_zone": ZONES.__contains__,
    "insured_zone": ZONES.__contains__,
    "mode": MODES.__contains__,
    "reached_by": ("", "mail", "sms").__contains__,
    "task": lambda value: value in set(TaskKind),
    "code": lambda value: bool(re.fullmatch(r"[0-9]{6}", value)),
    "ics_uid": lambda value: bool(re.fullmatch(r"[A-Za-z0-9@._:-]{8,200}", value)),
}


def _check_one_domain(context: Letterhead) -> None:
    """Every address of a message is on one domain: people learn it, and a second one looks like a fraud (`DOMAIN.md` §4)."""
    origins = {}
    for field in fields(context):
        value = getattr(context, field.name)
        if value and _rule_of(field.name) is _is_url:
            parts = urlsplit(value)
            origins[field.name] = (parts.scheme, parts.netloc)
    if len(set(origins.values())) > 1:
        raise InvalidInput("the addresses are not all on one domain", field=min(origins), code="several_domains")


def _check_appointment(context: ForAppointment) -> None:
    for name in ("link", "view_link"):
        value = getattr(context, name)
        if value and not _TOKEN_PATH.fullmatch(urlsplit(value).path):
            raise InvalidInput(f"{name} must end with /i/ and 22 characters", field=name, code="not_a_link")
    if context.view_link == context.link:
        raise InvalidInput(
            "the link of the calendar must not be the one that acts", field="view_link", code="same_link"
        )
    needs_place = context.mode == "surgery" or isinstance(context, InPersonConvocation)
    if needs_place and not (context.site_name.strip() and context.site_address.strip()):
        raise InvalidInput("an in-person appointment needs a place and its address", field="site_address", code="empty")
    if isinstance(context, InPersonConvocation) and context.mode != "surgery":
        raise InvalidInput("this message is for an appointment at a place", field="mode", code="impossible_value")


def _check_lines(lines: tuple[DeskLine, ...]) -> None:
    for line in lines:
        for field in fields(line):
            _check_value("desk_digest", field.name, getattr(line, field.name))
