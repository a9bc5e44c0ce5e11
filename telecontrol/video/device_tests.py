"""What a device test found, for the page of whoever made it, the doctor who will receive them, and support."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.video.models import DeviceTest


def result_of(test: DeviceTest | None) -> str:
    """`untested`, `ready` or `problem`: the codes that pages put into words."""
    if test is None:
        return "untested"
    return "problem" if test.problem else "ready"


async def record_test(session: AsyncSession, *, subject_id: uuid.UUID, problem: str, now: datetime) -> DeviceTest:
    """Keep the result of a test. `problem` is a code from the closed list, empty when everything worked."""
    test = DeviceTest(subject_id=subject_id, tested_at=now, problem=problem)
    session.add(test)
    await session.flush()
    return test


async def latest_tests(session: AsyncSession, subject_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, DeviceTest]:
    """The latest test of each of these subjects that has one. One query."""
    found = await session.scalars(
        select(DeviceTest).where(DeviceTest.subject_id.in_(list(subject_ids))).order_by(DeviceTest.tested_at)
    )
    return {test.subject_id: test for test in found}
