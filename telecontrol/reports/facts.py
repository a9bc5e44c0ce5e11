"""What the call's own evidence adds to the circumstances that a doctor records: arrivals and problems are not left to memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.policies import Mode
from telecontrol.reports.absences import waited_until
from telecontrol.reports.circumstances import Circumstances
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.models import Appointment
from telecontrol.video.attendance import SIGN_OF_LIFE, attendance, presence
from telecontrol.video.models import CallRoom, PresenceSpan, Role

_RELOADED = timedelta(minutes=2)
"""A page that is loaded again, or a line that drops for a moment, does not interrupt a wait (choice)."""
_ON_TIME = timedelta(minutes=1)
"""A doctor who comes within this waited from the start (choice)."""


async def with_evidence(session: AsyncSession, appointment: Appointment, circumstances: Circumstances) -> Circumstances:
    """The doctor's facts with those of the waiting room and the call, and an absence that was announced; the earlier of two
    arrivals holds, and a statement that somebody was seen gives way to the record of it.
    """
    seen = await attendance(session, subject_id=appointment.id)
    problems = {*circumstances.technical_problem_at, *(problem.at for problem in seen.technical_problems)}
    admitted_at = _earliest(circumstances.admitted_at, seen.admitted_at)
    has_record = admitted_at is not None or appointment.mode is not Mode.VIDEO
    return replace(
        circumstances,
        arrived_at=_earliest(circumstances.arrived_at, seen.arrived_at),
        admitted_at=admitted_at,
        seen_without_record=None if has_record else circumstances.seen_without_record,
        announced_absent_at=appointment.announced_at,
        technical_problem_at=tuple(sorted(problems)),
    )


async def with_wait(
    session: AsyncSession, dossier: Dossier, circumstances: Circumstances, *, now: datetime
) -> Circumstances:
    """The facts of an absence with the doctor's wait. By video it is what the service saw: the doctor in the room until the end
    of the waiting time. Where it did not see that, only a wait with `waited_how`, the doctor's own statement, is left standing.
    """
    appointment = dossier.appointment
    if appointment.mode is not Mode.VIDEO:
        return circumstances
    stays = await presence(session, subject_id=appointment.id, role=Role.DOCTOR, now=now)
    wait = wait_seen(stays, begins=appointment.starts_at, ends=waited_until(dossier))
    if wait is None:
        stated = circumstances.waited_until if circumstances.waited_how is not None else None
        return replace(circumstances, waited_from=None, waited_until=stated)
    came_late = wait[0] - appointment.starts_at > _ON_TIME
    return replace(
        circumstances, waited_from=wait[0] if came_late else None, waited_until=min(wait[1], now), waited_how=None
    )


def wait_seen(
    stays: Sequence[tuple[datetime, datetime]], *, begins: datetime, ends: datetime
) -> tuple[datetime, datetime] | None:
    """The one stay in the room that lasts until the end of the waiting time, from `begins` at the earliest; None when there is
    none. Pure; `stays` are in order.
    """
    run: tuple[datetime, datetime] | None = None
    for since, until in stays:
        joins = run is not None and since - run[1] <= _RELOADED
        if run is not None and run[1] >= ends and not joins:
            break
        run = (run[0], max(run[1], until)) if run is not None and joins else (since, until)
    if run is None or not run[0] < ends <= run[1]:
        return None
    return max(run[0], begins), run[1]


async def is_call_going_on(session: AsyncSession, appointment: Appointment, *, now: datetime) -> bool:
    """Whether doctor and insured are both seated in the call, with a sign of life within the last minutes."""
    roles = await session.scalars(
        select(PresenceSpan.role)
        .join(CallRoom, CallRoom.id == PresenceSpan.room_id)
        .where(
            CallRoom.subject_id == appointment.id,
            PresenceSpan.ended_at.is_(None),
            PresenceSpan.last_seen_at >= now - SIGN_OF_LIFE,
        )
    )
    return set(roles) == set(Role)


def _earliest(*instants: datetime | None) -> datetime | None:
    known: Iterable[datetime] = (instant for instant in instants if instant is not None)
    return min(known, default=None)
