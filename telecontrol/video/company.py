"""Who comes with the insured from a device of their own, and what the doctor said to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MOST_LISTED = 8
"""A link that went round must not fill the doctor's page."""


class CompanionState(StrEnum):
    WAITING = "waiting"
    IN = "in"
    """Let in by the doctor: seen and heard while the insured is in the call, and never without them."""
    OUT = "out"
    """Refused, or put out again."""


@dataclass(slots=True)
class Companion:
    """`socket` is 0 while their page is away."""

    name: str
    socket: int
    state: CompanionState = CompanionState.WAITING


def told(company: Mapping[str, Companion]) -> dict[str, Any]:
    """Those who are there, as the doctor's page is told of them."""
    here = [(companion, each) for companion, each in company.items() if each.socket]
    people = [{"id": companion, "name": each.name, "state": str(each.state)} for companion, each in here]
    return {"type": "company", "people": people}
