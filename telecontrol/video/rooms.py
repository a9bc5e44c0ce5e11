"""Rooms: one open room per subject, with the instants between which it may be entered."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.config import VideoProvider as ProviderName
from telecontrol.errors import NotFound, WrongState
from telecontrol.video.models import CallRoom


async def ensure_room(
    session: AsyncSession,
    *,
    subject_id: uuid.UUID,
    opens_at: datetime,
    closes_at: datetime,
    provider: ProviderName,
    now: datetime,
) -> CallRoom:
    """The open room of `subject_id`, made if there is none, with these opening hours (aware instants).

    Two callers at once get the same room. Raises `ValueError` when it would close before it opens.
    """
    if closes_at <= opens_at:
        raise ValueError("a room closes after it opens")
    room = await find_room(session, subject_id=subject_id)
    if room is None:
        try:
            async with session.begin_nested():
                room = CallRoom(
                    subject_id=subject_id, provider=provider, opens_at=opens_at, closes_at=closes_at, created_at=now
                )
                session.add(room)
        except IntegrityError:
            # Somebody else made it between our look and our insert.
            room = await find_room(session, subject_id=subject_id)
            if room is None:
                raise
    if (room.opens_at, room.closes_at) != (opens_at, closes_at):
        room.opens_at, room.closes_at = opens_at, closes_at
    return room


async def find_room(session: AsyncSession, *, subject_id: uuid.UUID) -> CallRoom | None:
    """The open room of a subject."""
    found: CallRoom | None = await session.scalar(
        select(CallRoom).where(CallRoom.subject_id == subject_id, CallRoom.closed_at.is_(None))
    )
    return found


async def get_room(session: AsyncSession, room_id: uuid.UUID) -> CallRoom:
    """The room, open or closed. Raises `NotFound`."""
    room = await session.get(CallRoom, room_id)
    if room is None:
        raise NotFound("no such room", code="room_unknown")
    return room


async def close_room(session: AsyncSession, *, subject_id: uuid.UUID, now: datetime) -> uuid.UUID | None:
    """Close the subject's open room for good; its id, or None when there was none. A room closed at this same instant, by an
    earlier part of the same decision, is named again.

    Whoever is inside is told within seconds of the commit (`closing`); the provider's `close_room(room_id)` tells them at once.
    """
    room = await find_room(session, subject_id=subject_id)
    if room is None:
        closed: uuid.UUID | None = await session.scalar(
            select(CallRoom.id).where(CallRoom.subject_id == subject_id, CallRoom.closed_at == now).limit(1)
        )
        return closed
    room.closed_at = now
    return room.id


def check_may_enter(room: CallRoom, *, now: datetime, is_running: bool = False) -> None:
    """Raise `WrongState` (`room_closed`, `room_not_open`, `room_over`) when nobody may enter now.

    A call that runs over its hour is not cut: with `is_running` the closing instant does not count.
    """
    if room.closed_at is not None:
        raise WrongState("the room is closed", code="room_closed")
    if now < room.opens_at:
        raise WrongState("the room is not open yet", code="room_not_open", opens_at=room.opens_at.isoformat())
    if now > room.closes_at and not is_running:
        raise WrongState("the room's hour is over", code="room_over")
