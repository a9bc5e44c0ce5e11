"""Calls kept in the database: the state machine of `call_state`, with a row for a memory.

Any process may act in any call. It locks the call's row, wakes the machine from it, lets it act, writes back what it now
remembers and what it asks to be done, and records the evidence, all in one short transaction. Effects are addressed to sockets;
whichever process holds a socket reads them from the row (`telecontrol.video.live_board`). Sockets are numbered by chance, so
that no two processes give the same number.

Ticks are the machine's seconds since 1970 here, as processes compare them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.video import rooms, waiting
from telecontrol.video.attendance import Fact, record_facts
from telecontrol.video.call_effects import Drop, Effect, Moment, Note, Send, Start
from telecontrol.video.call_messages import Media
from telecontrol.video.call_state import Call, Seat
from telecontrol.video.company import Companion
from telecontrol.video.models import LiveCall, Role

SILENT_SECONDS = 75.0
"""A socket of which its process has said nothing for so long is gone, and perhaps the process with it."""
_KEPT_REVISIONS = 100
"""A process that reads once a second is never so far behind."""
FORGOTTEN_AFTER = timedelta(minutes=10)
"""How long the row of a call that nobody is in stays, for processes that have not read its end."""

Deed = Callable[[Call, Moment], list[Effect]]
"""What happened, as the machine is told of it."""

_SEATS: TypeAdapter[dict[Role, Seat]] = TypeAdapter(dict[Role, Seat])
_COMPANY: TypeAdapter[dict[str, Companion]] = TypeAdapter(dict[str, Companion])

logger = log.get("telecontrol.video.call")


@dataclass(frozen=True, slots=True)
class Machine:
    """How calls are woken: the same for every process."""

    has_relay: bool
    grace: float

    def wake(self, state: dict[str, Any]) -> Call:
        call = Call(is_admitted=bool(state["is_admitted"]), has_relay=self.has_relay, grace=self.grace)
        call.epoch, call.attempt, call.has_failed = state["epoch"], state["attempt"], state["has_failed"]
        call.seats = _SEATS.validate_python(state["seats"], strict=False)
        # Rows of the release before know of no company.
        call.company = _COMPANY.validate_python(state.get("company", {}), strict=False)
        return call


def _asleep(call: Call, seen: dict[str, float]) -> dict[str, Any]:
    seats: dict[str, Any] = _SEATS.dump_python(call.seats, mode="json")
    return {
        "epoch": call.epoch,
        "attempt": call.attempt,
        "is_admitted": call.is_admitted,
        "has_failed": call.has_failed,
        "seats": seats,
        "company": _COMPANY.dump_python(call.company, mode="json"),
        "seen": seen,
    }


async def act(
    session: AsyncSession,
    room_id: uuid.UUID,
    deed: Deed,
    *,
    machine: Machine,
    now: Moment,
    begins: bool = False,
    alive: Iterable[int] = (),
) -> Call | None:
    """Let the machine of one room act; the call as it is now, or None where there is none.

    `begins` starts a call that is not going on. `alive` are sockets that have shown a sign of life. Whether the insured is
    admitted, and whether the room is closed for good, is what the record says: other hands write it.
    """
    row = await _locked(session, room_id, machine=machine, now=now, begins=begins)
    if row is None:
        return None
    call = machine.wake(row.state)
    seen: dict[str, float] = {**row.state["seen"], **{str(socket): now.tick for socket in alive}}
    align = await _as_recorded(session, room_id, call, now)
    effects = [*_lose_the_silent(call, seen, now), *align, *deed(call, now), *call.tick(now)]
    held = {str(seat.socket): now.tick for seat in call.seats.values() if seat.socket is not None}
    seen = {number: seen.get(number, tick) for number, tick in held.items()}
    row.state = _asleep(call, seen)
    due = [tick + SILENT_SECONDS for tick in seen.values()]
    row.due_tick = min([*due, *filter(None, [call.next_tick()])], default=None)
    row.changed_at = now.at
    await _carry_out(session, row, effects)
    return call


async def read(session: AsyncSession, room_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, LiveCall]:
    """The rows of these rooms that have one. One query."""
    found = await session.scalars(select(LiveCall).where(LiveCall.room_id.in_(list(room_ids))))
    return {row.room_id: row for row in found}


async def due(session: AsyncSession, *, tick: float) -> list[uuid.UUID]:
    """The rooms in which something is overdue: a seat kept long enough, a process that died."""
    return list(await session.scalars(select(LiveCall.room_id).where(LiveCall.due_tick <= tick)))


async def forget_ended(session: AsyncSession, *, now: Moment) -> None:
    """Drop the rows of calls that have been empty for a while."""
    await session.execute(
        delete(LiveCall).where(LiveCall.due_tick.is_(None), LiveCall.changed_at < now.at - FORGOTTEN_AFTER)
    )


def posts_after(row: LiveCall, revision: int) -> list[dict[str, Any]]:
    """What was asked to be done after a revision, in order."""
    return [post for post in row.posts if post["revision"] > revision]


def as_post(effect: Effect) -> dict[str, Any] | None:
    """An effect as it is kept for the process that holds its socket; None for what is no socket's business."""
    match effect:
        case Send(socket, message):
            return {"socket": socket, "send": message}
        case Drop(socket):
            return {"socket": socket, "drop": True}
        case Start():
            return {
                "socket": effect.socket,
                "start": {
                    "role": str(effect.role),
                    "epoch": effect.epoch,
                    "attempt": effect.attempt,
                    "is_offerer": effect.is_offerer,
                    "is_relay_only": effect.is_relay_only,
                    "peer_media": effect.peer_media.model_dump(),
                },
            }
        case _:
            return None


def as_start(socket: int, kept: dict[str, Any]) -> Start:
    """The order to start that `as_post` kept."""
    return Start(
        socket=socket,
        role=Role(kept["role"]),
        epoch=kept["epoch"],
        attempt=kept["attempt"],
        is_offerer=kept["is_offerer"],
        is_relay_only=kept["is_relay_only"],
        peer_media=Media.model_validate(kept["peer_media"]),
    )


async def _locked(
    session: AsyncSession, room_id: uuid.UUID, *, machine: Machine, now: Moment, begins: bool
) -> LiveCall | None:
    """The row, nobody else's until the transaction ends."""
    query = (
        select(LiveCall).where(LiveCall.room_id == room_id).with_for_update().execution_options(populate_existing=True)
    )
    row: LiveCall | None = await session.scalar(query)
    if row is None and begins:
        fresh = Call(has_relay=machine.has_relay, grace=machine.grace)
        try:
            async with session.begin_nested():
                row = LiveCall(room_id=room_id, revision=0, state=_asleep(fresh, {}), posts=[], changed_at=now.at)
                session.add(row)
        except IntegrityError:
            # The other side arrived between our look and our insert.
            row = await session.scalar(query)
    return row


async def _as_recorded(session: AsyncSession, room_id: uuid.UUID, call: Call, now: Moment) -> list[Effect]:
    stay = await waiting.current_stay(session, room_id=room_id)
    room = await rooms.get_room(session, room_id)
    if room.closed_at is not None and not call.is_empty:
        return call.finish(reason="closed", now=now)
    if stay is not None and stay.admitted_at is not None:
        return call.admit(now)
    return []


def _lose_the_silent(call: Call, seen: dict[str, float], now: Moment) -> list[Effect]:
    """Sockets whose process says nothing any more were lost when it last did."""
    effects: list[Effect] = []
    for seat in call.seats.values():
        last = None if seat.socket is None else seen.get(str(seat.socket))
        if seat.socket is not None and last is not None and now.tick - last >= SILENT_SECONDS:
            since = Moment(now.at - timedelta(seconds=now.tick - last), last)
            effects += call.lost(seat.socket, now=since)
    return effects


async def _carry_out(session: AsyncSession, row: LiveCall, effects: list[Effect]) -> None:
    notes = [effect for effect in effects if isinstance(effect, Note)]
    facts = [Fact(row.room_id, note.role, note.event, note.at, note.source, note.detail) for note in notes]
    await record_facts(session, facts)
    for note in notes:
        about = {key: value for key, value in note.detail.items() if key in {"reason", "code"}}
        logger.info("call.event", kind=str(note.event), room_id=str(row.room_id), role=str(note.role), **about)
    posts = [post for post in map(as_post, effects) if post is not None]
    if posts or len(effects) > len(notes):
        row.revision += 1
        kept = [post for post in row.posts if post["revision"] > row.revision - _KEPT_REVISIONS]
        row.posts = [*kept, *({"revision": row.revision, **post} for post in posts)]
    await session.flush()
