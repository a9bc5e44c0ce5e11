"""The LiveKit call: LiveKit's server carries pictures and sound, everything else passes through our own socket.

Waiting, admission, delay, presence and evidence are the same as with the built-in call, by the same state machine; its memory
is in the database (`telecontrol.video.live_calls`), so that any number of web processes serve one room.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from telecontrol import log
from telecontrol.clock import Clock, SystemClock
from telecontrol.config import Settings
from telecontrol.config import VideoProvider as ProviderName
from telecontrol.db.session import Database
from telecontrol.errors import NotFound, Unavailable
from telecontrol.video import ice, live_calls, livekit_hooks, reception, tickets, waiting
from telecontrol.video.call_effects import Start
from telecontrol.video.call_messages import Join
from telecontrol.video.call_state import GRACE_SECONDS, Call
from telecontrol.video.closing import ClosedRooms
from telecontrol.video.companion import CompanionSeat
from telecontrol.video.connection import Admission
from telecontrol.video.desk import Seated
from telecontrol.video.evidence import EvidenceWriter
from telecontrol.video.live_board import LOOK_SECONDS, LiveBoard, nothing
from telecontrol.video.live_connection import LiveConnection
from telecontrol.video.livekit_look import EVERY_SECONDS, LivekitLook
from telecontrol.video.livekit_server import MAX_PEOPLE, LivekitServer
from telecontrol.video.models import Role
from telecontrol.video.provider import ConnectionTest, Health, Presence, Ticket
from telecontrol.video.switchboard import Line, waiting_message
from telecontrol.video.tickets import Bearer

logger = log.get("telecontrol.video.livekit")


class LivekitProvider:
    """Implements `CallDesk`. One per process; `run()` while it serves, `aclose()` at the end."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        grace_seconds: float = GRACE_SECONDS,
        look_seconds: float = LOOK_SECONDS,
        list_seconds: float = EVERY_SECONDS,
        admit: Admission = waiting.admit,
    ) -> None:
        """`admit` writes an admission down: an upper package's own, where its rows have a say in it."""
        tickets.load()
        self._settings = settings
        self._database = database
        self._clock = clock
        self._real_clock = SystemClock()
        self._admit = admit
        self._evidence = EvidenceWriter(database)
        self._server = LivekitServer(settings)
        self._board = LiveBoard(
            database=database,
            clock=clock,
            machine=live_calls.Machine(has_relay=ice.has_relay(settings), grace=grace_seconds),
            look_seconds=look_seconds,
        )
        self._look = LivekitLook(
            board=self._board,
            server=self._server,
            database=database,
            evidence=self._evidence,
            every_seconds=list_seconds,
        )
        self._closed = ClosedRooms(database, live=self._board.held, tell=self._record_closed)

    # The provider's names.

    @property
    def name(self) -> ProviderName:
        return ProviderName.LIVEKIT

    @property
    def places(self) -> int:
        return MAX_PEOPLE

    def issue_ticket(self, room_id: uuid.UUID, role: Role, identity: str, *, now_real: datetime) -> Ticket:
        """A ticket to our socket. The one to LiveKit is handed out there, once the insured is admitted."""
        return self._ticket(Bearer(room_id, role, identity), now_real)

    def issue_connection_test(self, *, now_real: datetime) -> ConnectionTest:
        test = reception.connection_test(self._settings, now_real=now_real)
        return replace(test, media_url=self._settings.livekit_url)

    async def open_room(self, room_id: uuid.UUID) -> None:
        await self._server.create(room_id)

    async def close_room(self, room_id: uuid.UUID) -> None:
        """Close it in the database first, or they may come back. A LiveKit that is away is told by a later look."""
        await self._board.patiently(room_id, lambda call, now: call.finish(reason="closed", now=now))
        self._board.dismiss(room_id)
        await self._take_away(room_id)

    async def presence(self, room_id: uuid.UUID) -> Mapping[Role, Presence]:
        call = (await self._board.calls([room_id])).get(room_id) or Call()
        return {role: call.presence(role) for role in Role}

    async def health(self) -> Health:
        return await self._server.health()

    async def run(self) -> None:
        await self._board.run()
        await self._look.run()

    async def aclose(self) -> None:
        await self._closed.aclose()
        await self._look.aclose()
        await self._board.aclose()
        await self._evidence.aclose()
        await self._server.aclose()

    # For pages that admit over HTTP.

    async def evidence_written(self) -> None:
        await self._board.written()
        await self._evidence.flushed()

    async def tell_admitted(self, room_id: uuid.UUID) -> None:
        await self._board.patiently(room_id, nothing)

    async def tell_delay(self, room_id: uuid.UUID, *, minutes: int) -> None:
        await self._board.patiently(room_id, lambda call, _now: call.later(minutes))

    # For the socket and polling routes.

    async def enter(self, room_id: uuid.UUID, join: Join, line: Line) -> Seated:
        bearer = reception.bearer_for(self._settings, room_id, join.ticket)
        await self.evidence_written()
        is_insured = bearer.role is Role.INSURED and not bearer.is_companion
        call = (await self._board.calls([room_id])).get(room_id)
        stay, closes_at = await reception.arrive(
            self._database,
            room_id,
            is_insured=is_insured,
            is_going_on=lambda: call is not None and not call.is_empty,
            now=self._clock.now(),
        )
        if bearer.is_companion:
            return await self._accompany(bearer, join, line, closes_at)
        socket = self._board.plug(room_id, line, begin=lambda order: self._hand_over(bearer, order, line))
        self._closed.wake()
        since = stay.arrived_at if is_insured and stay is not None else None
        try:
            call = await self._board.act(
                room_id,
                lambda call, now: call.join(bearer.role, socket, join, now=now, since=since),
                begins=True,
                alive=(socket,),
            )
        except BaseException:
            self._board.unplug(room_id, socket)
            raise
        if stay is not None and is_insured and stay.delay_minutes and call is not None and not call.is_admitted:
            line.send({"type": "waiting", "delay_minutes": stay.delay_minutes})
        return LiveConnection(
            board=self._board,
            database=self._database,
            clock=self._clock,
            bearer=bearer,
            socket=socket,
            line=line,
            closes_at=closes_at,
            evidence=self._evidence,
            issue=self._ticket,
            admit=self._admit,
            prepare=lambda: self.open_room(room_id),
            finished=lambda: self._take_away(room_id),
            put_out=lambda companion: self._put_out(room_id, companion),
        )

    async def poll(self, room_id: uuid.UUID, token: str) -> dict[str, object]:
        reception.insured_for(self._settings, room_id, token)
        call = (await self._board.calls([room_id])).get(room_id)
        stay, _ = await reception.arrive(
            self._database,
            room_id,
            is_insured=True,
            is_going_on=lambda: call is not None and not call.is_empty,
            now=self._clock.now(),
        )
        if stay is None:
            raise NotFound("no such stay", code="room_unknown")
        return reception.poll_answer(stay)

    async def waiting_in(self, room_ids: list[uuid.UUID]) -> list[dict[str, object]]:
        found = await self._board.waiting_in(room_ids)
        return [waiting_message(room_id, found[room_id]) for room_id in room_ids]

    def watched_rooms(self, tokens: list[str]) -> list[uuid.UUID]:
        return reception.watched_rooms(self._settings, tokens)

    def watch(self, room_ids: list[uuid.UUID], line: Line) -> Callable[[], None]:
        return self._board.watch(room_ids, line)

    # For LiveKit's callbacks.

    async def hear(self, body: bytes, authorization: str) -> None:
        """Take a callback in: once, whatever it says, and without waiting for what follows. Raises `Unauthorised`, `Forbidden`."""
        hook = livekit_hooks.verify(self._settings, body, authorization)
        async with self._database.transaction() as session:
            is_new = await livekit_hooks.keep(session, hook, now=self._clock.now())
        if is_new and hook.room_id is not None:
            self._board.keep(self._look_at(hook.room_id))

    async def _look_at(self, room_id: uuid.UUID) -> None:
        try:
            await self._look.look_at(room_id)
        except Unavailable:
            # The look that comes every 30 s makes up for it.
            return

    # Companions.

    def issue_companion_ticket(self, room_id: uuid.UUID, identity: str, *, name: str, now_real: datetime) -> Ticket:
        """A ticket to our socket for somebody who comes with the insured. `identity` as in `issue_ticket`; `name` is what the
        doctor is told of them, and goes no further than our socket."""
        return self._ticket(Bearer(room_id, Role.INSURED, identity, is_companion=True, label=name), now_real)

    async def _accompany(self, bearer: Bearer, join: Join, line: Line, closes_at: datetime) -> Seated:
        seat = CompanionSeat(
            board=self._board,
            clock=self._clock,
            bearer=bearer,
            join=join,
            line=line,
            closes_at=closes_at,
            has_relay=ice.has_relay(self._settings),
            issue=self._ticket,
            begin=lambda order: self._hand_over(bearer, order, line),
        )
        await seat.look()
        # Not before: who looks while nobody sits here goes to sleep.
        self._closed.wake()
        return seat

    # Inside.

    def _ticket(self, bearer: Bearer, now_real: datetime) -> Ticket:
        token, expires_at = tickets.issue(
            self._settings,
            room_id=bearer.room_id,
            role=bearer.role,
            identity=bearer.identity,
            now_real=now_real,
            is_companion=bearer.is_companion,
            label=bearer.label,
        )
        url = reception.socket_url(self._settings, bearer.room_id)
        return Ticket(token=token, url=url, ice_servers=[], expires_at=expires_at)

    async def _hand_over(self, bearer: Bearer, order: Start, line: Line) -> None:
        """The way into LiveKit's room, made anew if it went away meanwhile. Without it the page's watchdog goes on."""
        try:
            await self.open_room(bearer.room_id)
        except Unavailable as error:
            logger.warning("livekit.room_not_open", room_id=str(bearer.room_id), code=error.code)
        line.send({**order_of(order), **self._way_in(bearer)})
        logger.info("call.attempt", room_id=str(bearer.room_id), role=str(order.role), attempt=order.attempt)

    def _way_in(self, bearer: Bearer) -> dict[str, Any]:
        """What LiveKit's client needs: address, ticket, our relay where there is one, and the room's key if it is encrypted."""
        now_real = self._real_clock.now()
        token, _ = tickets.issue_media(self._settings, bearer, now_real=now_real)
        way = {"url": self._settings.livekit_url, "token": token}
        if self._settings.livekit_e2ee:
            way["key"] = room_key(self._settings, bearer.room_id)
        # The relay logs this name: the room's random id says nothing of anybody.
        servers = ice.ice_servers(self._settings, identity=f"{bearer.room_id}-{bearer.role}", now_real=now_real)
        return {"livekit": way, "ice_servers": servers}

    async def _record_closed(self, room_id: uuid.UUID) -> None:
        """Another hand closed the room in the record. A LiveKit that is slow to answer keeps no other room waiting."""
        await self._board.act(room_id, nothing)
        self._board.dismiss(room_id)
        self._board.keep(self._take_away(room_id))

    async def _put_out(self, room_id: uuid.UUID, companion: str) -> None:
        """What fails, or whoever comes back with the ticket in hand, is a later look's business."""
        try:
            await self._server.remove(room_id, f"{tickets.COMPANION}:{companion}")
        except Unavailable as error:
            logger.warning("livekit.not_put_out", room_id=str(room_id), code=error.code)

    async def _take_away(self, room_id: uuid.UUID) -> None:
        """Delete the room at LiveKit, and with it every ticket's worth. What fails is done by a later look."""
        try:
            await self._server.delete(room_id)
        except Unavailable as error:
            logger.warning("livekit.room_not_deleted", room_id=str(room_id), code=error.code)


def room_key(settings: Settings, room_id: uuid.UUID) -> str:
    """The key that encrypts one room's pictures and sound from browser to browser. LiveKit's server never sees it.

    It follows from our secret, so that every process hands out the same one and none is stored.
    """
    secret = settings.secret.get_secret_value().encode()
    return base64.urlsafe_b64encode(hmac.new(secret, b"call:" + room_id.bytes, hashlib.sha256).digest()).decode()


def order_of(order: Start) -> dict[str, Any]:
    """The order to start as pages read it, whoever carries the pictures."""
    return {
        "type": "start",
        "epoch": order.epoch,
        "attempt": order.attempt,
        "is_offerer": order.is_offerer,
        "ice_policy": "relay" if order.is_relay_only else "all",
        "peer_media": order.peer_media.model_dump(),
    }
