"""Who was there: facts written as they happen, and the summary that other packages read."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.video import waiting
from telecontrol.video.models import (
    AttendanceEvent,
    CallRoom,
    EventKind,
    EventSource,
    PresenceSpan,
    Role,
    WaitingEntry,
)

SIGN_OF_LIFE = timedelta(minutes=2)
"""Pages show one every 10 to 20 s: after this long without, the page has gone."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened in a room. Without `event` it is only a sign of life.

    `detail` holds codes and numbers; whoever makes a fact from what a browser said takes them from a closed list.
    """

    room_id: uuid.UUID
    role: Role
    event: EventKind | None
    at: datetime
    source: EventSource = EventSource.SERVER
    detail: dict[str, Any] = field(default_factory=dict)


async def record_facts(session: AsyncSession, facts: Iterable[Fact]) -> None:
    """Write facts in the order they happened: events, stays in the call, signs of life."""
    for fact in facts:
        if fact.event is not None:
            session.add(
                AttendanceEvent(
                    room_id=fact.room_id,
                    role=fact.role,
                    event=fact.event,
                    at=fact.at,
                    source=fact.source,
                    detail=fact.detail,
                )
            )
        await _keep_span(session, fact)
        if fact.role is Role.INSURED:
            if fact.event is EventKind.LEFT:
                await waiting.leave(session, room_id=fact.room_id, now=fact.at)
            else:
                await waiting.seen(session, room_id=fact.room_id, now=fact.at)
        await session.flush()


async def _keep_span(session: AsyncSession, fact: Fact) -> None:
    span = await session.scalar(
        select(PresenceSpan).where(
            PresenceSpan.room_id == fact.room_id, PresenceSpan.role == fact.role, PresenceSpan.ended_at.is_(None)
        )
    )
    if fact.event is EventKind.JOINED:
        if span is not None:
            # The process that opened it died: it lasted until its last sign of life.
            span.ended_at = span.last_seen_at
            await session.flush()
        session.add(PresenceSpan(room_id=fact.room_id, role=fact.role, began_at=fact.at, last_seen_at=fact.at))
    elif span is not None:
        span.last_seen_at = max(span.last_seen_at, fact.at)
        if fact.event is EventKind.LEFT:
            span.ended_at = max(span.began_at, fact.at)


@dataclass(frozen=True, slots=True)
class TechnicalProblem:
    """`code` is from a closed list (`camera_refused`, `no_media`, …)."""

    role: Role
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Attendance:
    """What the call's own evidence says of one subject. Instants aware, UTC.

    It is a hint with proof, never a conclusion: an insured who `had_arrived` is not absent, and a technical problem is
    not an absence either (PROMISES P17).
    """

    arrived_at: datetime | None
    """First time the insured's page reached the room."""
    waited: timedelta
    """Time between arriving and being admitted (or leaving), over all stays."""
    admitted_at: datetime | None
    doctor_joined_at: datetime | None
    both_present_seconds: float
    media_flowed: bool
    """Each of the two pages decoded what the other sent, at least once."""
    last_seen_at: datetime | None
    """Last sign of life of the insured's page."""
    technical_problems: tuple[TechnicalProblem, ...]

    @property
    def had_arrived(self) -> bool:
        return self.arrived_at is not None


async def attendance(session: AsyncSession, *, subject_id: uuid.UUID) -> Attendance:
    """The summary for one subject over all its rooms, closed ones too. Three queries."""
    of_subject = select(CallRoom.id).where(CallRoom.subject_id == subject_id)
    stays = (await session.scalars(select(WaitingEntry).where(WaitingEntry.room_id.in_(of_subject)))).all()
    spans = (await session.scalars(select(PresenceSpan).where(PresenceSpan.room_id.in_(of_subject)))).all()
    events = (
        await session.scalars(
            select(AttendanceEvent).where(AttendanceEvent.room_id.in_(of_subject)).order_by(AttendanceEvent.at)
        )
    ).all()
    insured_stays = [stay for stay in stays if stay.role is Role.INSURED]
    doctor_spans = [span for span in spans if span.role is Role.DOCTOR]
    insured_spans = [span for span in spans if span.role is Role.INSURED]
    return Attendance(
        arrived_at=min((stay.arrived_at for stay in insured_stays), default=None),
        waited=sum((_waited(stay) for stay in insured_stays), timedelta(0)),
        admitted_at=min((stay.admitted_at for stay in insured_stays if stay.admitted_at), default=None),
        doctor_joined_at=min((span.began_at for span in doctor_spans), default=None),
        both_present_seconds=overlap(_intervals(doctor_spans), _intervals(insured_spans)).total_seconds(),
        media_flowed={event.role for event in events if event.event is EventKind.MEDIA_FLOWING} == set(Role),
        last_seen_at=max(
            [*(stay.last_seen_at for stay in insured_stays), *(span.last_seen_at for span in insured_spans)],
            default=None,
        ),
        technical_problems=tuple(
            TechnicalProblem(event.role, str(event.detail.get("code", "")), event.at)
            for event in events
            if event.event is EventKind.TECHNICAL_PROBLEM
        ),
    )


async def presence(
    session: AsyncSession, *, subject_id: uuid.UUID, role: Role, now: datetime
) -> list[tuple[datetime, datetime]]:
    """When `role` was in the subject's rooms, oldest first. A stay that is still open lasts until `now` while its page gives
    signs of life, else until the last of them. One query.
    """
    spans = await session.scalars(
        select(PresenceSpan)
        .join(CallRoom, CallRoom.id == PresenceSpan.room_id)
        .where(CallRoom.subject_id == subject_id, PresenceSpan.role == role)
        .order_by(PresenceSpan.began_at)
    )
    return [
        (span.began_at, span.ended_at or (now if now - span.last_seen_at <= SIGN_OF_LIFE else span.last_seen_at))
        for span in spans
    ]


async def arrived(session: AsyncSession, subject_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """When the insured first arrived, for those of `subject_ids` where they did. One query, for lists and sweeps."""
    rows = await session.execute(
        select(CallRoom.subject_id, WaitingEntry.arrived_at)
        .join(CallRoom, CallRoom.id == WaitingEntry.room_id)
        .where(CallRoom.subject_id.in_(list(subject_ids)), WaitingEntry.role == Role.INSURED)
    )
    first: dict[uuid.UUID, datetime] = {}
    for subject_id, arrived_at in rows:
        first[subject_id] = min(arrived_at, first.get(subject_id, arrived_at))
    return first


async def seated(
    session: AsyncSession, subject_ids: Iterable[uuid.UUID], *, role: Role, now: datetime
) -> set[uuid.UUID]:
    """Those of `subject_ids` in whose call `role` is, with a sign of life in the last minute. One query."""
    found = await session.scalars(
        select(CallRoom.subject_id)
        .join(PresenceSpan, PresenceSpan.room_id == CallRoom.id)
        .where(
            CallRoom.subject_id.in_(list(subject_ids)),
            CallRoom.closed_at.is_(None),
            PresenceSpan.role == role,
            PresenceSpan.ended_at.is_(None),
            PresenceSpan.last_seen_at >= now - waiting.STILL_THERE,
        )
    )
    return set(found)


async def timeline(session: AsyncSession, *, subject_id: uuid.UUID) -> list[AttendanceEvent]:
    """Every event of the subject's rooms, oldest first: the connection log."""
    found = await session.scalars(
        select(AttendanceEvent)
        .join(CallRoom, CallRoom.id == AttendanceEvent.room_id)
        .where(CallRoom.subject_id == subject_id)
    )
    order = list(EventKind)
    return sorted(found, key=lambda event: (event.at, order.index(event.event)))


def _intervals(spans: Sequence[PresenceSpan]) -> list[tuple[datetime, datetime]]:
    return [(span.began_at, span.ended_at or span.last_seen_at) for span in spans]


def overlap(first: Iterable[tuple[datetime, datetime]], second: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """How long some interval of each holds at once; the intervals of one side do not overlap each other."""
    others = list(second)
    shared = (min(a_end, b_end) - max(a_start, b_start) for a_start, a_end in first for b_start, b_end in others)
    return sum((length for length in shared if length > timedelta(0)), timedelta(0))


def _waited(stay: WaitingEntry) -> timedelta:
    return (stay.admitted_at or stay.left_at or stay.last_seen_at) - stay.arrived_at
