"""The call's record in words: every code has its own, and nothing else is told."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telecontrol.video.call_messages import ProblemCode
from telecontrol.video.models import AttendanceEvent, EventKind, EventSource, Role
from telecontrol.web.i18n import Translator, load_translators
from telecontrol.web.pages.doctor.connection_log import LONGEST, told_log

AT = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)


def event(kind: EventKind, role: Role = Role.INSURED, minutes: int = 0, **detail: Any) -> AttendanceEvent:
    at = AT + timedelta(minutes=minutes)
    return AttendanceEvent(room_id=uuid.uuid4(), role=role, event=kind, at=at, source=EventSource.SERVER, detail=detail)


@pytest.fixture(params=["fr", "en"])
def translator(request: pytest.FixtureRequest) -> Translator:
    return load_translators()[request.param]


def test_every_problem_has_words_of_its_own(translator: Translator) -> None:
    events = [
        event(EventKind.TECHNICAL_PROBLEM, code=str(code)) for code in ProblemCode if code is not ProblemCode.OTHER
    ]
    lines = told_log(events, translator)
    assert len({line.text for line in lines}) == len(events)
    assert all(line.is_problem for line in lines)
    assert "_" not in "".join(line.text for line in lines), "a code is not a word"


def test_every_event_has_words_and_what_is_unknown_is_told_as_it_is(translator: Translator) -> None:
    for kind in EventKind:
        lines = told_log([event(kind, role) for role in (Role.DOCTOR, Role.INSURED)], translator)
        assert len(lines) == (0 if kind is EventKind.WAITING else 2), kind
    (line,) = told_log([event(EventKind.TECHNICAL_PROBLEM, code="of a newer release", name="Nom")], translator)
    assert "newer" not in line.text
    assert "Nom" not in line.text


def test_a_long_story_is_told_by_its_end(translator: Translator) -> None:
    events = [event(EventKind.AWAY, minutes=number, reason="socket") for number in range(LONGEST + 20)]
    lines = told_log(events, translator)
    assert len(lines) == LONGEST
    assert lines[-1].at == AT + timedelta(minutes=LONGEST + 19)
