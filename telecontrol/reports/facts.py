"""What the call's own evidence adds to the circumstances that a doctor records: arrivals and problems are not left to memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.reports.circumstances import Circumstances
from telecontrol.scheduling.models import Appointment
from telecontrol.video.attendance import attendance
from telecontrol.video.models import CallRoom, PresenceSpan, Role

_SIGN_OF_LIFE = timedelta(minutes=2)


async def with_evidence(session: AsyncSession, appointment: Appointment, circumstances: Circumstances) -> Circumstances:
    """The doctor's facts with those of the waiting room and the call; the earlier of two arrivals holds."""
    seen = await attendance(session, subject_id=appointment.id)
    problems = {*circumstances.technical_problem_at, *(problem.at for problem in seen.technical_problems)}
    return replace(
        circumstances,
        arrived_at=_earliest(circumstances.arrived_at, seen.arrived_at),
        admitted_at=_earliest(circumstances.admitted_at, seen.admitted_at),
        technical_problem_at=tuple(sorted(problems)),
    )


async def is_call_going_on(session: AsyncSession, appointment: Appointment, *, now: datetime) -> bool:
    """Whether doctor and insured are both seated in the call, with a sign of life within the last minutes."""
    roles = await session.scalars(
        select(PresenceSpan.role)
        .join(CallRoom, CallRoom.id == PresenceSpan.room_id)
        .where(
            CallRoom.subject_id == appointment.id,
            PresenceSpan.ended_at.is_(None),
            PresenceSpan.last_seen_at >= now - _SIGN_OF_LIFE,
        )
    )
    return set(roles) == set(Role)


def _earliest(*instants: datetime | None) -> datetime | None:
    known: Iterable[datetime] = (instant for instant in instants if instant is not None)
    return min(known, default=None)
