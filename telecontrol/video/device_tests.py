"""What a device test found, for the page of whoever made it, the doctor who will receive them, and support.

A test is a few steps, each with one answer from a closed list: nothing in it names a device, an address or a network.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.errors import InvalidInput
from telecontrol.video.call_messages import ProblemCode
from telecontrol.video.models import DeviceTest


class Step(StrEnum):
    """The steps of a test, in their order."""

    BROWSER = "browser"
    CAMERA = "camera"
    MICROPHONE = "microphone"
    SPEAKER = "speaker"
    CONNECTION = "connection"


class Route(StrEnum):
    """How pictures would travel from here."""

    DIRECT = "direct"
    RELAY = "relay"
    """Only by the service's own relay: slower to begin, and good enough."""
    NONE = "none"


class Finding(StrEnum):
    """A test in one word: what a doctor or the desk must know of it."""

    UNTESTED = "untested"
    UNFINISHED = "unfinished"
    BROWSER_UNFIT = "browser_unfit"
    NO_CONNECTION = "no_connection"
    NO_MICROPHONE = "no_microphone"
    MICROPHONE_SILENT = "microphone_silent"
    SOUND_NOT_HEARD = "sound_not_heard"
    SOUND_ONLY = "sound_only"
    RELAY_ONLY = "relay_only"
    PROBLEM = "problem"
    """A test of an older release found something that is not in this list."""
    READY = "ready"


WORKS = frozenset({Finding.READY, Finding.RELAY_ONLY, Finding.SOUND_ONLY})
"""With these the call can be held as it is."""

OK = "ok"
_P = ProblemCode
_UNFIT = frozenset({_P.UNSUPPORTED, _P.INSECURE_CONTEXT, _P.IN_APP_BROWSER})
_DEVICE = frozenset({_P.REFUSED_BY_BROWSER, _P.REFUSED_BY_SYSTEM, _P.DEVICE_BUSY, _P.NO_DEVICE, _P.OTHER, *_UNFIT})
_ANSWERS: dict[Step, frozenset[str]] = {
    Step.BROWSER: frozenset({OK, *_UNFIT}),
    Step.CAMERA: frozenset({OK, "no_picture", _P.NO_CAMERA, *_DEVICE}),
    Step.MICROPHONE: frozenset({OK, _P.MICROPHONE_SILENT, _P.NO_MICROPHONE, *_DEVICE}),
    Step.SPEAKER: frozenset({OK, "not_heard", _P.SOUND_BLOCKED}),
    Step.CONNECTION: frozenset({OK, "socket_blocked", "media_blocked", "unavailable"}),
}
"""What each step may answer. `unavailable`: the service itself did not answer, which says nothing of the person's network."""
_OLDER = {
    "": Finding.READY,
    _P.MICROPHONE_SILENT: Finding.MICROPHONE_SILENT,
    _P.NO_MICROPHONE: Finding.NO_MICROPHONE,
    _P.NO_CAMERA: Finding.SOUND_ONLY,
    _P.SOUND_BLOCKED: Finding.SOUND_NOT_HEARD,
    _P.IN_APP_BROWSER: Finding.BROWSER_UNFIT,
    _P.INSECURE_CONTEXT: Finding.BROWSER_UNFIT,
    _P.UNSUPPORTED: Finding.BROWSER_UNFIT,
}


def finding_of(test: DeviceTest | None) -> Finding:
    """The one word for a test: the first thing that would spoil the call, in the order in which it would."""
    if test is None:
        return Finding.UNTESTED
    if not test.steps:
        return _OLDER.get(test.problem, Finding.PROBLEM)
    found = {step: str(test.steps.get(step, "")) for step in Step}
    if found[Step.BROWSER] not in ("", OK):
        return Finding.BROWSER_UNFIT
    if found[Step.CONNECTION] in ("socket_blocked", "media_blocked"):
        return Finding.NO_CONNECTION
    if found[Step.MICROPHONE] not in ("", OK):
        is_silent = found[Step.MICROPHONE] == _P.MICROPHONE_SILENT
        return Finding.MICROPHONE_SILENT if is_silent else Finding.NO_MICROPHONE
    if found[Step.SPEAKER] not in ("", OK):
        return Finding.SOUND_NOT_HEARD
    if found[Step.CAMERA] not in ("", OK):
        return Finding.SOUND_ONLY
    if OK not in found.values() or "" in found.values() or found[Step.CONNECTION] != OK:
        return Finding.UNFINISHED
    return Finding.RELAY_ONLY if test.route == Route.RELAY else Finding.READY


def result_of(test: DeviceTest | None) -> str:
    """`untested`, `ready` or `problem`: whether there is something to put right before the day."""
    finding = finding_of(test)
    if finding in (Finding.UNTESTED, Finding.UNFINISHED):
        return "untested"
    return "ready" if finding in WORKS else "problem"


async def record_test(
    session: AsyncSession, *, subject_id: uuid.UUID, steps: Mapping[str, str], route: str, now: datetime
) -> DeviceTest:
    """Keep what a test found. Steps that were not reached are left out.

    Raises `InvalidInput` for a step, an answer or a route outside the closed lists.
    """
    known = {step: steps[step] for step in Step if step in steps}
    if len(known) != len(steps) or any(answer not in _ANSWERS[step] for step, answer in known.items()):
        raise InvalidInput("not what a test of a device can find", field="steps")
    if route and route not in set(Route):
        raise InvalidInput("not a way that pictures travel", field="route")
    problem = next((str(answer) for answer in known.values() if answer != OK), "")
    plain = {str(step): str(answer) for step, answer in known.items()}
    test = DeviceTest(subject_id=subject_id, tested_at=now, problem=problem, steps=plain, route=route)
    session.add(test)
    await session.flush()
    return test


async def latest_tests(session: AsyncSession, subject_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, DeviceTest]:
    """The latest test of each of these subjects that has one. One query."""
    found = await session.scalars(
        select(DeviceTest).where(DeviceTest.subject_id.in_(list(subject_ids))).order_by(DeviceTest.tested_at)
    )
    return {test.subject_id: test for test in found}
