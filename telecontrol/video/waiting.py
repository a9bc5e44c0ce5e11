"""The waiting room, in the database: it is evidence that the insured came."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.errors import WrongState
from telecontrol.video.models import AttendanceEvent, CallRoom, EventKind, EventSource, Role, WaitingEntry

STILL_THERE = timedelta(seconds=60)
"""A page shows a sign of life every 10 to 20 s: after this it has probably gone."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits. `is_there` is false when their page has given no sign of life for a minute."""

    room_id: uuid.UUID
    subject_id: uuid.UUID
    since: datetime
    last_seen_at: datetime
    delay_minutes: int | None
    is_there: bool


async def arrive(
    session: AsyncSession, *, room_id: uuid.UUID, now: datetime, role: Role = Role.INSURED
) -> WaitingEntry:
    """Record that the role's page reached the room; the open stay if there is one, so a reload keeps its admission."""
    entry = await current_stay(session, room_id=room_id, role=role)
    if entry is not None:
        entry.last_seen_at = max(entry.last_seen_at, now)
        return entry
    earlier = await session.scalar(
        select(WaitingEntry.id).where(WaitingEntry.room_id == room_id, WaitingEntry.role == role).limit(1)
    )
    try:
        async with session.begin_nested():
            entry = WaitingEntry(room_id=room_id, role=role, arrived_at=now, last_seen_at=now)
            session.add(entry)
    except IntegrityError:
        # Their other tab arrived between our look and our insert.
        entry = await current_stay(session, room_id=room_id, role=role)
        if entry is None:
            raise
        return entry
    if earlier is None:
        session.add(_event(room_id, role, EventKind.ARRIVED, now))
    session.add(_event(room_id, role, EventKind.WAITING, now))
    return entry


async def current_stay(session: AsyncSession, *, room_id: uuid.UUID, role: Role = Role.INSURED) -> WaitingEntry | None:
    """The stay that has not ended."""
    found: WaitingEntry | None = await session.scalar(
        select(WaitingEntry).where(
            WaitingEntry.room_id == room_id, WaitingEntry.role == role, WaitingEntry.left_at.is_(None)
        )
    )
    return found


async def seen(session: AsyncSession, *, room_id: uuid.UUID, now: datetime, role: Role = Role.INSURED) -> None:
    """A sign of life of whoever waits or is in the call."""
    entry = await current_stay(session, room_id=room_id, role=role)
    if entry is not None:
        entry.last_seen_at = max(entry.last_seen_at, now)


async def admit(session: AsyncSession, *, room_id: uuid.UUID, by: str, now: datetime) -> WaitingEntry:
    """The doctor lets the insured in; a second time changes nothing. Raises `WrongState` when nobody has arrived.

    `by` is the doctor's identity as in their ticket (an id, not a name).
    """
    entry = await current_stay(session, room_id=room_id)
    if entry is None:
        raise WrongState("nobody waits in this room", code="nobody_waits")
    if entry.admitted_at is None:
        entry.admitted_at = now
        entry.admitted_by = by
        entry.delay_minutes = None
        session.add(_event(room_id, Role.INSURED, EventKind.ADMITTED, now))
    return entry


async def ask_to_wait(session: AsyncSession, *, room_id: uuid.UUID, minutes: int, now: datetime) -> WaitingEntry:
    """The doctor saw them and asks for about `minutes` more. Raises `WrongState` when nobody waits."""
    entry = await current_stay(session, room_id=room_id)
    if entry is None or entry.admitted_at is not None:
        raise WrongState("nobody waits in this room", code="nobody_waits")
    entry.delay_minutes = minutes
    session.add(_event(room_id, Role.INSURED, EventKind.ADMISSION_REFUSED, now, minutes=minutes))
    return entry


async def leave(session: AsyncSession, *, room_id: uuid.UUID, now: datetime, role: Role = Role.INSURED) -> None:
    """End the present stay, and with it the admission: whoever comes back waits again. `now` is when they were last there."""
    entry = await current_stay(session, room_id=room_id, role=role)
    if entry is not None:
        entry.last_seen_at = max(entry.last_seen_at, now)
        entry.left_at = max(entry.arrived_at, now)


async def who_waits(
    session: AsyncSession, subject_ids: Iterable[uuid.UUID], *, now: datetime
) -> dict[uuid.UUID, Waiting]:
    """Of these subjects, those whose insured has arrived and is not admitted yet, by subject id. One query."""
    rows = await session.execute(
        select(WaitingEntry, CallRoom.subject_id)
        .join(CallRoom, CallRoom.id == WaitingEntry.room_id)
        .where(
            CallRoom.subject_id.in_(list(subject_ids)),
            CallRoom.closed_at.is_(None),
            WaitingEntry.role == Role.INSURED,
            WaitingEntry.left_at.is_(None),
            WaitingEntry.admitted_at.is_(None),
        )
    )
    return {
        subject_id: Waiting(
            room_id=entry.room_id,
            subject_id=subject_id,
            since=entry.arrived_at,
            last_seen_at=entry.last_seen_at,
            delay_minutes=entry.delay_minutes,
            is_there=now - entry.last_seen_at <= STILL_THERE,
        )
        for entry, subject_id in rows
    }


async def stays_in(session: AsyncSession, room_ids: Iterable[uuid.UUID]) -> list[WaitingEntry]:
    """The insured's present stays in these rooms, admitted or not; nobody stays in a closed one. One query."""
    found = await session.scalars(
        select(WaitingEntry)
        .join(CallRoom, CallRoom.id == WaitingEntry.room_id)
        .where(
            WaitingEntry.room_id.in_(list(room_ids)),
            CallRoom.closed_at.is_(None),
            WaitingEntry.role == Role.INSURED,
            WaitingEntry.left_at.is_(None),
        )
    )
    return list(found)


def _event(room_id: uuid.UUID, role: Role, event: EventKind, now: datetime, **detail: int | str) -> AttendanceEvent:
    return AttendanceEvent(
        room_id=room_id, role=role, event=event, at=now, source=EventSource.SERVER, detail=dict(detail)
    )
